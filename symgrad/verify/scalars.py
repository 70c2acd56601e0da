"""Exact scalars with derivatives of any order: nested dual numbers over 50-digit reals.

A `Number` is a real with a bound on the rounding error that a floating-point evaluation may have. A
`Dual` of level k has a value and tangents, one for each direction it depends on, all of level k-1. So a
derivative of order k is a tangent of a tangent: numbers combined by the chain rule, with the partial
derivatives of each operation taken by sympy from its meaning. No adjoint rule takes part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from symgrad.verify.formula import Formula, Literal, formula


class Scalar:
    """Arithmetic and comparisons; comparisons are decided by the plain value."""

    __slots__ = ()

    def __add__(self: Any, other: Any) -> Any:
        return _add(self, _operand(other))

    def __radd__(self: Any, other: Any) -> Any:
        return _add(_operand(other), self)

    def __sub__(self: Any, other: Any) -> Any:
        return _add(self, _negative(_operand(other)))

    def __rsub__(self: Any, other: Any) -> Any:
        return _add(_operand(other), _negative(self))

    def __mul__(self: Any, other: Any) -> Any:
        return _multiply(self, _operand(other))

    def __rmul__(self: Any, other: Any) -> Any:
        return _multiply(_operand(other), self)

    def __truediv__(self: Any, other: Any) -> Any:
        return _divide(self, _operand(other))

    def __rtruediv__(self: Any, other: Any) -> Any:
        return _divide(_operand(other), self)

    def __pow__(self: Any, other: Any) -> Any:
        return apply(lambda sp, x, y: x**y, self, other)

    def __rpow__(self: Any, other: Any) -> Any:
        return apply(lambda sp, x, y: x**y, other, self)

    def __neg__(self: Any) -> Any:
        return _negative(self)

    def __pos__(self: Any) -> Any:
        return self

    def __abs__(self: Any) -> Any:
        return apply(lambda sp, x: sp.Abs(x), self)

    def __lt__(self: Any, other: Any) -> bool:
        return bool(value_of(self) < value_of(_operand(other)))

    def __le__(self: Any, other: Any) -> bool:
        return bool(value_of(self) <= value_of(_operand(other)))

    def __gt__(self: Any, other: Any) -> bool:
        return bool(value_of(self) > value_of(_operand(other)))

    def __ge__(self: Any, other: Any) -> bool:
        return bool(value_of(self) >= value_of(_operand(other)))

    def __eq__(self: Any, other: object) -> bool:
        return bool(value_of(self) == value_of(_operand(other)))

    def __ne__(self: Any, other: object) -> bool:
        return not self == other

    def __bool__(self: Any) -> bool:
        return bool(value_of(self) != 0)

    def __float__(self: Any) -> float:
        return float(value_of(self))

    def __repr__(self: Any) -> str:
        return f"<scalar {float(self)!r}>"

    __hash__ = None  # type: ignore[assignment]


class Number(Scalar):
    """A real number.

    `bound` is the first-order bound on the error of a computed value, in units of one relative rounding:
    each operation may round its result and see each operand moved by one rounding. `literal` is the
    exact value of a number that the formula writes out, None for a quantity that varies.
    """

    __slots__ = ("bound", "literal", "size", "value")

    def __init__(self, value: Any, bound: float | None = None, literal: Literal | None = None) -> None:
        self.value = value
        self.size = abs(float(value))
        self.bound = self.size if bound is None else bound
        self.literal = literal


class Dual(Scalar):
    """A value and its tangents, of one level below; a direction that is missing has tangent 0."""

    __slots__ = ("level", "primal", "tangents")

    def __init__(self, level: int, primal: Any, tangents: dict[int, Any]) -> None:
        self.level = level
        self.primal = primal
        self.tangents = tangents


Value = Number | Dual


def exact(value: int | float | Fraction) -> Number:
    """A Python number, taken exactly; a fraction is rounded once by whoever computes with it."""
    import mpmath

    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return Number(mpmath.mpf(value), 0.0)
        return Number(mpmath.mpf(value), 0.0, Fraction(value))
    if isinstance(value, Fraction) and value.denominator != 1:
        return Number(mpmath.mpf(value.numerator) / value.denominator, None, value)
    return Number(mpmath.mpf(int(value)), 0.0, int(value))


def number_of(x: Any) -> Number:
    """The plain number under every level of tangents."""
    while type(x) is Dual:
        x = x.primal
    return x  # type: ignore[no-any-return]


def value_of(x: Any) -> Any:
    """The mpmath value under every level of tangents."""
    return number_of(x).value


def level_of(x: Value) -> int:
    """Number of derivatives that the scalar carries."""
    return x.level if type(x) is Dual else 0


def raised(x: Value, level: int, direction: int) -> Dual:
    """The scalar as a variable of its own: tangent 1 in one new direction."""
    return Dual(level, x, {direction: exact(1)})


def tangent(x: Value, level: int, direction: int) -> Value:
    """The derivative of a scalar in a direction of that level."""
    if type(x) is Dual and x.level == level:
        found = x.tangents.get(direction)
        if found is not None:
            return found  # type: ignore[no-any-return]
    return exact(0)


def without(x: Any, level: int) -> Any:
    """The scalar without the tangents of that level."""
    return x.primal if type(x) is Dual and x.level == level else x


def total(terms: Sequence[Any]) -> Value:
    """The sum of scalars; 0 for none."""
    result: Value = exact(0)
    for position, term in enumerate(terms):
        result = term if position == 0 else _add(result, term)
    return result


def normwise(entries: Sequence[Any]) -> list[Any]:
    """The same scalars, each known to a rounding of the largest among them; so too each of their tangents.

    Sizes count and not bounds alone: an input is exact, yet a factorisation moves it by roundings.
    """
    level = max(map(level_of, entries), default=0)
    if level:
        directions = dict.fromkeys(d for x in entries for d in _parts(x, level)[1])
        primals = normwise([without(x, level) for x in entries])
        columns = [normwise([tangent(x, level, d) for x in entries]) for d in directions]
        return [
            _dual(level, x, {d: column[i] for d, column in zip(directions, columns)})
            for i, x in enumerate(primals)
        ]
    bound = max((max(x.bound, x.size) for x in entries), default=0.0)
    return [Number(x.value, bound) for x in entries]


def _operand(x: Any) -> Any:
    """A scalar for anything that arithmetic meets."""
    if isinstance(x, Scalar):
        return x
    if isinstance(x, (int, float, Fraction)):
        return exact(x)
    item = getattr(x, "item", None)
    if item is not None and getattr(x, "ndim", 1) == 0:
        return _operand(item())
    raise TypeError(f"{type(x).__name__} is not a scalar of the evaluation")


def _parts(x: Value, level: int) -> tuple[Value, dict[int, Any]]:
    if type(x) is Dual and x.level == level:
        return x.primal, x.tangents
    return x, {}


def _dual(level: int, primal: Value, tangents: dict[int, Any]) -> Value:
    return Dual(level, primal, tangents) if tangents else primal


def _add(a: Value, b: Value) -> Value:
    if type(a) is Number and type(b) is Number:
        # The sizes of both terms count, not that of their sum: terms may be added in another order.
        return Number(a.value + b.value, a.size + b.size + a.bound + b.bound if a.size and b.size
                      else a.bound + b.bound)  # fmt: skip
    level = max(level_of(a), level_of(b))
    (x, dx), (y, dy) = _parts(a, level), _parts(b, level)
    tangents = dict(dx)
    for direction, t in dy.items():
        mine = tangents.get(direction)
        tangents[direction] = t if mine is None else _add(mine, t)
    return _dual(level, _add(x, y), tangents)


def _negative(a: Value) -> Value:
    if type(a) is Number:
        return Number(-a.value, a.bound, None if a.literal is None else -a.literal)
    assert type(a) is Dual
    return Dual(a.level, _negative(a.primal), {d: _negative(t) for d, t in a.tangents.items()})


def _multiply(a: Value, b: Value) -> Value:
    if type(a) is Number and type(b) is Number:
        if a.literal == 1:
            return b
        if b.literal == 1:
            return a
        result = Number(a.value * b.value)
        if a.bound:
            result.bound += a.bound * b.size
        if b.bound:
            result.bound += b.bound * a.size
        return result
    level = max(level_of(a), level_of(b))
    (x, dx), (y, dy) = _parts(a, level), _parts(b, level)
    tangents = {direction: _multiply(t, y) for direction, t in dx.items()}
    for direction, t in dy.items():
        term = _multiply(x, t)
        mine = tangents.get(direction)
        tangents[direction] = term if mine is None else _add(mine, term)
    return _dual(level, _multiply(x, y), tangents)


def _divide(a: Value, b: Value) -> Value:
    if type(a) is Number and type(b) is Number:
        if b.literal == 1:
            return a
        if b.value == 0:
            return _undefined()
        result = Number(a.value / b.value)
        if b.size:
            result.bound += (a.bound + result.size * b.bound) / b.size
        return result
    level = max(level_of(a), level_of(b))
    (x, dx), (y, dy) = _parts(a, level), _parts(b, level)
    quotient = _divide(x, y)
    tangents = {direction: _divide(t, y) for direction, t in dx.items()}
    for direction, t in dy.items():
        term = _negative(_divide(_multiply(quotient, t), y))
        mine = tangents.get(direction)
        tangents[direction] = term if mine is None else _add(mine, term)
    return _dual(level, quotient, tangents)


def _undefined() -> Number:
    import mpmath

    return Number(mpmath.nan, math.inf)


_ARITHMETIC: dict[str, Callable[..., Value]] = {
    "neg": _negative,
    "add": _add,
    "sub": lambda a, b: _add(a, _negative(b)),
    "mul": _multiply,
    "div": _divide,
}


def apply(meaning: Callable[..., Any], *operands: Any) -> Value:
    """The scalar `meaning(sp, *operands)` for sympy symbols, at these operands."""
    found, free = _bind(meaning, operands)
    return _evaluate(found, free)


def decide(meaning: Callable[..., Any], *operands: Any) -> Any:
    """The same for a meaning that is a condition or an integer: a plain value, without derivatives."""
    found, free = _bind(meaning, operands)
    return found.decide(*[value_of(x) for x in free])


def _bind(meaning: Callable[..., Any], operands: Sequence[Any]) -> tuple[Formula, list[Any]]:
    # numpy's bool is not Python's.
    given = [bool(x) if type(x).__name__ in ("bool", "bool_") else _operand(x) for x in operands]
    fixed = tuple([x if type(x) is bool else None for x in given])
    literals = tuple([x.literal if type(x) is Number else None for x in given])
    found, pattern = formula(meaning, fixed, literals)
    return found, [x for x, value in zip(given, pattern) if value is None]


def _evaluate(f: Formula, operands: Sequence[Value]) -> Value:
    if isinstance(f.kind, int):
        return operands[f.kind]
    arithmetic = _ARITHMETIC.get(f.kind)
    if arithmetic is not None:
        return arithmetic(*operands)
    level = max((level_of(x) for x in operands), default=0)
    if level == 0:
        return _rounded(f, operands)  # type: ignore[arg-type]
    primals = [x.primal if level_of(x) == level else x for x in operands]  # type: ignore[union-attr]
    tangents: dict[int, Any] = {}
    for position, x in enumerate(operands):
        if level_of(x) < level:
            continue
        partial = f.partial(position)
        slope = _evaluate(partial, primals)
        if partial.selects and _vanishes(slope):
            continue
        for direction, t in x.tangents.items():  # type: ignore[union-attr]
            term = _multiply(slope, t)
            mine = tangents.get(direction)
            tangents[direction] = term if mine is None else _add(mine, term)
    return _dual(level, _evaluate(f, primals), tangents)


def _vanishes(x: Value) -> bool:
    """Whether a scalar is 0 with all its tangents: the branch of a choice that was not taken."""
    if type(x) is Number:
        return bool(x.value == 0)
    assert type(x) is Dual
    return _vanishes(x.primal) and all(_vanishes(t) for t in x.tangents.values())


#: How steep a derivative may be as a function of the operation's own value, for `_rounded`.
_STEEP = 4.0


def _rounded(f: Formula, operands: Sequence[Number]) -> Number:
    """A formula's value, with the error bound of computing it in floating point.

    |f| for rounding the result; |df/dx| (|x| + bound of x) for each operand. A derivative of a
    saturating function is also allowed the error of being written in terms of the function's own
    rounded value, as in `tanh' = (1 - y) (1 + y)`: |y dD/dy|, where D depends on y moderately.
    """
    values = [x.value for x in operands]
    if any(v != v for v in values) and not f.selects:
        return _undefined()
    result = Number(f(*values))
    if result.value != result.value:
        return _undefined()
    if f.kind == "number":
        literal = f.expression
        if literal.is_Integer:
            result.literal, result.bound = int(literal), 0.0
        return result
    for position, x in enumerate(operands):
        weight = x.size + x.bound
        if not weight:
            continue
        slope = f.partial(position)
        if slope.kind == "number" and slope.expression.is_zero:
            continue
        steepness = abs(float(slope(*values)))
        if not steepness:
            continue
        result.bound += steepness * weight
        if f.root is not f:
            along = abs(float(f.root.partial(position)(*values)))
            if along and steepness <= _STEEP * along:
                result.bound += steepness / along * abs(float(f.root(*values)))
    return result


def largest(options: Sequence[Any]) -> Any:
    """The maximum of scalars; k that tie share its derivative, 1/k each."""
    return _extreme(options, max)


def smallest(options: Sequence[Any]) -> Any:
    """The minimum of scalars; k that tie share its derivative, 1/k each."""
    return _extreme(options, min)


def _extreme(options: Sequence[Any], choose: Callable[..., Any]) -> Any:
    scalars = [_operand(x) for x in options]
    if not scalars:
        raise ValueError("the maximum or minimum of nothing")
    values = [value_of(x) for x in scalars]
    if any(v != v for v in values):
        return _undefined()
    best = choose(values)
    ties = [x for x, v in zip(scalars, values) if v == best]
    if len(ties) == 1:
        return ties[0]
    total = ties[0]
    for x in ties[1:]:
        total = _add(total, x)
    return _divide(total, exact(len(ties)))
