from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LossGradient",
    "loss",
    "loss_value_and_grad",
    "parts",
]
__symgrad__: dict[str, str]

class LossGradient(NamedTuple):
    """Gradient of loss, one field an argument.

    Attributes
    ----------
    weights : float array, shape (k,)
    mu : float array, shape (k, d)
    log_sigma : float array, shape (k, d)
    """

    weights: NDArray[np.floating[Any]]
    mu: NDArray[np.floating[Any]]
    log_sigma: NDArray[np.floating[Any]]


def loss(X: ArrayLike, weights: ArrayLike, mu: ArrayLike, log_sigma: ArrayLike) -> np.floating[Any]: ...
def loss_value_and_grad(
    X: ArrayLike,
    weights: ArrayLike,
    mu: ArrayLike,
    log_sigma: ArrayLike,
) -> tuple[np.floating[Any], LossGradient]: ...
def parts(
    X: ArrayLike,
    weights: ArrayLike,
    mu: ArrayLike,
    log_sigma: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
