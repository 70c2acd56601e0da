"""The rules, one family a file; importing this package fills the table in the order rules are tried."""

# isort: off
from symgrad.rewrite.rules import literals, signs, products, sums, elementary
from symgrad.rewrite.rules import layout, reductions, matrices, chains, gram, selection, stable

__all__ = [
    "chains",
    "elementary",
    "gram",
    "layout",
    "literals",
    "matrices",
    "products",
    "reductions",
    "selection",
    "signs",
    "stable",
    "sums",
]
