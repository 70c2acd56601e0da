"""From outcomes to files: what should lie where, what differs from it, and writing it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from symgrad.building.files import write_all
from symgrad.building.freshness import Difference, compare, orphans
from symgrad.building.lock import locked
from symgrad.building.outcome import Outcome, texts
from symgrad.building.plan import Plan


def wanted(plan: Plan, outcomes: Sequence[Outcome]) -> dict[Path, str]:
    """Every file that the specs make, and its text."""
    return {plan.out / name: text for name, text in texts(outcomes).items()}


def differences(plan: Plan, outcomes: Sequence[Outcome]) -> list[Difference]:
    """Files that are not as the specs make them, and generated ones that no spec makes."""
    return compare(plan.out, texts(outcomes), _makers(plan))


def write(plan: Plan, outcomes: Sequence[Outcome]) -> list[Path]:
    """Write what the specs make; return the files whose text changed.

    Files that a killed build has left under temporary names are removed.
    """
    files = wanted(plan, outcomes)
    with locked(plan.out):
        _sweep(plan.out, [path.name for path in files])
        return write_all(files)


def prune(plan: Plan, outcomes: Sequence[Outcome]) -> list[Path]:
    """Remove generated files that no spec makes any more; return them."""
    with locked(plan.out):
        found = orphans(plan.out, texts(outcomes), _makers(plan))
        for path in found:
            path.unlink(missing_ok=True)
    return found


def _makers(plan: Plan) -> set[str] | None:
    """File names of the specs whose modules alone are looked for among orphans; None for all."""
    return None if plan.complete else {spec.name for spec in plan.specs}


def _sweep(folder: Path, names: Sequence[str]) -> None:
    if folder.is_dir():
        left = re.compile(rf"\.(?:{'|'.join(map(re.escape, names))})\.[0-9a-f]{{12}}\.tmp")
        for path in folder.iterdir():
            if left.fullmatch(path.name):
                path.unlink(missing_ok=True)
