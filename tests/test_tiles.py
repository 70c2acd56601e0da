"""Rows tile by tile: the same results as in one go, where the graph allows it, within cache-sized memory."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels.tiles import _over_tiles, _pairwise, _tile_rows
from symgrad.verify.check import verify_function

Array = Any


def flat(value: Any) -> list[Array]:
    """The arrays in nested tuples."""
    return (
        [array for part in value for array in flat(part)] if isinstance(value, tuple) else [np.asarray(value)]
    )


def logistic() -> sg.Function:
    def loss(X, y, w, b):
        z = X @ w + b
        return np.mean(np.logaddexp(0.0, z) - y * z)

    return sg.value_and_grad(sg.trace(loss, X="n d", y="n", w="d", b=""), wrt=("X", "w", "b"))


def spread() -> sg.Function:
    def loss(x, w):
        centred = x - np.mean(x)
        scale = np.sqrt(np.mean(centred * centred) + 1)
        return np.sum(np.tanh(centred / scale) * w)

    return sg.value_and_grad(sg.trace(loss, x="n", w="n"))


def softmax_over_rows() -> sg.Function:
    return sg.trace(lambda x, y: np.sum(sg.softmax(x, axis=0) * np.sin(y), axis=1), x="n d", y="n d")


def extremes() -> sg.Function:
    def both(x, y):
        z = np.sin(x) * y
        return np.max(z, axis=0), np.min(z), np.any(z > 0.5, axis=0), np.all(z > -2.0), np.sum(z > 0)

    return sg.trace(both, x="n d", y="n d")


def gathered() -> sg.Function:
    def loss(table, i, X):
        rows = table[i] * X
        return np.sum(np.exp(-rows * rows) * np.cos(rows))

    return sg.grad(sg.trace(loss, table="k d", i=sg.array("n", dtype="int64"), X="n d"), wrt=("table", "X"))


def second_axis() -> sg.Function:
    return sg.value_and_grad(
        sg.trace(lambda A, v: np.sum(np.tanh(v @ A) ** 2 * np.exp(-np.sum(A * A, axis=0))), A="d n", v="d")
    )


def running() -> sg.Function:
    """A value that no tile can make, between values that tiles make."""
    return sg.grad(sg.trace(lambda x: np.sum(np.tanh(np.cumsum(np.sin(x) * np.exp(-x * x))) ** 2), x="n"))


def names_of_loops() -> sg.Function:
    """Arguments that are called as the generated loop would call its own names."""
    return sg.grad(
        sg.trace(lambda i, j, step, rows, tile: np.sum(np.tanh(i * j + step) ** 2 * rows) * tile,
                 i="n", j="n", step="", rows="n", tile="")
    )  # fmt: skip


FUNCTIONS = (
    logistic, spread, softmax_over_rows, extremes, gathered, second_axis, running, names_of_loops,
)  # fmt: skip


def arguments(f: sg.Function, n: int, dtype: Any = np.float64) -> list[Array]:
    rng = np.random.default_rng(n)
    sizes = {"n": n, "d": 3, "k": 4}
    found = []
    for shape, kind in f.inputs.values():
        size = tuple(sizes[name] for name in shape.split())
        found.append(rng.integers(0, 4, size) if kind == "int64" else rng.normal(size=size).astype(dtype))
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("make", FUNCTIONS, ids=lambda make: make.__name__)
def test_tiles_of_any_size_give_the_same(make: Callable[[], sg.Function], dtype: Any) -> None:
    f = make()
    straight = sg.compile(f, tiles=False)
    eps = np.finfo(dtype).eps
    for n in (1, 2, 7, 20):
        given = arguments(f, n, dtype)
        wanted = flat(straight(*given))
        for tile in (1, 3, 8):
            tiled = sg.compile(f, tiles=tile)
            for ours, theirs in zip(flat(tiled(*given)), wanted, strict=True):
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                # A few roundings of sums of 20 terms, which may cancel: relative to the largest entry.
                scale = max(1.0, np.abs(theirs).max(initial=0))
                assert np.abs(np.subtract(ours, theirs, dtype=float)).max(initial=0) <= 16 * eps * scale


@pytest.mark.parametrize("make", FUNCTIONS, ids=lambda make: make.__name__)
def test_the_loop_is_there_and_repeats_itself(make: Callable[[], sg.Function]) -> None:
    f = make()
    assert "_over_tiles(" in sg.Module("m", {"f": f}, tiles=3).source()
    tiled = sg.compile(f, tiles=3)
    given = arguments(f, 20)
    before = [a.tobytes() for a in given]
    first, second = flat(tiled(*given)), flat(tiled(*given))
    assert [a.tobytes() for a in first] == [a.tobytes() for a in second]
    assert [a.tobytes() for a in given] == before
    for result in first:
        assert not any(np.shares_memory(result, a) for a in given)


def test_no_rows_at_all() -> None:
    given = [np.zeros((0, 3)), np.zeros(0), np.ones(3), 0.5]
    with np.errstate(all="ignore"):
        for ours, theirs in zip(
            flat(sg.compile(logistic(), tiles=3)(*given)), flat(sg.compile(logistic(), tiles=False)(*given))
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_tiles_can_be_switched_off_and_are_not_used_where_nothing_is_saved() -> None:
    assert "_over_tiles" not in sg.Module("m", {"f": logistic()}, tiles=False).source()
    product = sg.trace(lambda A, B: A @ B, A="n d", B="d k")
    for tiles in (True, False):
        assert "_over_tiles" not in sg.Module("m", {"f": product}, tiles=tiles).source()
    assert "_over_tiles" not in sg.Module("m", {"f": logistic()}, typical={"n": 100}).source()


def test_memory_is_that_of_a_tile() -> None:
    n, d = 100_000, 4
    rng = np.random.default_rng(0)
    given = [rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d), 0.3]
    loss = sg.grad(sg.trace(lambda X, y, w, b: np.mean(np.logaddexp(0.0, X @ w + b) - y * (X @ w + b)),
                            X="n d", y="n", w="d", b=""), wrt=("w", "b"))  # fmt: skip

    def peak(function: Callable[..., Any]) -> int:
        function(*given)
        tracemalloc.start()
        function(*given)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    # The straight form holds several arrays of n numbers; a tile, 2**17 numbers at most.
    assert peak(sg.compile(loss)) < 2**17 * 8 < 2 * n * 8 < peak(sg.compile(loss, tiles=False))


def test_sums_are_as_exact_as_those_of_numpy() -> None:
    """Added up in pairs: a million tenths, one a tile, lose no more than numpy's own sum does."""
    tenths = np.full(2**20, 0.1, np.float32)
    (total,) = _over_tiles(lambda i, j: (tenths[i:j].sum(),), tenths.size, 8)
    one_by_one = np.cumsum(tenths)[-1]
    exact = float(np.float32(0.1)) * 2**20
    assert abs(total - exact) <= 2 * np.spacing(np.float32(exact))
    assert abs(one_by_one - exact) > 100 * np.spacing(np.float32(exact))


