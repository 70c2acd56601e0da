"""`symgrad grad`."""

from __future__ import annotations

import os

import click

from symgrad.commands.options import COLOR
from symgrad.errors import SpecError


@click.command()
@click.argument("formula")
@click.option("--wrt", multiple=True, metavar="NAME", help="Differentiate by this symbol; may be repeated.")
@click.option("--array-api", is_flag=True, help="For arrays of torch, jax and others, not of numpy alone.")
@click.option("--name", default="f", metavar="NAME", help="Name of the function, and of the module.")
@COLOR
def grad(formula: str, wrt: tuple[str, ...], array_api: bool, name: str, color: bool) -> None:
    """Print a module with FORMULA, such as "sin(x)*y", and its gradient.

    The gradient is by every symbol unless --wrt names some; by one symbol it is an array, by several a named
    tuple.
    """
    import symgrad as sg

    f = sg.parse(_unescaped(formula), name=name)
    names = tuple(map(_unescaped, wrt)) or tuple(p.name for p in f.parameters)
    if not names:
        raise SpecError(f"{formula} has no symbol to differentiate by", expected="a formula such as sin(x)*y")
    gradient = sg.grad(f, names[0] if len(names) == 1 else names)
    module = sg.Module(name, {name: f, f"{name}_grad": gradient}, doc=f.doc, array_api=array_api)
    click.echo(module.source(), nl=False)


def _unescaped(text: str) -> str:
    """An argument as it was typed: the C locale hides each byte of a letter like α in a surrogate."""
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return text
