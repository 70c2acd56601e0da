from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "defects",
    "defects_jacobian",
    "defects_vjp",
    "effort_value_and_grad",
]
__symgrad__: dict[str, str]

def effort_value_and_grad(
    z: ArrayLike,
    step: ArrayLike,
) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
def defects(z: ArrayLike, step: ArrayLike) -> NDArray[np.floating[Any]]: ...
def defects_jacobian(z: ArrayLike, step: ArrayLike) -> NDArray[np.floating[Any]]: ...
def defects_vjp(
    z: ArrayLike,
    step: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
