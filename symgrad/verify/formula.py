"""Scalar formulas: sympy expressions over placeholders, evaluated by mpmath, differentiated by sympy.

The meaning of an operation is a sympy expression in its operands. It becomes a `Formula` once; partial
derivatives are formulas too, made on demand and kept. Differentiating small formulas and chaining their
values numerically gives derivatives of any order without the expression swell of one big formula.

Conventions where a derivative jumps or does not exist: `|x|' = sign(x)`, 0 at 0; sign, floor and ceiling
have derivative 0; the Heaviside step is 1/2 at 0, which splits Max and Min evenly at a tie.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from types import FunctionType
from typing import Any

#: Digits of every evaluation; results are used to 40.
DIGITS = 50
#: Digits where a result is so small that terms may have cancelled: 1 - sigmoid(700) is 1e-304.
FINE_DIGITS = 400
#: What counts as small.
_SMALL = 1e-20

Literal = bool | int | Fraction
#: Operands that are fixed numbers in a formula; None for a placeholder.
Pattern = tuple[Literal | None, ...]


class Formula:
    """A sympy expression in placeholders `symbols`, as a function of mpmath numbers."""

    def __init__(
        self, expression: Any, symbols: tuple[Any, ...], parent: Formula | None = None, position: int = -1
    ) -> None:
        import sympy as sp

        self.expression = _with_conventions(expression)
        self.symbols = symbols
        #: The formula that this is a derivative of, by which operand; and the one without derivatives.
        self.parent, self.position = parent, position
        self.root: Formula = parent.root if parent is not None else self
        self.kind = _kind(self.expression, symbols)
        #: A choice between operands: where it is 0, nothing of what it multiplies is seen, not even a nan.
        self.selects = bool(
            self.expression.is_zero or self.expression.has(sp.Piecewise, _kinks()["kink_step"])
        )
        #: Positions of the operands that occur in an exponent.
        self.exponents: frozenset[int] = frozenset()
        if parent is None:
            inside = {s for power in self.expression.atoms(sp.Pow) for s in power.exp.free_symbols}
            self.exponents = frozenset(int(s.name.rpartition("_")[2]) for s in inside.intersection(symbols))
        self._partials: dict[int, Formula] = {}
        self._function: Callable[..., Any] | None = None
        self._guards: list[Callable[..., Any]] | None = None

    def partial(self, position: int) -> Formula:
        """The derivative with respect to one placeholder."""
        found = self._partials.get(position)
        if found is None:
            import sympy as sp

            derivative = sp.diff(self.expression, self.symbols[position])
            if any(power.exp.free_symbols for power in derivative.atoms(sp.Pow)):
                derivative = sp.powsimp(derivative)  # y x**y / x -> y x**(y-1), which is right at 0
            found = self._partials[position] = Formula(derivative, self.symbols, self, position)
        return found

    def decide(self, *values: Any) -> Any:
        """The value of a condition, or of a formula that need not be differentiable."""
        if self._function is None:
            self._function = _compile(self.expression, self.symbols)
        return self._function(*values)

    def __call__(self, *values: Any) -> Any:
        """The real value; nan where there is none (a pole, a complex value, an undefined form)."""
        import mpmath

        if self.parent is not None and self._on_guard(values) and not self._jumps(values):
            return self._numerically(values)
        try:
            result = self._evaluated(values)
            if abs(result) < _SMALL and mpmath.mp.dps < FINE_DIGITS:
                with mpmath.workdps(FINE_DIGITS):
                    result = self._evaluated(values)
                result = +result
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            # TypeError: an order comparison of complex numbers, so outside the real domain.
            result = mpmath.nan
        if result != result and self.parent is not None and all(mpmath.isfinite(v) for v in values):
            return self._numerically(values)  # 0/0 where there is a limit: sinc at 0, d/dy x**y at x=0
        return result

    def _evaluated(self, values: tuple[Any, ...]) -> Any:
        """The real value in the digits at work; nan for a complex one."""
        import mpmath

        result = self.decide(*values)
        if isinstance(result, mpmath.mpc):
            result = result.real if result.imag == 0 else mpmath.nan
        return mpmath.mpf(result)

    def _on_guard(self, values: tuple[Any, ...]) -> bool:
        """Whether the point is a single point that a Piecewise treats on its own, as sinc does 0.

        sympy differentiates each piece by itself, which there differentiates a constant.
        """
        if self._guards is None:
            import sympy as sp

            assert self.parent is not None
            single = [
                condition
                for piecewise in self.parent.expression.atoms(sp.Piecewise)
                for condition in piecewise.atoms(sp.Eq, sp.Ne)
            ]
            single.sort(key=str)
            self._guards = [_compile(c.lhs - c.rhs, self.symbols) for c in single]
        return any(guard(*values) == 0 for guard in self._guards)

    def _moved(self, values: tuple[Any, ...], by: Any) -> Any:
        """The parent's value with the operand of this derivative moved."""
        assert self.parent is not None
        position = self.position
        return self.parent(*values[:position], values[position] + by, *values[position + 1 :])

    def _jumps(self, values: tuple[Any, ...]) -> bool:
        """Whether the parent's value at the point is far from those beside it.

        Then a piece is the author's convention rather than the limit of its neighbours, and so is the
        derivative of that piece: the quotient that is 0 where the divisor is 0.
        """
        import mpmath

        with mpmath.workdps(2 * DIGITS):
            step = mpmath.mpf(10) ** (-DIGITS // 2)
            middle, *sides = (self._moved(values, by) for by in (0, step, -step))
            allowed = mpmath.mpf(10) ** (-DIGITS // 6) * (1 + abs(middle))
            return any(mpmath.isfinite(side) and abs(side - middle) > allowed for side in sides)

    def _numerically(self, values: tuple[Any, ...]) -> Any:
        """The limit of difference quotients of the parent from both sides; nan where there is none.

        The sides differ at a kink; a shorter step gives another quotient where the slope is infinite.
        """
        import mpmath

        # Quotients such as sin(x)/x**5 lose the step's digits at every power; there are enough of them.
        with mpmath.workdps(8 * DIGITS):
            middle = self._moved(values, 0)
            found = []
            for exponent in (DIGITS // 2, DIGITS // 2 + 3):
                step = mpmath.mpf(10) ** -exponent
                right, left = self._moved(values, step), self._moved(values, -step)
                found += [(right - middle) / step, (middle - left) / step]
            allowed = mpmath.mpf(10) ** (-DIGITS // 3) * (1 + abs(found[0]))
            if all(abs(quotient - found[0]) <= allowed for quotient in found[1:]):
                return (found[0] + found[1]) / 2
            return mpmath.nan


def _kind(expression: Any, symbols: tuple[Any, ...]) -> str | int:
    """What needs no evaluation through sympy: an operand's position, or the name of arithmetic; else ''."""
    if expression.is_number:
        return "number"
    if expression in symbols:
        return symbols.index(expression)
    if len(symbols) == 1 and expression == -symbols[0]:
        return "neg"
    if len(symbols) == 2:
        a, b = symbols
        for name, form in (("add", a + b), ("sub", a - b), ("mul", a * b), ("div", a / b)):
            if expression == form:
                return name
    return ""


# --- from a meaning to its formula ------------------------------------------------------------------


def formula(meaning: Callable[..., Any], pattern: Pattern, exact: Pattern) -> tuple[Formula, Pattern]:
    """The formula of `meaning(sp, *operands)`, with the operands that are fixed in it.

    `pattern` has the operands that must be fixed (truth values); `exact` the values of those that
    could be: numbers in an exponent are fixed, since x**2 and x**y differ in their derivatives at 0.
    """
    key = _identity(meaning)
    general = _formula(key, meaning, pattern)
    exponents = general.exponents
    if any(i in exponents and value is not None for i, value in enumerate(exact)):
        pattern = tuple([exact[i] if i in exponents and p is None else p for i, p in enumerate(pattern)])
        return _formula(key, meaning, pattern), pattern
    return general, pattern


def _identity(meaning: Callable[..., Any]) -> Any:
    """What makes two function objects compute the same: their code and the values they close over.

    Meanings often make a lambda on every call; its code object is one and the same.
    """
    if not isinstance(meaning, FunctionType):
        return meaning
    try:
        cells = tuple(cell.cell_contents for cell in meaning.__closure__ or ())
        key = (meaning.__code__, cells, meaning.__defaults__)
        hash(key)
    except (TypeError, ValueError):
        return meaning
    return key


_FORMULAS: dict[Any, Formula] = {}


def _formula(key: Any, meaning: Callable[..., Any], pattern: Pattern) -> Formula:
    # Equal numbers of different types, such as True and 1, are different operands.
    full = (key, pattern, tuple(map(type, pattern)))
    found = _FORMULAS.get(full)
    if found is None:
        import sympy as sp

        symbols = [
            sp.Symbol(f"operand_{i}", real=True) if value is None else rational(value)
            for i, value in enumerate(pattern)
        ]
        free = tuple(s for s, value in zip(symbols, pattern) if value is None)
        if len(_FORMULAS) > 5000:
            _FORMULAS.clear()
        found = _FORMULAS[full] = Formula(sp.sympify(meaning(sp, *symbols)), free)
    return found


def rational(value: Literal) -> Any:
    """The exact sympy number or truth value."""
    import sympy as sp

    if isinstance(value, bool):
        return sp.true if value else sp.false
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    return sp.Integer(value)


# --- kinks ------------------------------------------------------------------------------------------


@functools.cache
def _kinks() -> dict[str, Any]:
    """Stand-ins for functions whose sympy derivative is a distribution or is left unevaluated."""
    import sympy as sp

    def stand_in(name: str, slope: Callable[[Any], Any]) -> Any:
        return type(
            name,
            (sp.Function,),
            {
                "nargs": 1,
                "fdiff": lambda self, argindex=1: slope(self.args[0]),
                "_eval_is_real": lambda self: True,
            },
        )

    kinks: dict[str, Any] = {
        name: stand_in(name, lambda x: sp.S.Zero)
        for name in ("kink_sign", "kink_floor", "kink_ceiling", "kink_step")
    }
    kinks["kink_abs"] = stand_in("kink_abs", lambda x: kinks["kink_sign"](x))
    return kinks


def _with_conventions(expression: Any) -> Any:
    import sympy as sp

    kinks = _kinks()
    for function, name in (
        (sp.Abs, "kink_abs"),
        (sp.sign, "kink_sign"),
        (sp.floor, "kink_floor"),
        (sp.ceiling, "kink_ceiling"),
    ):
        if expression.has(function):
            expression = expression.replace(function, kinks[name])
    if expression.has(sp.Mod):
        expression = expression.replace(sp.Mod, lambda a, b: a - b * kinks["kink_floor"](a / b))
    if expression.has(sp.frac):
        expression = expression.replace(sp.frac, lambda a: a - kinks["kink_floor"](a))
    if expression.has(sp.Heaviside):
        expression = expression.replace(sp.Heaviside, lambda a, *at_zero: kinks["kink_step"](a))
    if expression.has(sp.DiracDelta):
        expression = expression.replace(sp.DiracDelta, lambda *args: sp.S.Zero)
    return expression


def _compile(expression: Any, symbols: Sequence[Any]) -> Callable[..., Any]:
    import mpmath
    import sympy as sp

    if expression.has(sp.zoo, sp.nan):
        return lambda *values: mpmath.nan
    own = {
        "kink_abs": abs,
        "kink_sign": mpmath.sign,
        "kink_floor": mpmath.floor,
        "kink_ceiling": mpmath.ceil,
        "kink_step": lambda x: (mpmath.sign(x) + 1) / 2,
        "Max": max,
        "Min": min,
    }
    function: Callable[..., Any] = sp.lambdify(symbols, expression, modules=[own, "mpmath"])
    return function
