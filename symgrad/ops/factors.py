"""Meanings of factorisations, entry by entry, that share nothing with their adjoint rules.

Eigenvalues are found by Jacobi's rotations, each an algebraic function of the entries, carried out until
nothing is left to rotate in 50 digits; derivatives follow through every rotation. Signs, which no formula
determines, are those that numpy picks. Where two eigenvalues are equal, or a rank is not full, the result is
nan: derivatives do not exist there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import SpecError
from symgrad.ops.square import cofactor_meaning, det_meaning

#: Rotations of every pair of rows that leave nothing in 50 digits, for matrices of more than two rows.
_SWEEPS = 7
#: Relative size under which a number is 0 in 50 digits.
_NOTHING = 1e-30


def floats(what: str, a: Any) -> Any:
    """The values of a matrix of scalars, as floats.

    Raises SpecError for symbols: what follows has no closed form.
    """
    try:
        return np.array([float(x) for x in a.ravel().tolist()]).reshape(a.shape)
    except TypeError:
        raise SpecError(f"{what} has no closed form for sympy", hint="evaluate at numbers") from None


def undefined(m: Any, shape: tuple[int, ...]) -> Any:
    """An array of nan."""
    result = np.empty(shape, object)
    for index in np.ndindex(*shape):
        result[index] = m.number(float("nan"))
    return result


def identity(m: Any, size: int) -> Any:
    """The identity matrix as scalars."""
    return m.literal(np.eye(size))


def root(m: Any, x: Any) -> Any:
    """The square root of a scalar."""
    return m.apply(lambda sp, s: sp.sqrt(s), x)


def dot(m: Any, x: Any, y: Any) -> Any:
    """The inner product of two vectors of scalars."""
    return m.sum([p * q for p, q in zip(x, y)])


def symmetric(a: Any) -> Any:
    """The symmetric matrix that has this one's lower triangle."""
    result = a.copy()
    for i, j in np.ndindex(*a.shape):
        result[i, j] = a[max(i, j), min(i, j)]
    return result


def eigen_meaning(m: Any, a: Any, given: Any) -> tuple[Any, Any]:
    """Ascending eigenvalues and the eigenvectors of a symmetric matrix, signed as the `given` ones."""
    size, a = len(a), a.copy()
    v = identity(m, size)
    scale = max((abs(float(x)) for x in a.ravel()), default=0.0)
    for _ in range(1 if size <= 2 else _SWEEPS):
        for p in range(size):
            for q in range(p + 1, size):
                _rotate(m, a, v, p, q)
    order = m.order(np.diagonal(a))
    w = np.array([a[i, i] for i in order], dtype=object)
    v = v[:, order]
    if any(not abs(float(w[i + 1] - w[i])) > _NOTHING * scale for i in range(size - 1)):
        return undefined(m, (size,)), undefined(m, (size, size))
    for j in range(size):
        if sum(float(x) * y for x, y in zip(v[:, j], given[:, j])) < 0:
            v[:, j] = [-x for x in v[:, j]]
    return w, v


def _rotate(m: Any, a: Any, v: Any, p: int, q: int) -> None:
    """Make a[p, q] vanish by turning rows and columns p and q (Golub and Van Loan, section 8.5)."""
    off, gap = a[p, q], a[q, q] - a[p, p]
    length = root(m, gap * gap + 4 * off * off)
    t = 2 * off / (gap - length if gap < 0 else gap + length)
    c = 1 / root(m, 1 + t * t)
    s = t * c
    for matrix in (a, a.T, v):
        left, right = matrix[:, p].copy(), matrix[:, q].copy()
        matrix[:, p], matrix[:, q] = left * c - right * s, left * s + right * c
    a[p, q] = a[q, p] = m.number(0)


def eigh_meaning(m: Any, a: Any) -> Any:
    """Eigenvalues in the first column, eigenvectors in the others."""
    values = floats("np.linalg.eigh", a)
    if not len(a):
        return np.empty((0, 1), object)
    w, v = eigen_meaning(m, symmetric(a), np.linalg.eigh(values)[1])
    return np.concatenate([w[:, None], v], axis=1)


