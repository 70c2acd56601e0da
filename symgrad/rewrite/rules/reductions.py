"""Sums: of repeated entries, of scaled ones, of products; each done on the smallest array."""

from __future__ import annotations

from symgrad.node import OPS, Node, lift, rebuild
from symgrad.ops.leaves import input_node
from symgrad.ops.reduce import sum_over
from symgrad.rewrite.table import Context, rule_function
from symgrad.rewrite.terms import is_size
from symgrad.shapes import core, has_batch, product


def _matrix() -> Node:
    return input_node("a", (3, 2))


def _sum(x: Node, *axes: int, keepdims: bool = False) -> Node:
    return OPS["sum"](x, axes=axes, keepdims=keepdims)


@rule_function(
    "sum_of_repeated",
    head="sum",
    law="sum(broadcast_to(x)) -> size * sum(x)",
    example=lambda: _sum(OPS["broadcast_to"](input_node("x", (2,)), shape=(3, 2)), 0, 1),
)
def sum_of_repeated(node: Node, context: Context) -> Node | None:
    """Entries repeated along summed axes are counted, not added."""
    (wide,) = node.args
    if wide.op.name != "broadcast_to" or has_batch(wide.shape) or node.keepdims or wide.dtype == "bool":
        return None
    (x,) = wide.args
    sizes, missing = core(wide.shape), wide.rank - x.rank
    inner = core(x.shape)
    repeated = [a for a in node.axes if a < missing or inner[a - missing] != sizes[a]]
    if not repeated:
        return None
    # An axis of size 1 that was repeated is summed over too, which drops it.
    total = sum_over(x, [a - missing for a in node.axes if a >= missing])
    count = lift(product([sizes[a] for a in repeated]))
    return count if total.is_constant(1) else OPS["mul"](count, total)


@rule_function(
    "scale_out_of_sum",
    head="sum",
    law="sum(-x) -> -sum(x);  sum(c * x) -> c * sum(x) for a scalar c",
    example=lambda: _sum(OPS["mul"](2, _matrix()), 0),
)
def scale_out_of_sum(node: Node, context: Context) -> Node | None:
    """Signs and scalar factors work on the sum, which is smaller; sizes stay: they may be 0.

    A sign goes out also where others need the negative: they are often sums as well.
    """
    (x,) = node.args
    if not x.args or not (context.single(x) or x.op.name == "neg"):
        return None
    return scaled_apart(x, lambda inner: rebuild(node, [inner]))


def scaled_apart(x: Node, linear: object) -> Node | None:
    """`linear(c * x)` as `c * linear(x)`, for signs, scalar factors and scalar divisors."""
    assert callable(linear)
    name = x.op.name
    if name == "neg":
        return OPS["neg"](linear(x.args[0]))
    if name not in ("mul", "div") or not x.shape:
        return None
    a, b = x.args
    if name == "mul" and not a.shape and b.dtype == x.dtype:
        return OPS["mul"](a, linear(b))
    if not b.shape and a.shape and a.dtype == x.dtype and not (name == "div" and is_size(b)):
        return x.op(linear(a), b)
    return None


@rule_function(
    "factor_out_of_sum",
    head="sum",
    law="sum(g[:, None] * x, axis=1) -> g * sum(x, axis=1)",
    example=lambda: _sum(OPS["mul"](OPS["expand_dims"](input_node("g", (3,)), axes=(1,)), _matrix()), 1),
)
def factor_out_of_sum(node: Node, context: Context) -> Node | None:
    """A factor that is the same along the summed axes multiplies the sum."""
    (x,) = node.args
    if x.op.name not in ("mul", "div") or not context.single(x) or has_batch(x.shape):
        return None
    a, b = x.args
    for factor, rest, swapped in ((b, a, False), (a, b, True)):
        if swapped and x.op.name == "div":
            break
        if rest.shape != x.shape or not factor.shape or rest.dtype != x.dtype:
            continue
        outside = _without_axes(factor, x.rank, node)
        if outside is None:
            continue
        total = rebuild(node, [rest])
        return x.op(outside, total) if swapped else x.op(total, outside)
    return None


def _without_axes(factor: Node, full: int, node: Node) -> Node | None:
    """The factor as it meets the sum, or None where it varies along the summed axes."""
    missing = full - factor.rank
    sizes = core(factor.shape)
    if any(axis >= missing and sizes[axis - missing] != 1 for axis in node.axes):
        return None
    if node.keepdims:
        return factor
    inside = [axis - missing for axis in node.axes if axis >= missing]
    if not inside:
        # The factor's axes must still be the last ones of the sum.
        return factor if all(axis < missing for axis in node.axes) else None
    if factor.op.name == "expand_dims" and tuple(inside) == tuple(sorted(factor.axes)):
        return factor.args[0]
    return OPS["squeeze"](factor, axes=tuple(inside))


@rule_function(
    "sum_of_transpose",
    head="sum",
    law="sum(a.T, axis=1) -> sum(a, axis=0)",
    example=lambda: _sum(OPS["transpose"](_matrix(), axes=(1, 0)), 1),
)
def sum_of_transpose(node: Node, context: Context) -> Node | None:
    """The axes that are summed are named before the transpose, where what is left keeps its order."""
    (x,) = node.args
    if x.op.name != "transpose" or node.keepdims:
        return None
    left = [x.axes[i] for i in range(x.rank) if i not in node.axes]
    if left != sorted(left):
        return None
    return sum_over(x.args[0], sorted(x.axes[i] for i in node.axes))


@rule_function(
    "sum_of_sum",
    head="sum",
    law="sum(sum(x, axis=0), axis=0) -> sum(x, axis=(0, 1))",
    example=lambda: _sum(_sum(_matrix(), 0), 0),
)
def sum_of_sum(node: Node, context: Context) -> Node | None:
    """One sum over all the axes."""
    (inner,) = node.args
    if inner.op.name != "sum" or not context.single(inner) or inner.keepdims != node.keepdims:
        return None
    (x,) = inner.args
    if node.keepdims:
        return _sum(x, *sorted({*inner.axes, *node.axes}), keepdims=True)
    kept = [i for i in range(x.rank) if i not in inner.axes]
    return sum_over(x, sorted([*inner.axes, *[kept[i] for i in node.axes]]))


@rule_function(
    "sum_of_view",
    head="sum",
    law="sum(x.reshape(s)) -> sum(x), over everything",
    example=lambda: _sum(OPS["expand_dims"](_matrix(), axes=(0,)), 0, 1, 2),
)
def sum_of_view(node: Node, context: Context) -> Node | None:
    """A sum over every axis does not see the shape."""
    (x,) = node.args
    if x.op.name not in ("reshape", "expand_dims", "squeeze", "transpose"):
        return None
    if node.keepdims or len(node.axes) < x.rank or not x.args[0].rank:
        return None
    return sum_over(x.args[0], range(x.args[0].rank))
