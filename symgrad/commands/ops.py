"""`symgrad ops`."""

from __future__ import annotations

import sys

import click

from symgrad.commands import report
from symgrad.commands.options import COLOR, JSON


@click.command()
@click.argument("name", required=False)
@click.option("--compare", is_flag=True, help="Print what autograd and jax have, as Markdown.")
@JSON
@COLOR
def ops(name: str | None, compare: bool, as_json: bool, color: bool) -> None:
    """Print every operation, or the one called NAME.

    For each its shape rule, numpy form, adjoint per edge (g is the adjoint of the result y) and the domain
    that tests draw from.
    """
    from dataclasses import asdict

    if compare:
        from symgrad.commands.comparison import markdown, rows

        if as_json:
            report.print_json([row._asdict() for row in rows()])
        else:
            sys.stdout.write(markdown())
        return
    from symgrad.commands.catalogue import entries

    found = entries(name)
    if as_json:
        report.print_json([asdict(entry) for entry in found])
        return
    output = report.console(sys.stdout, color)
    for entry in found:
        report.print_entry(output, entry)
