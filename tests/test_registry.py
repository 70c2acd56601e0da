"""Every operation of the registry, walked: declaring one is what writes its tests.

Each operation becomes a function of its own; its value, its pullback on every edge, its tangent and its
second derivatives are generated, run as a user would, and compared with sympy in 50 digits. So are the
points where floating point is special, arrays without elements and arrays of another layout.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.graph import Function, Parameter
from symgrad.node import OPS, Op
from symgrad.ops.closures import CONTROL
from symgrad.ops.leaves import input_node
from symgrad.shapes import BATCH, core, dim_names, evaluate, evaluate_shape, named, parse_dim, parse_shape
from symgrad.tree import leaves
from symgrad.verify.check import verify_at, verify_function
from symgrad.verify.oracle import OutOfRange, expected, forward, is_defined
from symgrad.verify.points import Sampler

#: Leaves, and operations whose parameters are blocks, which have tests of their own.
LEAVES = ("const", "dim", "input", "array", "result", *CONTROL)


def parse_param(value: Any) -> Any:
    """Dimensions in an example's parameters are written as text."""
    if isinstance(value, tuple):
        return tuple(parse_param(v) for v in value)
    if isinstance(value, str) and value.isidentifier() and len(value) == 1:
        return parse_dim(value)
    return value


def functions(op: Op) -> Iterator[tuple[str, Function, Mapping[str, Any]]]:
    """One Function for each example of an operation; elementwise ones in three shapes."""
    if op.elementwise:
        names = op.operands
        count = len(names)
        patterns = [("...",) * count, ("n",) * count]
        if count > 1:
            patterns += [("n d", "d", "1")[:count], ("", "n 1", "1 d")[:count]]
        examples: list[dict[str, Any]] = [{"shapes": p} for p in patterns]
        kinds = getattr(op, "kinds", None)
        for example in op.examples:
            if "dtypes" in example:
                for one in examples:
                    one["dtypes"] = example["dtypes"]
        assert kinds is None or kinds
    else:
        examples = [dict(example) for example in op.examples]
    for example in examples:
        shapes = example.pop("shapes")
        dtypes = example.pop("dtypes", ())
        values = example.pop("values", {})
        inputs = []
        for position, shape in enumerate(shapes):
            dtype = dtypes[position] if position < len(dtypes) else "float64"
            inputs.append(input_node(f"x{position}", parse_shape(shape), dtype))
        params = {key: parse_param(value) for key, value in example.items()}
        node = op(*inputs, **params)
        title = f"{op.name}({', '.join(shapes)}{''.join(f', {k}={v}' for k, v in example.items())})"
        known = {d for leaf in inputs for s in leaf.shape if s is not BATCH for d in dim_names(s)}
        free = [d for s in node.shape if s is not BATCH for d in dim_names(s) if d not in known]
        # A size that only the result has comes with an argument of its own.
        inputs += [input_node(f"like_{d}", (named(d),)) for d in dict.fromkeys(free)]
        parameters = tuple(Parameter(leaf.name, leaf) for leaf in inputs)
        yield title, Function("f", parameters, node), values


CASES = [
    pytest.param(op, function, values, id=title)
    for op in OPS.values()
    if op.name not in LEAVES and not op.name.startswith("custom")
    for title, function, values in functions(op)
]


def differentiable(function: Function) -> tuple[str, ...]:
    """Float parameters with a rule on their edge."""
    node = function.result
    names = []
    for position, parameter in enumerate(function.parameters[: len(node.args)]):
        rule = node.op.adjoint if node.op.variadic else node.op.rule(position)
        if parameter.tree.dtype == "float64" and rule is not None:
            names.append(parameter.name)
    return tuple(names)


def strict(generated: Callable[..., Any]) -> Callable[..., Any]:
    """The same callable, which fails where numpy signals something about answers that are all finite."""

    def call(*args: Any) -> Any:
        try:
            with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")
                return generated(*args)
        except (FloatingPointError, RuntimeWarning):
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = generated(*args)
            if all(np.isfinite(part).all() for part in leaves_of(result)):
                raise
            return result

    return call


def verified(function: Function) -> None:
    verify_function(function, strict(sg.compile(function))).raise_for_failure()


@pytest.mark.parametrize("op, function, values", CASES)
def test_value_and_every_edge(op, function, values):
    verified(function)
    if function.result.dtype != "float64":
        return
    wrt = differentiable(function)
    if wrt:
        verified(sg.vjp(function, wrt=wrt))
        verified(sg.jvp(function, wrt=wrt))