def test_parts_combine_in_pairs_of_neighbours() -> None:
    shown = [(f"{i}",) for i in range(7)]
    (text,) = _pairwise(shown, lambda a, b: f"({a}{b})")
    assert text == "(((01)(23))((45)6))"


def test_elements_of_a_scalar_formula() -> None:
    f = sg.value_and_grad(
        sg.trace(lambda x, y, s: np.tanh(x * y) * s + y / (1 + x * x), x="...", y="...", s="...")
    )
    tiled, straight = sg.compile(f, tiles=5), sg.compile(f, tiles=False)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3, 7))
    for given in (
        (x, y, 2.0), (x, y, x), (x.T, y.T, 1.0), (x, y[0], 2.0), (x[:, ::2], y[:, ::2], 1.5), (0.5, 2.0, 1.0),
        (x[:0], y[:0], 1.0), (x.astype(np.float32), y.astype(np.float32), np.float32(2)),
        (x, 3, np.array(1.5)), (x.tolist(), y, 1), (x[0], y[:, :1], 2.0), (x[:1], y, x[0, :1]),
        (x[None, :, :1], y[:, None], np.ones((5, 1, 1, 1))), (x[:1, :1], y[:1], x[:1]), (x.T, y[:, 0], 1.0),
    ):  # fmt: skip
        for ours, theirs in zip(flat(tiled(*given)), flat(straight(*given)), strict=True):
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
            assert ours.tobytes() == theirs.tobytes()  # no sums: the very same operations


def test_verification_sees_the_loop() -> None:
    f = sg.value_and_grad(logistic().origin.base, wrt=("w", "b"))
    module = sg.Module("m", {"f": f}).load()
    assert verify_function(f, module.f).ok
    whole = module._over_tiles
    module._over_tiles = lambda tile, n, step: whole(tile, max(n - 1, 1), step)
    assert not verify_function(f, module.f).ok
    assert module.f(np.ones((4, 2)), np.ones(4), np.ones(2), 0.0)[0] > 0  # all at once, as before


def test_two_threads_at_one_module() -> None:
    tiled = sg.compile(logistic(), tiles=7)
    points = [arguments(logistic(), n) for n in (50, 60)]
    wanted = [[a.tobytes() for a in flat(tiled(*given))] for given in points]
    with ThreadPoolExecutor(2) as pool:
        for k, found in pool.map(lambda k: (k, flat(tiled(*points[k]))), [0, 1] * 50):
            assert [a.tobytes() for a in found] == wanted[k]


@pytest.mark.parametrize(
    ("make", "shapes", "memory"),
    [
        # An operand and what is computed of it: two arrays at a time.
        (lambda X, w: np.sum(np.sin(X @ w)), {"X": "n d", "w": "d"}, "2 n numbers"),
        (lambda X, w: np.sum(np.sin(X * w) * X), {"X": "n d", "w": "d"}, "2 n d numbers"),
        (lambda x, y: np.sin(x * y) / (x + y), {"x": "...", "y": "..."}, "2 numbers a point"),
    ],
)
def test_memory_is_told_as_a_formula(make: Any, shapes: dict[str, str], memory: str) -> None:
    text = sg.Module("m", {"f": sg.trace(make, **shapes)}, tiles=False).source()
    assert f"    Memory: about {memory} beside arguments and results.\n" in text


