"""Shape without arithmetic: broadcast, expand, squeeze, reshape, transpose.

Axes are parameters counted from the front without the `...` of a batch; text under a batch counts from
the end. Each operation is linear, so its adjoint is its transpose: another operation of this file, or the
sum that undoes a broadcast, which the reverse driver inserts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.node import Node, Op, first, op
from symgrad.rowwise import each_row, reshaped_rows, spread_rows
from symgrad.shapes import (
    BATCH,
    Shape,
    Size,
    broadcast,
    core,
    divide_exactly,
    floor_divide,
    has_batch,
    product,
    rank,
    shape_text,
)
from symgrad.text import ATOM, Environment, Text

# --- helpers shared by the array families -------------------------------------------------------------


def head(shape: Shape) -> Shape:
    """The leading `...` of a shape, if any."""
    return (BATCH,) if has_batch(shape) else ()


def normalize_axis(what: str, axis: Any, count: int, shape: Shape) -> int:
    """The axis counted from the front; ShapeError where a shape of `count` dimensions has none such."""
    if isinstance(axis, np.integer):
        axis = int(axis)
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise ShapeError(f"{what}: an axis is an integer", got=repr(axis))
    if not -count <= axis < count:
        raise ShapeError(
            f"{what}: axis {axis} is out of bounds",
            expected=f"an axis from {-count} to {count - 1}" if count else "no axis",
            got=f"shape {shape_text(shape)}",
        )
    return axis % count


def normalize_axes(what: str, axes: Any, count: int, shape: Shape) -> tuple[int, ...]:
    """One axis or a sequence of them, counted from the front, in the order given; none may be repeated."""
    given = tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)
    found = tuple([normalize_axis(what, axis, count, shape) for axis in given])
    if len(set(found)) < len(found):
        raise ShapeError(
            f"{what}: an axis is repeated",
            expected="distinct axes",
            got=f"{given} of shape {shape_text(shape)}",
        )
    return found


def solid(node: Node, text: Text, env: Environment) -> Text:
    """The operand as an array: a Python number has neither methods nor a dtype."""
    if not text.weak:
        return text
    return Text(f"np.asarray({text.source}, {dtype_text(node, env)})")


def dtype_text(node: Node, env: Environment) -> str:
    """Text of the node's dtype."""
    return env.dtype if node.dtype == "float64" else {"int64": "np.int64", "bool": "np.bool_"}[node.dtype]


def subscript(x: Text, entries: Sequence[str], batch: bool) -> str:
    """`x[entries]` with the full slices that numpy adds by itself left out."""
    kept = list(entries)
    if batch:
        while kept and kept[0] == ":":
            kept.pop(0)
        kept.insert(0, "...")
    else:
        while len(kept) > 1 and kept[-1] == ":":
            kept.pop()
    return f"{x.inside(ATOM)}[{', '.join(kept)}]"


# --- broadcast_to <-> sum -----------------------------------------------------------------------------


def _broadcast_shape(x: Node, shape: Shape) -> Shape:
    try:
        fits = broadcast(x.shape, shape, what="np.broadcast_to") == shape
    except ShapeError:
        fits = False
    if not fits or (has_batch(x.shape) and x.rank != rank(shape)):
        raise ShapeError(
            "np.broadcast_to: the array does not broadcast to that shape",
            expected=f"a shape that broadcasts to {shape_text(shape)}",
            got=shape_text(x.shape),
            hint="x[:, None] or np.expand_dims puts an axis of size 1 where it is wanted",
        )
    return shape


def _broadcast_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,) = operands
    shape = env.shape(node.shape)
    if node.args[0].shape:
        return Text(f"np.broadcast_to({x.source}, {shape})")
    # numpy 1 may have made a float64 of a float32 scalar: filling keeps the dtype.
    dtype = dtype_text(node, env)
    if node.args[0].is_constant() and node.args[0].value in (0, 1) and x.source[0] != "-":
        return Text(f"np.{'ones' if node.args[0].value else 'zeros'}({shape}, {dtype})")
    return Text(f"np.full({shape}, {x.source}, {dtype})")


broadcast_to = op(
    "broadcast_to", "x", params="shape",
    doc="The array repeated along new leading axes and axes of size 1; a literal becomes a filled array.",
    shape=_broadcast_shape,
    dtype=first,
    numpy=_broadcast_text,
    adjoint={"x": lambda g, y, x: g},
    sympy=lambda m, node, x: np.broadcast_to(x, m.shape(node.shape)),
    view=True,
    rows=spread_rows,
    examples=[
        {"shapes": ("d",), "shape": (2, 3, "d")},
        {"shapes": ("",), "shape": ("n", "d")},
        {"shapes": ("n 1",), "shape": ("n", "d")},
        {"shapes": ("1 d",), "shape": (2, "n", "d")},
    ],
)  # fmt: skip


