"""Determinants. The gradient of det is the matrix of cofactors, which exists where the inverse does not."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.flops import cubic
from symgrad.node import Node, Op, floats, op
from symgrad.ops.linalg import inv
from symgrad.ops.matmul import as_array, as_floats, swap
from symgrad.ops.square import (
    EXAMPLES,
    as_matrices,
    cofactor_meaning,
    det_meaning,
    numbers,
    square,
    stacked,
)
from symgrad.rowwise import leading_axes
from symgrad.shapes import core
from symgrad.spelling import spelled
from symgrad.text import Environment, Text, call, function


def _log_meaning(m: Any, a: Any) -> Any:
    return m.apply(lambda sp, x: sp.log(sp.Abs(x)), det_meaning(m, a))


def _sign_meaning(m: Any, a: Any) -> Any:
    return m.apply(lambda sp, x: sp.sign(x), det_meaning(m, a))


def _cofactor_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"{env.helper('_cofactor')}({', '.join(x.source for x in operands)})")


def _cofactor_adjoint(g: Node, y: Node, position: int) -> Node | None:
    """Derivatives of det are symmetric in their directions; those of higher order than it has rows are 0."""
    a, *directions = y.args
    if position:
        directions[position - 1] = g
        return cofactor(a, *directions)
    return None if core(a.shape)[-1] == len(y.args) else cofactor(a, *directions, g)


cofactor: Op = op(
    "cofactor", "a directions", variadic=True,
    doc="Matrix of cofactors, which exists for singular matrices, or its derivative in further directions.",
    shape=square("det"),
    dtype=floats,
    numpy=_cofactor_text,
    flops=cubic(26),
    adjoint=_cofactor_adjoint,
    sympy=stacked(cofactor_meaning),
    rows=leading_axes(2),
    examples=[
        *EXAMPLES,
        {"shapes": ("2 2", "2 2")},
        {"shapes": ("n n", "n n")},
        {"shapes": ("... n n", "... n n")},
        {"shapes": ("n n", "n n", "n n")},
    ],
)  # fmt: skip

det: Op = op(
    "det", "a",
    doc="Determinant; its gradient is the matrix of cofactors, for singular matrices too.",
    shape=numbers("det"),
    dtype=floats,
    numpy=call("np.linalg.det"),
    flops=cubic(Fraction(2, 3)),
    adjoint={"a": lambda g, y, a: as_matrices(g) * cofactor(a)},
    sympy=stacked(det_meaning),
    rows=leading_axes(2),
    examples=EXAMPLES,
)  # fmt: skip

log_abs_det: Op = op(
    "log_abs_det", "a",
    doc="Logarithm of the absolute value of the determinant, by np.linalg.slogdet.",
    shape=numbers("slogdet"),
    dtype=floats,
    numpy=function("np.linalg.slogdet({0})[1]"),
    flops=cubic(Fraction(2, 3)),
    adjoint={"a": lambda g, y, a: as_matrices(g) * swap(inv(a))},
    sympy=stacked(_log_meaning),
    rows=leading_axes(2),
    examples=EXAMPLES,
)  # fmt: skip

sign_det: Op = op(
    "sign_det", "a",
    doc="Sign of the determinant; its derivative is 0.",
    shape=numbers("slogdet"),
    dtype=floats,
    numpy=function("np.linalg.slogdet({0})[0]"),
    flops=cubic(Fraction(2, 3)),
    adjoint={"a": None},
    sympy=stacked(_sign_meaning),
    rows=leading_axes(2),
    examples=EXAMPLES,
)  # fmt: skip


class SlogdetResult(tuple[Any, ...]):
    """What np.linalg.slogdet returns: a pair whose parts have names too."""

    @property
    def sign(self) -> Any:
        """Sign of the determinant."""
        return self[0]

    @property
    def logabsdet(self) -> Any:
        """Logarithm of its absolute value."""
        return self[1]


@spelled(np.linalg.det)
def numpy_det(a: Any) -> Node:
    """`np.linalg.det`; raises ShapeError for what is not square."""
    return det(as_floats(as_array(a)))


@spelled(np.linalg.slogdet)
def slogdet(a: Any) -> SlogdetResult:
    """`np.linalg.slogdet`: sign and logarithm of the absolute value of the determinant."""
    a = as_floats(as_array(a))
    return SlogdetResult((sign_det(a), log_abs_det(a)))
