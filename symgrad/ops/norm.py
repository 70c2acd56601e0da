"""Norms. Where a norm is 0 its gradient is 0: of all subgradients the one of least norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import each
from symgrad.node import Node, Op, floats, op
from symgrad.ops.linalg import inv
from symgrad.ops.matmul import as_array, as_floats, with_core
from symgrad.ops.ratio import ratio
from symgrad.ops.reduce import keep, reduced_axes, reduced_shape
from symgrad.ops.singular import numpy_svd
from symgrad.rowwise import other_axes
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
    flops=each(2),
    adjoint={"x": lambda g, y, x: x * ratio(keep(g, y), keep(y, y))},
    sympy=lambda m, node, x: m.reduce(
        lambda entries: m.apply(lambda sp, s: sp.sqrt(s), m.sum([e * e for e in entries])),
        x, node.axes, node.keepdims,
    ),
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "axes": (0,)},
        {"shapes": ("n d",), "axes": (0, 1)},
        {"shapes": ("n d",), "axes": (1,), "keepdims": True},
        {"shapes": ("2 n d",), "axes": (0, 1, 2)},
        {"shapes": ("... n",), "axes": (0,)},
    ],
)  # fmt: skip


def _power_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    keepdims = ", keepdims=True" if node.keepdims else ""
    axis = f", axis={env.axes(node.args[0], node.axes)}"
    return Text(f"np.linalg.norm({operands[0].source}, {node.ord!r}{axis}{keepdims})")


def _power_adjoint(g: Node, y: Node, x: Node) -> Node:
    """sign(x) (|x| / y)^(p - 1), and 0 where the norm is 0."""
    weights = ratio(FUNCTIONS[np.abs](x), keep(y, y)) ** (y.ord - 1)
    return keep(g, y) * FUNCTIONS[np.sign](x) * weights  # type: ignore[no-any-return]


def _power_meaning(m: Any, node: Node, x: Any) -> Any:
    p = m.number(node.ord)
    return m.reduce(
        lambda entries: m.apply(
            lambda sp, s, q: s ** (1 / q),
            m.sum([m.apply(lambda sp, e, q: sp.Abs(e) ** q, e, p) for e in entries]),
            p,
        ),
        x, node.axes, node.keepdims,
    )  # fmt: skip


power_norm: Op = op(
    "power_norm", "x", params="ord axes keepdims", defaults={"keepdims": False},
    doc="Norm of vectors of any order p but 0, sum(|x|^p)^(1/p); its gradient at 0 is 0 for p > 1.",
    shape=lambda x, ord, axes, keepdims: reduced_shape(x, axes, keepdims),
    dtype=floats,
    numpy=_power_text,
    flops=each(3),
    adjoint={"x": _power_adjoint},
    sympy=_power_meaning,
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "ord": 3, "axes": (0,)},
        {"shapes": ("n d",), "ord": 4, "axes": (1,), "keepdims": True},
        {"shapes": ("... n",), "ord": 3, "axes": (0,)},
        {"shapes": ("n",), "ord": -2, "axes": (0,), "values": {0: np.array([0.5, -2.0, 1.5, 3.0])}},
    ],
)  # fmt: skip

_INFINITY = float("inf")


@spelled(np.linalg.norm)
def numpy_norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Node:
    """`np.linalg.norm`: of vectors of order None, inf, -inf, 0 or any above; of matrices of every order.

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
    if isinstance(ord, bool) or not isinstance(ord, (int, float)) or ord != ord:
        raise _order(ord, "vectors: None, a number, inf, -inf")
    if ord == 0:
        counted = as_floats(FUNCTIONS[np.not_equal](x, 0))
        return FUNCTIONS[np.sum](counted, axis=axes[0], keepdims=bool(keepdims))  # type: ignore[no-any-return]
    reductions = {1: np.sum, _INFINITY: np.max, -_INFINITY: np.min}
    if ord not in reductions:
        return _power_norm(x, ord, axes, bool(keepdims))
    entries = FUNCTIONS[np.abs](x)
    return FUNCTIONS[reductions[ord]](entries, axis=axes[0], keepdims=bool(keepdims))  # type: ignore[no-any-return]


def _power_norm(x: Node, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Node:
    if ord > 0:
        return power_norm(x, ord=ord, axes=axes, keepdims=keepdims)
    # An entry of 0 makes the norm 0, by a division that is not carried out.
    zero = FUNCTIONS[np.equal](x, 0)
    value = power_norm(FUNCTIONS[np.where](zero, 1, x), ord=ord, axes=axes, keepdims=keepdims)
    some = FUNCTIONS[np.any](zero, axis=axes[0], keepdims=keepdims)
    return FUNCTIONS[np.where](some, 0, value)  # type: ignore[no-any-return]


def _matrix_norm(x: Node, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Node:
    if ord == "fro":
        return norm(x, axes=tuple(sorted(axes)), keepdims=keepdims)
    sizes = [1 if i in axes else size for i, size in enumerate(core(x.shape)) if keepdims or i not in axes]
    if ord in ("nuc", 2, -2):
        values = numpy_svd(FUNCTIONS[np.moveaxis](x, axes, (-2, -1)), compute_uv=False)
        function = {"nuc": np.sum, 2: np.max, -2: np.min}[ord]
        return with_core(FUNCTIONS[function](values, axis=-1), *sizes)
    if ord not in (1, -1, _INFINITY, -_INFINITY):
        raise _order(ord, 'matrices: None, "fro", "nuc", 2, -2, 1, -1, inf, -inf')
    summed, compared = axes if abs(ord) == 1 else axes[::-1]
    sums = FUNCTIONS[np.sum](FUNCTIONS[np.abs](x), axis=summed, keepdims=True)
    return with_core(FUNCTIONS[np.max if ord > 0 else np.min](sums, axis=compared, keepdims=True), *sizes)


def _order(ord: Any, expected: str) -> TraceError:
    return TraceError(
        f"np.linalg.norm: the order {ord!r} is not supported",
        expected=expected,
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


@spelled(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Node:
    """`np.linalg.cond`: the norm of a matrix times that of its inverse, for order 2 by singular values."""
    x = as_floats(as_array(x))
    if p in (None, 2, -2):
        values = numpy_svd(x, compute_uv=False)
        largest, smallest = FUNCTIONS[np.max](values, axis=-1), FUNCTIONS[np.min](values, axis=-1)
        return smallest / largest if p == -2 else largest / smallest  # type: ignore[no-any-return]
    return numpy_norm(x, p, (-2, -1)) * numpy_norm(inv(x), p, (-2, -1))
