"""Maxima and minima.

A maximum that several entries reach shares its derivative evenly among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import each, each_of
from symgrad.node import OPS, Node, Op, Operand, first, lift, op
from symgrad.ops.join import stack
from symgrad.ops.leaves import literal
from symgrad.ops.reduce import keep, masked, reduced_axes, reduced_shape, reduction_arguments, refuse
from symgrad.ops.selection import maximum, minimum
from symgrad.ops.structure import broadcast_up, head, solid
from symgrad.rowwise import other_axes
from symgrad.shapes import Shape, broadcast, core, has_batch, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import ATOM, Environment, Text

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
    flops=each_of(1, 2),
    adjoint={"g": lambda h, s, g, x, y: mean_ties(h, x, y, axes=s.axes), "x": None, "y": None},
    sympy=_share_meaning,
    rows=other_axes(),
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
    flops=each_of(1, 2),
    adjoint={"h": lambda g, s, h, x, y: share_ties(g, x, y, axes=s.axes), "x": None, "y": None},
    sympy=_mean_meaning,
    rows=other_axes(),
    examples=[
        {"shapes": ("3", "3", "1"), "axes": (0,),
         "values": {1: np.array([2.0, 2.0, 1.0]), 2: np.array([2.0])}},
    ],
)  # fmt: skip


# --- max, min -----------------------------------------------------------------------------------------


def _extremum_shape(name: str) -> Any:
    def rule(x: Node, axes: tuple[int, ...], keepdims: bool, initial: float | None) -> Shape:
        if initial is None and any(core(x.shape)[axis] == 0 for axis in axes):
            raise ShapeError(
                f"np.{name}: the {name}imum of no elements does not exist",
                expected="axes that are not empty",
                got=f"shape {shape_text(x.shape)} along {axes}",
            )
        return reduced_shape(x, axes, keepdims)

    return rule


def _extremum_text(name: str) -> Any:
    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        initial = "" if node.initial is None else f"initial={literal(node.initial).source}"
        inner = ", ".join(part for part in (reduction_arguments(node, env), initial) if part)
        return Text(f"{operands[0].inside(ATOM)}.{name}({inner})")

    return form


def _extremum_adjoint(g: Node, y: Node, x: Node) -> Node:
    if y.initial is not None:  # which ties with the entries as one more operand of maximum would
        g = OPS["where"](OPS["equal"](y, y.initial), g / 2, g)
    return share_ties(keep(g, y), x, keep(y, y), axes=y.axes)


def _extremum_meaning(name: str) -> Any:
    def meaning(m: Any, node: Node, x: Any) -> Any:
        if x.dtype != object:
            options = {} if node.initial is None else {"initial": node.initial}
            return getattr(np, name)(x, axis=node.axes, keepdims=node.keepdims, **options)
        best = getattr(m, name)
        if node.initial is None:
            return m.reduce(best, x, node.axes, node.keepdims)
        start = m.number(node.initial)
        return m.reduce(lambda xs: best([best(xs), start]) if xs else start, x, node.axes, node.keepdims)

    return meaning


_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"shapes": ("n",), "axes": (0,)},
    {"shapes": ("3",), "axes": (0,), "values": {0: np.array([2.0, 2.0, 1.0])}},
    {"shapes": ("n d",), "axes": (1,)},
    {"shapes": ("n d",), "axes": (0,), "keepdims": True},
    {"shapes": ("2 3 2",), "axes": (0, 2)},
    {"shapes": ("n d",), "axes": (1,), "initial": 0.25},
)

max_ = op(
    "max", "x", params="axes keepdims initial", defaults={"keepdims": False, "initial": None},
    doc="The largest element along axes; entries that reach it share the derivative evenly.",
    shape=_extremum_shape("max"),
    dtype=first,
    numpy=_extremum_text("max"),
    flops=each(1),
    adjoint={"x": _extremum_adjoint},
    sympy=_extremum_meaning("max"),
    rows=other_axes("maximum"),
    examples=_EXAMPLES,
)  # fmt: skip

min_ = op(
    "min", "x", params="axes keepdims initial", defaults={"keepdims": False, "initial": None},
    doc="The smallest element along axes; entries that reach it share the derivative evenly.",
    shape=_extremum_shape("min"),
    dtype=first,
    numpy=_extremum_text("min"),
    flops=each(1),
    adjoint={"x": _extremum_adjoint},
    sympy=_extremum_meaning("min"),
    rows=other_axes("minimum"),
    examples=_EXAMPLES,
)  # fmt: skip


# --- numpy's spellings --------------------------------------------------------------------------------


def _extremum(
    record: Op, a: Any, axis: Any, out: Any, keepdims: Any, initial: Any, where: Any
) -> Node:  # fmt: skip
    what = f"np.{record.name}"
    refuse(what, out=out)
    x = lift(a)
    start = None if initial is np._NoValue else initial
    if where is not None and where is not np._NoValue and where is not True:
        if start is None:
            raise TraceError(f"{what}: where= needs initial= too", hint=f"{what}(x, where=mask, initial=0.0)")
        lowest = float("-inf") if record is max_ else float("inf")
        x = masked(x, where, lowest if x.dtype == "float64" else start)
    axes = reduced_axes(what, x, axis)
    kept = keepdims is not np._NoValue and bool(keepdims)
    pair = maximum if record is max_ else minimum
    literal = type(start) in (int, float)
    if literal and type(start) is float and x.dtype != "float64":
        x = OPS["cast"](x, to="float64")
    best = record(x, axes=axes, keepdims=kept, initial=start if literal else None) if axes else x
    return pair(best, start) if start is not None and not (literal and axes) else best


@spelled(np.max, method="max")
def max(
    a: Node, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Node:
    """`np.max`."""
    return _extremum(max_, a, axis, out, keepdims, initial, where)


@spelled(np.min, method="min")
def min(
    a: Node, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = None
) -> Node:
    """`np.min`."""
    return _extremum(min_, a, axis, out, keepdims, initial, where)


def largest(*operands: Operand) -> Node:
    """The largest of any number of operands, entry by entry; k that tie have derivative 1/k each."""
    return _among(maximum, max_, operands)


def smallest(*operands: Operand) -> Node:
    """The smallest of any number of operands, entry by entry; k that tie have derivative 1/k each."""
    return _among(minimum, min_, operands)


def _among(pair: Op, record: Op, operands: Sequence[Operand]) -> Node:
    nodes = [lift(x) for x in operands]
    if len(nodes) < 3:
        return pair(*nodes) if len(nodes) == 2 else nodes[0]
    # In pairs a tie of three would share as 1/4, 1/4, 1/2.
    shape = broadcast(*[x.shape for x in nodes], what=f"np.{pair.name}")
    together = stack([broadcast_up(x, shape) for x in nodes])
    return record(together, axes=(0,))


# Older spellings; some versions of numpy have them as objects of their own.
FUNCTIONS.setdefault(np.amax, max)
FUNCTIONS.setdefault(np.amin, min)


@spelled(np.ptp)
def ptp(a: Node, axis: Any = None, out: Any = None, keepdims: Any = False) -> Node:
    """`np.ptp`: the maximum less the minimum."""
    refuse("np.ptp", out=out)
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)
