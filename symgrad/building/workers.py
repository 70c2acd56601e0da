"""Several specs at once: those that changed are built by workers, the others are known already.

Everything is made and verified away from the folder where generated files are. A build that fails
anywhere changes nothing there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from symgrad.building.outcome import Job, Outcome, recall
from symgrad.errors import SpecError


def build_all(jobs: Iterable[Job], workers: int = 1) -> Iterator[Outcome]:
    """The outcomes of several specs, as they come, built by that many processes.

    Two specs that make a module of one name get an error each, in place of files that overwrite.
    """
    todo = list(jobs)
    workers = min(workers, len(todo))
    if workers <= 1:
        yield from map(_build_spec, todo)
        return
    # Not fork: numpy's threads may be at work in this process.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: dict[Future[Outcome], Job] = {pool.submit(_build_spec, job): job for job in todo}
        for future in as_completed(running):
            try:
                yield future.result()
            except BrokenProcessPool:
                error = SpecError(
                    "a process that builds specs died",
                    where=str(running[future].spec),
                    hint="--jobs 1 shows at which spec; it may have run out of memory",
                )
                yield Outcome(running[future].spec, error=error)


def in_order(outcomes: Iterable[Outcome], specs: Iterable[Path]) -> list[Outcome]:
    """Outcomes in the order of the specs, with an error for a module that two specs make."""
    by_spec = {outcome.spec: outcome for outcome in outcomes}
    makers: dict[str, Path] = {}
    found = []
    for spec in specs:
        outcome = by_spec[spec]
        for module in outcome.modules:
            first = makers.setdefault(module.name, spec)
            if first != spec:
                error = SpecError(
                    f"module {module.name!r} is made by two specs",
                    where=str(spec),
                    got=f"also in {first}",
                    hint="give one of the modules another name",
                )
                outcome = Outcome(spec, error=error)
                break
        found.append(outcome)
    return found


def _build_spec(job: Job) -> Outcome:
    # The whole generator is imported where something has to be generated.
    from symgrad.building.generate import build_spec

    return build_spec(job)


def run(
    jobs: Iterable[Job], workers: int = 1, progress: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """Build every spec that has changed; the outcomes are in the order of the jobs.

    `progress` is told of each as it is done.
    """
    todo = list(jobs)
    done = []
    for job in todo:
        known = recall(job)
        if known is not None:
            progress(known)
            done.append(known)
    known_specs = {outcome.spec for outcome in done}
    for outcome in build_all([job for job in todo if job.spec not in known_specs], workers):
        progress(outcome)
        done.append(outcome)
    return in_order(done, [job.spec for job in todo])


def usable_cores() -> int:
    """How many processes can work at once here."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
