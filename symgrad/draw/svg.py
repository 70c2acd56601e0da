"""Pictures as SVG: one sheet with a drawing for each function, below one another, and a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from symgrad.draw.boxes import Box, Picture
from symgrad.draw.layout import Layout, Point, layout
from symgrad.draw.style import BORDER, COLOURS, FONTS, HEAD, LINE, SMALL, TEXT, box_size, chips, width_of
from symgrad.emit import environment

#: Border of the sheet, room for a title, and for a title with a text below it.
MARGIN, TITLE, SUBTITLE = 14.0, 36.0, 54.0
#: Length and half width of an arrow's head.
HEAD_LENGTH, HEAD_WIDTH = 7.0, 3.0

_DARK = ("output", "gradient")
_LEGEND = (
    ("input", "argument", True),
    ("forward", "value", True),
    ("output", "result", True),
    ("adjoint", "adjoint", True),
    ("gradient", "gradient", True),
    ("tangent", "tangent", True),
    ("forward-arrow", "is used in", False),
    ("adjoint-arrow", "adjoint flows to", False),
    ("reuse-arrow", "value that the derivative uses", False),
)


def svg(pictures: Sequence[Picture]) -> str:
    """The pictures on one sheet, as the text of an SVG file."""
    drawings = []
    y = MARGIN / 2
    for picture in pictures:
        drawing = _drawing(picture, layout(picture))
        drawing.x, drawing.y = MARGIN / 2 if drawing.sides else MARGIN, round(y, 1)
        y += drawing.height + MARGIN
        drawings.append(drawing)
    widest = max(*(drawing.width for drawing in drawings), 420.0)
    legend, rows = _legend(pictures, widest)
    sheet = SimpleNamespace(
        width=math.ceil(widest + MARGIN),
        height=math.ceil(y + 8 + 18 * rows),
        fonts=FONTS.replace('"', "'"),
        drawings=drawings,
        legend=legend,
        legend_y=round(y + 12, 1),
    )
    text: str = environment().get_template("draw/picture.svg.jinja").render(sheet=sheet)
    return text


def _drawing(picture: Picture, place: Layout) -> Any:
    top = SUBTITLE if picture.subtitle else TITLE
    texts = (width_of(picture.title, 15), width_of(picture.subtitle, 11))
    return SimpleNamespace(
        title=picture.title,
        subtitle=picture.subtitle,
        top=top,
        width=max(place.width, *(width + 2 * MARGIN for width in texts)),
        height=place.height + top,
        sides=_sides(picture, place),
        arrows=[
            _arrow(arrow.role, points, tip)
            for arrow, (points, tip, _) in zip(picture.arrows, place.splines)
        ],
        labels=[
            SimpleNamespace(
                x=label[0], y=label[1] + 3, text=arrow.shape, fill=COLOURS[f"{arrow.role}-arrow"].edge,
                halo=_halo(picture, arrow.role),
            )
            for arrow, (_, _, label) in zip(picture.arrows, place.splines)
            if label is not None
        ],
        boxes=[_box(box, place.centres[box.key]) for box in picture.boxes],
    )  # fmt: skip


def _halo(picture: Picture, role: str) -> str:
    """The colour behind a label, which keeps lines off it."""
    if not any(box.derivative for box in picture.boxes):
        return "#ffffff"
    return COLOURS["derivative-side" if role == "adjoint" else "forward-side"].fill


def _sides(picture: Picture, place: Layout) -> list[Any]:
    if not place.sides:
        return []
    top = min(side[1] for side in place.sides.values())
    bottom = max(side[3] for side in place.sides.values())
    found = []
    for key, title, ink in (("forward", "Forward", "#2b5585"), ("derivative", picture.derivative, "#9c4a10")):
        left, _, right, _ = place.sides[key]
        if key == "derivative" and picture.reverse:
            longer = f"{title}  v_bar = d result / d v, from the bottom up"
            title = longer if width_of(longer, 12) < right - left - 16 else title
        found.append(
            SimpleNamespace(
                x=round(left, 1),
                y=round(top, 1),
                width=round(right - left, 1),
                height=round(bottom - top, 1),
                colour=COLOURS[f"{key}-side"],
                text_x=round(left + 12, 1),
                text_y=round(top + 18, 1),
                title=title,
                text_fill=ink,
            )
        )
    return found


def _arrow(role: str, points: Sequence[Point], tip: Point) -> Any:
    first, *rest = points
    path = f"M{first[0]} {first[1]}C" + " ".join(f"{x} {y}" for x, y in rest)
    end = points[-1]
    dx, dy = tip[0] - end[0], tip[1] - end[1]
    length = math.hypot(dx, dy) or 1.0
    dx, dy = dx / length, dy / length
    back = (tip[0] - HEAD_LENGTH * dx, tip[1] - HEAD_LENGTH * dy)
    corners = [
        tip,
        (back[0] - HEAD_WIDTH * dy, back[1] + HEAD_WIDTH * dx),
        (back[0] + HEAD_WIDTH * dy, back[1] - HEAD_WIDTH * dx),
    ]
    return SimpleNamespace(
        path=path,
        point="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z",
        colour=COLOURS[f"{role}-arrow"].edge,
        width=_width(role),
        dashes=_dashes(role),
    )


def _width(role: str) -> float:
    return 1.8 if role.startswith("adjoint") else 1.1


def _dashes(role: str) -> str:
    return ' stroke-dasharray="4 3"' if role.startswith("reuse") else ""


def _box(box: Box, centre: Point) -> Any:
    width, height = box_size(box)
    x, y = centre[0] - width / 2, centre[1] - height / 2
    dark = box.role in _DARK
    ink, soft = ("#ffffff", "#f1e6dd") if dark else ("#1d2a36", "#4d5c69")
    texts = [_text(box.name, x + BORDER, y + HEAD - 2, TEXT, ink, bold=True)]
    marks = []
    right = x + BORDER + width_of(box.name) + 6
    for chip in chips(box):
        wide = width_of(chip, SMALL) + 8
        back = "#00000022" if dark else "#d9822b33" if chip.startswith("Σ") else "#00000010"
        marks.append(SimpleNamespace(x=round(right, 1), y=round(y + 5.5, 1), width=round(wide, 1), back=back))
        texts.append(_text(chip, right + 4, y + HEAD - 2, SMALL, soft))
        right += wide + 4
    for number, line in enumerate(box.formula):
        texts.append(_text(line, x + BORDER, y + HEAD + LINE * (number + 1) - 2, TEXT, ink))
    return SimpleNamespace(
        x=round(x, 1), y=round(y, 1), width=round(width, 1), height=round(height, 1),
        colour=COLOURS[box.role], tooltip=box.line, texts=texts, chips=marks,
    )  # fmt: skip


def _text(text: str, x: float, y: float, size: float, fill: str, bold: bool = False) -> Any:
    weight = ' font-weight="bold"' if bold else ""
    return SimpleNamespace(text=text, x=round(x, 1), y=round(y, 1), size=size, fill=fill, weight=weight)


def _legend(pictures: Sequence[Picture], widest: float) -> tuple[list[Any], int]:
    """What occurs in the pictures, in rows, and how many rows that takes."""
    present = {box.role for picture in pictures for box in picture.boxes}
    present |= {f"{arrow.role}-arrow" for picture in pictures for arrow in picture.arrows}
    entries: list[Any] = []
    x, row = 0.0, 0
    for key, text, is_box in _LEGEND:
        if key in present:
            if x + 26 + width_of(text, 10) > widest - MARGIN:
                x, row = 0.0, row + 1
            entries.append(
                SimpleNamespace(
                    x=round(x, 1), y=18 * row, text=text, box=is_box, colour=COLOURS[key], width=_width(key),
                    dashes=_dashes(key),
                )
            )  # fmt: skip
            x += 26 + width_of(text, 10) + 18
    return entries, row + 1
