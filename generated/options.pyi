from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CallGradient",
    "call",
    "call_greeks",
    "delta",
    "gamma",
    "put",
    "vanna",
    "vega",
]
__symgrad__: dict[str, str]

class CallGradient(NamedTuple):
    """Gradient of call, one field an argument.

    Attributes
    ----------
    S : float array of the broadcast shape of the arguments
    T : float array of the broadcast shape of the arguments
    r : float array of the broadcast shape of the arguments
    sigma : float array of the broadcast shape of the arguments
    """

    S: NDArray[np.floating[Any]]
    T: NDArray[np.floating[Any]]
    r: NDArray[np.floating[Any]]
    sigma: NDArray[np.floating[Any]]


def call(
    S: ArrayLike,
    K: ArrayLike,
    T: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def put(
    S: ArrayLike,
    K: ArrayLike,
    T: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def call_greeks(
    S: ArrayLike,
    K: ArrayLike,
    T: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], CallGradient]: ...
def delta(
    S: ArrayLike,
    K: ArrayLike,
    T: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def gamma(
    S: ArrayLike,
    K: ArrayLike,
    T: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def vanna(
    S: ArrayLike,
    K: ArrayLike,
    T: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def vega(
    S: ArrayLike,
    K: ArrayLike,
    T: ArrayLike,
    r: ArrayLike,
    sigma: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
