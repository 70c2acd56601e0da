"""What a generated text depends on beside its spec, as one digest: the generator and what it runs on."""

from __future__ import annotations

import functools
import hashlib
import sys
from importlib import metadata
from pathlib import Path

from symgrad.templates import template_folder


def file_digest(path: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


@functools.cache
def generator_digest() -> str:
    """SHA-256 of symgrad's own files and templates, and of the versions under which they run.

    The bytes of a module depend on the first alone; whether it was verified depends on both.
    """
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for folder, pattern in ((package, "*.py"), (template_folder(), "*.jinja")):
        for path in sorted(folder.rglob(pattern)):
            digest.update(f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n".encode())
    digest.update(f"python {sys.version_info[:3]} {sys.platform}\n".encode())
    for name in ("numpy", "sympy", "mpmath"):
        try:
            digest.update(f"{name} {metadata.version(name)}\n".encode())
        except metadata.PackageNotFoundError:
            digest.update(f"{name} is not installed\n".encode())
    return digest.hexdigest()
