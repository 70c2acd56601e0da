"""The stages from a Function as written to one that is ready for emission.

    trace        Python function      -> Function            (symgrad.trace)
    transforms   Function             -> Function            (symgrad.transforms)
    simplify     Function             -> smaller Function    (symgrad.rewrite)
    lower        Function             -> Routine: text       (symgrad.lower)
    emit         Routines             -> module.py, .pyi     (symgrad.emit, templates/)
"""

from __future__ import annotations

from symgrad.graph import Function
from symgrad.rewrite import simplify


def prepare(function: Function) -> Function:
    """The function in the form that is emitted: simplified, with subterms shared."""
    return simplify(function)
