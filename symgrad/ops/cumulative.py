"""Running sums and products, and products: adjoints by running products, never by division.

Everything here closes under differentiation: a running product and the linear recurrence
`r_k = a_k r_(k-1) + b_k` are each other's derivatives, up to shifts by one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.flops import each
from symgrad.node import DType, Node, Op, first, lift, op
from symgrad.ops.rearrange import flip_
from symgrad.ops.reduce import keep, masked, reduced_axes, reduced_shape, reduction, refuse, typed
from symgrad.ops.structure import broadcast_up, head, normalize_axis, reshape_to, solid
from symgrad.rowwise import other_axes
from symgrad.shapes import core
from symgrad.spelling import spelled
from symgrad.text import ATOM, Environment, Text


def _counts(x: Node, **params: Any) -> DType:
    return "float64" if x.dtype == "float64" else "int64"


def _running(name: str) -> Any:
    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        return Text(f"{operands[0].inside(ATOM)}.{name}(axis={env.axes(node, (node.axis,))})")

    return form


def _rows(x: Any, axis: int) -> Any:
    """A view with the axis in front, for meanings that go through it step by step."""
    return np.moveaxis(x, axis, 0)


def _running_meaning(step: Any) -> Any:
    def meaning(m: Any, node: Node, x: Any) -> Any:
        out = np.array(x, copy=True)
        rows, given = _rows(out, node.axis), _rows(x, node.axis)
        for k in range(1, len(rows)):
            rows[k] = step(rows[k - 1], given[k])
        return out

    return meaning


cumsum_: Op = op(
    "cumsum", "x", params="axis",
    doc="Running sums along an axis.",
    shape=lambda x, axis: x.shape,
    dtype=_counts,
    numpy=_running("cumsum"),
    flops=1,
    adjoint={"x": lambda g, y, x: _backwards(lambda h: cumsum_(h, axis=y.axis), g, y.axis)},
    sympy=_running_meaning(lambda before, x: before + x),
    rows=other_axes(),
    examples=[{"shapes": ("n",), "axis": 0}, {"shapes": ("n d",), "axis": 1}],
)  # fmt: skip


def _backwards(step: Any, g: Node, axis: int) -> Node:
    """What `step` does, from the other end of the axis."""
    return flip_(step(flip_(g, axes=(axis,))), axes=(axis,))


# --- shift, recurrence --------------------------------------------------------------------------------


def _shift_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    x, axis = operands[0].source, env.axes(node, (node.axis,))
    return Text(f"{env.helper('_shift')}({x}, {node.steps}, {axis}, {node.fill})")


def _shift_meaning(m: Any, node: Node, x: Any) -> Any:
    out = np.full(x.shape, node.fill, object)
    rows, given, steps = _rows(out, node.axis), _rows(x, node.axis), node.steps
    for k in range(len(rows)):
        if 0 <= k - steps < len(rows):
            rows[k] = given[k - steps]
    return out


shift: Op = op(
    "shift", "x", params="steps axis fill", defaults={"fill": 0},
    doc="The elements moved along an axis; what leaves is dropped, what comes in is `fill`.",
    shape=lambda x, steps, axis, fill: x.shape,
    dtype=first,
    numpy=_shift_text,
    flops=0,
    adjoint={"x": lambda g, y, x: shift(g, steps=-y.steps, axis=y.axis)},
    sympy=_shift_meaning,
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "steps": 1, "axis": 0, "fill": 1},
        {"shapes": ("2 3",), "steps": -1, "axis": 1},
        {"shapes": ("1",), "steps": 1, "axis": 0},
    ],
)  # fmt: skip


def _recurrence_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    a, b = (solid(x, text, env).source for x, text in zip(node.args, operands))
    axis = env.axes(node, (node.axis,))
    return Text(f"{env.helper('_recurrence')}({a}, {b}, {axis}, {node.reverse})")


def _recurrence_meaning(m: Any, node: Node, a: Any, b: Any) -> Any:
    out = np.array(b, copy=True)
    rows, factors = _rows(out, node.axis), _rows(a, node.axis)
    if node.reverse:
        rows, factors = rows[::-1], factors[::-1]
    for k in range(1, len(rows)):
        rows[k] = factors[k] * rows[k - 1] + rows[k]
    return out


recurrence: Op = op(
    "recurrence", "a b", params="axis reverse", defaults={"reverse": False},
    doc="The linear recurrence r_k = a_k r_(k-1) + b_k along an axis, or from its end with r_(k+1).",
    shape=lambda a, b, axis, reverse: (head(a.shape) or head(b.shape)) + core(a.shape),
    dtype=lambda a, b, axis, reverse: "float64",
    numpy=_recurrence_text,
    flops=2,
    adjoint={
        "a": lambda g, r, a, b: _recurrence_back(g, r, a) * _previous(r),
        "b": lambda g, r, a, b: _recurrence_back(g, r, a),
    },
    sympy=_recurrence_meaning,
    rows=other_axes(),
    examples=[
        {"shapes": ("3", "3"), "axis": 0},
        {"shapes": ("3 2", "3 2"), "axis": 0, "reverse": True},
    ],
)  # fmt: skip


def _previous(r: Node) -> Node:
    """What each step of the recurrence started from."""
    return shift(r, steps=-1 if r.reverse else 1, axis=r.axis)


def _recurrence_back(g: Node, r: Node, a: Node) -> Node:
    """The adjoint of b: the same recurrence the other way, its factors one place on."""
    steps = 1 if r.reverse else -1
    return recurrence(shift(a, steps=steps, axis=r.axis), g, axis=r.axis, reverse=not r.reverse)


# --- cumprod, prod ------------------------------------------------------------------------------------


def _products_before(x: Node, axis: int) -> Node:
    """For each element the product of those before it."""
    return shift(cumprod_(x, axis=axis), steps=1, axis=axis, fill=1)


def _cumprod_back(g: Node, x: Node, axis: int) -> Node:
    """Adjoint of the running product: what comes before, times a recurrence from the end."""
    after = recurrence(shift(x, steps=-1, axis=axis), g, axis=axis, reverse=True)
    return _products_before(x, axis) * after


cumprod_: Op = op(
    "cumprod", "x", params="axis",
    doc="Running products along an axis.",
    shape=lambda x, axis: x.shape,
    dtype=_counts,
    numpy=_running("cumprod"),
    flops=1,
    adjoint={"x": lambda g, y, x: _cumprod_back(g, x, y.axis)},
    sympy=_running_meaning(lambda before, x: before * x),
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "axis": 0},
        {"shapes": ("n d",), "axis": 1},
        {"shapes": ("5",), "axis": 0, "values": {0: np.array([2.0, 0.0, 3.0, 0.0, 4.0])}},
    ],
)  # fmt: skip


def _others_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    axis = env.axes(node, (node.axis,))
    return Text(f"{env.helper('_products_of_others')}({operands[0].source}, {axis})")


def _others_meaning(m: Any, node: Node, x: Any) -> Any:
    out = np.empty(x.shape, object)
    rows, given = _rows(out, node.axis), _rows(x, node.axis)
    for k in range(len(rows)):
        rows[k] = m.number(1)
        for i in range(len(rows)):
            if i != k:
                rows[k] = rows[k] * given[i]
    return out


def _others_adjoint(g: Node, y: Node, x: Node) -> Node:
    # The product of what is before and what is after, each a running product moved by one place.
    axis = y.axis
    turned = flip_(x, axes=(axis,))
    before = _products_before(x, axis)
    after = flip_(_products_before(turned, axis), axes=(axis,))
    forward = _cumprod_back(shift(g * after, steps=-1, axis=axis), x, axis)
    back = _cumprod_back(shift(flip_(g * before, axes=(axis,)), steps=-1, axis=axis), turned, axis)
    return forward + flip_(back, axes=(axis,))


products_of_others = op(
    "products_of_others", "x", params="axis",
    doc="For each element the product of all others along an axis, without division.",
    shape=lambda x, axis: x.shape,
    dtype=first,
    numpy=_others_text,
    flops=3,
    adjoint={"x": _others_adjoint},
    sympy=_others_meaning,
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "axis": 0},
        {"shapes": ("2 4",), "axis": 1},
        {"shapes": ("4",), "axis": 0, "values": {0: np.array([2.0, 0.0, 3.0, 0.0])}},
    ],
)  # fmt: skip


def _prod_adjoint(g: Node, y: Node, x: Node) -> Node:
    return broadcast_up(keep(g, y), x.shape) * _others(x, y.axes)


def _others(x: Node, axes: tuple[int, ...]) -> Node:
    """Products of all others along several axes: of those in one line, and of the other lines."""
    *rest, last = axes
    line = products_of_others(x, axis=last)
    if not rest:
        return line
    return line * _others(prod_(x, axes=(last,), keepdims=True), tuple(rest))


prod_: Op = op(
    "prod", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="Product over axes.",
    shape=reduced_shape,
    dtype=_counts,
    numpy=reduction("prod"),
    flops=each(1),
    adjoint={"x": _prod_adjoint},
    sympy=lambda m, node, x: m.reduce(m.prod, x, node.axes, node.keepdims),
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "axes": (0,)},
        {"shapes": ("3",), "axes": (0,), "values": {0: np.array([2.0, 0.0, 3.0])}},
        {"shapes": ("n d",), "axes": (1,), "keepdims": True},
        {"shapes": ("2 3 2",), "axes": (0, 2)},
    ],
)  # fmt: skip


# --- numpy's spellings --------------------------------------------------------------------------------


@spelled(np.prod, method="prod")
def prod(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = None,
) -> Node:  # fmt: skip
    """`np.prod`."""
    refuse("np.prod", out=out)
    x = masked(typed("np.prod", lift(a), dtype), where, 1)
    axes = reduced_axes("np.prod", x, axis)
    y = prod_(x, axes=axes, keepdims=keepdims is not np._NoValue and bool(keepdims)) if axes else x
    return y if initial is None or initial is np._NoValue else y * initial


def _along(record: Op, a: Any, axis: Any, dtype: Any, out: Any) -> Node:
    what = f"np.{record.name}"
    refuse(what, out=out)
    x = typed(what, lift(a), dtype)
    if axis is None:
        x, axis = reshape_to(x, (-1,)), 0
    return record(x, axis=normalize_axis(what, axis, x.rank, x.shape))


@spelled(np.cumsum, method="cumsum")
def cumsum(a: Node, axis: Any = None, dtype: Any = None, out: Any = None) -> Node:
    """`np.cumsum`; without an axis, of the elements in reading order."""
    return _along(cumsum_, a, axis, dtype, out)


@spelled(np.cumprod, method="cumprod")
def cumprod(a: Node, axis: Any = None, dtype: Any = None, out: Any = None) -> Node:
    """`np.cumprod`; without an axis, of the elements in reading order."""
    return _along(cumprod_, a, axis, dtype, out)
