from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LossArguments",
    "loss_hessian",
    "loss_hvp",
    "loss_value_and_grad",
    "pack",
    "unpack",
]
__symgrad__: dict[str, str]

class LossArguments(NamedTuple):
    """What loss_unpack returns.

    Attributes
    ----------
    w : float array, shape (d,)
    b : float scalar
    """

    w: NDArray[np.floating[Any]]
    b: np.floating[Any]


def loss_value_and_grad(
    theta: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    lam: ArrayLike,
) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
def loss_hvp(
    theta: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    lam: ArrayLike,
    theta_dot: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def loss_hessian(
    theta: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    lam: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def pack(w: ArrayLike, b: ArrayLike) -> NDArray[np.floating[Any]]: ...
def unpack(theta: ArrayLike) -> LossArguments: ...
