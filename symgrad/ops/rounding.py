"""Rounding, which has derivative 0 everywhere, and the remainders of divisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.errors import TraceError
from symgrad.node import Node, Op, Operand, integers, lift, op
from symgrad.spelling import FUNCTIONS, spell, spelled
from symgrad.text import PRODUCT, Environment, Text, call, infix

floor = op(
    "floor", "x",
    doc="Largest integer that is not above x; its derivative is 0.",
    numpy=call("np.floor"),
    adjoint={"x": None},
    sympy=lambda sp, x: sp.floor(x),
    special=(0.0, 1.0, -0.5),
)  # fmt: skip

ceil = op(
    "ceil", "x",
    doc="Smallest integer that is not below x; its derivative is 0.",
    numpy=call("np.ceil"),
    adjoint={"x": None},
    sympy=lambda sp, x: sp.ceiling(x),
    special=(0.0, 1.0, -0.5),
)  # fmt: skip

trunc = op(
    "trunc", "x",
    doc="x without its fractional part; its derivative is 0.",
    numpy=call("np.trunc"),
    adjoint={"x": None},
    sympy=lambda sp, x: sp.sign(x) * sp.floor(sp.Abs(x)),
    special=(0.0, 1.0, -0.5),
)  # fmt: skip


def _round_meaning(sp: Any, x: Any, decimals: int) -> Any:
    scaled = x * sp.Integer(10) ** decimals
    up = sp.floor(scaled + sp.Rational(1, 2))
    odd = up - 2 * sp.floor(up / 2)
    tie = 1 - sp.ceiling(scaled + sp.Rational(1, 2)) + up
    return (up - tie * odd) / sp.Integer(10) ** decimals


def _round(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    function = "np.round" if node.decimals else "np.rint"
    extra = [Text(repr(node.decimals), weak=True)] if node.decimals else []
    return call(function)(node, [*operands, *extra], env)


round_ = op(
    "round", "x", params="decimals", defaults={"decimals": 0},
    doc="x rounded to decimals, halves to even; its derivative is 0.",
    numpy=_round,
    adjoint={"x": None},
    sympy=_round_meaning,
    special=(0.0, 0.5, 1.5, 2.5, -0.5),
)  # fmt: skip


def _of_floats(operation: Op) -> Callable[[Operand], Node]:
    """Integers are rounded already."""

    def build(x: Operand) -> Node:
        node = lift(x)
        return operation(node) if node.dtype == "float64" else node

    build.__name__ = operation.name
    return build


def _exponent_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"np.frexp({operands[0].source})[1].astype(np.int64)")


exponent = op(
    "exponent", "x",
    doc="The power of 2 right above |x|, as an integer, and 0 for 0: the exponent of np.frexp.",
    dtype=integers,
    numpy=_exponent_text,
    adjoint={"x": None},
    sympy=lambda sp, x: sp.Piecewise((0, sp.Eq(x, 0)), (sp.floor(sp.log(sp.Abs(x), 2)) + 1, True)),
    special=(0.0, 0.75, 3.0, -5.0),
)  # fmt: skip


@spelled(np.frexp)
def frexp(x: Operand) -> tuple[Node, Node]:
    """`np.frexp`: x = mantissa 2**exponent, where the mantissa has the derivative 2**-exponent."""
    value = lift(x) * 1.0
    power = exponent(value)
    return FUNCTIONS[np.ldexp](value, -power), power


spell(_of_floats(floor), np.floor)
spell(_of_floats(ceil), np.ceil)
spell(_of_floats(trunc), np.trunc, np.fix)
spell(_of_floats(round_), np.rint)


def around(a: Operand, decimals: int = 0, out: Any = None) -> Node:
    """`np.round` and `x.round()`."""
    if out is not None or type(decimals) is not int:
        raise TraceError("np.round: decimals is a fixed integer, and out is not supported")
    x = lift(a)
    return round_(x, decimals=decimals) if x.dtype == "float64" or decimals < 0 else x


spell(around, *dict.fromkeys((np.round, np.around)), method="round")


# --- remainders -------------------------------------------------------------------------------------

floor_divide = op(
    "floor_divide", "a b",
    doc="Floor of a / b; its derivatives are 0.",
    numpy=infix("//", PRODUCT),
    adjoint={"a": None, "b": None},
    sympy=lambda sp, a, b: sp.floor(a / b),
    sample={"a": (-4.0, 4.0), "b": (0.5, 2.0)},
    safe={"b": 1.0},
)  # fmt: skip

mod = op(
    "mod", "a b",
    doc="Remainder a - b floor(a / b), of the sign of b; derivatives 1 and -floor(a / b), at jumps too.",
    numpy=infix("%", PRODUCT),
    price=8.8,
    adjoint={"a": lambda g, y, a, b: g, "b": lambda g, y, a, b: -g * floor_divide(a, b)},
    sympy=lambda sp, a, b: a - b * sp.floor(a / b),
    sample={"a": (-4.0, 4.0), "b": (0.5, 2.0)},
    safe={"b": 1.0},
)  # fmt: skip

fmod = op(
    "fmod", "a b",
    doc="Remainder a - b trunc(a / b), of the sign of a, as C has it.",
    numpy=call("np.fmod"),
    # The quotient is an integer; from the remainder it comes out as one up to rounding, also for large a.
    adjoint={"a": lambda g, y, a, b: g, "b": lambda g, y, a, b: -g * round_((a - y) / b)},
    sympy=lambda sp, a, b: a - b * sp.sign(a / b) * sp.floor(sp.Abs(a / b)),
    sample={"a": (-4.0, 4.0), "b": (0.5, 2.0)},
    safe={"b": 1.0},
)  # fmt: skip

spell(floor_divide, np.floor_divide)
spell(mod, np.remainder)
spell(fmod, np.fmod)


@spelled(np.divmod)
def divmod_(a: Operand, b: Operand) -> tuple[Node, Node]:
    """`(a // b, a % b)`."""
    return floor_divide(a, b), mod(a, b)


@spelled(np.modf)
def modf(x: Operand) -> tuple[Node, Node]:
    """Fractional and integral part, both of the sign of x."""
    whole = _of_floats(trunc)(x)
    return lift(x) - whole, whole
