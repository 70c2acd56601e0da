"""`scan`, `fori_loop`, `cond` and `checkpoint`: what users write inside traced functions.

Their bodies are ordinary functions, run once on stand-ins. What such a function takes from around it, and
everything that can be computed of that alone, becomes an operand of the loop or branch.
"""

from symgrad.control.branches import checkpoint, cond
from symgrad.control.loops import fori_loop, scan

__all__ = ["checkpoint", "cond", "fori_loop", "scan"]
