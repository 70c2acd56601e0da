"""Bands of a Jacobian from few products: columns that no row has in common share a seed.

A chain of many steps, each of which looks at neighbours, has one block for every way there is through it.
Their places are known without their entries. Where all of them are bands, column j gets the colour j mod w,
w being the number of bands along its axis: no row meets two columns of one colour, and one product for each
colour has all entries (Curtis, Powell and Reid, On the estimation of sparse Jacobian matrices, J. Inst. Math.
Appl. 13, 1974). The colours follow from the distances between bands, so sizes stay symbolic, and no colouring
has to be searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symgrad.blocks.block import Block, identity
from symgrad.blocks.dense import dense
from symgrad.blocks.joining import joined
from symgrad.blocks.picking import pick
from symgrad.blocks.places import ORIGIN, Label, Picked, Place, fresh
from symgrad.node import Node, lift
from symgrad.ops.creation import arange_
from symgrad.ops.gather import one_hot_
from symgrad.ops.rounding import mod
from symgrad.shapes import Shape, Size, core
from symgrad.transforms.carry import Crowded, apart, carried, together


def separated(root: Node, seed: Node, seed_first: bool) -> list[Block]:
    """The blocks of a root, linear in a seed: one by one, or where they crowd by products with colours."""
    whole = {seed: [identity(seed.shape, seed_first)]}
    try:
        (blocks,) = carried([root], whole, seed.shape, apart)
        return blocks
    except Crowded:
        pass
    (pattern,) = carried([root], whole, seed.shape, lambda blocks, node: _places_only(blocks))
    widths = _widths(pattern, seed.shape)
    if widths is None:
        (blocks,) = carried([root], whole, seed.shape, lambda blocks, node: blocks)
        return blocks
    return _compressed(root, seed, seed_first, pattern, widths)


def _places_only(blocks: Sequence[Block]) -> list[Block]:
    return [replace(block, factors=()) for block in joined(blocks)]


def _widths(pattern: Sequence[Block], shape: Shape) -> list[int] | None:
    """For each axis of the seed the number of bands along it; None where there are others than bands."""
    found: list[int] = []
    for axis, size in enumerate(core(shape)):
        gaps: list[int] = []
        partners: list[int] = []
        for block in pattern:
            gap = _gap(block, axis)
            if size == 1:
                gap = 0, 0
            if gap is None:
                return None
            partners.append(gap[0])
            gaps.append(gap[1])
        if not gaps or len(set(partners)) > 1:
            return None
        found.append(max(gaps) - min(gaps) + 1)
    return found


def _gap(block: Block, axis: int) -> tuple[int, int] | None:
    """The axis that goes along with one of the seed, and how far the seed is ahead there."""
    label = _moved(block.seed[axis])
    if label is None or sum(label in p.labels for p in block.seed) > 1:
        return None
    users = [i for i, p in enumerate(block.axes) if label in p.labels]
    if len(users) != 1 or _moved(block.axes[users[0]]) is None:
        return None
    gap = block.seed[axis].offset - block.axes[users[0]].offset
    return (users[0], gap) if isinstance(gap, int) else None


def _moved(place: Place) -> Label | None:
    """The label of a place that is a label moved by an offset."""
    if len(place.parts) != 1:
        return None
    ((atom, stride),) = place.parts
    return atom if stride == 1 and isinstance(atom, Label) else None


def _compressed(
    root: Node, seed: Node, seed_first: bool, pattern: Sequence[Block], widths: Sequence[int]
) -> list[Block]:
    colours = tuple([fresh(width) for width in widths])
    columns = tuple([fresh(size) for size in core(seed.shape)])
    start = Block((), colours, columns, seed_first)
    for colour, column, width in zip(colours, columns, widths):
        if column.labels and colour.labels:
            shared = mod(arange_(size=column.labels[0].size), lift(width))
            start = start.times(one_hot_(shared, size=width), (column.labels[0], colour.labels[0]))

    def whole(blocks: list[Block], node: Node) -> list[Block]:
        plain = all(p.covers(size) or size == 1 for b in blocks for p, size in zip(b.axes, core(node.shape)))
        return blocks if len(blocks) == 1 and plain else [together(blocks, node.shape, tuple(widths))]

    (blocks,) = carried([root], {seed: [start]}, tuple(widths), whole)
    rows = core(root.shape)
    products = dense(blocks, (*widths, *rows) if seed_first else (*rows, *widths))
    found = []
    for block in pattern:
        chosen = tuple([_colour(p, width) for p, width in zip(block.seed, widths)])
        places = (*chosen, *block.axes) if seed_first else (*block.axes, *chosen)
        found.append(replace(block, factors=()).times(*pick(products, places)))
    return found


def _colour(place: Place, width: Size) -> Place:
    """The colour of the columns at a place."""
    label = _moved(place)
    if label is None or width == 1:
        return ORIGIN
    numbers = mod(arange_(size=label.size) + lift(place.offset), lift(width))
    return Place(0, ((Picked(numbers, (label,)), 1),))
