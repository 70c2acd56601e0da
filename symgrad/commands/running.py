"""What commands that build have in common: running jobs with a bar, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from symgrad.commands import report
from symgrad.commands.options import DONE, FAILED, WRONG

if TYPE_CHECKING:
    from symgrad.building.outcome import Job, Outcome


def run_jobs(jobs: Sequence[Job], workers: int | None, silent: bool, color: bool) -> list[Outcome]:
    """The outcomes of the jobs, with a bar on a terminal that wants one."""
    from symgrad.building.workers import run, usable_cores

    terminal = report.console(sys.stderr, color)
    workers = usable_cores() if workers is None else workers
    if silent or not terminal.is_terminal:
        return run(jobs, workers)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    progress = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        console=terminal, transient=True,
    )  # fmt: skip
    with progress:
        task = progress.add_task("specs", total=len(jobs))
        return run(
            jobs, workers, lambda outcome: progress.update(task, advance=1, description=outcome.spec.name)
        )


def status_of(outcomes: Sequence[Outcome]) -> int:
    if any(outcome.error is not None for outcome in outcomes):
        return WRONG
    if any(built.failures for outcome in outcomes for built in outcome.modules):
        return FAILED
    return DONE


def finish(outcomes: Sequence[Outcome], status: int, document: dict[str, Any] | None, color: bool) -> None:
    if document is not None:
        report.print_json({**document, "status": status})
    else:
        report.print_problems(report.console(sys.stderr, color), outcomes)
    click.get_current_context().exit(status)
