"""The rewrite engine at one node: its rules applied until none fires, and to what they made below it.

`symgrad.rewrite.passes` goes through functions with it.
"""

from __future__ import annotations

from collections.abc import Container, MutableMapping
from typing import Any

from symgrad.node import OPS, Node, Op, lift, rebuild
from symgrad.rewrite.kinds import TOLD, kind
from symgrad.rewrite.literals import number
from symgrad.rewrite.table import Apply_, Context, candidates
from symgrad.shapes import Shape, core, has_batch

#: Rules fire at most so often on one node in one pass: laws that undo each other end there instead of turning
#: for ever.
FIRINGS = 30
#: New nodes below a replacement are rewritten at once where they are not more than these.
FRESH = 40

#: Nodes that rules were tried on, with the operation that alone used each of them then.
Finished = dict[Node, Op | None]

_CANDIDATES: dict[tuple[Any, ...], tuple[tuple[str, Apply_], ...]] = {}
_ADD, _SUB = OPS["add"], OPS["sub"]


def role(user: Node | None) -> Op | None:
    """What rules ask of the only user of a node: its operation, + and - being one."""
    return None if user is None else _ADD if user.op is _SUB else user.op


def rewrite(
    node: Node, context: Context, finished: Finished, trace: MutableMapping[str, int] | None, depth: int = 0
) -> Node:
    """The node after rules were applied at its top until none fires, and to what they made below it."""
    for _ in range(FIRINGS):
        args = node.args
        signature: tuple[Any, ...]
        if len(args) == 2:
            a, b = args
            first: object = a.op
            second: object = b.op
            if first in TOLD:
                first = kind(a)
            if second in TOLD:
                second = kind(b)
            signature = (node.op, first, second, a is b)
        elif len(args) == 1:
            signature = (node.op, kind(args[0]))
        elif len(args) == 3:
            signature = (node.op, kind(args[0]), kind(args[1]), kind(args[2]))
        else:
            signature = (node.op, frozenset([a.op for a in args]))
        rules = _CANDIDATES.get(signature)
        if rules is None:
            rules = _CANDIDATES[signature] = candidates(node)
        for name, apply in rules:
            found = apply(node, context)
            if found is None or found is node:
                continue
            if found.shape != node.shape or found.dtype != node.dtype:
                found = conform(found, node)
                if found is None or found is node:
                    continue
            if trace is not None:
                trace[name] = trace.get(name, 0) + 1
            node = found if depth else _inside(found, context, finished, trace)
            break
        else:
            return node
        if node in finished:
            return node
    return node


def _inside(root: Node, context: Context, finished: Finished, trace: MutableMapping[str, int] | None) -> Node:
    """The rules applied to the few nodes that a replacement has made below its top."""
    fresh: dict[Node, Node] = {}  # each with what uses it
    meet = False
    frontier = [(a, root) for a in root.args[::-1] if a.args]
    while frontier:
        node, above = frontier.pop()
        if node in finished:
            continue
        if node in fresh:
            meet = True
            continue
        fresh[node] = above
        frontier += [(a, node) for a in node.args[::-1] if a.args]
        if len(fresh) > FRESH:
            return root  # the next pass comes by
    if not fresh:
        return root
    user, absorbs = context.user, context.absorbs
    context.absorbs = False
    new: dict[Node, Node] = {}
    # What is found later is not above what was found earlier, unless two ways down meet.
    for node in _ordered(root, fresh) if meet else reversed(fresh):
        image = rebuild(node, [new.get(a, a) for a in node.args]) if new else node
        context.user = fresh[node]
        found = rewrite(image, context, finished, trace, depth=1)
        if found is image:
            finished[image] = role(fresh[node])
        if found is not node:
            new[node] = found
    context.user, context.absorbs = user, absorbs
    return rebuild(root, [new.get(a, a) for a in root.args]) if new else root


def _ordered(root: Node, fresh: Container[Node]) -> list[Node]:
    """The fresh nodes below the root, operands first."""
    order: list[Node] = []
    done: set[Node] = set()
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if ready:
            done.add(node)
            order.append(node)
            continue
        stack.append((node, True))
        stack.extend((a, False) for a in node.args if a in fresh)
    return order[:-1]


def conform(new: Node, old: Node) -> Node | None:
    """The replacement with the shape and dtype of what it replaces, or None where it cannot have them."""
    if new.dtype != old.dtype:
        value = number(new)
        if value is not None and old.dtype == "float64":
            new = lift(float(value))
        elif old.dtype == "bool" or new.dtype == "float64":
            return None
        else:
            new = OPS["cast"](new, to=old.dtype)
    if new.shape != old.shape:
        if not widens(new.shape, old.shape):
            return None
        new = OPS["broadcast_to"](new, shape=old.shape)
    return new


def widens(small: Shape, large: Shape) -> bool:
    """Whether an array of the first shape broadcasts to the second."""
    if has_batch(small) and (not has_batch(large) or len(small) != len(large)):
        return False
    inner, outer = core(small), core(large)
    if len(inner) > len(outer):
        return False
    return all(a == b or a == 1 for a, b in zip(reversed(inner), reversed(outer)))
