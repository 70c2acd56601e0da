"""What a value and its derivative have in common, as operations of their own; passes make them, not users.

softplus, its derivative the logistic function, and that one's come from a single exp(-|x|); logsumexp and
its derivative softmax from one array of exponentials below the maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.flops import each
from symgrad.node import OPS, Node, Op, floats, op
from symgrad.ops.arithmetic import sign
from symgrad.ops.exponential import kernel
from symgrad.ops.reduce import axes_tuple, reduced_shape
from symgrad.rowwise import other_axes
from symgrad.text import PRODUCT, SUM, Environment, Text, gives_scalars, helper, weak

_warned_decay = kernel("_decay", "{0}")


def _decay_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    """In a loop over tiles numpy is told once, around it, that exp may underflow."""
    if env.quiet and not weak(operands):
        return Text(f"np.exp(-np.abs({operands[0].source}))")
    return _warned_decay(node, operands, env)


decay: Op = op(
    "decay", "x",
    doc="exp(-|x|), which the logistic function and its integral are made of.",
    dtype=floats,
    numpy=_decay_text,
    adjoint={"x": lambda g, y, x: -g * y * sign(x)},
    sympy=lambda sp, x: sp.exp(-sp.Abs(x)),
    special=(0.0, -30.0, 30.0),
)  # fmt: skip


@gives_scalars
def _logistic_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    x, e = operands
    compare = "<=" if node.flipped else ">="
    return Text(f"np.maximum({x.inside(SUM)} {compare} 0, {e.source}) / (1.0 + {e.inside(SUM + 1)})", PRODUCT)


def _logistic_meaning(sp: Any, x: Any, e: Any, flipped: bool) -> Any:
    return sp.Max(e, sp.Piecewise((1, x <= 0 if flipped else x >= 0), (0, True))) / (1 + e)


def _logistic_adjoint(g: Node, y: Node, x: Node, e: Node) -> Node:
    holds = OPS["where"](OPS["less_equal" if y.flipped else "greater_equal"](x, 0), 1.0, 0.0)
    chosen = (1 + OPS["sign"](e - holds)) / 2  # e above the fraction, both by half, or the comparison
    return g * (chosen * (1 + e) - OPS["maximum"](e, holds)) / OPS["square"](1 + e)


# Above is the larger of e, which is at most 1, and a comparison, which is 1 where it holds.
logistic: Op = op(
    "logistic", "x e", params="flipped", defaults={"flipped": False},
    doc="The logistic function of x, or of -x where flipped, from e = exp(-|x|).",
    dtype=floats,
    numpy=_logistic_text,
    adjoint={"x": None, "e": _logistic_adjoint},
    sympy=_logistic_meaning,
    sample={"x": (-3.0, 3.0), "e": (0.0, 1.0)},
)  # fmt: skip


def _top_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"{env.helper('_top')}({operands[0].source}, {axes_tuple(node, env)})")


# Along an axis without elements the maximum is -inf, where np.max would raise.
top: Op = op(
    "top", "x", params="axes",
    doc="The largest element along axes, which are kept with size 1; -inf of none.",
    shape=lambda x, axes: reduced_shape(x, axes, True),
    dtype=floats,
    numpy=_top_text,
    flops=each(1),
    adjoint={"x": None},
    sympy=lambda m, node, x: m.reduce(m.max, x, node.axes, True),
    rows=other_axes("maximum"),
    examples=[{"shapes": ("n d",), "axes": (1,)}, {"shapes": ("2 3 2",), "axes": (0, 2)}],
)  # fmt: skip

exp_below: Op = op(
    "exp_below", "x top",
    doc="exp(x - top) for a top that is no less than x: 1 where they are equal, 0 where both are -inf.",
    dtype=floats,
    numpy=helper("_exp_below", "{0}, {1}"),
    adjoint={"x": lambda g, y, x, top: g * y, "top": lambda g, y, x, top: -g * y},
    sympy=lambda sp, x, top: sp.exp(x - top),
    special=(0.0,),
)  # fmt: skip

shares: Op = op(
    "shares", "e total",
    doc="e / total, for parts of a total; parts that underflow do not warn.",
    dtype=floats,
    numpy=helper("_shares", "{0}, {1}"),
    adjoint={"e": lambda g, y, e, total: g / total, "total": lambda g, y, e, total: -(g * y) / total},
    sympy=lambda sp, e, total: e / total,
    sample={"e": (0.0, 1.0), "total": (1.0, 3.0)},
)  # fmt: skip
