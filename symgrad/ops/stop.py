"""A value as a constant: no derivative goes through."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.node import Node, first, lift, op
from symgrad.rowwise import each_row
from symgrad.spelling import public
from symgrad.text import Environment, Text


def _same(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return operands[0]


stop = op(
    "stop_gradient", "x",
    doc="x itself, taken to be a constant when differentiating.",
    shape=lambda x: x.shape,
    dtype=first,
    numpy=_same,
    adjoint={"x": None},
    sympy=lambda m, node, x: m.stop(x),
    view=True,
    rows=each_row,
    examples=[{"shapes": ("n",)}],
)  # fmt: skip


@public("stop_gradient")
def stop_gradient(x: Node) -> Node:
    """x, taken to be a constant when differentiating."""
    return stop(lift(x))
