"""Where boxes and arrows go: the layout of Graphviz, which `pip install "symgrad[draw]"` brings along."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from symgrad.draw.boxes import Picture
from symgrad.draw.dot import dot
from symgrad.errors import SymgradError

Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Positions in points, y downwards: centres of boxes, splines of arrows and their labels, two sides.

    An arrow's spline is a list of Bézier control points, from its tail to the point where its head begins,
    and that head's tip. A side is left, top, right, bottom.
    """

    width: float
    height: float
    centres: dict[str, Point]
    splines: tuple[tuple[tuple[Point, ...], Point, Point | None], ...]
    sides: dict[str, tuple[float, float, float, float]]


def layout(picture: Picture) -> Layout:
    """The layout of a picture.

    Raises SymgradError where pygraphviz is not installed.
    """
    graph = json.loads(_graphviz(dot(picture)))
    left, bottom, right, top = map(float, graph["bb"].split(","))

    def place(text: str) -> Point:
        x, y = map(float, text.split(",")[:2])
        return round(x - left, 1), round(top - y, 1)

    centres, sides = {}, {}
    for entry in graph.get("objects", ()):
        if "pos" in entry:
            centres[entry["name"]] = place(entry["pos"])
        elif "bb" in entry:
            x0, y0, x1, y1 = map(float, entry["bb"].split(","))
            sides[entry["name"].removeprefix("cluster_")] = (x0 - left, top - y1, x1 - left, top - y0)
    edges = sorted(graph.get("edges", ()), key=lambda edge: int(edge["id"][1:]))
    splines = []
    for edge in edges:
        tip: Point | None = None
        points = []
        for text in edge["pos"].split(" "):
            kind, comma, rest = text.partition(",")
            if comma and kind in ("e", "s"):
                tip = place(rest)
            else:
                points.append(place(text))
        if edge.get("dir") == "back":
            points.reverse()
        label = place(edge["lp"]) if "lp" in edge else None
        splines.append((tuple(points), tip or points[-1], label))
    return Layout(round(right - left, 1), round(top - bottom, 1), centres, tuple(splines), sides)


def _graphviz(text: str) -> bytes:
    graphs = optional("pygraphviz", "drawing a picture")
    with _no_warnings_of_fonts():
        laid: bytes = graphs.AGraph(string=text).draw(format="json", prog="dot")
    return laid


@contextmanager
def _no_warnings_of_fonts() -> Iterator[None]:
    """Keeps what libraries below Graphviz say of fonts off the terminal: sizes of labels are given."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def optional(module: str, what: str) -> Any:
    """A module of the extra `draw`.

    Raises SymgradError, with what to install, where it is missing.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SymgradError(
            f"{what} needs {module}, which cannot be imported: {error}",
            hint='pip install "symgrad[draw]"; the formats text, latex and dot need nothing',
        ) from error
