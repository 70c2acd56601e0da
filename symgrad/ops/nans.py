"""Reductions that leave out nan, which then has derivative 0.

A nan is replaced before anything is computed with it, so that neither the value nor a derivative can be
touched by it: 0 * nan would be nan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.node import Node, lift
from symgrad.ops.comparison import equal, isnan, logical_not, logical_or
from symgrad.ops.cumulative import cumprod, cumsum, prod
from symgrad.ops.extrema import max as maximum_of
from symgrad.ops.extrema import min as minimum_of
from symgrad.ops.leaves import cast, operand
from symgrad.ops.order import argmax, argmin
from symgrad.ops.reduce import mean, reduced_axes, refuse, sum, sum_over, typed
from symgrad.ops.selection import nonzero, where
from symgrad.ops.statistics import all as all_of
from symgrad.ops.statistics import std, var
from symgrad.ops.stop import stop
from symgrad.spelling import FUNCTIONS, spelled

INFINITY = float("inf")


def without_nan(x: Node, value: float) -> Node:
    """x with a number in place of nan."""
    return where(isnan(x), value, x)


def _flag(keepdims: Any) -> bool:
    return keepdims is not np._NoValue and bool(keepdims)


def counted(x: Node, axes: tuple[int, ...], keepdims: bool = False, missing: Node | None = None) -> Node:
    """How many entries along axes are not nan, or not missing, as integers."""
    present = logical_not(isnan(x) if missing is None else missing)
    return sum_over(present, axes, keepdims) if axes else cast(present, to="int64")


def _missing(x: Node, mask: Any) -> Node:
    """Where an entry is nan, or left out by the option `where=`."""
    if mask is None or mask is True or mask is np._NoValue:
        return isnan(x)
    return logical_or(isnan(x), logical_not(operand(mask)))


@spelled(np.nansum)
def nansum(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = None,
) -> Node:  # fmt: skip
    """`np.nansum`."""
    return sum(_filled(a, 0.0), axis, dtype, out, keepdims, initial, where)


@spelled(np.nanprod)
def nanprod(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = None,
) -> Node:  # fmt: skip
    """`np.nanprod`."""
    return prod(_filled(a, 1.0), axis, dtype, out, keepdims, initial, where)


@spelled(np.nancumsum)
def nancumsum(a: Node, axis: Any = None, dtype: Any = None, out: Any = None) -> Node:
    """`np.nancumsum`."""
    return cumsum(_filled(a, 0.0), axis, dtype, out)


@spelled(np.nancumprod)
def nancumprod(a: Node, axis: Any = None, dtype: Any = None, out: Any = None) -> Node:
    """`np.nancumprod`."""
    return cumprod(_filled(a, 1.0), axis, dtype, out)


def _filled(a: Any, value: float) -> Node:
    x = lift(a)
    return without_nan(x, value) if x.dtype == "float64" else x


def _extremum(
    reduction: Callable[..., Node], a: Any, axis: Any, keepdims: Any, initial: Any, mask: Any, fill: float
) -> Node:
    x = lift(a)
    if initial is not None and initial is not np._NoValue:
        return reduction(_filled(x, fill), axis, keepdims=keepdims, initial=initial, where=mask)
    if x.dtype != "float64" or not x.rank:
        return reduction(x, axis, keepdims=keepdims, where=mask)
    missing = _missing(x, mask)
    nothing = all_of(missing, axis, keepdims=keepdims)
    return where(nothing, float("nan"), reduction(where(missing, fill, x), axis, keepdims=keepdims))


@spelled(np.nanmax)
def nanmax(
    a: Node, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Node:
    """`np.nanmax`; nan where there are no numbers."""
    refuse("np.nanmax", out=out)
    return _extremum(maximum_of, a, axis, keepdims, initial, where, -INFINITY)


@spelled(np.nanmin)
def nanmin(
    a: Node, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Node:
    """`np.nanmin`; nan where there are no numbers."""
    refuse("np.nanmin", out=out)
    return _extremum(minimum_of, a, axis, keepdims, initial, where, INFINITY)


@spelled(np.nanargmax)
def nanargmax(a: Node, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Node:
    """`np.nanargmax`."""
    return argmax(_filled(a, -INFINITY), axis, out, keepdims=keepdims)


@spelled(np.nanargmin)
def nanargmin(a: Node, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Node:
    """`np.nanargmin`."""
    return argmin(_filled(a, INFINITY), axis, out, keepdims=keepdims)


@spelled(np.nanmean)
def nanmean(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None
) -> Node:
    """`np.nanmean`."""
    refuse("np.nanmean", out=out)
    x = typed("np.nanmean", lift(a), dtype)
    if x.dtype != "float64":
        return mean(x, axis, keepdims=keepdims, where=where)
    return _nan_mean(x, reduced_axes("np.nanmean", x, axis), _flag(keepdims), _missing(x, where))


def _nan_mean(x: Node, axes: tuple[int, ...], keepdims: bool, missing: Node) -> Node:
    return sum_over(where(missing, 0.0, x), axes, keepdims) / counted(x, axes, keepdims, missing)


def _nan_variance(x: Node, axes: tuple[int, ...], ddof: Any, keepdims: bool, mask: Any) -> Node:
    missing = _missing(x, mask)
    # From a smallest element, so that equal elements differ from their mean by exactly 0.
    start = stop(minimum_of(where(missing, INFINITY, x), axes, keepdims=True)) if axes else stop(x)
    moved = where(missing, 0.0, x - where(isnan(start), 0.0, start))
    count = counted(x, axes, True, missing)
    centre = sum_over(moved, axes, True) / count
    rest = where(missing, 0.0, moved - centre)
    degrees: Node = counted(x, axes, keepdims, missing) - ddof
    return sum_over(rest * rest, axes, keepdims) / degrees


def _spread(name: str, plain: Callable[..., Node], arguments: tuple[Any, ...]) -> Node:
    a, axis, dtype, out, ddof, keepdims, where_, given_mean, correction = arguments
    what = f"np.{name}"
    refuse(what, out=out, mean=given_mean)
    if correction is not None and correction is not np._NoValue:
        ddof = correction
    x = typed(what, lift(a), dtype)
    if x.dtype != "float64":
        return plain(x, axis, ddof=ddof, keepdims=keepdims, where=where_)
    return _nan_variance(x, reduced_axes(what, x, axis), ddof, _flag(keepdims), where_)


@spelled(np.nanvar)
def nanvar(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Node:  # fmt: skip
    """`np.nanvar`."""
    return _spread("nanvar", var, (a, axis, dtype, out, ddof, keepdims, where, mean, correction))


@spelled(np.nanstd)
def nanstd(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Node:  # fmt: skip
    """`np.nanstd`; its derivative is 0 where all elements are equal."""
    x = lift(a)
    if x.dtype != "float64":
        return std(x, axis, ddof=ddof, keepdims=keepdims, where=where)
    v = _spread("nanstd", std, (a, axis, dtype, out, ddof, keepdims, where, mean, correction))
    return _root(v)


def _root(v: Node) -> Node:
    """Square root with derivative 0 at 0."""
    root: Node = FUNCTIONS[np.sqrt](nonzero(v))
    return where(equal(v, 0), 0.0, root)
