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
    """Gradient of misfit, one field an argument."""

    U: NDArray[np.floating[Any]]  # (n, k)
    V: NDArray[np.floating[Any]]  # (m, k)


class MisfitGradGradient(NamedTuple):
    """Gradient of misfit, one field an argument."""

    U: NDArray[np.floating[Any]]  # (n, k, n, k)
    V: NDArray[np.floating[Any]]  # (n, k, m, k)


class MisfitGradGradient2(NamedTuple):
    """Gradient of misfit, one field an argument."""

    U: NDArray[np.floating[Any]]  # (m, k, n, k)
    V: NDArray[np.floating[Any]]  # (m, k, m, k)


class MisfitGradient2(NamedTuple):
    """Gradient of misfit, one field an argument."""

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
