"""One build at a time writes to a folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from symgrad.building.cache import cache_folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Waits until no other process holds the lock of this folder, and holds it meanwhile.

    The system drops the lock of a process that is killed. The lock lies in the cache folder, not in the
    one that is written to; where there is no cache, files are still replaced one by one as wholes.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            _take(stack, folder)
        yield


def _take(stack: contextlib.ExitStack, folder: Path) -> None:
    cache = cache_folder()
    if cache is None:
        return
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    path = cache / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = stack.enter_context(path.open("ab"))
    if sys.platform == "win32":
        import msvcrt

        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK, 1)
        stack.callback(msvcrt.locking, stream.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX)
