"""Blocks through a graph that is linear in a seed: by the rules where they apply, as a whole where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import symgrad.blocks.layout  # noqa: F401  (fills the table)
from symgrad.blocks.arithmetic import entrywise
from symgrad.blocks.axis import full_axis
from symgrad.blocks.block import Block, merged
from symgrad.blocks.dense import dense
from symgrad.blocks.places import fresh, labels_of
from symgrad.blocks.table import CARRY, Operands, Uncovered
from symgrad.errors import ShapeError
from symgrad.graph import dependents, toposort
from symgrad.node import Node, lift
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import broadcast_to, broadcast_up, reshape_to
from symgrad.shapes import Shape, core, has_batch, product
from symgrad.transforms.batch import batched

#: More blocks of one array than these are put together to one that is dense.
MANY = 12


def carried(
    roots: Sequence[Node], seeds: Mapping[Node, list[Block]], shape: Shape, sparse: bool
) -> list[list[Block]]:
    """The blocks of each root, which are linear in the inputs that `seeds` gives blocks for.

    `shape` is that of the seed. Where `sparse`, blocks stay apart however many they are.
    """
    order = toposort(roots)
    active = dependents(order, seeds)
    found: dict[Node, list[Block]] = dict(seeds)
    for node in order:
        if node in found or node not in active:
            continue
        operands: Operands = [found[a] if a in active else None for a in node.args]
        blocks = merged(_through(node, operands))
        if len(blocks) > MANY and not sparse:
            blocks = [_together(blocks, node.shape, shape)]
        found[node] = blocks
    return [found.get(root, []) for root in roots]


def _through(node: Node, operands: Operands) -> list[Block]:
    rule = CARRY.get(node.op.name) or (entrywise if node.op.elementwise else None)
    if rule is not None:
        try:
            blocks = rule(node, operands)
        except Uncovered:
            blocks = None
        if blocks is not None:
            return blocks
    return [
        _whole(node, position, block, operands)
        for position, blocks in enumerate(operands)
        for block in blocks or ()
    ]


def _together(blocks: Sequence[Block], shape: Shape, seed_shape: Shape) -> Block:
    """One block with all entries of several."""
    seed_first = blocks[0].seed_first
    seed, axes = (tuple([fresh(size) for size in core(sizes)]) for sizes in (seed_shape, shape))
    whole = Block((), seed, axes, seed_first)
    sizes = (*core(seed_shape), *core(shape)) if seed_first else (*core(shape), *core(seed_shape))
    batch = any(has_batch(node.shape) for block in blocks for node, _ in block.factors)
    array = dense(blocks, (*shape[:1], *sizes) if batch and has_batch(shape) else sizes)
    labels = whole.labels
    return whole.times(reshape_to(array, [label.size for label in labels]), tuple(labels))


def _whole(node: Node, position: int, block: Block, operands: Operands) -> Block:
    """An operation applied to a block with all its axes made whole, for all labels of the seed at once."""
    operand = node.args[position]
    if any(has_batch(a.shape) for a in (node, *node.args)):
        raise ShapeError(
            f"a Jacobian through {node.op.name} of arrays with a leading '...' is not supported",
            hint="name all dimensions, or sg.vmap the function",
        )
    for axis, size in enumerate(core(operand.shape)):
        block = full_axis(block, axis, size)
    own = labels_of(block.axes)
    seed = [label for label in block.labels if label not in own]
    order = [*seed, *own]
    entries = broadcast_up(block.coefficient(order), tuple([label.size for label in order]))
    args = [
        a if i == position or operands[i] is None else broadcast_to(lift(0.0), shape=a.shape)
        for i, a in enumerate(node.args)
    ]
    params = dict(zip(node.op.params, node.params))
    if seed:
        count = product([label.size for label in seed])
        args[position] = stand_in = input_node("0block", operand.shape)
        alone = node.op(*args, **params)
        rows = reshape_to(entries, (count, *core(operand.shape)))
        array = batched([alone], {stand_in: rows}, count)[alone]
    else:
        args[position] = reshape_to(entries, core(operand.shape))
        array = node.op(*args, **params)
    axes = tuple([fresh(size) for size in core(node.shape)])
    labels = (*seed, *labels_of(axes))
    array = reshape_to(array, [label.size for label in labels])
    return Block(((array, labels),), block.seed, axes, block.seed_first)
