"""The checked-in generated modules, imported from their files as a user's program would."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

#: Where `symgrad build` writes them.
FOLDER = Path(__file__).resolve().parents[2] / "generated"


def load(name: str, folder: Path = FOLDER) -> ModuleType:
    """One module by its name."""
    path = folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run `symgrad build`")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
