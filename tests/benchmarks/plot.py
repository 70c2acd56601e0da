"""The ratios as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .measure import Row


def plot(rows: Sequence[Row], path: Path) -> None:
    """Times of all tools over symgrad's, a group of dots a workload, on a logarithmic axis.

    The format follows from the name of the file.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    # The same bytes for the same numbers.
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"
    names = list(dict.fromkeys(name for row in rows for name in ("by hand", *row.peers)))
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(rows) + 1.2), layout="constrained")
    for number, name in enumerate(names):
        places = [(row.ratio(name), -i) for i, row in enumerate(rows) if name in row.seconds]
        marker = "|" if name == "by hand" else "osD^vPX*"[number % 8]
        color = "black" if name == "by hand" else f"C{number - 1}"
        axes.plot(*zip(*places), marker, label=name, color=color, markersize=14 if marker == "|" else 6)
    axes.axvline(1.0, color="gray", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks([-i for i in range(len(rows))], [row.title for row in rows])
    axes.set_xlabel("time over that of the generated module (right of the line: symgrad is faster)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=160)
    pyplot.close(figure)