def broadcast_up(x: Node, shape: Shape) -> Node:
    """`x` in the given shape, which it broadcasts to; `x` itself where it has it already."""
    if x.shape == shape:
        return x
    missing = rank(shape) - x.rank
    if has_batch(x.shape) and missing > 0:
        x = expand_dims(x, axes=tuple(range(missing)))
    return x if x.shape == shape else broadcast_to(x, shape=shape)


# --- expand_dims <-> squeeze --------------------------------------------------------------------------


def _expanded_shape(x: Node, axes: tuple[int, ...]) -> Shape:
    count = x.rank + len(axes)
    if sorted(set(axes)) != sorted(axes) or any(not 0 <= axis < count for axis in axes):
        raise ShapeError(
            "np.expand_dims: axes must be distinct positions in the result",
            expected=f"positions from 0 to {count - 1}",
            got=f"{axes} for shape {shape_text(x.shape)}",
        )
    sizes = iter(core(x.shape))
    return head(x.shape) + tuple([1 if i in axes else next(sizes) for i in range(count)])


def _expand_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,) = operands
    if x.weak:
        return Text(f"np.full({env.shape(node.shape)}, {x.source}, {dtype_text(node, env)})")
    entries = ["None" if i in node.axes else ":" for i in range(node.rank)]
    return Text(subscript(x, entries, has_batch(node.shape)))


expand_dims = op(
    "expand_dims", "x", params="axes",
    doc="Axes of size 1 put in at these positions of the result.",
    shape=_expanded_shape,
    dtype=first,
    numpy=_expand_text,
    adjoint={"x": lambda g, y, x: _dropped(g, y.axes)},
    sympy=lambda m, node, x: np.expand_dims(x, node.axes),
    view=True,
    rows=each_row,
    examples=[
        {"shapes": ("n",), "axes": (1,)},
        {"shapes": ("n d",), "axes": (0, 2)},
        {"shapes": ("",), "axes": (0, 1)},
    ],
)  # fmt: skip


def _dropped(g: Node, axes: tuple[int, ...]) -> Node:
    """`g` without axes of size 1; a sum that only kept them does not keep them then."""
    if g.op.name == "sum" and g.keepdims and g.axes == axes:
        return g.op(g.args[0], axes=axes, keepdims=False)
    return squeeze(g, axes=axes)


def _squeezed_shape(x: Node, axes: tuple[int, ...]) -> Shape:
    sizes = core(x.shape)
    if any(sizes[axis] != 1 for axis in axes):
        raise ShapeError(
            "np.squeeze: only axes of size 1 can be dropped",
            expected=f"size 1 at {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}",
            got=shape_text(x.shape),
        )
    return head(x.shape) + tuple([size for i, size in enumerate(sizes) if i not in axes])


def _squeeze_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    # An index rather than .squeeze(): where no axis is left the result is a scalar, not a 0-d array.
    entries = ["0" if i in node.axes else ":" for i in range(node.args[0].rank)]
    return Text(subscript(operands[0], entries, has_batch(node.shape)))


squeeze: Op = op(
    "squeeze", "x", params="axes",
    doc="The array without these axes of size 1.",
    shape=_squeezed_shape,
    dtype=first,
    numpy=_squeeze_text,
    adjoint={"x": lambda g, y, x: expand_dims(g, axes=y.axes)},
    sympy=lambda m, node, x: np.squeeze(x, node.axes),
    view=True,
    rows=each_row,
    examples=[
        {"shapes": ("n 1",), "axes": (1,)},
        {"shapes": ("1 n 1",), "axes": (0, 2)},
        {"shapes": ("1 1",), "axes": (0, 1)},
    ],
)  # fmt: skip


# --- reshape <-> reshape ------------------------------------------------------------------------------


def _reshaped_shape(x: Node, shape: Shape) -> Shape:
    if has_batch(shape) != has_batch(x.shape):
        raise ShapeError(
            "np.reshape: the batch `...` stays in front",
            expected=shape_text(x.shape),
            got=shape_text(shape),
        )
    if product(core(shape)) != product(core(x.shape)) and not _whole(core(x.shape), core(shape)):
        raise ShapeError(
            "np.reshape: the numbers of elements differ",
            expected=f"{product(core(x.shape))} elements, as {shape_text(x.shape)} has",
            got=f"{product(core(shape))} in {shape_text(shape)}",
        )
    return shape


def _whole(old: Shape, new: Shape) -> bool:
    """Whether one shape is the other with a size that is a quotient, of which numpy sees that it is whole."""
    for shape, other in ((old, new), (new, old)):
        for i, size in enumerate(shape):
            rest = product([*shape[:i], *shape[i + 1 :]])
            if not isinstance(size, int) and rest != 0 and size == floor_divide(product(other), rest):
                return True
    return False


