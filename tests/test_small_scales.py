"""Numbers that scale products of rows with each other, taken by the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.pipeline import prepare

WITHOUT = ("small_scales",)


def attention(X: Any, Q: Any, K: Any) -> Any:
    scores = (X @ Q) @ (X @ K).T / np.sqrt(8.0)
    return np.sum((sg.softmax(scores, axis=1) @ X) ** 2)


def similarity(Z: Any, Y: Any, tau: Any) -> Any:
    scores = 1.5 * (Z @ Y.T) * tau
    return np.mean(sg.logsumexp(scores, axis=1)) - np.mean(np.sum(Z * Y, axis=1))


def kernel(X: Any, s: Any) -> Any:
    K = X @ X.T / s
    return np.sum(np.tanh(K)), K


CASES = {
    "attention'": sg.value_and_grad(sg.trace(attention, X="n d", Q="d k", K="d k")),
    "similarity'": sg.value_and_grad(sg.trace(similarity, Z="n d", Y="n d", tau="")),
    "kernel": sg.trace(kernel, X="n d", s=""),
}


def flat(result: Any) -> list[Any]:
    return [x for part in result for x in flat(part)] if isinstance(result, tuple) else [result]


def large_scales(f: sg.Function) -> int:
    """Products and quotients of arrays of pairs with one number."""
    return sum(
        node.op.name in ("mul", "div")
        and str(node.shape) == "(n, n)"
        and any(not a.shape for a in node.args)
        for node in f.nodes()
    )  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [0, 1, 5, 40])
def test_the_same_values(name: str, dtype: Any, n: int) -> None:
    f = CASES[name]
    rng = np.random.default_rng(n)
    sizes = {"n": n, "d": 4, "k": 3}
    given = [rng.normal(size=[sizes[str(s)] for s in leaf.shape]).astype(dtype) for leaf in f.input_nodes]
    given = [a if a.ndim else a[()] for a in given]
    with np.errstate(all="ignore"):
        got, want = flat(sg.compile(f)(*given)), flat(sg.compile(f, without=WITHOUT)(*given))
    for a, b in zip(got, want):
        assert np.shape(a) == np.shape(b) and a.dtype == b.dtype == dtype
        # The same factors in another order; sums of up to 40 terms.
        eps = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(a, b, rtol=eps, atol=eps * max(1.0, np.abs(b).max(initial=0.0)))


def test_no_pair_is_scaled() -> None:
    from symgrad.options import Options

    for name in ("attention'", "kernel"):
        assert large_scales(prepare(CASES[name])) == 0
        assert large_scales(prepare(CASES[name], Options(without=WITHOUT))) > 0


def test_products_of_columns_and_what_others_need_stay() -> None:
    gram = prepare(sg.trace(lambda X: X.T @ X / 3.0, X="m n"))
    assert gram.output_nodes[0].op.name == "div"

    def both(X: Any, Y: Any) -> Any:
        P = X @ Y.T
        return P / 3.0, P

    assert prepare(sg.trace(both, X="n d", Y="n d")).output_nodes[0].op.name == "div"
    other = prepare(sg.trace(lambda X, Y: X @ Y.T / 3.0, X="n d", Y="m d"))
    assert other.output_nodes[0].op.name == "div"
