from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "effort_hessian",
    "effort_value_and_grad",
    "hand",
    "hand_jacobian",
    "joints",
]
__symgrad__: dict[str, str]

def hand(angles: ArrayLike, lengths: ArrayLike) -> NDArray[np.floating[Any]]: ...
def joints(angles: ArrayLike, lengths: ArrayLike) -> NDArray[np.floating[Any]]: ...
def hand_jacobian(angles: ArrayLike, lengths: ArrayLike) -> NDArray[np.floating[Any]]: ...
def effort_value_and_grad(
    angles: ArrayLike,
    lengths: ArrayLike,
    target: ArrayLike,
    rest: ArrayLike,
    weight: ArrayLike,
) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
def effort_hessian(
    angles: ArrayLike,
    lengths: ArrayLike,
    target: ArrayLike,
    rest: ArrayLike,
    weight: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
