"""The command `symgrad`.

Exit status: 0 done; 1 a check or a verification failed; 2 the spec or the usage is wrong. What commands
need is imported inside them: `symgrad --help` waits for nothing, and sympy is imported where something is
verified.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from symgrad import report
from symgrad._version import __version__
from symgrad.errors import SpecError, SymgradError, VerificationError

if TYPE_CHECKING:
    from symgrad.build import Job, Outcome

Command = TypeVar("Command", bound=Callable[..., Any])

DONE, FAILED, WRONG = 0, 1, 2


class _Group(click.Group):
    """Prints symgrad's own errors as people want to read them: the message, no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SymgradError as error:
            report.print_error(report.console(sys.stderr, _wants_color(ctx)), error)
            ctx.exit(FAILED if isinstance(error, VerificationError) else WRONG)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            report.print_error(report.console(sys.stderr, _wants_color(ctx)), error)
            ctx.exit(WRONG)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0] if args else ""
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise click.UsageError(f"no command is called {name!r}{_close(name, self.commands)}", ctx)
        return super().resolve_command(ctx, args)


def _wants_color(ctx: click.Context) -> bool:
    return bool(ctx.meta.get("color", True))


def _close(name: str, known: Any) -> str:
    import difflib

    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def _no_color(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    ctx.meta["color"] = not value
    return not value


SPECS = click.argument("specs", nargs=-1, metavar="[SPEC]...")
OUT = click.option("--out", metavar="DIR", help="Folder of the generated files.")
JOBS = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that work; one a core by default.",
)
VERBOSE = click.option("--verbose", "-v", is_flag=True, help="Also print what was rewritten to stable forms.")
QUIET = click.option("--quiet", "-q", is_flag=True, help="Print problems alone.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
COLOR = click.option(
    "--no-color", "color", is_flag=True, callback=_no_color, help="Print no colours; so does NO_COLOR=1."
)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="symgrad")
def cli() -> None:
    """Write standalone numpy modules that compute gradients, and verify them against sympy.

    A SPEC is a Python file with one or more sg.Module objects at module level. Without one, the specs of
    [tool.symgrad] in the nearest pyproject.toml are meant, or else the gallery that ships with symgrad.
    """


@cli.command(short_help="Write the modules of specs, verified.")
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
    from symgrad.build import Job, texts
    from symgrad.files import write_all
    from symgrad.freshness import compare
    from symgrad.specs import plan

    todo = plan(specs, out)
    outcomes = _run([Job(spec, verify and not check) for spec in todo.specs], jobs, quiet or as_json, color)
    status = _status(outcomes)
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
    _finish(outcomes, status, document if as_json else None, color)


@cli.command(short_help="Check the modules on disk against sympy.")
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
    from symgrad.build import Job
    from symgrad.specs import plan

    todo = plan(specs, out)
    outcomes = _run([Job(spec, on_disk=todo.out) for spec in todo.specs], jobs, quiet or as_json, color)
    if not as_json and not quiet:
        report.console(sys.stdout, color).print(report.build_table(outcomes))
    document = {"out": str(todo.out), "specs": [report.outcome_json(o) for o in outcomes]}
    _finish(outcomes, _status(outcomes), document if as_json else None, color)


@cli.command()
@click.argument("formula")
@click.option("--wrt", multiple=True, metavar="NAME", help="Differentiate by this symbol; may be repeated.")
@click.option("--name", default="f", metavar="NAME", help="Name of the function, and of the module.")
@COLOR
def grad(formula: str, wrt: tuple[str, ...], name: str, color: bool) -> None:
    """Print a module with FORMULA, such as "sin(x)*y", and its gradient.

    The gradient is by every symbol unless --wrt names some; by one symbol it is an array, by several a named
    tuple.
    """
    import symgrad as sg

    f = sg.parse(_unescaped(formula), name=name)
    names = tuple(map(_unescaped, wrt)) or tuple(p.name for p in f.parameters)
    if not names:
        raise SpecError(f"{formula} has no symbol to differentiate by", expected="a formula such as sin(x)*y")
    gradient = sg.grad(f, names[0] if len(names) == 1 else names)
    click.echo(sg.Module(name, {name: f, f"{name}_grad": gradient}, doc=f.doc).source(), nl=False)


def _unescaped(text: str) -> str:
    """An argument as it was typed: the C locale hides each byte of a letter like α in a surrogate."""
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return text


@cli.command()
@click.argument("name", required=False)
@JSON
@COLOR
def ops(name: str | None, as_json: bool, color: bool) -> None:
    """Print every operation, or the one called NAME.

    For each its shape rule, numpy form, adjoint per edge (g is the adjoint of the result y) and the domain
    that tests draw from.
    """
    from dataclasses import asdict

    from symgrad.catalogue import entries

    found = entries(name)
    if as_json:
        report.print_json([asdict(entry) for entry in found])
        return
    output = report.console(sys.stdout, color)
    for entry in found:
        report.print_entry(output, entry)


@cli.command()
@click.argument("target", metavar="SPEC[:MODULE[:FUNCTION]]")
@click.option("--format", "form", type=click.Choice(["text"]), default="text", help="How to show it.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@COLOR
def show(target: str, form: str, output: Path | None, color: bool) -> None:
    """Print the DAG of functions, one line a node."""
    from symgrad.files import write_text
    from symgrad.pipeline import prepare
    from symgrad.specs import load, plan

    name, module_name, function_name = (*target.split(":"), "", "")[:3]
    parts = []
    for module in _chosen(load(plan([name]).specs[0]), module_name, "module", lambda m: m.name):
        pairs = list(module.functions.items())
        for _, function in _chosen(pairs, function_name, "function", lambda pair: pair[0]):
            parts.append(prepare(function).to_text())
    text = "\n\n".join(parts) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)


def _chosen(items: Sequence[Any], name: str, what: str, name_of: Callable[[Any], str]) -> list[Any]:
    if not name:
        return list(items)
    found = [item for item in items if name_of(item) == name]
    if not found:
        raise SpecError(f"no {what} is called {name!r}{_close(name, [name_of(item) for item in items])}")
    return found


def _run(jobs: Sequence[Job], workers: int | None, silent: bool, color: bool) -> list[Outcome]:
    """The outcomes of the jobs, with a bar on a terminal that wants one."""
    from symgrad.build import run, usable_cores

    terminal = report.console(sys.stderr, color)
    workers = usable_cores() if workers is None else workers
    if silent or not terminal.is_terminal:
        return run(jobs, workers)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=terminal, transient=True
    )
    context: AbstractContextManager[Any] = progress if len(jobs) > 1 else nullcontext()
    with context:
        task = progress.add_task("specs", total=len(jobs))
        return run(
            jobs, workers, lambda outcome: progress.update(task, advance=1, description=outcome.spec.name)
        )


def _status(outcomes: Sequence[Outcome]) -> int:
    if any(outcome.error is not None for outcome in outcomes):
        return WRONG
    if any(built.failures for outcome in outcomes for built in outcome.modules):
        return FAILED
    return DONE


def _finish(outcomes: Sequence[Outcome], status: int, document: dict[str, Any] | None, color: bool) -> None:
    if document is not None:
        report.print_json({**document, "status": status})
    else:
        report.print_problems(report.console(sys.stderr, color), outcomes)
    click.get_current_context().exit(status)


def main() -> None:
    """Run the command line."""
    report.safe_streams()
    cli(prog_name="symgrad")
