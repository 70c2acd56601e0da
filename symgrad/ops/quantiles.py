"""Medians and quantiles: entries of the sorted array, and what lies between them.

A tie takes the derivative of the first of the equal entries, as in a stable sort.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, lift
from symgrad.ops.comparison import equal, isnan
from symgrad.ops.gather import gather, take_along
from symgrad.ops.join import along, stack
from symgrad.ops.leaves import array_node, cast
from symgrad.ops.nans import INFINITY, counted, without_nan
from symgrad.ops.order import sort_
from symgrad.ops.reduce import reduced_axes, refuse
from symgrad.ops.selection import maximum, minimum, where
from symgrad.ops.structure import expand_dims, permute, reshape_to
from symgrad.shapes import Size, core, product
from symgrad.spelling import FUNCTIONS, spelled

METHODS = ("linear", "lower", "higher", "nearest", "midpoint")
#: Methods that interpolate at the place n q + a + q (1 - a - b) - 1 between entries: a and b (Hyndman and
#: Fan, Sample quantiles in statistical packages, Am. Stat. 50 (1996)).
PLOTTING = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
#: Methods that pick one entry, or halve two, by rules of their own.
PICKING = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation")


def _line(what: str, a: Any, axis: Any) -> tuple[Node, tuple[int, ...]]:
    """The array with the entries to choose among along its first axis, and the axes they came from."""
    x = lift(a)
    if x.dtype != "float64":
        x = cast(x, to="float64")
    axes = reduced_axes(what, x, axis)
    rest = [i for i in range(x.rank) if i not in axes]
    x = permute(x, [*axes, *rest])
    sizes = core(x.shape)
    count = len(axes)
    if product(sizes[:count]) == 0:
        raise ShapeError(f"{what}: there are no elements", got=f"axes {axes} of an empty array")
    return reshape_to(x, (product(sizes[:count]), *sizes[count:])), axes


def _kept(y: Node, axes: tuple[int, ...], keepdims: Any, lead: int = 0) -> Node:
    if keepdims is np._NoValue or not keepdims or not axes:
        return y
    return expand_dims(y, axes=tuple([axis + lead for axis in axes]))


@spelled(np.median)
def median(
    a: Node, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False
) -> Node:
    """`np.median`; nan where any entry is nan."""
    refuse("np.median", out=out)
    x, axes = _line("np.median", a, axis)
    size = core(x.shape)[0]
    ordered = sort_(x, axis=0)
    low, high = along(ordered, (size - 1) // 2, 0), along(ordered, size // 2, 0)
    middle = low if low is high else (low + high) / 2
    return _kept(_unless_nan(middle, ordered), axes, keepdims)


def _unless_nan(y: Node, ordered: Node) -> Node:
    """y, or the nan that sorting put last."""
    last = along(ordered, core(ordered.shape)[0] - 1, 0)
    return where(isnan(last), last, y)


def _weighed(what: str, q: Any, percent: bool) -> Any:
    """Quantiles between 0 and 1: a number, a numpy array or a node."""
    if isinstance(q, (list, tuple)) and any(isinstance(v, Node) for v in q):
        q = stack(q)
    if isinstance(q, Node) and q.op.name == "array":
        q = q.value.array()
    if isinstance(q, Node):
        return q / 100 if percent else q
    values = np.asarray(q, float) / (100 if percent else 1)
    if np.any((values < 0) | (values > 1)) or np.isnan(values).any():
        raise ShapeError(f"{what}: out of range", expected=f"0 to {100 if percent else 1}", got=repr(q)[:60])
    return values


def _spread(y: Node, rank: int) -> Node:
    """Axes of size 1 behind those of y."""
    return expand_dims(y, axes=tuple(range(y.rank, y.rank + rank))) if rank else y


def _between(low: Node, high: Node, part: Node, method: str) -> Node:
    if method == "midpoint":
        # Where the position is that of an entry, both are this entry.
        return (low + high) / 2
    return low + (high - low) * part


def _ends(position: Any, method: str) -> tuple[Any, Any]:
    """The entries below and above positions: numpy arrays or nodes of floats."""
    only = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}.get(method)
    if only is not None:
        one = _rounded(only, position)
        return one, one
    return _rounded(np.floor, position), _rounded(np.ceil, position)


def _rounded(how: Any, position: Any) -> Any:
    return FUNCTIONS[how](position) if isinstance(position, Node) else how(position)


def _integers(value: Any) -> Node:
    if isinstance(value, Node):
        return cast(value, to="int64")
    whole = np.asarray(value).astype(np.int64)
    return lift(int(whole)) if whole.ndim == 0 else _array(whole)


def _array(values: Any) -> Node:
    return lift(float(values)) if np.ndim(values) == 0 else array_node(np.asarray(values))


def _picked(ordered: Node, q: Any, size: Size, method: str) -> tuple[Node, int]:
    """Quantiles of a sorted array along its first axis, and how many axes those of q are."""
    known = not isinstance(q, Node)
    position: Any
    if method in PLOTTING or method in PICKING:
        position = _place(q, size, method)
        method = "linear"
    elif known and isinstance(size, int):
        position = q * (size - 1)
    else:
        position = (_array(q) if known else q) * lift(size - 1)
    low, high = _ends(position, method)
    rank = position.rank if isinstance(position, Node) else np.ndim(position)
    if not isinstance(position, Node) and np.array_equal(low, high):
        return gather(ordered, _integers(low), axis=0), rank
    if low is high:
        return gather(ordered, _integers(low), axis=0), rank
    part = position - low
    part = part if isinstance(part, Node) else _array(part)
    below, above = (gather(ordered, _integers(end), axis=0) for end in (low, high))
    return _between(below, above, _spread(part, ordered.rank - 1), method), rank


def _place(q: Any, size: Size, method: Any) -> Any:
    """The place of quantiles among sorted entries, by one of the methods of `PLOTTING` and `PICKING`."""
    if not isinstance(q, Node) and isinstance(size, int):
        return np.quantile(np.arange(float(size)), q, method=method)
    if method not in PLOTTING:
        raise TraceError(
            f"quantiles by method={method!r} are of arrays of fixed size, and q is a literal",
            hint='method="linear", or one of ' + ", ".join(PLOTTING),
        )
    a, b = PLOTTING[method]
    q = q if isinstance(q, Node) else _array(q)
    place = q * lift(size) + (a - 1) + q * (1 - a - b)
    return minimum(maximum(place, 0.0), lift(size - 1))


def _check(what: str, out: Any, method: Any, weights: Any, interpolation: Any) -> str:
    refuse(what, out=out, weights=weights)
    chosen = interpolation if interpolation not in (None, np._NoValue) else method
    every = (*METHODS, *PLOTTING, *PICKING)
    if chosen not in every:
        raise TraceError(f"{what}: method={chosen!r} is not supported", expected=", ".join(every))
    return str(chosen)


def _quantile(what: str, a: Any, q: Any, axis: Any, keepdims: Any, method: str, percent: bool) -> Node:
    x, axes = _line(what, a, axis)
    ordered = sort_(x, axis=0)
    value, lead = _picked(ordered, _weighed(what, q, percent), core(x.shape)[0], method)
    return _kept(_unless_nan(value, ordered), axes, keepdims, lead)


@spelled(np.quantile)
def quantile(
    a: Node, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: Any = False, *, weights: Any = None, interpolation: Any = None,
) -> Node:  # fmt: skip
    """`np.quantile`; q may be symbolic."""
    method = _check("np.quantile", out, method, weights, interpolation)
    return _quantile("np.quantile", a, q, axis, keepdims, method, percent=False)


@spelled(np.percentile)
def percentile(
    a: Node, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: Any = False, *, weights: Any = None, interpolation: Any = None,
) -> Node:  # fmt: skip
    """`np.percentile`; q may be symbolic."""
    method = _check("np.percentile", out, method, weights, interpolation)
    return _quantile("np.percentile", a, q, axis, keepdims, method, percent=True)


# --- without nan --------------------------------------------------------------------------------------


def _nan_quantile(what: str, a: Any, q: Any, axis: Any, keepdims: Any, percent: bool) -> Node:
    weights = _weighed(what, q, percent)
    if (isinstance(weights, Node) and weights.rank) or np.ndim(weights) > 1:
        raise TraceError(f"{what}: q has to be a number or a list of numbers", got=repr(q)[:60])
    x, axes = _line(what, a, axis)
    ordered = sort_(without_nan(x, INFINITY), axis=0)
    count = counted(x, (0,))
    if isinstance(weights, Node) or np.ndim(weights) == 0:
        one = weights if isinstance(weights, Node) else float(weights)
        return _kept(_nan_picked(ordered, one, count), axes, keepdims)
    parts = [_nan_picked(ordered, float(w), count) for w in weights]
    return _kept(stack(parts), axes, keepdims, 1)


def _nan_picked(ordered: Node, q: Any, count: Node) -> Node:
    """One quantile of the first `count` entries of each line."""
    position = cast(count - 1, to="float64") * lift(q)
    start = FUNCTIONS[np.floor](position)
    low = cast(start, to="int64")
    high = minimum(low + 1, count - 1)
    none = equal(count, 0)
    below, above = (where(none, 0.0, _row(ordered, place)) for place in (low, high))
    return where(none, float("nan"), below + (above - below) * (position - start))


def _row(ordered: Node, places: Node) -> Node:
    picked = take_along(ordered, expand_dims(places, axes=(0,)), axis=0)
    return along(picked, 0, 0)


@spelled(np.nanmedian)
def nanmedian(
    a: Node, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False
) -> Node:
    """`np.nanmedian`; nan where there are no numbers."""
    refuse("np.nanmedian", out=out)
    return _nan_quantile("np.nanmedian", a, 0.5, axis, keepdims, percent=False)


@spelled(np.nanquantile)
def nanquantile(
    a: Node, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: Any = False, *, weights: Any = None, interpolation: Any = None,
) -> Node:  # fmt: skip
    """`np.nanquantile` by linear interpolation."""
    _linear(_check("np.nanquantile", out, method, weights, interpolation))
    return _nan_quantile("np.nanquantile", a, q, axis, keepdims, percent=False)


@spelled(np.nanpercentile)
def nanpercentile(
    a: Node, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: Any = False, *, weights: Any = None, interpolation: Any = None,
) -> Node:  # fmt: skip
    """`np.nanpercentile` by linear interpolation."""
    _linear(_check("np.nanpercentile", out, method, weights, interpolation))
    return _nan_quantile("np.nanpercentile", a, q, axis, keepdims, percent=True)


def _linear(method: str) -> None:
    if method != "linear":
        raise TraceError(f"quantiles without nan: method={method!r} is not supported", expected="'linear'")
