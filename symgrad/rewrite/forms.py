"""What expressions are, whatever way they were spelled: squares, exponentials, opposites, sums.

The rules for stable forms ask these questions of nodes as users write them, before anything is simplified.
"""

from __future__ import annotations

from symgrad.node import OPS, Node, build, lift
from symgrad.ops.indexing import FULL
from symgrad.rewrite.literals import number, over
from symgrad.shapes import core, has_batch

#: Sums of more terms than this are not looked through.
TERMS = 8


def exponent(node: Node) -> Node | None:
    """a where the node is exp(a) or 1 / exp(-a)."""
    if node.op.name == "exp":
        return node.args[0]
    if node.op.name == "div" and node.args[0].is_constant(1) and node.args[1].op.name == "exp":
        return negative(node.args[1].args[0])
    return None


def negative(node: Node) -> Node:
    """-x, with the sign taken up by a sign or a literal factor that is there."""
    value = number(node)
    if value is not None:
        return lift(-value)
    name = node.op.name
    if name == "neg":
        return node.args[0]
    if name in ("mul", "div"):
        for position in (0, 1):
            value = number(node.args[position])
            if value is not None:
                args = list(node.args)
                args[position] = lift(-value)
                return args[1 - position] if name == "mul" and value == -1 else node.op(*args)
        for position in (0, 1):
            if node.args[position].op.name == "neg":
                args = list(node.args)
                args[position] = args[position].args[0]
                return node.op(*args)
    return OPS["neg"](node)


def opposite(a: Node, b: Node) -> bool:
    """Whether b is written as -a, or a as -b."""
    return negative(a) is b or negative(b) is a


def half(node: Node) -> Node:
    """x / 2, with the 2 taken out of a literal factor that is there."""
    if node.op.name == "neg":
        return OPS["neg"](half(node.args[0]))
    if node.op.name == "mul":
        for position in (0, 1):
            value = number(node.args[position])
            halved = over(value, 2) if value is not None else None
            if halved is not None and value != 1:
                other = node.args[1 - position]
                if halved in (1, -1):
                    return other if halved == 1 else negative(other)
                return OPS["mul"](halved, other)
    return OPS["div"](node, 2)


def squared(node: Node) -> Node | None:
    """a where the node is a*a, a**2 or square(a)."""
    name = node.op.name
    if name == "square" or (name == "power" and node.args[1].is_constant(2)):
        return node.args[0]
    return node.args[0] if name == "mul" and node.args[0] is node.args[1] else None


def terms(node: Node) -> list[Node]:
    """The terms of a sum written with +, in the author's order; none where they are too many."""
    found: list[Node] = []
    stack = [node]
    while stack:
        part = stack.pop()
        if part.op.name == "add":
            stack.extend(reversed(part.args))
        else:
            found.append(part)
        if len(found) + len(stack) > TERMS:
            return []
    return found


def signed_terms(node: Node) -> list[tuple[Node, bool]]:
    """The terms of a sum written with + and -, in the author's order, each with whether it is subtracted."""
    found: list[tuple[Node, bool]] = []
    stack = [(node, False)]
    while stack:
        part, minus = stack.pop()
        if part.op.name in ("add", "sub"):
            a, b = part.args
            stack += [(b, minus ^ (part.op.name == "sub")), (a, minus)]
        else:
            found.append((part, minus))
        if len(found) + len(stack) > TERMS:
            return []
    return found


def signed_sum(parts: list[tuple[Node, bool]]) -> Node:
    """Their sum in that order, but for a first one that is subtracted and follows the first that is not."""
    first = next((i for i, (_, minus) in enumerate(parts) if not minus), None)
    if first is None:
        return OPS["neg"](signed_sum([(part, False) for part, _ in parts]))
    total = parts[first][0]
    for i, (part, minus) in enumerate(parts):
        if i != first:
            total = OPS["sub" if minus else "add"](total, part)
    return total


def is_plain(node: Node) -> bool:
    """Whether the node is a number or a size."""
    return node.op.name in ("const", "dim")


def reduced(node: Node, operation: str) -> Node | None:
    """The reduction of that name below views that only add or drop axes of size 1."""
    while node.op.name in ("expand_dims", "squeeze", "reshape", "broadcast_to") or _drops_axes(node):
        node = node.args[0]
    return node if node.op.name == operation else None


def same_entries(node: Node) -> Node:
    """What the node has the entries of, in the same order, below views that add or drop axes of size 1."""
    while node.op.name in ("expand_dims", "squeeze", "reshape") or _drops_axes(node):
        node = node.args[0]
    while node.op.name == "broadcast_to" and not node.args[0].shape:
        node = node.args[0]
    if node.op.name in ("max", "min", "sum") and node.keepdims:
        params = [False if name == "keepdims" else value for name, value in zip(node.op.params, node.params)]
        return build(node.op, node.args, tuple(params))
    return node


def _drops_axes(node: Node) -> bool:
    """Whether indexing takes away axes of size 1 and nothing else, as `m[:, 0]` may."""
    if node.op.name != "index":
        return False
    sizes = core(node.args[0].shape)
    return all(entry == FULL or (entry in (0, -1) and size == 1) for entry, size in zip(node.key, sizes))


def stands_over(small: Node, whole: Node, axes: tuple[int, ...]) -> bool:
    """Whether `small` meets each entry of `whole` as its reduction over these axes with keepdims does."""
    if has_batch(small.shape) != has_batch(whole.shape):
        return False
    kept = [1 if i in axes else size for i, size in enumerate(core(whole.shape))]
    sizes = list(core(small.shape))
    missing = len(kept) - len(sizes)
    return missing >= 0 and sizes == kept[missing:] and all(size == 1 for size in kept[:missing])
