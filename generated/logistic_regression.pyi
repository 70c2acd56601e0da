from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LossGradient",
    "loss",
    "loss_value_and_grad",
    "objective_value_and_grad",
    "predict",
]
__symgrad__: dict[str, str]

class LossGradient(NamedTuple):
    """Gradient of loss, one field an argument.

    Attributes
    ----------
    w : float array, shape (d,)
    b : float scalar
    """

    w: NDArray[np.floating[Any]]
    b: np.floating[Any]


def loss(
    X: ArrayLike,
    y: ArrayLike,
    w: ArrayLike,
    b: ArrayLike,
    lam: ArrayLike,
) -> np.floating[Any]: ...
def loss_value_and_grad(
    X: ArrayLike,
    y: ArrayLike,
    w: ArrayLike,
    b: ArrayLike,
    lam: ArrayLike,
) -> tuple[np.floating[Any], LossGradient]: ...
def objective_value_and_grad(
    theta: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    lam: ArrayLike,
) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
def predict(X: ArrayLike, w: ArrayLike, b: ArrayLike) -> NDArray[np.floating[Any]]: ...
