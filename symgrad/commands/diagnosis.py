"""What of symgrad is installed, what is missing, and what of the machine matters to generated modules."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from symgrad._version import __version__
from symgrad.errors import SymgradError

#: Instruction sets that numpy's loops come in, from plain to wide.
INSTRUCTIONS = ("SSE42", "AVX2", "FMA3", "AVX512F", "AVX512_SKX", "NEON", "ASIMD", "SVE")
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)\s*(?:\[[^\]]*\])?\s*(?P<limits>[^;]*)(?:;.*extra\s*==\s*['\"](?P<extra>[\w-]+)['\"].*)?$"
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, and how it is."""

    topic: str
    name: str
    #: True: there. False: missing, and symgrad needs it. None: missing, and it may be.
    ok: bool | None
    text: str


def findings(cwd: Path) -> list[Finding]:
    """Everything that there is to know, in the order it is printed in."""
    return [*_symgrad(), *_packages(), *_machine(), *_project(cwd)]


def _symgrad() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("symgrad", "python", sys.version_info >= (3, 11), f"{version} at {sys.executable}")
    yield Finding("symgrad", "symgrad", True, f"{__version__} at {Path(__file__).resolve().parents[1]}")
    from symgrad.templates import template_folder

    try:
        yield Finding("symgrad", "templates", True, str(template_folder()))
    except SymgradError as error:
        yield Finding("symgrad", "templates", False, f"{error.what}; {error.hint}")
    entries = {entry.name: entry.value for entry in metadata.entry_points(group="console_scripts")}
    there = "symgrad" in entries
    yield Finding(
        "symgrad", "hooks", True if there else None,
        "hatchling, setuptools and pytest find them" if there
        else "not installed, on the path alone: hatchling, setuptools and pytest do not find the hooks",
    )  # fmt: skip
    from symgrad.building.cache import cache_folder

    cache = cache_folder()
    well = cache is not None and _writable(cache)
    text = f"{cache}" if well else f"{cache or 'none'}: every build starts anew"
    yield Finding("symgrad", "cache", True if well else None, text)


def _packages() -> Iterator[Finding]:
    try:
        requirements = metadata.requires("symgrad") or []
    except metadata.PackageNotFoundError:
        requirements = ["click>=8.2", "jinja2>=3.1", "numpy>=1.26", "rich>=13.0", "sympy>=1.12"]
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None or match["extra"] == "test":
            continue
        name, limits, extra = match["name"], match["limits"].strip(), match["extra"]
        topic = f'extra "{extra}"' if extra else "requirements"
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            hint = f'missing; pip install "symgrad[{extra}]"' if extra else "missing; install symgrad again"
            yield Finding(topic, name, None if extra else False, hint)
            continue
        wanted = re.search(r">=\s*([\d.]+)", limits)
        if wanted and _numbers(version) < _numbers(wanted[1]):
            yield Finding(topic, name, None if extra else False, f"{version} is too old: {limits}")
        else:
            yield Finding(topic, name, True, version)


def _machine() -> Iterator[Finding]:
    import numpy as np

    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    yield Finding("machine", "cpu", True, f"{platform.machine()}, {cores} cores usable")
    features = _features()
    if features:
        found = [name for name in INSTRUCTIONS if features.get(name)]
        yield Finding("machine", "instructions", True, ", ".join(found) or "none of those that numpy uses")
    show = getattr(np, "show_config", None)
    try:
        blas = show(mode="dicts")["Build Dependencies"]["blas"] if show else {}
    except (TypeError, KeyError):  # numpy before 1.26 prints only
        blas = {}
    text = f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    threads = [f"{k}={os.environ[k]}" for k in _THREADS if k in os.environ]
    yield Finding("machine", "blas", True, ", ".join([text, *threads]))


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_CORETYPE")


def _features() -> dict[str, bool]:
    """What numpy found the processor to have."""
    for name in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        try:
            return dict(__import__(name, fromlist=["__cpu_features__"]).__cpu_features__)
        except (ImportError, AttributeError):
            continue
    return {}


def _project(cwd: Path) -> Iterator[Finding]:
    from symgrad.building.plan import plan

    try:
        found = plan(cwd=cwd)
    except SymgradError as error:
        yield Finding("project", "specs", False, str(error))
        return
    if found.is_gallery:
        yield Finding("project", "specs", None, "no [tool.symgrad]: `symgrad new NAME` writes a first spec")
        return
    names = ", ".join(path.name for path in found.specs[:5]) + (", ..." if len(found.specs) > 5 else "")
    yield Finding("project", "specs", True, f"{len(found.specs)}: {names}")
    yield Finding("project", "out", True, str(found.out))


def _writable(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
