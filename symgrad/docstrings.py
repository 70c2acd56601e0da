"""Docstrings as users write them: the text, and what a numpydoc section says about each parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Sections that a generated docstring has of its own, or whose examples are of the function that was traced.
_REPLACED = ("Parameters", "Returns", "Yields", "Raises", "Examples", "See Also", "Other Parameters")
_PARAMETERS = ("Parameters", "Other Parameters")


def split_sections(doc: str) -> tuple[str, dict[str, str]]:
    """The text of a docstring without those sections, and the descriptions of its parameters.

    Text without sections is returned as it is; other sections keep their text and lose their heading.
    """
    text: list[str] = []
    described: dict[str, str] = {}
    for title, lines in _sections(doc.splitlines()):
        if title not in _REPLACED:
            text += ["", *lines] if title else lines
        elif title in _PARAMETERS:
            described.update(_descriptions(lines))
    return "\n".join(text).strip("\n"), described


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Pairs of a heading, empty for what comes first, and the lines below it."""
    title = ""
    found: list[str] = []
    position = 0
    while position < len(lines):
        underline = lines[position + 1] if position + 1 < len(lines) else ""
        if lines[position].strip() and re.fullmatch(r"-{3,}|={3,}", underline.strip()):
            yield title, found
            title, found = lines[position].strip(), []
            position += 2
            continue
        found.append(lines[position])
        position += 1
    yield title, found


def _descriptions(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in lines:
        if line.strip() and not line[0].isspace():
            names = [name.strip(" *`") for name in line.partition(":")[0].split(",")]
            found.update({name: [] for name in names})
        else:
            for name in names:
                found[name].append(line.strip())
    return {name: " ".join(" ".join(text).split()) for name, text in found.items() if any(text)}
