"""Sums of outer products as one product of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.pipeline import prepare

WITHOUT = ("outer_products",)


def scaling(C: Any, a: Any, b: Any) -> Any:
    """Three steps of Sinkhorn's scaling: the adjoint of the kernel has terms of both orders of axes."""
    K = np.exp(-C)
    u = a
    for _ in range(3):
        v = b / (K.T @ u)
        u = a / (K @ v)
    return np.sum(u[:, None] * K * v * C)


def recurrence(W: Any, h: Any, y: Any) -> Any:
    for _ in range(5):
        h = np.tanh(W @ h) - 0.5 * h
    return np.sum((h - y) ** 2)


def written(u: Any, v: Any, A: Any) -> Any:
    """Signs, transposes, a column after its row, and what is no outer product."""
    first = A - u[:, None] * v + np.sin(v) * np.cos(u)[:, None] - (v[:, None] * (u + u**2)).T
    return first - (np.exp(u)[:, None] * v**3 - (A**2 + np.cos(v)[None, :] * u[:, None] ** 2))


def turned(u: Any, v: Any, A: Any) -> Any:
    """A transposed sum with a row, a column and a number in it."""
    parts = [np.sin(k * v)[:, None] * np.cos(k * u) for k in (1, 2, 3, 4)]
    return A.T + (np.exp(u)[:, None] * v + v - u[:, None] + 2.0 + A).T - sum(parts)


CASES = {
    "scaling'": sg.value_and_grad(sg.trace(scaling, C="n m", a="n", b="m")),
    "recurrence'": sg.value_and_grad(sg.trace(recurrence, W="n n", h="n", y="n")),
    "written": sg.trace(written, u="n", v="m", A="n m"),
    "turned": sg.trace(turned, u="n", v="m", A="n m"),
    "turned, square": sg.trace(turned, u="n", v="n", A="n n"),
}


def draw(f: sg.Function, n: int, m: int, dtype: Any) -> list[Any]:
    rng = np.random.default_rng(1)
    sizes = {"n": n, "m": m}
    return [rng.random([sizes[str(s)] for s in leaf.shape]).astype(dtype) for leaf in f.input_nodes]


def flat(result: Any) -> list[Any]:
    return [x for part in result for x in flat(part)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sizes", [(4, 3), (1, 1), (0, 2), (70, 50)])
def test_the_same_values(name: str, dtype: Any, sizes: tuple[int, int]) -> None:
    f = CASES[name]
    assert any(node.op.name == "stack" for node in prepare(f).nodes())
    given = draw(f, *sizes, dtype)
    with np.errstate(all="ignore"):
        got, want = flat(sg.compile(f)(*given)), flat(sg.compile(f, without=WITHOUT)(*given))
    for a, b in zip(got, want):
        assert np.shape(a) == np.shape(b) and a.dtype == b.dtype
        # The same terms, added up in another order.
        scale = 20 * np.finfo(dtype).eps * max(1.0, np.abs(b).max(initial=0.0))
        np.testing.assert_allclose(a, b, rtol=20 * np.finfo(dtype).eps, atol=scale)


def test_it_reads_as_a_product_of_stacks() -> None:
    source = sg.Module("m", {"f": CASES["written"]}, tiles=False).source()
    body = source[source.index("u, v, A, _") : source.index("return written")]
    assert body.count("np.stack(") == 2 and "[:, None] * " not in body


def test_few_products_and_those_that_others_need_stay() -> None:
    f = sg.trace(lambda u, v: u[:, None] * v + v[:, None] * u + u[:, None] * u, u="n", v="n", name="f")
    assert "stack" not in prepare(f).ops()

    def shared(u: Any, v: Any) -> Any:
        parts = [np.sin(k * u)[:, None] * v for k in range(1, 6)]
        return sum(parts), *parts

    assert "stack" not in prepare(sg.trace(shared, u="n", v="m")).ops()
