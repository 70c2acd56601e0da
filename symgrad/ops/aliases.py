"""Spellings of newer numpy, and of np.linalg, for what has others; present where numpy has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.node import Node
from symgrad.ops.join import as_array
from symgrad.ops.layouts import cross
from symgrad.ops.matmul import matmul
from symgrad.ops.products import outer, tensordot
from symgrad.ops.rearrange import diagonal, trace
from symgrad.ops.reduce import sum_over
from symgrad.ops.shaping import swapaxes
from symgrad.ops.structure import (
    expand_dims,
    normalize_axes,
    normalize_axis,
    permute,
    reshape_to,
    squeeze,
)
from symgrad.shapes import core, product, shape_text
from symgrad.spelling import FUNCTIONS, spelled


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Node:
    """`np.vecdot`: sums of products along an axis."""
    a, b = (_axis_last("np.vecdot", as_array(x), axis) for x in (x1, x2))
    products = a * b
    return sum_over(products, (products.rank - 1,))


def _axis_last(what: str, x: Node, axis: int) -> Node:
    at = normalize_axis(what, axis, x.rank, x.shape)
    return permute(x, [i for i in range(x.rank) if i != at] + [at])


def matvec(x1: Any, x2: Any) -> Node:
    """`np.matvec`: matrices times vectors, stacks of both broadcast."""
    column = as_array(x2)
    product = matmul(as_array(x1), expand_dims(column, axes=(column.rank,)))
    return squeeze(product, axes=(product.rank - 1,))


def vecmat(x1: Any, x2: Any) -> Node:
    """`np.vecmat`: vectors times matrices, stacks of both broadcast."""
    row = as_array(x1)
    product = matmul(expand_dims(row, axes=(row.rank - 1,)), as_array(x2))
    return squeeze(product, axes=(product.rank - 2,))


def matrix_transpose(x: Any, /) -> Node:
    """`np.matrix_transpose`: the last two axes exchanged."""
    return swapaxes(as_array(x), -1, -2)


def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Node:
    """`np.linalg.diagonal`: of the last two axes."""
    return diagonal(as_array(x), offset, -2, -1)


def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Node:
    """`np.linalg.trace`: of the last two axes."""
    return trace(as_array(x), offset, -2, -1, dtype)


def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Node:
    """`np.linalg.cross`: of vectors of size 3."""
    a, b = as_array(x1), as_array(x2)
    for x in (a, b):
        at = normalize_axis("np.linalg.cross", axis, x.rank, x.shape)
        if x.shape[at - x.rank] != 3:
            raise ShapeError("np.linalg.cross: vectors have 3 entries", got=shape_text(x.shape))
    return cross(a, b, axis=axis)


def linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Node:
    """`np.linalg.tensordot`."""
    return tensordot(x1, x2, axes)


def linalg_outer(x1: Any, x2: Any, /) -> Node:
    """`np.linalg.outer`."""
    return outer(x1, x2)


def linalg_matmul(x1: Any, x2: Any, /) -> Node:
    """`np.linalg.matmul`."""
    return matmul(x1, x2)


@spelled(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Node:
    """`np.linalg.tensorinv`: the inverse for np.tensordot over the first `ind` axes."""
    x = as_array(a)
    first, last = core(x.shape)[:ind], core(x.shape)[ind:]
    inverse: Node = FUNCTIONS[np.linalg.inv](reshape_to(x, (product(first), product(last))))
    return reshape_to(inverse, (*last, *first))


@spelled(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Node:
    """`np.linalg.tensorsolve`: x with np.tensordot(a, x, x.ndim) equal to b."""
    matrix, right = as_array(a), as_array(b)
    if axes is not None:
        moved = normalize_axes("np.linalg.tensorsolve", tuple(axes), matrix.rank, matrix.shape)
        matrix = permute(matrix, [i for i in range(matrix.rank) if i not in moved] + list(moved))
    sizes = core(matrix.shape)[right.rank :]
    square = reshape_to(matrix, (product(core(right.shape)), product(sizes)))
    found: Node = FUNCTIONS[np.linalg.solve](square, reshape_to(right, (-1,)))
    return reshape_to(found, sizes)


def _offer(module: Any, **builders: Callable[..., Any]) -> None:
    for name, builder in builders.items():
        if hasattr(module, name):
            FUNCTIONS.setdefault(getattr(module, name), builder)


_offer(np, vecdot=vecdot, matvec=matvec, vecmat=vecmat, matrix_transpose=matrix_transpose)
_offer(
    np.linalg,
    cross=linalg_cross,
    diagonal=linalg_diagonal,
    matmul=linalg_matmul,
    matrix_transpose=matrix_transpose,
    outer=linalg_outer,
    tensordot=linalg_tensordot,
    trace=linalg_trace,
    vecdot=vecdot,
)
