"""numpy's functions that rearrange, made of others: rot90, cross, meshgrid, block, windows, choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, lift
from symgrad.ops.gather import gather, in_range, index_node, take_along
from symgrad.ops.join import along, as_array, at_least, concatenate, stack
from symgrad.ops.leaves import array_node
from symgrad.ops.order import argsort, sort
from symgrad.ops.rearrange import flip_
from symgrad.ops.selection import choose as choice
from symgrad.ops.structure import (
    broadcast_up,
    expand_dims,
    normalize_axes,
    normalize_axis,
    permute,
    reshape_to,
)
from symgrad.ops.windows import sliding_windows
from symgrad.shapes import broadcast, core
from symgrad.spelling import spelled


@spelled(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Node:
    """`np.rot90`."""
    x = as_array(m)
    one, two = normalize_axes("np.rot90", tuple(axes), x.rank, x.shape)
    order = list(range(x.rank))
    order[one], order[two] = two, one
    turns = k % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip_(x, axes=tuple(sorted((one, two))))
    if turns == 1:
        return permute(flip_(x, axes=(two,)), order)
    return flip_(permute(x, order), axes=(two,))


@spelled(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """`np.atleast_3d`: a vector becomes 1 by n by 1, a matrix n by m by 1."""
    found = [_third(as_array(a)) for a in arys]
    return found[0] if len(found) == 1 else tuple(found)


def _third(x: Node) -> Node:
    axes = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}.get(x.rank)
    return x if axes is None else expand_dims(x, axes=axes)


# --- cross products -----------------------------------------------------------------------------------


@spelled(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Node:
    """`np.cross`, of vectors of size 3 or 2."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = _last("np.cross", as_array(a), axisa), _last("np.cross", as_array(b), axisb)
    sizes = core(x.shape)[-1], core(y.shape)[-1]
    if not set(sizes) <= {2, 3}:
        raise ShapeError("np.cross: vectors have 2 or 3 entries", got=f"{sizes[0]} and {sizes[1]}")
    u, v = _entries(x), _entries(y)
    if sizes == (2, 2):
        return u[0] * v[1] - u[1] * v[0]
    if len(u) == 2:
        parts = [u[1] * v[2], -(u[0] * v[2]), u[0] * v[1] - u[1] * v[0]]
    elif len(v) == 2:
        parts = [-(u[2] * v[1]), u[2] * v[0], u[0] * v[1] - u[1] * v[0]]
    else:
        parts = [u[i] * v[j] - u[j] * v[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    rank = parts[0].rank
    return stack(parts, axis=normalize_axis("np.cross", axisc, rank + 1, parts[0].shape))


def _last(what: str, x: Node, axis: int) -> Node:
    at = normalize_axis(what, axis, x.rank, x.shape)
    return permute(x, [i for i in range(x.rank) if i != at] + [at])


def _entries(x: Node) -> list[Node]:
    return [along(x, i, x.rank - 1) for i in range(core(x.shape)[-1])]


# --- grids and blocks ---------------------------------------------------------------------------------


@spelled(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Node, ...]:
    """`np.meshgrid`."""
    if indexing not in ("xy", "ij"):
        raise TraceError("np.meshgrid: indexing is 'xy' or 'ij'", got=repr(indexing))
    vectors = [reshape_to(as_array(x), (-1,)) if as_array(x).rank else _third_less(as_array(x)) for x in xi]
    count = len(vectors)
    order = list(range(count))
    if indexing == "xy" and count > 1:
        order[:2] = [1, 0]
    grids = [
        expand_dims(x, axes=tuple([i for i in range(count) if i != order[position]])) if count > 1 else x
        for position, x in enumerate(vectors)
    ]
    if sparse:
        return tuple(grids)
    shape = broadcast(*[g.shape for g in grids], what="np.meshgrid") if grids else ()
    return tuple([broadcast_up(g, shape) for g in grids])


def _third_less(x: Node) -> Node:
    return expand_dims(x, axes=(0,))


@spelled(np.block)
def block(arrays: Any) -> Node:
    """`np.block`: nested lists, the innermost along the last axis."""
    depth = _depth(arrays)
    rank = max(depth, _greatest_rank(arrays))
    return _joined(arrays, depth, rank)


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    if not arrays:
        raise ShapeError("np.block: a list is empty")
    depths = {_depth(a) for a in arrays}
    if len(depths) > 1:
        raise ShapeError("np.block: lists are nested to different depths", got=str(sorted(depths)))
    return depths.pop() + 1


def _greatest_rank(arrays: Any) -> int:
    if isinstance(arrays, list):
        return max(map(_greatest_rank, arrays))
    return as_array(arrays).rank


def _joined(arrays: Any, depth: int, rank: int) -> Node:
    if depth == 0:
        return at_least(as_array(arrays), rank)
    return concatenate([_joined(a, depth - 1, rank) for a in arrays], axis=-depth)


@spelled(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Node:
    """`sliding_window_view`: positions along the axes, windows along new ones at the end."""
    node = as_array(x)
    window = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = (
        tuple(range(node.rank))
        if axis is None
        else normalize_axes("sliding_window_view", axis, node.rank, node.shape)
    )
    if len(window) != len(axes):
        raise ShapeError("sliding_window_view: one window size for each axis", got=f"{window} for {axes}")
    count, others = len(axes), [i for i in range(node.rank) if i not in axes]
    ones = (1,) * count
    moved = permute(node, [*others, *axes])
    windows = sliding_windows(moved, window=window, stride=ones, dilation=ones)
    # The positions go back where their axes were, the offsets within the window to the end.
    lead = len(others)
    origin = {axis_: lead + count + i for i, axis_ in enumerate(axes)}
    origin.update({axis_: i for i, axis_ in enumerate(others)})
    return permute(windows, [origin[i] for i in range(node.rank)] + list(range(lead, lead + count)))


# --- literal choices of entries -----------------------------------------------------------------------


def literal_of(what: str, value: Any) -> Any:
    """The numbers of an argument that has to be known when tracing."""
    if isinstance(value, Node) and value.op.name == "array":
        return value.value.array()
    if isinstance(value, Node):
        raise TraceError(
            f"{what}: how many entries there are depends on values known only at run time",
            expected="a literal",
            hint="np.where(mask, x, 0) keeps the shape; its np.sum is the sum of what is picked",
        )
    return np.asarray(value)


@spelled(np.compress, method="compress")
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Node:
    """`np.compress` by a literal condition."""
    mask = literal_of("np.compress", condition)
    x = as_array(a)
    if axis is None:
        x, axis = reshape_to(x, (-1,)), 0
    position = normalize_axis("np.compress", axis, x.rank, x.shape)
    return gather(x, array_node(np.flatnonzero(mask)), axis=position)


@spelled(np.extract)
def extract(condition: Any, arr: Any) -> Node:
    """`np.extract` by a literal condition."""
    return compress(literal_of("np.extract", condition).ravel(), reshape_to(as_array(arr), (-1,)))


@spelled(np.choose, method="choose")
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Node:
    """`np.choose`: entries of the array that an integer names."""
    index = index_node(a)
    arrays = [as_array(c) for c in (_rows(choices) if isinstance(choices, Node) else choices)]
    shape = broadcast(index.shape, *[c.shape for c in arrays], what="np.choose")
    together = stack([broadcast_up(c, shape) for c in arrays])
    if mode != "raise":
        index = in_range(index, len(arrays), mode)
    index = expand_dims(broadcast_up(index, shape), axes=(0,))
    return along(take_along(together, index, axis=0), 0, 0)


def _rows(x: Node) -> list[Node]:
    size = core(x.shape)[0]
    if not isinstance(size, int):
        raise TraceError("np.choose: the number of choices is not known", got=f"size {size}")
    return [along(x, i, 0) for i in range(size)]


# --- orders -------------------------------------------------------------------------------------------


@spelled(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Node:
    """`np.partition`; sorted altogether, which is one of the partitions."""
    return sort(as_array(a), axis)


@spelled(np.argpartition, method="argpartition")
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Node:
    """`np.argpartition`; positions that sort."""
    return argsort(as_array(a), axis)


# --- piecewise ----------------------------------------------------------------------------------------

#: A function of nodes for one that a user wrote for arrays; the tracer knows how to call it.
call_user: Callable[..., Node] | None = None


def install_calls(call: Callable[..., Node]) -> None:
    """Let `call(function, node, args, kwargs)` run a user's function on a node."""
    global call_user
    call_user = call


@spelled(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Node:
    """`np.piecewise`: the last condition that holds decides, as in numpy."""
    node = as_array(x)
    conditions = list(condlist) if isinstance(condlist, (list, tuple)) else [condlist]
    functions = list(funclist)
    if len(functions) not in (len(conditions), len(conditions) + 1):
        raise TraceError(
            "np.piecewise: a function for each condition, and one more for the rest at most",
            expected=f"{len(conditions)} or {len(conditions) + 1}",
            got=str(len(functions)),
        )

    def value(function: Any) -> Node:
        if not callable(function):
            return lift(function)
        assert call_user is not None
        return call_user(function, node, args, kw)

    result = value(functions[-1]) if len(functions) > len(conditions) else lift(0.0)
    for condition, function in zip(conditions, functions):
        result = choice(condition, value(function), result)
    shape = broadcast(node.shape, result.shape, what="np.piecewise")
    return broadcast_up(result, shape)
