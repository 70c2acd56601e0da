"""Transposed factors of short products copied into the order in which BLAS reads them.

Where few numbers make up each entry of a product, BLAS multiplies by a transposed factor half as fast as by
one that lies in its own order. The factor is small beside what is multiplied by it, and so is the time for a
copy.
"""

from __future__ import annotations

from collections.abc import Mapping

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.shapes import Size, core, has_batch

#: Entries that are sums of at most so many products are short: from some forty on it makes no difference.
SHORT = 32
#: Rows from which on a copy of the factor pays.
ROWS = 64


def copy_short_factors(f: Function, typical: Mapping[str, int]) -> Function:
    """The function with such factors copied; `typical` has sizes of named dimensions.

    Before: `x @ q.transpose(0, 2, 1)`; after: `x @ q.transpose(0, 2, 1).copy()`.
    """
    order = f.nodes()
    found = {node for node in order if _gains(node, typical)}
    if not found:
        return f
    new: dict[Node, Node] = {}
    for node in order:
        operands = [new[a] for a in node.args]
        if node in found:
            operands[1] = OPS["in_order"](operands[1])
        new[node] = rebuild(node, operands)
    return f.map(new)


def _gains(node: Node, typical: Mapping[str, int]) -> bool:
    """Whether a product of many rows has a transposed right factor, and entries that are short sums."""
    if node.op.name != "matmat" or has_batch(node.shape) or node.dtype != "float64":
        return False
    rows, inner = core(node.args[0].shape)[-2:]
    return _is_transposed(node.args[1]) and _size(inner, typical) <= SHORT and _size(rows, typical) >= ROWS


def _size(size: Size, typical: Mapping[str, int]) -> float:
    """The size that a dimension usually has; a named one may be large."""
    return size if isinstance(size, int) else typical.get(str(size), float("inf"))


def _is_transposed(x: Node) -> bool:
    """Whether the last two axes of a matrix, or of a stack of them, have changed places."""
    rank = x.rank
    kept = tuple(range(rank - 2))
    return x.op.name == "transpose" and tuple(x.axes) == (*kept, rank - 1, rank - 2)
