"""Choices between values: where, maximum and minimum, bounds.

A cotangent is selected, `where(c, g, 0)`, never multiplied by a mask: 0 * inf is nan. Where operands tie,
maximum and minimum share the cotangent evenly, the average of the derivatives from both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import TraceError
from symgrad.node import DType, Node, Op, Operand, floats, lift, op, promotes
from symgrad.ops.arithmetic import sign
from symgrad.ops.comparison import (
    condition,
    equal,
    greater,
    isfinite,
    isnan,
    less,
    logical_and,
    logical_or,
    signbit,
)
from symgrad.ops.leaves import cast, operand
from symgrad.spelling import spell, spelled
from symgrad.text import UNARY, Environment, Form, Text, call, function, weak


def _branches(c: Node, a: Node, b: Node) -> DType:
    """The dtype that the two branches promote to."""
    return promotes(a, b)


def _where(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    c, a, b = node.args
    if node.dtype == "float64" and c.args:
        for kept, zero, mask in ((1, b, operands[0].source), (2, a, f"~{operands[0].inside(UNARY)}")):
            if zero.is_constant(0) and str(zero.value) != "-0.0" and node.args[kept].shape:
                return Text(f"{env.helper('_masked')}({mask}, {operands[kept].source})")
    source = f"np.where({', '.join(operand.source for operand in operands)})"
    # Two Python numbers make float64, whatever the working type is.
    widens = node.dtype == "float64" and weak(operands[1:])
    return Text(f"{source}.astype({env.dtype})" if widens else source)


where: Op = op(
    "where", "c a b",
    doc="a where the condition c holds, b elsewhere; the branch that is not taken has derivative 0.",
    dtype=_branches,
    numpy=_where,
    price=0.9,
    flops=0,
    adjoint={
        "c": None,
        "a": lambda g, y, c, a, b: where(c, g, 0.0),
        "b": lambda g, y, c, a, b: where(c, 0.0, g),
    },
    sympy=lambda sp, c, a, b: sp.Piecewise((a, c), (b, True)),
    examples=({"shapes": ("3", "3", "3"), "dtypes": ("bool", "float64", "float64")},),
)  # fmt: skip


@spelled(np.where)
def choose(condition_: Operand, x: Operand | None = None, y: Operand | None = None) -> Node:
    """`np.where(condition, x, y)`; integers become floats where the other branch is one."""
    if x is None or y is None:
        raise TraceError(
            "np.where(condition) gives indices, as many as there are true entries",
            expected="np.where(condition, x, y)",
            hint="sums over a mask: np.sum(np.where(condition, x, 0.0))",
        )
    a, b = operand(x), operand(y)
    if promotes(a, b) == "float64":
        a, b = _float(a), _float(b)
    return where(condition(operand(condition_)), a, b)


def _float(x: Node) -> Node:
    return x if x.dtype == "float64" or x.op.name in ("const", "dim") else cast(x, to="float64")


@spelled(np.select)
def select(condlist: Sequence[Operand], choicelist: Sequence[Operand], default: Operand = 0) -> Node:
    """`np.select`: the choice of the first condition that holds."""
    if len(condlist) != len(choicelist):
        raise TraceError(
            "np.select: one choice for each condition",
            expected=f"{len(condlist)} choices",
            got=f"{len(choicelist)}",
        )
    result = lift(default)
    for one, choice in zip(reversed(condlist), reversed(choicelist)):
        result = choose(one, choice, result)
    return result


# --- the larger, the smaller ------------------------------------------------------------------------


def _extreme(name: str) -> Form:
    """`np.maximum(a, b)`; of two Python numbers `max(a, b)`, which is one as well."""
    array = call(f"np.{name}")

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        if weak(operands):
            return Text(f"{name[:3]}({', '.join(operand.source for operand in operands)})", weak=True)
        return array(node, operands, env)

    return form


def _share(g: Node, wins: Node, ties: Node) -> Node:
    """All of the cotangent where an operand wins, half of it where both tie, else nothing."""
    return where(wins, g, where(ties, g / 2, 0.0))


maximum = op(
    "maximum", "a b",
    doc="The larger of both, nan where one is; at a tie each has derivative 1/2.",
    numpy=_extreme("maximum"),
    adjoint={
        "a": lambda g, y, a, b: _share(g, greater(a, b), equal(a, b)),
        "b": lambda g, y, a, b: _share(g, less(a, b), equal(a, b)),
    },
    sympy=lambda sp, a, b: sp.Max(a, b),
    special=(0.0, 1.0, float("inf")),
)  # fmt: skip

minimum = op(
    "minimum", "a b",
    doc="The smaller of both, nan where one is; at a tie each has derivative 1/2.",
    numpy=_extreme("minimum"),
    adjoint={
        "a": lambda g, y, a, b: _share(g, less(a, b), equal(a, b)),
        "b": lambda g, y, a, b: _share(g, greater(a, b), equal(a, b)),
    },
    sympy=lambda sp, a, b: sp.Min(a, b),
    special=(0.0, 1.0, float("inf")),
)  # fmt: skip

fmax = op(
    "fmax", "a b",
    doc="The larger of both, the other one where one is nan; at a tie each has derivative 1/2.",
    numpy=call("np.fmax"),
    adjoint={
        "a": lambda g, y, a, b: _share(g, logical_or(greater(a, b), isnan(b)), equal(a, b)),
        "b": lambda g, y, a, b: _share(g, logical_or(less(a, b), isnan(a)), equal(a, b)),
    },
    sympy=lambda sp, a, b: sp.Max(a, b),
    special=(0.0, 1.0),
)  # fmt: skip

fmin = op(
    "fmin", "a b",
    doc="The smaller of both, the other one where one is nan; at a tie each has derivative 1/2.",
    numpy=call("np.fmin"),
    adjoint={
        "a": lambda g, y, a, b: _share(g, logical_or(less(a, b), isnan(b)), equal(a, b)),
        "b": lambda g, y, a, b: _share(g, logical_or(greater(a, b), isnan(a)), equal(a, b)),
    },
    sympy=lambda sp, a, b: sp.Min(a, b),
    special=(0.0, 1.0),
)  # fmt: skip


# --- bounds -----------------------------------------------------------------------------------------


def _clip_dtype(x: Node, low: float, high: float) -> DType:
    return promotes(x, lift(low), lift(high))


clip_between = op(
    "clip", "x", params="low high", defaults={"low": -1.0, "high": 1.0},
    doc="x kept between two numbers, low < high; at a bound its derivative is 1/2.",
    dtype=_clip_dtype,
    numpy=function("np.clip({0}, {low}, {high})"),
    adjoint={
        "x": lambda g, y, x: _share(
            g,
            logical_and(greater(x, y.low), less(x, y.high)),
            logical_or(equal(x, y.low), equal(x, y.high)),
        )
    },
    sympy=lambda sp, x, low, high: sp.Min(sp.Max(x, sp.Rational(low)), sp.Rational(high)),
    special=(-1.0, 1.0, 0.0),
)  # fmt: skip


@spelled(np.clip, method="clip")
def clip(
    a: Operand, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None
) -> Node:
    """`np.clip` and `x.clip`, where a bound may be None: min(max(x, low), high)."""
    if out is not None:
        raise TraceError("np.clip(..., out=...) is not supported")
    x = operand(a)
    low: Any = min if a_min is None else a_min
    high: Any = max if a_max is None else a_max
    low, high = (operand(b) if isinstance(b, (list, tuple)) else b for b in (low, high))
    if _is_number(low) and _is_number(high) and low < high and x.op.name not in ("const", "dim"):
        if x.dtype == "bool" or isinstance(low, float) or isinstance(high, float):
            x = _float(x)
        return clip_between(x, low=low, high=high)
    if low is not None:
        x = maximum(x, low)
    return x if high is None else minimum(x, high)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < float("inf")  # type: ignore[arg-type]


# --- steps and signs --------------------------------------------------------------------------------


def _heaviside_meaning(sp: Any, x: Any, h: Any) -> Any:
    side = sp.sign(x)
    return (1 + side) / 2 + (1 - side**2) * (h - sp.Rational(1, 2))


heaviside = op(
    "heaviside", "x h",
    doc="0 where x < 0, h where x = 0, 1 where x > 0; its derivative in x is 0.",
    dtype=floats,
    numpy=call("np.heaviside"),
    adjoint={"x": None, "h": lambda g, y, x, h: where(equal(x, 0), g, 0.0)},
    sympy=_heaviside_meaning,
    special=(0.0,),
)  # fmt: skip

copysign = op(
    "copysign", "x s",
    doc="|x| with the sign of s, that of -0.0 included; its derivative in x at 0 is 0.",
    dtype=floats,
    numpy=call("np.copysign"),
    adjoint={"x": lambda g, y, x, s: where(signbit(s), -g, g) * sign(x), "s": None},
    sympy=lambda sp, x, s: sp.Piecewise((-sp.Abs(x), s < 0), (sp.Abs(x), True)),
    special=(0.0,),
)  # fmt: skip


def _nan_to_num(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,) = operands
    given = [f"{name}={getattr(node, name)!r}" for name in node.op.params if getattr(node, name) is not None]
    return Text(f"np.nan_to_num({', '.join([x.source, *given])})")


nan_to_num_ = op(
    "nan_to_num", "x", params="nan posinf neginf", defaults={"nan": None, "posinf": None, "neginf": None},
    doc="x with numbers in place of nan (0), inf and -inf (the largest floats); derivative 0 where replaced.",
    numpy=_nan_to_num,
    adjoint={"x": lambda g, y, x: where(isfinite(x), g, 0.0)},
    sympy=lambda sp, x, nan, posinf, neginf: x,
    special=(0.0,),
)  # fmt: skip


@spelled(np.nan_to_num)
def nan_to_num(x: Operand, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Node:
    """`np.nan_to_num`, with numbers as replacements."""
    for value in (nan, posinf, neginf):
        if value is not None and not isinstance(value, (int, float)):
            raise TraceError("np.nan_to_num: nan, posinf and neginf are numbers", got=type(value).__name__)
    return nan_to_num_(x, nan=nan or None, posinf=posinf, neginf=neginf)


for _operation, _function in (
    (maximum, np.maximum),
    (minimum, np.minimum),
    (fmax, np.fmax),
    (fmin, np.fmin),
    (heaviside, np.heaviside),
    (copysign, np.copysign),
):
    spell(_operation, _function)


def nonzero(x: Node) -> Node:
    """x with 1 in place of 0, for a divisor of what is 0 there as well."""
    return where(equal(x, 0), 1.0, x)
