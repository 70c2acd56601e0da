from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "RobustLossGradient",
    "robust_loss",
    "robust_loss_value_and_grad",
    "squashed",
    "squashed_grad",
]
__symgrad__: dict[str, str]

class RobustLossGradient(NamedTuple):
    """Gradient of robust_loss, one field an argument.

    Attributes
    ----------
    w : float array, shape (d,)
    scale : float array, shape (n, 2)
    """

    w: NDArray[np.floating[Any]]
    scale: NDArray[np.floating[Any]]


def squashed(x: ArrayLike) -> NDArray[np.floating[Any]]: ...
def squashed_grad(x: ArrayLike) -> NDArray[np.floating[Any]]: ...
def robust_loss(X: ArrayLike, y: ArrayLike, w: ArrayLike, scale: ArrayLike) -> np.floating[Any]: ...
def robust_loss_value_and_grad(
    X: ArrayLike,
    y: ArrayLike,
    w: ArrayLike,
    scale: ArrayLike,
) -> tuple[np.floating[Any], RobustLossGradient]: ...
