"""Bessel functions of whole orders from 2 on, which the derivatives of those of orders 0 and 1 need."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgrad.kernels.bessel import _i0, _j0, _j1
from symgrad.kernels.real import _in_double, _in_parts


def _iv(n: int, x: Any) -> Any:
    """Modified Bessel function of the first kind of order n >= 2."""

    def value(x: Any) -> Any:
        # Quotients of neighbouring orders, from a high order down (DLMF 10.33.1); all is positive.
        size = np.minimum(np.abs(x), 1e3)
        top = n + 20 + math.isqrt(100 * int(np.nanmax(size, initial=0.0)))
        quotient, product = np.zeros_like(size), _i0(size)
        for k in range(top, 0, -1):
            quotient = size / (2 * k + size * quotient)
            if k <= n:
                product = product * quotient
        return product * np.copysign(1.0, x) ** n

    return _in_double(value, x)


def _jv(n: int, x: Any) -> Any:
    """Bessel function of the first kind of order n >= 2."""

    def series(x: Any) -> Any:
        # DLMF 10.2.2; up to x = n + 1 little cancels.
        half = 0.5 * x
        term = np.ones_like(x)
        total = np.ones_like(x)
        for k in range(1, 20 + 2 * n):
            term = term * (-half * half / (k * (n + k)))
            total = total + term
        return total * (half**n / math.factorial(n))

    def recurrence(x: Any) -> Any:
        before, last = _j0(x), _j1(x)
        for k in range(1, n):
            before, last = last, 2 * k / x * last - before
        return last

    return _in_double(
        lambda x: _in_parts(np.abs(x), (n + 1.0,), series, recurrence) * np.copysign(1.0, x) ** n, x
    )
