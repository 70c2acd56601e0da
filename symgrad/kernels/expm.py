"""The exponential of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Coefficients of the [13/13] Pade approximant to exp, from those of x^13 down to 1 at the end, made 1 there.
_PADE_13 = (
    1.0 / 64764752532480000.0, 182.0 / 64764752532480000.0, 16380.0 / 64764752532480000.0,
    960960.0 / 64764752532480000.0, 40840800.0 / 64764752532480000.0, 1323241920.0 / 64764752532480000.0,
    33522128640.0 / 64764752532480000.0, 670442572800.0 / 64764752532480000.0,
    10559470521600.0 / 64764752532480000.0, 129060195264000.0 / 64764752532480000.0,
    1187353796428800.0 / 64764752532480000.0, 7771770303897600.0 / 64764752532480000.0, 0.5, 1.0,
)  # fmt: skip


def _expm(a: NDArray[Any]) -> NDArray[Any]:
    """Exponential of square matrices, by scaling and squaring (Higham, SIAM J. Matrix Anal. 26, 2005).

    The approximant is right to a rounding for matrices of norm at most 5.37; others are halved so often
    first, each as often as it needs, and the result is squared as often.
    """
    norm = np.abs(a).sum(axis=-2).max(axis=-1, initial=0)
    finite = np.isfinite(norm)
    halvings = np.maximum(np.frexp(np.where(finite, norm, np.zeros_like(norm)) / 5.371920351148152)[1], 0)
    x = np.where(finite[..., None, None], np.ldexp(a, -halvings[..., None, None]), np.zeros_like(a))
    one = np.eye(a.shape[-1], dtype=a.dtype)
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    b = _PADE_13[::-1]
    odd = x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one
    even = x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    odd = x @ odd
    result: NDArray[Any] = np.linalg.solve(even - odd, even + odd)
    for count in range(int(halvings.max(initial=0))):
        left = halvings > count
        result[left] = result[left] @ result[left]
    return np.where(finite[..., None, None], result, np.full_like(result, np.nan))


def _expm_along(a: NDArray[Any], *directions: NDArray[Any]) -> NDArray[Any]:
    """Derivative of the exponential along each of the directions, a block of that of a larger matrix.

    That is [[a, e], [0, a]] for one direction, and again of this form with a further one (Higham and Relton,
    SIAM J. Matrix Anal. 35, 2014). Directions are scaled to the size of 1 before.
    """
    x, size = a, a.shape[-1]
    scale = np.ones_like(a, shape=(1, 1))
    for e in directions:
        length = np.abs(e).max(axis=(-2, -1), keepdims=True, initial=0)
        length = np.where(length > 0, length, np.ones_like(length))
        scale = scale * length
        e = e / length
        stack = np.broadcast_shapes(x.shape[:-2], e.shape[:-2])
        width = x.shape[-1]
        block = np.zeros((*stack, 2 * width, 2 * width), x.dtype)
        block[..., :width, :width] = block[..., width:, width:] = x
        for start in range(0, width, size or 1):
            block[..., start : start + size, width + start : width + start + size] = e
        x = block
    result: NDArray[Any] = scale * _expm(x)[..., :size, x.shape[-1] - size :]
    return result
