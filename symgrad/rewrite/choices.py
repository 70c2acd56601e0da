"""Derivatives of both branches of a choice, met as one choice.

What comes back through `where(c, a, b)` goes to a where c holds and to b elsewhere: adjoints have sums

    where(c, g, 0) * da + where(c, 0, g) * db      which are      where(c, g * da, g * db)

one choice and one product an element instead of two and a sum. Only what derivatives add to a function is
rewritten: there a branch that is not taken counts exactly 0, whatever its factor is, where a product of the
user's own with a mask is nan if the other factor is.
"""

from __future__ import annotations

from typing import NamedTuple

from symgrad.graph import Function
from symgrad.node import OPS, Node, lift, rebuild

_WHERE, _MUL, _DIV, _NEG, _CAST = (OPS[name] for name in ("where", "mul", "div", "neg", "cast"))
_ADD, _SUB = OPS["add"], OPS["sub"]


class _Part(NamedTuple):
    """A value that is 0 but where the condition is what `taken` says."""

    condition: Node
    taken: bool
    value: Node


def join_choices(f: Function) -> Function:
    """The function with the derivatives of two branches joined; itself where there are none.

    Before: `add(mul(where(c, 1, 0), x), where(c, 0, y))`; after: `where(c, x, y)`.
    """
    order = f.nodes()
    if not f.primal or not any(node.op is _WHERE for node in order):
        return f
    forward = _below(f.primal)
    uses: dict[Node, int] = dict.fromkeys(f.output_nodes, 1)
    for node in order:
        for a in node.args:
            uses[a] = uses.get(a, 0) + 1
    parts: dict[Node, _Part] = {}
    new: dict[Node, Node] = {}
    for node in order:
        image = new[node] = rebuild(node, [new[a] for a in node.args])
        if node in forward or not node.shape or node.dtype != "float64":
            continue
        known = {a: parts[a] for a in node.args if a in parts and uses[a] == 1}
        part = _part(image, node.args, known)
        if part is not None:
            parts[node] = part
            if node.op is _MUL:
                new[node] = _choice(part, image)
        elif node.op in (_ADD, _SUB) and len(known) == 2:
            new[node] = _joined(image, *[known[a] for a in node.args])
    return f if all(a is b for a, b in new.items()) else f.map(new)


def _below(nodes: tuple[Node, ...]) -> set[Node]:
    """The nodes and all that they are computed from."""
    found: set[Node] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack.extend(node.args)
    return found


def _part(image: Node, args: tuple[Node, ...], known: dict[Node, _Part]) -> _Part | None:
    """What the node, already rebuilt, is where it is not 0; `known` says that of its operands."""
    op = image.op
    if op is _WHERE:
        condition, a, b = image.args
        if b.is_constant(0):
            return _Part(condition, True, a)
        return _Part(condition, False, b) if a.is_constant(0) else None
    if len(known) != 1 or op not in (_MUL, _DIV, _NEG, _CAST):
        return None
    position = next(i for i, a in enumerate(args) if a in known)
    if op is _DIV and position:
        return None
    part = known[args[position]]
    if op is _CAST:
        return part if part.value.dtype == "float64" or part.value.op.name == "const" else None
    return part._replace(value=op(*[part.value if i == position else a for i, a in enumerate(image.args)]))


def _choice(part: _Part, image: Node) -> Node:
    """A product with a mask as a choice of the product; where shapes differ, as it was."""
    nothing = lift(0.0)
    a, b = (part.value, nothing) if part.taken else (nothing, part.value)
    return _fitting(_WHERE(part.condition, a, b), image)


def _joined(image: Node, left: _Part, right: _Part) -> Node:
    """The sum or difference of two values each of which is 0 somewhere."""
    if left.condition is not right.condition:
        return image
    if left.taken == right.taken:
        both = image.op(left.value, right.value)
        return _choice(left._replace(value=both), image)
    second = _NEG(right.value) if image.op is _SUB else right.value
    a, b = (left.value, second) if left.taken else (second, left.value)
    return _fitting(_WHERE(left.condition, a, b), image)


def _fitting(new: Node, old: Node) -> Node:
    """The new node where it has the shape and dtype of the old one."""
    return new if new.shape == old.shape and new.dtype == old.dtype else old
