"""Soft maxima: logsumexp, softmax, log_softmax, without overflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.flops import each
from symgrad.node import Node, Op, floats, lift, op
from symgrad.ops.reduce import axes_tuple, keep, reduced_axes, reduced_shape, sum_
from symgrad.rowwise import other_axes
from symgrad.spelling import public
from symgrad.text import Environment, Text


def _logsumexp_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    keepdims = ", keepdims=True" if node.keepdims else ""
    return Text(f"{env.helper('_logsumexp')}({operands[0].source}, {axes_tuple(node, env)}{keepdims})")


def _softmax_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"{env.helper('_softmax')}({operands[0].source}, {axes_tuple(node, env)})")


def _exponentials(m: Any, x: Any) -> Any:
    return m.elementwise(lambda sp, v: sp.exp(v), x)


softmax_: Op = op(
    "softmax", "x", params="axes",
    doc="Exponentials over their sum along axes; zeros where all elements are -inf.",
    shape=lambda x, axes: x.shape,
    dtype=floats,
    numpy=_softmax_text,
    flops=5,
    adjoint={"x": lambda g, y, x: g * y - y * sum_(g * y, axes=y.axes, keepdims=True)},
    sympy=lambda m, node, x: (lambda e: e / m.reduce(m.sum, e, node.axes, True))(_exponentials(m, x)),
    rows=other_axes(),
    examples=[{"shapes": ("n",), "axes": (0,)}, {"shapes": ("n k",), "axes": (1,)}],
)  # fmt: skip

logsumexp_ = op(
    "logsumexp", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="Logarithm of the sum of exponentials along axes; its derivative is 0 where all elements are -inf.",
    shape=reduced_shape,
    dtype=floats,
    numpy=_logsumexp_text,
    flops=each(4),
    adjoint={"x": lambda g, y, x: keep(g, y) * softmax_(x, axes=y.axes)},
    sympy=lambda m, node, x: m.elementwise(
        lambda sp, v: sp.log(v), m.reduce(m.sum, _exponentials(m, x), node.axes, node.keepdims)
    ),
    rows=other_axes(),
    examples=[
        {"shapes": ("n",), "axes": (0,)},
        {"shapes": ("n k",), "axes": (1,), "keepdims": True},
        {"shapes": ("2 3 2",), "axes": (0, 2)},
    ],
)  # fmt: skip


def _float(a: Any) -> Node:
    x = lift(a)
    return x if x.dtype == "float64" else x * 1.0


@public("logsumexp")
def logsumexp(a: Node, axis: Any = None, keepdims: bool = False) -> Node:
    """log(sum(exp(a))) along axes, without overflow."""
    x = _float(a)
    axes = reduced_axes("sg.logsumexp", x, axis)
    return logsumexp_(x, axes=axes, keepdims=bool(keepdims)) if axes else x


@public("softmax")
def softmax(x: Node, axis: Any = -1) -> Node:
    """exp(x) over its sum along an axis (the last one)."""
    node = _float(x)
    return softmax_(node, axes=reduced_axes("sg.softmax", node, axis))


@public("log_softmax")
def log_softmax(x: Node, axis: Any = -1) -> Node:
    """log(softmax(x)) along an axis (the last one), without loss of digits."""
    node = _float(x)
    return node - logsumexp_(node, axes=reduced_axes("sg.log_softmax", node, axis), keepdims=True)
