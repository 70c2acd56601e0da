"""The command: measure, print, and write what was asked for."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from . import coldstart, peers, traps, workloads
from .measure import Effort, measure
from .plot import plot
from .report import Results, as_json, markdown, show

PARTS = [*workloads.ALL, "cold_start", "traps"]


def run(
    only: tuple[str, ...] = (), quick: bool = False, tools: tuple[str, ...] | None = None,
    console: Console | None = None, without: tuple[str, ...] = (), busy: bool = False,
) -> Results:  # fmt: skip
    """Everything, or the named parts; `tools` limits the other tools, `without` names techniques."""
    effort = Effort(seconds=0.0, rounds=2) if quick else Effort()
    if busy:
        effort = replace(effort, seconds=effort.seconds / 2, clock=time.process_time)
    results = Results()
    wanted = only or tuple(PARTS)
    for name in wanted:
        if console is not None:
            console.print(f"[dim]{name} ...[/dim]")
        if name == "cold_start":
            results.cold = coldstart.measure(1 if quick else 7, tools)
        elif name == "traps":
            results.traps = traps.table(tools)
        else:
            results.rows.append(measure(workloads.ALL[name](quick), effort, tools, without))
    return results


@click.command()
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="This part; may be repeated.")
@click.option("--quick", is_flag=True, help="Tiny sizes and few rounds: shows that it works, not how fast.")
@click.option("--techniques", is_flag=True, help="Also without each technique in turn.")
@click.option("--no-peers", is_flag=True, help="Only symgrad and what is written by hand.")
@click.option("--plot", "plot_file", type=click.Path(path_type=Path), help="Draw the ratios (matplotlib).")
@click.option(
    "--busy",
    is_flag=True,
    help="Processor time on one core: for a machine that does other things (taskset -c 0 python -m ...).",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all numbers to a file.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print markdown tables.")
def main(
    only: tuple[str, ...], quick: bool, techniques: bool, no_peers: bool, plot_file: Path | None,
    json_file: Path | None, as_markdown: bool, busy: bool,
) -> None:  # fmt: skip
    """Compare the speed of generated modules with other tools."""
    without = tuple(peers.techniques()) if techniques else ()
    results = run(only, quick, () if no_peers else None, Console(stderr=True), without, busy)
    if as_markdown:
        click.echo(markdown(results), nl=False)
    else:
        show(results, Console())
    if json_file is not None:
        json_file.write_text(as_json(results))
    if plot_file is not None:
        plot(results.rows, plot_file)


if __name__ == "__main__":
    main()
