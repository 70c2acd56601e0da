from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ConvolutionGradient",
    "TwoPathsGradient",
    "convolution",
    "corner",
    "gated",
    "max_pool",
    "normalised_log",
    "pick",
    "softmax",
    "two_paths",
    "two_paths_grad",
]
__symgrad__: dict[str, str]

class TwoPathsGradient(NamedTuple):
    """Gradient of two_paths, one field an argument.

    Attributes
    ----------
    a : float array of the broadcast shape of the arguments
    b : float array of the broadcast shape of the arguments
    c : float array of the broadcast shape of the arguments
    """

    a: NDArray[np.floating[Any]]
    b: NDArray[np.floating[Any]]
    c: NDArray[np.floating[Any]]


class ConvolutionGradient(NamedTuple):
    """Gradient of convolution, one field an argument.

    Attributes
    ----------
    x : float array, shape (n, c, h, w)
    kernel : float array, shape (f, c, 3, 3)
    bias : float array, shape (f,)
    """

    x: NDArray[np.floating[Any]]
    kernel: NDArray[np.floating[Any]]
    bias: NDArray[np.floating[Any]]


def two_paths(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> NDArray[np.floating[Any]]: ...
def two_paths_grad(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> TwoPathsGradient: ...
def softmax(
    x: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def convolution(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], ConvolutionGradient]: ...
def max_pool(
    x: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def corner(
    x: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def pick(
    x: ArrayLike,
    index: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def gated(
    x: ArrayLike,
    threshold: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def normalised_log(
    x: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
