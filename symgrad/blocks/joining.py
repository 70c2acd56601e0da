"""Few blocks for many: those on one diagonal become one band, those in one corner of an axis one box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symgrad.blocks.block import Block, merged
from symgrad.blocks.places import Label, Picked, Place, at, fresh, numbered
from symgrad.ops.embed import Spot, Spots, embed
from symgrad.ops.indexing import is_nonnegative
from symgrad.shapes import Size


def joined(blocks: Sequence[Block]) -> list[Block]:
    """Blocks merged, boxes filled, bands put together: every place is in one block where that is known."""
    found = merged(blocks)
    for diagonals in (True, False):
        found = _boxes(found, diagonals)
    return _bands(found)


# --- boxes: entries of axes of fixed size, for each index of the others -------------------------------


@dataclass(frozen=True)
class _Axis:
    """One place taken apart: a base that the group has in common, and a few fixed positions."""

    base: Place
    start: int
    label: Label | None
    stride: int

    @property
    def stop(self) -> int:
        if self.label is None:
            return self.start + 1
        assert isinstance(self.label.size, int)
        return self.start + self.stride * (self.label.size - 1) + 1


def _boxes(blocks: Sequence[Block], diagonals: bool) -> list[Block]:
    """Groups of blocks in boxes where they fill them, small diagonals among what fills a box or apart."""
    found: dict[object, list[tuple[Block, list[_Axis]]]] = {}
    for position, block in enumerate(blocks):
        axes = [_taken_apart(place, block, diagonals) for place in block.places]
        key: object = position
        known = [axis for axis in axes if axis is not None]
        if len(known) == len(axes):
            bases = [axis.base for axis in known]
            labels = list(dict.fromkeys(x for base in bases for x in base.labels))
            numbers = {label: i for i, label in enumerate(labels)}
            key = (tuple([x.size for x in labels]), numbered(bases, numbers))
        found.setdefault(key, []).append((block, known))
    return [one for group in found.values() for one in _box(group)]


def _taken_apart(place: Place, block: Block, diagonals: bool) -> _Axis | None:
    base: list[tuple[Label | Picked, Size]] = []
    small: list[tuple[Label, int]] = []
    for atom, stride in place.parts:
        shared = isinstance(atom, Picked) or _is_shared(atom, block, diagonals)
        if not shared and isinstance(atom, Label) and isinstance(atom.size, int) and isinstance(stride, int):
            small.append((atom, stride))
        else:
            base.append((atom, stride))
    if len(small) > 1 or any(stride <= 0 for _, stride in small):
        return None
    symbolic, start = _constant(place.offset)
    if base and not any(isinstance(atom, Picked) for atom, _ in base) and not small:
        symbolic, start = place.offset, 0  # a band
    label, stride = small[0] if small else (None, 1)
    return _Axis(Place(symbolic, tuple(base)), start, label, stride)


def _is_shared(label: Label, block: Block, diagonals: bool) -> bool:
    """Whether a label ties places together, as that of an index does, and of a diagonal where that counts."""
    users = [p for p in block.places if label in p.labels]
    if len(users) == 1:
        return False
    return not diagonals or any(len(p.parts) > 1 or p.parts[0][0] is not label for p in users)


def _constant(size: Size) -> tuple[Size, int]:
    """What depends on names, and the number beside it."""
    if isinstance(size, int):
        return 0, size
    number = sum(factor for atoms, factor in size.terms if not atoms)
    return size - number, number


def _box(group: list[tuple[Block, list[_Axis]]]) -> list[Block]:
    """One block for a group that fills a box of fixed positions at least once; else the group."""
    blocks = [block for block, _ in group]
    if len(group) == 1:
        return blocks
    count = len(group[0][1])
    lows = [min(axes[i].start for _, axes in group) for i in range(count)]
    widths = [max(axes[i].stop for _, axes in group) - lows[i] for i in range(count)]
    entries = sum(
        math.prod([int(label.size) for label in dict.fromkeys(a.label for a in axes) if label])
        for _, axes in group
    )
    if math.prod(widths) > entries:
        return blocks
    first, model = group[0]
    base = list(dict.fromkeys(x for axis in model for x in axis.base.labels))
    boxes = [fresh(width) for width in widths]
    labels = (*base, *[x for box in boxes for x in box.labels])
    nodes, spots = [], []
    for block, axes in sorted(group, key=lambda pair: [axis.start for axis in reversed(pair[1])]):
        own = block.labels
        mine = list(dict.fromkeys(x for axis in axes for x in axis.base.labels))
        spot: list[Spot] = [(own.index(x), 0, 1) for x in mine]
        for axis, low, box in zip(axes, lows, boxes):
            if box.labels:
                number = None if axis.label is None else own.index(axis.label)
                spot.append((number, axis.start - low, axis.stride))
        nodes.append(block.coefficient(own))
        spots.append((tuple([x.size for x in own]), tuple(spot)))
    array = embed(*nodes, places=tuple(spots), shape=tuple([x.size for x in labels]))
    places = [
        Place(axis.base.offset + low + box.offset, (*axis.base.parts, *box.parts))
        for axis, low, box in zip(model, lows, boxes)
    ]
    split = len(first.seed) if first.seed_first else len(first.axes)
    front, back = tuple(places[:split]), tuple(places[split:])
    seed, own_axes = (front, back) if first.seed_first else (back, front)
    return [replace(first, factors=((array, labels),), seed=seed, axes=own_axes)]


# --- bands ----------------------------------------------------------------------------------------------


def _bands(blocks: Sequence[Block]) -> list[Block]:
    found: dict[object, list[Block]] = {}
    for position, block in enumerate(blocks):
        starts = _starts(block)
        key: object = position
        if starts:
            numbers = {label: i for i, label in enumerate(block.labels)}
            places = [p.moved(-starts[p.labels[0]]) if p.parts else p for p in block.places]
            key = numbered(places, numbers)
        found.setdefault(key, []).append(block)
    return [one for group in found.values() for one in _union(group)]


def _starts(block: Block) -> dict[Label, Size] | None:
    """Where each label starts along the first axis it is on; None unless all places are labels moved."""
    starts: dict[Label, Size] = {}
    for place in block.places:
        if not place.parts:
            continue
        ((atom, stride), *more) = place.parts
        if more or stride != 1 or not isinstance(atom, Label):
            return None
        starts.setdefault(atom, place.offset)
    return starts


def _union(group: list[Block]) -> list[Block]:
    """One block for several that lie on one diagonal, from the first start to the last end.

    Not where that would fill gaps between them with zeros, nor along an axis that is not part of a diagonal.
    """
    if len(group) == 1:
        return group
    shared = [sum(x in p.labels for p in group[0].places) > 1 for x in group[0].labels]
    bounds = []
    for position in range(len(group[0].labels)):
        lows, highs = [], []
        for block in group:
            label = block.labels[position]
            start = (_starts(block) or {})[label]
            lows.append(start)
            highs.append(start + label.size)
        low, high = _extreme(lows, -1), _extreme(highs, 1)
        if low is None or high is None:
            return group
        widths = [block.labels[position].size for block in group]
        if not shared[position] and any(width != high - low for width in widths):
            return group
        if not _grows_down(high - low - sum(widths, start=0)):
            return group
        bounds.append((low, high))
    labels = tuple([Label(high - low) for low, high in bounds])
    first = group[0]
    names = dict(zip(first.labels, labels))
    offsets = dict(zip(first.labels, [low for low, _ in bounds]))
    starts = _starts(first) or {}

    def place(p: Place) -> Place:
        if not p.parts:
            return p
        (label,) = p.labels
        return at(names[label]).moved(p.offset - starts[label] + offsets[label])

    nodes = []
    spots: list[Spots] = []
    for block in group:
        own = _starts(block) or {}
        sizes = tuple([label.size for label in block.labels])
        nodes.append(block.coefficient(block.labels))
        spots.append((sizes, tuple([(i, own[x] - bounds[i][0], 1) for i, x in enumerate(block.labels)])))
    array = embed(*nodes, places=tuple(spots), shape=tuple([label.size for label in labels]))
    return [
        Block(
            ((array, labels),),
            tuple(map(place, first.seed)),
            tuple(map(place, first.axes)),
            first.seed_first,
        )
    ]


def _grows_down(size: Size) -> bool:
    """Whether a size is not positive, where the names in it are large."""
    return size <= 0 if isinstance(size, int) else size.terms[0][1] < 0


def _extreme(sizes: Sequence[Size], sign: int) -> Size | None:
    """The largest of some sizes (the smallest for -1), where that is known."""
    for one in sizes:
        if all(is_nonnegative(sign * (one - other)) for other in sizes):
            return one
    return None
