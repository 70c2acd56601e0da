from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "EwiseAddGradient",
    "EwiseDivGradient",
    "EwiseMulGradient",
    "EwisePowGradient",
    "MatmulGradient",
    "add_scalar",
    "broadcast_to",
    "div_scalar",
    "ewise_add",
    "ewise_div",
    "ewise_mul",
    "ewise_pow",
    "exp",
    "log",
    "matmul",
    "mul_scalar",
    "negate",
    "power_scalar",
    "relu",
    "reshape",
    "summation",
    "transpose",
]
__symgrad__: dict[str, str]

class EwiseAddGradient(NamedTuple):
    """Gradient of ewise_add, one field an argument.

    Attributes
    ----------
    a : float array of the broadcast shape of the arguments
    b : float array of the broadcast shape of the arguments
    """

    a: NDArray[np.floating[Any]]
    b: NDArray[np.floating[Any]]


class EwiseMulGradient(NamedTuple):
    """Gradient of ewise_mul, one field an argument.

    Attributes
    ----------
    a : float array of the broadcast shape of the arguments
    b : float array of the broadcast shape of the arguments
    """

    a: NDArray[np.floating[Any]]
    b: NDArray[np.floating[Any]]


class EwisePowGradient(NamedTuple):
    """Gradient of ewise_pow, one field an argument.

    Attributes
    ----------
    a : float array of the broadcast shape of the arguments
    b : float array of the broadcast shape of the arguments
    """

    a: NDArray[np.floating[Any]]
    b: NDArray[np.floating[Any]]


class EwiseDivGradient(NamedTuple):
    """Gradient of ewise_div, one field an argument.

    Attributes
    ----------
    a : float array of the broadcast shape of the arguments
    b : float array of the broadcast shape of the arguments
    """

    a: NDArray[np.floating[Any]]
    b: NDArray[np.floating[Any]]


class MatmulGradient(NamedTuple):
    """Gradient of matmul, one field an argument.

    Attributes
    ----------
    A : float array, shape (s, 1, m, n)
    B : float array, shape (t, n, p)
    """

    A: NDArray[np.floating[Any]]
    B: NDArray[np.floating[Any]]


def ewise_add(
    a: ArrayLike,
    b: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], EwiseAddGradient]: ...
def add_scalar(
    a: ArrayLike,
    c: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def ewise_mul(
    a: ArrayLike,
    b: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], EwiseMulGradient]: ...
def mul_scalar(
    a: ArrayLike,
    c: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def ewise_pow(
    a: ArrayLike,
    b: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], EwisePowGradient]: ...
def power_scalar(
    a: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def ewise_div(
    a: ArrayLike,
    b: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], EwiseDivGradient]: ...
def div_scalar(
    a: ArrayLike,
    c: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def matmul(
    A: ArrayLike,
    B: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], MatmulGradient]: ...
def summation(
    a: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def broadcast_to(
    a: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def reshape(
    a: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def transpose(
    a: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def negate(
    a: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def log(a: ArrayLike, ct: ArrayLike) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def exp(a: ArrayLike, ct: ArrayLike) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
def relu(
    a: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...
