"""Every operation, one family a file. Importing this package fills the registry."""

from symgrad.ops import arithmetic, leaves, reduce, structure

__all__ = ["arithmetic", "leaves", "reduce", "structure"]
