"""Blocks as arrays: an entry is computed once and written to its places; nothing is multiplied by zeros."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.blocks.block import Block
from symgrad.blocks.joining import joined
from symgrad.blocks.places import Label, Place, at, fresh, integers, merged_place, radix
from symgrad.node import Node, lift
from symgrad.ops.embed import Spot, Spots, embed
from symgrad.ops.gather import scatter
from symgrad.ops.rearrange import diag_
from symgrad.ops.structure import broadcast_to, broadcast_up, expand_dims, head, reshape_to
from symgrad.shapes import Shape, Size, core, has_batch, product


def dense(blocks: Sequence[Block], shape: Shape) -> Node:
    """The sum of the blocks as an array of that shape, which may start with a batch."""
    sizes = core(shape)
    whole: list[Node] = []
    parts: list[tuple[Node, Spots]] = []
    for block in joined([_upright(block) for block in blocks]):
        block = _flat(block, sizes)
        spots = _spots(block, sizes)
        if spots is None:
            whole.append(_scattered(block, sizes))
        elif _covers(spots, sizes):
            whole.append(_filled(block, block.labels))
        else:
            parts.append((block.coefficient(block.labels), spots))
    if not whole and not parts:
        return broadcast_to(lift(0.0), shape=shape)
    total = None
    for array in whole:
        total = array if total is None else total + array
    if parts:
        if total is not None:
            everything = tuple([(axis, 0, 1) for axis in range(len(sizes))])
            parts.insert(0, (total, (tuple(sizes), everything)))
        total = _embedded(parts, sizes)
    assert total is not None
    return broadcast_up(total, shape)


def _upright(block: Block) -> Block:
    """The block with no label that runs backwards wherever it is."""
    for label in block.labels:
        strides = [s for place in block.places for atom, s in place.parts if atom is label]
        if strides and all(isinstance(s, int) and s < 0 for s in strides):
            block = block.substituted(label, at(Label(label.size)).moved(label.size - 1, -1))
    return block


def _flat(block: Block, sizes: Sequence[Size]) -> Block:
    """The block with labels that are the digits of one axis merged to one label, where nothing else is."""
    if all(len(place.parts) < 2 for place in block.places) or not all(p.affine for p in block.places):
        return block
    inner: list[Label] = []
    spots: list[Place] = []
    widths: list[Size] = []
    for place in block.places:
        labels = place.labels
        width = product([label.size for label in labels])
        if labels and radix(Place(0, place.parts), width) is None and len(labels) > 1:
            return block
        if len(labels) < 2 and not _is_simple(place):
            return block
        inner += labels
        widths.append(width)
        spots.append(place)
    order = block.labels
    digits = [label.size for label in inner]
    key = tuple([(order.index(label), 0, 1) for label in inner])
    one_each: Spots = (tuple([label.size for label in order]), key)
    if len(set(inner)) == len(inner):
        array = _filled(block, inner)
    else:
        array = _embedded([(block.coefficient(order), one_each)], digits)
    array = reshape_to(array, widths)
    places, labels_new = [], []
    for place, width in zip(spots, widths):
        axis = fresh(width)
        stride = place.parts[0][1] if len(place.parts) == 1 else 1
        places.append(axis.moved(place.offset, stride))
        labels_new.append(axis.plain)
    kept = [label for label in labels_new if label is not None]
    array = reshape_to(array, [label.size for label in kept])
    split = len(block.seed) if block.seed_first else len(block.axes)
    front, back = tuple(places[:split]), tuple(places[split:])
    seed, axes = (front, back) if block.seed_first else (back, front)
    return Block(((array, tuple(kept)),), seed, axes, block.seed_first)


def _is_simple(place: Place) -> bool:
    return all(isinstance(stride, int) and stride > 0 for _, stride in place.parts)


def _filled(block: Block, order: Sequence[Label]) -> Node:
    """The entries as an array with one axis a label, repeated along labels of no factor."""
    entries = block.coefficient(order)
    return broadcast_up(entries, (*head(entries.shape), *[label.size for label in order]))


def _spots(block: Block, sizes: Sequence[Size]) -> Spots | None:
    """Where the entries are, for `embed`; None where that takes arrays of integers."""
    order = block.labels
    spots: list[Spot] = []
    for place in block.places:
        if not place.parts:
            spots.append((None, place.offset, 1))
            continue
        ((atom, stride), *more) = place.parts
        if more or not isinstance(atom, Label) or not _is_simple(place):
            return None
        assert isinstance(stride, int)
        spots.append((order.index(atom), place.offset, stride))
    return tuple([label.size for label in order]), tuple(spots)


def _covers(spots: Spots, sizes: Sequence[Size]) -> bool:
    """Whether every entry of an array of those sizes is there, in order."""
    numbers = [label for label, _, _ in spots[1]]
    full = all(
        (label is None and size == 1) or (label is not None and start == 0 and spots[0][label] == size)
        for (label, start, _), size in zip(spots[1], sizes)
    )
    labelled = [n for n in numbers if n is not None]
    return full and len(set(labelled)) == len(labelled) and len(labelled) == len(numbers)


def _embedded(parts: Sequence[tuple[Node, Spots]], sizes: Sequence[Size]) -> Node:
    batch = any(has_batch(node.shape) for node, _ in parts)
    nodes = []
    for node, (own, _) in parts:
        if batch and node.rank < len(own):
            node = expand_dims(node, axes=tuple(range(len(own) - node.rank)))
        nodes.append(node)
    ((node, (own, spots)), *more) = parts
    if not more and spots == ((0, 0, 1), (0, 0, 1)) and own[0] == sizes[0] == sizes[1]:
        diagonal = broadcast_up(node, (*head(node.shape), *own))
        return diag_(diagonal, offset=0, rows=sizes[0], columns=sizes[1])
    front = next((head(node.shape) for node in nodes if has_batch(node.shape)), ())
    return embed(*nodes, places=tuple([spots for _, spots in parts]), shape=(*front, *sizes))


def _scattered(block: Block, sizes: Sequence[Size]) -> Node:
    """Entries added at the places that arrays of integers name."""
    values, places = entries(block, merged_place(block.places, sizes))
    total = product(sizes)
    return reshape_to(scatter(values, places, axis=0, sizes=(total,)), sizes)


def entries(block: Block, place: Place) -> tuple[Node, Node]:
    """All entries of a block in one row, and a place of each."""
    order = block.labels
    count = product([label.size for label in order])
    values = reshape_to(_filled(block, order), [count])
    spread = broadcast_up(integers(place, order), tuple([label.size for label in order]))
    return values, reshape_to(spread, [count])
