"""Random functions of at least 40 operations, as source text of plain numpy, and what must hold for each.

`python -m tests.random_graphs --examples 200 --seed 1` checks as many as you have time for, and prints the
shortest beginning of a program that fails.
"""

from __future__ import annotations

import argparse
import random
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import symgrad as sg
from symgrad.graph import Function
from symgrad.tree import map_leaves
from symgrad.verify.check import verify_at
from symgrad.verify.oracle import expected, is_defined

if str(Path(__file__).parent) not in sys.path:  # as pytest does for the tests
    sys.path.insert(0, str(Path(__file__).parent))
from evaluate import evaluate

#: Whole numbers below a bound, from Hypothesis or from a generator.
Choose = Callable[[int], int]

OPERATIONS = 40
#: Points at which values are known to be moderate; the seeds that checks may use.
POINTS = 7
SIZES = {"n": 3, "d": 2}
SHAPES = {"s": "", "x": "n", "y": "d", "A": "n d", "B": "d d", "u": "1", "i": "n"}
FLOATS = tuple(name for name in SHAPES if name != "i")
BATCH = {"s": "...", "x": "...", "y": "..."}

#: Elementwise, of values of any shape; bounded arguments keep them finite and away from poles.
UNARY = (
    "np.tanh({0})", "np.sin({0})", "np.cos(0.7 * {0})", "np.arctan({0})", "np.exp(np.sin({0}))",
    "np.exp(-{0} * {0})", "np.log(1.5 + np.cos({0}))", "np.log1p({0} * {0})", "np.sqrt(1 + {0} ** 2)",
    "np.expm1(np.tanh({0}))", "np.arcsinh({0})", "np.arcsin(0.8 * np.sin({0}))", "sg.sigmoid({0})",
    "sg.softplus({0})", "sg.relu({0})", "np.abs({0} - 0.1)", "np.square({0})", "{0} ** 3 / (2 + {0} ** 2)",
    "-{0}", "1 - {0}", "2.5 * {0}", "{0} / 3", "np.where({0} > 0.137, {0}, 0.25 * {0})",
    "np.where({0} > 0.3, np.log(np.where({0} > 0.3, {0}, 1.0)), 0.5)",
    "np.where({0} > 0.2, np.sqrt(np.abs({0})), -{0})", "np.clip({0}, -0.71, 0.83)", "np.sinc(0.3 * {0})",
    "np.power(1.3 + np.sin({0}), 1.5)", "1 / (1.5 + np.cos({0}))", "np.cosh(np.sin({0}))",
    "np.log(1 + np.exp({0}))", "1 / (1 + np.exp(-{0}))", "np.cbrt(1.2 + np.sin({0}))", "np.exp2(np.cos({0}))",
)  # fmt: skip

#: Elementwise, of two values that broadcast.
BINARY = (
    "{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / (1.5 + np.cos({1}))", "np.maximum({0}, {1})",
    "np.minimum({0}, {1} + 0.1)", "np.logaddexp({0}, {1})", "np.arctan2({0}, 1.5 + np.sin({1}))",
    "np.hypot({0}, 1 + {1} ** 2)", "np.power(1.4 + np.tanh({0}), np.tanh({1}))",
    "np.where({0} > 0.171, {1}, {0})", "{0} * {1} + {1}", "{0} * ({0} - {1})",
    "np.sqrt({0} ** 2 + {1} ** 2 + 1)",
)  # fmt: skip

