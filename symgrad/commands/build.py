"""`symgrad build`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from symgrad.commands import report
from symgrad.commands.options import COLOR, DONE, FAILED, JOBS, JSON, OUT, QUIET, SPECS, VERBOSE
from symgrad.commands.running import finish, run_jobs, status_of


@click.command(short_help="Write the modules of specs, verified.")
@SPECS
@OUT
@JOBS
@click.option("--check", is_flag=True, help="Write nothing; list stale, missing and orphan files; 1 if any.")
@click.option("--no-verify", "verify", is_flag=True, flag_value=False, default=True, help="Do not verify.")
@VERBOSE
@QUIET
@JSON
@COLOR
def build(
    specs: Sequence[str], out: str | None, jobs: int | None, check: bool, verify: bool, verbose: bool,
    quiet: bool, as_json: bool, color: bool,
) -> None:  # fmt: skip
    """Write every module of the specs, with its stub, and verify it against sympy.

    Nothing is written unless every spec builds and every module verifies.
    """
    from symgrad.building.files import write_all
    from symgrad.building.freshness import compare
    from symgrad.building.specs import plan
    from symgrad.building.workers import Job, texts

    todo = plan(specs, out)
    outcomes = run_jobs(
        [Job(spec, verify and not check) for spec in todo.specs], jobs, quiet or as_json, color
    )
    status = status_of(outcomes)
    document: dict[str, Any] = {"out": str(todo.out), "specs": [report.outcome_json(o) for o in outcomes]}
    output = report.console(sys.stdout, color)
    if check:
        differences = []
        if status == DONE:
            names = None if todo.complete else {spec.name for spec in todo.specs}
            differences = compare(todo.out, texts(outcomes), names)
            status = FAILED if differences else DONE
        document["differences"] = [report.difference_json(d) for d in differences]
        if not as_json:
            report.print_differences(output, differences)
            if status == DONE and not quiet:
                output.print(f"{len(texts(outcomes))} files in {report.relative(todo.out)} are up to date")
    else:
        changed = []
        if status == DONE:
            changed = write_all({todo.out / name: text for name, text in texts(outcomes).items()})
        document["written"] = [str(path) for path in changed]
        if not as_json and not quiet:
            output.print(report.build_table(outcomes))
            if verbose:
                report.print_rewrites(output, outcomes)
            folder = report.relative(todo.out)
            output.print(
                f"{len(changed)} of {len(texts(outcomes))} files written to {folder}"
                if status == DONE
                else f"nothing was written: every file in {folder} is as it was"
            )
    finish(outcomes, status, document if as_json else None, color)
