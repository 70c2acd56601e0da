"""Arrays put together and taken apart: concatenate, stack and numpy's variants, split, diff."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, lift, op, promotes
from symgrad.ops.indexing import FULL, Entry, index, slice_entry
from symgrad.ops.leaves import cast
from symgrad.ops.structure import (
    broadcast_up,
    dtype_text,
    expand_dims,
    head,
    normalize_axis,
    reshape_to,
    solid,
)
from symgrad.rowwise import joined_rows
from symgrad.shapes import Shape, Size, core, divide_exactly, has_batch, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import Environment, Text


def _front(parts: Sequence[Node]) -> Shape:
    """The batch that any of the parts has."""
    return next((head(part.shape) for part in parts if has_batch(part.shape)), ())


def _listing(node: Node, operands: Sequence[Text], env: Environment) -> str:
    """The operands as a tuple, each in the full batch shape, which numpy does not spread here itself."""
    sources = []
    for part, text in zip(node.args, operands):
        source = solid(part, text, env).source
        if has_batch(node.shape):
            source = f"np.broadcast_to({source}, {env.shape(head(node.shape) + core(part.shape))})"
        sources.append(source)
    return f"({', '.join(sources)}{',' if len(sources) == 1 else ''})"


# --- concatenate --------------------------------------------------------------------------------------


def _joined_shape(*parts: Node, axis: int) -> Shape:
    first = core(parts[0].shape)
    for part in parts:
        sizes = core(part.shape)
        if sizes[:axis] + sizes[axis + 1 :] != first[:axis] + first[axis + 1 :] or len(sizes) <= axis:
            raise ShapeError(
                f"np.concatenate: arrays differ along another axis than {axis}",
                expected=f"shapes like {shape_text(first)}",
                got=", ".join(shape_text(p.shape) for p in parts),
            )
    total: Size = 0
    for part in parts:
        total = total + core(part.shape)[axis]
    return _front(parts) + first[:axis] + (total,) + first[axis + 1 :]


def _concatenate_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    axis = env.axes(node, (node.axis,))
    where = "" if axis == "0" else f", axis={axis}"
    return Text(f"np.concatenate({_listing(node, operands, env)}{where})")


def along(x: Node, entry: Entry, axis: int) -> Node:
    """`x` with one entry of a key at an axis and all of the others."""
    key = [FULL] * x.rank
    key[axis] = entry
    return x if entry == FULL else index(x, key=tuple(key))


def section(x: Node, start: Size, stop: Size, axis: int) -> Node:
    """`x[start:stop]` along an axis."""
    return along(x, slice_entry(start, stop, 1, core(x.shape)[axis])[0], axis)


def _concatenate_adjoint(g: Node, y: Node, position: int) -> Node:
    sizes = [core(part.shape)[y.axis] for part in y.args]
    start: Size = 0
    for size in sizes[:position]:
        start = start + size
    return section(g, start, start + sizes[position], y.axis)


concatenate_ = op(
    "concatenate", "parts", params="axis",
    doc="Arrays one after another along an axis that they have.",
    shape=_joined_shape,
    dtype=lambda *parts, axis: promotes(*parts),
    numpy=_concatenate_text,
    flops=0,
    adjoint=_concatenate_adjoint,
    sympy=lambda m, node, *parts: np.concatenate(parts, axis=node.axis),
    variadic=True,
    rows=joined_rows,
    examples=[
        {"shapes": ("2", "3"), "axis": 0},
        {"shapes": ("n d", "k d", "n d"), "axis": 0},
        {"shapes": ("2 1", "2 3"), "axis": 1},
    ],
)  # fmt: skip


# --- stack --------------------------------------------------------------------------------------------


def _stacked_shape(*parts: Node, axis: int) -> Shape:
    first = core(parts[0].shape)
    if any(core(part.shape) != first for part in parts):
        raise ShapeError(
            "np.stack: arrays have different shapes",
            expected=f"{shape_text(first)} for each",
            got=", ".join(shape_text(p.shape) for p in parts),
        )
    return _front(parts) + first[:axis] + (len(parts),) + first[axis:]


def _stack_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    if len(node.shape) == 1 and not has_batch(node.shape):
        inner = ", ".join(operand.source for operand in operands)
        return Text(f"np.array([{inner}], {dtype_text(node, env)})")
    axis = env.axes(node, (node.axis,))
    where = "" if axis == "0" else f", axis={axis}"
    return Text(f"np.stack({_listing(node, operands, env)}{where})")


stack_ = op(
    "stack", "parts", params="axis",
    doc="Arrays of one shape side by side along a new axis.",
    shape=_stacked_shape,
    dtype=lambda *parts, axis: promotes(*parts),
    numpy=_stack_text,
    flops=0,
    adjoint=lambda g, y, position: along(g, position, y.axis),
    sympy=lambda m, node, *parts: np.stack(parts, axis=node.axis),
    variadic=True,
    rows=joined_rows,
    examples=[
        {"shapes": ("", "", ""), "axis": 0},
        {"shapes": ("n d", "n d"), "axis": 1},
        {"shapes": ("n", "n", "n"), "axis": 1},
    ],
)  # fmt: skip


# --- numpy's spellings --------------------------------------------------------------------------------


def as_array(value: Any) -> Node:
    """A node for one of the arrays to join; nested lists become stacks."""
    if isinstance(value, (list, tuple)):
        return stack([as_array(v) for v in value]) if value else broadcast_up(lift(0.0), (0,))
    return lift(value)


def _parts(what: str, arrays: Any, out: Any, dtype: Any) -> list[Node]:
    if out is not None or dtype is not None:
        raise TraceError(f"{what}: out= and dtype= are not supported", hint="leave them out")
    if isinstance(arrays, Node):
        if not arrays.shape or not isinstance(core(arrays.shape)[0], int):
            raise TraceError(
                f"{what}: expected a list of arrays", got=f"one array of shape {shape_text(arrays.shape)}"
            )
        arrays = [along(arrays, i, 0) for i in range(core(arrays.shape)[0])]
    parts = [as_array(a) for a in arrays]
    if not parts:
        raise ShapeError(f"{what}: there is nothing to join", expected="at least one array")
    return _one_dtype(parts)


def _one_dtype(parts: list[Node]) -> list[Node]:
    # What numpy would promote is cast here, so that integers next to float32 do not make float64.
    if promotes(*parts) == "float64":
        ready = [p.dtype == "float64" or p.op.name in ("const", "dim") for p in parts]
        return [p if fine else cast(p, to="float64") for p, fine in zip(parts, ready)]
    return parts


@spelled(np.concatenate)
def concatenate(
    arrays: Any, axis: Any = 0, out: Any = None, dtype: Any = None, casting: str = "same_kind"
) -> Node:
    """`np.concatenate`."""
    parts = _parts("np.concatenate", arrays, out, dtype)
    if axis is None:
        parts, axis = [reshape_to(p, (-1,)) for p in parts], 0
    ranks = {p.rank for p in parts}
    if len(ranks) > 1 or 0 in ranks:
        raise ShapeError(
            "np.concatenate: arrays need one number of dimensions, at least 1",
            got=", ".join(shape_text(p.shape) for p in parts),
            hint="np.stack for scalars; x[:, None] adds an axis",
        )
    position = normalize_axis("np.concatenate", axis, parts[0].rank, parts[0].shape)
    return parts[0] if len(parts) == 1 else concatenate_(*parts, axis=position)


@spelled(np.stack)
def stack(
    arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Node:
    """`np.stack`."""
    parts = _parts("np.stack", arrays, out, dtype)
    position = normalize_axis("np.stack", axis, parts[0].rank + 1, parts[0].shape)
    return stack_(*parts, axis=position)


def at_least(x: Node, count: int) -> Node:
    """`x` with axes of size 1 in front until it has that many dimensions."""
    return x if x.rank >= count else expand_dims(x, axes=tuple(range(count - x.rank)))


@spelled(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Node:
    """`np.hstack`: along the second axis, along the first for vectors."""
    parts = [at_least(p, 1) for p in _parts("np.hstack", tup, None, dtype)]
    return concatenate(parts, axis=0 if parts[0].rank == 1 else 1)


@spelled(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Node:
    """`np.vstack`: along the first axis, vectors as rows."""
    return concatenate([at_least(p, 2) for p in _parts("np.vstack", tup, None, dtype)], axis=0)


@spelled(np.dstack)
def dstack(tup: Any) -> Node:
    """`np.dstack`: along the third axis."""
    parts = [at_least(p, 2) for p in _parts("np.dstack", tup, None, None)]
    return concatenate([expand_dims(p, axes=(2,)) if p.rank == 2 else p for p in parts], axis=2)


@spelled(np.column_stack)
def column_stack(tup: Any) -> Node:
    """`np.column_stack`: vectors as columns beside matrices."""
    parts = _parts("np.column_stack", tup, None, None)
    parts = [at_least(p, 1) for p in parts]
    return concatenate([expand_dims(p, axes=(1,)) if p.rank == 1 else p for p in parts], axis=1)


def _split(what: str, x: Node, sections: Any, axis: Any, even: bool) -> list[Node]:
    position = normalize_axis(what, axis, x.rank, x.shape)
    size = core(x.shape)[position]
    if isinstance(sections, (list, tuple)):
        bounds: list[Any] = [None, *sections, None]
        entries = [slice_entry(a, b, 1, size)[0] for a, b in pairwise(bounds)]
        return [along(x, entry, position) for entry in entries]
    if isinstance(sections, Node) or not isinstance(sections, int) or sections < 1:
        raise ShapeError(f"{what}: expected a number of sections or a list of positions", got=repr(sections))
    width = divide_exactly(size, sections)
    if width is not None:
        return [section(x, i * width, (i + 1) * width, position) for i in range(sections)]
    if even or not isinstance(size, int):
        raise ShapeError(
            f"{what}: the array does not split evenly",
            expected=f"a multiple of {sections} at axis {position}",
            got=shape_text(x.shape),
            hint="np.array_split for a fixed size, or a list of positions",
        )
    short, longer = divmod(size, sections)
    ends = [i * short + min(i, longer) for i in range(sections + 1)]
    return [section(x, a, b, position) for a, b in pairwise(ends)]


@spelled(np.split)
def split(ary: Node, indices_or_sections: Any, axis: Any = 0) -> list[Node]:
    """`np.split`."""
    return _split("np.split", lift(ary), indices_or_sections, axis, even=True)


@spelled(np.array_split)
def array_split(ary: Node, indices_or_sections: Any, axis: Any = 0) -> list[Node]:
    """`np.array_split`."""
    return _split("np.array_split", lift(ary), indices_or_sections, axis, even=False)


@spelled(np.hsplit)
def hsplit(ary: Node, indices_or_sections: Any) -> list[Node]:
    """`np.hsplit`."""
    x = lift(ary)
    return _split("np.hsplit", x, indices_or_sections, 1 if x.rank > 1 else 0, even=True)


@spelled(np.vsplit)
def vsplit(ary: Node, indices_or_sections: Any) -> list[Node]:
    """`np.vsplit`."""
    return _split("np.vsplit", lift(ary), indices_or_sections, 0, even=True)


def _edge(value: Any, x: Node, axis: int) -> Node:
    """What np.diff puts at an end: an array, or a scalar in the place of one entry a row."""
    node = as_array(value)
    if node.rank:
        return node
    sizes = list(core(x.shape))
    sizes[axis] = 1
    return broadcast_up(node, head(node.shape) + tuple(sizes))


@spelled(np.diff)
def diff(a: Node, n: int = 1, axis: Any = -1, prepend: Any = None, append: Any = None) -> Node:
    """`np.diff`: differences of neighbours, n times over."""
    x = lift(a)
    position = normalize_axis("np.diff", axis, x.rank, x.shape)
    ends = [None if value is np._NoValue else value for value in (prepend, append)]
    if any(value is not None for value in ends):
        before, after = (None if value is None else _edge(value, x, position) for value in ends)
        x = concatenate([part for part in (before, x, after) if part is not None], axis=position)
    if not isinstance(n, int) or n < 0:
        raise ShapeError("np.diff: the order is a non-negative integer", got=repr(n))
    for _ in range(n):
        size = core(x.shape)[position]
        if size == 0:
            break
        after, before = section(x, 1, size, position), section(x, 0, size - 1, position)
        x = FUNCTIONS[np.not_equal](after, before) if x.dtype == "bool" else after - before
    return x
