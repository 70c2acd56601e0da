from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "chain_hessian",
    "chain_hessian_sparse",
    "chain_hvp",
    "chain_value_and_grad",
]
__symgrad__: dict[str, str]

def chain_value_and_grad(x: ArrayLike) -> tuple[np.floating[Any], NDArray[np.floating[Any]]]: ...
def chain_hvp(x: ArrayLike, x_dot: ArrayLike) -> NDArray[np.floating[Any]]: ...
def chain_hessian(x: ArrayLike) -> NDArray[np.floating[Any]]: ...
def chain_hessian_sparse(
    x: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64], NDArray[np.int64]]: ...
