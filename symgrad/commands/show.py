"""`symgrad show`."""

from __future__ import annotations

from pathlib import Path

import click

from symgrad.commands.options import COLOR


@click.command()
@click.argument("target", metavar="SPEC[:MODULE[:FUNCTION]]")
@click.option("--format", "form", type=click.Choice(["text"]), default="text", help="How to show it.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@COLOR
def show(target: str, form: str, output: Path | None, color: bool) -> None:
    """Print the DAG of functions, one line a node."""
    from symgrad.building.files import write_text
    from symgrad.commands.targets import targets
    from symgrad.pipeline import prepare

    text = "\n\n".join(prepare(found.function).to_text() for found in targets(target)) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