#: By the number of dimensions of the one operand; `{r}` is an axis.
BY_RANK: dict[int, tuple[str, ...]] = {
    0: ("{0}.reshape(1)", "np.broadcast_to({0}, x.shape)", "np.expand_dims({0}, 0)", "{0} * np.ones(3)"),
    1: (
        "{0}[::-1]", "{0}[1:]", "{0}[:-1]", "{0}[::2]", "{0}[::-2]", "{0}[-1]", "{0}[None, :]",
        "{0}[:, None]", "np.roll({0}, 1)", "np.concatenate([{0}, {0} * 0.5])", "np.tile({0}, 2)",
        "np.repeat({0}, 2)",
        "np.pad({0}, (1, 2))", "np.take({0}, [0, 1, 0])", "{0}[[1, 0, 0]]", "np.cumsum({0})",
        "np.cumprod(np.cos({0}))", "np.diff({0})", "sg.softmax({0})", "sg.log_softmax({0})", "np.sort({0})",
        "np.outer({0}, {0})", "np.diag({0})", "np.dot({0}, {0})", "sg.logsumexp({0})", "np.prod(np.cos({0}))",
        "np.var({0})", "np.max({0})", "{0}.min()", "{0}.sum(keepdims=True)", "np.mean({0})",
        "np.stack([{0}, -{0}])", "np.stack([{0}, {0} ** 2], axis=1)", "np.flip({0})", "np.ptp({0})",
        "np.std(np.concatenate([{0} * 0.1, [0.0, 1.0, 5.0]]))", "{0}[np.argsort({0})]",
    ),
    2: (
        "{0}.T", "{0}[1:]", "{0}[:, ::-1]", "{0}[::2, 1:]", "{0}[:, 0]", "{0}[-1]", "{0}.reshape(-1)",
        "np.ravel({0}.T)", "np.sum({0}, axis={r})", "np.mean({0}, axis={r}, keepdims=True)",
        "np.max({0}, axis={r})", "np.min({0}, axis={r}, keepdims=True)", "np.prod(np.cos({0}), axis={r})",
        "np.var({0}, axis={r})", "sg.logsumexp({0}, axis={r})", "sg.softmax({0}, axis={r})",
        "sg.log_softmax({0}, axis={r})", "np.cumsum({0}, axis={r})", "np.concatenate([{0}, {0}[:1]], axis=0)",
        "np.roll({0}, 1, axis={r})", "np.sort({0}, axis={r})", "{0} @ {0}.T", "{0}.T @ {0}",
        "np.einsum('ij,ij->i', {0}, {0})", "np.einsum('ij->j', {0})", "np.einsum('ij,kj->ik', {0}, {0})",
        "np.triu({0})", "np.tril({0}, -1)", "np.trace({0})", "np.diagonal({0})", "np.flip({0}, axis={r})",
        "np.repeat({0}, 2, axis={r})", "np.take({0}, [0, 0], axis={r})", "{0}[[0, 1, 1]]",
        "np.swapaxes({0}, 0, 1)", "{0}[:, None, :].sum(0)", "np.pad({0}, ((1, 0), (0, 1)))",
        "np.linalg.norm(0.4 + {0} ** 2, axis={r})", "np.diff({0}, axis={r})", "{0}.sum()",
        "np.cumprod(np.sin({0}), axis={r})", "np.stack([{0}, {0} * 2]).sum(axis=0)",
    ),
}  # fmt: skip

#: Of fixed operands, or of two values whose shapes happen to fit.
OTHER = (
    "{0} @ {1}", "np.outer({0}, {1})", "np.concatenate([{0}, {1}])", "np.dot({0}, {1})", "{0}.T @ {1}",
    "np.einsum('ij,j->i', {0}, {1})", "np.kron({0}, {1})", "np.tensordot({0}, {1}, 1)",
    "np.concatenate([{0}, {1}], axis=-1)", "np.stack([{0}, {1}])",
)  # fmt: skip
FIXED = (
    "np.take(x, i)", "A[i]", "sg.segment_sum(x, i, 3)", "A @ y", "x @ A", "x @ A @ y", "x[i]",
    "np.linalg.solve(B @ B.T + 2 * np.eye(2), y)", "np.linalg.inv(np.tanh(B) * 0.4 + 2 * np.eye(2))",
    "np.linalg.det(B + np.eye(2))", "np.linalg.norm(A, axis=1)", "np.linalg.norm(x)",
    "np.sum(x) / x.shape[0]", "B @ B @ y", "x[i] * x[::-1]", "np.linalg.slogdet(B @ B.T + np.eye(2))[1]",
)  # fmt: skip


