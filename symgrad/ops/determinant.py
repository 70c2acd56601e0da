"""Determinants. The gradient of det is the matrix of cofactors, which exists where the inverse does not."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.node import Node, Op, floats, op
from symgrad.ops.linalg import inv
from symgrad.ops.matmul import as_array, as_floats, matmat, swap
from symgrad.ops.square import (
    EXAMPLES,
    as_matrices,
    cofactor_change_meaning,
    cofactor_meaning,
    det_meaning,
    numbers,
    square,
    stacked,
)
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import call, function, helper


def _log_meaning(m: Any, a: Any) -> Any:
    return m.apply(lambda sp, x: sp.log(sp.Abs(x)), det_meaning(m, a))


def _sign_meaning(m: Any, a: Any) -> Any:
    return m.apply(lambda sp, x: sp.sign(x), det_meaning(m, a))


def _third(a: Node, g: Node, h: Node) -> Node:
    """Gradient of the second derivative of det(a) in the directions g and h, for regular matrices.

    det(a) times (tr G tr H - tr GH) b^T - tr G (H b)^T - tr H (G b)^T + (G H b + H G b)^T, where b is the
    inverse, G = b g and H = b h.
    """
    b = inv(a)
    left, right = matmat(b, g), matmat(b, h)
    both, turned = matmat(left, right), matmat(right, left)
    tr_left, tr_right, tr_both = (as_matrices(_trace(x)) for x in (left, right, both))
    inner = (tr_left * tr_right - tr_both) * b - tr_left * matmat(right, b) - tr_right * matmat(left, b)
    return as_matrices(det(a)) * swap(inner + matmat(both, b) + matmat(turned, b))


def _trace(x: Node) -> Node:
    diagonal = FUNCTIONS[np.diagonal](x, axis1=x.rank - 2, axis2=x.rank - 1)
    return FUNCTIONS[np.sum](diagonal, axis=-1)  # type: ignore[no-any-return]


cofactor_change: Op = op(
    "cofactor_change", "a g",
    doc="Derivative of the matrix of cofactors of a in the direction g.",
    shape=square("det"),
    dtype=floats,
    numpy=helper("_cofactor_change", "{0}, {1}"),
    # The second derivative of det is symmetric in its two directions.
    adjoint={"a": lambda g, y, a, h: _third(a, g, h), "g": lambda g, y, a, h: cofactor_change(a, g)},
    sympy=stacked(cofactor_change_meaning),
    examples=[{"shapes": ("2 2", "2 2")}, {"shapes": ("n n", "n n")}, {"shapes": ("... n n", "... n n")}],
)  # fmt: skip

cofactor: Op = op(
    "cofactor", "a",
    doc="Matrix of cofactors, the transposed adjugate; it exists for singular matrices.",
    shape=square("det"),
    dtype=floats,
    numpy=helper("_cofactor", "{0}"),
    adjoint={"a": lambda g, y, a: cofactor_change(a, g)},
    sympy=stacked(cofactor_meaning),
    examples=EXAMPLES,
)  # fmt: skip

det: Op = op(
    "det", "a",
    doc="Determinant; its gradient is the matrix of cofactors, for singular matrices too.",
    shape=numbers("det"),
    dtype=floats,
    numpy=call("np.linalg.det"),
    adjoint={"a": lambda g, y, a: as_matrices(g) * cofactor(a)},
    sympy=stacked(det_meaning),
    examples=EXAMPLES,
)  # fmt: skip

log_abs_det: Op = op(
    "log_abs_det", "a",
    doc="Logarithm of the absolute value of the determinant, by np.linalg.slogdet.",
    shape=numbers("slogdet"),
    dtype=floats,
    numpy=function("np.linalg.slogdet({0})[1]"),
    adjoint={"a": lambda g, y, a: as_matrices(g) * swap(inv(a))},
    sympy=stacked(_log_meaning),
    examples=EXAMPLES,
)  # fmt: skip

sign_det: Op = op(
    "sign_det", "a",
    doc="Sign of the determinant; its derivative is 0.",
    shape=numbers("slogdet"),
    dtype=floats,
    numpy=function("np.linalg.slogdet({0})[0]"),
    adjoint={"a": None},
    sympy=stacked(_sign_meaning),
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
