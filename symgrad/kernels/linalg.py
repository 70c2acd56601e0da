"""Linear algebra that numpy lacks: cofactors without division, stacks of systems, safe quotients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def _divide_or_zero(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The quotient a / b, and 0 where b is 0."""
    zero = b == 0
    quotient = a / (b + zero)
    result: npt.NDArray[Any] = np.where(zero, np.zeros_like(quotient), quotient)[()]
    return result


def _solve(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Solutions x of a x = b for stacks of matrices that broadcast; b is never a stack of vectors."""
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return np.linalg.solve(a, np.broadcast_to(b, stack + b.shape[-2:]))


def _rotated(a: npt.NDArray[Any]) -> tuple[Any, ...]:
    """Singular value decomposition u, s, v with a = u s v, the sign det(u) det(v), and where a is finite."""
    finite = np.isfinite(a).all(axis=(-2, -1))[..., None, None]
    u, s, v = np.linalg.svd(np.where(finite, a, np.zeros_like(a)))
    sign = np.sign(np.linalg.det(u) * np.linalg.det(v))[..., None, None]
    return u, s, v, sign, finite


def _cofactor(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Matrix of cofactors, the gradient of det(a); unlike det(a) inv(a).T it exists for every matrix."""
    u, s, v, sign, finite = _rotated(a)
    one = np.eye(s.shape[-1], dtype=bool)
    others = np.where(one, np.ones_like(s)[..., None], s[..., None, :]).prod(axis=-1)
    return np.where(finite, sign * (u * others[..., None, :]) @ v, np.full_like(a, np.nan))


def _cofactor_change(a: npt.NDArray[Any], g: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Derivative of the cofactors in the direction g: the second derivative of det(a), applied to g."""
    u, s, v, sign, finite = _rotated(a)
    row, column = np.indices((s.shape[-1],) * 2)[..., None]
    place = np.arange(s.shape[-1])
    left_out = (place == row) | (place == column)
    ones = np.ones_like(s)[..., None, None, :]
    others = np.where(left_out, ones, s[..., None, None, :]).prod(axis=-1)
    others = others * (row != column)[..., 0]
    h = u.swapaxes(-1, -2) @ g @ v.swapaxes(-1, -2)
    diagonal = (others @ np.diagonal(h, axis1=-2, axis2=-1)[..., None]) * np.eye(s.shape[-1], dtype=bool)
    inner = diagonal - (others * h).swapaxes(-1, -2)
    return np.where(finite, sign * (u @ inner @ v), np.full_like(a, np.nan))
