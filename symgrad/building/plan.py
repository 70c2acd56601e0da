"""What to build and where to: the command line first, then `[tool.symgrad]`, then the gallery."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symgrad.errors import SpecError, did_you_mean

#: Keys of the table, and what the value of each is; a list is one of strings.
KEYS: dict[str, type] = {"specs": list, "out": str, "tests": str, "verify": bool}
_KINDS: dict[type, tuple[str, str]] = {
    list: ("a list of patterns", '["models/*.py"]'),
    str: ("a folder", '"generated"'),
}


@dataclass(frozen=True)
class Plan:
    """Which specs to build, and the folders that their modules and tests go to.

    `complete` says that these are all the specs there are for that folder, so that any other generated
    file in it is an orphan.
    """

    specs: tuple[Path, ...]
    out: Path
    complete: bool
    tests: Path | None = None
    #: Whether modules are verified where nothing else is said.
    verify: bool = True

    @property
    def tests_at(self) -> str | None:
        """The folder of the modules as seen from that of the tests; None where there are to be no tests."""
        return None if self.tests is None else Path(os.path.relpath(self.out, self.tests)).as_posix()

    @property
    def is_gallery(self) -> bool:
        """Whether these are the specs that ship with symgrad, meant where nothing else is named."""
        return self.complete and self.specs == gallery()


def plan(
    arguments: Sequence[str | Path] = (),
    out: str | Path | None = None,
    cwd: Path | None = None,
    tests: str | Path | None = None,
) -> Plan:
    """The plan for a command line: the specs named there, else those of `[tool.symgrad]`, else the gallery.

    `[tool.symgrad]` is read from the nearest pyproject.toml in `cwd` or above, with paths relative to it.

    Raises
    ------
    SpecError
        For a spec that is not a file, a table that cannot be understood, or patterns that match nothing.
    """
    cwd = Path.cwd() if cwd is None else cwd
    table, root = _nearest(cwd)
    folder = cwd / out if out is not None else root / table["out"] if "out" in table else cwd / "generated"
    checks = cwd / tests if tests is not None else root / table["tests"] if "tests" in table else None
    verify = table.get("verify", True)
    if checks is not None and os.path.abspath(checks) == os.path.abspath(folder):
        raise SpecError(
            "generated tests would lie among the modules", got=str(checks), expected="a folder of their own"
        )
    if arguments:
        specs = tuple(dict.fromkeys(_spec_file(argument, cwd) for argument in arguments))
        return Plan(specs, folder, False, checks, verify)
    if "specs" in table:
        return Plan(_matches(table["specs"], root), folder, True, checks, verify)
    return Plan(gallery(), folder, True, checks, verify)


def configured(root: Path, table: dict[str, Any] | None = None) -> Plan | None:
    """The plan of one project, from its own pyproject.toml; None where that names no specs.

    Parameters
    ----------
    root
        The project's folder.
    table
        Settings of the same names that stand elsewhere, as in the table of a build hook, and come first.
    """
    own = read_table(root / "pyproject.toml") if (root / "pyproject.toml").is_file() else {}
    merged = {**own, **_checked(table or {}, f"the build hook of {root / 'pyproject.toml'}")}
    if "specs" not in merged:
        return None
    tests = root / merged["tests"] if "tests" in merged else None
    out = root / merged.get("out", "generated")
    return Plan(_matches(merged["specs"], root), out, True, tests, merged.get("verify", True))


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
    if path.is_dir():
        raise SpecError(
            f"the spec {argument} is a folder",
            expected="a Python file with one or more sg.Module objects at module level",
            hint='its files by name, or no SPEC and specs = ["models/*.py"] in [tool.symgrad]',
        )
    names = [p.name for p in sorted(path.parent.glob("*.py"))] if path.parent.is_dir() else []
    raise SpecError(
        f"the spec {argument} does not exist",
        expected="a Python file with one or more sg.Module objects at module level",
        hint=did_you_mean(path.name, names, lambda name: str(Path(argument).with_name(name))),
    )


def _nearest(cwd: Path) -> tuple[dict[str, Any], Path]:
    """The table `[tool.symgrad]` of the nearest pyproject.toml, and the folder of that file."""
    for folder in (cwd, *cwd.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return read_table(path), folder
    return {}, cwd


def read_table(path: Path) -> dict[str, Any]:
    """The table `[tool.symgrad]` of a pyproject.toml, checked; empty where there is none."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("symgrad", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read {path}: {error}") from error
    return _checked(table, f"[tool.symgrad] of {path}")


def _checked(table: Any, where: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise SpecError("symgrad is not a table", where=where, expected=", ".join(KEYS), got=repr(table))
    for key in table:
        if key not in KEYS:
            raise SpecError(
                f"unknown key {key!r}", where=where, expected=", ".join(KEYS), hint=did_you_mean(key, KEYS)
            )
        value, kind = table[key], KEYS[key]
        strings = not isinstance(value, list) or all(isinstance(pattern, str) for pattern in value)
        if not isinstance(value, kind) or not strings:
            what, expected = _KINDS.get(kind, ("true or false", ""))
            raise SpecError(f"{key} is not {what}", where=where, expected=expected, got=repr(value))
    return table


def _matches(patterns: list[str], root: Path) -> tuple[Path, ...]:
    found: dict[Path, None] = {}
    for pattern in patterns:
        try:
            # What begins with an underscore is a helper of specs, or the __init__ of their package.
            paths = sorted(
                path for path in root.glob(pattern) if path.is_file() and not path.name.startswith("_")
            )
        except (ValueError, NotImplementedError) as error:
            raise SpecError(
                f"cannot read the pattern {pattern!r}: {error}", hint="make it relative"
            ) from error
        if not paths:
            raise SpecError(
                f"no spec matches {pattern!r}",
                where=f"[tool.symgrad] of {root / 'pyproject.toml'}",
                expected=f"a pattern of files below {root} whose names begin with no underscore",
            )
        found.update(dict.fromkeys(paths))
    if not found:
        raise SpecError("no specs", where=f"[tool.symgrad] of {root / 'pyproject.toml'}", expected="patterns")
    return tuple(found)
