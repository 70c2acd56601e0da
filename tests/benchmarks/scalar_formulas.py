"""Scalar formulas that automatic differentiation is measured by, over any array library's functions.

Each takes the vector x and the module that has log, sqrt and tanh: numpy for symgrad, casadi for comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

Formula = Callable[[Any, Any], Any]

#: For each formula: sizes, and operations for value and gradient together, which are those of CasADi 3.8
#: (instructions other than inputs, outputs and constants).
COUNTS = {
    "speelpenning": {10: 25, 20: 55, 40: 115},
    "helmholtz": {5: 212, 10: 607, 20: 1997},
    "tanh_network": {4: 215, 6: 467, 8: 813},
    "distances": {10: 121, 20: 566},
}


def _sum(terms: Iterable[Any]) -> Any:
    first, *rest = terms
    for term in rest:
        first = first + term
    return first


def speelpenning(x: Any, m: Any) -> Any:
    """The product of all arguments (Speelpenning 1980)."""
    product = x[0]
    for i in range(1, x.shape[0]):
        product = product * x[i]
    return product


def helmholtz(x: Any, m: Any) -> Any:
    """Energy of a mixed fluid (Griewank and Walther, Evaluating Derivatives), for given constants a and b."""
    n = x.shape[0]
    a = [[1 / (1.5 + i + 2 * j) for j in range(n)] for i in range(n)]
    bx = _sum((0.3 + 0.01 * i) * x[i] for i in range(n))
    xax = _sum(x[i] * _sum(a[i][j] * x[j] for j in range(n)) for i in range(n))
    mixing = _sum(x[i] * m.log(x[i] / (1 - bx)) for i in range(n))
    root = math.sqrt(2)
    return mixing - xax / bx * m.log((1 + (1 + root) * bx) / (1 + (1 - root) * bx))


def tanh_network(x: Any, m: Any) -> Any:
    """The sum of the outputs of three layers as wide as the input, without biases."""
    n = x.shape[0]
    values = [x[i] for i in range(n)]
    for layer in range(3):
        # One weight is 1, where n is 8: 64 * 2 + 8 * 7 + 7 + 1 = 192.
        weights = [[(64 * layer + 8 * i + j + 1) / 192 for j in range(n)] for i in range(n)]
        values = [m.tanh(_sum(w * v for w, v in zip(row, values))) for row in weights]
    return _sum(values)


def distances(x: Any, m: Any) -> Any:
    """The sum of the distances between all pairs of points in the plane."""
    points = [(x[i], x[i + 1]) for i in range(0, x.shape[0], 2)]
    pairs = [(p, q) for k, p in enumerate(points) for q in points[:k]]
    return _sum(m.sqrt((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2) for p, q in pairs)


FORMULAS: dict[str, Formula] = {f.__name__: f for f in (speelpenning, helmholtz, tanh_network, distances)}
