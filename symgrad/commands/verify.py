"""`symgrad verify`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from symgrad.commands import report
from symgrad.commands.options import COLOR, JOBS, JSON, OUT, QUIET, SPECS
from symgrad.commands.running import finish, run_jobs, status_of


@click.command(short_help="Check the modules on disk against sympy.")
@SPECS
@OUT
@JOBS
@QUIET
@JSON
@COLOR
def verify(
    specs: Sequence[str], out: str | None, jobs: int | None, quiet: bool, as_json: bool, color: bool
) -> None:
    """Check the generated modules on disk, imported as a user would, against sympy."""
    from symgrad.building.outcome import Job
    from symgrad.building.plan import plan

    todo = plan(specs, out)
    outcomes = run_jobs([Job(spec, on_disk=todo.out) for spec in todo.specs], jobs, quiet or as_json, color)
    if not as_json and not quiet:
        output = report.console(sys.stdout, color)
        output.print(report.build_table(outcomes))
        report.print_hint(output, todo)
    document = {"out": str(todo.out), "specs": [report.outcome_json(o) for o in outcomes]}
    finish(outcomes, status_of(outcomes), document if as_json else None, color)
