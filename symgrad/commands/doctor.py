"""`symgrad doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from symgrad.commands import report
from symgrad.commands.options import COLOR, DONE, FAILED, JSON


@click.command(short_help="Say what is installed and what is missing.")
@JSON
@COLOR
def doctor(as_json: bool, color: bool) -> None:
    """Say what is installed, what is missing, and what of this machine matters.

    Exit status 1 where something is missing that symgrad cannot do without.
    """
    from dataclasses import asdict

    from symgrad.commands.diagnosis import findings

    found = findings(Path.cwd())
    if as_json:
        report.print_json([asdict(finding) for finding in found])
    else:
        report.print_findings(report.console(sys.stdout, color), found)
    broken = any(finding.ok is False for finding in found)
    click.get_current_context().exit(FAILED if broken else DONE)
