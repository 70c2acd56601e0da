"""Blocks through what moves entries: views, slices, joins, index arrays, windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symgrad.blocks.axis import full_axis
from symgrad.blocks.block import Block
from symgrad.blocks.picking import pick
from symgrad.blocks.places import (
    ORIGIN,
    Label,
    Picked,
    Place,
    fresh,
    merged_place,
    plus,
)
from symgrad.blocks.table import Operands, Uncovered, carries, only
from symgrad.node import Node, lift
from symgrad.ops.creation import arange_
from symgrad.ops.embed import position_of
from symgrad.ops.indexing import is_nonnegative, slice_entry
from symgrad.ops.rounding import mod
from symgrad.shapes import Dim, Size, core, has_batch, product, rank


@carries("expand_dims")
def _expand(node: Node, operands: Operands) -> list[Block]:
    found = []
    for block in only(operands):
        axes = iter(block.axes)
        places = [ORIGIN if i in node.axes else next(axes) for i in range(node.rank)]
        found.append(replace(block, axes=tuple(places)))
    return found


@carries("squeeze")
def _squeeze(node: Node, operands: Operands) -> list[Block]:
    return [b.with_axes([p for i, p in enumerate(b.axes) if i not in node.axes]) for b in only(operands)]


@carries("transpose")
def _transpose(node: Node, operands: Operands) -> list[Block]:
    return [replace(b, axes=tuple([b.axes[i] for i in node.axes])) for b in only(operands)]


@carries("flip")
def _flip(node: Node, operands: Operands) -> list[Block]:
    found = []
    for block in only(operands):
        axes = [
            place.moved(size - 1, -1) if i in node.axes else place
            for i, (place, size) in enumerate(zip(block.axes, core(node.shape)))
        ]
        found.append(replace(block, axes=tuple(axes)))
    return found


# --- reshape ------------------------------------------------------------------------------------------


@carries("reshape")
def _reshape(node: Node, operands: Operands) -> list[Block]:
    groups = grouped(core(node.args[0].shape), core(node.shape))
    if groups is None:
        raise Uncovered
    return [_regrouped(block, groups) for block in only(operands)]


Groups = list[tuple[tuple[Size, ...], tuple[Size, ...]]]


def _regrouped(block: Block, groups: Groups) -> Block:
    """The block with runs of its axes merged into one axis, and single axes split."""
    start = 0
    for old, new in groups:
        if len(new) > 1:
            if len(old) > 1:
                raise Uncovered
            if block.axes[start].covers(old[0]) is None:
                block = full_axis(block, start, old[0])
            label = block.axes[start].plain
            assert label is not None
            places = [fresh(size) for size in new]
            block = block.substituted(label, merged_place(places, new))
        else:
            places = [merged_place(block.axes[start : start + len(old)], old)] if new else []
        axes = (*block.axes[:start], *places, *block.axes[start + len(old) :])
        block = replace(block, axes=axes)
        start += len(new)
    return block.with_axes(block.axes)


def grouped(old: Sequence[Size], new: Sequence[Size]) -> Groups | None:
    """Runs of axes of both shapes that have the same number of elements, as short as they can be."""
    groups = []
    i = j = 0
    while i < len(old) or j < len(new):
        start, begin = i, j
        if i < len(old) and old[i] == 1 and (j == len(new) or new[j] != 1):
            i += 1
        elif j < len(new) and new[j] == 1 and (i == len(old) or old[i] != 1):
            j += 1
        else:
            if i == len(old) or j == len(new):
                return None
            i, j = i + 1, j + 1
            split = _extended(old, new, start, begin)
            if split is None:
                return None
            i, j = split
        groups.append((tuple(old[start:i]), tuple(new[begin:j])))
    return groups


def _extended(old: Sequence[Size], new: Sequence[Size], start: int, begin: int) -> tuple[int, int] | None:
    """The ends of the shortest runs from there of one product."""
    for total in range(2, len(old) - start + len(new) - begin + 1):
        for count in range(1, total):
            i, j = start + count, begin + total - count
            if i <= len(old) and j <= len(new) and product(old[start:i]) == product(new[begin:j]):
                return i, j
    return None


# --- indices and slices -------------------------------------------------------------------------------


@carries("index")
def _index(node: Node, operands: Operands) -> list[Block]:
    found = []
    for block in only(operands):
        sliced: Block | None = block
        for axis, (entry, size) in enumerate(zip(node.key, core(node.args[0].shape))):
            sliced = taken(sliced, axis, entry, size) if sliced is not None else None
        if sliced is not None:
            kept = [p for p, entry in zip(sliced.axes, node.key) if isinstance(entry, tuple)]
            found.append(sliced.with_axes(kept))
    return found


def _bounds(entry: object, size: Size) -> tuple[Size, Size, int]:
    """First position, number of positions and step of one entry of a key."""
    if not isinstance(entry, tuple):
        position: Size = entry  # type: ignore[assignment]
        return (size + position if _is_from_end(position) else position), 1, 1
    _, start, stop, step = entry
    count = slice_entry(start, stop, step, size)[1]
    if start is None:
        return (0 if step > 0 else size - 1), count, step
    return (size + start if _is_from_end(start) else start), count, step


def _is_from_end(position: Size) -> bool:
    return position < 0 if isinstance(position, int) else position.terms[0][1] < 0


def taken(block: Block, axis: int, entry: object, size: Size) -> Block | None:
    """The block at the positions of a slice along an axis; None where it has nothing there."""
    begin, count, step = _bounds(entry, size)
    if begin == 0 and count == size and step == 1:
        return block
    place = block.axes[axis]
    if place.covers(size) is None:
        shifted = _overlap(block, axis, begin, count, step)
        if shifted is not _UNKNOWN:
            return shifted  # type: ignore[return-value]
        block = full_axis(block, axis, size)
        place = block.axes[axis]
    label = place.plain
    if label is None:  # of size 1
        return block
    inner = fresh(count)
    block = block.substituted(label, inner.moved(begin, step))
    axes = list(block.axes)
    axes[axis] = inner
    return replace(block, axes=tuple(axes))


_UNKNOWN = object()


def _overlap(block: Block, axis: int, begin: Size, count: Size, step: int) -> object:
    """The block at a slice, where its place is a number or a label moved by one; `_UNKNOWN` elsewhere."""
    place = block.axes[axis]
    if not place.parts:
        position = place.offset - begin
        if isinstance(position, int) and position % step == 0:
            position = position // step
        elif step != 1:
            return _UNKNOWN
        if is_nonnegative(position) and is_nonnegative(count - 1 - position):
            return _replaced(block, axis, Place(position))
        if is_nonnegative(-1 - position) or is_nonnegative(position - count):
            return None
        return _UNKNOWN
    ((atom, stride),) = place.parts[:1]
    if len(place.parts) != 1 or not isinstance(atom, Label) or (stride, step) != (1, 1):
        return _UNKNOWN
    shift = place.offset - begin  # position in the slice = label + shift
    low, high = _larger(0, shift), _smaller(count, shift + atom.size)
    if low is None or high is None:
        return _UNKNOWN
    if is_nonnegative(low - high):
        return None
    width = high - low
    if isinstance(width, Dim) and width.terms[0][1] < 0:
        return _UNKNOWN
    if (low, high) == (shift, shift + atom.size):
        return _replaced(block, axis, place.moved(-begin))
    inner = fresh(width)
    block = block.substituted(atom, inner.moved(low - shift))
    return _replaced(block, axis, inner.moved(low))


def _replaced(block: Block, axis: int, place: Place) -> Block:
    axes = list(block.axes)
    axes[axis] = place
    return replace(block, axes=tuple(axes))


def _larger(a: Size, b: Size) -> Size | None:
    return a if is_nonnegative(a - b) else b if is_nonnegative(b - a) else None


def _smaller(a: Size, b: Size) -> Size | None:
    return a if is_nonnegative(b - a) else b if is_nonnegative(a - b) else None


def _put(block: Block, key: Sequence[object], shape: Sequence[Size]) -> Block:
    """The block put at a key of a larger array."""
    axes = iter(block.axes)
    places = []
    for entry, size in zip(key, shape):
        begin, _, step = _bounds(entry, size)
        places.append(next(axes).moved(begin, step) if isinstance(entry, tuple) else Place(begin))
    return replace(block, axes=tuple(places))


@carries("index_adjoint")
def _index_adjoint(node: Node, operands: Operands) -> list[Block]:
    return [_put(block, node.key, core(node.shape)) for block in only(operands)]


@carries("assemble")
def _assemble(node: Node, operands: Operands) -> list[Block]:
    return [
        _put(block, key, core(node.shape))
        for key, blocks in zip(node.keys, operands)
        for block in blocks or ()
    ]


@carries("concatenate")
def _concatenate(node: Node, operands: Operands) -> list[Block]:
    found = []
    start: Size = 0
    for operand, blocks in zip(node.args, operands):
        found += [_replaced(b, node.axis, b.axes[node.axis].moved(start)) for b in blocks or ()]
        start = start + core(operand.shape)[node.axis]
    return found


@carries("stack")
def _stack(node: Node, operands: Operands) -> list[Block]:
    return [
        replace(b, axes=(*b.axes[: node.axis], Place(position), *b.axes[node.axis :]))
        for position, blocks in enumerate(operands)
        for b in blocks or ()
    ]


@carries("pad")
def _pad(node: Node, operands: Operands) -> list[Block]:
    return [
        replace(b, axes=tuple([p.moved(before) for p, (before, _) in zip(b.axes, node.widths)]))
        for b in only(operands)
    ]


@carries("diag")
def _diag(node: Node, operands: Operands) -> list[Block]:
    down, right = max(-node.offset, 0), max(node.offset, 0)
    return [
        replace(b, axes=(*b.axes[:-1], b.axes[-1].moved(down), b.axes[-1].moved(right)))
        for b in only(operands)
    ]


@carries("diagonal")
def _diagonal(node: Node, operands: Operands) -> list[Block]:
    found = []
    rows, columns = core(node.args[0].shape)[-2:]
    for block in only(operands):
        for back, size in ((-2, rows), (-1, columns)):
            if block.axes[back].covers(size) is None or block.axes[-1] == block.axes[-2]:
                block = full_axis(block, len(block.axes) + back, size)
        inner = fresh(core(node.shape)[-1])
        for back, offset in ((-2, max(-node.offset, 0)), (-1, max(node.offset, 0))):
            label = block.axes[back].plain
            if label is not None:
                block = block.substituted(label, inner.moved(offset))
        found.append(block.with_axes((*block.axes[:-2], inner)))
    return found


# --- arrays of integers -------------------------------------------------------------------------------


@carries("gather")
def _gather(node: Node, operands: Operands) -> list[Block]:
    blocks = operands[0] or []
    count = len(node.args) - 1
    if any(has_batch(idx.shape) for idx in node.args[1:]):
        raise Uncovered
    source = core(node.args[0].shape)
    width = node.rank - (len(source) - count)
    new_sizes = core(node.shape)[node.axis : node.axis + width]
    found = []
    for block in blocks:
        new = [fresh(size) for size in new_sizes]
        for position, idx in enumerate(node.args[1:]):
            axis = node.axis + position
            place = block.axes[axis]
            again = place.plain is not None and any(
                place.plain in p.labels for p in block.axes[node.axis : axis]
            )
            if place.covers(source[axis]) is None or again:
                block = full_axis(block, axis, source[axis])
            label = block.axes[axis].plain
            if label is not None:
                block = block.substituted(label, _read(idx, new, source[axis]))
        axes = (*block.axes[: node.axis], *new, *block.axes[node.axis + count :])
        found.append(block.with_axes(axes))
    return found


def _read(idx: Node, places: Sequence[Place], size: Size) -> Place:
    """The place that an array of integers, broadcast against places, has for an axis of that size."""
    if size == 1:
        return ORIGIN
    node, labels = pick(idx, places[len(places) - idx.rank :])
    return Place(0, ((Picked(position_of(node, size), labels), 1),))


@carries("scatter_add")
def _scatter(node: Node, operands: Operands) -> list[Block]:
    width = max(rank(i.shape) for i in node.args[1:])
    if any(has_batch(idx.shape) for idx in node.args[1:]):
        raise Uncovered
    found = []
    for block in operands[0] or ():
        inner = block.axes[node.axis : node.axis + width]
        places = [_read(idx, inner, size) for idx, size in zip(node.args[1:], node.sizes)]
        found.append(block.with_axes((*block.axes[: node.axis], *places, *block.axes[node.axis + width :])))
    return found


@carries("take_along")
def _take_along(node: Node, operands: Operands) -> list[Block] | None:
    if operands[0] is None:
        return None
    size, count = core(node.args[0].shape)[node.axis], core(node.shape)[node.axis]
    found = []
    for block in operands[0]:
        if block.axes[node.axis].covers(size) is None:
            block = full_axis(block, node.axis, size)
        inner = fresh(count)
        label = block.axes[node.axis].plain
        places = _replaced(block, node.axis, inner).axes
        if any(label in p.labels for i, p in enumerate(block.axes) if i != node.axis):
            raise Uncovered
        if label is not None:
            block = block.substituted(label, _read(node.args[1], places, size))
        found.append(block.with_axes(places))
    return found


@carries("add_along")
def _add_along(node: Node, operands: Operands) -> list[Block] | None:
    if operands[0] is None:
        return None
    found = []
    for block in operands[0]:
        place = _read(node.args[1], block.axes, node.size)
        found.append(block.with_axes(_replaced(block, node.axis, place).axes))
    return found


@carries("roll")
def _roll(node: Node, operands: Operands) -> list[Block]:
    size = core(node.shape)[node.axis]
    found = []
    for block in only(operands):
        if block.axes[node.axis].covers(size) is None:
            block = full_axis(block, node.axis, size)
        label = block.axes[node.axis].plain
        inner = fresh(size)
        if label is not None:
            from_ = mod(arange_(size=size) - lift(node.shift), lift(size))
            block = block.substituted(label, _read(from_, [inner], size))
        found.append(block.with_axes(_replaced(block, node.axis, inner).axes))
    return found


# --- windows ------------------------------------------------------------------------------------------


@carries("sliding_windows")
def _windows(node: Node, operands: Operands) -> list[Block]:
    count = len(node.window)
    sizes = core(node.args[0].shape)
    found = []
    for block in only(operands):
        offsets, positions = [], []
        for k in range(count):
            axis = len(sizes) - count + k
            if block.axes[axis].covers(sizes[axis]) is None:
                block = full_axis(block, axis, sizes[axis])
            offset, position = fresh(node.window[k]), fresh(core(node.shape)[len(sizes) + k])
            label = block.axes[axis].plain
            if label is not None:
                step = plus(offset.moved(0, node.dilation[k]), position.moved(0, node.stride[k]))
                block = block.substituted(label, step)
            offsets.append(offset)
            positions.append(position)
        found.append(block.with_axes((*block.axes[: len(sizes) - count], *offsets, *positions)))
    return found


@carries("fold_windows")
def _fold(node: Node, operands: Operands) -> list[Block]:
    count = len(node.sizes)
    found = []
    for block in only(operands):
        lead = block.axes[: len(block.axes) - 2 * count]
        offsets = block.axes[len(lead) : len(lead) + count]
        positions = block.axes[len(lead) + count :]
        places = [
            plus(o.moved(0, node.dilation[k]), p.moved(0, node.stride[k]))
            for k, (o, p) in enumerate(zip(offsets, positions))
        ]
        found.append(block.with_axes((*lead, *places)))
    return found