@dataclass(frozen=True)
class Program:
    """Lines that assign `v0`, `v1`, ... from arguments and earlier values."""

    lines: tuple[str, ...]
    elementwise: bool
    #: The values that no line uses.
    ends: tuple[str, ...]

    @property
    def shapes(self) -> dict[str, Any]:
        if self.elementwise:
            return dict(BATCH)
        return {**SHAPES, "i": sg.array("n", dtype="int64")}

    def source(self, several: bool = False) -> str:
        """The function's text; a scalar result, or one with several arrays."""
        if several:
            result = f"({', '.join(self.ends[-3:])},)"
        elif self.elementwise:
            result = " + ".join(f"np.sin({end} + {k})" for k, end in enumerate(self.ends))
        else:
            result = " + ".join(f"np.mean(np.sin({end} + {k}))" for k, end in enumerate(self.ends))
        body = "\n".join(f"    {line}" for line in (*self.lines, f"return {result}"))
        return f"def f({', '.join(self.shapes)}):\n{body}\n"

    def function(self, several: bool = False) -> Callable[..., Any]:
        """As a user would have written it."""
        return _executed(self.source(several), {"np": np, "sg": sg})

    def trace(self, several: bool = False) -> Function:
        return sg.trace(self.function(several), **self.shapes)

    def beginning(self, count: int) -> Program:
        """The first lines only."""
        lines = self.lines[:count]
        return replace(self, lines=lines, ends=_ends(lines))

    def point(self, seed: int = 0) -> dict[str, Any]:
        """Numbers for the arguments: each a float32, so that the same point serves both precisions."""
        rng = np.random.default_rng(seed)
        values = {}
        for name, shape in self.shapes.items():
            if name == "i":
                values[name] = rng.integers(0, SIZES["d"], SIZES["n"])
            elif self.elementwise:
                values[name] = rng.uniform(-1.5, 1.5, {"s": (2, 3), "x": (3,), "y": (2, 1)}[name])
            else:
                values[name] = rng.uniform(-1.5, 1.5, tuple(SIZES.get(w) or int(w) for w in shape.split()))
            if name != "i":
                values[name] = np.asarray(values[name], np.float32).astype(np.float64)
        return values


def _executed(source: str, scope: dict[str, Any]) -> Callable[..., Any]:
    exec(compile(source, "<program>", "exec"), scope)
    function: Callable[..., Any] = scope["f"]
    return function


def _ends(lines: Sequence[str]) -> tuple[str, ...]:
    import re

    used = {word for line in lines for word in re.findall(r"v\d+", line.split(" = ", 1)[1])}
    return tuple(f"v{k}" for k in range(len(lines)) if f"v{k}" not in used)


# --- numpy's own answer, in the widest floats there are ------------------------------------------------

Wide = np.longdouble


def _softmax(x: Any, axis: int = -1) -> Any:
    shifted = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: int | None = None) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis))


def _segment_sum(x: Any, index: Any, count: int) -> Any:
    out = np.zeros((count, *x.shape[1:]), x.dtype)
    np.add.at(out, index, x)
    return out


def _solve(a: Any, b: Any) -> Any:
    return np.array([[a[1, 1], -a[0, 1]], [-a[1, 0], a[0, 0]]]) @ b / _det(a)


def _det(a: Any) -> Any:
    return a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]


WIDE_SG = types.SimpleNamespace(
    sigmoid=lambda x: 1 / (1 + np.exp(-x)),
    softplus=lambda x: np.logaddexp(x, 0),
    relu=lambda x: np.where(x > 0, x, 0),
    softmax=_softmax,
    log_softmax=lambda x, axis=-1: np.log(_softmax(x, axis)),
    logsumexp=_logsumexp,
    segment_sum=_segment_sum,
)


