"""The workloads: values and gradients here, Hessians beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import by_hand
from .hessians import hess_banded, hess_factors, hess_logreg, hess_quartic
from .pairs import attention, bodies
from .workload import Library, Workload


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
        by_hand.black_scholes,
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
        by_hand.logreg,
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
    return Workload("mlp", f"network {d}-{h}-{k}, batch of {n}", formula, shapes, wrt, data, by_hand.mlp)


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

        constant = library.constant

        def log_likelihood(alphas: Any, means: Any, icf: Any, x: Any) -> Any:
            log_diagonal = icf[:, :d]
            Q = icf[:, place] * constant(below) + np.exp(log_diagonal)[:, None, :] * constant(identity)
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
    title = f"Gaussian mixture, {n:,} x {d}, {k} components"
    return Workload("gmm", title, formula, shapes, wrt, data, by_hand.gmm)


def ba(quick: bool = False) -> Workload:
    """Squared errors of bundle adjustment in ADBench's parametrisation.

    A camera has a rotation (Rodrigues), a centre, a focal length, a principal point and two coefficients of
    radial distortion; an observation has a camera, a point and a weight.
    """

    def formula(library: Library) -> Callable[..., Any]:
        np = library.np

        def error(cams: Any, points: Any, weights: Any, features: Any, cam: Any, point: Any) -> Any:
            c, x = cams[cam], points[point]
            rotation, focal, principal, radial = c[:, :3], c[:, 6:7], c[:, 7:9], c[:, 9:11]
            theta = np.sqrt(np.sum(rotation**2, axis=1))[:, None]
            axis = rotation / theta
            moved = x - c[:, 3:6]
            along = np.sum(axis * moved, axis=1)[:, None] * (1 - np.cos(theta))
            turned = moved * np.cos(theta) + np.cross(axis, moved) * np.sin(theta) + axis * along
            plane = turned[:, :2] / turned[:, 2:]
            square = np.sum(plane**2, axis=1)[:, None]
            distortion = 1 + radial[:, :1] * square + radial[:, 1:] * square**2
            projected = plane * distortion * focal + principal
            residual = weights[:, None] * (projected - features)
            return np.sum(residual**2) + np.sum((1 - weights**2) ** 2)

        return error

    rng = np.random.default_rng(6)
    n, c, p = (60, 4, 20) if quick else (20_000, 49, 7_776)
    cams = rng.normal(size=(c, 11)) * 0.1 + np.array([0.1, 0.2, 0.3, 0, 0, -5, 1, 0, 0, 0.01, 0.001])
    data = (
        cams,
        rng.normal(size=(p, 3)),
        rng.uniform(0.5, 1.5, n),
        rng.normal(size=(n, 2)),
        rng.integers(0, c, n),
        rng.integers(0, p, n),
    )
    shapes = {"cams": "c 11", "points": "p 3", "weights": "n", "features": "n 2", "cam": "n", "point": "n"}
    title = f"bundle adjustment, {n:,} observations"
    return Workload("ba", title, formula, shapes, ("cams", "points", "weights"), data, by_hand.ba)


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
    wrt = tuple(_ARM_SHAPES)
    return Workload("robot_arm", "planar arm, one call", _arm, _ARM_SHAPES, wrt, data, by_hand.arm_of_floats)


def robot_arm_100(quick: bool = False) -> Workload:
    """The same formula for a hundred points."""
    rng = np.random.default_rng(5)
    data = tuple(rng.uniform(0.5, 1.5, 100) for _ in _ARM_SHAPES)
    wrt = tuple(_ARM_SHAPES)
    return Workload("robot_arm_100", "planar arm, 100 points", _arm, _ARM_SHAPES, wrt, data, by_hand.arm)


ALL: dict[str, Callable[[bool], Workload]] = {
    "black_scholes": black_scholes,
    "logreg": logreg,
    "mlp": mlp,
    "gmm": gmm,
    "ba": ba,
    "attention": attention,
    "bodies": bodies,
    "robot_arm": robot_arm,
    "robot_arm_100": robot_arm_100,
    "hess_logreg": hess_logreg,
    "hess_quartic": hess_quartic,
    "hess_factors": hess_factors,
    "hess_banded": hess_banded,
}
