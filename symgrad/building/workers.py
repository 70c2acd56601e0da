"""Building: specs to texts, texts to verified modules, and only then modules to disk.

Everything is made and verified away from the folder where generated files are. A build that fails
anywhere changes nothing there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

from symgrad.building.files import write_all
from symgrad.building.specs import load, spec_error
from symgrad.cost import derivative_cost
from symgrad.errors import SpecError, SymgradError, VerificationError
from symgrad.module import Module
from symgrad.pipeline import prepare


@dataclass(frozen=True)
class Built:
    """A module as a worker hands it over: texts and figures, nothing that holds a graph."""

    name: str
    files: Mapping[str, str]
    functions: int
    ops: int
    #: Cost of its derivatives, in evaluations of what they are derivatives of.
    cost: float | None = None
    #: Largest relative error that verification found; None where it was not asked.
    error: float | None = None
    failures: tuple[str, ...] = ()
    seconds: float = 0.0
    #: For each function in which rules for stable forms fired, how often each did.
    rewrites: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of one spec: its modules, or the error that it has."""

    spec: Path
    modules: tuple[Built, ...] = ()
    error: SymgradError | None = None


@dataclass(frozen=True)
class Job:
    """One spec to build, and against what to verify: nothing, fresh texts, or the files in a folder."""

    spec: Path
    verify: bool = True
    on_disk: Path | None = None


def build_spec(job: Job) -> Outcome:
    """Load one spec, generate its modules and verify them; errors are part of the outcome."""
    started = time.perf_counter()
    try:
        # What a spec prints is not a part of our own output, which may be read by a program.
        with contextlib.redirect_stdout(sys.stderr):
            modules = load(job.spec)
            built = []
            for module in modules:
                built.append(_build_module(module, job))
                now = time.perf_counter()
                built[-1] = replace(built[-1], seconds=now - started)
                started = now
    except SymgradError as error:
        return Outcome(job.spec, error=error)
    return Outcome(job.spec, tuple(built))


def _build_module(module: Module, job: Job) -> Built:
    try:
        prepared = [prepare(f) for f in module.functions.values()]
        files = module.files() if job.on_disk is None else {}
    except Exception as error:
        found = spec_error(job.spec, error)
        found.where = f"{found.where}, module {module.name}"
        raise found from error
    built = Built(
        module.name,
        files,
        functions=len(prepared),
        ops=sum(sum(f.ops().values()) for f in prepared),
        cost=derivative_cost(prepared, prepare),
        rewrites={title: dict(fired) for title, fired in module.rewrites.items() if fired},
    )
    if not job.verify:
        return built
    if job.on_disk is not None:
        path = job.on_disk / f"{module.name}.py"
        if not path.is_file():
            return replace(built, failures=(f"{path} is missing; `symgrad build` writes it",))
        return _verified(built, path, module)
    with tempfile.TemporaryDirectory(prefix="symgrad-") as folder:
        write_all({Path(folder) / name: text for name, text in files.items()})
        return _verified(built, Path(folder) / f"{module.name}.py", module)


def _verified(built: Built, path: Path, module: Module) -> Built:
    # The oracle imports sympy: a build without it need not wait for that.
    from symgrad.verify.check import verify_module

    try:
        reports = verify_module(path, module.functions)
    except VerificationError as failure:
        return replace(built, failures=(str(failure),))
    except Exception as failure:  # generated code that does not even import, or fails when called
        return replace(built, failures=(f"{type(failure).__name__}: {failure}",))
    failures = []
    for report in reports:
        error = report.error()
        if error is not None:
            failures.append(str(error))
        elif not report.compared:  # no evidence is no agreement
            failures.append(f"{report.function}: no element could be compared at any point")
    return replace(built, error=max(report.max_error for report in reports), failures=tuple(failures))


def build_all(jobs: Iterable[Job], workers: int = 1) -> Iterator[Outcome]:
    """The outcomes of several specs, as they come, built by that many processes.

    Two specs that make a module of one name get an error each, in place of files that overwrite.
    """
    todo = list(jobs)
    workers = min(workers, len(todo))
    if workers <= 1:
        yield from map(build_spec, todo)
        return
    # Not fork: numpy's threads may be at work in this process.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: dict[Future[Outcome], Job] = {pool.submit(build_spec, job): job for job in todo}
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


def texts(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """File names and texts of everything that was built."""
    return {
        name: text for outcome in outcomes for built in outcome.modules for name, text in built.files.items()
    }


def run(
    jobs: Iterable[Job], workers: int = 1, progress: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """Build every spec; `progress` is told of each as it is done, the result is in their order."""
    todo = list(jobs)
    done = []
    for outcome in build_all(todo, workers):
        progress(outcome)
        done.append(outcome)
    return in_order(done, [job.spec for job in todo])


def usable_cores() -> int:
    """How many processes can work at once here."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
