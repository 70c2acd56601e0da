"""Sums over and along short axes in the spellings that numpy is fast at.

    sum(a * b) along a short axis             ->  einsum("ij,ij->i", a, b), which needs no array for a * b
    sum(x) along, or over rows of, a short axis  ->  x @ ones,  ones @ x

numpy's own sum starts anew for every row, which takes longer than the row where that is short: for rows of
16 numbers eight times as long as BLAS. Along an axis of at most 128 numbers, numpy adds up in plain order
as well; only beyond are its sums pairwise and stay as they are. So do sums over all axes.
"""

from __future__ import annotations

from collections.abc import Mapping

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.ops.spellings import sum_by_ones
from symgrad.shapes import Size, core, has_batch

#: Rows of at most so many numbers are short.
SHORT = 64
#: From so many on, einsum is faster than the product with ones of an array for a * b.
FUSED = 8
_LABELS = "ijklmnopqrstuvw"


def spell_sums(f: Function, typical: Mapping[str, int]) -> Function:
    """The function with its sums in their fastest spelling; `typical` has sizes of named dimensions.

    Before: `sum(square(x), axes=(1,))`; after: `einsum(x, x, subscripts="ij,ij->i")`.
    """
    order = f.nodes()
    if not any(_is_candidate(node, typical) for node in order):
        return f
    uses: dict[Node, int] = dict.fromkeys(f.output_nodes, 1)
    for node in order:
        for a in node.args:
            uses[a] = uses.get(a, 0) + 1
    new: dict[Node, Node] = {}
    for node in order:
        if _is_candidate(node, typical):
            new[node] = _spelled(node, new, uses)
        else:
            new[node] = rebuild(node, [new[a] for a in node.args])
    return f.map(new)


def _is_candidate(node: Node, typical: Mapping[str, int]) -> bool:
    """A sum of floats over one of the last two axes of an array whose last axis is short."""
    if node.op.name != "sum" or node.dtype != "float64" or len(node.axes) != 1:
        return False
    (x,) = node.args
    return x.rank > 1 and node.axes[0] >= x.rank - 2 and _is_short(core(x.shape)[-1], typical)


def _is_short(size: Size, typical: Mapping[str, int]) -> bool:
    if not isinstance(size, int):
        size = typical.get(str(size), SHORT + 1)
    return 1 < size <= SHORT


def _spelled(node: Node, new: Mapping[Node, Node], uses: Mapping[Node, int]) -> Node:
    (x,) = node.args
    last = core(x.shape)[-1]
    along = node.axes[0] == x.rank - 1
    if along and uses[x] == 1 and not (isinstance(last, int) and last < FUSED):
        factors = _factors(x)
        if factors is not None:
            labels = _LABELS[: x.rank]
            product = OPS["einsum"](
                *[new[a] for a in factors], subscripts=f"{labels},{labels}->{labels[:-1]}"
            )
            return OPS["expand_dims"](product, axes=node.axes) if node.keepdims else product
    return sum_by_ones(new[x], axes=node.axes, keepdims=node.keepdims)


def _factors(x: Node) -> tuple[Node, Node] | None:
    """The two factors of a product, both of its shape."""
    if has_batch(x.shape):
        return None
    if x.op.name == "square":
        return x.args[0], x.args[0]
    if x.op.name == "mul" and all(a.shape == x.shape and a.dtype == "float64" for a in x.args):
        return x.args[0], x.args[1]
    return None