class _WideNumpy:
    """numpy, with the linear algebra of 2 by 2 matrices in any precision."""

    linalg = types.SimpleNamespace(
        norm=lambda x, axis=None: np.sqrt(np.sum(x * x, axis=axis)),
        solve=_solve,
        inv=lambda a: _solve(a, np.eye(2)),
        det=_det,
        slogdet=lambda a: (1.0, np.log(_det(a))),
    )

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def sinc(x: Any) -> Any:
        scaled = x * (4 * np.arctan(Wide(1)))
        return np.where(scaled == 0, 1, np.sin(scaled) / np.where(scaled == 0, 1, scaled))


def wide(program: Program, several: bool = False) -> Callable[..., Any]:
    """The program run by numpy itself, symgrad not involved."""
    return _executed(program.source(several), {"np": _WideNumpy(), "sg": WIDE_SG})


# --- drawing ------------------------------------------------------------------------------------------


def draw(choose: Choose, elementwise: bool) -> Program:
    """A program of at least 40 operations, values of moderate size."""
    program = Program((), elementwise, ())
    scopes = [
        {
            "np": _WideNumpy(), "sg": WIDE_SG,
            **{k: v.astype(Wide) if v.dtype.kind == "f" else v for k, v in program.point(seed).items()},
        }
        for seed in range(POINTS)
    ]  # fmt: skip
    lines: list[str] = []
    found: dict[str, tuple[Any, ...]] = {}

    def body(**arguments: Any) -> Any:
        symbols = {"np": np, "sg": sg, **arguments}
        found.update({name: v.shape for name, v in arguments.items() if name != "i"})
        failures = 0
        while len(lines) < 30 and failures < 200:
            expression = _expression(choose, found, elementwise)
            if expression is None or not _add(expression, lines, found, symbols, scopes):
                failures += 1
        return symbols[lines[-1].split(" = ")[0]]

    parameters = ", ".join(program.shapes)
    call = ", ".join(f"{name}={name}" for name in program.shapes)
    sg.trace(_executed(f"def f({parameters}):\n    return body({call})\n", {"body": body}), **program.shapes)
    return Program(tuple(lines), elementwise, _ends(lines))


def _expression(choose: Choose, found: dict[str, tuple[Any, ...]], elementwise: bool) -> str | None:
    names = list(found)

    def name() -> str:
        # Recent values more often: graphs get deep, and stay wide.
        return names[-1 - choose(min(6, len(names)))] if choose(3) else names[choose(len(names))]

    kind = choose(4 if elementwise else 10)
    first = name()
    if kind < 2:
        return UNARY[choose(len(UNARY))].format(first)
    if kind < 4:
        return BINARY[choose(len(BINARY))].format(first, name())
    if kind == 4:
        return OTHER[choose(len(OTHER))].format(first, name())
    if kind == 5:
        return FIXED[choose(len(FIXED))]
    forms = BY_RANK.get(len(found[first]))
    return forms[choose(len(forms))].format(first, r=choose(2)) if forms else None


