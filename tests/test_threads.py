"""Tiles on several threads: the same bits, no deadlock, no state that calls share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symgrad as sg

Array = Any


def loss(X, y, w):
    z = X @ w
    return np.sum(np.logaddexp(0.0, z) - y * z)


def module(**options: Any) -> types.ModuleType:
    """Sums, rows and elements, in tiles of a few rows."""
    f = sg.trace(loss, X="n d", y="n", w="d")
    rows = sg.trace(lambda X, w: np.tanh(X @ w) * np.sin(X[:, 0]), X="n d", w="d")
    scalar = sg.trace(lambda x, y: np.tanh(x * y) + y / (1 + x * x), x="...", y="...")
    functions = {
        "sums": sg.value_and_grad(f, wrt=("X", "w")), "rows": rows, "elements": sg.value_and_grad(scalar),
    }  # fmt: skip
    return sg.Module("threaded", functions, threads=True, **{"tiles": 7, **options}).load()


def results(m: types.ModuleType, n: int = 500) -> list[bytes]:
    rng = np.random.default_rng(n)
    X, y, w = rng.normal(size=(n, 3)), rng.normal(size=n), rng.normal(size=3)
    value, gradient = m.sums(X, y, w)
    pair = m.elements(X, X + 1)
    return [np.asarray(a).tobytes() for a in (value, *gradient, m.rows(X, w), pair[0], *pair[1])]


def test_the_same_bits_for_any_number_of_threads() -> None:
    m = module()
    for n in (1, 7, 8, 50, 333, 1000):
        wanted = results(m, n)
        for count in (2, 3, 5, 16):
            m.set_threads(count)
            assert results(m, n) == wanted, (n, count)
        m.set_threads(None)
        assert results(m, n) == wanted


def test_it_is_one_thread_until_set(monkeypatch: pytest.MonkeyPatch) -> None:
    m = module()
    monkeypatch.delenv("SYMGRAD_THREADS", raising=False)
    results(m)
    assert m._THREADS.pool is None
    monkeypatch.setenv("SYMGRAD_THREADS", "3")
    results(m)
    assert m._THREADS.size == 2
    m.set_threads(2)  # says more than the environment does
    results(m)
    assert m._THREADS.size == 1


def test_threads_are_used() -> None:
    """Every thread waits in its first tile for the others: more than one is at work at the same time."""
    from symgrad.kernels.threads import _over_tiles_by_threads, set_threads

    barrier = threading.Barrier(3, timeout=30)
    seen = set()

    def tile(i: int, j: int) -> tuple[int]:
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            barrier.wait()
        return (j - i,)

    set_threads(3)
    try:
        assert _over_tiles_by_threads(tile, 1000, 1) == (1000,)
    finally:
        set_threads(None)
    assert len(seen) == 3


def test_many_callers_at_once() -> None:
    m = module()
    wanted = {n: results(m, n) for n in (100, 101, 300)}
    m.set_threads(3)
    with ThreadPoolExecutor(6) as pool:
        for n, found in pool.map(lambda n: (n, results(m, n)), [100, 101, 300] * 20):
            assert found == wanted[n]


def test_a_loop_within_a_tile_does_not_wait_for_the_pool() -> None:
    from symgrad.kernels.threads import _over_tiles_by_threads, set_threads

    def inner(i: int, j: int) -> tuple[int]:
        return _over_tiles_by_threads(lambda k, m: (m - k,), 10 * (j - i), 1)

    set_threads(2)
    try:
        assert _over_tiles_by_threads(inner, 50, 1) == (500,)
    finally:
        set_threads(None)


def test_errors_come_through_and_the_pool_survives() -> None:
    m = module()
    m.set_threads(4)
    X = np.ones((400, 3))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        m.elements(X * 1e200, X)
    assert results(m) == results(module())


@pytest.mark.parametrize("count", [0, -1, 2.5, "2"])
def test_wrong_numbers_of_threads(count: Any) -> None:
    with pytest.raises(ValueError, match=r"set_threads: expected a positive integer or None, got"):
        module().set_threads(count)


FORKED = """
import os, sys
sys.path.insert(0, {folder!r})
import numpy as np
import threaded
threaded.set_threads(3)
X, w = np.linspace(0, 1, 600).reshape(200, 3), np.ones(3)
wanted = threaded.rows(X, w)  # makes the pool
threaded._THREADS.lock.acquire()  # as another thread of the parent might hold it
child = os.fork()
if not child:
    os._exit(0 if (threaded.rows(X, w) == wanted).all() and threaded._THREADS.size == 2 else 1)
threaded._THREADS.lock.release()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_process_makes_threads_of_its_own(tmp_path: Path) -> None:
    f = sg.trace(lambda X, w: np.tanh(X @ w) * np.sin(X[:, 0]), X="n d", w="d")
    sg.Module("threaded", {"rows": f}, threads=True, tiles=7).write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED.format(folder=str(tmp_path))], timeout=60, check=False
    )
    assert done.returncode == 0


def test_only_modules_that_ask_have_threads() -> None:
    f = sg.trace(loss, X="n d", y="n", w="d")
    plain = sg.Module("m", {"f": sg.value_and_grad(f, wrt="w")})
    assert "import threading" not in plain.source()
    product = sg.Module("m", {"f": sg.trace(lambda A, B: A @ B, A="n d", B="d k")}, threads=True)
    assert "import threading" not in product.source()
    threaded = sg.Module("m", {"f": sg.value_and_grad(f, wrt="w")}, threads=True)
    assert "set_threads" in threaded.load().__all__
    assert "def set_threads(count: int | None) -> None: ..." in threaded.stub()
    with pytest.raises(sg.SpecError, match="set_threads"):
        sg.Module("m", {"set_threads": f}, threads=True)
