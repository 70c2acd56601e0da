"""From a Function to the text of its body: names, order, statements, argument checks, docstrings."""

import symgrad.lower.branches
import symgrad.lower.segments  # noqa: F401  (fills in how operations with blocks are written)
