from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LossGradient",
    "logits",
    "loss",
    "loss_value_and_grad",
    "softmax_loss",
    "softmax_loss_value_and_grad",
]
__symgrad__: dict[str, str]

class LossGradient(NamedTuple):
    """Gradient of loss, one field an argument.

    Attributes
    ----------
    W1 : float array, shape (d, h)
    W2 : float array, shape (h, k)
    """

    W1: NDArray[np.floating[Any]]
    W2: NDArray[np.floating[Any]]


def logits(X: ArrayLike, W1: ArrayLike, W2: ArrayLike) -> NDArray[np.floating[Any]]: ...
def loss(X: ArrayLike, y: ArrayLike, W1: ArrayLike, W2: ArrayLike) -> np.floating[Any]: ...
def loss_value_and_grad(
    X: ArrayLike,
    y: ArrayLike,
    W1: ArrayLike,
    W2: ArrayLike,
) -> tuple[np.floating[Any], LossGradient]: ...
def softmax_loss(Z: ArrayLike, y: ArrayLike) -> np.floating[Any]: ...
def softmax_loss_value_and_grad(
    Z: ArrayLike,
    y: ArrayLike,
) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
