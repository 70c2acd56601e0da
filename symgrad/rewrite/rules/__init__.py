"""The rules, one family a file; importing this package fills the table in the order rules are tried."""

from symgrad.rewrite.rules import literals, signs, products, sums, layout, reductions, matrices, selection  # isort: skip

__all__ = ["layout", "literals", "matrices", "products", "reductions", "selection", "signs", "sums"]
