"""Maxima and minima.

A maximum that several entries reach shares its derivative evenly among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.node import Node, Op, first, lift, op
from symgrad.ops.reduce import keep, reduced_axes, reduced_shape, reduction, refuse
from symgrad.ops.structure import head, solid
from symgrad.shapes import Shape, core, has_batch, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import Environment, Text

# --- share_ties <-> mean_ties -------------------------------------------------------------------------
# What the derivative of an extremum is made of: y has size 1 along the axes that x is reduced over.


def _axes_text(node: Node, env: Environment) -> str:
    """The axes as a tuple, counted from the end where any operand has a batch in front."""
    if any(has_batch(a.shape) for a in node.args):
        return repr(tuple([axis - node.args[1].rank for axis in node.axes]))
    return repr(node.axes)


def _share_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    g, x, y = (solid(a, text, env).source for a, text in zip(node.args, operands))
    return Text(f"{env.helper('_share_ties')}({g}, {x}, {y}, {_axes_text(node, env)})")


def _mean_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    g, x, y = (solid(a, text, env).source for a, text in zip(node.args, operands))
    return Text(f"{env.helper('_mean_ties')}({g}, {x}, {y}, {_axes_text(node, env)})")


def _tied(x: Any, y: Any, axes: tuple[int, ...]) -> Any:
    hits = np.equal(x, y).astype(bool)
    count = hits.sum(axis=axes, keepdims=True)
    return hits, np.broadcast_to(count, hits.shape)


def _share_meaning(m: Any, node: Node, g: Any, x: Any, y: Any) -> Any:
    hits, count = _tied(m.stop(x), m.stop(y), node.axes)
    out = np.zeros(x.shape, object)
    for place in np.ndindex(x.shape):
        if hits[place]:
            out[place] = np.broadcast_to(g, x.shape)[place] / int(count[place])
    return out


def _mean_meaning(m: Any, node: Node, g: Any, x: Any, y: Any) -> Any:
    hits, count = _tied(m.stop(x), m.stop(y), node.axes)
    parts = np.zeros(x.shape, object)
    for place in np.ndindex(x.shape):
        if hits[place]:
            parts[place] = np.broadcast_to(g, x.shape)[place] / int(count[place])
    return m.reduce(m.sum, parts, node.axes, True)


share_ties: Op = op(
    "share_ties", "g x y", params="axes",
    doc="g where x equals y, split evenly over equal entries along axes; 0 elsewhere, nan where x is nan.",
    shape=lambda g, x, y, axes: (head(g.shape) or head(x.shape)) + core(x.shape),
    dtype=first,
    numpy=_share_text,
    adjoint={"g": lambda h, s, g, x, y: mean_ties(h, x, y, axes=s.axes), "x": None, "y": None},
    sympy=_share_meaning,
    examples=[
        {"shapes": ("1", "3", "1"), "axes": (0,),
         "values": {1: np.array([2.0, 2.0, 1.0]), 2: np.array([2.0])}},
    ],
)  # fmt: skip

mean_ties: Op = op(
    "mean_ties", "h x y", params="axes",
    doc="The mean of h over the entries of x that equal y, along axes, which are kept with size 1.",
    shape=lambda h, x, y, axes: (head(h.shape) or head(x.shape)) + core(y.shape),
    dtype=first,
    numpy=_mean_text,
    adjoint={"h": lambda g, s, h, x, y: share_ties(g, x, y, axes=s.axes), "x": None, "y": None},
    sympy=_mean_meaning,
    examples=[
        {"shapes": ("3", "3", "1"), "axes": (0,),
         "values": {1: np.array([2.0, 2.0, 1.0]), 2: np.array([2.0])}},
    ],
)  # fmt: skip


# --- max, min -----------------------------------------------------------------------------------------


def _extremum_shape(name: str) -> Any:
    def rule(x: Node, axes: tuple[int, ...], keepdims: bool) -> Shape:
        if any(core(x.shape)[axis] == 0 for axis in axes):
            raise ShapeError(
                f"np.{name}: the {name}imum of no elements does not exist",
                expected="axes that are not empty",
                got=f"shape {shape_text(x.shape)} along {axes}",
            )
        return reduced_shape(x, axes, keepdims)

    return rule


def _extremum_adjoint(g: Node, y: Node, x: Node) -> Node:
    return share_ties(keep(g, y), x, keep(y, y), axes=y.axes)


_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"shapes": ("n",), "axes": (0,)},
    {"shapes": ("3",), "axes": (0,), "values": {0: np.array([2.0, 2.0, 1.0])}},
    {"shapes": ("n d",), "axes": (1,)},
    {"shapes": ("n d",), "axes": (0,), "keepdims": True},
    {"shapes": ("2 3 2",), "axes": (0, 2)},
)

max_ = op(
    "max", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="The largest element along axes; entries that reach it share the derivative evenly.",
    shape=_extremum_shape("max"),
    dtype=first,
    numpy=reduction("max"),
    adjoint={"x": _extremum_adjoint},
    sympy=lambda m, node, x: m.reduce(m.max, x, node.axes, node.keepdims) if x.dtype == object
    else np.max(x, axis=node.axes, keepdims=node.keepdims),
    examples=_EXAMPLES,
)  # fmt: skip

min_ = op(
    "min", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="The smallest element along axes; entries that reach it share the derivative evenly.",
    shape=_extremum_shape("min"),
    dtype=first,
    numpy=reduction("min"),
    adjoint={"x": _extremum_adjoint},
    sympy=lambda m, node, x: m.reduce(m.min, x, node.axes, node.keepdims) if x.dtype == object
    else np.min(x, axis=node.axes, keepdims=node.keepdims),
    examples=_EXAMPLES,
)  # fmt: skip


# --- numpy's spellings --------------------------------------------------------------------------------


def _extremum(record: Op, a: Any, axis: Any, keepdims: Any, **options: Any) -> Node:
    what = f"np.{record.name}"
    refuse(what, **options)
    x = lift(a)
    axes = reduced_axes(what, x, axis)
    return record(x, axes=axes, keepdims=keepdims is not np._NoValue and bool(keepdims)) if axes else x


@spelled(np.max, method="max")
def max(
    a: Node, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Node:
    """`np.max`."""
    return _extremum(max_, a, axis, keepdims, out=out, initial=initial, where=where)


@spelled(np.min, method="min")
def min(
    a: Node, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Node:
    """`np.min`."""
    return _extremum(min_, a, axis, keepdims, out=out, initial=initial, where=where)


# Older spellings; some versions of numpy have them as objects of their own.
FUNCTIONS.setdefault(np.amax, max)
FUNCTIONS.setdefault(np.amin, min)


@spelled(np.ptp)
def ptp(a: Node, axis: Any = None, out: Any = None, keepdims: Any = False) -> Node:
    """`np.ptp`: the maximum less the minimum."""
    refuse("np.ptp", out=out)
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)
