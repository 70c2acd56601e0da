"""A first spec for a project, and the lines of its pyproject.toml that lead to it."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from symgrad.building.plan import read_table
from symgrad.errors import SpecError

#: Where specs go in a project that has said nothing.
FOLDER = "models"


@dataclass(frozen=True)
class Starter:
    """What to write where: a spec, and perhaps the end of a pyproject.toml."""

    spec: Path
    text: str
    pyproject: Path
    #: The text of the whole pyproject.toml; None where it is as it should be.
    configuration: str | None
    #: Lines that its user has to write: it has a table already that does not lead to the spec.
    missing: str | None
    out: str


def starter(name: str, cwd: Path) -> Starter:
    """The starter for a module of that name, in the project around a folder.

    Raises
    ------
    SpecError
        For a name that a module cannot have, or a spec that exists.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise SpecError(
            f"a module cannot be called {name!r}",
            expected="a Python identifier without a leading underscore",
            hint=_identifier(name),
        )
    root = next((folder for folder in (cwd, *cwd.parents) if (folder / "pyproject.toml").is_file()), cwd)
    pyproject = root / "pyproject.toml"
    table = read_table(pyproject) if pyproject.is_file() else {}
    patterns = table.get("specs", [])
    folder = _folder(patterns)
    spec = root / folder / f"{name}.py"
    if spec.exists():
        raise SpecError(f"{spec} exists already", hint=f"symgrad build {spec}")
    out = table.get("out") or _out(root)
    lines = _render("pyproject.toml", folder=folder, out=out)
    configuration = missing = None
    if not table:
        old = pyproject.read_text(encoding="utf-8") if pyproject.is_file() else ""
        configuration = f"{old.rstrip()}\n\n{lines}" if old.strip() else lines
    elif not any(spec.match(pattern) for pattern in patterns):
        missing = f'specs = ["{folder}/*.py"]'
    text = _render("spec.py", name=name, module=f"{out}/{name}.py")
    return Starter(spec, text, pyproject, configuration, missing, out)


def _render(template: str, **values: str) -> str:
    from symgrad.emit import environment

    text: str = environment().get_template(f"starter/{template}.jinja").render(**values)
    return text


def _identifier(name: str) -> str | None:
    made = re.sub(r"\W+", "_", name).strip("_").lower()
    made = f"model_{made}" if made[:1].isdigit() or keyword.iskeyword(made) else made
    return f"symgrad new {made}" if made.isidentifier() else None


def _folder(patterns: list[str]) -> str:
    """The folder that a pattern of specs looks into."""
    for pattern in patterns:
        parts = pattern.split("/")[:-1]
        if parts and not any(set(part) & set("*?[") for part in parts):
            return "/".join(parts)
    return FOLDER


def _out(root: Path) -> str:
    """A folder in the project's one package, where there is one."""
    packages = [path.parent for path in sorted(root.glob("src/*/__init__.py"))]
    packages = packages or [path.parent for path in sorted(root.glob("*/__init__.py")) if _is_package(path)]
    return f"{packages[0].relative_to(root).as_posix()}/generated" if len(packages) == 1 else "generated"


def _is_package(path: Path) -> bool:
    return path.parent.name not in ("tests", "test", "docs", FOLDER)
