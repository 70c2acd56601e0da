"""Systems with a triangular matrix, solved by substitution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.pipeline import prepare

WITHOUT = ("triangles",)


def evidence(K: Any, y: Any) -> Any:
    """Negative log-likelihood of a Gaussian process, as numpy's users write it."""
    L = np.linalg.cholesky(K)
    weights = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return 0.5 * y @ weights + np.sum(np.log(np.diagonal(L)))


def whitened(K: Any, Y: Any) -> Any:
    L = np.linalg.cholesky(K)
    return np.linalg.solve(-2 * L, Y), np.linalg.solve(np.triu(K) / 3.0, Y), np.linalg.solve(np.tril(K, 0), Y)


CASES = {
    "evidence'": (sg.value_and_grad(sg.trace(evidence, K="n n", y="n")), 4),
    "whitened": (sg.trace(whitened, K="n n", Y="n k"), 3),
}


def flat(result: Any) -> list[Any]:
    return [x for part in result for x in flat(part)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("n", [0, 1, 5, 64, 65, 150])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_values(name: str, n: int, dtype: Any) -> None:
    f, count = CASES[name]
    ops = prepare(f).ops()
    assert ops["solve_triangular"] >= count and "solve" not in ops
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 3))
    K = (np.exp(-0.5 * ((x[:, None] - x) ** 2).sum(axis=-1)) + np.eye(n)).astype(dtype)
    given = [K, rng.normal(size=n if name == "evidence'" else (n, 2)).astype(dtype)]
    got, want = flat(sg.compile(f)(*given)), flat(sg.compile(f, without=WITHOUT)(*given))
    for a, b in zip(got, want):
        assert np.shape(a) == np.shape(b) and a.dtype == b.dtype == dtype
        # Both are backward stable; the matrices have a condition number of about n.
        eps = 20 * np.finfo(dtype).eps * max(n, 1)
        np.testing.assert_allclose(a, b, rtol=eps, atol=eps * max(1.0, np.abs(b).max(initial=0.0)))


def test_a_singular_triangle_is_refused_as_by_numpy() -> None:
    f = sg.compile(sg.trace(lambda A, y: np.linalg.solve(np.tril(A), y), name="f", A="n n", y="n"))
    with pytest.raises(np.linalg.LinAlgError):
        f(np.ones((90, 90)) - np.diag(np.eye(90)[70]), np.ones(90))


def test_other_matrices_are_factored() -> None:
    def f(K: Any, y: Any) -> Any:
        L = np.linalg.cholesky(K)
        return (
            np.linalg.solve(L @ L, y), np.linalg.solve(L + L.T, y), np.linalg.solve(1 / (L + 2), y),
            np.linalg.solve(np.tril(K, 1), y), np.linalg.solve(L * K, y),
        )  # fmt: skip

    assert "solve_triangular" not in prepare(sg.trace(f, K="n n", y="n")).ops()


def test_stacks_are_left_to_numpy() -> None:
    f = sg.trace(lambda K, y: np.linalg.solve(np.linalg.cholesky(K), y), K="m n n", y="m n k")
    assert "solve_triangular" not in prepare(f).ops()
