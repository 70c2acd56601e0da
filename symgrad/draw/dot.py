"""Pictures in DOT, the language of Graphviz: for its users, and for the layout of our own drawings.

Sizes of boxes are set here, from the widths of a monospaced font, so that a drawing does not depend on the
fonts of the machine that it is laid out on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symgrad.draw.boxes import Arrow, Box, Picture
from symgrad.draw.style import COLOURS, FONT, SMALL, TEXT, box_size, chips

#: Points of an inch, in which Graphviz wants sizes.
INCH = 72.0


def dot(picture: Picture) -> str:
    """The picture as one `digraph`."""
    lines = [f"digraph {_quoted(picture.title)} {{", *(f"  {line}" for line in _lines(picture)), "}"]
    return "\n".join(lines) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "rankdir=TB; newrank=true; splines=true; nodesep=0.3; ranksep=0.4;"
    yield f'fontname="{FONT}"; fontsize={TEXT + 1:g}; labeljust=l;'
    yield f'node [shape=box, style="rounded,filled", fontname="{FONT}", fontsize={TEXT:g}, fixedsize=true];'
    yield f'edge [fontname="{FONT}", fontsize={SMALL:g}, arrowsize=0.6];'
    derived = [box for box in picture.boxes if box.derivative]
    plain = [box for box in picture.boxes if not box.derivative]
    if derived:
        yield from _side("forward", "Forward", plain)
        yield from _side("derivative", picture.derivative, derived)
    else:
        yield from map(_box, plain)
    if picture.reverse:
        for primal, adjoint in picture.pairs:
            yield f"{{ rank=same; {primal}; {adjoint}; }}"
    for number, arrow in enumerate(picture.arrows):
        yield _arrow(number, arrow, picture.reverse)


def _side(key: str, title: str, boxes: Sequence[Box]) -> Iterator[str]:
    colour = COLOURS[f"{key}-side"]
    yield f"subgraph cluster_{key} {{"
    yield f'  label={_quoted(title)}; style="rounded,filled"; margin=14;'
    yield f'  color="{colour.edge}"; fillcolor="{colour.fill}";'
    for box in boxes:
        yield f"  {_box(box)}"
    yield "}"


def _box(box: Box) -> str:
    width, height = box_size(box)
    label = "".join(_escaped(line) + "\\l" for line in (" ".join([box.name, *chips(box)]), *box.formula))
    colour = COLOURS[box.role]
    dark = ', fontcolor="white"' if box.role in ("output", "gradient") else ""
    return (
        f'{box.key} [label="{label}", width={width / INCH:.3f}, height={height / INCH:.3f}, '
        f'fillcolor="{colour.fill}", color="{colour.edge}"{dark}, tooltip={_quoted(box.line)}];'
    )


def _arrow(number: int, arrow: Arrow, reverse: bool) -> str:
    colour = COLOURS[f"{arrow.role}-arrow"].edge
    options = [f"id=a{number}", f'color="{colour}"', f'fontcolor="{colour}"']
    ends = f"{arrow.tail} -> {arrow.head}"
    if arrow.shape and arrow.role != "reuse":
        options.append(f"label={_quoted(arrow.shape)}")
    if arrow.role == "reuse":
        options += ["style=dashed", "constraint=false", "tailport=e"]
    elif arrow.role == "adjoint":
        options.append("penwidth=1.6")
        if reverse:  # from the bottom up, beside the values that they are the adjoints of
            ends = f"{arrow.head} -> {arrow.tail}"
            options.append("dir=back")
    return f"{ends} [{', '.join(options)}];"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'
