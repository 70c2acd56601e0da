"""From outcomes to files: what should lie where, what differs from it, and writing it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from symgrad.building.files import write_all
from symgrad.building.freshness import Difference, compare, orphans
from symgrad.building.lock import locked
from symgrad.building.outcome import Outcome, texts
from symgrad.building.plan import Plan


def wanted(plan: Plan, outcomes: Sequence[Outcome]) -> dict[Path, str]:
    """Every file that the specs make, and its text."""
    return {folder / name: text for folder, made in _folders(plan, outcomes) for name, text in made.items()}


def differences(plan: Plan, outcomes: Sequence[Outcome]) -> list[Difference]:
    """Files that are not as the specs make them, and generated ones that no spec makes."""
    return [d for folder, made in _folders(plan, outcomes) for d in compare(folder, made, _makers(plan))]


def write(plan: Plan, outcomes: Sequence[Outcome]) -> list[Path]:
    """Write what the specs make; return the files whose text changed.

    Files that a killed build has left under temporary names are removed.
    """
    with _locked(plan):
        for folder, made in _folders(plan, outcomes):
            _sweep(folder, list(made))
        return write_all(wanted(plan, outcomes))


def prune(plan: Plan, outcomes: Sequence[Outcome]) -> list[Path]:
    """Remove generated files that no spec makes any more; return them."""
    with _locked(plan):
        found = [
            path for folder, made in _folders(plan, outcomes) for path in orphans(folder, made, _makers(plan))
        ]
        for path in found:
            path.unlink(missing_ok=True)
    return found


def _folders(plan: Plan, outcomes: Sequence[Outcome]) -> list[tuple[Path, dict[str, str]]]:
    """The folders that are written to, and what is to be in each."""
    found = [(plan.out, texts(outcomes))]
    if plan.tests is not None:
        built = [built for outcome in outcomes for built in outcome.modules]
        found.append((plan.tests, {name: text for one in built for name, text in one.tests.items()}))
    return found


@contextlib.contextmanager
def _locked(plan: Plan) -> Iterator[None]:
    # Always in this order: two builds never wait for each other.
    folders = sorted({plan.out, *([plan.tests] if plan.tests is not None else [])})
    with contextlib.ExitStack() as stack:
        for folder in folders:
            stack.enter_context(locked(folder))
        yield


def _makers(plan: Plan) -> set[str] | None:
    """File names of the specs whose modules alone are looked for among orphans; None for all."""
    return None if plan.complete else {spec.name for spec in plan.specs}


def _sweep(folder: Path, names: Sequence[str]) -> None:
    if folder.is_dir() and names:
        left = re.compile(rf"\.(?:{'|'.join(map(re.escape, names))})\.[0-9a-f]{{12}}\.tmp")
        for path in folder.iterdir():
            if left.fullmatch(path.name):
                path.unlink(missing_ok=True)
