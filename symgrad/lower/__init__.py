"""From a Function to the text of its body: names, order, statements, argument checks, docstrings."""

import symgrad.lower.loops  # noqa: F401  (fills in how operations with blocks are written)