def _add(
    expression: str, lines: list[str], found: dict[str, tuple[Any, ...]],
    symbols: dict[str, Any], scopes: list[dict[str, Any]],
) -> bool:  # fmt: skip
    """Append the line where shapes fit, the value is finite and not large; else tell so."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = [np.asarray(eval(expression, scope)) for scope in scopes]
    except (ValueError, IndexError, TypeError):
        return False
    if not 0 < values[0].size <= 12 or values[0].ndim > 2 or not np.isfinite(values).all():
        return False
    if np.abs(values).max() > 3:
        expression = f"np.tanh(0.3 * ({expression}))"
        values = [np.tanh(Wide(0.3) * value) for value in values]
    name = f"v{len(lines)}"
    try:
        symbol = eval(expression, symbols)
    except sg.ShapeError:
        return False  # sizes that are equal by chance
    symbols[name], found[name] = symbol, symbol.shape
    for scope, value in zip(scopes, values):
        scope[name] = value
    lines.append(f"{name} = {expression}")
    return True


# --- what must hold -----------------------------------------------------------------------------------

EPS = 2.0**-52


def arguments(function: Function, point: dict[str, Any], seed: int = 0) -> list[Any]:
    """The point, with cotangents and tangents for the parameters that a transform added."""
    rng = np.random.default_rng([seed, 5])
    sizes = {**SIZES}
    found = []
    for parameter in function.parameters:
        if parameter.name in point:
            found.append(point[parameter.name])
        else:
            found.append(map_leaves(lambda leaf: rng.uniform(-1, 1, _shape(leaf, sizes)), parameter.tree))
    return found


def _shape(leaf: Any, sizes: dict[str, int]) -> tuple[int, ...]:
    from symgrad.shapes import evaluate_shape

    return evaluate_shape(leaf.shape, sizes, (2, 3))


def flat(value: Any) -> list[Any]:
    """The arrays in nested tuples."""
    if isinstance(value, tuple):
        return [array for part in value for array in flat(part)]
    return [np.asarray(value)]


def has_size(program: Program) -> None:
    function = program.trace()
    assert sum(function.ops().values()) >= OPERATIONS


def agrees_with_numpy(program: Program) -> None:
    """The value of every output is what numpy itself computes from the program."""
    point = program.point(1)
    generated = sg.compile(program.trace(several=True))(*point.values())
    with np.errstate(all="ignore"):
        wanted = wide(program, several=True)(
            *[v.astype(Wide) if v.dtype.kind == "f" else v for v in point.values()]
        )
    for ours, theirs in zip(flat(generated), flat(wanted), strict=True):
        if program.elementwise:  # every result has the shape of all arguments together
            theirs = np.broadcast_to(theirs, (2, 3))
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs.astype(float), rtol=1e-11, atol=1e-12)


def agrees_with_sympy(program: Program, seed: int = 0) -> None:
    """Value and gradient, each element, against the 50-digit oracle."""
    function = sg.value_and_grad(program.trace())
    values = {name: [value] for name, value in program.point(seed).items()}
    verify_at(function, sg.compile(function), values, sizes=SIZES).raise_for_failure()


def agrees_with_differences(program: Program) -> None:
    """The gradient, each element, against differences of fourth order of numpy's own answer."""
    point = program.point(2)
    function = sg.grad(program.trace())
    gradient = dict(zip(function.result.fields, sg.compile(function)(*point.values())))
    f = wide(program)
    eps = float(np.finfo(Wide).eps)
    step = Wide(eps**0.25)
    lifted = {k: v.astype(Wide) if v.dtype.kind == "f" else v for k, v in point.items()}
    for name, ours in gradient.items():
        array = lifted[name]
        for index in [...] if program.elementwise else np.ndindex(*array.shape):
            wanted: Any = Wide(0)
            for shift, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
                moved = array.copy()
                moved[index] += shift * step
                value = f(**{**lifted, name: moved})
                wanted = wanted + weight * (value if program.elementwise else np.sum(value)) / (12 * step)
            got, wanted = np.asarray(ours)[index], np.asarray(wanted, float)
            allowed = 1e-7 * np.abs(wanted) + 1e3 * eps / float(step)
            right = np.abs(got - wanted) <= allowed
            assert right.all(), f"d/d{name}[{index}]: {got!r}, differences say {wanted!r}"


def simplify_keeps_values(program: Program) -> None:
    """Values and gradients with and without rewriting, within a few roundings of the terms in them."""
    function = sg.value_and_grad(program.trace())
    point = program.point(3)
    wanted = expected(function, {k: [v] for k, v in point.items()}, SIZES)
    given = {leaf: point[leaf.name] for leaf in function.input_nodes}
    simple = sg.simplify(function)
    for title, one in (("as written", function), ("simplified", simple)):
        with np.errstate(all="ignore"):
            results = evaluate(one.output_nodes, given)
        for ours, theirs in zip(results, wanted, strict=True):
            ours = np.broadcast_to(ours, theirs.shape)
            for value, number in zip(np.ravel(ours).tolist(), theirs.ravel().tolist()):
                assert is_defined(number)
                error = abs(float(number.value - value))
                scale = max(number.size, number.bound)
                assert error <= 8 * EPS * scale, f"{title}: off by {error / EPS / scale:.1f} roundings"


