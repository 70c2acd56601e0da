from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "divergence",
    "divergence_value_and_grad",
]
__symgrad__: dict[str, str]

def divergence(points: ArrayLike, P: ArrayLike) -> np.floating[Any]: ...
def divergence_value_and_grad(
    points: ArrayLike,
    P: ArrayLike,
) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
