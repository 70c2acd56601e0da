from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "loss",
    "loss_value_and_grad",
    "predict",
]
__symgrad__: dict[str, str]

def loss(x: ArrayLike, y: ArrayLike, log_theta: ArrayLike) -> np.floating[Any]: ...
def loss_value_and_grad(
    x: ArrayLike,
    y: ArrayLike,
    log_theta: ArrayLike,
) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
def predict(x: ArrayLike, y: ArrayLike, log_theta: ArrayLike, x_new: ArrayLike) -> dict[str, Any]: ...
