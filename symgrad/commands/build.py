"""`symgrad build`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
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
@click.option("--prune", is_flag=True, help="Also remove generated files that no spec makes any more.")
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Verify everything again, or nothing; by default what has changed since it was verified.",
)
@click.option(
    "--depfile",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write what the modules are made of, for make, ninja and CMake.",
)
@click.option("--tests", metavar="DIR", help="Also write tests of the modules, which need numpy and pytest.")
@VERBOSE
@QUIET
@JSON
@COLOR
def build(
    specs: Sequence[str], out: str | None, jobs: int | None, check: bool, prune: bool, verify: bool | None,
    depfile: Path | None, tests: str | None, verbose: bool, quiet: bool, as_json: bool, color: bool,
) -> None:  # fmt: skip
    """Write every module of the specs, with its stub, and verify it against sympy.

    Nothing is written unless every spec builds and every module verifies. What an earlier build made of the
    same files, and verified, is not made and verified again.
    """
    from symgrad.building import write
    from symgrad.building.outcome import Job
    from symgrad.building.plan import plan

    if check and (prune or depfile):
        raise click.UsageError("--check writes nothing: leave out --prune and --depfile")
    todo = plan(specs, out, tests=tests)
    verified = (todo.verify if verify is None else verify) and not check
    work = [Job(spec, verified, fresh=verify is True, tests_at=todo.tests_at) for spec in todo.specs]
    outcomes = run_jobs(work, jobs, quiet or as_json, color)
    status = status_of(outcomes)
    document: dict[str, Any] = {"out": str(todo.out), "specs": [report.outcome_json(o) for o in outcomes]}
    output = report.console(sys.stdout, color)
    files = write.wanted(todo, outcomes)
    if check:
        found = write.differences(todo, outcomes) if status == DONE else []
        status = FAILED if found else status
        mend = _mending(specs, out, tests, any(d.kind == "orphan" for d in found)) if found else None
        document.update(differences=[report.difference_json(d) for d in found], mend=mend)
        if not as_json:
            report.print_differences(output, found, mend)
            if status == DONE and not quiet:
                output.print(f"{len(files)} files in {report.relative(todo.out)} are up to date")
    else:
        changed, removed = [], []
        if status == DONE:
            changed = write.write(todo, outcomes)
            removed = write.prune(todo, outcomes) if prune else []
            if depfile is not None:
                from symgrad.building.depfile import write_depfile

                modules = [path for path in files if path.suffix == ".py"]
                write_depfile(depfile, modules, [path for o in outcomes for path in o.dependencies])
        document.update(written=list(map(str, changed)), removed=list(map(str, removed)))
        if not as_json and not quiet:
            output.print(report.build_table(outcomes))
            report.print_costs(output, outcomes)
            if verbose:
                report.print_rewrites(output, outcomes)
            folder = report.relative(todo.out)
            output.print(
                f"{len(changed)} of {len(files)} files written to {folder}"
                if status == DONE
                else f"nothing was written: every file in {folder} is as it was"
            )
            for path in removed:
                output.print(f"removed {report.relative(path)}, which no spec makes")
            report.print_hint(output, todo)
    finish(outcomes, status, document if as_json else None, color)


def _mending(specs: Sequence[str], out: str | None, tests: str | None, orphans: bool) -> str:
    """The command that makes what is on disk what it should be."""
    words = ["symgrad", "build", *specs]
    for option, value in (("--out", out), ("--tests", tests)):
        words += [option, value] if value else []
    words += ["--prune"] if orphans else []
    return shlex.join(words)
