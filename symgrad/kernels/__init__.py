"""numpy functions that generated modules carry along, and the loader of their source text.

Every file here holds plain functions and constants that import numpy and the standard library only. A
generated module gets the text of those that it calls, and of what they call in turn; further sources, such
as those of a user's own operations, are registered beside them.
"""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Kernel", "definitions", "imports", "namespace", "register_source", "sources"]


class Kernel(NamedTuple):
    """One function, class or constant at the top level of a file: its text, and the names it reads."""

    source: str
    reads: tuple[str, ...]


#: Sources registered at run time, by name.
_REGISTERED: dict[str, Kernel] = {}

#: Modules that a kernel may use under these names, besides np.
_MODULES = ("math", "os", "threading")


def register_source(name: str, source: str) -> str:
    """Let generated modules carry the function `name`, defined by `source`; returns the name to call it by.

    The same text under the same name is one function. Another text under a name that is taken gets a
    number, so that operations already built with the first one keep it.
    """
    wanted, count = name, 1
    while True:
        kernel = _kernel(source, wanted, name)
        if wanted not in _files() and _REGISTERED.setdefault(wanted, kernel) == kernel:
            return wanted
        count += 1
        wanted = f"{name}_{count}"


def sources(names: Iterable[str]) -> list[str]:
    """Source texts of the named kernels and of all that they use, each before what uses it.

    Among those that do not use one another the order is that of files and of lines in them, whatever the
    order of `names`.

    Raises KeyError for a name that is no kernel.
    """
    known = _all()
    return [known[name].source for name in _closure(names)]


def imports(names: Iterable[str]) -> list[str]:
    """Modules other than numpy that these kernels use, in alphabetical order."""
    known = _all()
    read = {name for kernel in _closure(names) for name in known[kernel].reads}
    return sorted(read.intersection(_MODULES))


def namespace() -> dict[str, Any]:
    """Every kernel by its name, registered ones too, as functions that can be called here."""
    found: dict[str, Any] = {}
    for name, module in _files_of_names().items():
        found[name] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    if _REGISTERED:
        import numpy as np

        scope: dict[str, Any] = {"np": np, **{m: importlib.import_module(m) for m in _MODULES}, **found}
        text = "from __future__ import annotations\n\n" + "\n\n\n".join(sources(_REGISTERED))
        exec(text, scope)
        found.update((name, scope[name]) for name in _REGISTERED)
    return found


def _closure(names: Iterable[str]) -> list[str]:
    """The names and all they depend on, dependencies first."""
    known = _all()
    position = {name: place for place, name in enumerate(known)}
    wanted = set(names)
    for name in sorted(wanted):
        if name not in known:
            raise KeyError(f"no kernel is called {name!r}")
    # Everything is reached from the names before any order is chosen, so that `names` cannot influence it.
    pending = list(wanted)
    while pending:
        for name in known[pending.pop()].reads:
            if name in known and name not in wanted:
                wanted.add(name)
                pending.append(name)
    order: dict[str, None] = {}
    begun: set[str] = set()
    for start in sorted(wanted, key=position.__getitem__):
        stack = [(start, False)]
        while stack:
            name, done = stack.pop()
            if done:
                order[name] = None
            elif name not in begun:
                begun.add(name)
                stack.append((name, True))
                uses = [other for other in known[name].reads if other in wanted]
                stack += [(other, False) for other in sorted(uses, key=position.__getitem__, reverse=True)]
    return list(order)


def _all() -> dict[str, Kernel]:
    return {**_files(), **_REGISTERED}


@functools.lru_cache(maxsize=1)
def _files() -> dict[str, Kernel]:
    """Kernels of this package by name, in the order of files and lines."""
    found: dict[str, Kernel] = {}
    for path in _paths():
        for name, kernel in definitions(path.read_text(encoding="utf-8")):
            if name in found:
                raise TypeError(f"two kernels are called {name!r}")
            found[name] = kernel
    return found


@functools.lru_cache(maxsize=1)
def _files_of_names() -> dict[str, str]:
    return {name: path.stem for path in _paths() for name, _ in definitions(path.read_text(encoding="utf-8"))}


def _paths() -> list[Path]:
    return sorted(p for p in Path(__file__).parent.glob("*.py") if p.name != "__init__.py")


def definitions(text: str) -> Iterator[tuple[str, Kernel]]:
    """Top-level functions, classes and constants, each with the comment lines right above it."""
    lines = text.splitlines()
    for statement in ast.parse(text).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            name, decorators = statement.name, statement.decorator_list
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name, decorators = statement.targets[0].id, []
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name, decorators = statement.target.id, []
        else:
            continue
        start = min([statement.lineno, *(d.lineno for d in decorators)]) - 1
        while start and lines[start - 1].startswith("#"):
            start -= 1
        yield name, Kernel("\n".join(lines[start : statement.end_lineno]), _reads(statement))


def _reads(statement: ast.AST) -> tuple[str, ...]:
    """Names that a statement reads, in order of appearance; those in annotations are not needed to run."""
    found: dict[str, None] = {}
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found[node.id] = None
        hints = [getattr(node, field, None) for field in ("annotation", "returns")]
        pending += [child for child in ast.iter_child_nodes(node) if not any(child is h for h in hints)]
    return tuple(found)


def _kernel(source: str, wanted: str, name: str) -> Kernel:
    """The kernel of a registered source, its function renamed from `name` to `wanted`."""
    source = source.strip("\n")
    (statement,) = ast.parse(source).body
    if not isinstance(statement, ast.FunctionDef) or statement.name != name:
        raise ValueError(f"the source of {name!r} has to be one function of that name")
    if wanted != name:
        source = source.replace(f"def {name}(", f"def {wanted}(", 1)
    return Kernel(source, _reads(statement))
