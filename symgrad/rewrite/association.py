"""Chains of matrix products in the order that costs least.

    A @ B @ C    with A (n, d), B (d, n), C (n, 2)    becomes    A @ (B @ C)

The best order for the sizes at hand (the classical dynamic programme: Cormen et al., Introduction to
Algorithms, section 15.2) replaces the written one where it is no dearer for any other sizes that are tried in
the place of named dimensions, those of known typical size excepted. So `X @ W @ V` of unknown sizes stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from symgrad.graph import Function
from symgrad.node import Node, rebuild
from symgrad.ops.matmul import matmat
from symgrad.shapes import Size, dim_names, evaluate, has_batch

#: The size of a dimension of unknown typical size, and those that are tried in its place.
NOMINAL = 64
TRIED = (16, NOMINAL, 4096)
#: Longer chains are left as they are written.
LONGEST = 8
#: The order of a chain: the number of a matrix, or the orders of two parts.
Order = int | tuple["Order", "Order"]


def associate(f: Function, typical: Mapping[str, int]) -> Function:
    """The function with its chains of products in the best order.

    Before: `matmat(matmat(A, B), C)`; after: `matmat(A, matmat(B, C))`.
    """
    order = f.nodes()
    if not any(node.op.name == "matmat" for node in order):
        return f
    uses: dict[Node, int] = dict.fromkeys(f.output_nodes, 1)
    above: set[Node] = set()
    for node in order:
        for a in node.args:
            uses[a] = uses.get(a, 0) + 1
            if _is_product(node) and _is_product(a):
                above.add(a)
    new: dict[Node, Node] = {}
    for node in order:
        # A product that only another one uses is looked at with that.
        chain = _chain(node, uses) if _is_product(node) and not (node in above and uses[node] == 1) else None
        better = None if chain is None else _better(*chain, typical)
        if chain is None or better is None:
            new[node] = rebuild(node, [new[a] for a in node.args])
        else:
            new[node] = _built(better, [new[a] for a in chain[0]])
    return f if all(a is b for a, b in new.items()) else f.map(new)


def _is_product(node: Node) -> bool:
    return node.op.name == "matmat" and node.rank == 2 and not has_batch(node.shape)


def _chain(root: Node, uses: Mapping[Node, int]) -> tuple[list[Node], Order] | None:
    """The matrices of a chain from left to right, and their order; None where there are less than three."""
    matrices: list[Node] = []

    def visit(node: Node, depth: int) -> Order:
        if depth <= LONGEST and _is_product(node) and (node is root or uses[node] == 1):
            return visit(node.args[0], depth + 1), visit(node.args[1], depth + 1)
        matrices.append(node)
        return len(matrices) - 1

    written = visit(root, 0)
    return (matrices, written) if 3 <= len(matrices) <= LONGEST else None


def _better(matrices: Sequence[Node], written: Order, typical: Mapping[str, int]) -> Order | None:
    """An order that costs less at nominal sizes and no more at any, if there is one."""
    sizes: list[Size] = [matrices[0].shape[0], *(m.shape[1] for m in matrices)]
    names = sorted({name for size in sizes for name in dim_names(size) if name not in typical})
    if len(names) > 4:
        return None
    known = {name: n for size in sizes for name in dim_names(size) if (n := typical.get(name)) is not None}

    def at(values: Sequence[int]) -> list[float]:
        given = {**known, **dict(zip(names, values))}
        return [float(max(1, evaluate(size, given))) for size in sizes]

    nominal = at([NOMINAL] * len(names))
    best = _best(nominal)
    if _cost(best, nominal)[0] >= _cost(written, nominal)[0]:
        return None
    tried = map(at, itertools.product(TRIED, repeat=len(names)))
    return best if all(_cost(best, s)[0] <= _cost(written, s)[0] for s in tried) else None


def _cost(order: Order, sizes: Sequence[float]) -> tuple[float, int, int]:
    """Multiplications, and the first and last size of the product."""
    if isinstance(order, int):
        return 0.0, order, order + 1
    left, first, middle = _cost(order[0], sizes)
    right, _, last = _cost(order[1], sizes)
    return left + right + sizes[first] * sizes[middle] * sizes[last], first, last


def _best(sizes: Sequence[float]) -> Order:
    """The cheapest order; of equal ones that which goes from left to right."""
    count = len(sizes) - 1
    found: dict[tuple[int, int], tuple[float, Order]] = {(i, i): (0.0, i) for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            splits = []
            for k in reversed(range(i, j)):
                (left, a), (right, b) = found[i, k], found[k + 1, j]
                splits.append((left + right + sizes[i] * sizes[k + 1] * sizes[j + 1], (a, b)))
            found[i, j] = min(splits, key=lambda pair: pair[0])
    return found[0, count - 1][1]


def _built(order: Order, matrices: Sequence[Node]) -> Node:
    if isinstance(order, int):
        return matrices[order]
    return matmat(_built(order[0], matrices), _built(order[1], matrices))