@pytest.mark.parametrize("op, function, values", CASES)
def test_second_order(op, function, values):
    wrt = differentiable(function) if function.result.dtype == "float64" else ()
    if not wrt:
        pytest.skip("no derivative")
    leaf = function.input_nodes
    total = function.result * function.result
    if not function.is_elementwise:
        axes = tuple(range(total.rank))
        total = OPS["sum"](total, axes=axes) if axes else total
        if function.has_batch and total.shape:
            total = OPS["sum_batch"](total)
    scalar = Function("f", function.parameters, total)
    assert leaf
    verified(sg.hvp(scalar, wrt=wrt))


def derivatives(function: Function) -> list[Function]:
    """The function itself, its pullback and its tangent."""
    wrt = differentiable(function) if function.result.dtype == "float64" else ()
    return [function, sg.vjp(function, wrt=wrt), sg.jvp(function, wrt=wrt)] if wrt else [function]


# --- a new leading dimension --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "op, function, values",
    [case for case in CASES if not case.values[1].has_batch and case.values[1].parameters],
)
def test_vmap(op, function, values):
    """Of the value and the pullback: over all arguments, and over each by itself."""
    for f in derivatives(function)[:2]:
        generated = sg.compile(f)
        points = [Sampler(f, None, seed).random(1) for seed in range(3)]
        rows = [[a for (a,) in point.values.values()] for (point,) in points]
        names = [p.name for p in f.parameters]
        for over in [names, *([name] for name in names if len(names) > 1)]:
            mapped = sg.compile(sg.vmap(f, over=dict.fromkeys(over, "extra")))
            whole = [
                np.stack([row[i] for row in rows]) if name in over else rows[0][i]
                for i, name in enumerate(names)
            ]
            singly = [
                leaves_of(generated(*[a[k] if name in over else a for name, a in zip(names, whole)]))
                for k in range(len(rows))
            ]
            for position, got in enumerate(leaves_of(mapped(*whole))):
                want = np.stack([results[position] for results in singly])
                assert got.dtype == want.dtype
                assert got.shape == want.shape
                # Sums and factorisations of stacks run in another order.
                scale = np.max(np.abs(want), initial=0) if want.dtype.kind == "f" else 0
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13 * scale)


# --- arrays without elements --------------------------------------------------------------------------


def without_elements(function: Function) -> Iterator[tuple[dict[str, int], tuple[int, ...]]]:
    """Sizes and a batch with a 0 among them: each dimension by itself, all of them, the batch."""
    regular = {name: 3 - i % 2 for i, name in enumerate(function.dims)}
    chosen = [{**regular, name: 0} for name in function.dims]
    if len(function.dims) > 1:
        chosen.append(dict.fromkeys(function.dims, 0))
    for sizes in chosen:
        yield sizes, (2,)
    if function.has_batch:
        yield regular, (0,)


def array(leaf: Any, sizes: Mapping[str, int], batch: tuple[int, ...]) -> Any:
    """Numbers for an input, at which every operation is defined."""
    shape = evaluate_shape(leaf.shape, sizes, batch)
    if leaf.dtype != "float64":
        return np.zeros(shape, leaf.dtype)
    values = np.random.default_rng(0).uniform(0.1, 0.9, shape)
    # Square matrices are made regular, and definite.
    return values + 3 * np.eye(shape[-1]) if len(shape) > 1 and shape[-1] == shape[-2] else values


#: Errors that are numpy's, whatever the size of the result.
NUMPY_REFUSES = ("zero-size array to reduction", "attempt to get arg", "window shape cannot be larger")


