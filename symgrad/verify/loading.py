"""Generated modules from disk, as a user would import them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

from symgrad.errors import VerificationError


class _Fresh(importlib.machinery.SourceFileLoader):
    """Reads the source itself: cached bytecode is trusted by whole seconds, and builds are faster."""

    def path_stats(self, path: Any) -> Any:
        raise OSError("bytecode is neither read nor written")


_COUNT = itertools.count()


def load(path: str | Path) -> ModuleType:
    """The module in that file, under a name of its own; it does not stay in `sys.modules`."""
    path = Path(path)
    name = f"_symgrad_verified_{next(_COUNT)}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Fresh(name, str(path)))
    if spec is None or spec.loader is None or not path.is_file():
        raise VerificationError(f"{path.name} cannot be imported", expected=f"a generated module {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
