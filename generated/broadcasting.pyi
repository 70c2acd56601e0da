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
    """Gradient of broadcast, one field an argument."""

    t: NDArray[np.floating[Any]]  # (p, q, r)
    one: NDArray[np.floating[Any]]  # (1,)
    last: NDArray[np.floating[Any]]  # (r,)
    middle: NDArray[np.floating[Any]]  # (q, 1)
    two: NDArray[np.floating[Any]]  # (q, r)
    full: NDArray[np.floating[Any]]  # (p, q, r)


class ShiftGradient(NamedTuple):
    """Gradient of shift, one field an argument."""

    t: NDArray[np.floating[Any]]  # (p, q, r)
    last: NDArray[np.floating[Any]]  # (r,)


class VectorProductsGradient(NamedTuple):
    """Gradient of vector_products, one field an argument."""

    x: NDArray[np.floating[Any]]  # (m,)
    A: NDArray[np.floating[Any]]  # (m, n)
    y: NDArray[np.floating[Any]]  # (n,)


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
