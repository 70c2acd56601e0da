"""Spec files: which ones to build, and the Modules that each holds."""

from __future__ import annotations

import difflib
import hashlib
import importlib.machinery
import importlib.util
import linecache
import sys
import tomllib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from symgrad.errors import SpecError, SymgradError
from symgrad.module import Module


@dataclass(frozen=True)
class Plan:
    """Which specs to build, and the folder that their modules go to.

    `complete` says that these are all the specs there are for that folder, so that any other generated
    file in it is an orphan.
    """

    specs: tuple[Path, ...]
    out: Path
    complete: bool


def plan(
    arguments: Sequence[str | Path] = (), out: str | Path | None = None, cwd: Path | None = None
) -> Plan:
    """The plan for a command line: the specs named there, else those of `[tool.symgrad]`, else the gallery.

    `[tool.symgrad]` is read from the nearest pyproject.toml in `cwd` or above, with paths relative to it.

    Raises
    ------
    SpecError
        For a spec that is not a file, a table that cannot be understood, or patterns that match nothing.
    """
    cwd = Path.cwd() if cwd is None else cwd
    table, root = _configuration(cwd)
    folder = cwd / out if out is not None else root / table["out"] if "out" in table else cwd / "generated"
    if arguments:
        specs = tuple(dict.fromkeys(_spec_file(argument, cwd) for argument in arguments))
        return Plan(specs, folder, complete=False)
    if "specs" in table:
        return Plan(_matches(table["specs"], root), folder, complete=True)
    return Plan(gallery(), folder, complete=True)


def gallery() -> tuple[Path, ...]:
    """The specs that ship with symgrad."""
    folder = Path(__file__).resolve().parents[1] / "gallery"
    found = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    if not found:
        raise SpecError("symgrad's own gallery is missing", expected=f"specs in {folder}", hint="name a SPEC")
    return tuple(found)


def _spec_file(argument: str | Path, cwd: Path) -> Path:
    path = cwd / argument
    if path.is_file():
        return path
    what = "is a folder" if path.is_dir() else "does not exist"
    names = [p.name for p in sorted(path.parent.glob("*.py"))] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, names, 1)
    raise SpecError(
        f"the spec {argument} {what}",
        expected="a Python file with one or more sg.Module objects at module level",
        hint=f"did you mean {Path(argument).with_name(close[0])}?" if close else None,
    )


def _configuration(cwd: Path) -> tuple[dict[str, Any], Path]:
    """The table `[tool.symgrad]` of the nearest pyproject.toml, and the folder of that file."""
    for folder in (cwd, *cwd.parents):
        path = folder / "pyproject.toml"
        if not path.is_file():
            continue
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("symgrad", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SpecError(f"cannot read {path}: {error}") from error
        where = f"[tool.symgrad] of {path}"
        for key in table:
            if key not in ("specs", "out"):
                close = difflib.get_close_matches(key, ("specs", "out"), 1)
                raise SpecError(
                    f"unknown key {key!r}",
                    where=where,
                    expected="specs, out",
                    hint=f"did you mean {close[0]!r}?" if close else None,
                )
        specs = table.get("specs", [])
        if not isinstance(specs, list) or not all(isinstance(pattern, str) for pattern in specs):
            raise SpecError(
                "specs is not a list of patterns", where=where, expected='["models/*.py"]', got=repr(specs)
            )
        if not isinstance(table.get("out", ""), str):
            raise SpecError("out is not a folder", where=where, got=repr(table["out"]))
        return table, folder
    return {}, cwd


def _matches(patterns: list[str], root: Path) -> tuple[Path, ...]:
    found: dict[Path, None] = {}
    for pattern in patterns:
        try:
            paths = sorted(path for path in root.glob(pattern) if path.is_file())
        except (ValueError, NotImplementedError) as error:
            raise SpecError(
                f"cannot read the pattern {pattern!r}: {error}", hint="make it relative"
            ) from error
        if not paths:
            raise SpecError(
                f"no spec matches {pattern!r}", where=f"[tool.symgrad] of {root / 'pyproject.toml'}"
            )
        found.update(dict.fromkeys(paths))
    if not found:
        raise SpecError("no specs", where=f"[tool.symgrad] of {root / 'pyproject.toml'}", expected="patterns")
    return tuple(found)


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles the source as it is now: reads no .pyc, which may be older, and writes none."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def load(path: Path) -> list[Module]:
    """Run a spec and return its Modules, in order of definition.

    Raises
    ------
    SpecError
        Whatever goes wrong in it, with the line of the spec where it did; no Module; two of one name.
    """
    text = str(path)
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"_symgrad_spec_{digest}"  # two specs may share a file name
    loader = _Loader(name, text)
    python_module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, loader, origin=text))
    python_module.__file__ = text
    linecache.checkcache(text)
    sys.modules[name] = python_module
    try:
        loader.exec_module(python_module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a spec may also call sys.exit()
        sys.modules.pop(name, None)
        raise spec_error(path, error) from error
    modules: dict[int, Module] = {
        id(value): value for value in vars(python_module).values() if isinstance(value, Module)
    }
    if not modules:
        raise SpecError(
            f"{path.name} defines no module",
            where=text,
            expected="one or more sg.Module objects at module level",
            hint='module = sg.Module("name", {"f": f})',
        )
    found = list(modules.values())
    for position, module in enumerate(found):
        if any(module.name == earlier.name for earlier in found[:position]):
            raise SpecError(f"{path.name} defines two modules called {module.name!r}", where=text)
    return found


def spec_error(path: Path, error: BaseException) -> SpecError:
    """The error as one of this spec, with the innermost line of it that was running."""
    line: int | None = None
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(path):
            line = frame.lineno
    place = f"{path}:{line}" if line else str(path)
    if not isinstance(error, SymgradError):
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        hint = None
        if isinstance(error, ModuleNotFoundError):
            hint = "a spec is loaded by its path: its folder is not searched for modules"
        return SpecError(f"{type(error).__name__}: {message}", where=place, hint=hint)
    kind = "" if type(error) in (SpecError, SymgradError) else f"{type(error).__name__}: "
    if error.where and not error.where.startswith(f"{path.name}:"):
        place = f"{place}, {error.where}"
    return SpecError(
        f"{kind}{error.what}", where=place, expected=error.expected, got=error.got, hint=error.hint
    )
