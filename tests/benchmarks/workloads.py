"""The workloads: a formula against numpy's names, shapes for the trace, data from a fixed seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Library:
    """What a formula is written in: a module with numpy's names, and what numpy lacks."""

    np: Any
    logsumexp: Callable[..., Any]
    relu: Callable[..., Any]


@dataclass(frozen=True)
class Workload:
    """One formula at one size.

    `formula(library)` is the function itself; `shapes` has one entry a parameter, and `"..."` in all of them
    means a scalar formula, applied to every element.
    """

    name: str
    title: str
    formula: Callable[[Library], Callable[..., Any]]
    shapes: dict[str, str]
    wrt: tuple[str, ...]
    arguments: tuple[Any, ...]

    @property
    def elementwise(self) -> bool:
        """Whether it is a scalar formula."""
        return all(shape == "..." for shape in self.shapes.values())

    @property
    def positions(self) -> tuple[int, ...]:
        """Places of the arguments that are differentiated with respect to."""
        return tuple(list(self.shapes).index(name) for name in self.wrt)


def black_scholes(quick: bool = False) -> Workload:
    """Price of a European call, with a logistic approximation of the normal distribution function."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np

        def cdf(x: Any) -> Any:
            return 1 / (1 + np.exp(-(1.5976 * x + 0.07056 * x**3)))

        def price(S: Any, K: Any, r: Any, sigma: Any, T: Any) -> Any:
            spread = sigma * np.sqrt(T)
            d1 = (np.log(S / K) + (r + sigma**2 / 2) * T) / spread
            d2 = d1 - spread
            return S * cdf(d1) - K * np.exp(-r * T) * cdf(d2)

        return price

    rng = np.random.default_rng(1)
    n = 1_000 if quick else 1_000_000
    ranges = {"S": (50, 150), "K": (50, 150), "r": (0.0, 0.1), "sigma": (0.1, 0.5), "T": (0.1, 2)}
    data = tuple(rng.uniform(low, high, n) for low, high in ranges.values())
    return Workload(
        "black_scholes",
        f"option price, 5 partial derivatives, {n:,} points",
        formula,
        dict.fromkeys(ranges, "..."),
        tuple(ranges),
        data,
    )


def logreg(quick: bool = False) -> Workload:
    """Mean logistic loss."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np

        def loss(X: Any, y: Any, w: Any, b: Any) -> Any:
            z = X @ w + b
            return np.mean(np.logaddexp(0.0, z) - y * z)

        return loss

    rng = np.random.default_rng(2)
    n, d = (300, 5) if quick else (200_000, 50)
    X = rng.normal(size=(n, d))
    y = rng.integers(0, 2, n).astype(float)
    return Workload(
        "logreg",
        f"logistic regression, {n:,} x {d}",
        formula,
        {"X": "n d", "y": "n", "w": "d", "b": ""},
        ("w", "b"),
        (X, y, rng.normal(size=d) / np.sqrt(d), 0.3),
    )


