"""Branches of `where` that are not taken, made harmless before anything is differentiated.

`where(x > 0, log(x), 0)` evaluates the logarithm everywhere, warns at 0 and, differentiated, multiplies
a zero by an infinity. Here the operand of an operation that has a bad point, and that is used inside one
branch only, becomes `where(x > 0, x, 1)`: the value is the same wherever the branch is taken, and where it is
not, value and derivative are finite and dropped. It is the double-where idiom, applied by the graph.
"""

from __future__ import annotations

from symgrad.errors import ShapeError
from symgrad.graph import Function
from symgrad.node import OPS, Node, lift, rebuild
from symgrad.ops.structure import broadcast_up
from symgrad.rewrite.closures import in_closures
from symgrad.shapes import broadcast

#: A branch: the condition's node, and whether it is taken where the condition holds.
Branch = tuple[Node, bool]


def guard(f: Function) -> Function:
    """The function with operands guarded in branches of `where`; itself where there is none.

    Before: `y = where(c, log(x), 0)`; after: `y = where(c, log(where(c, x, 1)), 0)`.
    """
    f = in_closures(f, guard)
    order = f.nodes()
    if not any(node.op.name == "where" for node in order):
        return f
    branches = _branches(order, f.output_nodes)
    new: dict[Node, Node] = {}
    for node in order:
        args = [new[a] for a in node.args]
        inside = branches.get(node)
        if inside and node.op.safe:
            for position, operand in enumerate(node.op.operands):
                if operand in node.op.safe and not args[position].is_constant():
                    safe = node.op.safe[operand]
                    for condition, taken in inside:
                        args[position] = _guarded(args[position], new[condition], taken, safe, node)
        new[node] = rebuild(node, args)
    return f.map(new)


def unmask(f: Function) -> Function:
    """The function without masks that a later choice by the same condition makes idle.

    Before: `where(c, where(c, g, 0) / x, 0)`; after: `where(c, g / x, 0)`. Adjoints are full of these: each
    guard masks what comes back through it.
    """
    f = in_closures(f, unmask)
    order = f.nodes()
    if not any(node.op.name == "where" for node in order):
        return f
    branches = _branches(order, f.output_nodes)
    # Guards whose safe point is 0 look like masks: without them the operation would warn, or be nan.
    guards = {
        operand
        for node in order
        if node.op.safe
        for name, operand in zip(node.op.operands, node.args)
        if name in node.op.safe
    }
    new: dict[Node, Node] = {}
    for node in order:
        args = [new[a] for a in node.args]
        new[node] = rebuild(node, args)
        masks = node.op.name == "where" and node.args[2].is_constant(0) and node not in guards
        if masks and (node.args[0], True) in branches.get(node, ()):
            new[node] = broadcast_up(args[1], node.shape)
    return f if all(a is b for a, b in new.items()) else f.map(new)


def _branches(order: list[Node], outputs: list[Node]) -> dict[Node, tuple[Branch, ...]]:
    """For each node, the branches that all of its uses are in, outermost first."""
    found: dict[Node, dict[Branch, None]] = {node: {} for node in outputs}
    for node in reversed(order):
        inside = found.get(node, {})
        chooses = node.op.name == "where"
        for position, operand in enumerate(node.args):
            if chooses and position:
                here = {**inside, (node.args[0], position == 1): None}
            elif node.op.elementwise:
                here = inside
            else:
                here = {}
            if operand in found:
                found[operand] = {b: None for b in found[operand] if b in here}
            else:
                found[operand] = dict(here)
    return {node: tuple(inside) for node, inside in found.items() if inside}


def _guarded(operand: Node, condition: Node, taken: bool, safe: float, node: Node) -> Node:
    """The operand where the branch is taken, the safe point elsewhere; as it is where shapes forbid."""
    try:
        # The guarded operand must not make the operation's result larger than it was.
        if broadcast(condition.shape, node.shape) != node.shape:
            return operand
    except ShapeError:
        return operand
    if operand.op.name == "where" and operand.args[0] is condition:
        return operand
    first, second = (operand, lift(safe)) if taken else (lift(safe), operand)
    return OPS["where"](condition, first, second)
