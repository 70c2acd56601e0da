"""`symgrad new`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from symgrad.commands import report
from symgrad.commands.options import COLOR, QUIET


@click.command(short_help="Write a starter spec.")
@click.argument("name")
@QUIET
@COLOR
def new(name: str, quiet: bool, color: bool) -> None:
    """Write a commented spec for a module called NAME, and the lines of pyproject.toml that lead to it.

    In a project whose pyproject.toml has [tool.symgrad] already, that stays as it is.
    """
    from symgrad.building.files import write_text
    from symgrad.commands.starter import starter

    made = starter(name, Path.cwd())
    write_text(made.spec, made.text)
    if made.configuration is not None:
        write_text(made.pyproject, made.configuration)
    if quiet:
        return
    output = report.console(sys.stdout, color)
    spec = report.relative(made.spec)
    output.print(f"wrote {spec}")
    if made.configuration is not None:
        output.print(f"wrote [tool.symgrad] into {report.relative(made.pyproject)}")
    if made.missing is not None:
        output.print(f"add to [tool.symgrad] in {report.relative(made.pyproject)}:\n    {made.missing}")
    module = os.path.relpath(made.pyproject.parent / made.out / f"{name}.py")
    output.print(f"next: edit {spec}, then run `symgrad build`: it writes {module}")
