"""Workloads whose result is a full Hessian, each with a structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import by_hand
from .workload import Library, Workload


def hess_logreg(quick: bool = False) -> Workload:
    """The Hessian of the mean logistic loss: X^T S X."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np

        def loss(X: Any, y: Any, w: Any) -> Any:
            z = X @ w
            return np.mean(np.logaddexp(0.0, z) - y * z)

        return loss

    rng = np.random.default_rng(7)
    n, d = (40, 5) if quick else (5_000, 100)
    data = (rng.normal(size=(n, d)), rng.integers(0, 2, n).astype(float), rng.normal(size=d) / np.sqrt(d))
    shapes = {"X": "n d", "y": "n", "w": "d"}
    title = f"Hessian of logistic regression, {n:,} x {d}"
    return Workload("hess_logreg", title, formula, shapes, ("w",), data, by_hand.hess_logreg, hessian=True)


def hess_quartic(quick: bool = False) -> Workload:
    """The Hessian of a sum of fourth powers: A^T D A."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np
        return lambda A, x: np.sum((A @ x) ** 4)

    rng = np.random.default_rng(8)
    n, d = (30, 6) if quick else (2_000, 200)
    data = (rng.normal(size=(n, d)), rng.normal(size=d))
    title = f"Hessian of sum((A x)^4), {n:,} x {d}"
    shapes = {"A": "n d", "x": "d"}
    return Workload("hess_quartic", title, formula, shapes, ("x",), data, by_hand.hess_quartic, hessian=True)


def hess_factors(quick: bool = False) -> Workload:
    """The Hessian of a matrix factorisation in one factor: a Kronecker product with an identity."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np
        return lambda M, U, V: np.sum((M - U @ V.T) ** 2)

    rng = np.random.default_rng(9)
    n, m, k = (5, 4, 2) if quick else (60, 300, 10)
    data = (rng.normal(size=(n, m)), rng.normal(size=(n, k)), rng.normal(size=(m, k)))
    title = f"Hessian of a factorisation, {n} x {k} of {n} x {m}"
    shapes = {"M": "n m", "U": "n k", "V": "m k"}
    return Workload("hess_factors", title, formula, shapes, ("U",), data, by_hand.hess_factors, hessian=True)


def hess_banded(quick: bool = False) -> Workload:
    """The Hessian of Rosenbrock's chained function: tridiagonal."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np
        return lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    rng = np.random.default_rng(10)
    n = 8 if quick else 1_000
    title = f"Hessian of Rosenbrock's chain, {n:,} variables"
    data = (rng.normal(size=n),)
    return Workload(
        "hess_banded", title, formula, {"x": "n"}, ("x",), data, by_hand.hess_banded, hessian=True
    )
