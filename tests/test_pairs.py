"""Functions of pairs, row by row of the pairs: the same results as in one go, in memory that a tile takes."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.verify.check import verify_function
from symgrad.verify.tiles import one_row_a_tile
from tests.test_tiles import flat

Array = Any
EPS = float(np.finfo(float).eps)


def attention() -> sg.Function:
    def loss(X, Q, K, V, T):
        scores = (X @ Q) @ (X @ K).T / np.sqrt(3.0)
        return np.sum((sg.softmax(scores, axis=1) @ (X @ V) - T) ** 2)

    return sg.value_and_grad(sg.trace(loss, X="n d", Q="d 3", K="d 3", V="d 3", T="n 3"))


def bodies() -> sg.Function:
    def energy(p, m):
        apart = p[:, None, :] - p[None, :, :]
        return -0.5 * np.sum(m[:, None] * m[None, :] / np.sqrt(np.sum(apart**2, axis=-1) + 0.01))

    return sg.value_and_grad(sg.trace(energy, p="n 3", m="n"))


def columns_first() -> sg.Function:
    """The other of the two axes is the one that was given first."""
    return sg.grad(sg.trace(lambda x, w: np.sum(np.tanh(x - x[:, None]) * w * w[:, None]), x="n", w="n"))


def discrepancy() -> sg.Function:
    def mmd(X, Y, s):
        def kernel(A, B):
            squares = np.sum(A**2, axis=1)[:, None] + np.sum(B**2, axis=1) - 2 * A @ B.T
            return np.mean(np.exp(-squares / (2 * s**2)))

        return kernel(X, X) + kernel(Y, Y) - 2 * kernel(X, Y)

    return sg.value_and_grad(sg.trace(mmd, X="n d", Y="m d", s=""))


def contrast() -> sg.Function:
    """Rows and columns of one matrix both normalised."""

    def loss(A, B, t):
        z = A @ B.T * t
        return -np.mean(sg.log_softmax(z, axis=1) * (np.exp(z) / np.sum(np.exp(z), axis=0)))

    return sg.value_and_grad(sg.trace(loss, A="n d", B="n d", t=""))


def kernel_matrix() -> sg.Function:
    def kernel(X, s):
        apart = np.sum((X[:, None, :] - X) ** 2, axis=2)
        return np.exp(-apart / s) * (1 + apart), np.sum(np.exp(-apart), axis=0)

    return sg.trace(kernel, X="n d", s="")


def given_pairs() -> sg.Function:
    """An argument of pairs, its rows and its columns looked at, and its derivative."""

    def loss(P, x):
        y = np.tanh(x[:, None] - x) * P
        return np.sum(y * y) + np.sum(np.sin(y) @ x) + np.sum(np.tanh(np.sum(y, axis=0)))

    return sg.value_and_grad(sg.trace(loss, P="n n", x="n"))


def without_itself() -> sg.Function:
    def nearest(X):
        apart = np.sum((X[:, None, :] - X) ** 2, axis=2) + 9 * sg.eye(X.shape[0])
        return np.sum(np.min(apart, axis=1) + np.max(np.exp(-apart), axis=0))

    return sg.value_and_grad(sg.trace(nearest, X="n d"))


def turned_over() -> sg.Function:
    """An operation on rows that takes all of them."""
    return sg.grad(
        sg.trace(lambda x: np.sum(np.tanh(np.exp(x[:, None] - x)[::-1] * np.sin(x[:, None] * x))), x="n")
    )


def tangent() -> sg.Function:
    return sg.jvp(bodies().origin.base, wrt="p")


def curvature() -> sg.Function:
    return sg.hvp(bodies().origin.base, wrt="p")


FUNCTIONS = (
    attention, bodies, columns_first, discrepancy, contrast, kernel_matrix, given_pairs, without_itself,
    turned_over, tangent, curvature,
)  # fmt: skip


def arguments(f: sg.Function, n: int, dtype: Any = np.float64) -> list[Array]:
    rng = np.random.default_rng(n)
    sizes = {"n": n, "d": 2, "m": 4}
    shapes = [[sizes.get(name) or int(name) if name != "n" else n for name in shape.split()]
              for shape, _ in f.inputs.values()]  # fmt: skip
    return [rng.normal(size=shape).astype(dtype) + dtype(not shape) for shape in shapes]


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("make", FUNCTIONS, ids=lambda make: make.__name__)
def test_tiles_of_any_size_give_the_same(make: Callable[[], sg.Function], dtype: Any) -> None:
    f = make()
    straight = sg.compile(f, tiles=False)
    eps = np.finfo(dtype).eps
    for tile in (1, 3, 8):
        text = sg.Module("m", {"f": f}, tiles=tile).source()
        assert "some rows of pairs" in text
        assert "n'" not in text  # the name that rows go by meanwhile
        tiled = sg.compile(f, tiles=tile)
        for n in (1, 2, 7, 20):
            given = arguments(f, n, dtype)
            for ours, theirs in zip(flat(tiled(*given)), flat(straight(*given)), strict=True):
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                # Some roundings of sums of 400 terms, which may cancel: relative to the largest entry.
                scale = max(1.0, np.abs(theirs).max(initial=0))
                assert np.abs(np.subtract(ours, theirs, dtype=float)).max(initial=0) <= 64 * eps * scale


@pytest.mark.parametrize("make", FUNCTIONS, ids=lambda make: make.__name__)
def test_no_rows_at_all(make: Callable[[], sg.Function]) -> None:
    f = make()
    given = arguments(f, 0)
    results = []
    with np.errstate(all="ignore"):
        for tiles in (False, 3):
            try:
                results.append([(a.shape, a.tobytes()) for a in flat(sg.compile(f, tiles=tiles)(*given))])
            except ValueError as error:  # the smallest of no numbers
                results.append(str(error))
    assert results[0] == results[1]


@pytest.mark.parametrize("make", FUNCTIONS, ids=lambda make: make.__name__)
def test_the_same_bits_on_any_number_of_threads(make: Callable[[], sg.Function]) -> None:
    f = make()
    given = arguments(f, 20)
    before = [a.tobytes() for a in given]
    wanted = [a.tobytes() for a in flat(sg.compile(f, tiles=3)(*given))]
    module = sg.Module("m", {"f": f}, tiles=3, threads=True).load()
    for count in (1, 2, 3, 1):
        module.set_threads(count)
        found = flat(module.f(*given))
        assert [a.tobytes() for a in found] == wanted
        assert not any(np.shares_memory(result, a) for result in found for a in given)
    assert [a.tobytes() for a in given] == before


@pytest.mark.parametrize(
    "make", [attention, bodies, discrepancy, given_pairs], ids=lambda make: make.__name__
)
def test_verified_row_by_row(make: Callable[[], sg.Function]) -> None:
    f = make()
    generated = sg.Module("m", {"f": f}).load().f
    assert "_tile_pairs" in generated.__globals__
    with one_row_a_tile(generated):
        assert verify_function(f, generated).ok
    whole = generated.__globals__["_over_tiles"]
    with one_row_a_tile(generated):
        generated.__globals__["_over_tiles"] = lambda tile, n, step: whole(tile, max(n - 1, 1), step)
        assert not verify_function(f, generated).ok


def test_memory_grows_with_rows_and_not_with_pairs() -> None:
    f = bodies()
    given = arguments(f, 1500)

    def peak(function: Callable[..., Any]) -> int:
        function(*given)
        tracemalloc.start()
        function(*given)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    tiled, straight = peak(sg.compile(f)), peak(sg.compile(f, without=("pairs",)))
    # At most 16 arrays of 32 rows of pairs at one time; all pairs are several arrays of 1500 rows.
    assert tiled < 16 * 32 * 1500 * 8 < 3 * 1500 * 1500 * 8 < straight


def test_left_out_or_for_few_rows() -> None:
    for options in ({"without": ("pairs",)}, {"tiles": False}, {"typical": {"n": 50}}):
        assert "of pairs" not in sg.Module("m", {"f": attention()}, **options).source()
    assert "of pairs" in sg.Module("m", {"f": attention()}).source()


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        # A pair and its mirror image in one sum: every row needs a whole column.
        (lambda x: np.sum(np.sin(np.exp(x[:, None] * x**2) + np.exp(x[:, None] * x**2).T)), {"x": "n"}),
        (lambda X: np.sum(np.linalg.inv(np.exp(X @ X.T) + sg.eye(X.shape[0]))), {"X": "n d"}),
        (lambda x: np.sum(np.tanh(np.concatenate([x[:, None] * x, np.outer(x, x**2)]))), {"x": "n"}),
    ],
)
def test_what_rows_are_not_apart_in_stays_as_it_is(make: Any, shapes: dict[str, str]) -> None:
    f = sg.value_and_grad(sg.trace(make, **shapes))
    assert "of pairs" not in sg.Module("m", {"f": f}).source()
    given = [np.random.default_rng(0).normal(size=[6, 2][: len(shape.split())]) for shape in shapes.values()]
    for ours, theirs in zip(flat(sg.compile(f, tiles=2)(*given)), flat(sg.compile(f, tiles=False)(*given))):
        np.testing.assert_allclose(ours, theirs, rtol=64 * EPS, atol=64 * EPS * np.abs(theirs).max())


def test_tiles_over_a_batch_are_kept() -> None:
    """What a row of another size holds anyway is not told apart: one loop is enough."""
    f = sg.trace(lambda x: np.sum(np.tanh(x[:, :, None] - x[:, None, :]) ** 2 * np.exp(x)[:, None]), x="b n")
    text = sg.Module("m", {"f": sg.value_and_grad(f)}).source()
    assert "some of the rows" in text
    assert "of pairs" not in text
    # One member of the batch may fill a cache.
    assert re.search(r"step = _tile_rows\(.*n \* n.*, least=1\)", text)
    assert "or of one row of" in text


def test_a_function_of_pairs_has_no_parts() -> None:
    with pytest.raises(sg.SpecError, match="no function of the module is a sum over the rows"):
        sg.Module("m", {"f": bodies()}, partial=True).source()


#: A line of a random program, by the kind of its result: n, n x d, n x n numbers, or one. `{n}` is an earlier
#: value of that kind.
FORMS = (
    ("p", "np.tanh({n}[:, None] - {n})"), ("p", "{n} * np.cos({n}[:, None])"), ("p", "np.sin({m} @ {m}.T)"),
    ("p", "np.exp(-np.sum(({m}[:, None, :] - {m}) ** 2, axis=-1))"), ("p", "{p} * {p}"), ("p", "{p} + {s}"),
    ("p", "np.exp(-({p} ** 2))"), ("p", "sg.softmax({p}, axis=1)"), ("p", "{p} - np.mean({p}, axis=0)"),
    ("p", "{p} - np.max({p}, axis=1, keepdims=True)"), ("p", "np.where({n}[:, None] > {n}, {p}, 0.3)"),
    ("p", "{p} / (2 + np.tanh({n})[:, None])"), ("p", "{p} + sg.eye(X.shape[0])"), ("p", "{p}.T"),
    ("n", "np.tanh(np.sum({p}, axis=0) / 9)"), ("n", "np.max({p}, axis=1)"), ("n", "np.tanh({p} @ {n} / 9)"),
    ("n", "np.sin({n}) * {n}"), ("n", "np.sum({m} * {m}, axis=1)"), ("n", "np.max({p}, axis=0)"),
    ("m", "np.tanh({p} @ {m} / 9)"), ("m", "np.tanh({p}.T @ {m} / 9)"), ("m", "{m} - np.mean({m}, axis=0)"),
    ("m", "np.cos({m}) * {n}[:, None]"), ("s", "np.mean({p})"), ("s", "np.tanh({n} @ {n} / 9)"),
)  # fmt: skip


def program(seed: int) -> tuple[sg.Function, str]:
    """A function of some random lines, the values of which all count, and its text."""
    rng = np.random.default_rng(seed)
    known = {"n": ["x", "w"], "m": ["X", "Y"], "p": ["A"], "s": ["c"]}
    lines = []
    for count in range(int(rng.integers(6, 16))):
        kind, form = FORMS[rng.integers(len(FORMS))]
        text = form
        for one, values in known.items():
            while f"{{{one}}}" in text:
                text = text.replace(
                    f"{{{one}}}", values[rng.integers(max(0, len(values) - 4), len(values))], 1
                )
        lines.append(f"v{count} = {text}")
        known[kind].append(f"v{count}")
    total = " + ".join(f"np.sum(np.sin({values[-1]}))" for values in known.values())
    source = "\n    ".join(["def f(X, Y, A, x, w, c):", *lines, f"return {total}"])
    scope: dict[str, Any] = {"np": np, "sg": sg}
    exec(source, scope)
    return sg.trace(scope["f"], X="n d", Y="n d", A="n n", x="n", w="n", c=""), source


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_of_pairs(seed: int) -> None:
    traced, source = program(seed)
    f = sg.value_and_grad(traced)
    given = arguments(f, 5)
    wanted = flat(sg.compile(f, tiles=False)(*given))
    for tiles in (1, 2):
        for ours, theirs in zip(flat(sg.compile(f, tiles=tiles)(*given)), wanted, strict=True):
            scale = max(1.0, np.abs(theirs).max())
            assert np.abs(ours - theirs).max() <= 256 * EPS * scale, source


def test_nodes_of_the_prepared_function_know_nothing_of_rows() -> None:
    """The other name of a size is for the text alone: what else is told of a function has its own sizes."""
    module = sg.Module("m", {"f": bodies()})
    before = module.prepared["f"].to_text()
    module.source()
    assert module.prepared["f"].to_text() == before
    assert "'" not in before


def test_rows_alone_are_not_worth_a_loop_beside_whole_pairs() -> None:
    def loss(A, B):
        z = A @ B.T
        return np.mean(sg.logsumexp(z, axis=1) + sg.logsumexp(z, axis=0) - 2 * np.diag(z))

    text = sg.Module("m", {"f": sg.value_and_grad(sg.trace(loss, A="n d", B="n d"))}).source()
    assert "some of the rows" not in text
