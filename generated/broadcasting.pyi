from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BroadcastGradient",
    "ShiftGradient",
    "VectorProductsGradient",
    "broadcast_vjp",
    "shift_vjp",
    "vector_products",
    "vector_products_vjp",
]
__symgrad__: dict[str, str]

class BroadcastGradient(NamedTuple):
    """Gradient of broadcast, one field an argument.

    Attributes
    ----------
    t : float array, shape (p, q, r)
    one : float array, shape (1,)
    last : float array, shape (r,)
    middle : float array, shape (q, 1)
    two : float array, shape (q, r)
    full : float array, shape (p, q, r)
    """

    t: NDArray[np.floating[Any]]
    one: NDArray[np.floating[Any]]
    last: NDArray[np.floating[Any]]
    middle: NDArray[np.floating[Any]]
    two: NDArray[np.floating[Any]]
    full: NDArray[np.floating[Any]]


class ShiftGradient(NamedTuple):
    """Gradient of shift, one field an argument.

    Attributes
    ----------
    t : float array, shape (p, q, r)
    last : float array, shape (r,)
    """

    t: NDArray[np.floating[Any]]
    last: NDArray[np.floating[Any]]


class VectorProductsGradient(NamedTuple):
    """Gradient of vector_products, one field an argument.

    Attributes
    ----------
    x : float array, shape (m,)
    A : float array, shape (m, n)
    y : float array, shape (n,)
    """

    x: NDArray[np.floating[Any]]
    A: NDArray[np.floating[Any]]
    y: NDArray[np.floating[Any]]


def broadcast_vjp(
    t: ArrayLike,
    one: ArrayLike,
    last: ArrayLike,
    middle: ArrayLike,
    two: ArrayLike,
    full: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], BroadcastGradient]: ...
def shift_vjp(
    t: ArrayLike,
    last: ArrayLike,
    ct: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], ShiftGradient]: ...
def vector_products(x: ArrayLike, A: ArrayLike, y: ArrayLike) -> dict[str, Any]: ...
def vector_products_vjp(
    x: ArrayLike,
    A: ArrayLike,
    y: ArrayLike,
    ct: Any,
) -> tuple[dict[str, Any], VectorProductsGradient]: ...
