"""Training loops. They know a function that returns value and gradient, and nothing else of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult, minimize

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Data first, then one argument a parameter; the value, and one gradient a parameter.
ValueAndGrad = Callable[..., tuple[Any, Sequence[Any]]]


def batches(count: int, size: int, epochs: int, seed: int) -> Iterator[Integers]:
    """Row numbers of one minibatch after another; every epoch goes through all rows in a new order."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(count)
        for start in range(0, count, size):
            yield order[start : start + size]


def sgd(
    value_and_grad: ValueAndGrad,
    X: Floats,
    y: Integers,
    parameters: Sequence[Floats],
    *,
    rate: float,
    size: int,
    epochs: int,
    seed: int = 0,
) -> list[Floats]:
    """Parameters after minibatch stochastic gradient descent."""
    current = [np.array(p) for p in parameters]
    for rows in batches(len(y), size, epochs, seed):
        _, gradient = value_and_grad(X[rows], y[rows], *current)
        for parameter, slope in zip(current, gradient):
            parameter -= rate * slope
    return current


def descend(
    value_and_grad: Callable[..., tuple[Any, Any]],
    start: Floats,
    args: tuple[Any, ...],
    *,
    rate: float,
    steps: int,
) -> Floats:
    """The vector reached by gradient descent on all data, for so many steps."""
    theta = np.array(start)
    for _ in range(steps):
        theta -= rate * value_and_grad(theta, *args)[1]
    return theta


def optimise(
    value_and_grad: Callable[..., tuple[Any, Any]], start: Floats, args: tuple[Any, ...]
) -> OptimizeResult:
    """What scipy finds with the same function."""
    return minimize(value_and_grad, start, args, jac=True, method="BFGS", options={"gtol": 1e-9})


def accuracy(logits: Floats, y: Integers) -> float:
    """Share of the rows whose largest entry is that of the label."""
    return float(np.mean(logits.argmax(axis=1) == y))
