"""What the hooks of all build systems do: build the specs that a project names, or say what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symgrad.building.outcome import Job, Outcome
from symgrad.building.plan import configured
from symgrad.building.workers import run
from symgrad.building.write import wanted, write
from symgrad.errors import SpecError, VerificationError


@dataclass(frozen=True)
class Made:
    """Files that a project's specs made, and the files that they were made of; all below its root."""

    generated: tuple[Path, ...]
    sources: tuple[Path, ...]


def build_project(root: Path, table: Mapping[str, Any] | None = None) -> Made | None:
    """Build the specs of the project in a folder; None where it names none.

    Parameters
    ----------
    root
        Where its pyproject.toml is.
    table
        Settings that come before those of `[tool.symgrad]`.

    Raises
    ------
    SpecError
        For a spec that does not build, or a folder of generated files outside the project.
    VerificationError
        For a module that sympy does not agree with. Nothing is written then.
    """
    root = root.resolve()
    plan = configured(root, dict(table or {}))
    if plan is None:
        return None
    if not plan.out.resolve().is_relative_to(root):
        raise SpecError(
            "generated modules would lie outside the project, where no package holds them",
            where=f"out, in {root / 'pyproject.toml'}",
            expected="a folder of the package, such as src/package/generated",
            got=str(plan.out),
        )
    # One process: a build front end may be anything but a script that workers could import.
    outcomes = run([Job(spec, plan.verify, tests_at=plan.tests_at) for spec in plan.specs])
    _raise_first(outcomes)
    write(plan, outcomes)
    read = {path for outcome in outcomes for path in outcome.dependencies if path.is_relative_to(root)}
    return Made(
        tuple(path.resolve() for path in wanted(plan, outcomes) if path.parent == plan.out),
        tuple(sorted(read)),
    )


def _raise_first(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
        for built in outcome.modules:
            for failure in built.failures:
                raise VerificationError(f"module {built.name}: {failure}", where=str(outcome.spec))