def svd_meaning(m: Any, a: Any) -> Any:
    """Singular values in the first row, then those of v transposed, then those of u."""
    rows, columns = tall("np.linalg.svd", a)
    given = np.linalg.svd(floats("np.linalg.svd", a), full_matrices=False)[2]
    gram = np.array([[dot(m, a[:, i], a[:, j]) for j in range(columns)] for i in range(columns)], object)
    w, v = eigen_meaning(m, gram.reshape(columns, columns), given[::-1].T)
    w, v = w[::-1], v[:, ::-1]
    if any(not float(x) > _NOTHING * float(w[0]) for x in w):
        return undefined(m, (1 + columns + rows, columns))
    s = np.array([root(m, x) for x in w], object).reshape(columns)
    u = np.array([[dot(m, a[i], v[:, j]) / s[j] for j in range(columns)] for i in range(rows)], object)
    return np.concatenate([s[None], v.T, u.reshape(rows, columns)])


def qr_meaning(m: Any, a: Any) -> Any:
    """The triangular factor, then the rows of the orthogonal one: Gram and Schmidt, with numpy's signs."""
    rows, columns = tall("np.linalg.qr", a)
    signs = np.diagonal(np.linalg.qr(floats("np.linalg.qr", a))[1]) < 0
    r, q = m.literal(np.zeros((columns, columns))), a.copy()
    for j in range(columns):
        for i in range(j):
            r[i, j] = dot(m, q[:, i], a[:, j])
            q[:, j] = q[:, j] - q[:, i] * r[i, j]
        r[j, j] = root(m, dot(m, q[:, j], q[:, j])) * (-1 if signs[j] else 1)
        if not abs(float(r[j, j])) > _NOTHING:
            return undefined(m, (columns + rows, columns))
        q[:, j] = [x / r[j, j] for x in q[:, j]]
    return np.concatenate([r, q])


def pinv_meaning(m: Any, a: Any) -> Any:
    """The inverse of the smaller product of the matrix with its transpose, times the transpose."""
    if a.shape[0] < a.shape[1]:
        return pinv_meaning(m, a.T).T
    if not a.size:
        return a.T
    gram = np.matmul(a.T, a)
    whole = det_meaning(m, gram)
    if not abs(float(whole)) > _NOTHING:
        return undefined(m, a.T.shape)
    return np.matmul(cofactor_meaning(m, gram).T / whole, a.T)


def expm_meaning(m: Any, a: Any, *directions: Any) -> Any:
    """The exponential series of a small fraction of the matrix, squared as often as it was halved.

    With directions, its derivative along all of them: the series of a + t_1 e_1 + t_2 e_2 + ..., where each
    t_i is a number whose square is 0. A value is known by its coefficients of all products of the t_i.
    """
    sizes = [abs(x) for x in floats("sg.expm", a).ravel().tolist()]
    halvings = 6 + max(0, int(np.ceil(np.log2(max([1.0, *sizes])))))
    products = [set[int]()]
    for i in range(len(directions)):
        products += [chosen | {i} for chosen in products]

    def times(x: list[Any], y: list[Any]) -> list[Any]:
        result = []
        for whole in products:
            terms = [
                np.matmul(x[i], y[products.index(whole - part)])
                for i, part in enumerate(products)
                if part <= whole and x[i] is not None and y[products.index(whole - part)] is not None
            ]
            result.append(sum(terms[1:], terms[0]) if terms else None)
        return result

    small = [None if len(c) > 1 else (directions[min(c)] if c else a) / 2**halvings for c in products]
    term = result = [None if c else identity(m, len(a)) for c in products]
    for k in range(1, 26):
        term = [None if x is None else x / k for x in times(term, small)]
        result = [x if y is None else y if x is None else x + y for x, y in zip(result, term)]
    for _ in range(halvings):
        result = times(result, result)
    return result[-1]


def tall(what: str, a: Any) -> tuple[int, int]:
    """Numbers of rows and columns; ValueError where there are more columns."""
    rows, columns = a.shape
    if rows < columns:
        raise ValueError(f"{what}: expected at least as many rows as columns, got shape {a.shape}")
    return rows, columns
