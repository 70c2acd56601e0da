"""Options and exit statuses that commands share."""

from __future__ import annotations

from collections.abc import Iterable

import click

from symgrad.errors import did_you_mean

DONE, FAILED, WRONG = 0, 1, 2


def close_name(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that there is not: the one that was meant, or all there are."""
    known = list(known)
    return f"; {did_you_mean(name, known) or 'there are ' + ', '.join(known)}"


def wants_color(ctx: click.Context) -> bool:
    """Whether the command may print colours, where the stream takes them."""
    return bool(ctx.meta.get("color", True))


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
