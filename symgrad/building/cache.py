"""What earlier builds made, by the digest of everything that they made it of.

A record holds the texts and figures of one spec. It is used while the spec, every file that the spec read,
symgrad itself and the versions that it runs on are what they were: then nothing is generated or verified
again. Records lie in the user's cache folder, never in the project; losing them costs time alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symgrad.building.digest import file_digest, generator_digest
from symgrad.building.files import write_text

#: Names the folder; empty, it turns records off.
VARIABLE = "SYMGRAD_CACHE_DIR"
#: Records kept; the ones unused for longest go first.
KEPT = 1000


def cache_folder() -> Path | None:
    """The folder of records and locks; None where there is none to be."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "symgrad" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "symgrad"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "symgrad"


def find(spec: Path) -> dict[str, Any] | None:
    """The record of a spec that is still true; None where there is none."""
    path = _path(spec)
    if path is None:
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if all(file_digest(Path(name)) == digest for name, digest in record["dependencies"].items()):
            with contextlib.suppress(OSError):
                os.utime(path)
            return dict(record)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        pass  # none, half of one, or one by another hand: as good as none
    return None


def keep(spec: Path, dependencies: Mapping[Path, str | None], content: Mapping[str, Any]) -> None:
    """Record what a spec made, out of which files.

    `dependencies` has the digests as they were before the spec was loaded or straight after: where a file has
    changed since, nothing is recorded.
    """
    path = _path(spec)
    if path is None or any(file_digest(file) != digest for file, digest in dependencies.items()):
        return
    record = {"dependencies": {str(file): digest for file, digest in dependencies.items()}, **content}
    with contextlib.suppress(OSError):
        write_text(path, json.dumps(record))
        _prune(path.parent)


def _path(spec: Path) -> Path | None:
    folder, digest = cache_folder(), file_digest(spec)
    if folder is None or digest is None:
        return None
    key = f"{generator_digest()} {digest} {os.path.abspath(spec)}"
    return folder / "builds" / f"{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()}.json"


def _prune(folder: Path) -> None:
    records = list(folder.glob("*.json"))
    if len(records) > KEPT:
        records.sort(key=lambda record: record.stat().st_mtime)
        for record in records[: len(records) - KEPT]:
            record.unlink(missing_ok=True)
