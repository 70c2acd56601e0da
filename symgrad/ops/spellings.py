"""Other spellings of operations, for where they are faster; passes choose them, not users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symgrad.flops import each
from symgrad.node import Node, Op, first, floats, op
from symgrad.ops.extrema import max_
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


def _call_text(kernel: str) -> Any:
    """A call of a kernel, `keepdims=True` where the axis stays."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        start = ", initial=-np.inf" if "initial" in node.op.params and node.initial is not None else ""
        kept = ", keepdims=True" if node.keepdims else ""
        return Text(f"{env.helper(kernel)}({operands[0].source}{kept}{start})")

    return form


def _summed(name: str, kernel: str, doc: str, examples: Sequence[Mapping[str, Any]]) -> Op:
    return op(
        name, "x", params="axes keepdims", defaults={"keepdims": False},
        doc=doc,
        shape=reduced_shape,
        dtype=floats,
        numpy=_call_text(kernel),
        flops=each(1),
        adjoint={"x": lambda g, y, x: broadcast_up(keep(g, y), x.shape)},
        sympy=lambda m, node, x: m.reduce(m.sum, x, node.axes, node.keepdims),
        rows=other_axes("add"),
        examples=examples,
    )  # fmt: skip


# Where the length of rows is known when the code runs and not before, kernels choose by it.
row_sums = _summed(
    "row_sums", "_row_sums", "Sum along the last axis, by the spelling that is fastest for its size.",
    [{"shapes": ("n d",), "axes": (1,)}, {"shapes": ("2 n d",), "axes": (2,), "keepdims": True}],
)  # fmt: skip
column_sums = _summed(
    "column_sums", "_column_sums", "Sums of the columns of matrices, by a product with ones.",
    [{"shapes": ("n d",), "axes": (0,)}, {"shapes": ("n d",), "axes": (0,), "keepdims": True}],
)  # fmt: skip
row_max: Op = op(
    "row_max", "x", params="axes keepdims initial", defaults={"keepdims": False, "initial": None},
    doc="The largest element along the last axis, by the spelling that is fastest for its size.",
    shape=max_.shape,
    dtype=first,
    numpy=_call_text("_row_max"),
    flops=each(1),
    adjoint=max_.adjoint,
    sympy=max_.sympy,
    rows=other_axes("maximum"),
    examples=[
        {"shapes": ("n d",), "axes": (1,)},
        {"shapes": ("2 n d",), "axes": (2,), "keepdims": True},
        {"shapes": ("n d",), "axes": (1,), "initial": float("-inf")},
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
