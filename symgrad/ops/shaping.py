"""numpy's spellings of the operations on shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, lift
from symgrad.ops.leaves import array_node, cast
from symgrad.ops.structure import (
    broadcast_up,
    expand_dims,
    head,
    normalize_axes,
    normalize_axis,
    permute,
    reshape_to,
    squeeze,
)
from symgrad.shapes import Shape, Size, broadcast, core, product
from symgrad.spelling import spell, spelled


def sizes_of(what: str, shape: Any) -> tuple[Size, ...]:
    """A shape that a user gave: one size or a sequence of them."""
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    plain = tuple([_plain_size(size) for size in sizes])
    if any(isinstance(size, (Node, float, bool)) or size is None for size in plain):
        raise TraceError(f"{what}: a shape is made of integers and dimensions", got=repr(shape)[:60])
    return plain


def _plain_size(size: Any) -> Any:
    if isinstance(size, Node) and size.op.name in ("const", "dim"):
        return size.params[0]
    return size


def _by_columns(what: str, order: Any) -> bool:
    """Whether elements are read and put column by column, the first index running fastest."""
    if order not in (None, "C", "K", "A", "F"):
        raise TraceError(f"{what}: order={order!r} is not known", expected="'C' or 'F'")
    return bool(order == "F")


@spelled(np.reshape)
def reshape(
    a: Node, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None
) -> Node:
    """`np.reshape`."""
    x, sizes = lift(a), sizes_of("np.reshape", newshape if shape is None else shape)
    if _by_columns("np.reshape", order):
        return transpose(reshape_to(transpose(x), sizes[::-1]))
    return reshape_to(x, sizes)


def reshape_method(a: Node, *shape: Any, order: str = "C", copy: Any = None) -> Node:
    """`x.reshape(n, d)` and `x.reshape((n, d))`."""
    return reshape(a, shape[0] if len(shape) == 1 else shape, order)


@spelled(np.ravel, method="ravel")
def ravel(a: Node, order: str = "C") -> Node:
    """`np.ravel`."""
    x = lift(a)
    return reshape_to(transpose(x) if _by_columns("np.ravel", order) else x, (-1,))


def flatten(a: Node, order: str = "C") -> Node:
    """`x.flatten()`."""
    return ravel(a, order)


@spelled(np.transpose)
def transpose(a: Node, axes: Any = None) -> Node:
    """`np.transpose`."""
    x = lift(a)
    if axes is None:
        return permute(x, range(x.rank - 1, -1, -1))
    order = normalize_axes("np.transpose", axes, x.rank, x.shape)
    if len(order) != x.rank:
        raise ShapeError(
            "np.transpose: axes must name every axis once", expected=f"{x.rank} axes", got=str(axes)
        )
    return permute(x, order)


def transpose_method(a: Node, *axes: Any) -> Node:
    """`x.transpose()`, `x.transpose(1, 0)` and `x.transpose((1, 0))`."""
    if not axes or axes == (None,):
        return transpose(a)
    return transpose(a, axes[0] if isinstance(axes[0], (tuple, list)) else axes)


@spelled(np.swapaxes, method="swapaxes")
def swapaxes(a: Node, axis1: int, axis2: int) -> Node:
    """`np.swapaxes`."""
    x = lift(a)
    one, two = (normalize_axis("np.swapaxes", i, x.rank, x.shape) for i in (axis1, axis2))
    order = list(range(x.rank))
    order[one], order[two] = two, one
    return permute(x, order)


@spelled(np.moveaxis)
def moveaxis(a: Node, source: Any, destination: Any) -> Node:
    """`np.moveaxis`."""
    x = lift(a)
    start = normalize_axes("np.moveaxis", source, x.rank, x.shape)
    end = normalize_axes("np.moveaxis", destination, x.rank, x.shape)
    if len(start) != len(end):
        raise ShapeError(
            "np.moveaxis: source and destination differ in length", got=f"{source}, {destination}"
        )
    order = [i for i in range(x.rank) if i not in start]
    for target, origin in sorted(zip(end, start)):
        order.insert(target, origin)
    return permute(x, order)


@spelled(np.expand_dims)
def expand(a: Node, axis: Any) -> Node:
    """`np.expand_dims`."""
    x = lift(a)
    count = x.rank + (len(axis) if isinstance(axis, (tuple, list)) else 1)
    axes = normalize_axes("np.expand_dims", axis, count, x.shape)
    return expand_dims(x, axes=tuple(sorted(axes)))


@spelled(np.squeeze, method="squeeze")
def squeezed(a: Node, axis: Any = None) -> Node:
    """`np.squeeze`; without an axis, the axes that are 1 by declaration."""
    x = lift(a)
    if axis is None:
        axes = tuple([i for i, size in enumerate(core(x.shape)) if size == 1])
    else:
        axes = tuple(sorted(normalize_axes("np.squeeze", axis, x.rank, x.shape)))
    return squeeze(x, axes=axes) if axes else x


@spelled(np.broadcast_to)
def broadcast_array(array: Node, shape: Any, subok: bool = False) -> Node:
    """`np.broadcast_to`."""
    x = lift(array)
    return broadcast_up(x, head(x.shape) + sizes_of("np.broadcast_to", shape))


@spelled(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Node, ...]:
    """`np.broadcast_arrays`."""
    nodes = [lift(a) for a in args]
    shape = broadcast(*[x.shape for x in nodes], what="np.broadcast_arrays")
    return tuple(broadcast_up(x, shape) for x in nodes)


@spelled(np.atleast_1d)
def atleast_1d(*arys: Node) -> Any:
    """`np.atleast_1d`."""
    found = [x if x.rank else expand_dims(x, axes=(0,)) for x in map(lift, arys)]
    return found[0] if len(found) == 1 else tuple(found)


@spelled(np.atleast_2d)
def atleast_2d(*arys: Node) -> Any:
    """`np.atleast_2d`: a vector becomes a row."""
    nodes = [lift(a) for a in arys]
    found = [x if x.rank > 1 else expand_dims(x, axes=tuple(range(2 - x.rank))) for x in nodes]
    return found[0] if len(found) == 1 else tuple(found)


# --- filled arrays ------------------------------------------------------------------------------------


def full_of(value: Any, shape: Shape, dtype: str) -> Node:
    """An array of one value."""
    x = lift(value)
    if x.is_constant():
        number = x.value
        x = lift({"float64": float, "int64": int, "bool": bool}[dtype](number))
    elif x.dtype != dtype:
        x = cast(x, to=dtype)
    return broadcast_up(x, shape)


def _dtype_like(a: Node, dtype: Any) -> str:
    if dtype is None:
        return a.dtype
    kind = np.dtype(dtype).kind
    found = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}.get(kind)
    if found is None:
        raise TraceError(
            f"dtype {np.dtype(dtype)} is not supported", expected="a float, integer or bool type"
        )
    return found


@spelled(np.full_like)
def full_like(
    a: Node, fill_value: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None,
    *, device: Any = None,
) -> Node:  # fmt: skip
    """`np.full_like`."""
    if isinstance(fill_value, (list, tuple)):
        fill_value = array_node(np.array(fill_value))
    x = lift(a)
    wanted = x.shape if shape is None else head(x.shape) + sizes_of("np.full_like", shape)
    return full_of(fill_value, wanted, _dtype_like(x, dtype))


@spelled(np.zeros_like, np.empty_like)
def zeros_like(
    a: Node, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, *,
    device: Any = None,
) -> Node:  # fmt: skip
    """`np.zeros_like`."""
    return full_like(a, 0, dtype, order, subok, shape)


@spelled(np.ones_like)
def ones_like(
    a: Node, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, *,
    device: Any = None,
) -> Node:  # fmt: skip
    """`np.ones_like`."""
    return full_like(a, 1, dtype, order, subok, shape)


# --- questions about shape ----------------------------------------------------------------------------


@spelled(np.shape)
def shape_of(a: Node) -> tuple[Size, ...]:
    """`np.shape`: integers and symbolic dimensions, without a leading `...`."""
    return core(lift(a).shape)


@spelled(np.ndim)
def ndim_of(a: Node) -> int:
    """`np.ndim`."""
    return lift(a).rank


@spelled(np.size)
def size_of(a: Node, axis: Any = None) -> Any:
    """`np.size`."""
    x = lift(a)
    if axis is None:
        return product(core(x.shape))
    return core(x.shape)[normalize_axis("np.size", axis, x.rank, x.shape)]


spell(reshape_method, method="reshape")
spell(flatten, method="flatten")
spell(transpose_method, method="transpose")
