"""Elements in another order or place: flip, roll, triangles, diagonals; repetition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.node import Node, Op, first, lift, op
from symgrad.ops.reduce import refuse, sum_over
from symgrad.ops.structure import (
    broadcast_to,
    expand_dims,
    head,
    normalize_axes,
    normalize_axis,
    permute,
    reshape_to,
    solid,
    subscript,
)
from symgrad.rowwise import leading_axes, other_axes
from symgrad.shapes import Dim, Shape, Size, core, has_batch, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import Environment, Text

# --- flip, roll: transposes of themselves -------------------------------------------------------------


def _flip_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    entries = ["::-1" if i in node.axes else ":" for i in range(node.rank)]
    return Text(subscript(operands[0], entries, has_batch(node.shape)))


flip_: Op = op(
    "flip", "x", params="axes",
    doc="The elements in reverse order along axes.",
    shape=lambda x, axes: x.shape,
    dtype=first,
    numpy=_flip_text,
    adjoint={"x": lambda g, y, x: flip_(g, axes=y.axes)},
    sympy=lambda m, node, x: np.flip(x, node.axes),
    view=True,
    rows=other_axes(),
    examples=[{"shapes": ("n",), "axes": (0,)}, {"shapes": ("n d",), "axes": (0, 1)}],
)  # fmt: skip


def _roll_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    shift = env.dim(node.shift)
    return Text(f"np.roll({operands[0].source}, {shift}, axis={env.axes(node, (node.axis,))})")


roll_: Op = op(
    "roll", "x", params="shift axis",
    doc="The elements moved along an axis, those that leave the end coming back at the start.",
    shape=lambda x, shift, axis: x.shape,
    dtype=first,
    numpy=_roll_text,
    flops=0,
    adjoint={"x": lambda g, y, x: roll_(g, shift=-y.shift, axis=y.axis)},
    sympy=lambda m, node, x: np.roll(x, m.size(node.shift), node.axis),
    rows=other_axes(),
    examples=[{"shapes": ("n",), "shift": 1, "axis": 0}, {"shapes": ("3 4",), "shift": -2, "axis": 1}],
)  # fmt: skip


# --- triangles ----------------------------------------------------------------------------------------


def _matrix_shape(what: str) -> Any:
    def rule(x: Node, offset: Size) -> Shape:
        if x.rank < 2:
            raise ShapeError(f"{what}: expected a matrix", expected="shape (n, m)", got=shape_text(x.shape))
        return x.shape

    return rule


def _triangle(name: str) -> Any:
    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        offset = "" if node.offset == 0 else f", {env.dim(node.offset)}"
        return Text(f"np.{name}({operands[0].source}{offset})")

    return form


triu_: Op = op(
    "triu", "x", params="offset",
    doc="The upper triangle of a matrix, from the diagonal `offset` upwards; zeros elsewhere.",
    shape=_matrix_shape("np.triu"),
    dtype=first,
    numpy=_triangle("triu"),
    flops=0,
    adjoint={"x": lambda g, y, x: triu_(g, offset=y.offset)},
    sympy=lambda m, node, x: np.triu(x, m.size(node.offset)),
    rows=leading_axes(2),
    examples=[{"shapes": ("3 3",), "offset": 0}, {"shapes": ("2 3",), "offset": 1}],
)  # fmt: skip

tril_: Op = op(
    "tril", "x", params="offset",
    doc="The lower triangle of a matrix, from the diagonal `offset` downwards; zeros elsewhere.",
    shape=_matrix_shape("np.tril"),
    dtype=first,
    numpy=_triangle("tril"),
    flops=0,
    adjoint={"x": lambda g, y, x: tril_(g, offset=y.offset)},
    sympy=lambda m, node, x: np.tril(x, m.size(node.offset)),
    rows=leading_axes(2),
    examples=[{"shapes": ("3 3",), "offset": 0}, {"shapes": ("3 2",), "offset": -1}],
)  # fmt: skip


# --- diagonal <-> diag --------------------------------------------------------------------------------


def _diagonal_size(rows: Size, columns: Size, offset: int, shape: Shape) -> Size:
    if rows == columns:
        size: Size = rows - abs(offset)
        return max(size, 0) if isinstance(size, int) else size
    if isinstance(rows, int) and isinstance(columns, int):
        return max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
    raise ShapeError(
        "np.diagonal: the length of the diagonal is not known",
        expected="a square matrix, or fixed sizes",
        got=shape_text(shape),
    )


def _diagonal_shape(x: Node, offset: int) -> Shape:
    if x.rank < 2:
        raise ShapeError("np.diagonal: expected a matrix", expected="shape (n, n)", got=shape_text(x.shape))
    rows, columns = x.shape[-2:]
    return (*x.shape[:-2], _diagonal_size(rows, columns, offset, x.shape))


def _diagonal_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,) = operands
    if has_batch(node.shape) or node.rank > 1:
        return Text(f"np.diagonal({x.source}, {node.offset}, -2, -1)")
    return Text(f"np.diagonal({x.source}{f', {node.offset}' if node.offset else ''})")


diagonal_ = op(
    "diagonal", "x", params="offset",
    doc="The diagonal of matrices, `offset` above the main one, along the last two axes.",
    shape=_diagonal_shape,
    dtype=first,
    numpy=_diagonal_text,
    adjoint={"x": lambda g, y, x: diag_(g, offset=y.offset, rows=x.shape[-2], columns=x.shape[-1])},
    sympy=lambda m, node, x: np.diagonal(x, node.offset, -2, -1),
    view=True,
    rows=leading_axes(2),
    examples=[
        {"shapes": ("n n",), "offset": 0},
        {"shapes": ("2 4",), "offset": 1},
        {"shapes": ("2 3 3",), "offset": -1},
    ],
)  # fmt: skip


def _diag_shape(v: Node, offset: int, rows: Size, columns: Size) -> Shape:
    if v.rank < 1 or v.shape[-1] != _diagonal_size(rows, columns, offset, (rows, columns)):
        raise ShapeError(
            "np.diag: the diagonal does not fit the matrix",
            expected=f"the diagonal {offset} of {shape_text((rows, columns))}",
            got=shape_text(v.shape),
        )
    return (*v.shape[:-1], rows, columns)


def _diag_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    v = solid(node.args[0], operands[0], env)
    if node.rank == 2 and not has_batch(node.shape) and node.rows == node.columns:
        return Text(f"np.diag({v.source}{f', {node.offset}' if node.offset else ''})")
    rows, columns = env.dim(node.rows), env.dim(node.columns)
    return Text(f"{env.helper('_place_diagonal')}({v.source}, {node.offset}, {rows}, {columns})")


def _diag_meaning(m: Any, node: Node, v: Any) -> Any:
    out = np.zeros(m.shape(node.shape), v.dtype)
    i = np.arange(v.shape[-1])
    out[..., i + max(-node.offset, 0), i + max(node.offset, 0)] = v
    return out


diag_: Op = op(
    "diag", "v", params="offset rows columns",
    doc="Matrices of zeros with the given diagonal, `offset` above the main one.",
    shape=_diag_shape,
    dtype=first,
    numpy=_diag_text,
    flops=0,
    adjoint={"v": lambda g, y, v: diagonal_(g, offset=y.offset)},
    sympy=_diag_meaning,
    examples=[
        {"shapes": ("n",), "offset": 0, "rows": "n", "columns": "n"},
        {"shapes": ("2 3",), "offset": -1, "rows": 4, "columns": 3},
        {"shapes": ("2",), "offset": 1, "rows": 2, "columns": 4},
    ],
)  # fmt: skip


# --- numpy's spellings --------------------------------------------------------------------------------


@spelled(np.flip)
def flip(m: Node, axis: Any = None) -> Node:
    """`np.flip`."""
    x = lift(m)
    axes = tuple(range(x.rank)) if axis is None else normalize_axes("np.flip", axis, x.rank, x.shape)
    return flip_(x, axes=tuple(sorted(axes))) if axes else x


@spelled(np.flipud)
def flipud(m: Node) -> Node:
    """`np.flipud`."""
    return flip(m, 0)


@spelled(np.fliplr)
def fliplr(m: Node) -> Node:
    """`np.fliplr`."""
    return flip(m, 1)


@spelled(np.roll)
def roll(a: Node, shift: Any, axis: Any = None) -> Node:
    """`np.roll`; without an axis it rolls the elements in reading order."""
    x = lift(a)
    if axis is None:
        return reshape_to(roll(reshape_to(x, (-1,)), shift, 0), core(x.shape))
    given = axis if isinstance(axis, tuple) else (axis,)
    axes = [normalize_axis("np.roll", i, x.rank, x.shape) for i in given]
    shifts = shift if isinstance(shift, tuple) else (shift,) * len(axes)
    if len(shifts) != len(axes) or not all(isinstance(amount, (int, Dim)) for amount in shifts):
        raise ShapeError("np.roll: expected one integer shift for each axis", got=f"{shift} for {axis}")
    for i, amount in zip(axes, shifts):
        x = x if amount == 0 else roll_(x, shift=amount, axis=i)
    return x


@spelled(np.triu)
def triu(m: Node, k: Any = 0) -> Node:
    """`np.triu`."""
    return triu_(lift(m), offset=k)


@spelled(np.tril)
def tril(m: Node, k: Any = 0) -> Node:
    """`np.tril`."""
    return tril_(lift(m), offset=k)


@spelled(np.diagonal, method="diagonal")
def diagonal(a: Node, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """`np.diagonal`."""
    x = lift(a)
    one, two = (normalize_axis("np.diagonal", i, x.rank, x.shape) for i in (axis1, axis2))
    if one == two:
        raise ShapeError("np.diagonal: axis1 and axis2 are the same", got=str(axis1))
    others = [i for i in range(x.rank) if i not in (one, two)]
    return diagonal_(permute(x, [*others, one, two]), offset=offset)


@spelled(np.diag)
def diag(v: Node, k: int = 0) -> Node:
    """`np.diag`: the diagonal of a matrix, or the matrix of a diagonal."""
    x = lift(v)
    if x.rank == 2:
        return diagonal_(x, offset=k)
    if x.rank != 1:
        raise ShapeError("np.diag: expected a vector or a matrix", got=shape_text(x.shape))
    size = core(x.shape)[0] + abs(k)
    return diag_(x, offset=k, rows=size, columns=size)


@spelled(np.trace, method="trace")
def trace(
    a: Node, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Node:
    """`np.trace`: the sum of the diagonal."""
    refuse("np.trace", dtype=dtype, out=out)
    entries = diagonal(a, offset, axis1, axis2)
    return sum_over(entries, (entries.rank - 1,))


@spelled(np.tile)
def tile(A: Node, reps: Any) -> Node:
    """`np.tile`, for counts that are sizes."""
    x = lift(A)
    counts = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    top = max(len(counts), x.rank)
    if x.rank < top:
        x = expand_dims(x, axes=tuple(range(top - x.rank)))
    counts = (1,) * (top - len(counts)) + counts
    return _repeated(x, counts, before=True)


def _repeated(x: Node, counts: Sequence[Size], before: bool) -> Node:
    """Every axis repeated, as a whole (`before`) or element by element, through a new axis."""
    sizes = core(x.shape)
    spread = [i for i, count in enumerate(counts) if count != 1]
    if not spread:
        return x
    wide: list[Size] = []
    new: list[int] = []
    for i, size in enumerate(sizes):
        pair = [counts[i], size] if before else [size, counts[i]]
        if i in spread:
            new.append(len(wide) + (0 if before else 1))
        wide += pair if i in spread else [size]
    y = broadcast_to(expand_dims(x, axes=tuple(new)), shape=head(x.shape) + tuple(wide))
    return reshape_to(y, tuple([size * count for size, count in zip(sizes, counts)]))


@spelled(np.repeat, method="repeat")
def repeat(a: Node, repeats: Any, axis: Any = None) -> Node:
    """`np.repeat`, for one count of repeats or literal ones."""
    x = lift(a)
    if axis is None:
        x, axis = reshape_to(x, (-1,)), 0
    position = normalize_axis("np.repeat", axis, x.rank, x.shape)
    counts = repeats.value.array() if isinstance(repeats, Node) and repeats.op.name == "array" else repeats
    if isinstance(counts, (np.ndarray, tuple, list)):
        if np.size(counts) != 1:
            return _repeated_each(x, np.asarray(counts), position)
        repeats = int(np.asarray(counts).item())
    if isinstance(repeats, Node):
        raise ShapeError(
            "np.repeat: the size of the result depends on values known only at run time",
            expected="counts that are literals",
        )
    return _repeated(x, [repeats if i == position else 1 for i in range(x.rank)], before=False)


def _repeated_each(x: Node, counts: Any, axis: int) -> Node:
    """Every element along an axis as often as its own literal count says."""
    size = core(x.shape)[axis]
    if counts.shape != (size,):
        raise ShapeError(
            "np.repeat: a count for every element is needed",
            expected=f"{size} literals, at an axis of fixed size",
            got=f"{counts.shape}",
        )
    places = np.repeat(np.arange(len(counts)), counts)
    return FUNCTIONS[np.take](x, places.tolist(), axis)  # type: ignore[no-any-return]
