"""Sums of outer products as one product of matrices.

    u[:, None] * v + s[:, None] * t + ...      becomes      np.stack((u, s, ...)).T @ np.stack((v, t, ...))

Loops that unroll leave such sums in the adjoints of their matrices, a term a step: recurrences, power
iteration, Sinkhorn's scaling. Each term takes two passes over an array as large as the matrix, where the
product takes one in all.
"""

from __future__ import annotations

from collections.abc import Mapping

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.ops.matmul import matmat, swap
from symgrad.shapes import core, has_batch

#: So many outer products are worth stacking their factors.
FEWEST = 4

_ADD, _SUB, _NEG, _MUL, _TRANSPOSE = (OPS[name] for name in ("add", "sub", "neg", "mul", "transpose"))
#: A factor for each axis, and whether their product is subtracted.
Outer = tuple[Node, Node, bool]


def gather_outer_products(f: Function) -> Function:
    """The function with its sums of many outer products as products of stacks.

    Before: `add(mul(expand_dims(u), v), ...)`; after: `matmat(transpose(stack(u, ...)), stack(v, ...))`.
    """
    order = f.nodes()
    if sum(node.op is _MUL and node.rank == 2 for node in order) < FEWEST:
        return f
    uses: dict[Node, int] = dict.fromkeys(f.output_nodes, 1)
    inside: set[Node] = set()
    for node in order:
        joins = node.rank == 2 and node.op in (_ADD, _SUB, _NEG, _TRANSPOSE)
        for a in node.args:
            uses[a] = uses.get(a, 0) + 1
            if joins:
                inside.add(a)
    new: dict[Node, Node] = {}
    for node in order:
        image = None
        if node.op in (_ADD, _SUB) and node.rank == 2 and not (node in inside and uses[node] == 1):
            image = _gathered(node, uses, new)
        new[node] = rebuild(node, [new[a] for a in node.args]) if image is None else image
    return f if all(a is b for a, b in new.items()) else f.map(new)


def _gathered(root: Node, uses: Mapping[Node, int], new: Mapping[Node, Node]) -> Node | None:
    """A sum with its outer products in one; None where there are few."""
    if has_batch(root.shape) or root.dtype != "float64":
        return None
    outers: list[Outer] = []
    rest: list[tuple[Node, bool, bool]] = []
    stack = [(root, False, False)]
    while stack:
        node, minus, turned = stack.pop()
        whole = node.shape == (root.shape[::-1] if turned else root.shape)
        if whole and (node is root or uses[node] == 1):
            if node.op in (_ADD, _SUB):
                a, b = node.args
                stack += [(b, minus ^ (node.op is _SUB), turned), (a, minus, turned)]
                continue
            if node.op is _NEG or (node.op is _TRANSPOSE and node.axes == (1, 0)):
                stack.append((node.args[0], minus ^ (node.op is _NEG), turned ^ (node.op is _TRANSPOSE)))
                continue
            factors = _factors(node, new)
            if factors is not None:
                outers.append((*(factors[::-1] if turned else factors), minus))
                continue
        rest.append((node, minus, turned))
    if len(outers) < FEWEST:
        return None
    left = OPS["stack"](*[_NEG(u) if minus else u for u, _, minus in outers], axis=0)
    right = OPS["stack"](*[v for _, v, _ in outers], axis=0)
    total = matmat(swap(left), right)
    for node, minus, turned in rest:
        term = _turned(new[node]) if turned else new[node]
        total = _SUB(total, term) if minus else _ADD(total, term)
    return total if total.shape == root.shape else None


def _turned(x: Node) -> Node:
    """What meets the transpose of a matrix as x meets the matrix."""
    return swap(x) if x.rank == 2 else OPS["expand_dims"](x, axes=(1,)) if x.rank == 1 else x


def _factors(node: Node, new: Mapping[Node, Node]) -> tuple[Node, Node] | None:
    """u and v of `u[:, None] * v`, whatever their order, as they are rebuilt."""
    if node.op is not _MUL:
        return None
    n, m = core(node.shape)
    for column, row in (node.args, node.args[::-1]):
        if core(column.shape) == (n, 1) and core(row.shape) in ((m,), (1, m)):
            return _vector(new[column]), _vector(new[row]) if row.rank == 2 else new[row]
    return None


def _vector(x: Node) -> Node:
    """The entries of a matrix of one column or one row."""
    if x.op.name == "expand_dims" and x.args[0].rank == 1:
        return x.args[0]
    return OPS["squeeze"](x, axes=(1 if core(x.shape)[1] == 1 else 0,))
