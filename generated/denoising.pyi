from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "energy_hvp",
    "energy_value_and_grad",
]
__symgrad__: dict[str, str]

def energy_value_and_grad(
    image: ArrayLike,
    noisy: ArrayLike,
    weight: ArrayLike,
    eps: ArrayLike,
) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
def energy_hvp(
    image: ArrayLike,
    noisy: ArrayLike,
    weight: ArrayLike,
    eps: ArrayLike,
    image_dot: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