def mlp(quick: bool = False) -> Workload:
    """Cross entropy of a network with one hidden layer of rectifiers."""

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np

        def loss(X: Any, Y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
            hidden = library.relu(X @ W1 + b1)
            scores = hidden @ W2 + b2
            return np.mean(library.logsumexp(scores, axis=1) - np.sum(Y * scores, axis=1))

        return loss

    rng = np.random.default_rng(3)
    n, d, h, k = (10, 8, 6, 4) if quick else (100, 784, 100, 10)
    shapes = {"X": "n d", "Y": "n k", "W1": "d h", "b1": "h", "W2": "h k", "b2": "k"}
    data = (
        rng.uniform(size=(n, d)),
        np.eye(k)[rng.integers(0, k, n)],
        rng.normal(size=(d, h)) / np.sqrt(d),
        rng.normal(size=h),
        rng.normal(size=(h, k)) / np.sqrt(h),
        rng.normal(size=k),
    )
    wrt = ("W1", "b1", "W2", "b2")
    return Workload("mlp", f"network {d}-{h}-{k}, batch of {n}", formula, shapes, wrt, data)


def gmm(quick: bool = False) -> Workload:
    """Log-likelihood of a Gaussian mixture in ADBench's parametrisation, without the prior and constants.

    A component has the lower triangular inverse square root of its covariance: the logarithms of the
    diagonal come first in `icf`, then what is below the diagonal, column by column.
    """
    n, d, k = (20, 3, 4) if quick else (10_000, 16, 25)
    place = np.zeros((d, d), int)
    place.T[np.triu_indices(d, 1)] = np.arange(d, d * (d + 1) // 2)
    below, identity = np.tri(d, k=-1), np.eye(d)

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np

        def log_likelihood(alphas: Any, means: Any, icf: Any, x: Any) -> Any:
            log_diagonal = icf[:, :d]
            Q = icf[:, place] * below + np.exp(log_diagonal)[:, None, :] * identity
            centred = x - means[:, None, :]
            whitened = np.matmul(centred, np.swapaxes(Q, 1, 2))
            square = np.sum(whitened**2, axis=2)
            score = alphas + np.sum(log_diagonal, axis=1) - 0.5 * square.T
            normaliser = x.shape[0] * library.logsumexp(alphas, axis=0)
            return np.sum(library.logsumexp(score, axis=1)) - normaliser

        return log_likelihood

    rng = np.random.default_rng(4)
    data = (
        rng.normal(size=k),
        rng.uniform(size=(k, d)),
        rng.normal(size=(k, d * (d + 1) // 2)) / np.sqrt(d),
        rng.normal(size=(n, d)),
    )
    shapes = {"alphas": "k", "means": f"k {d}", "icf": f"k {d * (d + 1) // 2}", "x": f"n {d}"}
    wrt = ("alphas", "means", "icf")
    return Workload("gmm", f"Gaussian mixture, {n:,} x {d}, {k} components", formula, shapes, wrt, data)


def _arm(library: Library) -> Callable[..., Any]:
    """How far a planar arm of three links is from its target, and what its joints do to one another."""
    np = library.np

    def miss(a: Any, b: Any, c: Any, l1: Any, l2: Any, l3: Any, u: Any, v: Any) -> Any:
        x = l1 * np.cos(a) + l2 * np.cos(a + b) + l3 * np.cos(a + b + c)
        y = l1 * np.sin(a) + l2 * np.sin(a + b) + l3 * np.sin(a + b + c)
        coupling = np.sin(a) * np.cos(b - c) + np.sin(b) * np.cos(c)
        return (x - u) ** 2 + (y - v) ** 2 + 0.1 * coupling**2

    return miss


_ARM_SHAPES = dict.fromkeys(("a", "b", "c", "l1", "l2", "l3", "u", "v"), "...")


def robot_arm(quick: bool = False) -> Workload:
    """One call of a scalar formula with Python floats."""
    data = (0.3, -0.7, 1.1, 1.0, 0.8, 0.5, 1.2, 0.4)
    return Workload("robot_arm", "planar arm, one call", _arm, _ARM_SHAPES, tuple(_ARM_SHAPES), data)


def robot_arm_100(quick: bool = False) -> Workload:
    """The same formula for a hundred points."""
    rng = np.random.default_rng(5)
    data = tuple(rng.uniform(0.5, 1.5, 100) for _ in _ARM_SHAPES)
    return Workload("robot_arm_100", "planar arm, 100 points", _arm, _ARM_SHAPES, tuple(_ARM_SHAPES), data)


ALL: dict[str, Callable[[bool], Workload]] = {
    "black_scholes": black_scholes,
    "logreg": logreg,
    "mlp": mlp,
    "gmm": gmm,
    "robot_arm": robot_arm,
    "robot_arm_100": robot_arm_100,
}
