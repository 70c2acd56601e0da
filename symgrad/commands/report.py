"""What the command line prints: tables for people, JSON for programs, both from the same results."""

from __future__ import annotations

import json
import linecache
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from symgrad.errors import SpecError, SymgradError

if TYPE_CHECKING:
    from symgrad.building.freshness import Difference
    from symgrad.building.outcome import Built, Outcome
    from symgrad.building.plan import Plan
    from symgrad.commands.catalogue import Entry
    from symgrad.commands.diagnosis import Finding


def console(stream: TextIO, color: bool = True) -> Console:
    """A console that prints what it is given: no markup, no emoji codes, no guessed highlights.

    Where the stream is no terminal, lines are as long as they are.
    """
    made = Console(
        file=stream, color_system="auto" if color else None, markup=False, emoji=False, highlight=False
    )
    if not made.is_terminal:
        made.width = 1000
    return made


def safe_streams() -> None:
    """Let output in an encoding that lacks a character print its escape instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def build_table(outcomes: Sequence[Outcome]) -> Table:
    """One row a module: what was made of it, and what verification found."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("module")
    for heading in ("functions", "ops", "adjoint/primal", "max error", "time"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for outcome in outcomes:
        for built in outcome.modules:
            table.add_row(
                built.name,
                str(built.functions),
                str(built.ops),
                "-" if built.cost is None else f"{built.cost:.2f}",
                "-" if built.error is None else f"{built.error:.1e}",
                "" if built.unchanged else f"{built.seconds:.2f} s",
                Text("FAILED", "bold red") if built.failures else _verdict(built),
            )
        if outcome.error is not None:
            table.add_row(outcome.spec.name, "", "", "", "", "", Text("ERROR", "bold red"))
    return table


def print_costs(out: Console, outcomes: Sequence[Outcome]) -> None:
    """A line for each function with its flops as a formula."""
    for outcome in outcomes:
        for built in outcome.modules:
            for title, text in built.costs.items():
                said = text.removeprefix("Cost: ").rstrip(".")
                out.print(Text.assemble((f"{built.name}.{title}: ", "cyan"), said), soft_wrap=True)


def print_hint(out: Console, plan: Plan) -> None:
    """Where nothing was named and nothing is configured: what it was that was built, and how to begin."""
    if plan.is_gallery and not (plan.out.parent / "symgrad" / "gallery").is_dir():
        out.print("this is the gallery of symgrad, for no spec is named here; `symgrad new NAME` starts one")


def print_rewrites(out: Console, outcomes: Sequence[Outcome]) -> None:
    """A line for each function in which something got a stable form, with the names of the rules."""
    for outcome in outcomes:
        for built in outcome.modules:
            for title, fired in built.rewrites.items():
                counts = ", ".join(f"{name} {count}" for name, count in sorted(fired.items()))
                out.print(Text.assemble((f"{built.name}.{title}: ", "cyan"), f"rewritten: {counts}"))


def _verdict(built: Built) -> Text:
    if built.error is None:
        return Text("not verified", "yellow")
    return Text("ok, unchanged" if built.unchanged else "ok", "green")


def print_problems(out: Console, outcomes: Sequence[Outcome]) -> None:
    """Every error and every failed verification, in full."""
    for outcome in outcomes:
        if outcome.error is not None:
            print_error(out, outcome.error)
        for built in outcome.modules:
            for failure in built.failures:
                out.print(Text.assemble((f"{built.name}: ", "bold red"), failure), soft_wrap=True)


def print_error(out: Console, error: BaseException) -> None:
    """An error with its parts, under the name of its kind, and the line of the spec that it is about."""
    kind, text = type(error).__name__, str(error)
    inner = _KIND.match(text)  # of what a spec raised, its own kind is of interest
    if isinstance(error, SpecError) and inner is not None:
        kind, text = inner[1], text[inner.end() :]
    where = getattr(error, "where", None) or ""
    place = _PLACE.match(where)
    line = linecache.getline(place[1], int(place[2])).strip() if place else ""
    if line:
        text = text.replace(where, f"{where}\n  {'line:':<10}{line}", 1)
    out.print(Text.assemble((f"{kind}: ", "bold red"), text), soft_wrap=True)


_KIND = re.compile(r"(\w*(?:Error|Exit|Exception|Warning)): ")
_PLACE = re.compile(r"(.+\.py):(\d+)")


def print_differences(out: Console, differences: Sequence[Difference], mend: str | None) -> None:
    """A line and a diff for each file that is not as specs make it, and the command that mends them all."""
    for difference in differences:
        out.print(Text.assemble((f"{difference.kind}: ", "bold red"), str(difference.path)), soft_wrap=True)
        for line in difference.diff.splitlines():
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            out.print(Text(f"  {line}", style), soft_wrap=True)
    if mend:
        out.print(Text.assemble("to mend: ", (mend, "bold")), soft_wrap=True)


def print_entry(out: Console, entry: Entry) -> None:
    """One operation, a labelled line for each thing known of it."""
    out.print(Text(entry.signature, "bold"), soft_wrap=True)
    rows = [("", entry.doc)]
    if entry.spellings:
        rows.append(("called", ", ".join(entry.spellings)))
    rows += [("shape" if not i else "", text) for i, text in enumerate(entry.shapes)]
    if entry.numpy:
        rows.append(("numpy", entry.numpy))
    for edge, rule in entry.adjoint.items():
        rows.append((f"{edge}_bar", "no derivative" if rule is None else f"+= {rule}"))
    if entry.domain:
        domain = ", ".join(f"{name} in [{low:g}, {high:g}]" for name, (low, high) in entry.domain.items())
        points = ", ".join(f"{point:g}" for point in entry.special)
        rows.append(("tested", f"{domain}; at {points}" if points else domain))
    width = max(len(label) for label, _ in rows) + 2
    for label, text in rows:
        out.print(Text.assemble((f"    {label:<{width}}", "cyan"), text), soft_wrap=True)
    out.print()


_MARKS = {True: ("ok", "green"), False: ("MISSING", "bold red"), None: ("-", "yellow")}


def print_findings(out: Console, findings: Sequence[Finding]) -> None:
    """A heading a topic, and a line a finding."""
    width = max(len(finding.name) for finding in findings) + 2
    topic = ""
    for finding in findings:
        if finding.topic != topic:
            topic = finding.topic
            out.print(Text(topic, "bold"), soft_wrap=True)
        mark, style = _MARKS[finding.ok]
        line = Text.assemble("  ", (f"{mark:<8}", style), f"{finding.name:<{width}}", finding.text)
        out.print(line, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output, in ASCII, so that any encoding can carry it."""
    print(json.dumps(value, indent=2, default=str))


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """What came of one spec, for `--json`."""
    return {
        "spec": str(outcome.spec),
        "error": None if outcome.error is None else error_json(outcome.error),
        "modules": [
            {
                "name": built.name,
                "files": sorted(built.files),
                "functions": built.functions,
                "ops": built.ops,
                "cost": built.cost,
                "costs": dict(built.costs),
                "max_error": built.error,
                "failures": list(built.failures),
                "rewrites": {title: dict(sorted(fired.items())) for title, fired in built.rewrites.items()},
                "seconds": round(built.seconds, 3),
                "unchanged": built.unchanged,
            }
            for built in outcome.modules
        ],
    }


def error_json(error: SymgradError) -> dict[str, Any]:
    """The parts of an error, for `--json`."""
    return {
        "kind": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "expected": error.expected,
        "got": error.got,
        "hint": error.hint,
    }


def difference_json(difference: Difference) -> dict[str, Any]:
    """One file that is not as specs make it, for `--json`."""
    return {"path": str(difference.path), "kind": difference.kind, "diff": difference.diff}


def relative(path: Path) -> str:
    """The path as seen from here, where it is below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
