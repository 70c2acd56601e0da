"""numpy's other products, built from matrix products and einsum: dot, inner, outer, vdot, tensordot, kron."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import ShapeError, SpecError
from symgrad.node import Node
from symgrad.ops.arithmetic import mul
from symgrad.ops.einsum import LETTERS, contract
from symgrad.ops.matmul import as_array, matmul, outer_product, with_core
from symgrad.ops.reduce import refuse
from symgrad.ops.structure import expand_dims
from symgrad.shapes import core, product, shape_text
from symgrad.spelling import spelled


@spelled(np.dot, method="dot")
def numpy_dot(a: Any, b: Any, out: None = None) -> Node:
    """`np.dot(a, b)`: a product where one is a scalar, `a @ b` for matrices and vectors, else all pairs."""
    refuse("np.dot", out=out)
    a, b = as_array(a), as_array(b)
    if a.rank == 0 or b.rank == 0:
        return mul(a, b)
    if b.rank == 1 or (a.rank <= 2 and b.rank <= 2):
        return matmul(a, b)
    return tensordot(a, b, axes=((a.rank - 1,), (b.rank - 2,)))


@spelled(np.inner)
def inner(a: Any, b: Any) -> Node:
    """`np.inner(a, b)`: the sum of products over the last axes."""
    a, b = as_array(a), as_array(b)
    if a.rank == 0 or b.rank == 0:
        return mul(a, b)
    if a.rank == 1 and b.rank == 1:
        return matmul(a, b)
    return tensordot(a, b, axes=((a.rank - 1,), (b.rank - 1,)))


@spelled(np.vdot)
def vdot(a: Any, b: Any) -> Node:
    """`np.vdot(a, b)`: the sum of products of all entries of two arrays of one size."""
    a, b = (with_core(x, product(core(x.shape))) for x in (as_array(a), as_array(b)))
    return matmul(a, b)


@spelled(np.outer)
def outer(a: Any, b: Any, out: None = None) -> Node:
    """`np.outer(a, b)`: all products of entries, of a in rows and of b in columns."""
    refuse("np.outer", out=out)
    a, b = (with_core(x, product(core(x.shape))) for x in (as_array(a), as_array(b)))
    return outer_product(a, b)


@spelled(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Node:
    """`np.tensordot(a, b, axes)`: the sum of products over pairs of axes."""
    a, b = as_array(a), as_array(b)
    left, right = _pairs(a, b, axes)
    labels = list(LETTERS[: a.rank + b.rank])
    terms = [labels[: a.rank], labels[a.rank :]]
    for i, j in zip(left, right):
        if core(a.shape)[i] != core(b.shape)[j]:
            raise ShapeError(
                "tensordot: sizes of the summed axes differ",
                expected=f"axis {i} of {shape_text(a.shape)} as long as axis {j} of {shape_text(b.shape)}",
            )
        terms[1][j] = terms[0][i]
    result = [x for i, x in enumerate(terms[0]) if i not in left]
    result += [x for j, x in enumerate(terms[1]) if j not in right]
    return contract([a, b], ["".join(term) for term in terms], "".join(result))


def _pairs(a: Node, b: Node, axes: Any) -> tuple[list[int], list[int]]:
    """Summed axes of both operands, counted from the front."""
    if isinstance(axes, int):
        pairs: list[Any] = [list(range(a.rank - axes, a.rank)), list(range(axes))]
    else:
        pairs = [[one] if isinstance(one, int) else list(one) for one in axes]
    found = []
    for x, chosen in zip((a, b), pairs):
        if any(not -x.rank <= axis < x.rank for axis in chosen):
            raise ShapeError(
                f"tensordot: axes {tuple(chosen)} of an array with {x.rank}, of shape {shape_text(x.shape)}"
            )
        found.append([axis % x.rank for axis in chosen])
    left, right = found
    if len(left) != len(right) or len(set(left)) < len(left) or len(set(right)) < len(right):
        raise SpecError(f"tensordot: axes={axes!r}", expected="two lists of one length, no axis twice")
    return left, right


@spelled(np.kron)
def kron(a: Any, b: Any) -> Node:
    """`np.kron(a, b)`: every entry of a times all of b."""
    a, b = as_array(a), as_array(b)
    top = max(a.rank, b.rank)
    a, b = (expand_dims(x, axes=tuple(range(top - x.rank))) if x.rank < top else x for x in (a, b))
    blocks = [p * q for p, q in zip(core(a.shape), core(b.shape))]
    a = expand_dims(a, axes=tuple(range(1, 2 * top, 2))) if top else a
    b = expand_dims(b, axes=tuple(range(0, 2 * top, 2))) if top else b
    return with_core(a * b, *blocks)
