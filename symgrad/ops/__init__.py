"""Every operation, one family a file. Importing this package fills the registry."""

from symgrad.ops import (
    arithmetic,
    comparison,
    determinant,
    einsum,
    leaves,
    linalg,
    matmul,
    norm,
    products,
    reduce,
    selection,
    square,
    structure,
)

__all__ = [
    "arithmetic",
    "comparison",
    "determinant",
    "einsum",
    "leaves",
    "linalg",
    "matmul",
    "norm",
    "products",
    "reduce",
    "selection",
    "square",
    "structure",
]
