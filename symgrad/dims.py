"""Symbolic dimensions: integers, names, and their arithmetic.

A `Dim` is a polynomial with integer coefficients over names and floor quotients, kept in canonical form,
so that equal dimensions compare equal. A dimension that is no longer symbolic is a plain `int`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from symgrad.errors import ShapeError, SpecError, TraceError
from symgrad.locate import user_line


class FloorDiv:
    """The atom `numerator // denominator`, for sizes of strided windows."""

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: Dim, denominator: Dim | int) -> None:
        self.numerator = numerator
        self.denominator = denominator

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FloorDiv)
            and self.numerator == other.numerator
            and self.denominator == other.denominator
        )

    def __hash__(self) -> int:
        return hash((self.numerator, self.denominator))

    def __str__(self) -> str:
        return f"{_wrap(self.numerator)}//{_wrap(self.denominator)}"


Atom = str | FloorDiv
Monomial = tuple[Atom, ...]


class Dim:
    """A dimension that depends on named sizes, such as `n`, `n + 1` or `2*k`."""

    __slots__ = ("_hash", "terms")

    #: Set by the tracer: turns a Dim into a symbolic scalar when it meets an array.
    to_array: ClassVar[Callable[[Dim], Any] | None] = None

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Dim):
            return self is other or (self._hash == other._hash and self.terms == other.terms)
        return False if isinstance(other, int) else NotImplemented

    def __str__(self) -> str:
        return dim_source(self, {})

    __repr__ = __str__

    def __add__(self, other: object) -> Any:
        if _is_size(other):
            return _build([*_terms(self), *_terms(other)])
        return self._arithmetic("__add__", other)

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        if _is_size(other):
            return self + (-other)  # type: ignore[operator]
        return self._arithmetic("__sub__", other)

    def __rsub__(self, other: object) -> Any:
        if _is_size(other):
            return -self + other
        return self._arithmetic("__rsub__", other)

    def __neg__(self) -> Any:
        return self * -1

    def __mul__(self, other: object) -> Any:
        if _is_size(other):
            return _build(
                [(_monomial(left + right), a * b) for left, a in _terms(self) for right, b in _terms(other)]
            )
        return self._arithmetic("__mul__", other)

    __rmul__ = __mul__

    def __floordiv__(self, other: object) -> Any:
        if not _is_size(other):
            return self._arithmetic("__floordiv__", other)
        return floor_divide(self, other)  # type: ignore[arg-type]

    def __rfloordiv__(self, other: object) -> Any:
        if not _is_size(other):
            return self._arithmetic("__rfloordiv__", other)
        return floor_divide(other, self)  # type: ignore[arg-type]

    def __pow__(self, other: object) -> Any:
        if isinstance(other, int) and not isinstance(other, bool) and other >= 0:
            return product((self,) * other)
        return self._arithmetic("__pow__", other)

    def __truediv__(self, other: object) -> Any:
        return self._arithmetic("__truediv__", other)

    def __rtruediv__(self, other: object) -> Any:
        return self._arithmetic("__rtruediv__", other)

    def __rpow__(self, other: object) -> Any:
        return self._arithmetic("__rpow__", other)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if Dim.to_array is None:
            return NotImplemented
        lifted = [Dim.to_array(x) if isinstance(x, Dim) else x for x in inputs]
        return getattr(ufunc, method)(*lifted, **kwargs)

    def _arithmetic(self, method: str, other: object) -> Any:
        """Arithmetic that leaves the integers: hand over to the tracer."""
        if Dim.to_array is None:
            return NotImplemented
        return getattr(Dim.to_array(self), method)(other)

    def __bool__(self) -> bool:
        raise _undecided(f"bool({self})")

    def __index__(self) -> int:
        raise _undecided(f"int({self})")

    __int__ = __index__

    def __float__(self) -> float:
        raise _undecided(f"float({self})")

    def __lt__(self, other: object) -> bool:
        return self._compare(other, "<")

    def __le__(self, other: object) -> bool:
        return self._compare(other, "<=")

    def __gt__(self, other: object) -> bool:
        return self._compare(other, ">")

    def __ge__(self, other: object) -> bool:
        return self._compare(other, ">=")

    def _compare(self, other: object, sign: str) -> bool:
        difference = self - other if _is_size(other) else None
        if isinstance(difference, int):
            return {
                "<": difference < 0,
                "<=": difference <= 0,
                ">": difference > 0,
                ">=": difference >= 0,
            }[sign]
        raise _undecided(f"{self} {sign} {other}")


Size = int | Dim


def _undecided(what: str) -> TraceError:
    return TraceError(
        f"{what}: the value of a symbolic dimension is known only when the generated code runs",
        where=user_line(),
        expected="a fixed size, or code that works for every size",
        hint="sg.arange(n), sg.zeros(shape), sg.ones(shape), sg.full(shape, value), sg.eye(n) make arrays "
        "of such sizes; sg.fori_loop loops over them; or give that dimension as an integer in the shape",
    )


def _is_size(value: object) -> bool:
    return isinstance(value, Dim) or (isinstance(value, int) and not isinstance(value, bool))


def _terms(value: Any) -> Iterable[tuple[Monomial, int]]:
    return value.terms if isinstance(value, Dim) else (((), int(value)),)


def _monomial(atoms: Monomial) -> Monomial:
    return tuple(sorted(atoms, key=str))


def _order(term: tuple[Monomial, int]) -> tuple[int, str]:
    return (-len(term[0]), "*".join(map(str, term[0])))


def _build(terms: Iterable[tuple[Monomial, int]]) -> Size:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = sorted(((m, c) for m, c in total.items() if c), key=_order)
    if not kept:
        return 0
    if len(kept) == 1 and kept[0][0] == ():
        return kept[0][1]
    return Dim(tuple(kept))


def named(name: str) -> Dim:
    """The dimension called `name`."""
    return Dim((((name,), 1),))


def floor_divide(numerator: Size, denominator: Size) -> Size:
    """`numerator // denominator`, exact where every coefficient divides."""
    if isinstance(denominator, int):
        if denominator == 0:
            raise ShapeError(f"{numerator} // 0: a dimension cannot be divided by zero")
        if isinstance(numerator, int):
            return numerator // denominator
        whole = [(m, c // denominator) for m, c in numerator.terms if c % denominator == 0]
        rest = [(m, c) for m, c in numerator.terms if c % denominator]
        if not rest:
            return _build(whole)
        remainder = _build(rest)
        if isinstance(remainder, int):
            return _build([*whole, ((), remainder // denominator)])
        return _build([*whole, ((FloorDiv(remainder, denominator),), 1)])
    if numerator == denominator:
        return 1
    quotient = divide_exactly(numerator, denominator)
    if quotient is not None:
        return quotient
    if isinstance(numerator, int):
        numerator = Dim((((), numerator),))
    return _build([((FloorDiv(numerator, denominator),), 1)])


def divide_exactly(numerator: Size, denominator: Size) -> Size | None:
    """`numerator / denominator` where it is a polynomial, else None (for `reshape(-1)`).

    Only a denominator of one term is divided by: it covers the products of names that shapes are.
    """
    if numerator == 0:
        return 0
    if isinstance(denominator, int):
        if denominator == 0:
            return None
        if isinstance(numerator, int):
            return numerator // denominator if numerator % denominator == 0 else None
        if any(c % denominator for _, c in numerator.terms):
            return None
        return _build([(m, c // denominator) for m, c in numerator.terms])
    if numerator == denominator:
        return 1
    if isinstance(numerator, int):
        return None
    if len(denominator.terms) == 1:
        atoms, scale = denominator.terms[0]
        quotient = []
        for monomial, coefficient in numerator.terms:
            left = list(monomial)
            for atom in atoms:
                if atom not in left:
                    return None
                left.remove(atom)
            if coefficient % scale:
                return None
            quotient.append((tuple(left), coefficient // scale))
        return _build(quotient)
    # Proportional polynomials: (2n + 2) / (n + 1).
    first = denominator.terms[0]
    for monomial, coefficient in numerator.terms:
        for atom in first[0]:
            if atom not in monomial:
                break
        else:
            left = list(monomial)
            for atom in first[0]:
                left.remove(atom)
            if coefficient % first[1] == 0:
                factor = _build([(tuple(left), coefficient // first[1])])
                if denominator * factor == numerator:
                    return factor
    return None


def product(sizes: Iterable[Size]) -> Any:
    """Product of dimensions; 1 for none."""
    result: Any = 1
    for size in sizes:
        result = result * size
    return result


def _wrap(value: Size, text: str | None = None) -> str:
    text = str(value) if text is None else text
    simple = isinstance(value, int) or (
        len(value.terms) == 1
        and value.terms[0][1] == 1
        and len(value.terms[0][0]) == 1
        and isinstance(value.terms[0][0][0], str)
    )
    return text if simple else f"({text})"


def dim_source(size: Size, names: Mapping[str, str], times: str = "*") -> str:
    """Python text of a dimension; `names` says what a dimension is called there."""
    if isinstance(size, int):
        return str(size)
    parts: list[str] = []
    for monomial, coefficient in size.terms:
        factors = [_atom_source(atom, names, times) for atom in monomial]
        magnitude = abs(coefficient)
        if magnitude != 1 or not factors:
            factors.insert(0, str(magnitude))
        elif len(factors) == 1 and (parts or coefficient > 0):
            # A quotient on its own binds tighter than the sum around it.
            factors[0] = factors[0].removeprefix("(").removesuffix(")")
        text = times.join(factors)
        if not parts:
            parts.append(f"-{text}" if coefficient < 0 else text)
        else:
            parts.append(f" {'-' if coefficient < 0 else '+'} {text}")
    return "".join(parts)


def _atom_source(atom: Atom, names: Mapping[str, str], times: str) -> str:
    if isinstance(atom, str):
        return names.get(atom, atom)
    top, bottom = (_wrap(size, dim_source(size, names, times)) for size in (atom.numerator, atom.denominator))
    return f"({top}{'//' if times == '*' else ' // '}{bottom})"


def evaluate(size: Size, sizes: Mapping[str, int]) -> int:
    """The integer a dimension stands for, given a size for every name."""
    if isinstance(size, int):
        return size
    total = 0
    for monomial, coefficient in size.terms:
        value = coefficient
        for atom in monomial:
            if isinstance(atom, str):
                if atom not in sizes:
                    raise SpecError(f"no size given for dimension {atom!r}")
                value *= sizes[atom]
            else:
                value *= evaluate(atom.numerator, sizes) // evaluate(atom.denominator, sizes)
        total += value
    return total


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """The dimension with names replaced by other dimensions."""
    if isinstance(size, int):
        return size
    total: Any = 0
    for monomial, coefficient in size.terms:
        value: Any = coefficient
        for atom in monomial:
            if isinstance(atom, str):
                value = value * values.get(atom, named(atom))
            else:
                value = value * floor_divide(
                    substitute(atom.numerator, values), substitute(atom.denominator, values)
                )
        total = total + value
    return total  # type: ignore[no-any-return]


def dim_names(size: Size) -> list[str]:
    """Names in a dimension, in order of first appearance."""
    if isinstance(size, int):
        return []
    found: dict[str, None] = {}
    for monomial, _ in size.terms:
        for atom in monomial:
            if isinstance(atom, str):
                found[atom] = None
            else:
                found.update(dict.fromkeys(dim_names(atom.numerator) + dim_names(atom.denominator)))
    return list(found)


def linear_in(size: Size, unknown: str) -> tuple[Size, Size] | None:
    """`factor, rest` where size = factor * unknown + rest and rest does not hold the unknown."""
    if isinstance(size, int):
        return None
    factor: Size = 0
    rest: Size = 0
    for monomial, coefficient in size.terms:
        if monomial.count(unknown) == 1:
            others = tuple([atom for atom in monomial if atom != unknown])
            factor = factor + (Dim(((others, coefficient),)) if others else coefficient)
        elif any(isinstance(a, str) and a == unknown for a in monomial):
            return None
        else:
            part = Dim(((monomial, coefficient),)) if monomial else coefficient
            rest = rest + part
    if factor == 0 or unknown in (*dim_names(rest), *dim_names(factor)):
        return None
    return factor, rest
