from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LogLikelihoodGradient",
    "log_likelihood",
    "log_likelihood_value_and_grad",
    "means",
]
__symgrad__: dict[str, str]

class LogLikelihoodGradient(NamedTuple):
    """Gradient of log_likelihood, one field an argument.

    Attributes
    ----------
    A : float array, shape (d, d)
    Q : float array, shape (d, d)
    H : float array, shape (p, d)
    R : float array, shape (p, p)
    """

    A: NDArray[np.floating[Any]]
    Q: NDArray[np.floating[Any]]
    H: NDArray[np.floating[Any]]
    R: NDArray[np.floating[Any]]


def log_likelihood(
    y: ArrayLike,
    m0: ArrayLike,
    P0: ArrayLike,
    A: ArrayLike,
    Q: ArrayLike,
    H: ArrayLike,
    R: ArrayLike,
) -> np.floating[Any]: ...
def log_likelihood_value_and_grad(
    y: ArrayLike,
    m0: ArrayLike,
    P0: ArrayLike,
    A: ArrayLike,
    Q: ArrayLike,
    H: ArrayLike,
    R: ArrayLike,
) -> tuple[np.floating[Any], LogLikelihoodGradient]: ...
def means(
    y: ArrayLike,
    m0: ArrayLike,
    P0: ArrayLike,
    A: ArrayLike,
    Q: ArrayLike,
    H: ArrayLike,
    R: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
