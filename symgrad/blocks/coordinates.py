"""Blocks as coordinates: the entries that are there, with row and column of each."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.blocks.block import Block
from symgrad.blocks.dense import entries
from symgrad.blocks.joining import joined
from symgrad.blocks.places import merged_place
from symgrad.node import Node, lift
from symgrad.ops.creation import arange_
from symgrad.ops.join import concatenate
from symgrad.ops.structure import broadcast_to
from symgrad.shapes import Shape, core


def coordinates(blocks: Sequence[Block], rows: Shape, columns: Shape) -> tuple[Node, Node, Node]:
    """Data, row and column of the entries, rows and columns flattened; those of one place add up."""
    parts: list[tuple[Node, Node, Node]] = []
    for block in joined(blocks):
        front, back = (block.seed, block.axes) if block.seed_first else (block.axes, block.seed)
        data, row = entries(block, merged_place(front, core(rows)))
        _, column = entries(block, merged_place(back, core(columns)))
        parts.append((data, row, column))
    if not parts:
        none = arange_(size=0)
        return broadcast_to(lift(0.0), shape=(0,)), none, none
    if len(parts) == 1:
        return parts[0]
    data, row, column = (concatenate(list(each), axis=0) for each in zip(*parts))
    return data, row, column
