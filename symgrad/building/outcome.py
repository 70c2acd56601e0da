"""What a build is asked for and what comes of it, as plain data that processes hand to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from symgrad.building import cache
from symgrad.errors import SymgradError


@dataclass(frozen=True)
class Built:
    """A module as a worker hands it over: texts and figures, nothing that holds a graph."""

    name: str
    files: Mapping[str, str]
    functions: int
    ops: int
    #: Cost of its derivatives, in evaluations of what they are derivatives of.
    cost: float | None = None
    #: For each function a sentence about its flops.
    costs: Mapping[str, str] = field(default_factory=dict)
    #: Largest relative error that verification found; None where it was not asked.
    error: float | None = None
    failures: tuple[str, ...] = ()
    seconds: float = 0.0
    #: For each function in which rules for stable forms fired, how often each did.
    rewrites: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    #: File names and texts of tests, and where these find the folder of the modules, if they were asked for.
    tests: Mapping[str, str] = field(default_factory=dict)
    tested_at: str | None = None
    #: Whether all this was found in the records of an earlier build.
    unchanged: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of one spec: its modules, or the error that it has."""

    spec: Path
    modules: tuple[Built, ...] = ()
    error: SymgradError | None = None
    #: The spec and every other file of the user's that it read.
    dependencies: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Job:
    """One spec to build, and against what to verify: nothing, fresh texts, or the files in a folder.

    `fresh` builds and verifies again what earlier builds have a record of. `tests_at` asks for a file of
    tests, too: it is the folder of the modules as seen from the folder of the tests.
    """

    spec: Path
    verify: bool = True
    on_disk: Path | None = None
    fresh: bool = False
    tests_at: str | None = None


def record(outcome: Outcome, digests: Mapping[Path, str | None]) -> None:
    """Remember an outcome without errors; `digests` are those of the files that the spec read."""
    cache.keep(outcome.spec, digests, {"modules": [asdict(built) for built in outcome.modules]})


def recall(job: Job) -> Outcome | None:
    """What an earlier build of the same job made, while all that it depends on is as it was."""
    if job.fresh or job.on_disk is not None:
        return None
    found = cache.find(job.spec)
    if found is None:
        return None
    modules = tuple(
        Built(**{**built, "failures": (), "seconds": 0.0, "unchanged": True}) for built in found["modules"]
    )
    if job.verify and any(built.error is None for built in modules):
        return None
    if job.tests_at is not None and any(built.tested_at != job.tests_at for built in modules):
        return None
    return Outcome(job.spec, modules, dependencies=tuple(map(Path, found["dependencies"])))


def texts(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """File names and texts of everything that was built."""
    return {
        name: text for outcome in outcomes for built in outcome.modules for name, text in built.files.items()
    }