def test_memory_of_tiles_is_told() -> None:
    f = sg.value_and_grad(logistic().origin.base, wrt=("w", "b"))
    text = sg.Module("m", {"f": f}).source()
    assert (
        "Memory: about tiles of 131,072 numbers or of 512 rows of d + 6 beside arguments and results." in text
    )
    scalars = sg.Module("m", {"f": sg.trace(lambda a, b: a * np.sin(b), a="", b="")}).source()
    assert "Memory" not in scalars


@pytest.mark.parametrize("name", ["black_scholes", "logreg", "gmm", "mlp"])
def test_the_workloads_that_gain_have_tiles(name: str) -> None:
    from tests.benchmarks import workloads

    one = workloads.ALL[name](True)
    library = workloads.Library(np, sg.logsumexp, sg.relu)
    f = sg.value_and_grad(sg.trace(one.formula(library), **one.shapes), wrt=one.wrt)
    assert "_tile_rows(" in sg.Module("m", {"f": f}).source()


def test_of_dimensions_that_save_as_much_the_one_whose_rows_lie_together():
    def misfit(U, V, T):
        return np.sum((U @ V.T - T) ** 2)

    for text in ("U[i:j], T[i:j], V", "V[i:j], T[i:j], U"):
        T = "m n" if text.startswith("U") else "n m"
        fn = misfit if text.startswith("U") else (lambda U, V, T: misfit(V, U, T))
        f = sg.value_and_grad(sg.trace(fn, name="f", U="m k", V="n k", T=T), wrt=("U", "V"))
        assert text in sg.Module("module", {"f": f}).source()


def many_narrow_operations() -> sg.Function:
    """A hundred operations on columns: what calls cost beside them grows with their number."""

    def f(x: Any, y: Any) -> Any:
        for _ in range(20):
            x, y = 0.5 * x * y - x, 0.5 * y * y + x
        return np.sum(x * y)

    return sg.value_and_grad(sg.trace(f, x="n", y="n"))


def test_tiles_have_enough_rows_for_the_calls_that_they_take() -> None:
    source = sg.Module("m", {"f": many_narrow_operations()}).source()
    assert re.search(r"_tile_rows\(\d+, least=\d+\)", source)
    assert "least=" not in sg.Module("m", {"f": logistic()}).source().split("def _tile_rows")[0]
    assert _tile_rows(100) == 1310 and _tile_rows(100, least=4096) == 4096 and _tile_rows(2**20) == 512


def test_what_combines_is_added_in_place() -> None:
    first, other = np.ones(3), np.full(3, 2.0)
    total = _pairwise(iter([(first, 1.5), (other, 2)]), np.add)
    assert total[0] is first and list(first) == [3, 3, 3] and total[1] == 3.5


def test_rows_that_make_much_more_than_they_read_go_by_tiles():
    def spread(X, C):
        near = np.exp(-np.sum((X[:, None] - C) ** 2, axis=2))
        return np.sum(near**2)

    f = sg.value_and_grad(sg.trace(spread, name="f", X="n d", C="k d"), wrt="C")
    source = sg.Module("module", {"f": f}).source()
    assert "X[i:j], C" in source  # and not rows of C, whose parts of every array lie apart


def test_columns_are_tiled_only_where_rows_are_not():
    def losses(X, Y, W, b):
        return np.mean((X @ W + b - Y) ** 2, axis=0)

    f = sg.trace(losses, name="f", X="n d", Y="n k", W="d k", b="k")
    assert "X[i:j], Y[i:j], W" in sg.Module("module", {"f": f}).source()
    g = sg.trace(
        lambda X, Y: np.cumsum(np.exp(X) * Y / (1 + X**2) - np.sin(Y), axis=0), name="g", X="n k", Y="n k"
    )
    assert "X[:, i:j], Y[:, i:j]" in sg.Module("module", {"g": g}).source()


@pytest.mark.parametrize("shapes", [{"x": "n", "y": "n"}, {"x": "...", "y": "..."}])
@pytest.mark.parametrize("threads", [False, True])
def test_exponentials_underflow_in_silence(shapes: dict[str, str], threads: bool) -> None:
    def loss(x: Any, y: Any) -> Any:
        values = np.logaddexp(0.0, x) * y / (1 + np.exp(-x))
        return values if shapes["x"] == "..." else np.sum(values)

    f = sg.value_and_grad(sg.trace(loss, **shapes), wrt="x")
    module = sg.Module("m", {"f": f}, tiles=2, threads=threads)
    source = module.source()
    assert source.count('with np.errstate(under="ignore"):') == 1 and "_decay(" not in source
    loaded = module.load()
    if threads:
        loaded.set_threads(2)
    x = np.array([-1e4, -800.0, 0.0, 800.0, 1e4])
    with np.errstate(all="raise"):
        _, gradient = loaded.f(x, np.ones(5))
    np.testing.assert_allclose(flat(gradient)[0], [0, 0, 0.25 + np.log(2) / 4, 1, 1], rtol=1e-15)