def is_transposed(program: Program) -> None:
    """The dot-product test: <v, J u> = <J'v, u>; and J' is linear."""
    f = program.trace(several=True)
    point = program.point(4)
    push, pull = sg.jvp(f), sg.vjp(f)
    pushing = arguments(push, point, 1)
    count = len(f.parameters)
    tangents = pushing[count:]
    _, moved = sg.compile(push)(*pushing)
    ct = arguments(pull, point, 2)[-1]
    other = arguments(pull, point, 3)[-1]
    run = sg.compile(pull)
    _, back = run(*point.values(), ct)
    left = [np.sum(v * ju) for v, ju in zip(flat(ct), flat(moved), strict=True)]
    right = [np.sum(g * u) for g, u in zip(flat(back), flat(tuple(tangents)), strict=True)]
    size = sum(np.sum(np.abs(v * ju)) for v, ju in zip(flat(ct), flat(moved)))
    size += sum(np.sum(np.abs(g * u)) for g, u in zip(flat(back), flat(tuple(tangents))))
    assert abs(sum(left) - sum(right)) <= 1e-12 * max(size, 1e-3)
    _, second = run(*point.values(), other)
    mixed = map_pair(lambda a, b: 2 * a - 3 * b, ct, other)
    _, both = run(*point.values(), mixed)
    for a, b, c in zip(flat(back), flat(second), flat(both), strict=True):
        scale = np.max(np.abs(2 * a) + np.abs(3 * b), initial=0.1)
        np.testing.assert_allclose(c, 2 * a - 3 * b, rtol=0, atol=1e-12 * scale)


def map_pair(combine: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if isinstance(a, tuple):
        return tuple(map_pair(combine, x, y) for x, y in zip(a, b))
    return combine(a, b)


def has_symmetric_hessian(program: Program) -> None:
    """<u, H v> = <v, H u>."""
    f = program.trace()
    product = sg.hvp(f)
    point = program.point(5)
    count = len(f.parameters)
    first, second = arguments(product, point, 1)[count:], arguments(product, point, 2)[count:]
    run = sg.compile(product)
    hu, hv = run(*point.values(), *first), run(*point.values(), *second)
    left = [np.sum(v * g) for v, g in zip(flat(tuple(second)), flat(tuple(hu)), strict=True)]
    right = [np.sum(u * g) for u, g in zip(flat(tuple(first)), flat(tuple(hv)), strict=True)]
    size = sum(map(abs, left)) + sum(map(abs, right))
    assert abs(sum(left) - sum(right)) <= 1e-10 * max(size, 1e-3)


def has_jacobians_of_products(program: Program) -> None:
    """A Jacobian and a Hessian, dense and sparse, times a vector: what jvp and hvp say without them."""
    if program.elementwise:
        return
    f, scalar = program.trace(several=True), program.trace()
    point = program.point(6)
    products = sg.jvp(f), sg.hvp(scalar)
    for product, made in zip(products, (sg.jacobian, sg.hessian)):
        given = arguments(product, point, 1)
        dots = given[len(point) :]
        result = sg.compile(product)(*given)
        wanted = flat(result[1] if made is sg.jacobian else tuple(result))
        base = f if made is sg.jacobian else scalar
        for options in ({}, {"sparse": True}, {"mode": "forward"}):
            rows = sg.compile(made(base, **options))(*point.values())
            rows = rows if made is sg.hessian or isinstance(f.result, tuple) else (rows,)
            for row, want in zip(rows, wanted, strict=True):
                terms = [
                    _times(part, dot, want, "sparse" in options) for part, dot in zip(row, dots, strict=True)
                ]
                size = sum([np.abs(term).max(initial=0) for term in terms])
                np.testing.assert_allclose(
                    sum(terms), want, rtol=0, atol=1e-11 * max(size, 1e-2), err_msg=f"{options}"
                )


def _times(part: Any, dot: Any, like: Any, sparse: bool) -> Any:
    """A block of a Jacobian, or its data, rows and columns, times an argument's tangent."""
    if not sparse:
        return np.tensordot(part, dot, np.ndim(dot))
    data, row, column = part
    return np.bincount(row, data * np.ravel(dot)[column], np.size(like)).reshape(np.shape(like))


def keeps_float32(program: Program) -> None:
    """float32 in, float32 out, and about the same numbers."""
    function = sg.value_and_grad(program.trace())
    point = program.point(6)
    run = sg.compile(function)
    narrow = run(*[v.astype(np.float32) if v.dtype.kind == "f" else v for v in point.values()])
    for ours, theirs in zip(flat(narrow), flat(run(*point.values())), strict=True):
        assert ours.dtype == np.float32 and theirs.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)


