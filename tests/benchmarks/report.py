"""The results as tables: on the terminal, as markdown, as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from .measure import Row, geometric_mean
from .peers import PEERS

Cells = list[list[str]]


@dataclass
class Results:
    """All that one run measured."""

    rows: list[Row] = field(default_factory=list)
    cold: dict[str, float] = field(default_factory=dict)
    traps: dict[str, dict[str, str]] = field(default_factory=dict)


def duration(seconds: float) -> str:
    """Three digits in a unit that fits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            number = seconds / scale
            return f"{number:.0f} {unit}" if number >= 999.5 else f"{number:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def machine() -> str:
    """The machine and the versions, in one line."""
    peers = [f"{peer.name} {peer.version}" for peer in PEERS.values() if peer.version is not None]
    return (
        f"{os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}, "
        f"numpy {np.__version__}{', ' if peers else ''}{', '.join(peers)}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def missing() -> list[str]:
    """Peers that are not installed."""
    return [peer.name for peer in PEERS.values() if peer.version is None]


def speed(rows: Sequence[Row], titles: bool = True) -> Cells:
    """Times, ratios to symgrad, gradient over value, memory; the first row holds the headings."""
    names = list(dict.fromkeys(name for row in rows for name in row.peers))
    ends = ["fastest peer / symgrad", "gradient / value", "peak memory"]
    cells = [["value and gradient", "symgrad", "by hand", *names, *ends]]
    for row in rows:
        times = [
            f"{duration(row.seconds[name])} ({_times(row.ratio(name))}){_lost(row, name)}"
            if name in row.seconds
            else "-"
            for name in ("by hand", *names)
        ]
        best = "-" if row.best_ratio is None else f"{row.best_ratio:.2f}"
        ratio = "-" if row.value_ratio is None else f"{row.value_ratio:.2f}"
        label = row.title if titles else row.name
        own = duration(row.seconds["symgrad"]) + _lost(row, "symgrad")
        cells.append([label, own, *times, best, ratio, _memory(row)])
    mean = geometric_mean(rows)
    if mean is not None and len(rows) > 1:
        hand = f"{geometric_mean(rows, 'by hand'):.2f}x"
        cells.append(["geometric mean", "", hand, *([""] * len(names)), f"{mean:.2f}", "", ""])
    return cells


def without(rows: Sequence[Row], titles: bool = True) -> Cells:
    """How many times longer each workload takes without one technique."""
    names = list(dict.fromkeys(name for row in rows for name in row.without))
    cells = [["times longer without", *names]]
    for row in rows:
        ratios = [f"{row.without[name] / row.seconds['symgrad']:.2f}" for name in names]
        cells.append([row.title if titles else row.name, *ratios])
    return cells


def _memory(row: Row) -> str:
    """What is allocated beside the results."""
    beside = max(row.peak - row.results, 0)
    return f"{beside / 2**20:.1f} MiB" if beside >= 2**18 else f"{beside / 2**10:.1f} KiB"


def _times(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.2g}x"


def _lost(row: Row, name: str) -> str:
    count = row.lost.get(name, 0)
    return f", {count} not finite" if count else ""


def cold(times: dict[str, float]) -> Cells:
    """Cold starts, and what they add to the import of numpy."""
    base = times["import numpy"]
    cells = [["fresh process to first gradient", "time", "beyond numpy"]]
    for name, seconds in times.items():
        alone = name in ("import numpy", "import of the module")
        cells.append([name, duration(seconds), "" if alone else f"{(seconds - base) * 1e3:+.0f} ms"])
    return cells


def traps(verdicts: dict[str, dict[str, str]]) -> Cells:
    """Verdicts by trap."""
    names = list(next(iter(verdicts.values())))
    return [["gradient of", *names], *([trap, *found.values()] for trap, found in verdicts.items())]


def tables(results: Results, titles: bool = True) -> list[Cells]:
    """What there is to show, with titles or short names."""
    found = []
    if results.rows:
        found.append(speed(results.rows, titles))
    if any(row.without for row in results.rows):
        found.append(without(results.rows, titles))
    if results.cold:
        found.append(cold(results.cold))
    if results.traps:
        found.append(traps(results.traps))
    return found


def show(results: Results, console: Console) -> None:
    """Tables on the terminal."""
    for cells in tables(results, titles=False):
        table = Table()
        for position, heading in enumerate(cells[0]):
            table.add_column(heading, no_wrap=position == 0, justify="right" if position else "left")
        for row in cells[1:]:
            table.add_row(*row)
        console.print(table)
    console.print(machine(), highlight=False)
    if missing():
        console.print(f"Not installed, left out: {', '.join(missing())}", highlight=False)


def markdown(results: Results) -> str:
    """The same as markdown."""
    parts = []
    for cells in tables(results):
        right = ["---", *["---:"] * (len(cells[0]) - 1)]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in [cells[0], right, *cells[1:]]))
    return "\n\n".join([*parts, machine()]) + "\n"


def as_json(results: Results) -> str:
    """All numbers, in seconds."""
    document = {
        "machine": machine(),
        "workloads": {
            row.name: {
                "title": row.title, "seconds": row.seconds, "errors": row.errors, "not_finite": row.lost,
                "best_ratio": row.best_ratio, "gradient_over_value": row.value_ratio,
                "peak_bytes": row.peak, "result_bytes": row.results,
            }
            for row in results.rows
        },
        "geometric_mean": geometric_mean(results.rows),
        "geometric_mean_by_hand": geometric_mean(results.rows, "by hand"),
        "cold_start": results.cold,
        "traps": results.traps,
        "missing": missing(),
    }  # fmt: skip
    return json.dumps(document, indent=2) + "\n"
