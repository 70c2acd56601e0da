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
    """Gradient of log_likelihood, one field an argument."""

    A: NDArray[np.floating[Any]]  # (d, d)
    Q: NDArray[np.floating[Any]]  # (d, d)
    H: NDArray[np.floating[Any]]  # (p, d)
    R: NDArray[np.floating[Any]]  # (p, p)


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
