"""Exact arithmetic on literals, done where the result is what numpy would have got.

A result that is not finite, that vanished by underflow, or that leaves the integers a float holds
exactly is refused: numpy then computes it at run time, with its own conventions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import symgrad.ops  # noqa: F401  (declares const)
from symgrad.node import OPS, Node, lift

Number = int | float | Fraction

LARGEST = 2**53

_CONST = OPS["const"]


def is_negative(value: Number) -> bool:
    """Whether the number is below 0."""
    return (value.numerator if type(value) is Fraction else value) < 0


def magnitude(value: Number) -> Number:
    """The number without its sign."""
    return -value if is_negative(value) else value


def plain(value: Number) -> Number | None:
    """The number in its simplest exact type, or None where a literal should not hold it."""
    # By type rather than isinstance, which takes ten times as long for what is no Fraction.
    kind = type(value)
    if kind is int:
        return value if -LARGEST <= value <= LARGEST else None
    if kind is Fraction:
        above, below = value.as_integer_ratio()
        if not -LARGEST <= above <= LARGEST or below > LARGEST:
            return None
        if below == 1:
            return above
        # Halves, quarters and so on are exact as floats and read better.
        return above / below if below & (below - 1) == 0 else value
    return value if math.isfinite(value) else None


def times(a: Number, b: Number) -> Number | None:
    """The product, or None where it overflows or underflows."""
    return _guarded(operator.mul, a, b, vanishing=not a or not b)


def over(a: Number, b: Number) -> Number | None:
    """The quotient, exact for whole numbers and fractions; None for division by zero."""
    if not b:
        return None
    if isinstance(a, float) or isinstance(b, float):
        return _guarded(operator.truediv, a, b, vanishing=not a)
    return plain(Fraction(a, b))


def divisor(value: Number) -> int | None:
    """3 for a third: what to divide by rather than multiply with the literal."""
    return value.denominator if type(value) is Fraction and value.numerator == 1 else None


def plus(a: Number, b: Number) -> Number | None:
    """The sum, or None where it overflows."""
    return _guarded(operator.add, a, b, vanishing=True)


def _guarded(compute: Callable[[Any, Any], Number], a: Number, b: Number, vanishing: bool) -> Number | None:
    try:
        value = compute(a, b)
    except OverflowError:
        return None
    if type(value) is float and math.isfinite(value):
        value = _shortest(compute, a, b, value)
    return plain(value) if value or vanishing else None


def _shortest(compute: Callable[[Any, Any], Number], a: Number, b: Number, value: float) -> float:
    """Of the float result and that of the decimals people wrote the shorter: 3 * 0.07 is 0.21."""
    if len(repr(value)) < 15:
        return value
    decimal = float(compute(*[Fraction(repr(x)) if isinstance(x, float) else Fraction(x) for x in (a, b)]))
    near = abs(decimal - value) <= 2 * math.ulp(value)
    return decimal if near and len(repr(decimal)) < len(repr(value)) else value


def number(node: Node) -> Number | None:
    """The value of a numeric literal; None for any other node, True and False among them."""
    if node.op is not _CONST:
        return None
    value: Number = node.params[0]
    kind = type(value)
    if kind is int or kind is Fraction:
        return value
    return value if kind is float and math.isfinite(value) else None


def _power(base: Number, exponent: Number) -> Number | None:
    if not isinstance(exponent, int) or not 0 <= exponent <= 64 or isinstance(base, float):
        return None
    return plain(base**exponent)


def _quotient(a: Number, b: Number) -> Number | None:
    value = over(a, b)
    # A third stays `1 / 3`: Python computes it once, at import, and people read it.
    return None if isinstance(value, Fraction) else value


_FOLDS: dict[str, Callable[..., Number | None]] = {
    "add": plus,
    "sub": lambda a, b: plus(a, -b),
    "mul": times,
    "div": _quotient,
    "neg": lambda a: -a,
    "abs": lambda a: plain(abs(a)),
    "square": lambda a: times(a, a),
    "power": _power,
}

FOLDABLE = tuple(name for name in _FOLDS if name in OPS)


def fold(node: Node) -> Node | None:
    """The literal that an operation on literals stands for, or None."""
    compute = _FOLDS.get(node.op.name)
    if compute is None:
        return None
    values = []
    for operand in node.args:
        values.append(number(operand))
        if values[-1] is None:
            return None
    value = compute(*values)
    if value is None:
        return None
    if node.dtype == "float64" and isinstance(value, int):
        value = float(value)
    return lift(value) if lift(value).dtype == node.dtype else None
