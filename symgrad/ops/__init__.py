"""Every operation, one family a file. Importing this package fills the registry."""

from symgrad.ops import arithmetic, einsum, leaves, matmul, products, reduce, structure

__all__ = ["arithmetic", "einsum", "leaves", "matmul", "products", "reduce", "structure"]
