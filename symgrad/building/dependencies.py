"""The files of the user's that a spec reads while it is loaded: modules it imports, data it opens.

A build is up to date only while they are; `--depfile` tells make and ninja the same.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LISTENERS: list[dict[str, None]] = []


@contextlib.contextmanager
def watched(spec: Path) -> Iterator[list[Path]]:
    """Collects the files that are read meanwhile, the spec itself first, others by name.

    Modules of the user's that were imported meanwhile are forgotten afterwards: the next spec in this process
    that imports them reads them again, and so depends on them too.
    """
    _install()
    found: list[Path] = []
    seen: dict[str, None] = {}
    before = set(sys.modules)
    _LISTENERS.append(seen)
    try:
        yield found
    finally:
        _LISTENERS.remove(seen)
        own = spec.resolve()
        others = {path for path in map(_source, seen) if path is not None} - {own}
        found[:] = [own, *sorted(others)]
        for name in [name for name in sys.modules if name not in before]:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).resolve() in others:
                del sys.modules[name]


@functools.cache
def _install() -> None:
    # Once a process, for audit hooks stay: without a listener this one returns at once.
    sys.addaudithook(_heard)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if not _LISTENERS or event != "open":
        return
    path, mode, flags = (*arguments, None, None)[:3]
    if isinstance(path, int):
        return
    written = isinstance(mode, str) and not mode.startswith("r")
    if written or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
        return
    for seen in _LISTENERS:
        with contextlib.suppress(TypeError, ValueError):
            seen[os.path.abspath(os.fsdecode(path))] = None


@functools.cache
def _foreign() -> tuple[str, ...]:
    """Folders of what is not the user's: the interpreter's, installed packages, symgrad, devices."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = [sysconfig.get_path(name) for name in names]
    paths += [*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).resolve().parents[1])]
    paths += ["/proc", "/dev", "/sys"]
    return tuple(sorted({os.path.realpath(path) + os.sep for path in paths if path}))


def _source(name: str) -> Path | None:
    """The user's file that was read under that name; for bytecode, the module that it was made of."""
    if name.endswith(".pyc"):
        try:
            name = importlib.util.source_from_cache(name)
        except (ValueError, NotImplementedError):
            return None
    real = os.path.realpath(name)
    return Path(real) if os.path.isfile(real) and not real.startswith(_foreign()) else None
