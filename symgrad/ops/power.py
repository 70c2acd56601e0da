"""Powers. A fixed exponent never meets a logarithm; 0 to a power is differentiated by its limits."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from symgrad.node import Node, Op, Operand, floats, lift, op
from symgrad.ops.arithmetic import sqrt, square
from symgrad.ops.comparison import equal, greater_equal, logical_and
from symgrad.ops.exponential import log
from symgrad.ops.leaves import cast
from symgrad.ops.selection import where
from symgrad.ops.structure import broadcast_to
from symgrad.spelling import spell, spelled
from symgrad.text import Environment, Text, weak
from symgrad.text import power as power_form


def _power(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    base, exponent = operands
    if not weak(operands):
        return power_form(node, operands, env)
    if node.args[1].op.name == "const" and node.args[1].value in (2, 3) and node.args[0].op.name == "dim":
        return power_form(node, operands, env)
    # Python's own power of numbers raises where numpy's is inf, and may be complex.
    return Text(f"float(np.float_power({base.source}, {exponent.source}))", weak=True)


def _base_adjoint(g: Node, y: Node, x: Node, p: Node) -> Node:
    """g p x^(p-1)."""
    if p.op.name == "const":
        slope: Node = p.value * power_of(x, p.value - 1)
        return g * slope
    # At x = p = 0 the derivative of x^0 is wanted, which is 0, and not 0 * (1 / 0).
    corner = logical_and(equal(x, 0), equal(p, 0))
    return g * (p * power(x, where(corner, 0.0, p - 1)))


def _exponent_adjoint(g: Node, y: Node, x: Node, p: Node) -> Node:
    """g x^p log x, which at x = 0 has the limit 0 for p > 0; 0 at p = 0 as well."""
    if x.op.name == "const" and x.value > 0:
        return g * y * log(x)
    vanishes = logical_and(equal(x, 0), greater_equal(p, 0))
    return g * (y * log(where(vanishes, 1.0, x)))


power: Op = op(
    "power", "x p",
    doc="x to the power p, in floats; at x = 0 its derivatives are the limits from the right, 0 for 0**0.",
    dtype=floats,
    numpy=_power,
    price=2.3,
    flops=3,
    adjoint={"x": _base_adjoint, "p": _exponent_adjoint},
    sympy=lambda sp, x, p: x**p,
    sample={"x": (0.2, 3.0), "p": (-2.0, 3.0)},
    special=(1.0, 2.0, 3.0),
    safe={"x": 1.0, "p": 1.0},
)  # fmt: skip


@spelled(np.power)
def power_of(x: Operand, p: Operand) -> Node:
    """`x**p`; the exponents that have a simpler operation become that one."""
    base, exponent = lift(x), lift(p)
    if exponent.op.name != "const" or base.op.name == "const":
        return power(base, exponent)
    if base.dtype == "bool":
        base = cast(base, to="float64")
    value = exponent.value
    if isinstance(value, bool):
        value = int(value)
    if value == 0:
        return broadcast_to(lift(1.0), shape=base.shape)
    if value == 1:
        return base
    if value == 2:
        return square(base)
    if value == -1:
        return 1 / base
    if value == -2:
        return 1 / square(base)
    if value == Fraction(1, 2):
        return sqrt(base)
    if value == Fraction(-1, 2):
        return 1 / sqrt(base)
    return power(base, value)


spell(power_of, np.float_power)


@spelled(np.ldexp)
def ldexp(x: Operand, i: Operand) -> Node:
    """x * 2**i."""
    return x * power(2, i)
