"""`symgrad show`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from symgrad.commands.options import COLOR

if TYPE_CHECKING:
    from symgrad.commands.targets import Target

FORMATS = ("text", "latex", "dot", "svg", "png")


@click.command()
@click.argument("target", metavar="SPEC[:MODULE[:FUNCTION]]")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="How to show it; by default what the name of FILE ends in, else text.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@COLOR
def show(target: str, form: str | None, output: Path | None, color: bool) -> None:
    """Show functions as they will be emitted: their graph, or their formulas.

    text is one line a node, latex the equations; dot, svg and png are pictures with a box for each named
    value, the function on one side and its adjoints on the other; what draws the last two comes with
    pip install "symgrad[draw]".
    """
    from symgrad.building.files import write_bytes, write_text
    from symgrad.commands.targets import targets

    if form is None:
        ending = "" if output is None else output.suffix.removeprefix(".").replace("tex", "latex")
        form = ending if ending in FORMATS else "text"
    if form == "png" and output is None and sys.stdout.isatty():
        raise click.UsageError("a PNG is not for a terminal; name a file with -o FILE")
    found = targets(target)
    if form == "png":
        from symgrad.draw.png import png

        content = png(_text("svg", found))
        if output is None:
            click.echo(content, nl=False)
        else:
            write_bytes(output, content)
        return
    text = _text(form, found)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)


def _text(form: str, found: Sequence[Target]) -> str:
    if form == "text":
        from symgrad.pipeline import prepare

        return "\n\n".join(prepare(one.function).to_text() for one in found) + "\n"
    if form == "latex":
        from symgrad.draw.latex import latex

        return "\n\n".join(f"% {one.module.name}.{one.title}\n{latex(one.function)}" for one in found) + "\n"
    from symgrad.draw.boxes import picture

    pictures = [picture(one.function, f"{one.module.name}.{one.title}") for one in found]
    if form == "dot":
        from symgrad.draw.dot import dot

        return "\n".join(map(dot, pictures))
    from symgrad.draw.svg import svg

    return svg(pictures)
