"""Arrays of many short rows turned into a few long columns.

An array of shape (n, 3) is kept as (3, n), one of shape (n, 1) as (n,): a product with a column then runs
along n instead of starting anew for every row of three numbers, parts such as `x[:, 0]` lie in one piece, and
sums along rows are sums of whole columns. Each takes a third to a fifth of the time. So are the differences
of all pairs of points, of shape (n, m, 3), kept as (3, n, m). Values are the same, and so is every operation;
what is not elementwise gets a transpose, which is a view.
"""

from __future__ import annotations

from collections.abc import Mapping

from symgrad.graph import Function
from symgrad.node import Node
from symgrad.rewrite.turning import ALONG, MANY, Rows, Turner, column_of, short_rows
from symgrad.shapes import core

#: How many operations have to gain before anything is turned: of rows, and of rows for pairs, which are so
#: many more than what they are made of that transposes of that weigh nothing.
GAINS = {1: 6, 2: 3}


def turn_short_rows(f: Function, typical: Mapping[str, int]) -> Function:
    """The function with arrays of short rows kept by columns; itself where little would gain.

    Before: `x[:, 0] * s[:, None]` of shape (n, 3); after: `x[0] * s`.
    """
    order = f.nodes()
    gains: dict[Rows, int] = {}
    for node in order:
        rows = _gains(node)
        if rows is not None:
            gains[rows] = gains.get(rows, 0) + 1
    multiplied = {short_rows(a) for node in order if node.op.name == "matmat" for a in (node, *node.args)}
    chosen = {
        rows
        for rows, count in gains.items()
        if count >= GAINS[len(rows)]
        and all(typical.get(str(n), MANY) >= MANY for n in rows)
        # Stacks of matrices that are multiplied stay as BLAS takes them.
        and not (len(rows) == 2 and rows in multiplied)
    }
    if not chosen:
        return f
    return Turner(chosen).function(f, order)


def _gains(node: Node) -> Rows | None:
    """The numbers of rows where the operation is one that is slow on short rows."""
    if not node.shape:
        return None
    name = node.op.name
    rows = short_rows(node)
    if node.op.elementwise and rows is not None and node.shape[-1] != 1:
        return rows if any(_repeats(a, node) for a in node.args) else None
    if name in ("stack", "concatenate", "assemble") and rows is not None:
        return rows
    if name == "index" or (name in ALONG and _starts_anew(node)):
        (x,) = node.args
        rows = short_rows(x)
        if rows is not None and x.shape[-1] != 1 and (name != "index" or column_of(node.key) is not None):
            return rows
    return None


def _repeats(a: Node, whole: Node) -> bool:
    """Whether an operand has other rows than the whole, not only fewer of the same."""
    return a.rank > 1 and core(a.shape) != core(whole.shape)[-a.rank :]


def _starts_anew(node: Node) -> bool:
    """Whether what works along axes starts anew for every row, which it does not along the first axis."""
    return node.args[0].rank > 1 and 0 not in node.axes
