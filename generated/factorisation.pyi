from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MisfitGradGradient",
    "MisfitGradGradient2",
    "MisfitGradient",
    "MisfitGradient2",
    "misfit_hessian",
    "misfit_hvp",
    "misfit_value_and_grad",
]
__symgrad__: dict[str, str]

class MisfitGradient(NamedTuple):
    """Gradient of misfit, one field an argument.

    Attributes
    ----------
    U : float array, shape (n, k)
    V : float array, shape (m, k)
    """

    U: NDArray[np.floating[Any]]
    V: NDArray[np.floating[Any]]


class MisfitGradGradient(NamedTuple):
    """Gradient of misfit, one field an argument.

    Attributes
    ----------
    U : float array, shape (n, k, n, k)
    V : float array, shape (n, k, m, k)
    """

    U: NDArray[np.floating[Any]]
    V: NDArray[np.floating[Any]]


class MisfitGradGradient2(NamedTuple):
    """Gradient of misfit, one field an argument.

    Attributes
    ----------
    U : float array, shape (m, k, n, k)
    V : float array, shape (m, k, m, k)
    """

    U: NDArray[np.floating[Any]]
    V: NDArray[np.floating[Any]]


class MisfitGradient2(NamedTuple):
    """Gradient of misfit, one field an argument.

    Attributes
    ----------
    U : MisfitGradGradient
    V : MisfitGradGradient2
    """

    U: MisfitGradGradient
    V: MisfitGradGradient2


def misfit_value_and_grad(
    M: ArrayLike,
    U: ArrayLike,
    V: ArrayLike,
) -> tuple[np.floating[Any], MisfitGradient]: ...
def misfit_hessian(M: ArrayLike, U: ArrayLike, V: ArrayLike) -> MisfitGradient2: ...
def misfit_hvp(
    M: ArrayLike,
    U: ArrayLike,
    V: ArrayLike,
    U_dot: ArrayLike,
    V_dot: ArrayLike,
) -> MisfitGradient: ...
