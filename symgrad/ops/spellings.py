"""Other spellings of operations, for where they are faster; passes choose them, not users."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.flops import each
from symgrad.node import Node, Op, first, floats, op
from symgrad.ops.reduce import keep, reduced_shape
from symgrad.ops.structure import broadcast_up
from symgrad.rowwise import each_row, other_axes
from symgrad.shapes import core
from symgrad.text import ATOM, PRODUCT, Environment, Text


def _product_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,) = operands
    (axis,) = node.axes
    rank = node.args[0].rank
    size = env.dim(core(node.args[0].shape)[axis])
    if axis == rank - 1:
        ones = f"np.ones({f'({size}, 1)' if node.keepdims else size}, {env.dtype})"
        return Text(f"{x.inside(PRODUCT)} @ {ones}", PRODUCT)
    ones = f"np.ones({f'(1, {size})' if node.keepdims else size}, {env.dtype})"
    return Text(f"{ones} @ {x.inside(PRODUCT + 1)}", PRODUCT)


# numpy adds up short rows one by one, several times slower than BLAS multiplies them by ones.
sum_by_ones: Op = op(
    "sum_by_ones", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="Sum over one of the last two axes, spelled as a product with ones.",
    shape=reduced_shape,
    dtype=floats,
    numpy=_product_text,
    flops=each(1),
    adjoint={"x": lambda g, y, x: broadcast_up(keep(g, y), x.shape)},
    sympy=lambda m, node, x: m.reduce(m.sum, x, node.axes, node.keepdims),
    rows=other_axes("add"),
    examples=[
        {"shapes": ("n d",), "axes": (0,)},
        {"shapes": ("n d",), "axes": (1,)},
        {"shapes": ("n d",), "axes": (1,), "keepdims": True},
        {"shapes": ("2 n d",), "axes": (1,)},
        {"shapes": ("2 n d",), "axes": (1,), "keepdims": True},
        {"shapes": ("... n d",), "axes": (1,)},
    ],
)  # fmt: skip


def _copied_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"{operands[0].inside(ATOM)}.copy()", ATOM)


# What numpy makes of a transposed array has the memory order of what was transposed, so that all that
# follows would run along the short axis. A copy has its own.
in_order: Op = op(
    "in_order", "x",
    doc="The same entries, the last axis the closest together in memory.",
    shape=lambda x: x.shape,
    dtype=first,
    numpy=_copied_text,
    flops=0,
    price=0.35,
    adjoint={"x": lambda g, y, x: g},
    sympy=lambda m, node, x: x,
    rows=each_row,
    examples=[{"shapes": ("n",)}, {"shapes": ("n d",)}],
)  # fmt: skip
