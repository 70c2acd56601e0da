"""Linear algebra that numpy lacks: cofactors without division, stacks of systems, safe quotients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _divide_or_zero(a: Any, b: Any) -> Any:
    """The quotient a / b, and 0 where b is 0."""
    if np.count_nonzero(b) == b.size if isinstance(b, np.ndarray) else b:
        return a / b
    zero = b == 0
    quotient = a / (b + zero)
    return np.where(zero, np.zeros_like(quotient), quotient)[()]


def _solve(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Solutions x of a x = b for stacks of matrices that broadcast; b is never a stack of vectors."""
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return np.linalg.solve(a, np.broadcast_to(b, stack + b.shape[-2:]))


def _solve_lower(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """The x with a x = b for a lower triangle a, in halves: products of matrices do most of it."""
    if len(a) <= 64:
        return np.linalg.solve(a, b)
    h = len(a) // 2
    x = _solve_lower(a[:h, :h], b[:h])
    return np.concatenate((x, _solve_lower(a[h:, h:], b[h:] - a[h:, :h] @ x)))


def _solve_upper(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """The x with a x = b for an upper triangle a, in halves: products of matrices do most of it."""
    if len(a) <= 64:
        return np.linalg.solve(a, b)
    h = len(a) // 2
    x = _solve_upper(a[h:, h:], b[h:])
    return np.concatenate((_solve_upper(a[:h, :h], b[:h] - a[:h, h:] @ x), x))


def _rotated(a: NDArray[Any]) -> tuple[Any, ...]:
    """Singular value decomposition u, s, v with a = u s v, the sign det(u) det(v), and where a is finite."""
    finite = np.isfinite(a).all(axis=(-2, -1))[..., None, None]
    u, s, v = np.linalg.svd(np.where(finite, a, np.zeros_like(a)))
    sign = np.sign(np.linalg.det(u) * np.linalg.det(v))[..., None, None]
    return u, s, v, sign, finite


def _cofactor(a: NDArray[Any], *directions: NDArray[Any]) -> NDArray[Any]:
    """Matrix of cofactors, the gradient of det(a); with directions, its derivative along each of them.

    Unlike det(a) inv(a).T these exist for every matrix. Where a is diagonal with entries s, an element is a
    sum over different rows, one for each direction and one for the element itself, and over permutations of
    these rows: the product of the directions' entries and of s in all other rows.
    """
    u, s, v, sign, finite = _rotated(a)
    turned = [u.swapaxes(-1, -2) @ g @ v.swapaxes(-1, -2) for g in directions]
    count, size = len(directions) + 1, s.shape[-1]
    taken = (np.indices((size,) * count)[..., None] == np.arange(size)).sum(axis=0)
    s = s.reshape(s.shape[:-1] + (1,) * count + (size,))
    others = np.where(taken == 0, s, np.ones_like(s)).prod(axis=-1) * (taken < 2).all(axis=-1)
    rows = "abcdefghijklmnopqrstuvwxyz"[:count]
    inner = np.zeros_like(u)
    for order in np.ndindex(*(count,) * count):
        if len(set(order)) < count:
            continue
        entries = [row + rows[column] for row, column in zip(rows, order)]
        last = entries.pop()
        diagonal = last[0] == last[1]
        pattern = ",".join("..." + letters for letters in (rows, *entries))
        term = np.einsum(f"{pattern}->...{last[0] if diagonal else last}", others, *turned)
        term = term[..., None] * np.eye(size, dtype=bool) if diagonal else term
        odd = sum(order[i] > order[j] for j in range(count) for i in range(j)) % 2
        inner = inner - term if odd else inner + term
    return np.where(finite, sign * (u @ inner @ v), np.full_like(a, np.nan))
