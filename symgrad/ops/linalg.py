"""Linear algebra of square matrices: inverse, systems, Cholesky factor, powers; chains of products."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, SpecError, TraceError
from symgrad.flops import Flops, cubic, elements, extent
from symgrad.node import Node, Op, floats, op
from symgrad.ops.creation import eye
from symgrad.ops.einsum import LETTERS, contract
from symgrad.ops.matmul import as_array, as_floats, batch_of, matmat, matmul, outer_product, swap
from symgrad.ops.square import EXAMPLES, check_square, cofactor_meaning, det_meaning, square, stacked
from symgrad.ops.structure import broadcast_up, expand_dims, squeeze
from symgrad.rowwise import leading_axes
from symgrad.shapes import Shape, broadcast, core, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import ATOM, Environment, Text, call

# --- inverse and systems ----------------------------------------------------------------------------

inv: Op = op(
    "inv", "a",
    doc="Inverse of a square matrix.",
    shape=square("inv"),
    dtype=floats,
    numpy=call("np.linalg.inv"),
    flops=cubic(2),
    adjoint={"a": lambda g, y, a: -matmat(matmat(swap(y), g), swap(y))},
    sympy=stacked(lambda m, a: cofactor_meaning(m, a).T / det_meaning(m, a)),
    rows=leading_axes(2),
    examples=EXAMPLES,
)  # fmt: skip


def _solve_shape(a: Node, b: Node) -> Shape:
    check_square("solve", a)
    left, right = core(a.shape), core(b.shape)
    if b.rank == 0 or right[0 if b.rank == 1 else -2] != left[-1]:
        raise ShapeError(
            f"np.linalg.solve: sizes differ: {shape_text(a.shape)} x = {shape_text(b.shape)}",
            expected=f"a right-hand side with {left[-1]} rows",
        )
    if b.rank == 1:
        return batch_of(a, b) + right
    return batch_of(a, b) + broadcast(left[:-2], right[:-2], what="np.linalg.solve") + right[-2:]


def _solve_meaning(m: Any, node: Node, a: Any, b: Any) -> Any:
    """Cramer's rule."""
    columns = b[..., None] if b.ndim == 1 else b
    stack = np.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
    result = np.empty(stack + columns.shape[-2:], object)
    a = np.broadcast_to(a, stack + a.shape[-2:])
    columns = np.broadcast_to(columns, result.shape)
    for index in np.ndindex(*stack):
        matrix = m.normwise(a[index])
        whole = det_meaning(m, matrix)
        for j in range(columns.shape[-1]):
            right = m.normwise(columns[index][:, j])
            for i in range(len(matrix)):
                replaced = matrix.copy()
                replaced[:, i] = right
                result[(*index, i, j)] = det_meaning(m, replaced) / whole
            result[(*index, slice(None), j)] = m.normwise(result[(*index, slice(None), j)])
    return result[..., 0] if b.ndim == 1 else result


def _solve_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (a, b), batched = operands, batch_of(*node.args)
    if not batched and (node.args[0].rank == 2 or node.args[0].rank <= node.args[1].rank):
        return Text(f"np.linalg.solve({a.source}, {b.source})")
    # A stack of matrices: older numpy takes b for a stack of vectors where it has one axis less than a.
    solve = env.helper("_solve")
    if node.args[1].rank == 1:
        return Text(f"{solve}({a.source}, {b.inside(ATOM)}[..., None])[..., 0]")
    return Text(f"{solve}({a.source}, {b.source})")


def _solve_left(g: Node, y: Node, a: Node) -> Node:
    b_bar = solve(swap(a), g)
    return -outer_product(b_bar, y) if y.rank == 1 else -matmat(b_bar, swap(y))


def _solve_flops(node: Node) -> Flops:
    """A factorisation, and a product with its inverse."""
    return cubic(Fraction(2, 3))(node) + elements(node.shape) * extent(node.args[0].shape[-1]) * 2


solve: Op = op(
    "solve", "a b",
    doc="The solution x of a x = b; b is a vector where it has one axis, else a matrix or a stack of them.",
    shape=_solve_shape,
    dtype=floats,
    numpy=_solve_text,
    flops=_solve_flops,
    adjoint={
        "a": lambda g, y, a, b: _solve_left(g, y, a),
        "b": lambda g, y, a, b: solve(swap(a), g),
    },
    sympy=_solve_meaning,
    examples=[
        {"shapes": ("n n", "n")}, {"shapes": ("n n", "n k")}, {"shapes": ("m n n", "n k")},
        {"shapes": ("n n", "m n k")}, {"shapes": ("... n n", "n")}, {"shapes": ("n n", "... n")},
        {"shapes": ("... n n", "... n k")},
    ],
)  # fmt: skip


@spelled(np.linalg.inv)
def numpy_inv(a: Any) -> Node:
    """`np.linalg.inv`; raises ShapeError for what is not square."""
    return inv(as_floats(as_array(a)))


