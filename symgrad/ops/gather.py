"""Elements picked by integer arrays, and their transposes, which add where an index is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import each
from symgrad.node import Node, Op, first, lift, op
from symgrad.ops.join import stack
from symgrad.ops.leaves import array_node
from symgrad.ops.structure import broadcast_up, dtype_text, head, normalize_axis, reshape_to, solid, subscript
from symgrad.rowwise import each_row, gathered_rows, other_axes, scattered_rows
from symgrad.shapes import Shape, Size, broadcast, core, has_batch, rank, shape_text
from symgrad.spelling import FUNCTIONS, public, spelled
from symgrad.text import ATOM, Environment, Text


def check_integers(what: str, *indices: Node) -> None:
    """Raise TraceError for an index that is not of integers."""
    for index in indices:
        if index.dtype == "bool":
            raise TraceError(
                f"{what}: a condition cannot pick elements, their number is known only at run time",
                expected="an array of integers",
                hint="np.where(mask, x, 0) keeps the shape; its np.sum is the sum of what is picked",
            )
        if index.dtype != "int64":
            raise TraceError(
                f"{what}: an index has to be of integers",
                got=index.dtype,
                hint='sg.array("n", dtype="int64") declares an integer argument',
            )


def _check_batch(what: str, x: Shape, indices: Shape, axis: int) -> None:
    if has_batch(indices) and (has_batch(x) or axis != 0):
        raise ShapeError(
            f"{what}: an index with a leading `...` picks along the first axis of an array without one only",
            got=f"{shape_text(x)} at axis {axis}, index {shape_text(indices)}",
            hint="give the index a shape of its own, such as 'n'",
        )


# --- gather <-> scatter_add ---------------------------------------------------------------------------
# Several index arrays, broadcast together, pick along consecutive axes; one is the common case.


def _gather_shape(x: Node, *indices: Node, axis: int) -> Shape:
    check_integers("indexing", *indices)
    spread = broadcast(*[i.shape for i in indices], what="index arrays")
    _check_batch("indexing", x.shape, spread, axis)
    sizes = core(x.shape)
    if axis + len(indices) > len(sizes):
        raise ShapeError(
            "indexing: too many indices", expected=f"at most {len(sizes)}", got=f"shape {shape_text(x.shape)}"
        )
    return head(x.shape) + head(spread) + sizes[:axis] + core(spread) + sizes[axis + len(indices) :]


def _gather_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    x, *indices = operands
    source = node.args[0]
    if len(indices) == 1 and source.rank > 1 and not has_batch(node.shape):
        # Whole rows: several times faster than x[index], and in the order of memory that the shape says.
        return Text(f"{x.inside(ATOM)}.take({indices[0].source}, axis={node.axis})")
    entries = [":"] * source.rank
    for position, index in enumerate(indices):
        entries[node.axis + position] = index.source
    return Text(subscript(x, entries, has_batch(source.shape)))


def _numpy_index(axis: int, indices: Sequence[Any]) -> tuple[Any, ...]:
    return (slice(None),) * axis + tuple(indices)


def _gather_meaning(m: Any, node: Node, x: Any, *indices: Any) -> Any:
    out = np.empty(m.shape(node.shape), x.dtype)
    out[...] = x[_numpy_index(node.axis, indices)]
    return out


def _gather_adjoint(g: Node, y: Node, position: int) -> Node | None:
    if position:
        return None
    x, *indices = y.args
    return scatter(g, *indices, axis=y.axis, sizes=core(x.shape)[y.axis : y.axis + len(indices)])


gather = op(
    "gather", "x indices", params="axis",
    doc="Elements picked along consecutive axes by integer arrays; an index out of range raises IndexError.",
    shape=_gather_shape,
    dtype=lambda x, *indices, axis: x.dtype,
    numpy=_gather_text,
    flops=0,
    adjoint=_gather_adjoint,
    sympy=_gather_meaning,
    variadic=True,
    rows=gathered_rows,
    examples=[
        {"shapes": ("3", "3"), "dtypes": ("float64", "int64"),
         "values": {1: np.array([0, -3, 2])}, "axis": 0},
        {"shapes": ("4 2", "5"), "dtypes": ("float64", "int64"),
         "values": {1: np.array([0, 0, 3, 1, -1])}, "axis": 0},
        {"shapes": ("2 4", "2 2"), "dtypes": ("float64", "int64"),
         "values": {1: np.array([[0, 0], [3, 1]])}, "axis": 1},
        {"shapes": ("3 4", "2", "2"), "dtypes": ("float64", "int64", "int64"),
         "values": {1: np.array([0, 0]), 2: np.array([1, -3])}, "axis": 0},
        {"shapes": ("3", ""), "dtypes": ("float64", "int64"), "values": {1: np.array(2)}, "axis": 0},
    ],
)  # fmt: skip


def _scatter_shape(values: Node, *indices: Node, axis: int, sizes: Shape) -> Shape:
    check_integers("sg.scatter_add", *indices)
    spread = broadcast(*[i.shape for i in indices], what="index arrays")
    count = rank(spread)
    given = core(values.shape)
    if len(sizes) != len(indices) or given[axis : axis + count] != core(spread):
        raise ShapeError(
            "sg.scatter_add: values and indices differ in shape",
            expected=f"{shape_text(core(spread))} at axis {axis} of the values",
            got=shape_text(values.shape),
        )
    _check_batch("sg.scatter_add", () if has_batch(spread) else values.shape, spread, axis)
    # A batch of the index is among what is summed.
    front = () if has_batch(spread) else head(values.shape)
    return front + given[:axis] + sizes + given[axis + count :]


def _scatter_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    values, *indices = operands
    source, *places = node.args
    value = solid(source, values, env).source
    if not source.shape and not values.weak:
        # numpy 1 may have made a float64 of a float32 scalar.
        value = f"np.asarray({value}, {dtype_text(source, env)})"
    if has_batch(places[0].shape) or any(has_batch(i.shape) for i in places):
        value = f"np.broadcast_to({value}, {env.shape(source.shape)})"
    rows = ", ".join(solid(i, text, env).source for i, text in zip(places, indices))
    if len(indices) == 1:
        sizes = env.dim(node.sizes[0])
        call = "_scatter_add"
    else:
        rows, sizes, call = f"({rows})", env.shape(node.sizes), "_scatter_add_nd"
    # The axis counts from the end where a batch of any rank may be in front.
    axis = node.axis - node.rank if has_batch(node.shape) else node.axis
    return Text(f"{env.helper(call)}({value}, {rows}, {axis}, {sizes})")


def _scatter_meaning(m: Any, node: Node, values: Any, *indices: Any) -> Any:
    out = np.zeros(m.shape(node.shape), object)
    spread = np.broadcast_arrays(*indices)
    moved = np.moveaxis(values, range(node.axis), range(-node.axis, 0)) if node.axis else values
    for place in np.ndindex(spread[0].shape):
        at = _numpy_index(node.axis, [int(i[place]) for i in spread])
        part = moved[place]
        if node.axis:
            part = np.moveaxis(part, range(-node.axis, 0), range(node.axis))
        out[at] = out[at] + part
    return out


scatter: Op = op(
    "scatter_add", "values indices", params="axis sizes",
    doc="Values added into zeros at the places that integer arrays name; repeated places accumulate.",
    shape=_scatter_shape,
    dtype=lambda values, *indices, axis, sizes: values.dtype,
    numpy=_scatter_text,
    flops=each(1),
    adjoint=lambda g, y, position: None if position else gather(g, *y.args[1:], axis=y.axis),
    sympy=_scatter_meaning,
    variadic=True,
    rows=scattered_rows,
    examples=[
        {"shapes": ("4", "4"), "dtypes": ("float64", "int64"),
         "values": {1: np.array([0, 2, 0, -3])}, "axis": 0, "sizes": (3,)},
        {"shapes": ("4 2", "4"), "dtypes": ("float64", "int64"),
         "values": {1: np.array([0, 2, 0, 1])}, "axis": 0, "sizes": ("n",)},
        {"shapes": ("2 3", "3"), "dtypes": ("float64", "int64"),
         "values": {1: np.array([1, 1, 0])}, "axis": 1, "sizes": (4,)},
        {"shapes": ("3", "3", "3"), "dtypes": ("float64", "int64", "int64"),
         "values": {1: np.array([0, 0, 1]), 2: np.array([1, 1, -1])}, "axis": 0, "sizes": (2, 3)},
    ],
)  # fmt: skip


# --- take_along <-> add_along -------------------------------------------------------------------------


def _along_shape(x: Node, indices: Node, axis: int) -> Shape:
    what = "np.take_along_axis"
    check_integers(what, indices)
    if indices.rank != x.rank:
        raise ShapeError(
            f"{what}: array and indices need the same number of dimensions",
            expected=shape_text(x.shape), got=shape_text(indices.shape),
        )  # fmt: skip
    sizes, rows = list(core(x.shape)), core(indices.shape)
    count, sizes[axis] = rows[axis], 1
    others = (*rows[:axis], 1, *rows[axis + 1 :])
    if others != tuple(sizes):
        raise ShapeError(
            f"{what}: array and indices differ along another axis than {axis}",
            expected=shape_text(x.shape), got=shape_text(indices.shape),
        )  # fmt: skip
    sizes[axis] = count
    return (head(x.shape) or head(indices.shape)) + tuple(sizes)


def _along_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    x, indices = _full_operands(node, operands, env)
    return Text(f"np.take_along_axis({x}, {indices}, {env.axes(node, (node.axis,))})")


def _full_operands(node: Node, operands: Sequence[Text], env: Environment) -> list[str]:
    """Operands in the full batch shape, which numpy wants along the other axes."""
    sources = [solid(a, text, env).source for a, text in zip(node.args, operands)]
    if not has_batch(node.shape):
        return sources
    return [
        f"np.broadcast_to({source}, {env.shape(head(node.shape) + core(a.shape))})"
        for source, a in zip(sources, node.args)
    ]


take_along = op(
    "take_along", "x indices", params="axis",
    doc="Elements picked along one axis, each row by its own indices.",
    shape=_along_shape,
    dtype=first,
    numpy=_along_text,
    flops=0,
    adjoint={
        "x": lambda g, y, x, indices: add_along(g, indices, axis=y.axis, size=core(x.shape)[y.axis]),
        "indices": None,
    },
    sympy=lambda m, node, x, indices: np.take_along_axis(x, indices, node.axis),
    rows=other_axes(),
    examples=[
        {"shapes": ("3 4", "3 2"), "dtypes": ("float64", "int64"),
         "values": {1: np.array([[0, 0], [3, 1], [-1, 2]])}, "axis": 1},
        {"shapes": ("3", "3"), "dtypes": ("float64", "int64"), "values": {1: np.array([2, 0, 1])}, "axis": 0},
    ],
)  # fmt: skip


def _add_along_shape(g: Node, indices: Node, axis: int, size: Size) -> Shape:
    if core(g.shape) != core(indices.shape):
        raise ShapeError(
            "add along an axis: values and indices differ in shape",
            expected=shape_text(indices.shape), got=shape_text(g.shape),
        )  # fmt: skip
    sizes = list(core(g.shape))
    sizes[axis] = size
    return (head(g.shape) or head(indices.shape)) + tuple(sizes)


def _add_along_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    g, indices = _full_operands(node, operands, env)
    axis = env.axes(node, (node.axis,))
    return Text(f"{env.helper('_add_along_axis')}({g}, {indices}, {axis}, {env.dim(node.size)})")


def _add_along_meaning(m: Any, node: Node, g: Any, indices: Any) -> Any:
    out = np.zeros(m.shape(node.shape), object)
    for place in np.ndindex(g.shape):
        at = (*place[: node.axis], int(indices[place]), *place[node.axis + 1 :])
        out[at] = out[at] + g[place]
    return out


add_along: Op = op(
    "add_along", "g indices", params="axis size",
    doc="Values added into zeros along one axis, each row at its own indices.",
    shape=_add_along_shape,
    dtype=first,
    numpy=_add_along_text,
    flops=each(1),
    adjoint={"g": lambda g, y, x, indices: take_along(g, indices, axis=y.axis), "indices": None},
    sympy=_add_along_meaning,
    rows=other_axes(),
    examples=[
        {"shapes": ("3 2", "3 2"), "dtypes": ("float64", "int64"),
         "values": {1: np.array([[0, 0], [3, 1], [-1, 2]])}, "axis": 1, "size": 4},
    ],
)  # fmt: skip


# --- one_hot ------------------------------------------------------------------------------------------


def _one_hot_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    labels = solid(node.args[0], operands[0], env).inside(ATOM)
    return Text(f"({labels}[..., None] == np.arange({env.dim(node.size)})).astype({env.dtype})")


def _one_hot_meaning(m: Any, node: Node, labels: Any) -> Any:
    hits = np.asarray(labels)[..., None] == np.arange(m.size(node.size))
    return np.where(hits, m.number(1), m.number(0))


def _one_hot_shape(labels: Node, size: Size) -> Shape:
    check_integers("sg.one_hot", labels)
    return (*labels.shape, size)


one_hot_ = op(
    "one_hot", "labels", params="size",
    doc="Rows of the identity: 1 at the label, 0 elsewhere; a row of zeros for a label out of range.",
    shape=_one_hot_shape,
    dtype=lambda labels, size: "float64",
    numpy=_one_hot_text,
    flops=0,
    adjoint={"labels": None},
    sympy=_one_hot_meaning,
    rows=each_row,
    examples=[{"shapes": ("4",), "dtypes": ("int64",), "values": {0: np.array([0, 2, 1, 2])}, "size": 3}],
)  # fmt: skip


# --- numpy's and symgrad's spellings ------------------------------------------------------------------


def index_node(value: Any) -> Node:
    """A node for an index: a node, an integer, a dimension, or a list of integers."""
    if isinstance(value, (list, tuple)):
        if any(isinstance(v, Node) for v in value):
            return stack([index_node(v) for v in value])
        return array_node(np.array(value, dtype=np.int64 if not value else None))
    return lift(value)


@spelled(np.take, method="take")
def take(a: Node, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Node:
    """`np.take`."""
    if out is not None or mode not in ("raise", "clip", "wrap"):
        raise TraceError(
            "np.take: out=, or that mode, is not supported", expected="mode 'raise', 'clip' or 'wrap'"
        )
    a = lift(a)
    if axis is None:
        a, axis = reshape_to(a, (-1,)), 0
    position = normalize_axis("np.take", axis, a.rank, a.shape)
    places = index_node(indices)
    if mode != "raise":
        check_integers("np.take", places)
        places = in_range(places, core(a.shape)[position], mode)
    return gather(a, places, axis=position)


def in_range(index: Node, size: Size, mode: str) -> Node:
    """Indices made valid as numpy's modes 'clip' and 'wrap' do."""
    if mode == "wrap":
        return FUNCTIONS[np.remainder](index, lift(size))  # type: ignore[no-any-return]
    return FUNCTIONS[np.clip](index, 0, lift(size) - 1)  # type: ignore[no-any-return]


