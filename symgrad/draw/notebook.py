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


def repr_html(function: Function) -> str | None:
    """The formulas, and below them the picture, folded in; None where there is no picture."""
    import html

    formulas, drawn = repr_latex(function), repr_svg(function)
    if formulas is None or drawn is None:
        return None
    return (
        f"<div>{html.escape(formulas)}</div>\n"
        f"<details><summary>{html.escape(function.name)} as a graph</summary>\n{drawn}</details>"
    )