@spelled(np.linalg.solve)
def numpy_solve(a: Any, b: Any) -> Node:
    """`np.linalg.solve`, with numpy 2's meaning: b is a vector only where it has one axis."""
    a, b = as_floats(as_array(a)), as_floats(as_array(b))
    check_square("solve", a)
    if b.rank == 1 and a.rank > 2:
        x = solve(a, expand_dims(b, axes=(1,)))
        return squeeze(x, axes=(x.rank - 1,))
    return solve(a, b)


# --- Cholesky factor --------------------------------------------------------------------------------


def half(x: Node) -> Node:
    """The lower triangle, with half of the diagonal."""
    tril = FUNCTIONS[np.tril]
    return (tril(x) + tril(x, -1)) / 2  # type: ignore[no-any-return]


def _cholesky_meaning(m: Any, a: Any) -> Any:
    """The recurrence by rows, on the lower triangle."""
    size = len(a)
    factor = np.full((size, size), m.number(0), object)
    for i in range(size):
        for j in range(i + 1):
            rest = a[i, j] - m.sum([factor[i, k] * factor[j, k] for k in range(j)])
            factor[i, j] = m.apply(lambda sp, x: sp.sqrt(x), rest) if i == j else rest / factor[j, j]
    return factor


def _cholesky_adjoint(g: Node, y: Node, a: Node) -> Node:
    """Of the lower triangle: half(S + S^T) with S = L^-T half(L^T g) L^-1."""
    right = swap(solve(swap(y), swap(half(matmat(swap(y), g)))))
    s = solve(swap(y), right)
    return half(s + swap(s))


cholesky: Op = op(
    "cholesky", "a",
    doc="Lower Cholesky factor. As in numpy the lower triangle alone is read, so the gradient is lower too.",
    shape=square("cholesky"),
    dtype=floats,
    numpy=call("np.linalg.cholesky"),
    flops=cubic(Fraction(1, 3)),
    adjoint={"a": _cholesky_adjoint},
    sympy=stacked(_cholesky_meaning),
    rows=leading_axes(2),
    examples=[
        {"shapes": ("2 2",), "values": {0: [[2.0, 0.3], [0.5, 1.5]]}},
        {"shapes": ("n n",), "values": {0: [[2.0, 0.3, 0.1], [0.5, 1.5, 0.4], [-0.2, 0.6, 1.8]]}},
    ],
)  # fmt: skip


@spelled(np.linalg.cholesky)
def numpy_cholesky(a: Any, *, upper: bool = False) -> Node:
    """`np.linalg.cholesky` of a positive definite matrix; `upper` reads the upper triangle."""
    a = as_floats(as_array(a))
    check_square("cholesky", a)
    return swap(cholesky(swap(a))) if upper else cholesky(a)


# --- products of several matrices -------------------------------------------------------------------


@spelled(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Node:
    """`np.linalg.matrix_power`, by repeated squaring; a negative power is one of the inverse."""
    a = as_array(a)
    check_square("matrix_power", a)
    if isinstance(n, bool) or not isinstance(n, int):
        raise TraceError("np.linalg.matrix_power: the exponent must be an integer", got=repr(n))
    if n == 0:
        return broadcast_up(eye(size=core(a.shape)[-1]), a.shape)
    if n < 0:
        a, n = inv(as_floats(a)), -n
    result: Node | None = None
    while True:
        if n & 1:
            result = a if result is None else matmat(result, a)
        n >>= 1
        if not n:
            assert result is not None
            return result
        a = matmat(a, a)


@spelled(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: None = None) -> Node:
    """`np.linalg.multi_dot`: from the side of a vector; else in the order that is cheapest for the sizes."""
    if out is not None:
        raise TraceError("np.linalg.multi_dot(..., out=...) is not supported", hint="leave it out")
    nodes = [as_array(x) for x in arrays]
    if len(nodes) < 2:
        raise SpecError("np.linalg.multi_dot: expected at least two arrays", got=str(len(nodes)))
    ranks = [x.rank for x in nodes]
    if any(r != 2 for r in ranks[1:-1]) or not {ranks[0], ranks[-1]} <= {1, 2}:
        raise ShapeError(
            "np.linalg.multi_dot: expected matrices, or vectors at the ends",
            got=", ".join(shape_text(x.shape) for x in nodes),
        )
    if len(nodes) == 2 or ranks[0] == 1:
        result = nodes[0]
        for x in nodes[1:]:
            result = matmul(result, x)
        return result
    if ranks[-1] == 1:
        result = nodes[-1]
        for x in reversed(nodes[:-1]):
            result = matmul(x, result)
        return result
    for left, right in itertools.pairwise(nodes):
        if left.shape[-1] != right.shape[-2]:
            raise ShapeError(
                f"matmul: inner dimensions differ: {shape_text(left.shape)} @ {shape_text(right.shape)}"
            )
    terms = [LETTERS[i : i + 2] for i in range(len(nodes))]
    return contract(nodes, terms, terms[0][0] + terms[-1][-1])
