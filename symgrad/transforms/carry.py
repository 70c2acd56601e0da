"""Blocks through a graph that is linear in a seed: by the rules where they apply, as a whole where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
from symgrad.ops.structure import broadcast_to, broadcast_up, expand_dims, head, reshape_to
from symgrad.shapes import BATCH, Shape, core, has_batch, product
from symgrad.transforms.batch import batched

#: More blocks of one array than these are put together to one that is dense.
MANY = 12
#: More blocks of one array than these are a crowd, where they have to stay apart.
CROWD = 40

#: What becomes of the blocks of an array before they go on: `(blocks, array) -> blocks`.
Keep = Callable[[list[Block], Node], list[Block]]


class Crowded(Exception):
    """So many blocks of one array that finding their entries together takes less code."""


def carried(
    roots: Sequence[Node], seeds: Mapping[Node, list[Block]], shape: Shape, keep: Keep | None = None
) -> list[list[Block]]:
    """The blocks of each root, which are linear in the inputs that `seeds` gives blocks for.

    `shape` is that of the seed. Without `keep`, many blocks are put together to a dense one.
    """
    if keep is None:

        def keep(blocks: list[Block], node: Node) -> list[Block]:
            return [together(blocks, node.shape, shape)] if len(blocks) > MANY else blocks

    order = toposort(roots)
    active = dependents(order, seeds)
    found: dict[Node, list[Block]] = dict(seeds)
    for node in order:
        if node in found or node not in active:
            continue
        if node.dtype == "results":
            found[node] = []  # its results look at its operands themselves
            continue
        source = node.args[0] if node.op.name == "result" else node
        operands: Operands = [found[a] if a in active else None for a in source.args]
        if source is not node:
            found[node] = _result(node, operands, shape)
            continue
        blocks = merged(_through(node, operands))
        found[node] = keep(blocks, node)
    return [found.get(root, []) for root in roots]


def apart(blocks: list[Block], node: Node) -> list[Block]:
    """Keep blocks apart; raises Crowded where they are too many for that."""
    if len(blocks) > CROWD:
        raise Crowded
    return blocks


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


def _result(node: Node, operands: Operands, seed_shape: Shape) -> list[Block]:
    """One result of a loop or a branch that runs once, for all elements of the seed side by side."""
    source, count = node.args[0], product(core(seed_shape))
    args, rows = list(source.args), {}
    first: Block | None = None
    for position, (operand, blocks) in enumerate(zip(source.args, operands)):
        if blocks is None:
            continue
        _refuse_batch(source)
        if not blocks:
            args[position] = broadcast_to(lift(0.0), shape=operand.shape)
            continue
        whole = together(blocks, operand.shape, seed_shape)
        own = labels_of(whole.axes)
        seed = [label for label in whole.labels if label not in own]
        first = first or whole
        entries = whole.coefficient([*seed, *own])
        args[position] = stand_in = input_node(f"{position}block", operand.shape)
        rows[stand_in] = reshape_to(entries, (count, *core(operand.shape)))
    if first is None:
        return []
    alone = node.op(source.op(*args, **dict(zip(source.op.params, source.params))), position=node.position)
    array = batched([alone], rows, count)[alone]
    axes = tuple([fresh(size) for size in core(node.shape)])
    own = labels_of(first.axes)
    labels = (*[label for label in first.labels if label not in own], *labels_of(axes))
    array = reshape_to(array, [label.size for label in labels])
    return [Block(((array, labels),), first.seed, axes, first.seed_first)]


def _refuse_batch(node: Node) -> None:
    if any(has_batch(a.shape) for a in (node, *node.args)):
        raise ShapeError(
            f"a Jacobian through {node.op.name} of arrays with a leading '...' is not supported",
            hint="name all dimensions, or sg.vmap the function",
        )


def together(blocks: Sequence[Block], shape: Shape, seed_shape: Shape) -> Block:
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
    for axis, size in enumerate(core(operand.shape)):
        block = full_axis(block, axis, size)
    own = labels_of(block.axes)
    seed = [label for label in block.labels if label not in own]
    order = [*seed, *own]
    entries = block.coefficient(order)
    entries = broadcast_up(entries, (*head(entries.shape), *[label.size for label in order]))
    count = product([label.size for label in seed])
    front = (BATCH,) if any(has_batch(a.shape) for a in (entries, *node.args)) else ()
    # The operation on arrays without a batch; what has one stands behind it, with the seed in between.
    mapped: dict[Node, Node] = {}
    args = []
    for i, a in enumerate(node.args):
        sizes = core(a.shape)
        if i != position and operands[i] is not None:
            a = broadcast_to(lift(0.0), shape=sizes)
        elif i == position or has_batch(a.shape):
            outer = expand_dims(a, axes=(0,)) if i != position else reshape_to(entries, (count, *sizes))
            a = input_node(f"{i}block", sizes, a.dtype)
            mapped[a] = broadcast_up(outer, (*front, count, *sizes))
        args.append(a)
    alone = node.op(*args, **dict(zip(node.op.params, node.params)))
    array = batched([alone], mapped, count, front)[alone]
    axes = tuple([fresh(size) for size in core(node.shape)])
    labels = (*seed, *labels_of(axes))
    array = reshape_to(array, [label.size for label in labels])
    return Block(((array, labels),), block.seed, axes, block.seed_first)
