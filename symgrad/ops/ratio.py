"""The quotient that differentiates norms: of all subgradients at 0 it gives the one of least norm."""

from __future__ import annotations

from symgrad.node import Op, floats, op
from symgrad.text import helper

ratio: Op = op(
    "ratio", "a b",
    doc="Quotient a / b, and 0 where b is 0.",
    dtype=floats,
    numpy=helper("_divide_or_zero", "{0}, {1}"),
    adjoint={"a": lambda g, y, a, b: ratio(g, b), "b": lambda g, y, a, b: -ratio(g * y, b)},
    sympy=lambda sp, a, b: sp.Piecewise((0, sp.Eq(b, 0)), (a / b, True)),
    sample={"a": (-2.0, 2.0), "b": (0.5, 2.0)},
)  # fmt: skip
