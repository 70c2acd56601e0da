"""Arrays made from sizes alone, which numpy cannot be asked for where a size is symbolic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import OPS, Node, Op, floats, integers, lift, op
from symgrad.ops.leaves import cast, operand
from symgrad.ops.shaping import full_of, sizes_of
from symgrad.ops.structure import expand_dims
from symgrad.shapes import Dim, Size, core, floor_divide
from symgrad.spelling import FUNCTIONS, public, spelled
from symgrad.text import Environment, Text


def _eye_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"np.eye({env.dim(node.size)}, dtype={env.dtype})")


eye: Op = op(
    "eye", "", params="size",
    doc="Identity matrix.",
    shape=lambda size: (size, size),
    dtype=floats,
    numpy=_eye_text,
    flops=0,
    adjoint={},
    sympy=lambda m, node: m.literal(np.eye(m.size(node.size))),
)  # fmt: skip


def _arange_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"np.arange({env.dim(node.size)})")


arange_: Op = op(
    "arange", "", params="size",
    doc="The integers from 0 to a size, without it.",
    shape=lambda size: (size,),
    dtype=integers,
    numpy=_arange_text,
    flops=0,
    adjoint={},
    sympy=lambda m, node: np.arange(m.size(node.size)),
)  # fmt: skip


def kind_of(what: str, dtype: Any, default: str = "float64") -> str:
    """float64, int64 or bool for what a user gave as a dtype.

    Raises TraceError for others.
    """
    if dtype is None:
        return default
    found = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}.get(np.dtype(dtype).kind)
    if found is None:
        raise TraceError(f"{what}: dtype {np.dtype(dtype)} is not supported", expected="float, int or bool")
    return found


def _size(what: str, value: Any) -> Size:
    if not isinstance(value, (int, Dim, Node)) or isinstance(value, bool):
        raise TraceError(f"{what}: expected integers and dimensions", got=repr(value)[:60])
    (size,) = sizes_of(what, (value,))
    return size


@public("arange")
def arange(start: Any, stop: Any = None, step: int = 1) -> Node:
    """The integers from `start` (0 if one argument is given) to `stop`, which may be dimensions."""
    first, last = (0, start) if stop is None else (start, stop)
    low, high = _size("sg.arange", first), _size("sg.arange", last)
    if isinstance(step, bool) or not isinstance(step, int) or step == 0:
        raise ShapeError("sg.arange: the step is an integer other than 0", got=repr(step))
    count = high - low if step == 1 else low - high if step == -1 else _steps(low, high, step)
    numbers = arange_(size=max(count, 0) if isinstance(count, int) else count)
    if step != 1:
        numbers = numbers * step
    return numbers if low == 0 else numbers + lift(low)


def _steps(low: Size, high: Size, step: int) -> Size:
    span = high - low if step > 0 else low - high
    return floor_divide(span + (abs(step) - 1), abs(step))


@public("eye")
def identity(n: Any, m: Any = None, k: int = 0, dtype: Any = None) -> Node:
    """Matrix of zeros with ones on the diagonal `k`, n by m (n by n)."""
    rows = _size("sg.eye", n)
    columns = rows if m is None else _size("sg.eye", m)
    kind = kind_of("sg.eye", dtype)
    if rows == columns and k == 0 and kind == "float64":
        return eye(size=rows)
    return _compared(np.equal, rows, columns, k, kind)


def _compared(comparison: Any, rows: Size, columns: Size, k: int, kind: str) -> Node:
    """Where the comparison of column and row number, moved by k, holds."""
    down = expand_dims(arange_(size=rows), axes=(1,))
    hits: Node = FUNCTIONS[comparison](arange_(size=columns), down + k if k else down)
    return hits if kind == "bool" else cast(hits, to=kind)


@public("full")
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Node:
    """An array of one value, whose shape may have symbolic dimensions."""
    value = lift(fill_value)
    return full_of(value, sizes_of("sg.full", shape), kind_of("sg.full", dtype, value.dtype))


@public("zeros")
def zeros(shape: Any, dtype: Any = None) -> Node:
    """An array of zeros, whose shape may have symbolic dimensions."""
    return full_of(0, sizes_of("sg.zeros", shape), kind_of("sg.zeros", dtype))


@public("ones")
def ones(shape: Any, dtype: Any = None) -> Node:
    """An array of ones, whose shape may have symbolic dimensions."""
    return full_of(1, sizes_of("sg.ones", shape), kind_of("sg.ones", dtype))


# --- numpy's spellings, which it hands over with `like=` ----------------------------------------------


@spelled(np.eye)
def numpy_eye(
    N: Any, M: Any = None, k: int = 0, dtype: Any = None, order: str = "C", *, device: Any = None
) -> Node:
    """`np.eye(n, like=x)`."""
    return identity(N, M, k, None if dtype is float else dtype)


@spelled(np.identity)
def numpy_identity(n: Any, dtype: Any = None) -> Node:
    """`np.identity(n, like=x)`."""
    return identity(n, dtype=dtype)


@spelled(np.tri)
def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Node:
    """`np.tri(n, like=x)`: ones on and below the diagonal k."""
    rows = _size("np.tri", N)
    columns = rows if M is None else _size("np.tri", M)
    return _compared(np.less_equal, rows, columns, k, kind_of("np.tri", dtype))


@spelled(np.zeros, np.empty)
def numpy_zeros(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Node:
    """`np.zeros(shape, like=x)`."""
    return zeros(shape, dtype)


@spelled(np.ones)
def numpy_ones(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Node:
    """`np.ones(shape, like=x)`."""
    return ones(shape, dtype)


@spelled(np.full)
def numpy_full(
    shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: Any = None
) -> Node:
    """`np.full(shape, value)`, with a symbolic value or `like=x`."""
    return full(shape, fill_value, dtype)


@spelled(np.linspace)
def linspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """`np.linspace` between symbolic scalars or arrays."""
    a, b = operand(start) * 1.0, operand(stop) * 1.0
    count = _size("np.linspace", num)
    if dtype is not None:
        raise TraceError("np.linspace: dtype= is not supported", hint="x.astype(...)")
    if core(a.shape) or core(b.shape):
        rank = max(a.rank, b.rank)
        along, steps = linspace(0.0, 1.0, num, endpoint), count - 1 if endpoint else count
        along = expand_dims(along, axes=tuple(range(1, 1 + rank)))
        rows = a + along * (b - a)
        numbers = FUNCTIONS[np.moveaxis](rows, 0, axis)
        return (numbers, (b - a) / lift(steps)) if retstep else numbers
    gaps = count - 1 if endpoint else count
    if gaps == 0:
        numbers = expand_dims(a, axes=(0,))
        return (numbers, OPS["const"](value=float("nan"))) if retstep else numbers
    step = (b - a) / lift(gaps)
    numbers = a + arange_(size=count) * step
    return (numbers, step) if retstep else numbers
