"""Blocks through arithmetic, reductions and products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symgrad.blocks.block import Block
from symgrad.blocks.picking import pick
from symgrad.blocks.places import ORIGIN, Label, Place, aligned, fresh
from symgrad.blocks.table import Operands, carries, only
from symgrad.node import Node, lift
from symgrad.ops.einsum import LETTERS
from symgrad.ops.reduce import sum_batch
from symgrad.ops.structure import broadcast_up
from symgrad.shapes import BATCH, Size, core, has_batch


def spread(block: Block, old: Sequence[Size], new: Sequence[Size]) -> Block:
    """The block broadcast from sizes to sizes."""
    missing = len(new) - len(old)
    axes = [fresh(size) for size in new[:missing]]
    for place, size, wide in zip(block.axes, old, new[missing:]):
        axes.append(fresh(wide) if size == 1 and wide != 1 else place)
    return replace(block, axes=tuple(axes))


def against(node: Node, axes: Sequence[Place]) -> tuple[Node, tuple[Label, ...]]:
    """An array that broadcasts against blocks with these axes, at their places."""
    return pick(node, axes[len(axes) - node.rank :])


@carries("add", "sub")
def _sum(node: Node, operands: Operands) -> list[Block]:
    found = []
    for position, (operand, blocks) in enumerate(zip(node.args, operands)):
        for block in blocks or ():
            wide = spread(block, core(operand.shape), core(node.shape))
            found.append(wide.times(lift(-1.0)) if node.op.name == "sub" and position else wide)
    return found


@carries("neg")
def _neg(node: Node, operands: Operands) -> list[Block]:
    return [block.times(lift(-1.0)) for block in only(operands)]


@carries("cast")
def _same(node: Node, operands: Operands) -> list[Block]:
    return only(operands)


@carries("mul", "div")
def _scaled(node: Node, operands: Operands) -> list[Block] | None:
    position = 0 if operands[0] is not None else 1
    blocks = operands[position]
    if blocks is None or operands[1 - position] is not None:
        return None
    found = []
    for block in blocks:
        wide = spread(block, core(node.args[position].shape), core(node.shape))
        value, labels = against(node.args[1 - position], wide.axes)
        found.append(wide.times(1 / value if node.op.name == "div" else value, labels))
    return found


def entrywise(node: Node, operands: Operands) -> list[Block] | None:
    """Any elementwise operation that is linear in one operand: applied to the entries that are there."""
    positions = [i for i, blocks in enumerate(operands) if blocks is not None]
    if len(positions) != 1:
        return None
    return _entries(node, positions[0], operands[positions[0]] or [], node.args)


@carries("where")
def _where(node: Node, operands: Operands) -> list[Block]:
    """Entries of a branch where it is taken; what is infinite in one that is not must not spread."""
    condition, zero = node.args[0], lift(0.0)
    return [
        *_entries(node, 1, operands[1] or [], (condition, zero, zero)),
        *_entries(node, 2, operands[2] or [], (condition, zero, zero)),
    ]


def _entries(node: Node, position: int, blocks: Sequence[Block], operands: Sequence[Node]) -> list[Block]:
    """The operation on the entries of blocks of one operand and on what the others are at their places."""
    found = []
    for block in blocks:
        wide = spread(block, core(node.args[position].shape), core(node.shape))
        parts = {i: against(a, wide.axes) for i, a in enumerate(operands) if i != position}
        used = [x for _, labels in (*parts.values(), *wide.factors) for x in labels]
        order = [x for x in wide.labels if x in used]
        args = [
            wide.coefficient(order) if i == position else aligned(*parts[i], order)
            for i in range(len(operands))
        ]
        entries = node.op(*args, **dict(zip(node.op.params, node.params)))
        found.append(replace(wide, factors=()).times(entries, tuple(order)))
    return found


@carries("broadcast_to")
def _broadcast(node: Node, operands: Operands) -> list[Block]:
    return [spread(block, core(node.args[0].shape), core(node.shape)) for block in only(operands)]


@carries("sum")
def _total(node: Node, operands: Operands) -> list[Block]:
    return [summed(block, node.axes, node.keepdims) for block in only(operands)]


def summed(block: Block, axes: Sequence[int], keepdims: bool) -> Block:
    """The block summed over axes; a label that nothing depends on counts by its size."""
    kept = [
        place if i not in axes else ORIGIN for i, place in enumerate(block.axes) if keepdims or i not in axes
    ]
    block = counted(block, kept)
    return block.with_axes(kept)


def counted(block: Block, axes: Sequence[Place]) -> Block:
    """The block times the sizes of labels that it has along its axes alone and, with these axes, no more."""
    after = replace(block, axes=tuple(axes)).labels
    known = [x for _, labels in block.factors for x in labels]
    for label in block.labels:
        if label not in after and label not in known:
            block = block.times(lift(label.size))
    return block


@carries("sum_batch")
def _over_batch(node: Node, operands: Operands) -> list[Block]:
    found = []
    for block in only(operands):
        order = [x for x in block.labels if any(x in labels for _, labels in block.factors)]
        entries = block.coefficient(order)
        if not has_batch(entries.shape):
            entries = broadcast_up(entries, (BATCH, *core(entries.shape)))
        found.append(replace(block, factors=()).times(sum_batch(entries), tuple(order)))
    return found


# --- products: everything is an Einstein sum ----------------------------------------------------------


def _subscripts(node: Node) -> tuple[list[str], str]:
    """Letters of the operands' axes and of the result's."""
    if node.op.name == "einsum":
        inputs, output = node.subscripts.split("->")
        return inputs.split(","), output
    a, b = (x.rank for x in node.args)
    if node.op.name == "dot":
        return ["z", "z"], ""
    if node.op.name == "matvec":
        return [LETTERS[: a - 1] + "z", "z"], LETTERS[: a - 1]
    if node.op.name == "vecmat":
        return ["z", "z" + LETTERS[: b - 1]], LETTERS[: b - 1]
    stack = LETTERS[: max(a, b) - 2]
    return [stack[len(stack) - a + 2 :] + "xz", stack[len(stack) - b + 2 :] + "zy"], stack + "xy"


@carries("dot", "matvec", "vecmat", "matmat", "einsum")
def _product(node: Node, operands: Operands) -> list[Block] | None:
    positions = [i for i, blocks in enumerate(operands) if blocks is not None]
    if len(positions) != 1:
        return None
    (position,) = positions
    terms, output = _subscripts(node)
    sizes: dict[str, Size] = {}
    for operand, term in zip(node.args, terms):
        for letter, size in zip(term, core(operand.shape)):
            if sizes.get(letter, 1) == 1:
                sizes[letter] = size
    found = []
    for block in operands[position] or ():
        own = terms[position]
        wide = spread(block, core(node.args[position].shape), [sizes[x] for x in own])
        where = dict(zip(own, wide.axes))
        where.update({x: fresh(sizes[x]) for term in terms for x in term if x not in where})
        # Letters that are summed over stay places until all factors are there.
        wide = replace(wide, axes=tuple(where.values()))
        for i, (operand, term) in enumerate(zip(node.args, terms)):
            if i != position:
                wide = wide.times(*pick(operand, [where[x] for x in term]))
        axes = [where[x] for x in output]
        found.append(counted(wide, axes).with_axes(axes))
    return found
