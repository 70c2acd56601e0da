"""Generated lines traced to the user's: `# loss.py:12` behind each, on request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from symgrad.program import Program, Routine, Section

#: A line that gives a name its value, or changes a part of it.
_ASSIGNS = re.compile(r"\s*(?P<name>[^\W\d]\w*)(\[.*\])? [+\-*/@|&]?= ")


def with_lines(program: Program) -> Program:
    """The program with the user's line behind every line that computes a value."""
    return replace(program, routines=tuple(_mapped(routine) for routine in program.routines))


def source_map(program: Program) -> dict[str, dict[str, str]]:
    """For every function of the program, its values by their names to lines of the user's source."""
    return {routine.name: dict(routine.origins) for routine in program.routines}


def _mapped(routine: Routine) -> Routine:
    origins = dict(routine.origins)
    blocks = tuple(replace(b, sections=_sections(b.sections, origins)) for b in routine.blocks)
    return replace(routine, sections=_sections(routine.sections, origins), blocks=blocks)


def _sections(sections: Iterable[Section], origins: Mapping[str, str]) -> tuple[Section, ...]:
    return tuple(replace(s, lines=tuple(commented(s.lines, origins))) for s in sections)


def commented(lines: Iterable[str], origins: Mapping[str, str]) -> list[str]:
    """The lines, each with the origin of the value that it computes."""
    found = []
    for entry in lines:
        parts = []
        for line in entry.split("\n"):
            match = _ASSIGNS.match(line)
            origin = origins.get(match["name"], "") if match else ""
            if origin and not line.rstrip().endswith(("(", "[", "{", ",")):
                line = f"{line}, {origin}" if "  # " in line else f"{line}  # {origin}"
            parts.append(line)
        found.append("\n".join(parts))
    return found
