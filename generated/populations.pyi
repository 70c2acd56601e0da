from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MisfitGradient",
    "misfit",
    "misfit_hvp",
    "misfit_value_and_grad",
    "solution",
]
__symgrad__: dict[str, str]

class MisfitGradient(NamedTuple):
    """Gradient of misfit, one field an argument.

    Attributes
    ----------
    start : float array, shape (2,)
    rates : float array, shape (4,)
    """

    start: NDArray[np.floating[Any]]
    rates: NDArray[np.floating[Any]]


def solution(
    start: ArrayLike,
    rates: ArrayLike,
    dt: ArrayLike,
    counts: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def misfit(
    start: ArrayLike,
    rates: ArrayLike,
    dt: ArrayLike,
    counts: ArrayLike,
) -> np.floating[Any]: ...
def misfit_value_and_grad(
    start: ArrayLike,
    rates: ArrayLike,
    dt: ArrayLike,
    counts: ArrayLike,
) -> tuple[np.floating[Any], MisfitGradient]: ...
def misfit_hvp(
    start: ArrayLike,
    rates: ArrayLike,
    dt: ArrayLike,
    counts: ArrayLike,
    rates_dot: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
