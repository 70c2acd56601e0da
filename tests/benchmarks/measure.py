"""Results compared, then all contenders timed in the same rounds: a busy machine slows all alike."""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import peers
from .contender import Contender
from .workload import Workload

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Effort:
    """How long each contender runs in a round, how many rounds there are, and by which clock."""

    seconds: float = 0.2
    rounds: int = 7
    clock: Callable[[], float] = time.perf_counter


@dataclass
class Row:
    """What came out for one workload, by contender.

    Median seconds, largest differences from symgrad's results, and numbers of entries that are not finite.
    """

    name: str
    title: str
    seconds: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    #: Bytes that numpy allocates at most during one call, and bytes of the results, which are part of them.
    peak: int = 0
    results: int = 0

    @property
    def value_ratio(self) -> float | None:
        """Time of value and gradient over time of the value; None for a Hessian."""
        return self.seconds["symgrad"] / self.seconds["value"] if "value" in self.seconds else None

    @property
    def peers(self) -> dict[str, float]:
        """Medians of the other tools."""
        own = ("symgrad", "value", "by hand")
        return {n: t for n, t in self.seconds.items() if n not in own and not n.startswith("without")}

    @property
    def without(self) -> dict[str, float]:
        """Medians of symgrad without one technique, by its name."""
        return {n.removeprefix("without "): t for n, t in self.seconds.items() if n.startswith("without")}

    def ratio(self, name: str) -> float:
        """How many times longer a contender takes than symgrad."""
        return self.seconds[name] / self.seconds["symgrad"]

    @property
    def best_ratio(self) -> float | None:
        """The ratio of the fastest peer; below one, symgrad loses."""
        return min((self.ratio(name) for name in self.peers), default=None)


def distance(result: Any, reference: Any) -> float:
    """Largest difference of entries that are finite in both, relative to the largest entry of each array.

    inf where shapes differ. Entries that are NaN or infinite are no agreement: `lost` counts them.
    """
    if len(result) != len(reference):
        return float("inf")
    worst = 0.0
    for a, b in zip(result, reference):
        if np.shape(a) != np.shape(b):
            return float("inf")
        both = np.isfinite(a) & np.isfinite(b)
        kept, wanted = np.asarray(a)[both], np.asarray(b)[both]
        scale = np.max(np.abs(wanted), initial=1e-300)
        worst = max(worst, float(np.max(np.abs(kept - wanted), initial=0.0) / scale))
    return worst


def lost(result: Any) -> int:
    """Entries that are NaN or infinite; every workload has finite results everywhere."""
    return sum(int(np.size(a) - np.count_nonzero(np.isfinite(a))) for a in result)


def compare(contenders: Sequence[Contender]) -> dict[str, float]:
    """Distance of every contender's results from those of the first.

    Raises ArithmeticError if one is not within the tolerance: such times would mean nothing.
    """
    first, *others = contenders
    reference = [np.array(a) for a in first.arrays(first.call())]
    errors = {other.name: distance(other.arrays(other.call()), reference) for other in others}
    for name, error in errors.items():
        if not error <= TOLERANCE:
            raise ArithmeticError(f"{name} and {first.name} differ by {error:.1e}")
    return errors


def rounds(contenders: Sequence[Contender], effort: Effort) -> dict[str, float]:
    """Median seconds a call, by name; in each round every contender has one turn."""
    turns: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    counts = {contender.name: _count(contender, effort) for contender in contenders}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for number in range(effort.rounds):
            # Every other round goes backwards: no contender always follows the same one.
            for contender in contenders if number % 2 == 0 else reversed(contenders):
                turns[contender.name].append(_turn(contender, counts[contender.name], effort.clock))
    finally:
        if enabled:
            gc.enable()
    return {name: statistics.median(times) for name, times in turns.items()}


def _turn(contender: Contender, count: int, clock: Callable[[], float]) -> float:
    call = contender.call
    start = clock()
    for _ in range(count):
        call()
    return (clock() - start) / count


def _count(contender: Contender, effort: Effort) -> int:
    """Calls that take at least the seconds of a round together."""
    count, seconds = 1, effort.seconds
    while (took := _turn(contender, count, effort.clock) * count) < seconds:
        count = max(count + 1, min(10 * count, int(1.1 * count * seconds / max(took, 1e-9))))
    return count


def peak(contender: Contender) -> tuple[int, int]:
    """Bytes that numpy allocates at most during one call, and bytes of its results."""
    contender.call()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = contender.call()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return most - before, sum(a.nbytes for a in contender.arrays(result))


def measure(
    workload: Workload, effort: Effort, names: tuple[str, ...] | None = None, without: tuple[str, ...] = ()
) -> Row:
    """One row: results compared, then times; `without` adds symgrad without each of these techniques."""
    contenders = peers.contenders(workload, names)
    contenders += [peers.symgrad_without(workload, technique) for technique in without]
    row = Row(workload.name, workload.title)
    with np.errstate(all="ignore"):
        row.errors = compare(contenders)
        row.lost = {c.name: lost(c.arrays(c.call())) for c in contenders}
        row.peak, row.results = peak(contenders[0])
        timed = contenders if workload.hessian else [*contenders, peers.symgrad_value(workload)]
        row.seconds = rounds(timed, effort)
    return row


def geometric_mean(rows: Sequence[Row], name: str | None = None) -> float | None:
    """Of the ratios of the best peer of every row, or of the named contender."""
    found = [row.best_ratio if name is None else row.ratio(name) for row in rows]
    ratios = [ratio for ratio in found if ratio is not None]
    return statistics.geometric_mean(ratios) if ratios else None
