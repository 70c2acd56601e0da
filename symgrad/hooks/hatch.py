"""The build hook for hatchling.

[build-system]
requires = ["hatchling", "symgrad"]
build-backend = "hatchling.build"

[tool.hatch.build.hooks.symgrad]

[tool.symgrad]
specs = ["models/*.py"]
out = "src/package/generated"

The settings may also stand in the hook's own table. Wheels and source distributions hold what is generated,
also where git ignores it; in an editable install it lies where `out` says, and is found there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from symgrad.errors import SymgradError
from symgrad.hooks.project import build_project

#: Settings of hatchling itself that a hook's table may hold.
_OTHERS = ("dependencies", "enable-by-default", "require-runtime-dependencies", "require-runtime-features")


class SymgradBuildHook(BuildHookInterface[Any]):
    """Generates before a wheel or a source distribution is put together."""

    PLUGIN_NAME = "symgrad"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generate, and have what is generated included."""
        root = Path(self.root).resolve()
        table = {key: value for key, value in self.config.items() if key not in _OTHERS}
        try:
            made = build_project(root, table)
        except SymgradError as error:
            self.app.abort(f"{type(error).__name__}: {error}")
            raise
        if made is None:
            self.app.abort(
                "symgrad: no specs\n  expected: [tool.symgrad] in pyproject.toml with, for example,\n"
                '            specs = ["models/*.py"] and out = "src/package/generated"'
            )
            return
        files = [path.relative_to(root).as_posix() for path in made.generated]
        # An artifact is included wherever its folder is, however much git ignores it.
        build_data.setdefault("artifacts", []).extend(f"/{name}" for name in files)
        if self.target_name == "wheel" and version != "editable":
            # And wherever its folder is not.
            forced = build_data.setdefault("force_include", {})
            for path, name in zip(made.generated, files):
                forced[str(path)] = self._inside(name)

    def _inside(self, name: str) -> str:
        """The path in the wheel, from which hatchling removes what its configuration says.

        It says nothing of `src/` where it has found no package itself, as where all modules are generated.
        """
        tables = (self.build_config.target_config, self.build_config.build_config)
        told = any(key in table for table in tables for key in ("packages", "sources", "only-include"))
        return name if told else name.removeprefix("src/")


@hookimpl
def hatch_register_build_hook() -> type[SymgradBuildHook]:
    """Tell hatchling of the hook."""
    return SymgradBuildHook
