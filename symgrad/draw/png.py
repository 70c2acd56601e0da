"""SVG as PNG, by resvg, with the font that pictures are laid out for."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from symgrad.draw.layout import optional

#: Pixels a point: sharp on screens of high density.
ZOOM = 2


def png(svg: str) -> bytes:
    """The drawing as the bytes of a PNG file.

    Raises SymgradError where resvg_py is not installed.
    """
    resvg = optional("resvg_py", "making a PNG")
    image = resvg.svg_to_bytes(svg_string=svg, zoom=ZOOM, font_files=_fonts(), background="#ffffff")
    return bytes(image)


def _fonts() -> list[str]:
    """DejaVu Sans Mono as matplotlib carries it: a machine may have no fonts of its own."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    return sorted(str(path) for path in folder.glob("DejaVuSansMono*.ttf"))
