"""Functions given by samples: interpolation, gradients, integrals, search among sorted numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import binary_logarithm, elements
from symgrad.node import OPS, Node, Op, integers, lift, op
from symgrad.ops.comparison import equal, greater, less
from symgrad.ops.gather import gather
from symgrad.ops.join import along, as_array, concatenate, diff, section
from symgrad.ops.leaves import array_node
from symgrad.ops.reduce import count_of, reduced_axes, sum_over
from symgrad.ops.selection import choose, maximum, minimum, nonzero, where
from symgrad.ops.structure import broadcast_up, expand_dims, normalize_axis, reshape_to, solid
from symgrad.shapes import Shape, core, has_batch, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import Environment, Text

# --- searchsorted -------------------------------------------------------------------------------------


def _found_shape(a: Node, v: Node, side: str) -> Shape:
    if has_batch(a.shape) or a.rank != 1:
        raise ShapeError(
            "np.searchsorted: what is searched is one sorted vector", got=f"shape {shape_text(a.shape)}"
        )
    return v.shape


def _found_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    a = solid(node.args[0], operands[0], env)
    side = f', side="{node.side}"' if node.side != "left" else ""
    return Text(f"np.searchsorted({a.source}, {operands[1].source}{side})")


def _found_meaning(m: Any, node: Node, a: Any, v: Any) -> Any:
    out = np.zeros(v.shape, np.int64)
    for place in np.ndindex(v.shape):
        value = v[place]
        before = [bool(entry < value or (node.side == "right" and entry == value)) for entry in a]
        out[place] = before.count(True)
    return out


searchsorted_: Op = op(
    "searchsorted", "a v", params="side", defaults={"side": "left"},
    doc="Where numbers belong in a sorted vector: before equal entries, or after them with side 'right'.",
    shape=_found_shape,
    dtype=integers,
    numpy=_found_text,
    flops=lambda node: elements(node.shape) * binary_logarithm(node.args[0].shape[-1]),
    adjoint={"a": None, "v": None},
    sympy=_found_meaning,
    examples=[
        # A vector of one entry is sorted whatever it is.
        {"shapes": ("1", "3")},
        {"shapes": ("1", "2 3"), "side": "right"},
    ],
)  # fmt: skip


@spelled(np.searchsorted, method="searchsorted")
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Node:
    """`np.searchsorted`: positions, which have no derivative."""
    if sorter is not None or side not in ("left", "right"):
        raise TraceError("np.searchsorted: sorter= is not supported", hint="np.searchsorted(a[sorter], v)")
    return searchsorted_(as_array(a), as_array(v), side=side)


@spelled(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Node:
    """`np.digitize`; bins that are not literals are taken to increase."""
    edges = array_node(np.array(bins)) if isinstance(bins, (list, tuple)) else as_array(bins)
    side = "left" if right else "right"
    if edges.op.name == "array":
        values = edges.value.array()
        if values.size > 1 and values[0] > values[-1]:
            return lift(int(values.size)) - searchsorted(array_node(values[::-1]), x, side)
    return searchsorted(edges, x, side)


# --- interpolation ------------------------------------------------------------------------------------


@spelled(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Node:
    """`np.interp`; at a knot the derivative is the slope to its right, outside it is 0."""
    at, knots, heights = as_array(x) * 1.0, as_array(xp) * 1.0, as_array(fp) * 1.0
    if period is not None:
        at, knots, heights = _around(at, knots, heights, period)
        left = right = None
    if knots.rank != 1 or core(knots.shape) != core(heights.shape) or has_batch(heights.shape):
        raise ShapeError(
            "np.interp: xp and fp are vectors of one length",
            got=f"{shape_text(knots.shape)} and {shape_text(heights.shape)}",
        )
    size = core(knots.shape)[0]
    last = lift(size - 1)
    after = searchsorted_(knots, at, side="right")
    low = maximum(minimum(after - 1, last - 1), 0)
    high = minimum(low + 1, last)
    x0, x1, y0, y1 = (gather(of, place, axis=0) for of in (knots, heights) for place in (low, high))
    first, end = along(knots, 0, 0), along(knots, size - 1, 0)
    below = along(heights, 0, 0) if left is None else lift(left)
    above = along(heights, size - 1, 0) if right is None else lift(right)
    inside = y0 + (y1 - y0) * ((at - x0) / nonzero(x1 - x0))
    return where(less(at, first), below, where(greater(at, end), above, inside))


def _around(at: Node, knots: Node, heights: Node, period: Any) -> tuple[Node, Node, Node]:
    """Places and knots within one period, with the last knot in front again and the first one behind."""
    turn = FUNCTIONS[np.abs](lift(period))
    at, knots = FUNCTIONS[np.mod](at, turn), FUNCTIONS[np.mod](knots, turn)
    order = FUNCTIONS[np.argsort](knots)
    knots, heights = gather(knots, order, axis=0), gather(heights, order, axis=0)
    size = core(knots.shape)[0]
    first, last = section(knots, 0, 1, 0), section(knots, size - 1, size, 0)
    return (
        at,
        concatenate([last - turn, knots, first + turn]),
        concatenate([section(heights, size - 1, size, 0), heights, section(heights, 0, 1, 0)]),
    )


# --- derivatives and integrals ------------------------------------------------------------------------


def _spacing(what: str, given: Any, size: Any) -> Node:
    """A number, or the differences of coordinates."""
    node = as_array(given)
    if node.rank == 0:
        return node
    if node.rank != 1 or core(node.shape)[0] != size:
        raise ShapeError(f"{what}: spacing is a number or a coordinate for each entry", got=str(given)[:60])
    return diff(node)


def _line(v: Node, position: int, width: int) -> Node:
    """A vector along one axis of arrays of that many axes."""
    after = width - position - 1
    return expand_dims(v, axes=tuple(range(1, after + 1))) if v.rank and after else v


def _gradient(f: Node, h: Node, axis: int, edge_order: int) -> Node:
    size = core(f.shape)[axis]
    if isinstance(size, int) and size < edge_order + 1:
        raise ShapeError(
            "np.gradient: too few entries", expected=f"at least {edge_order + 1}", got=shape_text(f.shape)
        )

    def part(start: Any, stop: Any) -> Node:
        return section(f, start, stop, axis)

    before, middle, after = part(0, size - 2), part(1, size - 1), part(2, size)
    if h.rank:
        gaps = _line(h, axis, f.rank)
        at = gaps.rank - (f.rank - axis)
        one, two = section(gaps, 0, size - 2, at), section(gaps, 1, size - 1, at)
        slopes = (
            before * (-two / (one * (one + two)))
            + middle * ((two - one) / (one * two))
            + after * (one / (two * (one + two)))
        )
        ends = [section(gaps, i, i + 1, at) for i in ((0, 1) if edge_order == 2 else (0, 0))]
        tails = [section(gaps, size - 1 - i, size - i, at) for i in ((2, 1) if edge_order == 2 else (1, 1))]
    else:
        slopes = (after - before) / (2 * h)
        ends, tails = [h, h], [h, h]
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / ends[0]
        last = (part(size - 1, size) - part(size - 2, size - 1)) / tails[0]
    else:
        first = _one_sided([part(0, 1), part(1, 2), part(2, 3)], *ends)
        last = -_one_sided([part(size - i, size - i + 1) for i in (1, 2, 3)], tails[1], tails[0])
    return concatenate([first, slopes, last], axis=axis)


def _one_sided(f: list[Node], a: Node, b: Node) -> Node:
    """The derivative at the first of three entries, whose distances are a and b."""
    return f[0] * (-(2 * a + b) / (a * (a + b))) + f[1] * ((a + b) / (a * b)) - f[2] * (a / (b * (a + b)))


@spelled(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """`np.gradient`: central differences, one-sided at the ends."""
    x = as_array(f) * 1.0
    axes = (
        tuple(range(x.rank))
        if axis is None
        else tuple([normalize_axis("np.gradient", i, x.rank, x.shape) for i in _several(axis)])
    )
    if len(varargs) not in (0, 1, len(axes)) or edge_order not in (1, 2):
        raise ShapeError("np.gradient: one spacing, or one an axis; edge_order 1 or 2", got=str(varargs))
    given = varargs if len(varargs) == len(axes) else (varargs or (1.0,)) * len(axes)
    sizes = core(x.shape)
    parts = [_gradient(x, _spacing("np.gradient", h, sizes[i]), i, edge_order) for i, h in zip(axes, given)]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _several(axis: Any) -> tuple[Any, ...]:
    return tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Node:
    """`np.trapezoid`, `np.trapz`."""
    values = as_array(y)
    position = normalize_axis("np.trapezoid", axis, values.rank, values.shape)
    size = core(values.shape)[position]
    if x is None:
        width = as_array(dx)
    else:
        points = as_array(x)
        width = diff(points, axis=0 if points.rank == 1 else position)
        width = _line(width, position, values.rank) if points.rank == 1 else width
    pairs = section(values, 1, size, position) + section(values, 0, size - 1, position)
    return sum_over(width * pairs / 2.0, (position,))


for _name in ("trapezoid", "trapz"):
    if _name in np.__dict__:
        spelled(getattr(np, _name))(trapezoid)


# --- averages, differences, phases --------------------------------------------------------------------


def _total_weight(x: Node, axis: Any, weights: Any, keepdims: Any, mean: Node) -> Node:
    """The sum of weights that np.average(returned=True) gives too, in the shape of the mean."""
    if weights is None:
        counted = lift(count_of(x, reduced_axes("np.average", x, axis)))
        return broadcast_up(OPS["cast"](counted, to="float64"), mean.shape)
    ones = FUNCTIONS[np.ones_like](x)
    w = as_array(weights)
    if core(w.shape) == core(x.shape):
        return FUNCTIONS[np.sum](w, axis, keepdims=keepdims)  # type: ignore[no-any-return]
    return average(ones, axis, weights, keepdims=keepdims) * FUNCTIONS[np.sum](w)  # type: ignore[no-any-return]


@spelled(np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    """`np.average`; weights have the shape of `a`, or are one vector along an axis."""
    x = as_array(a)
    if returned:
        mean = average(x, axis, weights, keepdims=keepdims)
        return mean, _total_weight(x, axis, weights, keepdims, mean)
    axes, kept = reduced_axes("np.average", x, axis), keepdims is not np._NoValue and bool(keepdims)
    if weights is None:
        return FUNCTIONS[np.mean](x, axis, keepdims=kept)
    w = as_array(weights)
    if core(w.shape) != core(x.shape):
        if axis is None or len(axes) != 1 or w.rank != 1 or core(w.shape)[0] != core(x.shape)[axes[0]]:
            raise ShapeError(
                "np.average: weights do not fit",
                expected=f"{shape_text(core(x.shape))}, or a vector along axis=",
                got=shape_text(w.shape),
            )
        w = _line(w, axes[0], x.rank)
        total = sum_over(w, (0,), True)
        total = total if kept else reshape_to(total, ())
        return sum_over(x * w, axes, kept) / total
    return sum_over(x * w, axes, kept) / sum_over(w, axes, kept)


@spelled(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Node:
    """`np.ediff1d`."""
    parts = [to_begin, diff(reshape_to(as_array(ary), (-1,))), to_end]
    return concatenate([_flat(p) for p in parts if p is not None])


def _flat(value: Any) -> Node:
    node = as_array(value)
    return reshape_to(node, (-1,)) if node.rank else expand_dims(node, axes=(0,))


@spelled(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Node:
    """`np.unwrap`: the jumps that are added have derivative 0."""
    x = as_array(p) * 1.0
    position = normalize_axis("np.unwrap", axis, x.rank, x.shape)
    half, size = period / 2, core(x.shape)[position]
    steps = diff(x, axis=position)
    turned: Node = FUNCTIONS[np.mod](steps + half, period) - half
    turned = choose(FUNCTIONS[np.logical_and](equal(turned, -half), greater(steps, 0)), half, turned)
    jumps = choose(
        less(FUNCTIONS[np.abs](steps), half if discont is None else maximum(lift(discont), half)),
        0.0,
        turned - steps,
    )
    moved = section(x, 1, size, position) + FUNCTIONS[np.cumsum](jumps, position)
    return concatenate([section(x, 0, 1, position), moved], axis=position)


def _cumulative(name: str, running: Any, start: float) -> None:
    def builder(
        x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Node:
        node = as_array(x)
        if axis is None and node.rank > 1:
            raise ShapeError(f"np.{name}: axis= is needed", got=f"shape {shape_text(node.shape)}")
        position = 0 if axis is None else normalize_axis(f"np.{name}", axis, node.rank, node.shape)
        totals: Node = FUNCTIONS[running](node, position, dtype, out)
        if not include_initial:
            return totals
        shape = core(section(totals, 0, 1, position).shape)
        return concatenate([FUNCTIONS[np.broadcast_to](lift(start), shape), totals], axis=position)

    if name in np.__dict__:
        spelled(getattr(np, name))(builder)


_cumulative("cumulative_sum", np.cumsum, 0)
_cumulative("cumulative_prod", np.cumprod, 1)
