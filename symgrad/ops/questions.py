"""Questions about arrays, complex parts of real numbers, and numpy's older spellings of rearrangements."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, lift
from symgrad.ops.comparison import equal, isnan, logical_and, logical_or
from symgrad.ops.join import along, as_array
from symgrad.ops.leaves import array_node
from symgrad.ops.statistics import all as all_of
from symgrad.ops.statistics import any as any_of
from symgrad.ops.structure import expand_dims, normalize_axis, permute, reshape_to
from symgrad.shapes import core, shape_text
from symgrad.spelling import FUNCTIONS, spelled

# --- are they equal -----------------------------------------------------------------------------------


@spelled(np.allclose)
def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Node:
    """`np.allclose`: a truth value at run time."""
    return all_of(FUNCTIONS[np.isclose](as_array(a), as_array(b), rtol, atol, equal_nan))


@spelled(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Node:
    """`np.array_equal`."""
    a, b = as_array(a1), as_array(a2)
    if a.shape != b.shape:
        return lift(False)
    same = equal(a, b)
    return all_of(logical_or(same, logical_and(isnan(a), isnan(b))) if equal_nan else same)


@spelled(np.isin)
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Node:
    """`np.isin`, by comparison with every test element."""
    x = as_array(element)
    tests = reshape_to(as_array(test_elements), (-1,))
    hits = any_of(equal(expand_dims(x, axes=(x.rank,)), tests), -1)
    return FUNCTIONS[np.logical_not](hits) if invert else hits


# --- real numbers as complex ones ---------------------------------------------------------------------


@spelled(np.real, np.real_if_close)
def real(val: Any, tol: float = 100) -> Node:
    """`np.real`: everything here is real."""
    return as_array(val)


@spelled(np.imag)
def imag(val: Any) -> Node:
    """`np.imag`: zeros."""
    zeros: Node = FUNCTIONS[np.zeros_like](as_array(val))
    return zeros


@spelled(np.isreal)
def isreal(x: Any) -> Node:
    """`np.isreal`: true everywhere."""
    node = as_array(x)
    return equal(node, node) if node.dtype != "float64" else logical_or(isnan(node), equal(node, node))


@spelled(np.iscomplex)
def iscomplex(x: Any) -> Node:
    """`np.iscomplex`: false everywhere."""
    return FUNCTIONS[np.logical_not](isreal(x))  # type: ignore[no-any-return]


@spelled(np.angle)
def angle(z: Any, deg: bool = False) -> Node:
    """`np.angle`: 0, or half a turn for negative numbers, with derivative 0."""
    x = as_array(z)
    half = 180.0 if deg else np.pi
    return FUNCTIONS[np.where](FUNCTIONS[np.signbit](x), half, 0.0)  # type: ignore[no-any-return]


@spelled(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """`np.iscomplexobj`."""
    return False


@spelled(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """`np.isrealobj`."""
    return True


# --- older spellings ----------------------------------------------------------------------------------


@spelled(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Node:
    """`np.rollaxis`."""
    x = as_array(a)
    origin = normalize_axis("np.rollaxis", axis, x.rank, x.shape)
    target = normalize_axis("np.rollaxis", start, x.rank + 1, x.shape)
    order = [i for i in range(x.rank) if i != origin]
    order.insert(target - 1 if origin < target else target, origin)
    return permute(x, order)


@spelled(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Node:
    """`np.diagflat`."""
    matrix: Node = FUNCTIONS[np.diag](reshape_to(as_array(v), (-1,)), k)
    return matrix


@spelled(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Node]:
    """`np.dsplit`: along the third axis."""
    parts: list[Node] = FUNCTIONS[np.split](as_array(ary), indices_or_sections, 2)
    return parts


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Node, ...]:
    """`np.unstack`: the parts of an axis of fixed size."""
    node = as_array(x)
    position = normalize_axis("np.unstack", axis, node.rank, node.shape)
    size = core(node.shape)[position]
    if not isinstance(size, int):
        raise TraceError("np.unstack: the number of parts has to be fixed", got=f"size {size}")
    return tuple([along(node, i, position) for i in range(size)])


if hasattr(np, "unstack"):
    spelled(np.unstack)(unstack)


def _triangle(lower: bool, arr: Any, k: int) -> tuple[Any, ...]:
    x = as_array(arr)
    sizes = core(x.shape)
    if len(sizes) != 2 or not all(isinstance(size, int) for size in sizes):
        raise ShapeError(
            "indices of a triangle: their number has to be fixed",
            expected="a matrix of fixed size",
            got=shape_text(x.shape),
            hint="np.tril or np.triu keeps the shape",
        )
    found = (np.tril_indices if lower else np.triu_indices)(sizes[0], k, sizes[1])
    return tuple([array_node(i) for i in found])


@spelled(np.tril_indices_from)
def tril_indices_from(arr: Any, k: int = 0) -> tuple[Any, ...]:
    """`np.tril_indices_from`."""
    return _triangle(True, arr, k)


@spelled(np.triu_indices_from)
def triu_indices_from(arr: Any, k: int = 0) -> tuple[Any, ...]:
    """`np.triu_indices_from`."""
    return _triangle(False, arr, k)
