"""How much arithmetic an operation does, as a formula in the named dimensions: `2 n d + 3 n`.

A flop is an arithmetic operation on one element; an elementary or special function of one element counts as
one too, a power as three (exp, log and a product). Comparing, choosing and moving count nothing. Counts of
factorisations are those of Golub and Van Loan, Matrix Computations, 4th edition: the terms of highest order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.dims import FloorDiv
from symgrad.shapes import Dim, Shape, Size, core, dim_names, evaluate, has_batch

if TYPE_CHECKING:
    from symgrad.node import Node

#: The number of points of a leading `...`, which has no name of its own.
POINTS = "..."


@dataclass(frozen=True)
class Logarithm:
    """The factor log2(n) of a term."""

    dimension: Dim

    def __str__(self) -> str:
        return f"log2({self.dimension})"


Atom = str | FloorDiv | Logarithm
Monomial = tuple[Atom, ...]
Coefficient = Fraction | int


class Flops:
    """A polynomial in named dimensions, with fractions for coefficients. Immutable; adds and multiplies."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[Monomial, Coefficient]) -> None:
        self.terms = {monomial: c for monomial, c in terms.items() if c}

    def __add__(self, other: Flops) -> Flops:
        total = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            total[monomial] = total.get(monomial, 0) + coefficient
        return Flops(total)

    def __mul__(self, other: Flops | Coefficient) -> Flops:
        if not isinstance(other, Flops):
            return Flops({monomial: c * other for monomial, c in self.terms.items()})
        total: dict[Monomial, Coefficient] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                monomial = tuple(sorted(left + right, key=str))
                total[monomial] = total.get(monomial, 0) + a * b
        return Flops(total)

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Flops) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def at(self, sizes: Mapping[str, int]) -> float:
        """The number for these sizes; `POINTS` is among their names where the formula has it."""
        return math.fsum(
            float(c) * math.prod(_size(atom, sizes) for atom in monomial)
            for monomial, c in self.terms.items()
        )

    @property
    def names(self) -> list[str]:
        """The dimensions that occur, `POINTS` among them."""
        found: dict[str, None] = {}
        for monomial in self.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found[atom] = None
                elif isinstance(atom, Logarithm):
                    found.update(dict.fromkeys(dim_names(atom.dimension)))
                else:
                    found.update(dict.fromkeys(dim_names(atom.numerator) + dim_names(atom.denominator)))
        return list(found)

    def to_text(self, order: Sequence[str] = (), width: int = 60) -> str:
        """As people write it, highest order first: `4 n d + 9 n + 2`; what is too long ends in `...`.

        `order` is that of the dimensions within a term; those that are not in it follow by name.
        """
        if not self.terms:
            return "0"
        rank = {name: i for i, name in enumerate(order)}

        def place(atom: Atom) -> tuple[int, str]:
            return (rank.get(atom, len(rank)) if isinstance(atom, str) else len(rank) + 1, str(atom))

        def key(term: tuple[Monomial, Coefficient]) -> tuple[int, list[tuple[int, str]]]:
            return -len(term[0]), sorted(map(place, term[0]))

        text = ""
        for monomial, coefficient in sorted(self.terms.items(), key=key):
            one = _term(sorted(monomial, key=place), coefficient if coefficient > 0 else -coefficient)
            sign = "-" if coefficient < 0 else "+"
            if text and len(text) + len(one) > width:
                return f"{text} + ..."
            text = f"{text} {sign} {one}" if text else one if coefficient > 0 else f"-{one}"
        return text

    def __repr__(self) -> str:
        return f"<{self.to_text(width=1000)} flops>"


def nominal(formula: Flops) -> float:
    """The number where every dimension is 64, to compare formulas by."""
    return formula.at(dict.fromkeys(formula.names, 64))


NOTHING = Flops({})
ONE = Flops({(): 1})

Formula = Callable[["Node"], Flops]
#: A number of flops for each element of the result, or a function of the node.
Rule = int | Formula


def _size(atom: Atom, sizes: Mapping[str, int]) -> float:
    if isinstance(atom, str):
        return sizes[atom]
    if isinstance(atom, Logarithm):
        return math.log2(max(1, evaluate(atom.dimension, sizes)))
    return evaluate(atom.numerator, sizes) // evaluate(atom.denominator, sizes)


def _term(monomial: Sequence[Atom], coefficient: Coefficient) -> str:
    factors: list[str] = []
    for atom in dict.fromkeys(monomial):
        power = monomial.count(atom)
        name = f"({atom})" if isinstance(atom, FloorDiv) else "points" if atom == POINTS else str(atom)
        factors.append(name if power == 1 else f"{name}**{power}")
    if coefficient != 1 or not factors:
        factors.insert(0, str(coefficient))
    return " ".join(factors)


def extent(dimension: Size) -> Flops:
    """A dimension as a formula."""
    if isinstance(dimension, Dim):
        return Flops(dict(dimension.terms))
    return Flops({(): dimension})


def elements(shape: Shape) -> Flops:
    """The number of elements of an array, the points of a leading `...` among its factors."""
    number = 1
    total = Flops({(POINTS,): 1}) if has_batch(shape) else ONE
    for dimension in core(shape):
        if isinstance(dimension, int):
            number *= dimension
        else:
            total = total * extent(dimension)
    return total if number == 1 else total * number


def binary_logarithm(dimension: Size) -> Flops:
    """The binary logarithm of a dimension: a number where it is one, else a factor written `log2(n)`."""
    if isinstance(dimension, int):
        return (
            Flops({(): Fraction(math.log2(dimension)).limit_denominator(100)}) if dimension > 1 else NOTHING
        )
    return Flops({(Logarithm(dimension),): 1})


# --- rules that families of operations share ---------------------------------------------------------------


def each(count: int) -> Formula:
    """So many flops for every element of the first operand, as reductions need."""
    return lambda node: elements(node.args[0].shape) * count


def contraction(node: Node) -> Flops:
    """A multiplication and an addition for every element of the result and step of the summed dimension."""
    return elements(node.shape) * extent(node.args[0].shape[-1]) * 2


def cubic(factor: Coefficient) -> Formula:
    """`factor n**3` for every one of a stack of n by n matrices."""

    def rule(node: Node) -> Flops:
        shape = node.args[0].shape
        return elements(shape) * extent(shape[-1]) * factor

    return rule


def each_of(position: int, count: int) -> Formula:
    """So many flops for every element of the operand at that position."""
    return lambda node: elements(node.args[position].shape) * count


def sorting(node: Node) -> Flops:
    """`n log2(n)` comparisons for every row of n elements along the axis."""
    return elements(node.shape) * binary_logarithm(core(node.args[0].shape)[node.axis])


def transform(node: Node) -> Flops:
    """`5/2 n log2(n)` for the Fourier transform of n real numbers, for every row of a stack."""
    real = node.shape if "size" in node.op.params else node.args[0].shape
    return elements(real) * binary_logarithm(real[-1]) * Fraction(5, 2)


def tall(first: Coefficient, second: Coefficient) -> Formula:
    """`first m n**2 + second n**3` for every one of a stack of m by n matrices."""

    def rule(node: Node) -> Flops:
        shape = node.args[0].shape
        rows, columns = extent(shape[-2]), extent(shape[-1])
        return elements(shape[:-2]) * columns * columns * (rows * first + columns * second)

    return rule
