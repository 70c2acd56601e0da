"""`cond` and `checkpoint`: blocks that run once, one of two or the only one there is.

    results = then(operands) if condition else other(operands)
    results = block(operands)

Their adjoints are the same operation with the pullbacks of the blocks, which compute again what they need
of the values inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.graph import substitute, toposort
from symgrad.node import OPS, Node, op
from symgrad.ops.blocks import (
    CONTROL,
    Block,
    Control,
    Differentiate,
    Each,
    Types,
    batch_of,
    batched_block,
    close,
    is_literal,
    no_form,
    results,
    several,
)
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import broadcast_up
from symgrad.shapes import BATCH, Shape, has_batch, shape_text

# --- the operations -----------------------------------------------------------------------------------


def _check_operands(what: str, args: Sequence[Node], block: Block) -> None:
    for position, (operand, x) in enumerate(zip(args, block.inputs, strict=True)):
        if operand.shape != x.shape or operand.dtype != x.dtype:
            raise ShapeError(
                f"{what}: operand {position} does not fit its body",
                expected=f"{shape_text(x.shape)} {x.dtype}",
                got=f"{shape_text(operand.shape)} {operand.dtype}",
            )


def _check_branches(*args: Node, then: Block, other: Block) -> Shape:
    if args[0].shape or args[0].dtype != "bool":
        raise ShapeError("cond: the condition is one truth value", got=shape_text(args[0].shape))
    for block in (then, other):
        _check_operands("cond", args[1:], block)
    if [(x.shape, x.dtype) for x in then.outputs] != [(x.shape, x.dtype) for x in other.outputs]:
        raise ShapeError("cond: the results of the two branches differ in shape or dtype")
    return batch_of(args)


def _check_block(*args: Node, block: Block) -> Shape:
    _check_operands("checkpoint", args, block)
    return batch_of(args)


def _types(node: Node) -> Types:
    return tuple([(x.shape, x.dtype) for x in node.params[0].outputs])


def _as_results(values: Sequence[Any]) -> Any:
    out = np.empty((), object)
    out[()] = tuple(values)
    return out


def _chosen(m: Any, node: Node, condition: Any, *operands: Any) -> Any:
    taken = condition.item() if isinstance(condition, np.ndarray) else condition
    if isinstance(taken, (bool, np.bool_)):
        return _as_results(m.run((node.then if taken else node.other).function, *operands))
    # A condition that is not known is part of the formula.
    pairs = zip(m.run(node.then.function, *operands), m.run(node.other.function, *operands))
    choose = OPS["where"].sympy
    return _as_results([m.elementwise(choose, condition, a, b) for a, b in pairs])


def _same_choice(g: Node, y: Node, position: int) -> Node:
    """The same choice, between the pullbacks of the branches, for all operands."""
    raise AssertionError("the driver asks for all operands at once")


def _computed_again(g: Node, y: Node, position: int) -> Node:
    """The block once more, and its pullback, for all operands."""
    raise AssertionError("the driver asks for all operands at once")


cond = op(
    "cond", "operands", params="then other",
    doc="The results of one of two blocks, whichever the condition, the first operand, says.",
    shape=_check_branches,
    dtype=several,
    numpy=no_form,
    statement=no_form,
    adjoint=_same_choice,
    sympy=_chosen,
    variadic=True,
    examples=[{"shown": ("condition (), operands (n,) -> results (n,)", "if condition: ... else: ...")}],
)  # fmt: skip

checkpoint = op(
    "checkpoint", "operands", params="block",
    doc="The results of a block of which nothing inside is kept: its derivative computes it again.",
    shape=_check_block,
    dtype=several,
    numpy=no_form,
    statement=no_form,
    adjoint=_computed_again,
    sympy=lambda m, node, *operands: _as_results(m.run(node.block.function, *operands)),
    variadic=True,
    examples=[{"shown": ("operands (n,) -> results (n,)", "...; del ...")}],
)  # fmt: skip


# --- building them ------------------------------------------------------------------------------------


def build_cond(condition: Node, then: Block, other: Block, operands: Sequence[Node]) -> list[Node]:
    """The results of a choice. Literals move into the branches; what neither uses is left out."""
    (then, other), kept = _closed([then, other], operands)
    return results(cond(condition, *kept, then=then, other=other))


def build_checkpoint(block: Block, operands: Sequence[Node]) -> list[Node]:
    """The results of a block that is computed again. Literals move into it; what is not used, out."""
    (block,), kept = _closed([block], operands)
    return results(checkpoint(*kept, block=block))


def _closed(blocks: Sequence[Block], operands: Sequence[Node]) -> tuple[list[Block], list[Node]]:
    """The blocks with only the operands that they use and do not hold themselves, and these."""
    used = [set(toposort(block.outputs)) for block in blocks]
    kept = [
        i for i, value in enumerate(operands)
        if any(block.inputs[i] in below for block, below in zip(blocks, used))
        and not _moves_inside(value, blocks[0].inputs[i])
    ]  # fmt: skip
    return [_only(block, kept, operands) for block in blocks], [operands[i] for i in kept]


def _moves_inside(value: Node, x: Node) -> bool:
    return is_literal(value) and value.op.name != "array" and value.dtype == x.dtype


def _only(block: Block, kept: Sequence[int], operands: Sequence[Node]) -> Block:
    """The block with only these inputs, and literals in the place of others."""
    function = block.function
    literals = {x: v for x, v in zip(block.inputs, operands) if _moves_inside(v, x)}
    new = substitute(block.outputs, literals) if literals else {}
    return close(
        [block.inputs[i] for i in kept],
        [block.labels[i] for i in kept],
        [new.get(x, x) for x in block.outputs],
        {new.get(x, x): name for x, name in function.names.items()},
        {new.get(a, a): new.get(p, p) for a, p in function.bars.items()},
        [new.get(p, p) for p in function.primal],
    )


# --- their adjoints -----------------------------------------------------------------------------------


def _pulled(
    blocks: Sequence[Block],
    cotangents: Mapping[int, Node],
    wrt: Sequence[int],
    differentiate: Differentiate,
) -> list[Block]:
    """The pullback of each block: of its operands and the cotangents, to the adjoints of these operands."""
    pulled = []
    for block in blocks:
        seeds = [input_node(f"{p} bar", block.outputs[p].shape) for p in cotangents]
        outputs = [block.outputs[p] for p in cotangents]
        xs = [block.inputs[i] for i in wrt]
        adjoints, bars = differentiate(outputs, seeds, xs)
        function = block.function
        labels = [f"{function.names[x]}_bar" if x in function.names else "" for x in outputs]
        found = [broadcast_up(g, x.shape) for g, x in zip(adjoints, xs)]
        names = dict(function.names)
        for g, i in zip(found, wrt):
            if block.labels[i] and g not in names:
                names[g] = f"{block.labels[i]}_bar"
        pulled.append(
            close(
                [*block.inputs, *seeds],
                [*block.labels, *labels],
                found,
                names,
                {**function.bars, **bars},
                toposort(outputs),
            )
        )
    return pulled


def _wrt(blocks: Sequence[Block], cotangents: Mapping[int, Node], active: Sequence[bool]) -> list[int]:
    """The positions of active operands that results with a cotangent depend on."""
    below = set(toposort([block.outputs[p] for block in blocks for p in cotangents]))
    return [i for i, flag in enumerate(active) if flag and any(b.inputs[i] in below for b in blocks)]


def _seeds(node: Node, cotangents: Mapping[int, Node]) -> list[Node]:
    types = _types(node)
    return [broadcast_up(g, types[p][0]) for p, g in cotangents.items()]


def _cond_pullback(
    node: Node, cotangents: Mapping[int, Node], active: Sequence[bool], differentiate: Differentiate
) -> dict[int, Node]:
    blocks = (node.then, node.other)
    wrt = _wrt(blocks, cotangents, active[1:])
    if not wrt:
        return {}
    then, other = _pulled(blocks, cotangents, wrt, differentiate)
    found = build_cond(node.args[0], then, other, [*node.args[1:], *_seeds(node, cotangents)])
    return {1 + i: g for i, g in zip(wrt, found)}


def _checkpoint_pullback(
    node: Node, cotangents: Mapping[int, Node], active: Sequence[bool], differentiate: Differentiate
) -> dict[int, Node]:
    wrt = _wrt([node.block], cotangents, active)
    if not wrt:
        return {}
    (block,) = _pulled([node.block], cotangents, wrt, differentiate)
    return dict(zip(wrt, build_checkpoint(block, [*node.args, *_seeds(node, cotangents)])))


# --- under a batch ------------------------------------------------------------------------------------


def selected(node: Node) -> Block:
    """Both branches of a choice, and the selection between them, as one block of all its operands."""
    condition = input_node("condition", (), "bool")
    names: dict[Node, str] = {}
    inputs = [input_node(f"{i} in", x.shape, x.dtype) for i, x in enumerate(node.then.inputs)]
    branches = []
    for block in (node.then, node.other):
        new = substitute(block.outputs, dict(zip(block.inputs, inputs)))
        for x, name in block.function.names.items():
            names.setdefault(new.get(x, x), name)
        branches.append([new[x] for x in block.outputs])
    outputs = [
        a if a is b else broadcast_up(OPS["where"](condition, a, b), a.shape) for a, b in zip(*branches)
    ]
    return close([condition, *inputs], ["", *node.then.labels], outputs, names)


def _cond_batched(node: Node, args: Sequence[Node], each: Each) -> Node:
    flags = [has_batch(a.shape) for a in args[1:]]
    blocks = [batched_block(block, flags, each) for block in (node.then, node.other)]
    shapes = [
        (BATCH, *a.shape) if any(has_batch(x.shape) for x in (a, b)) and not has_batch(a.shape) else a.shape
        for a, b in zip(blocks[0].outputs, blocks[1].outputs)
    ]
    then, other = (_fitted(block, shapes) for block in blocks)
    return cond(*args, then=then, other=other)


def _fitted(block: Block, shapes: Sequence[Shape]) -> Block:
    """The block with its results in these shapes."""
    outputs = [broadcast_up(x, shape) for x, shape in zip(block.outputs, shapes)]
    f = block.function
    return close(block.inputs, block.labels, outputs, f.names, f.bars, f.primal)


def _checkpoint_batched(node: Node, args: Sequence[Node], each: Each) -> Node:
    return checkpoint(*args, block=batched_block(node.block, [has_batch(a.shape) for a in args], each))


CONTROL["cond"] = Control(types=_types, pullback=_cond_pullback, batched=_cond_batched)
CONTROL["checkpoint"] = Control(types=_types, pullback=_checkpoint_pullback, batched=_checkpoint_batched)
