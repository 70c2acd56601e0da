from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ReprojectionGradient",
    "confidence",
    "confidence_jacobian",
    "reprojection",
    "reprojection_jacobian",
]
__symgrad__: dict[str, str]

class ReprojectionGradient(NamedTuple):
    """Gradient of reprojection, one field an argument.

    Attributes
    ----------
    cameras : tuple
    points : tuple
    weights : tuple
    """

    cameras: tuple[NDArray[np.floating[Any]], NDArray[np.int64], NDArray[np.int64]]
    points: tuple[NDArray[np.floating[Any]], NDArray[np.int64], NDArray[np.int64]]
    weights: tuple[NDArray[np.floating[Any]], NDArray[np.int64], NDArray[np.int64]]


def reprojection(
    cameras: ArrayLike,
    points: ArrayLike,
    weights: ArrayLike,
    camera: ArrayLike,
    point: ArrayLike,
    seen: ArrayLike,
) -> NDArray[np.floating[Any]]: ...
def reprojection_jacobian(
    cameras: ArrayLike,
    points: ArrayLike,
    weights: ArrayLike,
    camera: ArrayLike,
    point: ArrayLike,
    seen: ArrayLike,
) -> ReprojectionGradient: ...
def confidence(weights: ArrayLike) -> NDArray[np.floating[Any]]: ...
def confidence_jacobian(
    weights: ArrayLike,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64], NDArray[np.int64]]: ...
