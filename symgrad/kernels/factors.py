"""Factorisations of matrices in one array each, so that all that is computed from one shares it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _divide_zero(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """The quotient a / b, and 0 where a is 0, whatever b is there."""
    zero = a == 0
    quotient = a / np.where(zero, np.ones_like(b), b)
    result: NDArray[Any] = np.where(zero, np.zeros_like(quotient), quotient)[()]
    return result


def _eigh(a: NDArray[Any]) -> NDArray[Any]:
    """Eigenvalues, in the first column, and eigenvectors of symmetric matrices given by lower triangles."""
    w, v = np.linalg.eigh(a)
    return np.concatenate([w[..., None], v], axis=-1)


def _tall(a: NDArray[Any]) -> NDArray[Any]:
    """The matrices, at least as many rows as columns."""
    if a.shape[-2] < a.shape[-1]:
        raise ValueError(f"expected at least as many rows as columns, got shape {a.shape}")
    return a


def _svd(a: NDArray[Any]) -> NDArray[Any]:
    """Singular values, in the first row, then the rows of v transposed, then those of u."""
    u, s, vh = np.linalg.svd(_tall(a), full_matrices=False)
    return np.concatenate([s[..., None, :], vh, u], axis=-2)


def _singular_values(a: NDArray[Any]) -> NDArray[Any]:
    """Singular values in descending order."""
    return np.linalg.svd(_tall(a), compute_uv=False)


def _qr(a: NDArray[Any]) -> NDArray[Any]:
    """The triangular factor, then the rows of the orthogonal one."""
    q, r = np.linalg.qr(_tall(a))
    return np.concatenate([r, q], axis=-2)
