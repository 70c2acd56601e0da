"""Workloads that make something of every pair of rows, and what a careful person writes for them in numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .workload import Library, Workload

#: Rows of pairs that are worked on at once by hand.
TILE = 32


def attention(quick: bool = False) -> Workload:
    """Squared errors of one head of attention, with respect to its three projections."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np

        def error(X: Any, Q: Any, K: Any, V: Any, T: Any) -> Any:
            weights = np.exp((X @ Q) @ (X @ K).T / 8**0.5)
            return np.sum((weights @ (X @ V) / np.sum(weights, axis=1)[:, None] - T) ** 2)

        return error

    rng = np.random.default_rng(11)
    n, d, k = (12, 5, 8) if quick else (1_000, 32, 8)
    data = (
        rng.normal(size=(n, d)),
        *(rng.normal(size=(d, k)) / np.sqrt(d) for _ in range(3)),
        rng.normal(size=(n, k)),
    )
    shapes = {"X": "n d", "Q": "d k", "K": "d k", "V": "d k", "T": "n k"}
    title = f"attention, {n:,} tokens"
    return Workload("attention", title, formula, shapes, ("Q", "K", "V"), data, attention_by_hand)


def attention_by_hand(X: Any, Q: Any, K: Any, V: Any, T: Any) -> Any:
    """Value and gradient, some rows of the scores at a time."""
    q, k, v = X @ Q / 8**0.5, X @ K, X @ V
    value, q_bar, k_bar, v_bar = 0.0, np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
    for start in range(0, len(X), TILE):
        rows = slice(start, start + TILE)
        a = q[rows] @ k.T
        a -= a.max(axis=1, keepdims=True)
        np.exp(a, out=a)
        a /= a.sum(axis=1, keepdims=True)
        seen = a @ v
        residual = seen - T[rows]
        value += np.vdot(residual, residual)
        residual *= 2
        v_bar += a.T @ residual
        s_bar = residual @ v.T
        s_bar -= np.einsum("ij,ij->i", residual, seen)[:, None]
        s_bar *= a
        q_bar[rows] = s_bar @ k
        k_bar += s_bar.T @ q[rows]
    return value, (X.T @ q_bar / 8**0.5, X.T @ k_bar, X.T @ v_bar)


def bodies(quick: bool = False) -> Workload:
    """Softened potential energy of bodies that attract one another, and the forces."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np

        def energy(p: Any, m: Any) -> Any:
            apart = p[:, None, :] - p[None, :, :]
            square = np.sum(apart**2, axis=2) + 0.01
            return -0.5 * np.sum(m[:, None] * m[None, :] / np.sqrt(square))

        return energy

    rng = np.random.default_rng(12)
    n = 9 if quick else 1_000
    data = (rng.normal(size=(n, 3)), rng.uniform(0.5, 1.5, n))
    title = f"energy of {n:,} bodies"
    return Workload("bodies", title, formula, {"p": "n 3", "m": "n"}, ("p",), data, bodies_by_hand)


def bodies_by_hand(p: Any, m: Any) -> Any:
    """Value and gradient, some rows of the pairs at a time, coordinates apart; forces act both ways."""
    x = np.ascontiguousarray(p.T)
    value, gradient = 0.0, np.empty_like(x)
    for start in range(0, len(m), TILE):
        rows = slice(start, start + TILE)
        apart = x[:, rows, None] - x[:, None, :]
        square = np.einsum("ijk,ijk->jk", apart, apart)
        square += 0.01
        pull = m[rows, None] * m / np.sqrt(square)
        value += pull.sum()
        pull /= square
        gradient[:, rows] = np.einsum("jk,ijk->ij", pull, apart)
    return -0.5 * value, (gradient.T,)
