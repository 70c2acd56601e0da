"""Sums over and along short axes in the spellings that numpy is fast at.

    sum(a * b) along a short axis, the first or last  ->  einsum("ij,ij->i", a, b), without an array for a * b
    sum(x) along, or over rows of, a short axis       ->  x @ ones,  ones @ x

Where the size of the axis has a name, and no typical value is known, kernels choose when the code runs.

numpy's own sum starts anew for every row, which takes longer than the row where that is short: for rows of
16 numbers eight times as long as BLAS. Along an axis of at most 128 numbers, numpy adds up in plain order
as well; only beyond are its sums pairwise and stay as they are. So do sums over all axes. Sums of columns are
in plain order whatever their number. Along short rows numpy's maximum is slower still.
"""

from __future__ import annotations

from collections.abc import Mapping

from symgrad.graph import Function
from symgrad.node import OPS, Node, Op, build, rebuild
from symgrad.ops.spellings import column_sums, row_max, row_sums, sum_by_ones
from symgrad.shapes import Size, core, has_batch

#: Rows of at most so many numbers are short.
SHORT = 64
#: From so many on, einsum is faster than the product with ones of an array for a * b.
FUSED = 8
#: Operations of which a kernel chooses the spelling when the code runs.
_KERNELS: dict[str | None, Op] = {"row_sums": row_sums, "column_sums": column_sums, "row_max": row_max}
_LABELS = "ijklmnopqrstuvw"


def spell_sums(f: Function, typical: Mapping[str, int]) -> Function:
    """The function with its sums in their fastest spelling; `typical` has sizes of named dimensions.

    Before: `sum(square(x), axes=(1,))`; after: `einsum(x, x, subscripts="ij,ij->i")`.
    """
    order = f.nodes()
    ways = {node: way for node in order if (way := _way(node, typical)) is not None}
    if not ways:
        return f
    uses: dict[Node, int] = dict.fromkeys(f.output_nodes, 1)
    for node in order:
        for a in node.args:
            uses[a] = uses.get(a, 0) + 1
    new: dict[Node, Node] = {}
    for node in order:
        way = ways.get(node)
        if way in _KERNELS:
            new[node] = build(_KERNELS[way], (new[node.args[0]],), node.params)
        elif way == "fused" and uses[node.args[0]] == 1:
            new[node] = _fused(node, new)
        elif way is not None and _is_short(core(node.args[0].shape)[-1], typical):
            new[node] = sum_by_ones(new[node.args[0]], axes=node.axes, keepdims=node.keepdims)
        else:
            new[node] = rebuild(node, [new[a] for a in node.args])
    return f.map(new)


def _way(node: Node, typical: Mapping[str, int]) -> str | None:
    """How a reduction of floats over one axis is better spelled; None where it is not.

    A sum `fused` with a product, with `ones`, or by a kernel that chooses when the size is known.
    """
    if node.op.name not in ("sum", "max") or node.dtype != "float64" or len(node.axes) != 1:
        return None
    (x,), (axis,) = node.args, node.axes
    if x.rank < 2:
        return None
    first, last = core(x.shape)[0], core(x.shape)[-1]
    if node.op.name == "max":
        waits = node.initial in (None, float("-inf")) and axis == x.rank - 1
        return "row_max" if waits and (_is_open(last, typical) or _is_short(last, typical)) else None
    if _is_open(last, typical) and not (axis == 0 and _is_short(first, typical)):
        if axis == x.rank - 1:
            return "row_sums"
        return "column_sums" if x.rank == 2 and not has_batch(x.shape) else None
    fusable = _factors(x) is not None
    if not _is_short(last, typical):
        # A few long columns, added up.
        return "fused" if axis == 0 and fusable and _is_short(first, typical) else None
    if axis == x.rank - 1 and fusable and not (isinstance(last, int) and last < FUSED):
        return "fused"
    return "ones" if axis >= x.rank - 2 else None


def _is_open(size: Size, typical: Mapping[str, int]) -> bool:
    """Whether nothing is known of a size before the code runs."""
    return not isinstance(size, int) and str(size) not in typical


def _is_short(size: Size, typical: Mapping[str, int]) -> bool:
    if not isinstance(size, int):
        size = typical.get(str(size), SHORT + 1)
    return 1 < size <= SHORT


def _fused(node: Node, new: Mapping[Node, Node]) -> Node:
    (x,), (axis,) = node.args, node.axes
    factors = _factors(x)
    assert factors is not None
    labels = _LABELS[: x.rank]
    kept = labels.replace(labels[axis], "")
    product = OPS["einsum"](*[new[a] for a in factors], subscripts=f"{labels},{labels}->{kept}")
    return OPS["expand_dims"](product, axes=node.axes) if node.keepdims else product


def _factors(x: Node) -> tuple[Node, Node] | None:
    """The two factors of a product, both of its shape."""
    if has_batch(x.shape):
        return None
    if x.op.name == "square":
        return x.args[0], x.args[0]
    if x.op.name == "mul" and all(a.shape == x.shape and a.dtype == "float64" for a in x.args):
        return x.args[0], x.args[1]
    return None
