from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LogPartitionGradient",
    "NegativeLogLikelihoodGradient",
    "log_partition",
    "loss",
    "loss_value_and_grad",
    "marginals",
]
__symgrad__: dict[str, str]

class LogPartitionGradient(NamedTuple):
    """Gradient of log_partition, one field an argument.

    Attributes
    ----------
    scores : float array, shape (n + 1, k)
    moves : float array, shape (k, k)
    """

    scores: NDArray[np.floating[Any]]
    moves: NDArray[np.floating[Any]]


class NegativeLogLikelihoodGradient(NamedTuple):
    """Gradient of negative_log_likelihood, one field an argument.

    Attributes
    ----------
    scores : float array, shape (n + 1, k)
    moves : float array, shape (k, k)
    """

    scores: NDArray[np.floating[Any]]
    moves: NDArray[np.floating[Any]]


def log_partition(scores: ArrayLike, moves: ArrayLike) -> np.floating[Any]: ...
def marginals(scores: ArrayLike, moves: ArrayLike) -> LogPartitionGradient: ...
def loss(scores: ArrayLike, moves: ArrayLike, labels: ArrayLike) -> np.floating[Any]: ...
def loss_value_and_grad(
    scores: ArrayLike,
    moves: ArrayLike,
    labels: ArrayLike,
) -> tuple[np.floating[Any], NegativeLogLikelihoodGradient]: ...