def oracle(f: Function, point: Mapping[str, list[Any]], sizes: Mapping[str, int]) -> list[Any] | None:
    """What f should return; None where the operation has no meaning, as the largest of no numbers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return expected(f, point, sizes)
    except (ValueError, IndexError):
        return None


@pytest.mark.parametrize("op, function, values", CASES)
def test_no_elements(op, function, values):
    compiled = [(f, sg.compile(f)) for f in derivatives(function)]
    for sizes, batch in without_elements(function):
        if any(evaluate(s, sizes) < 0 for node in function.nodes() for s in core(node.shape)):
            continue
        for f, generated in compiled:
            point = {p.name: [array(leaf, sizes, batch) for leaf in leaves(p.tree)] for p in f.parameters}
            want = oracle(f, point, sizes) if batch != (0,) else []
            numbers = [x for part in want or () if part.dtype == object for x in part.ravel()]
            # A mean of nothing is nan, with numpy's warning.
            how = "error" if all(map(is_defined, numbers)) else "ignore"
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter(how)
                    warnings.filterwarnings("ignore", "Mean of empty slice|Degrees of freedom")
                    got = leaves_of(generated(*[a for (a,) in point.values()]))
            except (ValueError, IndexError) as error:
                if want is not None and not str(error).startswith(NUMPY_REFUSES):
                    raise
                continue
            for node, value in zip(f.output_nodes, got):
                assert np.shape(value) == evaluate_shape(node.shape, sizes, batch), (f.name, sizes, batch)
                assert np.asarray(value).dtype == node.dtype
            for part, value in zip(want or (), got):
                for number, entry in zip(part.ravel(), np.ravel(value)):
                    if part.dtype != object or is_defined(number):
                        assert entry == pytest.approx(float(number), rel=1e-12, abs=1e-12), (f.name, sizes)


def leaves_of(result: Any) -> list[Any]:
    """Arrays of nested tuples."""
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in leaves_of(part)]
    return [result]


# --- layouts ------------------------------------------------------------------------------------------


def strided(x: Any) -> Any:
    """The same array with gaps between its elements, backwards in memory and read-only."""
    turned = np.flip(np.repeat(np.flip(x), 2, axis=-1).copy(order="F")[..., ::2]) if x.ndim else x.copy()
    turned.flags.writeable = False
    return turned


@pytest.mark.parametrize("op, function, values", CASES)
def test_layouts(op, function, values):
    for f in derivatives(function):
        generated = sg.compile(f)
        (point,) = Sampler(f, None, 1).random(1)
        given = [a for (a,) in point.values.values()]
        for want, got in zip(leaves_of(generated(*given)), leaves_of(generated(*map(strided, given)))):
            assert np.shape(got) == np.shape(want)
            assert np.asarray(got).dtype == np.asarray(want).dtype
            # Sums run in another order.
            scale = np.max(np.abs(want), initial=0) if np.asarray(want).dtype.kind == "f" else 0
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12 * scale)


# --- points where floating point is special -----------------------------------------------------------

SINGULAR = (float("inf"), -float("inf"), float("nan"))
#: What they do at -0.0 no real number says.
READ_THE_SIGN_OF_ZERO = ("signbit", "copysign", "arctan2")


def defined(function: Function, row: tuple[Any, ...]) -> bool:
    point = {p.name: [np.array([x], p.tree.dtype)] for p, x in zip(function.parameters, row)}
    try:
        forward(function, point, {"n": 1})
    except OutOfRange:
        return False
    return True


def columns(function: Function, *special: float) -> list[Any]:
    """Every combination of these numbers, one array for each argument."""
    choices = {"float64": special, "int64": (0, 1, 2), "bool": (False, True)}
    kinds = [leaf.dtype for leaf in function.input_nodes]
    rows = itertools.product(*[choices[kind] for kind in kinds])
    if np.isfinite(special).all():
        rows = (row for row in rows if defined(function, row))
    return [np.array(column, kind) for column, kind in zip(zip(*rows), kinds)]


@pytest.mark.parametrize(
    "op, function, values",
    [
        case
        for case in CASES
        if case.values[0].elementwise
        and all(x.shape == (parse_dim("n"),) for x in case.values[1].input_nodes)
    ],
)
def test_special_points(op, function, values):
    zeros = (0.0,) if op.name in READ_THE_SIGN_OF_ZERO else (0.0, -0.0)
    exact = columns(function, *filter(np.isfinite, op.special), *zeros, 1.0)
    anything = columns(function, *op.special, 0.0, -0.0, 1.0, *SINGULAR)
    for f in derivatives(function)[:2]:
        generated = sg.compile(f)
        added = f.parameters[len(function.parameters) :]
        if exact:
            rows = len(exact[0])
            cotangent = np.random.default_rng(0).uniform(0.5, 2, rows)
            point = {p.name: [a] for p, a in zip(f.parameters, [*exact, cotangent])}
            verify_at(f, generated, point, sizes={"n": rows}, label="special").raise_for_failure()
        with np.errstate(all="ignore"):
            result = generated(*anything, *[np.ones(len(anything[0])) for _ in added])
        for node, got in zip(f.output_nodes, leaves_of(result)):
            assert np.shape(got) == (len(anything[0]),)
            assert got.dtype == node.dtype


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.elementwise], ids=lambda op: op.name)
def test_scalars_stay_numpy_scalars(op):
    for _, function, _ in functions(op):
        if function.has_batch:
            low = {"int64": 1, "bool": True}
            values = [low.get(leaf.dtype, 0.5) for leaf in function.input_nodes]
            with np.errstate(all="ignore"):
                assert isinstance(sg.compile(function)(*values), np.generic)
