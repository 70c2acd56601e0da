"""The build step for setuptools.

[build-system]
requires = ["setuptools>=64", "symgrad"]
build-backend = "setuptools.build_meta"

[tool.symgrad]
specs = ["models/*.py"]
out = "src/package/generated"

Where symgrad is among the build requirements and `[tool.symgrad]` names specs, `build` runs one more command,
`build_symgrad`, before all others. Wheels hold what is generated, source distributions the specs with what
they read too; in an editable install modules lie where `out` says, and are found there.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from setuptools import Command, Distribution
from setuptools.command.build import build

from symgrad.building.plan import read_table
from symgrad.hooks.project import Made, build_project


class build_symgrad(Command):  # type: ignore[misc]
    """Generates the modules of a project's specs: a subcommand of `build`, as setuptools defines them."""

    description = "generate numpy modules from the specs of [tool.symgrad]"
    user_options = [("build-lib=", "d", "directory to build into")]  # noqa: RUF012  (the base class has it so)

    editable_mode = False
    build_lib: str

    def initialize_options(self) -> None:
        """Options before they are read."""
        self.build_lib = None  # type: ignore[assignment]
        self._made: Made | None = None

    def finalize_options(self) -> None:
        """Options that `build_py` has too are the same."""
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        """Generate, and copy what is generated beside the other modules that a wheel is made of."""
        mapping = self.get_output_mapping()
        if not self.editable_mode:
            for target, source in mapping.items():
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copyfile(source, target)

    def get_source_files(self) -> list[str]:
        """What a source distribution needs: specs, what they read, and what was made of them."""
        made = self._build()
        return [_relative(path) for path in (*made.sources, *made.generated)]

    def get_outputs(self) -> list[str]:
        """Files in the folder that a wheel is made of."""
        return list(self.get_output_mapping())

    def get_output_mapping(self) -> dict[str, str]:
        """Those files, and for each the one that it is a copy of."""
        return {
            os.path.join(self.build_lib, self._inside(path)): _relative(path)
            for path in self._build().generated
        }

    def _build(self) -> Made:
        if self._made is None:
            self._made = build_project(Path.cwd()) or Made((), ())
        return self._made

    def _inside(self, path: Path) -> str:
        """The path below the folder of all packages, which is where `package_dir` says."""
        parts = Path(_relative(path)).parts
        packages: dict[str, str] = getattr(self.distribution, "package_dir", None) or {}
        folders = {Path(folder).parts: package for package, folder in packages.items()}
        for length in range(len(parts) - 1, -1, -1):
            if parts[:length] in folders:
                return os.path.join(*folders[parts[:length]].split("."), *parts[length:])
        return os.path.join(*parts)


def _relative(path: Path) -> str:
    return os.path.relpath(path, Path.cwd())


def _names_specs(command: Any = None) -> bool:
    """Whether the project here has specs; setuptools asks before it runs the command."""
    path = Path("pyproject.toml")
    return path.is_file() and bool(read_table(path).get("specs"))


def finalize(distribution: Distribution) -> None:
    """Make `build_symgrad` a part of `build`: setuptools calls this for every project, also for others."""
    if _names_specs() and all(name != "build_symgrad" for name, _ in build.sub_commands):
        build.sub_commands = [("build_symgrad", _names_specs), *build.sub_commands]
