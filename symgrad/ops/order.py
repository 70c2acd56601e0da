"""Where extrema are, and order: argmax, argmin, argsort, sort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import each, sorting
from symgrad.node import Node, Op, first, integers, lift, op
from symgrad.ops.gather import add_along
from symgrad.ops.reduce import reduced_shape, refuse
from symgrad.ops.structure import expand_dims, normalize_axis, reshape_to
from symgrad.rowwise import other_axes
from symgrad.shapes import Shape, core, has_batch, shape_text
from symgrad.spelling import spelled
from symgrad.text import ATOM, Environment, Text

# --- positions and order ------------------------------------------------------------------------------


def _position_text(name: str) -> Any:
    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        operand = node.args[0]
        only = operand.rank == 1 and not has_batch(operand.shape)
        axis = "" if only else f"axis={env.axes(operand, (node.axis,))}"
        return Text(f"{operands[0].inside(ATOM)}.{name}({axis})")

    return form


def _positions(name: str) -> Any:
    def meaning(m: Any, node: Node, x: Any) -> Any:
        rows = np.moveaxis(x, node.axis, -1)
        out = np.zeros(rows.shape[:-1], np.int64)
        for place in np.ndindex(out.shape):
            row = list(rows[place])
            best = 0
            for i, value in enumerate(row):
                if (value > row[best]) if name == "argmax" else (value < row[best]):
                    best = i
            out[place] = best
        return out

    return meaning


def _without_axis(name: str) -> Any:
    def rule(x: Node, axis: int) -> Shape:
        if core(x.shape)[axis] == 0:
            raise ShapeError(
                f"np.{name}: there are no elements", got=f"shape {shape_text(x.shape)} along {axis}"
            )
        return reduced_shape(x, (axis,), False)

    return rule


argmax_ = op(
    "argmax", "x", params="axis",
    doc="Position of the largest element along an axis, the first of equal ones.",
    shape=_without_axis("argmax"),
    dtype=integers,
    numpy=_position_text("argmax"),
    flops=each(1),
    adjoint={"x": None},
    sympy=_positions("argmax"),
    rows=other_axes(),
    examples=[{"shapes": ("n",), "axis": 0}, {"shapes": ("3 4",), "axis": 1}],
)  # fmt: skip

argmin_ = op(
    "argmin", "x", params="axis",
    doc="Position of the smallest element along an axis, the first of equal ones.",
    shape=_without_axis("argmin"),
    dtype=integers,
    numpy=_position_text("argmin"),
    flops=each(1),
    adjoint={"x": None},
    sympy=_positions("argmin"),
    rows=other_axes(),
    examples=[{"shapes": ("n",), "axis": 0}, {"shapes": ("3 4",), "axis": 0}],
)  # fmt: skip


def _argsort_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    axis = env.axes(node, (node.axis,))
    return Text(f'np.argsort({operands[0].source}, axis={axis}, kind="stable")')


def _argsort_meaning(m: Any, node: Node, x: Any) -> Any:
    rows = np.moveaxis(x, node.axis, -1)
    out = np.zeros(rows.shape, np.int64)
    for place in np.ndindex(rows.shape[:-1]):
        out[place] = m.order(rows[place])
    return np.moveaxis(out, -1, node.axis)


argsort_ = op(
    "argsort", "x", params="axis",
    doc="Positions that sort along an axis; equal elements keep their order.",
    shape=lambda x, axis: x.shape,
    dtype=integers,
    numpy=_argsort_text,
    flops=sorting,
    adjoint={"x": None},
    sympy=_argsort_meaning,
    rows=other_axes(),
    examples=[{"shapes": ("4",), "axis": 0}, {"shapes": ("3 4",), "axis": 1}],
)  # fmt: skip

sort_ = op(
    "sort", "x", params="axis",
    doc="The elements in ascending order along an axis; equal elements keep their order.",
    shape=lambda x, axis: x.shape,
    dtype=first,
    numpy=lambda node, operands, env: Text(
        f"np.sort({operands[0].source}, axis={env.axes(node, (node.axis,))})"
    ),
    flops=sorting,
    adjoint={
        "x": lambda g, y, x: add_along(g, argsort_(x, axis=y.axis), axis=y.axis, size=core(x.shape)[y.axis])
    },
    sympy=lambda m, node, x: np.take_along_axis(x, _argsort_meaning(m, node, x), node.axis),
    rows=other_axes(),
    examples=[
        {"shapes": ("4",), "axis": 0},
        {"shapes": ("3 4",), "axis": 1},
        {"shapes": ("3",), "axis": 0, "values": {0: np.array([2.0, 2.0, 1.0])}},
    ],
)  # fmt: skip


# --- numpy's spellings --------------------------------------------------------------------------------


def _position(record: Op, a: Any, axis: Any, out: Any, keepdims: Any) -> Node:
    refuse(f"np.{record.name}", out=out)
    x = lift(a)
    rank, kept = x.rank, keepdims is not np._NoValue and bool(keepdims)
    if axis is None:
        if kept:
            raise TraceError(f"np.{record.name}: keepdims needs an axis")
        x, axis = reshape_to(x, (-1,)), 0
    position = normalize_axis(f"np.{record.name}", axis, x.rank, x.shape)
    found = record(x, axis=position)
    return expand_dims(found, axes=(position,)) if kept and rank else found


@spelled(np.argmax, method="argmax")
def argmax(a: Node, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Node:
    """`np.argmax`."""
    return _position(argmax_, a, axis, out, keepdims)


@spelled(np.argmin, method="argmin")
def argmin(a: Node, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Node:
    """`np.argmin`."""
    return _position(argmin_, a, axis, out, keepdims)


def _ordered(record: Op, a: Any, axis: Any) -> Node:
    x = lift(a)
    if axis is None:
        x, axis = reshape_to(x, (-1,)), 0
    return record(x, axis=normalize_axis(f"np.{record.name}", axis, x.rank, x.shape))


@spelled(np.argsort, method="argsort")
def argsort(a: Node, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Node:
    """`np.argsort`, stable whatever `kind` says."""
    return _ordered(argsort_, a, axis)


@spelled(np.sort)
def sort(a: Node, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Node:
    """`np.sort`."""
    return _ordered(sort_, a, axis)
