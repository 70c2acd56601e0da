"""Sums over some of the rows: data larger than memory, and Dask, with the generated module alone."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tracemalloc
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symgrad as sg

Array = Any


def loss(X, y, w, b):
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + 0.1 * np.sum(w * w)


def logistic(**options: Any) -> sg.Module:
    f = sg.trace(loss, X="n d", y="n", w="d", b="")
    functions = {"loss": f, "loss_value_and_grad": sg.value_and_grad(f, wrt=("w", "b"))}
    return sg.Module("logistic", functions, partial=True, **options)


def data(n: int, dtype: Any = np.float64) -> tuple[Array, ...]:
    rng = np.random.default_rng(n)
    made = rng.normal(size=(n, 3)), rng.integers(0, 2, n), rng.normal(size=3), 0.3
    return tuple(np.asarray(a, dtype) for a in made)


def flat(value: Any) -> list[Array]:
    return (
        [array for part in value for array in flat(part)] if isinstance(value, tuple) else [np.asarray(value)]
    )


def in_chunks(m: types.ModuleType, name: str, bounds: list[int], rows: tuple[Array, ...], whole: Any) -> Any:
    n = bounds[-1]
    partial, add, combine = (getattr(m, f"{name}_{part}") for part in ("partial", "add", "combine"))
    total = None
    for i, j in itertools.pairwise(bounds):
        part = partial(*(a[i:j] for a in rows), *whole, n)
        total = part if total is None else add(total, part)
    return combine(total, *whole, n)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("bounds", [[0, 50], [0, 1, 20, 20, 50], list(range(51))], ids=len)
def test_parts_make_the_whole(bounds: list[int], dtype: Any) -> None:
    m = logistic().load()
    X, y, w, b = data(50, dtype)
    for name in ("loss", "loss_value_and_grad"):
        wanted = flat(getattr(m, name)(X, y, w, b))
        found = flat(in_chunks(m, name, bounds, (X, y), (w, b)))
        for ours, theirs in zip(found, wanted, strict=True):
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
            # Sums of 50 terms of size 1 in another order.
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=16 * np.finfo(dtype).eps)


def test_sums_that_are_not_additions_and_tables() -> None:
    def summary(table, i, x, c):
        rows = table[i] * np.sin(x)
        return np.max(rows), np.min(rows, axis=0) * c, sg.segment_sum(rows, i, 4), np.any(rows > 2)

    f = sg.trace(summary, table="k d", i=sg.array("n", dtype="int64"), x="n d", c="")
    m = sg.Module("summaries", {"summary": f}, partial=True).load()
    rng = np.random.default_rng(0)
    table, i, x = rng.normal(size=(4, 2)), rng.integers(0, 4, 30), rng.normal(size=(30, 2))
    sums = [m.summary_partial(table, i[a : a + 7], x[a : a + 7], 2.0, 30) for a in range(0, 30, 7)]
    before = [np.array(part) for part in sums[0]]
    total = sums[0]
    for part in sums[1:]:
        total = m.summary_add(total, part)
    for kept, part in zip(before, sums[0], strict=True):
        np.testing.assert_array_equal(kept, part)  # adding leaves what is added alone
    wanted = m.summary(table, i, x, 2.0)
    for ours, theirs in zip(flat(m.summary_combine(total, table, 2.0, 30)), flat(wanted), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-15)


def test_results_share_no_memory_with_the_sums() -> None:
    f = sg.grad(sg.trace(lambda X, w: np.sum(np.tanh(X @ w)), X="n d", w="d"), wrt="w")
    m = sg.Module("m", {"f": f}, partial=True).load()
    sums = m.f_partial(np.ones((4, 2)), np.ones(2), 4)
    assert not any(np.shares_memory(part, m.f_combine(sums, np.ones(2), 4)) for part in sums)


def test_what_is_no_sum_is_refused() -> None:
    with pytest.raises(sg.SpecError, match="no function of the module is a sum over the rows"):
        sg.Module("m", {"f": sg.trace(lambda x: np.cumsum(x), x="n")}, partial=True).source()
    variance = sg.trace(lambda x: np.sum((x - np.mean(x)) ** 2), x="n")
    with pytest.raises(sg.SpecError, match="no function of the module is a sum over the rows"):
        sg.Module("m", {"f": variance}, partial=True).source()
    f = sg.trace(loss, X="n d", y="n", w="d", b="")
    with pytest.raises(sg.SpecError, match="f gets a function f_add, and there is one already"):
        sg.Module("m", {"f": f, "f_add": f}, partial=True).source()


def test_data_on_disk_is_read_tile_by_tile(tmp_path: Path) -> None:
    """64 MB of rows in a file: at no time more than a few tiles of them in memory."""
    n, d = 1_000_000, 8
    X = np.memmap(tmp_path / "X", np.float64, "w+", shape=(n, d))
    y = np.memmap(tmp_path / "y", np.float64, "w+", shape=(n,))
    block = np.random.default_rng(0).normal(size=(10_000, d))
    for i in range(0, n, len(block)):
        X[i : i + len(block)], y[i : i + len(block)] = block, block[:, 0] > 0
    X, y = (
        np.memmap(tmp_path / "X", np.float64, "r", shape=(n, d)),
        np.memmap(tmp_path / "y", np.float64, "r"),
    )
    m = logistic().load()
    w = np.linspace(-1, 1, d)
    tracemalloc.start()
    whole = m.loss_value_and_grad(X, y, w, 0.3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6 < X.nbytes / 10
    few = m.loss_value_and_grad(block, block[:, 0] > 0, w, 0.3)  # the same rows, once instead of 100 times
    for ours, theirs in zip(flat(whole), flat(few), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


ON_DASK = """
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
import dask
import dask.array as da
import dask.bag as db
from dask.distributed import Client, LocalCluster

import logistic


def part(X, y, w, b, n):
    if "symgrad" in sys.modules:
        raise RuntimeError("the worker has more than the generated module")
    return logistic.loss_value_and_grad_partial(X, y, w, b, n)


def value_and_grad(X, y, w, b):
    n = len(X)
    rows = zip(X.to_delayed().ravel(), y.to_delayed().ravel())
    parts = [dask.delayed(lambda *a: [part(*a)])(x, t, w, b, n) for x, t in rows]
    total = db.from_delayed(parts).fold(logistic.loss_value_and_grad_add, split_every=4)
    return dask.delayed(logistic.loss_value_and_grad_combine)(total, w, b, n).compute()


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(10_000, 3)), np.array([0.5, -1.0, 2.0])
    y = (X[:, 0] > 0).astype(float)
    here = logistic.loss_value_and_grad(X, y, w, 0.3)
    chunks = da.from_array(X, chunks=(700, 3)), da.from_array(y, chunks=700)
    processes = sys.argv[2] == "processes"
    with LocalCluster(2, processes=processes, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster):
            there = value_and_grad(*chunks, w, 0.3)
    np.testing.assert_allclose(there[0], here[0], rtol=1e-13)
    np.testing.assert_allclose(there[1].w, here[1].w, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(there[1].b, here[1].b, rtol=1e-12, atol=1e-14)
    print("agree")
"""


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_dask_adds_up_chunks(tmp_path: Path, workers: str) -> None:
    """A local cluster, the gradients summed in a tree by Dask; workers import nothing but the module."""
    pytest.importorskip("dask.array")
    pytest.importorskip("distributed")
    logistic().write(tmp_path)
    (tmp_path / "on_dask.py").write_text(ON_DASK, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "on_dask.py"), str(tmp_path), workers],
        env={"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "agree\n", done.stderr
