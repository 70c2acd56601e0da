"""What a textbook form loses near a point, exact there: sin(x)/x, (exp(x) - 1)/x, 1 - cos(x), a^2 - b^2.

Nobody spells these: the rewriting to stable forms finds them (`symgrad.rewrite.stable`). The mark that
keeps it off, `as_written`, is declared here as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.node import Node, Op, first, floats, op
from symgrad.ops.exponential import kernel
from symgrad.ops.trigonometric import sin
from symgrad.text import PRODUCT, Environment, Text, helper, weak


def _sine_meaning(sp: Any, x: Any, order: int) -> Any:
    t = sp.Dummy(real=True)
    limit = sp.Rational((-1) ** (order // 2), order + 1) if order % 2 == 0 else 0
    return sp.Piecewise((limit, sp.Eq(x, 0)), (sp.diff(sp.sin(t) / t, t, order).subs(t, x), True))


sine_quotient: Op = op(
    "sine_quotient", "x", params="order", defaults={"order": 0},
    doc="sin(x) / x, 1 at 0, or its derivative of any order, also at and near 0.",
    dtype=floats,
    numpy=kernel("_sine_quotient", "{0}, {order}"),
    adjoint={"x": lambda g, y, x: g * sine_quotient(x, order=y.order + 1)},
    sympy=_sine_meaning,
    special=(0.0, 1e-8, 0.5),
)  # fmt: skip


def _expm1_meaning(sp: Any, x: Any, order: int) -> Any:
    t = sp.Dummy(real=True)
    quotient = sp.diff((sp.exp(t) - 1) / t, t, order).subs(t, x)
    return sp.Piecewise((sp.Rational(1, order + 1), sp.Eq(x, 0)), (quotient, True))


expm1_quotient: Op = op(
    "expm1_quotient", "x", params="order", defaults={"order": 0},
    doc="(exp(x) - 1) / x, 1 at 0, or its derivative of any order, also at and near 0.",
    dtype=floats,
    numpy=kernel("_expm1_quotient", "{0}, {order}"),
    adjoint={"x": lambda g, y, x: g * expm1_quotient(x, order=y.order + 1)},
    sympy=_expm1_meaning,
    special=(0.0, 1e-10, 0.5, -30.0),
    safe={"x": 0.0},
)  # fmt: skip


def _versine_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    source = f"2 * np.sin({operands[0].inside(PRODUCT)} / 2)**2"
    return Text(f"float({source})", weak=True) if weak(operands) else Text(source, PRODUCT)


versine: Op = op(
    "versine", "x",
    doc="1 - cos(x), exact near 0.",
    dtype=floats,
    numpy=_versine_text,
    adjoint={"x": lambda g, y, x: g * sin(x)},
    sympy=lambda sp, x: 1 - sp.cos(x),
    special=(0.0, 1e-9),
)  # fmt: skip


def _difference_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    a, b = operands
    if a.source.isidentifier() and b.source.isidentifier():
        return Text(f"({a.source} - {b.source}) * ({a.source} + {b.source})", PRODUCT, weak(operands))
    # Each operand is computed once.
    return helper("_squares_difference", "{0}, {1}")(node, operands, env)


squares_difference: Op = op(
    "squares_difference", "a b",
    doc="a^2 - b^2 as (a - b)(a + b), which keeps the digits where both are close.",
    dtype=floats,
    numpy=_difference_text,
    # Of the sum and the difference it would be (a - b) + (a + b), which cancels.
    adjoint={"a": lambda g, y, a, b: 2 * g * a, "b": lambda g, y, a, b: -2 * g * b},
    sympy=lambda sp, a, b: a**2 - b**2,
)  # fmt: skip


def _same_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return operands[0]


as_written: Op = op(
    "as_written", "x",
    doc="The value itself, computed in the form that the author gave it.",
    dtype=first,
    numpy=_same_text,
    flops=0,
    adjoint={"x": lambda g, y, x: g},
    sympy=lambda sp, x: x,
    view=True,
)  # fmt: skip
