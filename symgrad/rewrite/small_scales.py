"""Numbers that scale a large product of small factors, taken by a small factor.

    q @ k.T / c           becomes      (q / c) @ k.T
    (s / c) @ k           becomes      s @ k / c
    (s / c).T @ q         becomes      s.T @ (q / c)

for arrays of pairs, `(n, n)`, between arrays of rows, `(n, k)`: weights of attention, kernels, similarities.
There are more pairs than entries of rows where pairs are what takes time. Products of columns with each
other, `X.T @ X`, are no such pairs: there the result is the smaller.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.ops.matmul import matmat
from symgrad.shapes import Size, has_batch

_MUL, _DIV, _MATMAT, _TRANSPOSE = (OPS[name] for name in ("mul", "div", "matmat", "transpose"))


def scale_small_factors(f: Function) -> Function:
    """The function with such numbers moved.

    Before: `div(matmat(q, k), c)`; after: `matmat(div(q, c), k)`.
    """
    order = f.nodes()
    numbers = {node.shape[0] for node in order if _is_of_rows(node)}
    if not any(_scaled(node, numbers) for node in order):
        return f
    users: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for a in dict.fromkeys(node.args):
            users[a].append(node)
    outputs = set(f.output_nodes)
    new: dict[Node, Node] = {}
    late: dict[Node, Node] = {}  # pairs that are not scaled yet, each with the node that scaled them
    met: set[Node] = set()  # rows that are scaled
    for node in order:
        args = [new[a] for a in node.args]
        if _scaled(node, numbers):
            product, c = _parts(node)
            if _is_of_rows(product) and len(users[product]) == 1 and product not in outputs:
                a, b = new[product].args
                rows = _rescaled(node, a, new[c])
                met.add(rows)
                new[node] = matmat(rows, b)
                continue
            if node not in outputs and _only_multiplied(node, users, outputs):
                new[node] = new[product]
                late[node] = node
                continue
        if node.op is _TRANSPOSE and node.args[0] in late:
            late[node] = late[node.args[0]]
        elif node.op is _MATMAT and any(a in late for a in node.args):
            new[node] = _after(node, args, late, new, met)
            continue
        new[node] = rebuild(node, args)
    return f if all(a is b for a, b in new.items()) else f.map(new)


def _is_of_rows(node: Node) -> bool:
    """Whether the node is `A @ B.T`, each row of A with each of B, for as many of both."""
    if node.op is not _MATMAT or node.rank != 2 or has_batch(node.shape):
        return False
    a, b = node.args
    n, m = node.shape
    return n == m and not isinstance(n, int) and b.op is _TRANSPOSE and a.op is not _TRANSPOSE


def _scaled(node: Node, numbers: Container[Size]) -> bool:
    """Whether the node is an array of pairs, of one of these numbers of rows, times or over one number."""
    if node.op not in (_MUL, _DIV) or node.rank != 2 or has_batch(node.shape) or node.dtype != "float64":
        return False
    a, b = node.args
    if node.shape[0] != node.shape[1] or node.shape[0] not in numbers:
        return False
    return (a.shape == node.shape and not b.shape) or (
        node.op is _MUL and b.shape == node.shape and not a.shape
    )


def _parts(node: Node) -> tuple[Node, Node]:
    """The pairs, and the number."""
    a, b = node.args
    return (a, b) if a.shape else (b, a)


def _rescaled(node: Node, x: Node, c: Node) -> Node:
    """x scaled as the pairs of the node are."""
    return node.op(x, c) if node.args[0].shape else node.op(c, x)


def _only_multiplied(node: Node, users: Mapping[Node, list[Node]], outputs: set[Node]) -> bool:
    """Whether all that needs the node are products with rows, its transpose between them or not."""
    pending = [node]
    while pending:
        for user in users[pending.pop()]:
            if user.op is _TRANSPOSE and user.axes == (1, 0) and user not in outputs:
                pending.append(user)
            elif user.op is not _MATMAT or user.shape == node.shape or user.rank != 2:
                return False
    return True


def _after(
    node: Node, args: list[Node], late: Mapping[Node, Node], new: Mapping[Node, Node], met: set[Node]
) -> Node:
    """A product with unscaled pairs: its rows are scaled, before it where they are already, else after."""
    position = 0 if node.args[0] in late else 1
    scaled = late[node.args[position]]
    c = new[_parts(scaled)[1]]
    rows = _rescaled(scaled, args[1 - position], c)
    if rows in met:
        return matmat(args[0], rows) if position == 0 else matmat(rows, args[1])
    return _rescaled(scaled, matmat(*args), c)
