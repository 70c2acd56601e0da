"""What pages get from the program itself: commands, operations, models, drawn graphs."""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path

import click

from symgrad.building.plan import gallery
from symgrad.building.specs import load
from symgrad.commands.catalogue import entries
from symgrad.commands.main import cli
from symgrad.draw.boxes import picture
from symgrad.draw.svg import svg
from symgrad.module import Module

PAGES = Path(__file__).parent / "pages"

#: Pictures of models whose name is not that of one module.
SEVERAL = {"regressions": ("linear_regression", "logistic_regression")}

GRAPHS = '''
import numpy as np
import symgrad as sg


def loss(X, y, w, b):
    """Mean logistic loss of the labels y, which are 0 or 1."""
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z)


def ridge(X, y, w, lam):
    """Ridge regression."""
    residual = X @ w - y
    return np.mean(residual**2) + lam * np.sum(w**2)


logistic = sg.value_and_grad(sg.trace(loss, X="n d", y="n", w="d", b=""), wrt=("w", "b"))
ridge = sg.value_and_grad(sg.trace(ridge, X="n d", y="n", w="d", lam=""), wrt="w")
'''


def filled(folder: Path) -> Path:
    """A copy of the pages in the folder, with everything in its place."""
    pages = folder / "pages"
    shutil.copytree(PAGES, pages)
    graphs(pages / "graphs")
    for path, mark, text in (
        (pages / "reference" / "commands.md", "commands", commands()),
        (pages / "reference" / "generated.md", "operations", operations()),
        (pages / "gallery.md", "gallery", models(pages / "gallery")),
    ):
        before = path.read_text(encoding="utf-8")
        path.write_text(before.replace(f"<!-- {mark} -->", text), encoding="utf-8")
    return pages


def graphs(folder: Path) -> None:
    """Draw the graphs that pages show."""
    folder.mkdir(exist_ok=True)
    scope: dict[str, object] = {}
    exec(compile(GRAPHS, "loss.py", "exec"), scope)
    for name in ("logistic", "ridge"):
        (folder / f"{name}.svg").write_text(svg([picture(scope[name])]), encoding="utf-8")


def commands() -> str:
    """Every command with its help."""
    context = click.Context(cli, info_name="symgrad")
    parts = []
    for name, command in sorted(cli.commands.items()):
        text = command.get_help(click.Context(command, parent=context, info_name=name))
        parts.append(f"## symgrad {name}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def operations() -> str:
    """Every operation in a table: what it is, how numpy spells it, its adjoints."""
    rows = ["| operation | | numpy | adjoints |", "|---|---|---|---|"]
    for entry in entries(None):
        adjoints = "<br>".join(f"`{edge}: {rule}`" for edge, rule in entry.adjoint.items() if rule)
        cells = (f"`{entry.signature}`", entry.doc, f"`{entry.numpy}`" if entry.numpy else "", adjoints)
        rows.append("| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |")
    return "\n".join(rows)


def models(folder: Path) -> str:
    """Each module of the gallery: what it is, its picture, its functions."""
    shown = {path.stem for path in folder.glob("*.png")}
    owner = {name: picture for picture, names in SEVERAL.items() for name in names}
    parts = []
    done: set[str] = set()
    for path in gallery():
        for module in load(path):
            parts.append(_model(module, path.name))
            image = owner.get(module.name, module.name)
            if image in shown and image not in done:
                done.add(image)
                parts.append(f"![{module.name}](gallery/{image}.png)\n")
    return "\n".join(parts)


def _model(module: Module, spec: str) -> str:
    doc = inspect.cleandoc(module.doc)
    first, _, rest = doc.partition("\n\n")
    title = module.name.replace("_", " ").capitalize()
    functions = ", ".join(f"`{name}`" for name in module.functions)
    return f"## {title}\n\n{first}\n\n{rest}\n\n`symgrad/gallery/{spec}` gives {functions}.\n"
