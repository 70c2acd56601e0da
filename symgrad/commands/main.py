"""The command `symgrad`.

Exit status: 0 done; 1 a check or a verification failed; 2 the spec or the usage is wrong. What commands
need is imported inside them: `symgrad --help` waits for nothing, and sympy is imported where something is
verified.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from symgrad._version import __version__
from symgrad.commands import report
from symgrad.commands.build import build
from symgrad.commands.doctor import doctor
from symgrad.commands.explain import explain
from symgrad.commands.grad import grad
from symgrad.commands.new import new
from symgrad.commands.ops import ops
from symgrad.commands.options import FAILED, WRONG, close_name, wants_color
from symgrad.commands.show import show
from symgrad.commands.verify import verify
from symgrad.errors import SymgradError, VerificationError


class _Group(click.Group):
    """Prints symgrad's own errors as people want to read them: the message, no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SymgradError as error:
            report.print_error(report.console(sys.stderr, wants_color(ctx)), error)
            ctx.exit(FAILED if isinstance(error, VerificationError) else WRONG)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            report.print_error(report.console(sys.stderr, wants_color(ctx)), error)
            ctx.exit(WRONG)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0] if args else ""
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise click.UsageError(f"no command is called {name!r}{close_name(name, self.commands)}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="symgrad")
def cli() -> None:
    """Write standalone numpy modules that compute gradients, and verify them against sympy.

    A SPEC is a Python file with one or more sg.Module objects at module level. Without one, the specs of
    [tool.symgrad] in the nearest pyproject.toml are meant, or else the gallery that ships with symgrad.
    """


for _command in (new, build, verify, show, explain, grad, ops, doctor):
    cli.add_command(_command)


def main() -> None:
    """Run the command line."""
    report.safe_streams()
    cli(prog_name="symgrad")
