"""Writing generated files: all of them or none, never half of one, nothing that is already right."""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path


def read_text(path: Path) -> str | None:
    """The text of a file exactly as it is on disk; None where there is no such file."""
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_text(path: Path, text: str) -> bool:
    """Write one file atomically; False where it held that text already and was left alone."""
    return bool(write_all({path: text}))


def write_bytes(path: Path, content: bytes) -> None:
    """Write one binary file atomically, such as a picture."""
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(_stage(target, content), target)


def write_all(texts: Mapping[Path, str]) -> list[Path]:
    """Write several files, each atomically; return those whose text changed.

    Every new text is on disk, under a temporary name beside its target, before the first target is
    replaced: where one cannot be written (a full disk, a read-only folder), all stay as they were.
    Whoever reads meanwhile sees an old file or a new one, and two writers at once leave the texts of
    one of them, file by file.
    """
    changed = [path for path, text in texts.items() if read_text(path) != text]
    staged: list[tuple[Path, Path]] = []
    try:
        for path in changed:
            target = Path(os.path.realpath(path))  # a link stays a link
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.append((_stage(target, texts[path].encode("utf-8")), target))
        while staged:
            temporary, target = staged[0]
            os.replace(temporary, target)
            staged.pop(0)
            _forget_bytecode(target)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
    for folder in sorted({path.parent for path in changed}):
        _sync_folder(folder)
    if changed:
        importlib.invalidate_caches()
    return changed


def _stage(target: Path, content: bytes) -> Path:
    """A temporary file beside the target that holds the content and has reached the disk."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    # Not tempfile: its files are private to their owner, where these get the permissions of any new
    # file, or of the file they replace.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _forget_bytecode(target: Path) -> None:
    """Drop compiled copies of a module that was just rewritten.

    CPython takes one for fresh where size and modification time, in whole seconds, are the same: a
    rewrite of equal length within a second would go on running the old code.
    """
    if target.suffix == ".py":
        for stale in (target.parent / "__pycache__").glob(f"{target.stem}.*.pyc"):
            with contextlib.suppress(OSError):
                stale.unlink()


def _sync_folder(folder: Path) -> None:
    """Let the renames reach the disk too, on systems where a folder can be opened for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
