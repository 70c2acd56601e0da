"""Borders: `np.pad` in its modes, from slices of the array where its size is not known."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, lift
from symgrad.ops.gather import gather
from symgrad.ops.join import as_array, concatenate, section
from symgrad.ops.leaves import array_node
from symgrad.ops.rearrange import flip_
from symgrad.ops.structure import broadcast_up, expand_dims, head, normalize_axis, permute, reshape_to
from symgrad.ops.windows import Widths, pad
from symgrad.shapes import Shape, Size, core, shape_text
from symgrad.spelling import FUNCTIONS, spelled

MODES = ("constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp")
#: Modes that repeat a statistic of a whole axis.
STATISTICS = {"mean": np.mean, "median": np.median, "maximum": np.max, "minimum": np.min}


@spelled(np.pad)
def numpy_pad(
    array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0,
    end_values: Any = 0, reflect_type: str = "even", stat_length: Any = None,
) -> Node:  # fmt: skip
    """`np.pad` with constants, with entries of the array, or with what follows from them."""
    x = as_array(array)
    if (mode not in MODES and mode not in STATISTICS) or stat_length is not None:
        option = "" if stat_length is None else ", stat_length=..."
        raise TraceError(
            f"np.pad(..., mode={mode!r}{option}) is not supported",
            expected=", ".join(map(repr, (*MODES, *STATISTICS))),
            hint="np.concatenate of slices for a border of other entries",
        )
    if reflect_type not in ("even", "odd"):
        raise TraceError(
            "np.pad: reflect_type is unknown", expected="'even' or 'odd'", got=repr(reflect_type)
        )
    widths = _widths(pad_width, x)
    if all(before == 0 and after == 0 for before, after in widths):
        return x
    if mode == "constant":
        return _constant(x, widths, constant_values)
    ends = [_two(v) for v in _for_each_axis(end_values, x)]
    for axis, (before, after) in enumerate(widths):
        if mode == "linear_ramp":
            x = _ramped(x, axis, before, after, ends[axis])
        elif mode in STATISTICS:
            middle = FUNCTIONS[STATISTICS[mode]](x, axis=axis, keepdims=True)
            x = _joined(_repeated(middle, axis, before), x, _repeated(middle, axis, after), axis)
        else:
            x = _extended(x, axis, before, after, mode, reflect_type == "odd")
    return x


# --- constants ----------------------------------------------------------------------------------------


def _constant(x: Node, widths: Widths, values: Any) -> Node:
    pairs = [_two(v) for v in _for_each_axis(values, x)]
    first = pairs[0][0]
    if all(type(v) in (int, float) and v == first for pair in pairs for v in pair):
        return pad(x, widths=widths, value=first)
    for axis, ((before, after), (low, high)) in enumerate(zip(widths, pairs)):
        parts = [_filled(x, axis, before, low), x, _filled(x, axis, after, high)]
        x = concatenate([part for part in parts if core(part.shape)[axis] != 0], axis=axis)
    return x


def _filled(x: Node, axis: int, width: Size, value: Any) -> Node:
    node = lift(value)
    sizes = list(core(x.shape))
    sizes[axis] = width
    shape: Shape = (head(node.shape) or ()) + tuple(sizes)
    if node.rank:
        raise ShapeError("np.pad: constant_values are scalars", got=shape_text(node.shape))
    return broadcast_up(
        lift(float(value)) if isinstance(value, int) and x.dtype == "float64" else node, shape
    )


def _two(value: Any) -> tuple[Any, Any]:
    sides = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return sides if len(sides) == 2 else sides * 2


def _for_each_axis(values: Any, x: Node) -> list[Any]:
    if isinstance(values, dict):
        return [values.get(i, values.get(i - x.rank, 0)) for i in range(x.rank)]
    if not isinstance(values, (tuple, list)):
        return [values] * x.rank
    if not any(isinstance(v, (tuple, list)) for v in values):
        return [values] * x.rank
    return list(values) * x.rank if len(values) == 1 else list(values)


# --- entries of the array -----------------------------------------------------------------------------


def _joined(low: Node, x: Node, high: Node, axis: int) -> Node:
    parts = [part for part in (low, x, high) if core(part.shape)[axis] != 0]
    return concatenate(parts, axis=axis)


def _ramped(x: Node, axis: int, before: Size, after: Size, ends: tuple[Any, Any]) -> Node:
    """Straight lines from given ends to the edges."""
    if not isinstance(before, int) or not isinstance(after, int):
        raise TraceError("np.pad(mode='linear_ramp'): widths have to be fixed", got=f"{before}, {after}")
    size = core(x.shape)[axis]
    sides = []
    for width, end, place in ((before, ends[0], 0), (after, ends[1], size - 1)):
        edge = section(x, place, place + 1, axis)
        share = expand_dims(
            array_node(np.arange(width) / max(width, 1)), axes=tuple(range(1, x.rank - axis))
        ) if width else None  # fmt: skip
        sides.append(_repeated(edge, axis, 0) if share is None else end + (edge - end) * share)
    return _joined(sides[0], x, flip_(sides[1], axes=(axis,)) if after else sides[1], axis)


def _extended(x: Node, axis: int, before: Size, after: Size, mode: str, odd: bool = False) -> Node:
    """The array with borders of its own entries along one axis."""
    size = core(x.shape)[axis]
    if before == 0 and after == 0:
        return x
    if isinstance(size, int) and isinstance(before, int) and isinstance(after, int):
        if size == 0:
            raise ShapeError(f"np.pad(mode={mode!r}): an axis is empty", got=shape_text(x.shape))
        room = size if mode != "reflect" else size - 1
        if odd and mode in ("reflect", "symmetric") and max(before, after) > room:
            raise TraceError("np.pad(reflect_type='odd'): wider than the axis", got=shape_text(x.shape))
        if mode != "edge" and max(before, after) > room:
            places = np.pad(np.arange(size), (before, after), _mode(mode))
            return gather(x, array_node(places), axis=axis)
    low, high = _borders(x, axis, before, after, mode)
    if odd and mode in ("reflect", "symmetric"):
        first, last = section(x, 0, 1, axis), section(x, size - 1, size, axis)
        low, high = 2 * first - low, 2 * last - high
    parts = ([low] if before != 0 else []) + [x] + ([high] if after != 0 else [])
    return concatenate(parts, axis=axis)


def _mode(mode: str) -> Any:
    """The mode for numpy, whose types want one of its literals."""
    return mode


def _borders(x: Node, axis: int, before: Size, after: Size, mode: str) -> tuple[Node, Node]:
    size = core(x.shape)[axis]

    def part(start: Size, stop: Size) -> Node:
        return section(x, start, stop, axis)

    if mode == "edge":
        return _repeated(part(0, 1), axis, before), _repeated(part(size - 1, size), axis, after)
    if mode == "wrap":
        return part(size - before, size), part(0, after)
    skip = 1 if mode == "reflect" else 0
    low, high = part(skip, before + skip), part(size - after - skip, size - skip)
    return flip_(low, axes=(axis,)), flip_(high, axes=(axis,))


def _repeated(edge: Node, axis: int, count: Size) -> Node:
    sizes = list(core(edge.shape))
    sizes[axis] = count
    return broadcast_up(edge, head(edge.shape) + tuple(sizes))


# --- widths -------------------------------------------------------------------------------------------


def _widths(given: Any, x: Node) -> Widths:
    """A pair for every axis, from one number, one pair, a pair for each axis, or a dict of axes."""
    if isinstance(given, Node) and given.op.name == "array":
        given = given.value.array().tolist()
    if isinstance(given, dict):
        found: list[Any] = [(0, 0)] * x.rank
        for axis, width in given.items():
            if not -x.rank <= axis < x.rank:
                raise ShapeError(f"np.pad: no axis {axis} in an array of shape {shape_text(x.shape)}")
            found[axis] = _pair(width)
        return tuple(found)
    if not isinstance(given, (tuple, list)):
        return (_pair(given),) * x.rank
    if not any(isinstance(entry, (tuple, list)) for entry in given):
        return (_pair(given if len(given) > 1 else given[0]),) * x.rank
    pairs = tuple([_pair(entry) for entry in given])
    pairs = pairs * x.rank if len(pairs) == 1 else pairs
    if len(pairs) != x.rank:
        raise ShapeError(f"np.pad: {len(pairs)} pairs of widths for an array of shape {shape_text(x.shape)}")
    return pairs


def _pair(width: Any) -> tuple[Size, Size]:
    sides = tuple(width) if isinstance(width, (tuple, list)) else (width,)
    before, after = sides if len(sides) == 2 else sides * 2
    for side in (before, after):
        if isinstance(side, bool) or (isinstance(side, int) and side < 0) or isinstance(side, (float, Node)):
            raise ShapeError("np.pad: widths are counts of entries", got=repr(width))
    return before, after


# --- entries put in and left out ----------------------------------------------------------------------


@spelled(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Node:
    """`np.append`; without an axis, of the elements in reading order."""
    return concatenate([_at_least_vector(arr), _at_least_vector(values)], axis=axis)


def _at_least_vector(value: Any) -> Node:
    node: Node = as_array(value)
    return node if node.rank else broadcast_up(node, (*head(node.shape), 1))


def _flat(arr: Any, axis: Any) -> tuple[Node, int]:

    x = as_array(arr)
    if axis is None:
        return reshape_to(x, (-1,)), 0
    return x, normalize_axis("np.delete or np.insert", axis, x.rank, x.shape)


def _places(what: str, obj: Any, size: Size) -> Any:
    """Literal positions: an integer, or a sorted array of integers."""
    if isinstance(obj, Node) and obj.op.name in ("array", "const"):
        obj = obj.value.array() if obj.op.name == "array" else obj.value
    if isinstance(obj, Node):
        raise TraceError(f"{what}: positions have to be literals", hint="np.where keeps the shape")
    if isinstance(obj, slice) or not isinstance(obj, int):
        if not isinstance(size, int):
            raise TraceError(
                f"{what}: several positions need an axis of fixed size",
                got=f"size {size}",
                expected="one integer",
            )
        return np.arange(size)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if isinstance(size, int) and not -size <= obj < size + (what == "np.insert"):
        raise ShapeError(f"{what}: position {obj} is out of bounds", got=f"size {size}")
    return obj


@spelled(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Node:
    """`np.delete`, for literal positions."""
    x, position = _flat(arr, axis)
    size = core(x.shape)[position]
    places = _places("np.delete", obj, size)
    if isinstance(places, int):
        at: Size = places if places >= 0 else size + places
        return concatenate([section(x, 0, at, position), section(x, at + 1, size, position)], axis=position)
    kept = np.delete(np.arange(size), places)
    return gather(x, array_node(kept), axis=position)


@spelled(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Node:
    """`np.insert`, at one literal position."""
    x, position = _flat(arr, axis)
    size = core(x.shape)[position]
    place = _places("np.insert", obj, size)
    if not isinstance(place, int):
        raise TraceError("np.insert: several positions are not supported", hint="np.concatenate of slices")
    at: Size = place if place >= 0 else size + place
    new = as_array(values)
    sizes = list(core(x.shape))
    if new.rank == x.rank and new.rank:
        # numpy takes the first axis of the values for that of the positions.
        order = list(range(1, new.rank))
        order.insert(position, 0)

        new = permute(new, order)
        sizes[position] = core(new.shape)[position]
    elif new.rank and new.rank == 1 and x.rank == 1:
        sizes[position] = core(new.shape)[0]
    else:
        new = _with_axis(new, position, x.rank)
        sizes[position] = 1
    new = broadcast_up(new, head(new.shape) + tuple(sizes))
    return concatenate([section(x, 0, at, position), new, section(x, at, size, position)], axis=position)


def _with_axis(new: Node, position: int, rank: int) -> Node:
    """Values of one position, of fewer axes, with one of size 1 where they are put."""

    if not new.rank:
        return new
    after = rank - position - 1
    return expand_dims(new, axes=(max(new.rank - after, 0),))
