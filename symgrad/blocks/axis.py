"""An axis of a block made whole, for operations that need all of it."""

from __future__ import annotations

from dataclasses import replace

from symgrad.blocks.block import Block
from symgrad.blocks.places import Label, at, integers, labels_of
from symgrad.node import Node, lift
from symgrad.ops.creation import eye
from symgrad.ops.gather import one_hot_
from symgrad.ops.indexing import index_adjoint
from symgrad.shapes import Size


def full_axis(block: Block, axis: int, size: Size) -> Block:
    """The block with all of that axis, zeros too, under a label that no other place has."""
    place = block.axes[axis]
    if size == 1:
        return block
    backwards = place.reverses(size)
    if backwards is not None:
        turned = block.substituted(backwards, at(Label(size)).moved(size - 1, -1))
        return full_axis(turned, axis, size)
    others = labels_of([*block.seed, *[p for i, p in enumerate(block.axes) if i != axis]])
    covering = place.covers(size)
    if covering is not None and covering not in others:
        return block
    label = Label(size)
    axes = (*block.axes[:axis], at(label), *block.axes[axis + 1 :])
    new = replace(block, axes=axes)
    if not place.parts:
        factor: Node = index_adjoint(lift(1.0), key=(place.offset,), shape=(size,))
        return new.times(factor, (label,))
    if covering is not None:
        return new.times(eye(size=size), (covering, label)).with_axes(axes)
    order = place.labels
    hits = one_hot_(integers(place, order), size=size)
    return new.times(hits, (*order, label)).with_axes(axes)
