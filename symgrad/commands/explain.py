"""`symgrad explain`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from symgrad.commands.options import COLOR, JSON, close_name
from symgrad.errors import SpecError


@click.command()
@click.argument("target", metavar="[SPEC:]MODULE:FUNCTION")
@JSON
@COLOR
def explain(target: str, as_json: bool, color: bool) -> None:
    """Print how a function came about.

    What was written and where, which rules gave it a stable form, which paths met at each adjoint, which
    rewrites fired, and the lines that were emitted, each with the line it comes from. Without a SPEC the
    module is looked for in the specs of [tool.symgrad], or else in the gallery.
    """
    from dataclasses import asdict

    from rich.text import Text

    from symgrad.commands import report
    from symgrad.commands.targets import targets
    from symgrad.explain import derivation, render

    found = targets(_with_spec(target))
    if len(found) != 1:
        names = ", ".join(f"{one.module.name}:{one.title}" for one in found)
        raise SpecError(f"{target!r} means {len(found)} functions", expected=f"one of {names}")
    told = derivation(found[0].module, found[0].title)
    if as_json:
        report.print_json(asdict(told))
        return
    output = report.console(sys.stdout, color)
    styles = {"heading": "bold cyan", "note": "italic", "code": ""}
    for line, style in render(told):
        output.print(Text(line, styles.get(style, "")), soft_wrap=True)


def _with_spec(target: str) -> str:
    """The target with the file of the spec that has the module, where only the module is named."""
    first, _, _ = target.partition(":")
    if Path(first).suffix == ".py" or Path(first).exists() or not first.isidentifier():
        return target
    from symgrad.building.plan import plan
    from symgrad.building.specs import load

    known: list[str] = []
    for path in plan().specs:
        names = [module.name for module in load(path)]
        if first in names:
            return f"{path}:{target}"
        known += names
    raise SpecError(f"no module is called {first!r}{close_name(first, known)}", hint="name the SPEC as well")
