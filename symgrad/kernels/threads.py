"""Loops over tiles of rows on several threads, carried along by generated modules that ask for them."""

from __future__ import annotations

import os
import threading

import numpy as np

from symgrad.kernels.tiles import _over_tiles, _pairwise


class _Threads:
    """How many threads there may be, and a pool of them, made when first used and again after a fork."""

    def __init__(self):
        self.wanted = None
        self.inside = threading.local()
        self.forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def forget(self):
        """Start without a pool: the threads of a parent process are not in its child."""
        self.lock = threading.Lock()
        self.pool, self.size = None, 0

    def count(self):
        """Threads that a loop may use: 1 within a tile of another loop."""
        if getattr(self.inside, "busy", False):
            return 1
        return self.wanted or int(os.environ.get("SYMGRAD_THREADS") or 1)

    def helpers(self, count):
        """A pool of that many threads."""
        with self.lock:
            if self.size != count:
                from concurrent.futures import ThreadPoolExecutor

                self.pool, self.size = ThreadPoolExecutor(count, "tiles"), count
            return self.pool


_THREADS = _Threads()


def set_threads(count):
    """Let loops over tiles use that many threads, the caller's included; None: as SYMGRAD_THREADS says, or 1.

    The results are the same to the last bit.
    """
    if count is not None and (not isinstance(count, int) or count < 1):
        raise ValueError(f"set_threads: expected a positive integer or None, got {count!r}")
    _THREADS.wanted = count


def _over_tiles_by_threads(tile, n, step, combine=np.add):
    """What _over_tiles gives; threads take runs of 2**k tiles, whose results combine as they do there."""
    tiles = -(-n // step)
    count = min(_THREADS.count(), tiles)
    if count == 1:
        return _over_tiles(tile, n, step, combine)
    run = step << max(0, (tiles // (4 * count)).bit_length() - 1)
    starts = range(0, n, run)
    results = [()] * len(starts)
    left = list(enumerate(starts))[::-1]
    errors = np.geterr()

    def shifted(start):
        return lambda i, j: tile(start + i, start + j)

    def work():
        _THREADS.inside.busy = True
        try:
            with np.errstate(**errors):
                while True:
                    try:
                        k, start = left.pop()
                    except IndexError:
                        return
                    results[k] = _over_tiles(shifted(start), min(run, n - start), step, combine)
        except BaseException:
            left.clear()
            raise
        finally:
            _THREADS.inside.busy = False

    pool = _THREADS.helpers(count - 1)
    others = [pool.submit(work) for _ in range(count - 1)]
    try:
        work()
    finally:
        # Those that did not get to begin are not waited for: there is nothing left for them.
        for other in others:
            if not other.cancel():
                other.result()
    return _pairwise(results, combine)