def text_of(program: Program) -> str:
    f = program.trace()
    return sg.Module("m", {"f": f, "g": sg.value_and_grad(f), "h": sg.vjp(f, wrt="x")}).source()


def has_one_text(program: Program, other: Program) -> None:
    """The same bytes when generated twice, and after other graphs that share nodes."""
    first = text_of(program)
    text_of(other)
    assert text_of(program) == first
    compile(first, "m.py", "exec")


def is_the_same_by_tiles(program: Program) -> None:
    """Values and gradients computed one row, and two rows, at a time, on several threads, in fresh arrays."""
    point = program.point(4)
    if program.elementwise:
        point = dict(zip(point, map(np.ascontiguousarray, np.broadcast_arrays(*point.values()))))
    for function in (program.trace(several=True), sg.value_and_grad(program.trace())):
        wanted = flat(sg.compile(function, tiles=False)(*point.values()))
        for rows in (1, 2):
            results = flat(sg.compile(function, tiles=rows)(*point.values()))
            for ours, theirs in zip(results, wanted, strict=True):
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                # Sums in another order: some roundings of the largest terms, which are of moderate size.
                scale = max(1.0, float(np.abs(theirs).max(initial=0)))
                assert np.abs(np.subtract(ours, theirs, dtype=float)).max(initial=0) <= 64 * EPS * scale
        threaded = sg.Module(
            "threaded", {"f": function}, tiles=2, threads=True, without=("written_over",)
        ).load()
        if hasattr(threaded, "set_threads"):
            threaded.set_threads(3)
        for ours, theirs in zip(flat(threaded.f(*point.values())), results, strict=True):
            assert ours.tobytes() == theirs.tobytes()


CHECKS: tuple[Callable[[Program], None], ...] = (
    has_size, agrees_with_numpy, agrees_with_sympy, agrees_with_differences, simplify_keeps_values,
    is_transposed, has_symmetric_hessian, has_jacobians_of_products, keeps_float32, is_the_same_by_tiles,
)  # fmt: skip


def shortest(program: Program, check: Callable[[Program], None]) -> Program:
    """The shortest beginning of the program that fails too."""
    for count in range(1, len(program.lines)):
        try:
            check(program.beginning(count))
        except Exception:
            return program.beginning(count)
    return program


def main() -> int:
    """Check random programs until one fails."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    options = parser.parse_args()
    failed = 0
    for k in range(options.examples):
        rng = random.Random(f"{options.seed} {k}")
        program = draw(rng.randrange, elementwise=k % 5 == 4)
        for check in CHECKS:
            try:
                check(program)
            except Exception as error:
                failed += 1
                small = shortest(program, check) if check is not has_size else program
                print(f"--- example {k} of seed {options.seed}: {check.__name__}: {error!r}"[:1500])
                print(small.source())
                if not options.keep_going:
                    return 1
    print(f"{options.examples} programs, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
