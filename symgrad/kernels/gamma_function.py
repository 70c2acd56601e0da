"""The gamma function itself.

A quotient of polynomials from 2 to 3, multiplied and divided by the factors of its recurrence up to 8;
Stirling's formula above (DLMF 5.11.3), in two factors that do not overflow before the result does. Negative
arguments are reflected (DLMF 5.5.3). The coefficients are our own, as in `symgrad/kernels/gamma.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.kernels.gamma import _one_less, _stirling_rest
from symgrad.kernels.real import _in_double, _in_parts, _polynomial, _ratio

# gamma(5/2 + z) - 85/64, for z from -1/2 to 1/2.
_GAMMA_P = (
    1.8175934885139302e-05, 6.627752885609721e-05, 0.006621651631498499, 0.01384015922908371,
    0.05807005520463061, 0.6129281525468896, 0.9346806737551385, 0.0012153881791370314,
)  # fmt: skip
_GAMMA_Q = (
    0.0002219786979704433, -0.0025185318619760726, 0.006269300347218032, 0.03449183289390005,
    -0.1784922224907134, -0.04430508036133712, 1.0,
)  # fmt: skip

# sin(pi r) / (pi r) - 1 over r^2, in r^2, for |r| <= 1/2.
_SINE = (
    -7.092355087538904e-09, 2.53009069596146e-07, -6.975840510099059e-06, 0.00014842878713934335,
    -0.002346081034809302, 0.026147847817611848, -0.1907518241220826, 0.8117424252833536,
    -1.6449340668482264,
)  # fmt: skip


def _gamma_in_factors(x: Any) -> Any:
    """Two factors of gamma(x), for x > 0."""

    def below(x: Any) -> Any:
        whole = np.floor(x)
        product = 1.328125 + _ratio((x - whole) - 0.5, _GAMMA_P, _GAMMA_Q)
        for k in range(1, 6):
            product = np.where(whole - k >= 2, product * (x - k), product)
        return np.where(whole < 1, product / (x * (x + 1)), np.where(whole < 2, product / x, product))

    # From 140 on the power overflows before gamma does; its root does not.
    power = _in_parts(
        x, (8.0, 140.0), below, lambda x: x ** (x - 0.5), lambda x: np.minimum(x, 200.0) ** _half_power(x)
    )
    rest = _in_parts(x, (8.0,), np.ones_like, _gamma_rest)
    return power, np.where(x < 140, rest, power * rest)


def _half_power(x: Any) -> Any:
    """(x - 1/2) / 2 for x up to 200."""
    return 0.5 * np.minimum(x, 200.0) - 0.25


def _gamma_rest(x: Any) -> Any:
    """gamma(x) over x^(x - 1/2), for x >= 8."""
    x = np.minimum(x, 200.0)
    return np.exp(-x) * np.exp(_stirling_rest(x) + 0.5)


def _gamma_negative(x: Any) -> Any:
    """gamma(x) for x < 0: gamma(x) gamma(1 - x) = pi / sin(pi x)."""
    whole = np.rint(x)
    rest = x - whole
    sine = rest + rest * (rest * rest * _polynomial(rest * rest, _SINE))
    high, low = _one_less(x)
    one, two = _gamma_in_factors(high)
    # The derivative of log(gamma) is about log(x) - 1 / (2 x).
    bent = 1 - low * (np.log(high) - 0.5 / high)
    value = bent / sine / one / two
    return np.where(rest == 0, np.nan, np.where(whole % 2 == 0, value, -value))


def _gamma_positive(x: Any) -> Any:
    one, two = _gamma_in_factors(x)
    value = one * two
    return np.where((x == np.rint(x)) & (value < 1e14), np.rint(value), value)  # factorials are whole


def _gamma(x: Any) -> Any:
    """The gamma function; infinite at 0, nan at -1, -2, ..."""
    return _in_double(
        lambda x: np.where(
            x == 0,
            1 / x,
            np.where(x == np.inf, np.inf, _in_parts(x, (0.0,), _gamma_negative, _gamma_positive)),
        ),
        x,
    )
