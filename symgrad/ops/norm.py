"""Norms. Where a norm is 0 its gradient is 0: of all subgradients the one of least norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, Op, floats, op
from symgrad.ops.matmul import as_array, as_floats, with_core
from symgrad.ops.ratio import ratio
from symgrad.ops.reduce import keep, reduced_axes, reduced_shape
from symgrad.shapes import core, has_batch, product, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import ATOM, Environment, Text


def _norm_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    operand, (x,) = node.args[0], operands
    keepdims = ", keepdims=True" if node.keepdims else ""
    if len(node.axes) == operand.rank and not has_batch(operand.shape):
        return Text(f"np.linalg.norm({x.source}{keepdims})")
    if len(node.axes) <= 2:
        return Text(f"np.linalg.norm({x.source}, axis={env.axes(operand, node.axes)}{keepdims})")
    return Text(f"np.sqrt(({x.inside(ATOM)}**2).sum(axis={env.axes(operand, node.axes)}{keepdims}))")


norm: Op = op(
    "norm", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="Euclidean norm over axes; its gradient at 0 is 0.",
    shape=reduced_shape,
    dtype=floats,
    numpy=_norm_text,
    adjoint={"x": lambda g, y, x: x * ratio(keep(g, y), keep(y, y))},
    sympy=lambda m, node, x: m.reduce(
        lambda entries: m.apply(lambda sp, s: sp.sqrt(s), m.sum([e * e for e in entries])),
        x, node.axes, node.keepdims,
    ),
    examples=[
        {"shapes": ("n",), "axes": (0,)},
        {"shapes": ("n d",), "axes": (0, 1)},
        {"shapes": ("n d",), "axes": (1,), "keepdims": True},
        {"shapes": ("2 n d",), "axes": (0, 1, 2)},
        {"shapes": ("... n",), "axes": (0,)},
    ],
)  # fmt: skip

_INFINITY = float("inf")


@spelled(np.linalg.norm)
def numpy_norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Node:
    """`np.linalg.norm` of vectors (ord None, 2, 1, inf, -inf) and matrices (None, "fro", 1, -1, inf, -inf).

    Raises TraceError for other orders, ShapeError for axes that make neither a vector nor a matrix.
    """
    x = as_floats(as_array(x))
    axes = reduced_axes("np.linalg.norm", x, axis)
    if ord is None and (axis is None or len(axes) <= 2):
        return norm(x, axes=axes, keepdims=bool(keepdims))
    if len(axes) not in (1, 2):
        raise ShapeError(
            "np.linalg.norm: a norm of this order is of vectors or matrices",
            expected="one axis or two",
            got=f"{len(axes)} axes of shape {shape_text(x.shape)}",
        )
    if len(axes) == 2:
        # Sums go over the axis given first for order 1, over the second for order inf.
        given = axes if axis is None else tuple(a % x.rank for a in axis)
        return _matrix_norm(x, ord, given, bool(keepdims))
    if ord == 2:
        return norm(x, axes=axes, keepdims=bool(keepdims))
    entries = FUNCTIONS[np.abs](x)
    reductions = {1: np.sum, _INFINITY: np.max, -_INFINITY: np.min}
    if isinstance(ord, str) or ord not in reductions:
        raise _order(ord, "vectors: None, 2, 1, inf, -inf")
    return FUNCTIONS[reductions[ord]](entries, axis=axes[0], keepdims=bool(keepdims))  # type: ignore[no-any-return]


def _matrix_norm(x: Node, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Node:
    if ord == "fro":
        return norm(x, axes=tuple(sorted(axes)), keepdims=keepdims)
    if ord not in (1, -1, _INFINITY, -_INFINITY):
        raise _order(ord, 'matrices: None, "fro", 1, -1, inf, -inf')
    summed, compared = axes if abs(ord) == 1 else axes[::-1]
    sums = FUNCTIONS[np.sum](FUNCTIONS[np.abs](x), axis=summed, keepdims=True)
    result = FUNCTIONS[np.max if ord > 0 else np.min](sums, axis=compared, keepdims=True)
    if keepdims:
        return result  # type: ignore[no-any-return]
    sizes = [size for i, size in enumerate(core(x.shape)) if i not in axes]
    return with_core(result, *sizes)


def _order(ord: Any, expected: str) -> TraceError:
    return TraceError(
        f"np.linalg.norm: the order {ord!r} is not supported",
        expected=expected,
        hint="np.sum(np.abs(x)**p)**(1/p) for other orders of vectors",
    )


if hasattr(np.linalg, "vector_norm"):

    @spelled(np.linalg.vector_norm)
    def vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Node:
        """`np.linalg.vector_norm`: over all axes where none is given."""
        x = as_array(x)
        if axis is None and not keepdims:
            return numpy_norm(with_core(x, product(core(x.shape))), ord)
        return numpy_norm(x, ord, axis, keepdims)

    @spelled(np.linalg.matrix_norm)
    def matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Node:
        """`np.linalg.matrix_norm`, over the last two axes."""
        return numpy_norm(x, ord, (-2, -1), keepdims)
