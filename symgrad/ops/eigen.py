"""Eigenvalues and eigenvectors of symmetric matrices.

One operation factorises and returns values and vectors in one array, so that a function, its derivative and
whatever else takes part of the result share one call of numpy. As in numpy the lower triangle alone is read,
so the gradient is lower triangular; that of a function of symmetric matrices is its symmetric part.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.errors import TraceError
from symgrad.flops import cubic
from symgrad.node import Node, Op, floats, op
from symgrad.ops.creation import eye
from symgrad.ops.factors import eigen_meaning, eigh_meaning, symmetric
from symgrad.ops.factors import floats as floats_of
from symgrad.ops.join import along, section
from symgrad.ops.linalg import half
from symgrad.ops.matmul import as_array, as_floats, batch_of, matmat, swap
from symgrad.ops.square import check_square, numbers, stacked
from symgrad.ops.structure import expand_dims
from symgrad.shapes import Shape, core
from symgrad.spelling import spelled
from symgrad.text import call, helper

quotient: Op = op(
    "quotient", "a b",
    doc="Quotient a / b, and 0 where a is 0, whatever b is there.",
    dtype=floats,
    numpy=helper("_divide_zero", "{0}, {1}"),
    adjoint={"a": lambda g, y, a, b: quotient(g, b), "b": lambda g, y, a, b: -quotient(g * y, b)},
    sympy=lambda sp, a, b: a / b,
    sample={"a": (-2.0, 2.0), "b": (0.5, 2.0)},
)  # fmt: skip


def over_gaps(x: Node, w: Node) -> Node:
    """The square matrix of x_ij / (w_j - w_i), with zeros on the diagonal and where x is 0."""
    unit = eye(size=core(x.shape)[-1])
    gaps = expand_dims(w, axes=(w.rank - 1,)) - expand_dims(w, axes=(w.rank,))
    return quotient(x * (1 - unit), gaps + unit)


def scaled(vectors: Node, g: Node) -> Node:
    """The columns of a matrix, each times a number: `vectors diag(g)`."""
    return vectors * expand_dims(g, axes=(g.rank - 1,))


def lower(s: Node) -> Node:
    """The gradient by the lower triangle that stands for a symmetric matrix, given that by the whole."""
    return half(s + swap(s))


def _parts(packed: Node) -> tuple[Node, Node]:
    """Values and vectors."""
    axis = packed.rank - 1
    return along(packed, 0, axis), section(packed, 1, core(packed.shape)[-1], axis)


def _eigh_shape(a: Node) -> Shape:
    check_square("eigh", a)
    return (*a.shape[:-1], a.shape[-1] + 1)


def _eigh_adjoint(g: Node, y: Node, a: Node) -> Node:
    """V (diag(g_w) + (V^T g_V) / (w_j - w_i)) V^T; where nothing depends on V no gap is divided by."""
    (w, v), (g_w, g_v) = _parts(y), _parts(g)
    turned = over_gaps(matmat(swap(v), g_v), w)
    return lower(matmat(scaled(v, g_w) + matmat(v, turned), swap(v)))


_EXAMPLES = [{"shapes": (shape,)} for shape in ("2 2", "n n", "2 2 2", "... 2 2")]

eigh: Op = op(
    "eigh", "a",
    doc="Eigenvalues, in the first column, and eigenvectors of a symmetric matrix given by its lower "
    "triangle (adjoint: Giles 2008, section 3.1). The gradient through vectors is not defined at equal "
    "eigenvalues, and in general nan.",
    shape=_eigh_shape,
    dtype=floats,
    numpy=helper("_eigh", "{0}"),
    flops=cubic(9),
    adjoint={"a": _eigh_adjoint},
    sympy=stacked(eigh_meaning),
    examples=_EXAMPLES,
)  # fmt: skip


def _values_adjoint(g: Node, y: Node, a: Node) -> Node:
    """V diag(g) V^T, at equal eigenvalues too."""
    _, v = _parts(eigh(a))
    return lower(matmat(scaled(v, g), swap(v)))


def _values_meaning(m: Any, a: Any) -> Any:
    if not len(a):
        return np.empty(0, object)
    return eigen_meaning(m, symmetric(a), np.linalg.eigh(floats_of("np.linalg.eigvalsh", a))[1])[0]


def _values_shape(a: Node) -> Shape:
    numbers("eigvalsh")(a)
    return batch_of(a) + core(a.shape)[:-1]


eigvalsh: Op = op(
    "eigvalsh", "a",
    doc="Eigenvalues of a symmetric matrix given by its lower triangle, in ascending order. Where some are "
    "equal the gradient of their sum is right; each has that of one vector of the basis that numpy chose.",
    shape=_values_shape,
    dtype=floats,
    numpy=call("np.linalg.eigvalsh"),
    flops=cubic(Fraction(4, 3)),
    adjoint={"a": _values_adjoint},
    sympy=stacked(_values_meaning),
    examples=_EXAMPLES,
)  # fmt: skip


class EighResult(tuple[Any, ...]):
    """What np.linalg.eigh returns: a pair whose parts have names too."""

    @property
    def eigenvalues(self) -> Any:
        """Eigenvalues in ascending order."""
        return self[0]

    @property
    def eigenvectors(self) -> Any:
        """Eigenvectors in columns."""
        return self[1]


def _given(what: str, a: Any, uplo: Any) -> Node:
    """The matrix with the triangle that is read below the diagonal."""
    a = as_floats(as_array(a))
    check_square(what, a)
    if uplo not in ("L", "U", "l", "u"):
        raise TraceError(f"np.linalg.{what}: UPLO is 'L' or 'U'", got=repr(uplo))
    return swap(a) if uplo in "Uu" else a


@spelled(np.linalg.eigh)
def numpy_eigh(a: Any, UPLO: str = "L") -> EighResult:
    """`np.linalg.eigh`: eigenvalues in ascending order and eigenvectors, of the lower triangle."""
    return EighResult(_parts(eigh(_given("eigh", a, UPLO))))


@spelled(np.linalg.eigvalsh)
def numpy_eigvalsh(a: Any, UPLO: str = "L") -> Node:
    """`np.linalg.eigvalsh`: eigenvalues in ascending order, of the lower triangle."""
    return eigvalsh(_given("eigvalsh", a, UPLO))


@spelled(np.linalg.eig, np.linalg.eigvals)
def eig(a: Any) -> Node:
    """Refused: eigenvalues of a general matrix are complex."""
    raise TraceError(
        "np.linalg.eig and np.linalg.eigvals are not supported: their results may be complex",
        hint="np.linalg.eigh or np.linalg.eigvalsh for symmetric matrices",
    )


@spelled(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Node:
    """Refused: a rank has no derivative."""
    raise TraceError(
        "np.linalg.matrix_rank is not supported",
        hint="np.sum(np.linalg.svd(a, compute_uv=False) > tol) counts singular values",
    )
