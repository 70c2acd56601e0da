"""The exponential of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.flops import cubic
from symgrad.node import Node, Op, floats, op
from symgrad.ops.factors import expm_meaning
from symgrad.ops.matmul import as_array, as_floats, swap
from symgrad.ops.square import check_square, square, stacked
from symgrad.spelling import public
from symgrad.text import Environment, Text


def _expm_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    name = "_expm" if len(operands) == 1 else "_expm_along"
    return Text(f"{env.helper(name)}({', '.join(x.source for x in operands)})")


def _expm_adjoint(g: Node, y: Node, position: int) -> Node:
    """The derivative at a^T along g and the transposed directions, g in the place of one of them.

    For tr(exp(a)) has a derivative in any number of directions that is symmetric in them.
    """
    a, *directions = [swap(x) for x in y.args]
    if position:
        directions[position - 1] = g
    else:
        directions.append(g)
    return expm(a, *directions)


expm: Op = op(
    "expm", "a directions", variadic=True,
    doc="Exponential of a square matrix, by scaling and squaring of a Pade approximant (Higham 2005), or its "
    "derivative in further directions, by block matrices (Higham, Functions of Matrices, theorem 3.6).",
    shape=square("sg.expm"),
    dtype=floats,
    numpy=_expm_text,
    flops=cubic(16),
    adjoint=_expm_adjoint,
    sympy=stacked(expm_meaning),
    examples=[
        {"shapes": ("2 2",)}, {"shapes": ("n n",)}, {"shapes": ("... 2 2",)},
        {"shapes": ("2 2", "2 2")}, {"shapes": ("... 2 2", "2 2")},
    ],
)  # fmt: skip


@public("expm")
def matrix_exponential(a: Any) -> Node:
    """The exponential of a square matrix or of each of a stack; raises ShapeError for what is not square."""
    a = as_floats(as_array(a))
    check_square("sg.expm", a)
    return expm(a)
