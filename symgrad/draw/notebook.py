"""How a Function shows itself in a notebook: formulas, and a picture where the extra `draw` is there."""

from __future__ import annotations

from symgrad.errors import SymgradError
from symgrad.graph import Function

#: Nodes and boxes above which a notebook shows neither: nobody would read them.
NODES, BOXES = 500, 120


def repr_latex(function: Function) -> str | None:
    """The formulas between dollar signs, None for a function too long to read."""
    from symgrad.draw.latex import latex

    if len(function.nodes()) > NODES:
        return None
    return f"$$\n{latex(function)}\n$$"


def repr_svg(function: Function) -> str | None:
    """The picture, None for one too large to read or where what draws it is not installed."""
    from symgrad.draw.boxes import picture

    if len(function.nodes()) > NODES:
        return None
    drawn = picture(function)
    if len(drawn.boxes) > BOXES:
        return None
    from symgrad.draw.svg import svg

    try:
        return svg([drawn])
    except SymgradError:
        return None
