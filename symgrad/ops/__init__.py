"""Every operation, one family a file. Importing this package fills the registry."""

from symgrad.ops import arithmetic, leaves

__all__ = ["arithmetic", "leaves"]
