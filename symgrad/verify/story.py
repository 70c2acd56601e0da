"""A failed verification, told to a person: which element is wrong, where, and which line made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from symgrad.verify.blame import blamed
from symgrad.verify.report import Report


def story(report: Report, source: str = "", path: Path | str | None = None) -> str:
    """All that is known about a failure, one labelled line a thing; empty where there is none.

    Parameters
    ----------
    report
        What verification found.
    source
        Text of the generated module, to name the line that made the element.
    path
        Where the text lies.
    """
    if report.failure is None:
        return ""
    wrt = f" (wrt {', '.join(report.wrt)})" if report.wrt else ""
    lines = [f"{report.function}{wrt}: {report.failure}"]
    for label, text in (("where", report.worst), ("expected", report.expected), ("got", report.got)):
        if text:
            lines.append(f"  {label + ':':<10}{text}")
    line = blamed(source, report.function, report.output) if source else None
    if line is not None:
        place = f"{path}:{line.number}" if path else f"line {line.number}"
        lines += [f"  {'made by:':<10}{place}", *(f"      {text}" for text in line.text.splitlines())]
    if report.arguments:
        lines.append("  at the point")
        for name, arrays in report.arguments.items():
            for array in arrays:
                lines.append(f"      {name} = {_shown(array, len(name))}")
    return "\n".join(lines)


def _shown(array: Any, indent: int) -> str:
    """Every digit of a small array; of a large one its corners and its shape."""
    array = np.asarray(array)
    with np.printoptions(precision=17, floatmode="maxprec", threshold=40, edgeitems=2, linewidth=100):
        text = str(array).replace("\n", "\n" + " " * (indent + 9))
    return text if array.size <= 40 else f"{text}  # {array.shape}"
