from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LossGradient",
    "logits",
    "loss",
    "loss_value_and_grad",
]
__symgrad__: dict[str, str]

class LossGradient(NamedTuple):
    """Gradient of loss, one field an argument.

    Attributes
    ----------
    K : float array, shape (f, 1, 3, 3)
    c : float array, shape (f,)
    W : float array, shape (16*f, k)
    b : float array, shape (k,)
    """

    K: NDArray[np.floating[Any]]
    c: NDArray[np.floating[Any]]
    W: NDArray[np.floating[Any]]
    b: NDArray[np.floating[Any]]


def logits(
    images: ArrayLike,
    K: ArrayLike,
    c: ArrayLike,
    W: ArrayLike,
    b: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def loss(
    images: ArrayLike,
    y: ArrayLike,
    K: ArrayLike,
    c: ArrayLike,
    W: ArrayLike,
    b: ArrayLike,
) -> np.floating[Any]: ...
def loss_value_and_grad(
    images: ArrayLike,
    y: ArrayLike,
    K: ArrayLike,
    c: ArrayLike,
    W: ArrayLike,
    b: ArrayLike,
) -> tuple[np.floating[Any], LossGradient]: ...
