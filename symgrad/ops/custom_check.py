"""The tests that a user's own operation has to pass where it is defined.

Its value is compared with its sympy meaning, its adjoint with differences of its value and, where there is a
meaning, with the derivative of that. A refusal shows the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from symgrad import kernels
from symgrad.errors import SpecError, SymgradError, VerificationError
from symgrad.graph import toposort
from symgrad.node import Node, Op, build
from symgrad.ops.leaves import input_node
from symgrad.ops.reduce import unbroadcast
from symgrad.shapes import Shape, Size
from symgrad.text import Text

POINTS = 8
#: Relative to the value, or to a thousandth of the largest one.
VALUE_TOLERANCE = 1e-10
DIFFERENCE_TOLERANCE = 1e-6
#: How far inside their interval points stay.
MARGIN = 0.02

Interval = tuple[float, float]


class _Concrete:
    """The environment of texts in which every size is a number."""

    dtype = "dtype"
    quiet = False

    def __init__(self) -> None:
        self.helpers = False

    def dim(self, size: Size) -> str:
        return str(size)

    def shape(self, shape: Shape) -> str:
        return repr(shape)

    def axes(self, node: Node, axes: Sequence[int]) -> str:
        return str(axes[0]) if len(axes) == 1 else repr(tuple(axes))

    def constant(self, source: str) -> str:
        """The constant itself: there is no module to put it in."""
        return source

    def helper(self, name: str) -> str:
        self.helpers = True
        return name


def evaluate(node: Node, values: Mapping[Node, Any]) -> Any:
    """The value of a node whose sizes are all numbers, by the texts of the nodes below it."""
    env = _Concrete()
    scope: dict[str, Any] = {"np": np, "dtype": np.float64}
    texts: dict[Node, Text] = {}
    for position, one in enumerate(toposort([node])):
        name = f"v{position}"
        if one.op.name == "input":
            scope[name], texts[one] = values[one], Text(name)
            continue
        operands = [texts[a] for a in one.args]
        if one.op.statement is not None:
            lines, text = one.op.statement(one, name, operands, env), Text(name)
        else:
            text = one.op.numpy(one, operands, env)
            lines = [] if text.weak else [f"{name} = {text.source}"]
        if env.helpers:
            scope.update(kernels.namespace())
            env.helpers = False
        exec("\n".join(lines), scope)
        texts[one] = text if text.weak else Text(name)
    return eval(texts[node].source, scope)


def sample_points(op: Op, shapes: Sequence[tuple[int, ...]], samples: Mapping[str, Interval]) -> list[Any]:
    """Read-only arrays within the domain, a little inside so that differences stay in it."""
    rng = np.random.default_rng(20)
    arrays = []
    for name, shape in zip(op.operands, shapes):
        low, high = samples[name]
        margin = MARGIN * (high - low)
        arrays.append(rng.uniform(low + margin, high - margin, shape))
        arrays[-1].flags.writeable = False
    return arrays


def check_function(
    op: Op, function: Callable[..., Any], arrays: Sequence[Any], shape: tuple[int, ...]
) -> Any:
    """The value at the points; SpecError unless it is a finite float array, float32 where operands are."""
    for dtype in (np.float64, np.float32):
        given = [a.astype(dtype) for a in arrays]
        for array in given:
            array.flags.writeable = False
        try:
            with np.errstate(all="ignore"):
                value = np.asarray(function(*given))
        except Exception as error:
            raise SpecError(
                f"custom {op.name!r}: its function fails at the sampled points",
                got=f"{type(error).__name__}: {error}",
                hint="operands are read-only arrays of one shape; sample=(low, high) is the tested domain",
            ) from error
        if value.shape != shape:
            raise SpecError(
                f"custom {op.name!r}: its function returns another shape",
                expected=f"{shape} for operands of shape {', '.join(str(a.shape) for a in arrays)}",
                got=str(value.shape),
                hint=None if len(shape) != 1 else 'shape="n -> " says that it is not elementwise',
            )
        if value.dtype != dtype:
            raise SpecError(
                f"custom {op.name!r}: its function turns {np.dtype(dtype)} into {value.dtype}",
                expected="the dtype of its operands",
                hint="Python numbers for constants; np.zeros_like(x) or dtype=x.dtype for new arrays",
            )
        if not np.isfinite(value).all():
            raise SpecError(
                f"custom {op.name!r}: its value is not finite everywhere in the tested domain",
                got=_numbers(op, arrays, int(np.argmin(np.isfinite(value).ravel())), value=value),
                hint="sample=(low, high), or a dict of them by operand, is the tested domain",
            )
    return np.asarray(function(*arrays))


def shares_memory(function: Callable[..., Any], arrays: Sequence[Any]) -> bool:
    """Whether the function may return one of its operands, or a view of one."""
    value = function(*arrays)
    return isinstance(value, np.ndarray) and any(np.shares_memory(value, a) for a in arrays)


def check_adjoint(op: Op, function: Callable[..., Any], arrays: Sequence[Any], value: Any) -> list[Any]:
    """Contributions of all edges for a cotangent of ones; VerificationError where differences disagree."""
    nodes = [input_node(name, a.shape) for name, a in zip(op.operands, arrays)]
    y = build(op, tuple(nodes))
    g = input_node("g", y.shape)
    weight = np.ones(value.shape)
    if not op.elementwise:
        weight = np.random.default_rng(7).uniform(0.5, 1.5, value.shape)
    found: list[Any] = []
    for position, (name, array) in enumerate(zip(op.operands, arrays)):
        rule = op.rule(position)
        if rule is None:
            found.append(None)
            continue
        part = _contribution(op, name, partial(rule, g, y, *nodes))
        if part is None:
            exact = np.zeros(array.shape)
        else:
            part = _contribution(op, name, partial(unbroadcast, part, nodes[position].shape))
            with np.errstate(all="ignore"):
                given = {g: weight, **dict(zip(nodes, arrays))}
                exact = np.broadcast_to(evaluate(part, given), array.shape)
        slope, noise = _slopes(op, function, arrays, position, weight)
        _compare(
            op, f"its adjoint with respect to {name}", exact, slope, DIFFERENCE_TOLERANCE, arrays,
            "central differences", noise,
        )  # fmt: skip
        found.append(exact)
    return found


def _contribution(op: Op, name: str, rule: Callable[[], Any]) -> Any:
    try:
        return rule()
    except SymgradError as error:
        raise SpecError(f"custom {op.name!r}: its adjoint with respect to {name}: {error}") from error
    except Exception as error:
        raise SpecError(
            f"custom {op.name!r}: its adjoint with respect to {name} fails",
            expected=f"a function (g, y, {', '.join(op.operands)}) of symbolic arrays",
            got=f"{type(error).__name__}: {error}",
        ) from error


def _slopes(
    op: Op, function: Callable[..., Any], arrays: Sequence[Any], position: int, weight: Any
) -> tuple[Any, float]:
    """Central differences of fourth order of the weighted value, and how far rounding may move them."""
    array = arrays[position]
    assert isinstance(op.sample, Mapping)
    low, high = op.sample[op.operands[position]]
    step = min(1e-4 * max(1.0, float(np.max(np.abs(array), initial=0.0))), MARGIN * (high - low) / 4)
    largest = float(np.max(np.abs(function(*arrays) * weight), initial=0.0))
    noise = 64 * float(np.finfo(float).eps) * largest / step

    def total(move: Any) -> Any:
        moved = [a if i != position else array + move for i, a in enumerate(arrays)]
        return function(*moved) * weight

    def slope(direction: Any, reduce: Callable[[Any], Any]) -> Any:
        near = reduce(total(step * direction)) - reduce(total(-step * direction))
        far = reduce(total(2 * step * direction)) - reduce(total(-2 * step * direction))
        return (8 * near - far) / (12 * step)

    if op.elementwise:
        return slope(np.ones(array.shape), lambda values: values), noise
    result = np.zeros(array.shape)
    for index in np.ndindex(*array.shape):
        direction = np.zeros(array.shape)
        direction[index] = 1.0
        result[index] = slope(direction, np.sum)
    return result, noise * weight.size


def check_meaning(
    op: Op, meaning: Callable[..., Any], arrays: Sequence[Any], value: Any, contributions: Sequence[Any]
) -> None:
    """Value and adjoint of an elementwise operation against its sympy expression."""
    import sympy as sp

    symbols = sp.symbols(op.operands, real=True)
    expression = sp.sympify(meaning(*symbols))
    points = [dict(zip(symbols, (sp.Float(float(v), 40) for v in point))) for point in zip(*arrays)]
    wanted = _evaluated(expression, points)
    if wanted is not None:
        _compare(op, "its value", value, wanted, VALUE_TOLERANCE, arrays, "its sympy meaning")
    for name, symbol, contribution in zip(op.operands, symbols, contributions):
        derivative = _evaluated(sp.diff(expression, symbol), points)
        if derivative is not None and contribution is not None:
            _compare(
                op, f"its adjoint with respect to {name}", contribution, derivative, VALUE_TOLERANCE, arrays,
                f"the derivative of its sympy meaning, {sp.diff(expression, symbol)}",
            )  # fmt: skip


def _evaluated(expression: Any, points: Sequence[Mapping[Any, Any]]) -> Any:
    """Numbers at the points; None where sympy leaves a derivative or a function unevaluated."""
    values = []
    for point in points:
        number = expression.subs(point).evalf(30)
        if not number.is_number or not number.is_real:
            return None
        values.append(float(number))
    return np.array(values)


def _compare(
    op: Op, what: str, actual: Any, wanted: Any, tolerance: float, arrays: Sequence[Any], reference: str,
    noise: float = 0.0,
) -> None:  # fmt: skip
    actual, wanted = np.asarray(actual, float), np.asarray(wanted, float)
    scale = np.maximum(np.abs(wanted), 1e-3 * np.max(np.abs(wanted), initial=0.0))
    wrong = ~(np.abs(actual - wanted) <= tolerance * np.maximum(scale, 1e-6) + noise)
    if wrong.any():
        worst = int(np.argmax(wrong.ravel()))
        raise VerificationError(
            f"custom {op.name!r}: {what} disagrees with {reference}",
            expected=repr(float(wanted.ravel()[worst])),
            got=f"{float(actual.ravel()[worst])!r} at {_numbers(op, arrays, worst)}",
        )


def _numbers(op: Op, arrays: Sequence[Any], position: int, **more: Any) -> str:
    """The operands at one point, or where they have several shapes, the position."""
    everything = {**dict(zip(op.operands, arrays)), **more}
    if len({a.shape for a in everything.values()}) > 1:
        return f"element {position} of sampled operands"
    return ", ".join(f"{name} = {float(a.ravel()[position])!r}" for name, a in everything.items())
