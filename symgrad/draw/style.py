"""How pictures look: colours, and sizes that follow from the widths of a monospaced font."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from symgrad.draw.boxes import Box

FONT = "DejaVu Sans Mono"
#: What a browser takes: fonts of nearly the same width, the first that is there.
FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"

#: Sizes of text in points, and the width of a character as a part of them.
TEXT, SMALL = 11.0, 9.0
ADVANCE = 0.602
#: Heights of a line and of the first line, and the border within a box.
LINE, HEAD, BORDER = 14.0, 17.0, 8.0


class Colour(NamedTuple):
    """Fill and outline."""

    fill: str
    edge: str


COLOURS = {
    "input": Colour("#ffffff", "#3b6ea8"),
    "forward": Colour("#e3eefb", "#7ba3d0"),
    "output": Colour("#3b6ea8", "#2b5585"),
    "adjoint": Colour("#fdeadb", "#e0a06a"),
    "gradient": Colour("#c8641e", "#9c4a10"),
    "tangent": Colour("#e4f3e4", "#79b279"),
    "forward-arrow": Colour("none", "#5d86b5"),
    "adjoint-arrow": Colour("none", "#d07a33"),
    "reuse-arrow": Colour("none", "#a9b4c0"),
    "forward-side": Colour("#f7fafe", "#d5e2f1"),
    "derivative-side": Colour("#fffaf5", "#f3ddc8"),
}


def width_of(text: str, size: float = TEXT) -> float:
    """Width of a text in points."""
    wide = sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text if not unicodedata.combining(c))
    return wide * size * ADVANCE


def chips(box: Box) -> tuple[str, ...]:
    """What stands beside the name: the shape, how many paths an adjoint sums, uses without arrows."""
    paths = f"Σ {box.paths} paths" if box.paths > 1 else ""
    uses = f"in {box.uses} formulas" if box.uses else ""
    return tuple(text for text in (box.shape, paths, uses) if text)


def box_size(box: Box) -> tuple[float, float]:
    """Width and height of a box in points."""
    own = width_of(box.name) + sum(width_of(chip, SMALL) + 12 for chip in chips(box))
    head = max(own, width_of(" ".join((box.name, *chips(box)))))  # as DOT writes it, in one size
    widest = max([head, *(width_of(line) for line in box.formula)])
    return max(widest + 2 * BORDER, 44.0), HEAD + LINE * len(box.formula) + BORDER