@spelled(np.take_along_axis)
def take_along_axis(arr: Node, indices: Any, axis: Any = -1) -> Node:
    """`np.take_along_axis`."""
    arr = lift(arr)
    if axis is None:
        arr, axis = reshape_to(arr, (-1,)), 0
    position = normalize_axis("np.take_along_axis", axis, arr.rank, arr.shape)
    return take_along(arr, index_node(indices), axis=position)


@public("one_hot")
def one_hot(labels: Any, k: Size) -> Node:
    """Rows of the k-by-k identity picked by integer labels, as floats."""
    return one_hot_(index_node(labels), size=k)


@public("segment_sum")
def segment_sum(values: Node, ids: Any, k: Size) -> Node:
    """Sums of the rows of `values` that have the same id, for ids 0 to k - 1."""
    return scatter(lift(values), index_node(ids), axis=0, sizes=(k,))


@public("scatter_add")
def scatter_add(base: Any, index: Any, values: Any) -> Node:
    """`base` with `values` added at `index` along its first axes; repeated places accumulate.

    `base` is an array, or the shape (an integer, a dimension or a tuple of them) of an array of zeros;
    `index` an integer array, or a tuple of them for several axes.
    """
    rows = [index_node(i) for i in index] if isinstance(index, tuple) else [index_node(index)]
    array = base if isinstance(base, Node) else None
    if array is not None:
        shape = core(array.shape)
    else:
        shape = tuple(base) if isinstance(base, (tuple, list)) else (base,)
    if len(rows) > len(shape):
        raise ShapeError(
            "sg.scatter_add: too many indices", expected=f"at most {len(shape)}", got=str(len(rows))
        )
    spread = broadcast(*[i.shape for i in rows], what="index arrays")
    node = lift(values)
    wanted = core(spread) + shape[len(rows) :]
    node = broadcast_up(node, (head(node.shape) or head(spread)) + wanted)
    if node.dtype == "int64" and (array is None or array.dtype == "float64"):
        node = node * 1.0
    placed = scatter(node, *rows, axis=0, sizes=shape[: len(rows)])
    return placed if array is None else array + placed
