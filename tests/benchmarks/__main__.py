"""The command: measure, print, and write what was asked for."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from . import coldstart, traps, workloads
from .measure import Effort, measure
from .report import Results, as_json, markdown, show

PARTS = [*workloads.ALL, "cold_start", "traps"]


def run(
    only: tuple[str, ...] = (), quick: bool = False, peers: tuple[str, ...] | None = None,
    console: Console | None = None,
) -> Results:  # fmt: skip
    """Everything, or the named parts; `peers` limits the other tools."""
    effort = Effort(seconds=0.0, rounds=2) if quick else Effort()
    results = Results()
    wanted = only or tuple(PARTS)
    for name in wanted:
        if console is not None:
            console.print(f"[dim]{name} ...[/dim]")
        if name == "cold_start":
            results.cold = coldstart.measure(1 if quick else 7, peers)
        elif name == "traps":
            results.traps = traps.table(peers)
        else:
            results.rows.append(measure(workloads.ALL[name](quick), effort, peers))
    return results


@click.command()
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="This part; may be repeated.")
@click.option("--quick", is_flag=True, help="Tiny sizes and few rounds: shows that it works, not how fast.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all numbers to a file.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print markdown tables.")
def main(only: tuple[str, ...], quick: bool, json_file: Path | None, as_markdown: bool) -> None:
    """Compare the speed of generated modules with other tools."""
    results = run(only, quick, console=Console(stderr=True))
    if as_markdown:
        click.echo(markdown(results), nl=False)
    else:
        show(results, Console())
    if json_file is not None:
        json_file.write_text(as_json(results))


if __name__ == "__main__":
    main()
