"""Matrix products, one operation for each pair of ranks, so that each adjoint is one textbook line.

`matmul` is what users spell; it chooses among `dot`, `matvec`, `vecmat` and `matmat`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import contraction
from symgrad.node import OPS, Node, Op, lift, op
from symgrad.ops.leaves import array_node, cast
from symgrad.ops.structure import expand_dims, reshape, squeeze, transpose
from symgrad.rowwise import matrix_rows
from symgrad.shapes import BATCH, Shape, Size, broadcast, core, has_batch, product, shape_text
from symgrad.spelling import spelled
from symgrad.text import ATOM, PRODUCT, Environment, Text, infix

# --- helpers shared with the other families of linear algebra ---------------------------------------


def as_array(value: Any) -> Node:
    """A node for an operand that may also be a number or a nested list of numbers."""
    if isinstance(value, (list, tuple)):
        if any(isinstance(entry, (Node, list, tuple)) for entry in value):
            raise TraceError(
                "a list of symbolic values is no operand here", hint="np.stack([...]) makes an array of them"
            )
        return array_node(np.array(value))
    return lift(value)


def as_floats(x: Node) -> Node:
    """The node in the working float type."""
    return x if x.dtype == "float64" else cast(x, to="float64")


def together(*nodes: Node) -> tuple[Node, ...]:
    """Operands in one dtype: all floats where any is."""
    if any(x.dtype == "float64" for x in nodes):
        return tuple(as_floats(x) for x in nodes)
    return nodes


def swap(x: Node) -> Node:
    """Matrix transpose: the last two axes exchanged."""
    order = list(range(x.rank))
    order[-2:] = order[-1], order[-2]
    return transpose(x, axes=tuple(order))


def batch_of(*nodes: Node) -> Shape:
    """`...` where any operand has it, to put in front of a result's shape."""
    return (BATCH,) if any(has_batch(x.shape) for x in nodes) else ()


def with_core(x: Node, *sizes: Size) -> Node:
    """The same entries in another shape, a leading `...` kept."""
    return x if core(x.shape) == sizes else reshape(x, shape=batch_of(x) + sizes)


def as_rows(x: Node) -> Node:
    """All axes but the last merged into one."""
    *rows, last = core(x.shape)
    return with_core(x, product(rows), last)


def _check(left: Node, right: Node, inner: tuple[Size, Size]) -> None:
    if inner[0] != inner[1]:
        raise ShapeError(
            f"matmul: inner dimensions differ: {shape_text(left.shape)} @ {shape_text(right.shape)}"
        )


# --- the operations ---------------------------------------------------------------------------------


def _dot_shape(a: Node, b: Node) -> Shape:
    _check(a, b, (a.shape[-1], b.shape[-1]))
    return batch_of(a, b)


def _dot_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    batched = [has_batch(a.shape) for a in node.args]
    if all(batched):
        return Text(f'np.einsum("...i,...i->...", {operands[0].source}, {operands[1].source})')
    return _product(node, operands[::-1] if batched[1] else operands, env)


_product = infix("@", PRODUCT)

dot: Op = op(
    "dot", "a b",
    doc="Inner product of two vectors, spelled a @ b.",
    shape=_dot_shape,
    numpy=_dot_text,
    price=0.125,
    flops=contraction,
    adjoint={"a": lambda g, y, a, b: g * b, "b": lambda g, y, a, b: g * a},
    sympy=lambda m, node, a, b: np.dot(a, b),
    rows=matrix_rows,
    examples=[{"shapes": ("n", "n")}, {"shapes": ("... n", "n")}, {"shapes": ("... n", "... n")}],
)  # fmt: skip


def _matvec_shape(a: Node, x: Node) -> Shape:
    _check(a, x, (a.shape[-1], x.shape[-1]))
    return batch_of(a, x) + core(a.shape)[:-1]


def _matvec_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    a, x = operands
    if not has_batch(node.args[1].shape):
        return _product(node, operands, env)
    if not has_batch(node.args[0].shape):
        return _product(node, (x, _transposed(node.args[0], a)), env)  # rows of x at once: one product
    return Text(f"({a.inside(PRODUCT)} @ {x.inside(ATOM)}[..., None])[..., 0]")


def _transposed(node: Node, text: Text) -> Text:
    """Text of a matrix transposed; of one that is a transpose already, the matrix."""
    if node.op.name == "transpose" and text.source.endswith(".T"):
        return Text(text.source.removesuffix(".T"))
    return Text(f"{text.inside(ATOM)}.T")


matvec: Op = op(
    "matvec", "a x",
    doc="Matrix times vector, spelled a @ x; a may be a stack of matrices.",
    shape=_matvec_shape,
    numpy=_matvec_text,
    price=0.125,
    flops=contraction,
    adjoint={
        "a": lambda g, y, a, x: outer_product(g, x),
        "x": lambda g, y, a, x: matvec(swap(as_rows(a)), with_core(g, product(core(g.shape)))),
    },
    sympy=lambda m, node, a, x: np.matmul(a, x),
    rows=matrix_rows,
    examples=[
        {"shapes": ("n d", "d")}, {"shapes": ("k n d", "d")}, {"shapes": ("... n d", "d")},
        {"shapes": ("n d", "... d")}, {"shapes": ("... n d", "... d")},
    ],
)  # fmt: skip


