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

# log(gamma(1 + y)) / (y (y - 1)) - 1/2 in y - 3/8, for y from -1/5 to 1.
_LOG_GAMMA_LOW_P = (
    -7.049375241691506e-05, -0.00257541805923129, -0.028407850407487344, -0.13681357957991075,
    -0.322443777377287, -0.3647690877669791, -0.15664510760326755, 0.0024224884952694374,
)  # fmt: skip
_LOG_GAMMA_LOW_Q = (
    0.00014427756672166976, 0.006199959329345077, 0.08440530867543075, 0.5261239695671561,
    1.7163205750062493, 3.0319999345376862, 2.746782174554223, 1.0,
)  # fmt: skip

# The same - 3/8 in y - 3/2, for y from 1 to 2.
_LOG_GAMMA_HIGH_P = (
    -5.2026463751613955e-08, -9.998896805794907e-05, -0.0025638352424130076, -0.02068850019047092,
    -0.06542298882543841, -0.06928785890971913, 0.00457716063055888,
)  # fmt: skip
_LOG_GAMMA_HIGH_Q = (
    0.0002810381132413171, 0.009298554673166013, 0.10389022680753617, 0.5159565778202884,
    1.174465062224377, 1.0,
)  # fmt: skip

# log(gamma(x)) / (x - 2) - 7/8 in x - 4, for x from 3 to 5.
_LOG_GAMMA_MIDDLE_P = (
    1.0739537301016292e-06, 0.00010288853128432798, 0.0026281854687511337, 0.02683629647117707,
    0.11901438070067916, 0.1956250424613904, 0.0208797346140275,
)  # fmt: skip
_LOG_GAMMA_MIDDLE_Q = (
    2.4229078917865713e-07, 4.15177042214709e-05, 0.0016896451164440814, 0.027445964314571736,
    0.2085760131853205, 0.7426375784530592, 1.0,
)  # fmt: skip

# The same - 5/4 in x - 13/2, for x from 5 to 8.
_LOG_GAMMA_FAR_P = (
    4.356061056313887e-09, 3.5133876010742004e-06, 0.0002329276671974429, 0.004970422811436139,
    0.04188452973268493, 0.12225485245242478, 0.008347124412698118,
)  # fmt: skip
_LOG_GAMMA_FAR_Q = (
    1.0393913748273293e-06, 0.00012039191507586693, 0.00424338260243932, 0.06299083202429072,
    0.41485025336580866, 1.0,
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
    rest = _in_parts(
        y,
        (1.0,),
        lambda y: 0.5 + _ratio(y - 0.375, _LOG_GAMMA_LOW_P, _LOG_GAMMA_LOW_Q),
        lambda y: 0.375 + _ratio(y - 1.5, _LOG_GAMMA_HIGH_P, _LOG_GAMMA_HIGH_Q),
    )
    return y * (y - 1) * rest + 0.0  # not -0.0


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
        (0.8, 3.0, 5.0, 8.0),
        lambda x: _log_gamma_next(x) - np.log(x),
        lambda x: _log_gamma_next(x - 1),
        lambda x: (x - 2) * (0.875 + _ratio(x - 4, _LOG_GAMMA_MIDDLE_P, _LOG_GAMMA_MIDDLE_Q)),
        lambda x: (x - 2) * (1.25 + _ratio(x - 6.5, _LOG_GAMMA_FAR_P, _LOG_GAMMA_FAR_Q)),
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
    sign = (-1.0) ** (n + 1)

    def below(x: Any) -> Any:
        # Sums over all poles, those to the right of x and those between it and 1 to the left (DLMF 5.15.1).
        rest = x - np.rint(x)
        size = np.abs(rest)
        near, far = _inverse_powers(n, size, 0.0 * x), _inverse_powers(n, *_one_less(size))
        right, left = np.where(rest < 0, far, near), np.where(rest < 0, near, far)
        value = sign * right + (left - _inverse_powers(n, *_one_less(x)))
        return np.where(rest == 0, np.inf if n % 2 else np.nan, value)

    return _in_double(
        lambda x: _in_parts(x, (0.0,), below, lambda x: sign * _inverse_powers(n, x, 0.0 * x)), x
    )


def _one_less(x: Any) -> Any:
    """1 - x in two parts."""
    high = 1 - x
    return high, (1 - high) - x


def _inverse_powers(n: int, x: Any, low: Any) -> Any:
    """n! times the sum of (x + k)^-(n + 1) over k = 0, 1, 2, ..., for x >= 0 in two parts."""
    s = n + 1
    # Euler's and Maclaurin's formula for the terms from `count` on. All is scaled by a power of 2 near x.
    count = 10 + n
    exponent = np.frexp(np.maximum(x, 1e-300))[1]
    small = x < count
    far = np.where(small, x + count, x)
    v = 1 / far
    series, factor = [], float(s)
    for k, b in enumerate(reversed(_BERNOULLI), 1):  # B(2k) / (2k)! times s (s + 1) ... (s + 2k - 2)
        series.append(b / math.factorial(2 * k) * factor)
        factor *= (s + 2 * k - 1) * (s + 2 * k)
    total = (far / n + 0.5 + v * _polynomial(v * v, series[::-1])) * np.ldexp(far, -exponent) ** -float(s)
    # What rounding took from x + k matters s times as much to its power.
    missed = np.zeros_like(x)
    for k in range(count - 1, -1, -1):
        place = x + k
        term = np.where(small, np.ldexp(place, -exponent) ** -float(s), 0.0)
        total += term
        # x is the smaller one of both up to k = 0, where nothing is rounded; it is not where k < x.
        bent = place - x
        gone = (x - (place - bent)) + (k - bent) + low
        missed += np.where(term > 0, term * (s * gone / np.where(place > 0, place, 1.0)), 0.0)
    total = np.where(np.isfinite(total), total - missed, total)
    mantissa, power = math.frexp(math.factorial(n))
    return np.where(np.isinf(x), 0.0, np.ldexp(mantissa * total, power - s * exponent))
