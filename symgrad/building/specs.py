"""Spec files, and the Modules that each holds."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from symgrad.errors import SpecError, SymgradError
from symgrad.module import Module


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles the source as it is now: reads no .pyc, which may be older, and writes none."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def load(path: Path) -> list[Module]:
    """Run a spec and return its Modules, in order of definition.

    Modules beside the spec can be imported by it; where one has the name of an installed one, the installed
    one is found, so that no spec hides a part of what symgrad itself imports.

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
        with _neighbours(path.resolve().parent):
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


@contextlib.contextmanager
def _neighbours(folder: Path) -> Iterator[None]:
    """Lets what lies in the folder be imported, last of all, and leaves no bytecode there."""
    added, writes = str(folder), sys.dont_write_bytecode
    sys.path.append(added)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        if added in sys.path:
            # From the end: the same folder may have been there before.
            del sys.path[len(sys.path) - 1 - sys.path[::-1].index(added)]


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
        return SpecError(f"{type(error).__name__}: {message}", where=place, hint=_hint(error, message))
    kind = "" if type(error) in (SpecError, SymgradError) else f"{type(error).__name__}: "
    if error.where and not error.where.startswith(f"{path.name}:"):
        place = f"{place}, {error.where}"
    return SpecError(
        f"{kind}{error.what}", where=place, expected=error.expected, got=error.got, hint=error.hint
    )


def _hint(error: BaseException, message: str) -> str | None:
    """What to try where a spec raises an error that is not ours."""
    if isinstance(error, ModuleNotFoundError):
        return "a spec can import what is installed and what lies beside it"
    if isinstance(error, ValueError) and message.startswith("setting an array element with a sequence"):
        return "a numpy array holds no symbolic values: np.stack, np.concatenate or sg.scatter_add builds one"
    return None
