from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "YGradient",
    "y",
    "y_grad",
    "y_value_and_grad",
]
__symgrad__: dict[str, str]

class YGradient(NamedTuple):
    """Gradient of y, one field an argument.

    Attributes
    ----------
    x1 : float array of the broadcast shape of the arguments
    x2 : float array of the broadcast shape of the arguments
    """

    x1: NDArray[np.floating[Any]]
    x2: NDArray[np.floating[Any]]


def y(x1: ArrayLike, x2: ArrayLike) -> NDArray[np.floating[Any]]: ...
def y_grad(x1: ArrayLike, x2: ArrayLike) -> YGradient: ...
def y_value_and_grad(x1: ArrayLike, x2: ArrayLike) -> tuple[NDArray[np.floating[Any]], YGradient]: ...
