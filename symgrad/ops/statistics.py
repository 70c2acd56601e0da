"""Variance and standard deviation; logical reductions and counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.flops import each
from symgrad.node import OPS, Node, Op, booleans, first, lift, op
from symgrad.ops.reduce import (
    count_of,
    counted,
    keep,
    masked,
    reduced_axes,
    reduced_shape,
    reduction,
    reduction_arguments,
    refuse,
    sum_over,
    typed,
)
from symgrad.rowwise import other_axes
from symgrad.shapes import core
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import ATOM, Environment, Text


def _deviation_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    axes = env.axes(node, node.axes)
    return Text(f"{env.helper('_deviation')}({operands[0].source}, {axes if '(' in axes else f'({axes},)'})")


def _centred(m: Any, x: Any, axes: tuple[int, ...]) -> Any:
    count = int(np.prod([x.shape[axis] for axis in axes], dtype=int))
    return x - m.reduce(m.sum, x, axes, True) / count if count else x


deviation: Op = op(
    "deviation", "x", params="axes",
    doc="The elements less their mean along axes; exactly 0 where all of them are equal.",
    shape=lambda x, axes: x.shape,
    dtype=first,
    numpy=_deviation_text,
    flops=2,
    adjoint={"x": lambda g, y, x: deviation(g, axes=y.axes)},
    sympy=lambda m, node, x: _centred(m, x, node.axes),
    rows=other_axes(),
    examples=[{"shapes": ("n",), "axes": (0,)}, {"shapes": ("2 3 2",), "axes": (0, 2)}],
)  # fmt: skip


def _spread(name: str) -> Any:
    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        ddof = "" if node.ddof == 0 else f"ddof={_ddof_text(node.ddof, env)}"
        inner = ", ".join(part for part in (reduction_arguments(node, env), ddof) if part)
        return Text(f"{operands[0].inside(ATOM)}.{name}({inner})")

    return form


def _ddof_text(ddof: Any, env: Environment) -> str:
    return repr(ddof) if isinstance(ddof, float) else env.dim(ddof)


def _variance(m: Any, node: Node, x: Any) -> Any:
    ddof = node.ddof if isinstance(node.ddof, float) else m.size(node.ddof)
    count = max(int(np.prod([x.shape[axis] for axis in node.axes], dtype=int)) - ddof, 0)
    parts = _centred(m, x, node.axes)
    return m.reduce(m.sum, parts * parts, node.axes, node.keepdims) / count


def _degrees(y: Node, x: Node) -> Node:
    """Number of elements less ddof."""
    count = count_of(x, y.axes)
    return lift(count) - y.ddof if isinstance(y.ddof, float) else lift(count - y.ddof)


var_ = op(
    "var", "x", params="axes keepdims ddof", defaults={"keepdims": False, "ddof": 0},
    doc="Variance along axes, over the number of elements less ddof.",
    shape=reduced_shape,
    dtype=lambda x, **params: "float64",
    numpy=_spread("var"),
    flops=each(4),
    adjoint={"x": lambda g, y, x: 2 * keep(g, y) * deviation(x, axes=y.axes) / _degrees(y, x)},
    sympy=_variance,
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "axes": (0,)},
        {"shapes": ("n d",), "axes": (0,), "keepdims": True},
        {"shapes": ("n d",), "axes": (0, 1), "ddof": 1},
        {"shapes": ("n",), "axes": (0,), "ddof": 0.5},
    ],
)  # fmt: skip


def _std_adjoint(g: Node, y: Node, x: Node) -> Node:
    # Where all elements are equal the deviations are 0 too, so that dividing by 1 gives the derivative 0.
    divisor = OPS["where"](_equal(keep(y, y), 0), 1, keep(y, y))
    return keep(g, y) * deviation(x, axes=y.axes) / (_degrees(y, x) * divisor)


def _equal(x: Node, value: Any) -> Node:
    return FUNCTIONS[np.equal](x, lift(value))  # type: ignore[no-any-return]


std_ = op(
    "std", "x", params="axes keepdims ddof", defaults={"keepdims": False, "ddof": 0},
    doc="Standard deviation along axes; its derivative is 0 where all elements are equal.",
    shape=reduced_shape,
    dtype=lambda x, **params: "float64",
    numpy=_spread("std"),
    flops=each(4),
    adjoint={"x": _std_adjoint},
    sympy=lambda m, node, x: m.elementwise(
        lambda sp, v: sp.sqrt(v), _variance(m, node, x)
    ),
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "axes": (0,)},
        {"shapes": ("n d",), "axes": (1,), "ddof": 1},
        {"shapes": ("n d",), "axes": (0,), "keepdims": True},
    ],
)  # fmt: skip


# --- logical reductions -------------------------------------------------------------------------------

any_ = op(
    "any", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="Whether any element along axes is true.",
    shape=reduced_shape,
    dtype=booleans,
    numpy=reduction("any"),
    flops=each(1),
    adjoint={"x": None},
    sympy=lambda m, node, x: np.any(x.astype(bool), axis=node.axes, keepdims=node.keepdims),
    rows=other_axes("logical_or"),
    examples=[{"shapes": ("2 3",), "dtypes": ("bool",), "axes": (1,)}],
)  # fmt: skip

all_ = op(
    "all", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="Whether all elements along axes are true.",
    shape=reduced_shape,
    dtype=booleans,
    numpy=reduction("all"),
    flops=each(1),
    adjoint={"x": None},
    sympy=lambda m, node, x: np.all(x.astype(bool), axis=node.axes, keepdims=node.keepdims),
    rows=other_axes("logical_and"),
    examples=[{"shapes": ("2 3",), "dtypes": ("bool",), "axes": (0, 1)}],
)  # fmt: skip


# --- numpy's spellings --------------------------------------------------------------------------------


def _flag(value: Any) -> bool:
    return value is not np._NoValue and bool(value)


def _given(value: Any) -> bool:
    return value is not None and value is not True and value is not np._NoValue


def _spread_of(record: Op, a: Any, axis: Any, ddof: Any, keepdims: Any, **options: Any) -> Node:
    what = f"np.{record.name}"
    correction, dtype, mean, where = (options.pop(x) for x in ("correction", "dtype", "mean", "where"))
    if _given(correction):
        ddof = correction
    refuse(what, **options)
    x = typed(what, lift(a), dtype)
    if not x.shape:
        return 0 * x
    if x.dtype != "float64":
        x = OPS["cast"](x, to="float64")
    axes = reduced_axes(what, x, axis)
    if isinstance(ddof, float) and ddof.is_integer():
        ddof = int(ddof)
    if not _given(mean) and not _given(where):
        return record(x, axes=axes, keepdims=_flag(keepdims), ddof=ddof)
    count = counted(x, axes, True, where)
    centre = mean if _given(mean) else sum_over(masked(x, where, 0), axes, True) / count
    parts = masked(x - centre, where, 0)
    degrees: Node = counted(x, axes, _flag(keepdims), where) - ddof
    if record is var_:
        squares: Node = parts * parts
        return sum_over(squares, axes, _flag(keepdims)) / degrees
    # The norm has derivative 0 where all parts are 0.
    root: Node = FUNCTIONS[np.sqrt](degrees)
    return OPS["norm"](parts, axes=axes, keepdims=_flag(keepdims)) / root


@spelled(np.var, method="var")
def var(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Node:  # fmt: skip
    """`np.var`."""
    return _spread_of(
        var_, a, axis, ddof, keepdims, dtype=dtype, out=out, where=where, mean=mean, correction=correction
    )


@spelled(np.std, method="std")
def std(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Node:  # fmt: skip
    """`np.std`."""
    return _spread_of(
        std_, a, axis, ddof, keepdims, dtype=dtype, out=out, where=where, mean=mean, correction=correction
    )


def _logical(record: Op, a: Any, axis: Any, out: Any, keepdims: Any, where: Any) -> Node:
    what = f"np.{record.name}"
    refuse(what, out=out)
    x = lift(a)
    if x.dtype != "bool":
        x = _nonzero(x)
    x = masked(x, where, record is all_)
    axes = reduced_axes(what, x, axis)
    return record(x, axes=axes, keepdims=_flag(keepdims)) if axes else x


def _nonzero(x: Node) -> Node:
    return FUNCTIONS[np.not_equal](x, lift(0))  # type: ignore[no-any-return]


@spelled(np.any, method="any")
def any(a: Node, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None) -> Node:
    """`np.any`."""
    return _logical(any_, a, axis, out, keepdims, where)


@spelled(np.all, method="all")
def all(a: Node, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None) -> Node:
    """`np.all`."""
    return _logical(all_, a, axis, out, keepdims, where)


@spelled(np.count_nonzero)
def count_nonzero(a: Node, axis: Any = None, *, keepdims: Any = False) -> Node:
    """`np.count_nonzero`: how many elements are not 0."""
    x = lift(a)
    mask = x if x.dtype == "bool" else _nonzero(x)
    axes = reduced_axes("np.count_nonzero", mask, axis)
    return sum_over(mask, axes, _flag(keepdims)) if core(mask.shape) else mask * 1
