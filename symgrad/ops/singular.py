"""Singular values and vectors, the pseudo-inverse, and condition numbers.

Where it is not known which of a matrix's sizes is larger, it is taken to have at least as many rows as
columns; a call with more columns raises ValueError. Of a matrix that is known to be wider the transpose is
factorised.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.errors import TraceError
from symgrad.flops import tall
from symgrad.node import Node, Op, floats, op
from symgrad.ops.creation import eye
from symgrad.ops.eigen import over_gaps, quotient, scaled
from symgrad.ops.factors import pinv_meaning, svd_meaning
from symgrad.ops.join import along, section
from symgrad.ops.matmul import as_array, as_floats, matmat, swap
from symgrad.ops.orthogonal import check_matrix, check_tall, is_wide
from symgrad.ops.square import stacked
from symgrad.ops.structure import expand_dims
from symgrad.shapes import Shape, core
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import Environment, Text, helper

_EXAMPLES = [{"shapes": (shape,)} for shape in ("2 2", "n d", "2 3 2", "... 3 2")]


def _parts(packed: Node) -> tuple[Node, Node, Node]:
    """Singular values, v transposed, u."""
    (rows, columns), axis = core(packed.shape)[-2:], packed.rank - 2
    return (
        along(packed, 0, axis),
        section(packed, 1, columns + 1, axis),
        section(packed, columns + 1, rows, axis),
    )


def _svd_shape(a: Node) -> Shape:
    rows, columns = check_tall("svd", a).shape[-2:]
    return (*a.shape[:-2], 1 + columns + rows, columns)


def _svd_adjoint(g: Node, y: Node, a: Node) -> Node:
    """u (diag(g_s) + D_u diag(s) + diag(s) D_v) v^T + (1 - u u^T) g_u diag(1/s) v^T.

    D_u = E + E^T with E_ij = (u^T g_u)_ij / (s_j^2 - s_i^2), D_v the same of v; where the result depends on
    s alone nothing is divided.
    """
    (s, vh, u), (g_s, g_vh, g_u) = _parts(y), _parts(g)
    along_u = matmat(swap(u), g_u)
    turned_u, turned_v = over_gaps(along_u, s * s), over_gaps(matmat(vh, swap(g_vh)), s * s)
    turned_u, turned_v = turned_u + swap(turned_u), turned_v + swap(turned_v)
    size = core(a.shape)[-1]
    inner = scaled(eye(size=size), g_s) + scaled(turned_u, s)
    inner = inner + swap(scaled(turned_v, s))  # D_v is symmetric
    left = matmat(u, inner)
    if core(a.shape)[-2] != size:
        left = left + quotient(g_u - matmat(u, along_u), expand_dims(s, axes=(s.rank - 1,)))
    return matmat(left, vh)


svd: Op = op(
    "svd", "a",
    doc="Singular values in the first row, then v transposed, then u, of a matrix with no fewer rows than "
    "columns (adjoint: Townsend 2016, Differentiating the singular value decomposition). The gradient "
    "through vectors is nan at equal singular values.",
    shape=_svd_shape,
    dtype=floats,
    numpy=helper("_svd", "{0}"),
    flops=tall(14, 8),
    adjoint={"a": _svd_adjoint},
    sympy=stacked(svd_meaning),
    examples=_EXAMPLES,
)  # fmt: skip


def _values_shape(a: Node) -> Shape:
    return check_tall("svd", a).shape[:-2] + a.shape[-1:]


def _values_adjoint(g: Node, y: Node, a: Node) -> Node:
    """u diag(g) v^T, of the vectors whose singular value is not 0."""
    s, vh, u = _parts(svd(a))
    return matmat(scaled(u, g * FUNCTIONS[np.sign](s)), vh)


singular_values: Op = op(
    "singular_values", "a",
    doc="Singular values in descending order; the derivative of one that is 0 is 0, the subgradient of least "
    "norm of their sum.",
    shape=_values_shape,
    dtype=floats,
    numpy=helper("_singular_values", "{0}"),
    flops=tall(4, Fraction(-4, 3)),
    adjoint={"a": _values_adjoint},
    sympy=stacked(lambda m, a: svd_meaning(m, a)[0]),
    examples=_EXAMPLES,
)  # fmt: skip


class SVDResult(tuple[Any, ...]):
    """What np.linalg.svd returns: three arrays that have names too."""

    @property
    def U(self) -> Any:
        """Left singular vectors in columns."""
        return self[0]

    @property
    def S(self) -> Any:
        """Singular values in descending order."""
        return self[1]

    @property
    def Vh(self) -> Any:
        """Right singular vectors in rows."""
        return self[2]


@spelled(np.linalg.svd)
def numpy_svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """`np.linalg.svd`: the values alone, or with as many vectors as values.

    Raises TraceError for the full square matrices of vectors, which are not determined by the matrix.
    """
    a = check_matrix("svd", as_floats(as_array(a)))
    if hermitian:
        raise TraceError("np.linalg.svd(hermitian=True) is not supported", hint="np.linalg.eigh(a)")
    wide = is_wide(a)
    if not compute_uv:
        return singular_values(swap(a) if wide else a)
    rows, columns = core(a.shape)[-2:]
    if full_matrices and rows != columns:
        raise TraceError(
            "np.linalg.svd: vectors beyond the smaller size are not determined by the matrix",
            hint="np.linalg.svd(a, full_matrices=False)",
        )
    s, vh, u = _parts(svd(swap(a) if wide else a))
    return SVDResult((swap(vh), s, swap(u)) if wide else (u, s, vh))


if hasattr(np.linalg, "svdvals"):

    @spelled(np.linalg.svdvals)
    def svdvals(x: Any) -> Node:
        """`np.linalg.svdvals`: singular values in descending order."""
        return numpy_svd(x, compute_uv=False)  # type: ignore[no-any-return]


# --- pseudo-inverse -----------------------------------------------------------------------------------


def _pinv_shape(a: Node, rcond: float | None) -> Shape:
    rows, columns = check_matrix("pinv", a).shape[-2:]
    return (*a.shape[:-2], columns, rows)


def _pinv_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    cutoff = "" if node.rcond is None else f", {node.rcond!r}"
    return Text(f"np.linalg.pinv({operands[0].source}{cutoff})")


def _pinv_adjoint(g: Node, y: Node, a: Node) -> Node:
    """-(y^T g y^T) + (1 - a y) g^T y y^T + y^T y g^T (1 - y a)."""
    across, gt = swap(y), swap(g)
    left, right = matmat(gt, matmat(y, across)), matmat(matmat(across, y), gt)
    left, right = left - matmat(a, matmat(y, left)), right - matmat(matmat(right, y), a)
    return left + right - matmat(matmat(across, g), across)


pinv: Op = op(
    "pinv", "a", params="rcond", defaults={"rcond": None},
    doc="Pseudo-inverse; its derivative is that among matrices of the same rank (Golub and Pereyra 1973).",
    shape=_pinv_shape,
    dtype=floats,
    numpy=_pinv_text,
    flops=tall(16, 8),
    adjoint={"a": _pinv_adjoint},
    sympy=stacked(pinv_meaning),
    examples=[{"shapes": (shape,)} for shape in ("2 2", "n d", "2 3", "2 3 2", "... 3 2")],
)  # fmt: skip


@spelled(np.linalg.pinv)
def numpy_pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Node:
    """`np.linalg.pinv`; singular values below `rcond` times the largest count as 0."""
    cutoff = rcond if rtol is None else rtol
    if not (cutoff is None or isinstance(cutoff, (int, float))):
        raise TraceError("np.linalg.pinv: expected a number for rcond", hint="np.linalg.pinv(a)")
    a = as_floats(as_array(a))
    if hermitian:  # as numpy has it, the lower triangle alone is read
        a = FUNCTIONS[np.tril](a) + swap(FUNCTIONS[np.tril](a, -1))
    return pinv(a, rcond=cutoff)
