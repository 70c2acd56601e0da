"""Logarithm of the gamma function and its derivatives.

Three parts of the positive axis: quotients of polynomials with the zeros of the function as factors, up to
3; quotients in the middle; asymptotic series with Bernoulli numbers (DLMF 5.11.1, 5.11.2, 25.11.43) above.
Negative arguments are reflected (DLMF 5.5.3, 5.5.4, 5.15.6). The coefficients of the quotients are our own:
least maximal error, by reweighted least squares at Chebyshev points in 50 digits; before rounding their
error is below 0.03 ulp.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgrad.kernels.real import _in_double, _in_parts, _polynomial, _ratio

# log(gamma(1 + y)) / (y (y - 1)), for y from -1/5 to 2.
_LOG_GAMMA_P = (
    3.8329246779402683e-07, 0.00021026778326669996, 0.00808122490132626, 0.1010996781320733,
    0.5687336348036172, 1.6351690195571948, 2.4898329774637693, 1.9068351250238684, 0.5772156649015329,
)  # fmt: skip
_LOG_GAMMA_Q = (
    5.221379991675777e-05, 0.003196114899743964, 0.05820195953906918, 0.46660754051523035,
    1.9315461240914766, 4.419777444419479, 5.6283851005231424, 3.728392391972891, 1.0,
)  # fmt: skip

# log(gamma(3 + z)), for z from 0 to 5.
_LOG_GAMMA_MIDDLE_P = (
    8.439838042145277e-08, 1.56358725733659e-05, 0.0007186716766595752, 0.013279406564097018,
    0.11888443080893303, 0.5557818468212865, 1.3596146652226635, 1.603288143465829, 0.6931471805599453,
)  # fmt: skip
_LOG_GAMMA_MIDDLE_Q = (
    1.4369614750437126e-08, 4.106549309871258e-06, 0.00025616205479492103, 0.006079327066464921,
    0.0671291460785013, 0.36961179323472765, 0.9817594696376462, 1.0,
)  # fmt: skip

# digamma(1 + y) / (y - y0), for y from 0 to 2, where y0 is the zero, in two parts.
_DIGAMMA_P = (
    9.300213967867803e-07, 0.000125589833706757, 0.0042913480135500365, 0.05940251011616908,
    0.3942822998485628, 1.316376014960835, 2.100409963299964, 1.2503801375034054,
)  # fmt: skip
_DIGAMMA_Q = (
    1.433796073956913e-07, 2.84323676439861e-05, 0.0012809560017594999, 0.022774047177706404,
    0.1954839517131792, 0.8770575704908509, 2.066458935479711, 2.363363936508231, 1.0,
)  # fmt: skip
_DIGAMMA_ZERO = (0.46163214496836236, -1.5522348162858677e-17)

# digamma(3 + z), for z from 0 to 7.
_DIGAMMA_MIDDLE_P = (
    1.0675743528668097e-10, 2.5014302698811143e-07, 3.1066275240450945e-05, 0.001196843886237944,
    0.019949271780525742, 0.16330995694782996, 0.6753586066494519, 1.318500751563019, 0.9227843350984671,
)  # fmt: skip
_DIGAMMA_MIDDLE_Q = (
    4.1354062794446224e-08, 7.017090827718894e-06, 0.0003440454594893719, 0.007164970069602637,
    0.07342672227266092, 0.3870315074569049, 1.0008478141496, 1.0,
)  # fmt: skip

# Bernoulli numbers B(2k), the last first, k from 12 to 1.
_BERNOULLI = (
    -236364091 / 2730, 854513 / 138, -174611 / 330, 43867 / 798, -3617 / 510, 7 / 6, -691 / 2730, 5 / 66,
    -1 / 30, 1 / 42, -1 / 30, 1 / 6,
)  # fmt: skip


def _log_gamma_next(y: Any) -> Any:
    """log(gamma(1 + y)) for y from -1/5 to 2."""
    return y * (y - 1) * _ratio(y, _LOG_GAMMA_P, _LOG_GAMMA_Q) + 0.0  # not -0.0


def _stirling_rest(x: Any) -> Any:
    """log(gamma(x)) - (x - 1/2) (log(x) - 1) for x >= 8."""
    v = 1 / x
    # B(2k) / (2k (2k - 1)), k from 8 to 1.
    series = [b / (2 * k * (2 * k - 1)) for k, b in zip(range(8, 0, -1), _BERNOULLI[4:])]
    return 0.4189385332046727 + v * _polynomial(v * v, series)


def _gammaln_positive(x: Any) -> Any:
    """log(gamma(x)) for x >= 0."""
    return _in_parts(
        x,
        (0.8, 3.0, 8.0),
        lambda x: _log_gamma_next(x) - np.log(x),
        lambda x: _log_gamma_next(x - 1),
        lambda x: _ratio(x - 3, _LOG_GAMMA_MIDDLE_P, _LOG_GAMMA_MIDDLE_Q),
        lambda x: (x - 0.5) * (np.log(x) - 1) + _stirling_rest(np.minimum(x, 1e300)),
    )


def _gammaln_negative(x: Any) -> Any:
    """log(abs(gamma(x))) for x < 0: from gamma(x) gamma(1 - x) = pi / sin(pi x)."""
    sine = np.abs(np.sin(np.pi * (x - np.rint(x)))) / np.pi
    near = np.maximum(x, -2.0)  # 1 - x is not rounded where log(gamma(1 - x)) is small
    return -np.log(sine) - np.where(x < -2, _gammaln_positive(1 - x), _log_gamma_next(-near))


def _gammaln(x: Any) -> Any:
    """Logarithm of the absolute value of the gamma function."""
    return _in_double(
        lambda x: np.where(np.isinf(x), np.inf, _in_parts(x, (0.0,), _gammaln_negative, _gammaln_positive)), x
    )


def _digamma_next(y: Any) -> Any:
    """digamma(1 + y) for y >= 0."""
    high, low = _DIGAMMA_ZERO
    return _in_parts(
        y,
        (2.0, 9.0),
        lambda y: ((y - high) - low) * _ratio(y, _DIGAMMA_P, _DIGAMMA_Q),
        lambda y: _ratio(y - 2, _DIGAMMA_MIDDLE_P, _DIGAMMA_MIDDLE_Q),
        lambda y: _digamma_far(1 + y),
    )


def _digamma_far(x: Any) -> Any:
    """digamma(x) for x >= 10."""
    v = 1 / x
    # -B(2k) / (2k), k from 8 to 1.
    series = [-b / (2 * k) for k, b in zip(range(8, 0, -1), _BERNOULLI[4:])]
    return np.log(x) - v * (0.5 - v * _polynomial(v * v, series))


def _cotangent(x: Any) -> Any:
    """cot(pi x), with the sign of the zero at a pole."""
    rest = x - np.rint(x)
    size = np.abs(rest)
    # Each from the nearer of its zero and its pole.
    value = np.where(size < 0.25, 1 / np.tan(np.pi * size), np.tan(np.pi * (0.5 - size)))
    return np.copysign(value, rest)


def _digamma(x: Any) -> Any:
    """Derivative of the logarithm of the gamma function."""

    def below(x: Any) -> Any:
        value = _digamma_next(-x) - np.pi * _cotangent(x)
        return np.where(x == np.rint(x), np.nan, value)

    def above(x: Any) -> Any:
        # From 1 on x - 1 is exact; below, digamma(1 + x) - 1 / x.
        small = x < 1
        return _digamma_next(np.where(small, x, x - 1)) - np.where(small, 1 / x, 0.0)

    return _in_double(lambda x: _in_parts(x, (0.0,), below, above), x)


def _polygamma(n: int, x: Any) -> Any:
    """Derivative of order n >= 1 of digamma."""

    def below(x: Any) -> Any:
        # (-1)^n polygamma(n, 1 - x) - polygamma(n, x) is derivative n of pi cot(pi x): a polynomial in cot.
        cot = _cotangent(x)
        coefficients = [0, 1]
        for _ in range(n):  # p -> -(1 + c^2) p'
            slope = [k * c for k, c in enumerate(coefficients)][1:]
            coefficients = [-(a + b) for a, b in zip([*slope, 0, 0], [0, 0, *slope])]
        part = _polynomial(cot, [float(c) for c in reversed(coefficients)])
        value = (-1) ** n * _polygamma_positive(n, 1 - x) - np.pi ** (n + 1) * part
        return np.where(x == np.rint(x), np.inf if n % 2 else np.nan, value)

    return _in_double(lambda x: _in_parts(x, (0.0,), below, lambda x: _polygamma_positive(n, x)), x)


def _polygamma_positive(n: int, x: Any) -> Any:
    """polygamma(n, x) for x >= 0: (-1)^(n + 1) n! times the sum of (x + k)^-(n + 1) over k = 0, 1, 2, ..."""
    s = n + 1
    # Euler's and Maclaurin's formula for the terms from `count` on. All is scaled by a power of 2 near x.
    count = 10 + n
    exponent = np.frexp(np.maximum(x, 1e-300))[1]
    far = x + count
    v = 1 / far
    series, factor = [], float(s)
    for k, b in enumerate(reversed(_BERNOULLI), 1):  # B(2k) / (2k)! times s (s + 1) ... (s + 2k - 2)
        series.append(b / math.factorial(2 * k) * factor)
        factor *= (s + 2 * k - 1) * (s + 2 * k)
    rest = far / n + 0.5 + v * _polynomial(v * v, series[::-1])
    total = rest * np.ldexp(far, -exponent) ** -float(s)
    for k in range(count - 1, -1, -1):
        total += np.ldexp(x + k, -exponent) ** -float(s)
    mantissa, power = math.frexp(math.factorial(n) * (-1.0) ** s)
    return np.where(np.isinf(x), (-1.0) ** s * 0.0, np.ldexp(mantissa * total, power - s * exponent))