def _reshape_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    operand = node.args[0]
    x = solid(operand, operands[0], env)
    if has_batch(node.shape):
        shape = env.shape(core(node.shape))
        return Text(f"{env.helper('_reshape_core')}({x.source}, {operand.rank}, {shape})")
    if not node.shape:
        return Text(f"{x.inside(ATOM)}.reshape(())[()]")
    if node.rank == 1 and operand.rank > 1:
        return Text(f"{x.inside(ATOM)}.ravel()")
    return Text(f"{x.inside(ATOM)}.reshape({', '.join(env.dim(size) for size in node.shape)})")


reshape: Op = op(
    "reshape", "x", params="shape",
    doc="The same elements, row by row, in another shape.",
    shape=_reshaped_shape,
    dtype=first,
    numpy=_reshape_text,
    adjoint={"x": lambda g, y, x: reshape(g, shape=x.shape)},
    sympy=lambda m, node, x: np.reshape(x, m.shape(node.shape)),
    view=True,
    rows=reshaped_rows,
    examples=[
        {"shapes": ("2 3",), "shape": (3, 2)},
        {"shapes": ("2 3 4",), "shape": (24,)},
        {"shapes": ("6",), "shape": (1, 2, 3)},
        {"shapes": ("1 1",), "shape": ()},
    ],
)  # fmt: skip


def reshape_to(x: Node, sizes: Sequence[Size]) -> Node:
    """`x` reshaped, one size of which may be -1; `x` itself where it has that shape."""
    wanted = list(sizes)
    asked = f"({', '.join(map(str, wanted))})"
    open_ = [i for i, size in enumerate(wanted) if isinstance(size, int) and size < 0]
    if len(open_) > 1 or any(wanted[i] != -1 for i in open_):
        raise ShapeError("np.reshape: only one dimension can be left open, as -1", got=asked)
    if open_:
        known = product([size for i, size in enumerate(wanted) if i not in open_])
        total = product(core(x.shape))
        quotient = divide_exactly(total, known) if known != 0 else None
        if quotient is None and not isinstance(total, int):
            # numpy checks at run time that the division leaves no rest.
            wanted[open_[0]] = floor_divide(total, known)
            return reshape(x, shape=head(x.shape) + tuple(wanted))
        if quotient is None:
            raise ShapeError(
                "np.reshape: the dimension -1 cannot be found",
                expected=f"sizes whose product divides {total}, as {shape_text(x.shape)} has",
                got=asked,
            )
        wanted[open_[0]] = quotient
    shape = head(x.shape) + tuple(wanted)
    return x if x.shape == shape else reshape(x, shape=shape)


# --- transpose <-> transpose --------------------------------------------------------------------------


def _transposed_shape(x: Node, axes: tuple[int, ...]) -> Shape:
    if sorted(axes) != list(range(x.rank)):
        raise ShapeError(
            "np.transpose: axes must name every axis once",
            expected=f"a permutation of {tuple(range(x.rank))}",
            got=f"{axes} for shape {shape_text(x.shape)}",
        )
    sizes = core(x.shape)
    return head(x.shape) + tuple([sizes[axis] for axis in axes])


def _transpose_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    x, axes = operands[0], node.axes
    if has_batch(node.shape):
        if axes == (1, 0):
            return Text(f"{x.inside(ATOM)}.swapaxes(-1, -2)")
        return Text(f"{env.helper('_transpose_core')}({x.source}, {axes!r})")
    if axes == (1, 0):
        return Text(f"{x.inside(ATOM)}.T")
    return Text(f"{x.inside(ATOM)}.transpose({', '.join(map(str, axes))})")


transpose: Op = op(
    "transpose", "x", params="axes",
    doc="The axes in another order.",
    shape=_transposed_shape,
    dtype=first,
    numpy=_transpose_text,
    # The inverse permutation: a 3-cycle is not its own.
    adjoint={"x": lambda g, y, x: transpose(g, axes=tuple([y.axes.index(i) for i in range(x.rank)]))},
    sympy=lambda m, node, x: np.transpose(x, node.axes),
    view=True,
    rows=each_row,
    examples=[{"shapes": ("n d",), "axes": (1, 0)}, {"shapes": ("2 3 4",), "axes": (1, 2, 0)}],
)  # fmt: skip


def permute(x: Node, axes: Sequence[int]) -> Node:
    """`x` with its axes in that order; `x` itself where that is the order it has."""
    order = tuple(axes)
    return x if order == tuple(range(x.rank)) else transpose(x, axes=order)
