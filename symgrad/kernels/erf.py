"""The error function, the normal distribution and what follows from them, to a few units in the last place.

All rest on erfcx(x) = exp(x^2) erfc(x), a function without exponential decay (DLMF 7.2, 7.9), and on
exp(-x^2) with the square taken in two parts. The division of the axis is in the manner of W. J. Cody,
Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969). The coefficients are our own:
quotients of polynomials with least maximal error, by reweighted least squares at Chebyshev points in 50
digits; before rounding their error is below 0.15 ulp.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.kernels.real import _in_double, _in_parts, _ratio

# erf(x) / x - 1 as a quotient in x^2, for |x| < 1.
_ERF_P = (
    -2.0734238255604904e-05, -0.0004956498466748916, -0.00881590438455035, -0.048330932594626445,
    -0.31700554005512527, 0.1283791670955126,
)  # fmt: skip
_ERF_Q = (
    2.081225762249688e-05, 0.0006925421322940094, 0.010693510225059766, 0.09381524509701969,
    0.4605174680150968, 1.0,
)  # fmt: skip

# erfcx(x) - 3/4 as a quotient in x - 1/4, for x from 0 to 1/2.
_ERFCX_LOW_P = (
    -0.00825281724087274, -0.0858940467253618, -0.36792203229664694, -0.7669251793147958, -0.70540688762802,
    0.02034654773099675,
)  # fmt: skip
_ERFCX_LOW_Q = (
    0.01099467643587566, 0.12291459491133974, 0.5801115448650936, 1.43651098444752, 1.8577601518320266, 1.0,
)  # fmt: skip

# erfcx(x) - 1/2 as a quotient in x - 3/4, for x from 1/2 to 1.
_ERFCX_MIDDLE_P = (
    -0.0030802789986473953, -0.03570455262710536, -0.16734926058952507, -0.376899228055326,
    -0.3563605480566256, 0.006937650293144806,
)  # fmt: skip
_ERFCX_MIDDLE_Q = (
    0.006159066638297344, 0.07838115934792604, 0.4177452739559269, 1.1603739123176073, 1.6737862400824486,
    1.0,
)  # fmt: skip

# erfcx(x) - 11/32 as a quotient in x - 3/2, for x from 1 to 2.
_ERFCX_HIGH_P = (
    9.695408274036732e-09, -0.0007960204435228761, -0.011291378333649118, -0.06374043093763397,
    -0.17139569075676261, -0.19472718261520985, -0.022164583545682497,
)  # fmt: skip
_ERFCX_HIGH_Q = (
    0.002315173850702071, 0.03665293031014127, 0.23984305764275884, 0.8089250679274955, 1.403331798160885,
    1.0,
)  # fmt: skip

# x erfcx(x) - 1/2 as a quotient in 1 / x^2, for x from 2.
_ERFCX_FAR_P = (
    -77.71247226992737, -387.9235735925266, -414.4579667487613, -101.63467116561009, 26.58673284427326,
    13.451385097431327, 1.6723284964445209, 0.06418958354775628,
)  # fmt: skip
_ERFCX_FAR_Q = (
    207.1437458366439, 1952.0054647920724, 4586.959245309444, 4155.594781749501, 1709.9821031698214,
    336.7738343128489, 30.447670481680145, 1.0,
)  # fmt: skip


def _exp_square(x: Any, factor: float) -> Any:
    """exp(factor x^2) for factors -1, -1/2, -1/4, with one rounding error however large the square is."""
    x = np.clip(x, -64.0, 64.0)
    # The square of the first 26 bits is exact; what is left is far below 1.
    first = np.rint(x * 2.0**19) * 2.0**-19
    rest = factor * (x - first) * (x + first)
    result = np.exp(factor * first * first)
    return result + result * np.expm1(rest)


def _erfcx_positive(x: Any) -> Any:
    """exp(x^2) erfc(x) for x >= 0."""
    return _in_parts(x, (2.0,), _erfcx_near, lambda x: _x_erfcx(1 / (x * x)) / x)


# The quotients below are small beside the constants they are added to, and so are their rounding errors.


def _erfcx_near(x: Any) -> Any:
    """erfcx(x) for x from 0 to 2."""
    return _in_parts(
        x,
        (0.5, 1.0),
        lambda x: 0.75 + _ratio(x - 0.25, _ERFCX_LOW_P, _ERFCX_LOW_Q),
        lambda x: 0.5 + _ratio(x - 0.75, _ERFCX_MIDDLE_P, _ERFCX_MIDDLE_Q),
        lambda x: 0.34375 + _ratio(x - 1.5, _ERFCX_HIGH_P, _ERFCX_HIGH_Q),
    )


def _x_erfcx(u: Any) -> Any:
    """x erfcx(x) at u = 1 / x^2, for x from 2 to inf."""
    return 0.5 + _ratio(u, _ERFCX_FAR_P, _ERFCX_FAR_Q)


def _erf_central(x: Any) -> Any:
    """erf(x) for |x| < 1."""
    u = x * x
    return x + x * _ratio(u, _ERF_P, _ERF_Q)


def _erfc_tail(x: Any) -> Any:
    """erfc(x) for x > 0."""
    return _exp_square(x, -1.0) * _erfcx_positive(x)


def _normal_tail(x: Any) -> Any:
    """The probability above x > 0 of a normal variable."""
    return _exp_square(x, -0.5) * _normal_ratio(x)


def _normal_ratio(x: Any) -> Any:
    """That probability over exp(-x^2 / 2). From sqrt(8) on x itself is used, not the rounded x / sqrt(2)."""
    return _in_parts(
        x,
        (2.8284271247461903,),
        lambda x: 0.5 * _erfcx_near(x * 0.7071067811865476),
        lambda x: _x_erfcx(2 / (x * x)) * 0.7071067811865476 / x,
    )


def _erf(x: Any) -> Any:
    """The error function."""
    return _in_double(
        lambda x: _in_parts(
            x, (-1.0, 1.0), lambda x: _erfc_tail(-x) - 1, _erf_central, lambda x: 1 - _erfc_tail(x)
        ),
        x,
    )


def _erfc(x: Any) -> Any:
    """1 - erf(x), without the cancellation."""
    return _in_double(
        lambda x: _in_parts(
            x, (-1.0, 0.5), lambda x: 2 - _erfc_tail(-x), lambda x: 1 - _erf_central(x), _erfc_tail
        ),
        x,
    )


def _gaussian(x: Any) -> Any:
    """exp(-x^2)."""
    return _in_double(lambda x: _exp_square(x, -1.0), x)


def _norm_pdf(x: Any) -> Any:
    """Density of the normal distribution."""
    return _in_double(lambda x: _exp_square(x, -0.5) * 0.3989422804014327, x)


def _norm_pdf_slope(x: Any) -> Any:
    """-x times the density of the normal distribution."""
    return _in_double(lambda x: _slope(np.clip(x, -64.0, 64.0)), x)  # beyond 64 all is 0, at infinity too


def _slope(x: Any) -> Any:
    """The same at finite x; two halves, since x times a subnormal number is far from exact."""
    half = _exp_square(x, -0.25)
    return half * (-0.3989422804014327 * x) * half


def _norm_cdf(x: Any) -> Any:
    """The probability below x of a normal variable."""
    return _in_double(
        lambda x: _in_parts(
            x,
            (-0.5, 0.5),
            lambda x: _normal_tail(-x),
            lambda x: 0.5 + 0.5 * _erf_central(x * 0.7071067811865476),
            lambda x: 1 - _normal_tail(x),
        ),
        x,
    )


def _norm_logcdf(x: Any) -> Any:
    """Logarithm of the probability below x, which does not underflow."""
    return _in_double(
        lambda x: _in_parts(
            x,
            (0.0,),
            lambda x: np.log(_normal_ratio(-x)) - 0.5 * x * x,
            lambda x: np.log1p(-_normal_tail(x)),
        ),
        x,
    )


def _gelu(x: Any) -> Any:
    """x norm_cdf(x); 0 at -inf."""
    return _in_double(
        lambda x: _in_parts(
            x,
            (-0.5, 0.5),
            _gelu_tail,
            lambda x: x * (0.5 + 0.5 * _erf_central(x * 0.7071067811865476)),
            lambda x: x * (1 - _normal_tail(x)),
        ),
        x,
    )


def _gelu_tail(x: Any) -> Any:
    """x norm_cdf(x) for x < 0. What is multiplied after the exponential has underflowed is below 1."""
    return _exp_square(x, -0.5) * _in_parts(
        x,
        (-2.8284271247461903,),
        lambda x: -0.7071067811865476 * _x_erfcx(2 / (x * x)),
        lambda x: 0.5 * x * _erfcx_near(-0.7071067811865476 * x),
    )
