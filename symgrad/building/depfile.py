"""What generated files are made of, in the syntax that make, ninja and CMake's DEPFILE read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from symgrad.building.files import write_text
from symgrad.errors import SpecError


def depfile(targets: Iterable[Path], dependencies: Iterable[Path]) -> str:
    """One rule for all targets, and an empty one for each file they depend on.

    The empty rules let make go on after one of these files is deleted.

    Raises
    ------
    SpecError
        For a name with a newline in it, which the syntax cannot say.
    """
    made, read = [_quoted(path) for path in targets], [_quoted(path) for path in dependencies]
    lines = [" \\\n ".join([f"{' '.join(made)}:", *read])] + [f"{name}:" for name in read]
    return "\n".join(lines) + "\n"


def write_depfile(path: Path, modules: Sequence[Path], dependencies: Iterable[Path]) -> None:
    """Write the depfile, and give a module that is older than what it is made of the time of now.

    A build leaves a file alone whose text is right already; make would take it for out of date for ever.
    """
    files = list(dict.fromkeys(dependencies))
    write_text(path, depfile(modules, files))
    newest = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
    for module in modules:
        if module.stat().st_mtime < newest:
            os.utime(module)


def _quoted(path: Path) -> str:
    """A name as seen from here where it is below, with what make would read otherwise escaped."""
    name = str(path)
    here = os.getcwd() + os.sep
    if name.startswith(here):
        name = name[len(here) :]
    if "\n" in name:
        raise SpecError("a depfile cannot name a file with a newline in its name", got=repr(name))
    return name.replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ")
