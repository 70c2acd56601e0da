from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ColumnLossGradient",
    "LossGradient",
    "column_loss",
    "column_loss_vjp",
    "loss",
    "loss_value_and_grad",
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


class ColumnLossGradient(NamedTuple):
    """Gradient of column_loss, one field an argument.

    Attributes
    ----------
    W : float array, shape (d, k)
    b : float array, shape (k,)
    """

    W: NDArray[np.floating[Any]]
    b: NDArray[np.floating[Any]]


def loss(X: ArrayLike, y: ArrayLike, w: ArrayLike, b: ArrayLike) -> np.floating[Any]: ...
def loss_value_and_grad(
    X: ArrayLike,
    y: ArrayLike,
    w: ArrayLike,
    b: ArrayLike,
) -> tuple[np.floating[Any], LossGradient]: ...
def column_loss(
    X: ArrayLike,
    Y: ArrayLike,
    W: ArrayLike,
    b: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def column_loss_vjp(
    X: ArrayLike,
    Y: ArrayLike,
    W: ArrayLike,
    b: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], ColumnLossGradient]: ...
