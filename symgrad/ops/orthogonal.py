"""The factorisation into an orthogonal and a triangular matrix, and what is solved by it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import tall
from symgrad.node import Node, Op, floats, lift, op
from symgrad.ops.creation import eye
from symgrad.ops.factors import qr_meaning
from symgrad.ops.indexing import is_nonnegative
from symgrad.ops.join import section
from symgrad.ops.linalg import numpy_solve, solve
from symgrad.ops.matmul import as_array, as_floats, matmat, matmul, swap
from symgrad.ops.square import check_square, stacked
from symgrad.ops.structure import expand_dims, squeeze
from symgrad.shapes import Shape, core, shape_text
from symgrad.spelling import FUNCTIONS, public, spelled
from symgrad.text import helper


def check_matrix(what: str, a: Node) -> Node:
    """The matrix, or stack of them; ShapeError for less than two axes."""
    if a.rank < 2:
        raise ShapeError(f"np.linalg.{what}: expected a matrix or a stack of them", got=shape_text(a.shape))
    return a


def is_wide(a: Node) -> bool:
    """Whether the matrix is known to have more columns than rows, whatever the sizes of its dimensions."""
    rows, columns = core(a.shape)[-2:]
    return rows != columns and is_nonnegative(columns - rows)


def check_tall(what: str, a: Node) -> Node:
    """The matrix, which is not known to have more columns than rows; at run time that is an error too."""
    if is_wide(check_matrix(what, a)):
        raise ShapeError(
            f"np.linalg.{what}: more columns than rows are not supported",
            expected="shape (m, n) with m >= n",
            got=shape_text(a.shape),
            hint="np.linalg.pinv(a) @ b for the shortest solution" if what == "lstsq" else None,
        )
    return a


def _qr_shape(a: Node) -> Shape:
    rows, columns = check_tall("qr", a).shape[-2:]
    return (*a.shape[:-2], columns + rows, columns)


def _parts(packed: Node) -> tuple[Node, Node]:
    """The triangular and the orthogonal factor."""
    size, axis = core(packed.shape)[-1], packed.rank - 2
    return section(packed, 0, size, axis), section(packed, size, core(packed.shape)[-2], axis)


def _mirrored(x: Node) -> Node:
    """The symmetric matrix that has this one's lower triangle."""
    tril = FUNCTIONS[np.tril]
    return tril(x) + swap(tril(x, -1))  # type: ignore[no-any-return]


def _qr_adjoint(g: Node, y: Node, a: Node) -> Node:
    """(g_q + q S) r^-T, with S the mirrored lower triangle of r g_r^T - g_q^T q."""
    (r, q), (g_r, g_q) = _parts(y), _parts(g)
    s = _mirrored(matmat(r, swap(FUNCTIONS[np.triu](g_r))) - matmat(swap(g_q), q))
    return swap(solve(r, swap(g_q + matmat(q, s))))


qr: Op = op(
    "qr", "a",
    doc="Triangular factor and, below it, orthogonal factor of a matrix with full column rank and no fewer "
    "rows than columns (adjoint: Walter and Lehmann 2012, Algorithmic differentiation of linear algebra).",
    shape=_qr_shape,
    dtype=floats,
    numpy=helper("_qr", "{0}"),
    flops=tall(4, Fraction(-4, 3)),
    adjoint={"a": _qr_adjoint},
    sympy=stacked(qr_meaning),
    examples=[{"shapes": (shape,)} for shape in ("2 2", "n d", "2 3 2", "... 3 2")],
)  # fmt: skip


class QRResult(tuple[Any, ...]):
    """What np.linalg.qr returns: a pair whose parts have names too."""

    @property
    def Q(self) -> Any:
        """The orthogonal factor."""
        return self[0]

    @property
    def R(self) -> Any:
        """The triangular factor."""
        return self[1]


@spelled(np.linalg.qr)
def numpy_qr(a: Any, mode: str = "reduced") -> Any:
    """`np.linalg.qr` of a matrix with at least as many rows as columns; modes "reduced" and "r".

    Raises TraceError for other modes, ShapeError for more columns than rows.
    """
    a = check_tall("qr", as_floats(as_array(a)))
    rows, columns = core(a.shape)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and rows == columns):
        raise TraceError(f"np.linalg.qr: mode {mode!r} is not supported", expected='"reduced" or "r"')
    r, q = _parts(qr(a))
    return r if mode == "r" else QRResult((q, r))


@spelled(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Node, ...]:
    """`np.linalg.lstsq` of a matrix with full column rank: solution, squares, rank, singular values."""
    a, b = check_tall("lstsq", as_floats(as_array(a))), as_floats(as_array(b))
    if rcond is not None and rcond != -1:
        raise TraceError("np.linalg.lstsq: rcond is not supported", hint="np.linalg.pinv(a, rcond) @ b")
    if b.rank == 0 or core(b.shape)[0 if b.rank == 1 else -2] != core(a.shape)[-2]:
        raise ShapeError(
            f"np.linalg.lstsq: sizes differ: {shape_text(a.shape)} x = {shape_text(b.shape)}",
            expected=f"a right-hand side with {core(a.shape)[-2]} rows",
        )
    columns = b if b.rank > 1 else expand_dims(b, axes=(1,))
    r, q = _parts(qr(a))
    x = solve(r, matmul(swap(q), columns))
    rest = columns - matmul(a, x)
    squares = FUNCTIONS[np.sum](rest * rest, axis=-2)
    values = FUNCTIONS[np.linalg.svd](a, compute_uv=False)
    if core(a.shape)[-2] == core(a.shape)[-1]:
        squares = section(squares, 0, 0, squares.rank - 1)  # numpy gives none of a square system
    found = x if b.rank > 1 else squeeze(x, axes=(x.rank - 1,))
    return found, squares, lift(core(a.shape)[-1]), values


@public("solve_triangular")
def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False
) -> Node:
    """The solution x of a x = b by the upper (or lower) triangle of a alone; of a.T x = b if `trans` is 1.

    The arguments are those of scipy.linalg.solve_triangular. With `unit_diagonal` the diagonal counts as
    ones and is not read. b is a vector where it has one axis, else a matrix or a stack of them.
    """
    a = as_floats(as_array(a))
    check_square("sg.solve_triangular", a)
    if trans not in (0, 1, "N", "T"):
        raise TraceError("sg.solve_triangular: trans is 0 or 1", got=repr(trans))
    triangle = FUNCTIONS[np.tril if lower else np.triu]
    if unit_diagonal:
        a = triangle(a, -1 if lower else 1) + eye(size=core(a.shape)[-1])
    else:
        a = triangle(a)
    return numpy_solve(swap(a) if trans in (1, "T") else a, b)
