from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LossGradient",
    "loss",
    "loss_value_and_grad",
    "states",
]
__symgrad__: dict[str, str]

class LossGradient(NamedTuple):
    """Gradient of loss, one field an argument.

    Attributes
    ----------
    W : float array, shape (k, 4*d)
    U : float array, shape (d, 4*d)
    b : float array, shape (4*d,)
    v : float array, shape (d,)
    """

    W: NDArray[np.floating[Any]]
    U: NDArray[np.floating[Any]]
    b: NDArray[np.floating[Any]]
    v: NDArray[np.floating[Any]]


def loss(
    x: ArrayLike,
    y: ArrayLike,
    h0: ArrayLike,
    c0: ArrayLike,
    W: ArrayLike,
    U: ArrayLike,
    b: ArrayLike,
    v: ArrayLike,
) -> np.floating[Any]: ...
def loss_value_and_grad(
    x: ArrayLike,
    y: ArrayLike,
    h0: ArrayLike,
    c0: ArrayLike,
    W: ArrayLike,
    U: ArrayLike,
    b: ArrayLike,
    v: ArrayLike,
) -> tuple[np.floating[Any], LossGradient]: ...
def states(
    x: ArrayLike,
    h0: ArrayLike,
    c0: ArrayLike,
    W: ArrayLike,
    U: ArrayLike,
    b: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