def _vecmat_shape(x: Node, a: Node) -> Shape:
    _check(x, a, (x.shape[-1], a.shape[-2]))
    return batch_of(x, a) + core(a.shape)[1:]


def _vecmat_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    x, a = operands
    if all(has_batch(operand.shape) for operand in node.args):
        return Text(f"({x.inside(ATOM)}[..., None, :] @ {a.inside(PRODUCT + 1)})[..., 0, :]")
    return _product(node, operands, env)


vecmat: Op = op(
    "vecmat", "x a",
    doc="Vector times matrix, spelled x @ a.",
    shape=_vecmat_shape,
    numpy=_vecmat_text,
    price=0.125,
    flops=contraction,
    adjoint={
        "x": lambda g, y, x, a: matvec(a, g),
        "a": lambda g, y, x, a: outer_product(x, g),
    },
    sympy=lambda m, node, x, a: np.matmul(x, a),
    rows=matrix_rows,
    examples=[
        {"shapes": ("n", "n d")}, {"shapes": ("... n", "n d")}, {"shapes": ("n", "... n d")},
        {"shapes": ("... n", "... n d")},
    ],
)  # fmt: skip


def _matmat_shape(a: Node, b: Node) -> Shape:
    left, right = core(a.shape), core(b.shape)
    _check(a, b, (left[-1], right[-2]))
    stack = broadcast(left[:-2], right[:-2], what="matmul") if left[:-2] or right[:-2] else ()
    return (*batch_of(a, b), *stack, left[-2], right[-1])


def _matmat_left(g: Node, a: Node, b: Node) -> Node:
    """g B^T; where one matrix a met a stack of them, the sum over the stack is part of the product."""
    if a.rank == 2 and b.rank > 2 and not batch_of(g):
        stack = "abcdefghijklmnopqrstuvw"[: b.rank - 2]
        return OPS["einsum"](g, b, subscripts=f"{stack}xz,{stack}yz->xy")
    return matmat(g, swap(b))


def _matmat_right(g: Node, a: Node, b: Node) -> Node:
    """A^T g; where one matrix b met a stack of them, the sum over the stack is part of the product."""
    if b.rank == 2 and a.rank > 2:
        a, g = as_rows(a), as_rows(g)
    return matmat(swap(a), g)


matmat: Op = op(
    "matmat", "a b",
    doc="Product of matrices, or of stacks of them that broadcast, spelled a @ b.",
    shape=_matmat_shape,
    numpy=_product,
    price=0.125,
    flops=contraction,
    adjoint={
        "a": lambda g, y, a, b: _matmat_left(g, a, b),
        "b": lambda g, y, a, b: _matmat_right(g, a, b),
    },
    sympy=lambda m, node, a, b: np.matmul(a, b),
    rows=matrix_rows,
    examples=[
        {"shapes": ("n d", "d k")}, {"shapes": ("m n d", "d k")}, {"shapes": ("m 1 n d", "2 d k")},
        {"shapes": ("... n d", "d k")}, {"shapes": ("n d", "... d k")}, {"shapes": ("... n d", "... d k")},
    ],
)  # fmt: skip


# --- how users spell them ---------------------------------------------------------------------------


@spelled(np.matmul)
def matmul(a: Any, b: Any) -> Node:
    """`a @ b`.

    Raises ShapeError for scalars, for inner dimensions that differ, and for stacks that do not broadcast.
    """
    a, b = together(as_array(a), as_array(b))
    if a.rank == 0 or b.rank == 0:
        raise ShapeError(
            f"matmul: an operand has no axis to sum over: {shape_text(a.shape)} @ {shape_text(b.shape)}",
            expected="vectors, matrices or stacks of matrices",
            hint="* multiplies by a scalar",
        )
    if a.rank == 1 and b.rank == 1:
        return dot(a, b)
    if b.rank == 1 and (a.rank == 2 or not has_batch(b.shape)):
        return matvec(a, b)
    if a.rank == 1 and b.rank == 2:
        return vecmat(a, b)
    _check(a, b, (a.shape[-1], b.shape[-1 if b.rank == 1 else -2]))
    if b.rank == 1:
        columns = _stacked(a, expand_dims(b, axes=(1,)))
        return squeeze(columns, axes=(columns.rank - 1,))
    if a.rank == 1:
        rows = _stacked(expand_dims(a, axes=(0,)), b)
        return squeeze(rows, axes=(rows.rank - 2,))
    return _stacked(a, b)


def _stacked(a: Node, b: Node) -> Node:
    """`matmat`, with axes of size 1 where a leading `...` would meet a stack of matrices."""
    top = max(a.rank, b.rank)
    a, b = (
        expand_dims(x, axes=tuple(range(top - x.rank))) if has_batch(x.shape) and x.rank < top else x
        for x in (a, b)
    )
    return matmat(a, b)


def outer_product(a: Node, b: Node) -> Node:
    """`a[..., :, None] * b`: a matrix for each entry that is not along the last axis."""
    return expand_dims(a, axes=(a.rank,)) * b
