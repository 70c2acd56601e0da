"""Signs of large products taken by their small factor.

The rules carry signs outward, where sums absorb them. Where one is left in front of a product of a small
array and a large one, it changes every element once more; before the small factor it costs next to nothing.
"""

from __future__ import annotations

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.shapes import core, has_batch


def sign_small_factors(f: Function) -> Function:
    """The function with such signs moved.

    Before: `-(s[:, None] * x)`; after: `(-s)[:, None] * x`.
    """
    order = f.nodes()
    if not any(node.op.name == "neg" and node.shape for node in order):
        return f
    uses: dict[Node, int] = dict.fromkeys(f.output_nodes, 1)
    for node in order:
        for a in node.args:
            uses[a] = uses.get(a, 0) + 1
    if not any(_small_factor(node, uses) is not None for node in order):
        return f
    new: dict[Node, Node] = {}
    for node in order:
        position = _small_factor(node, uses)
        if position is None:
            new[node] = rebuild(node, [new[a] for a in node.args])
        else:
            factors = [new[a] for a in node.args[0].args]
            factors[position] = _negative(factors[position])
            new[node] = node.args[0].op(*factors)
    return f.map(new)


def _small_factor(node: Node, uses: dict[Node, int]) -> int | None:
    """Which factor of a negated product or quotient is the smaller one, if one is."""
    if node.op.name != "neg" or not node.shape or has_batch(node.shape):
        return None
    (x,) = node.args
    if x.op.name not in ("mul", "div") or uses[x] > 1 or x.dtype != "float64":
        return None
    for position, a in enumerate(x.args):
        if a.args and a.dtype == "float64" and _is_smaller(a, x) and x.args[1 - position].shape == x.shape:
            return position
    return None


def _is_smaller(a: Node, whole: Node) -> bool:
    """Whether an array is repeated to the shape of the whole."""
    sizes = core(whole.shape)
    inner = core(a.shape)
    return len(inner) < len(sizes) or any(s == 1 != t for s, t in zip(inner, sizes))


def _negative(x: Node) -> Node:
    """-x, the sign under views of axes of size 1."""
    if x.op.name in ("expand_dims", "transpose"):
        return rebuild(x, [_negative(x.args[0])])
    return x.args[0] if x.op.name == "neg" else OPS["neg"](x)
