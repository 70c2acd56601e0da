"""The error function, the normal distribution and what follows from them, to a few units in the last place.

All rest on erfcx(x) = exp(x^2) erfc(x), a function without exponential decay (DLMF 7.2, 7.9), its like for
the normal distribution, and on exp(-x^2) with the square taken in two parts. The division of the axis is in
the manner of W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969).
The coefficients are our own: quotients of polynomials with least maximal error, by reweighted least squares
at Chebyshev points in 50 digits; before rounding their error is below 0.2 ulp.
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

# exp(x^2 / 2) times the probability above x of a normal variable, less 3/8, as a quotient in x - 3/8, for x
# from 0 to 3/4.
_NORMAL_LOW_P = (
    -0.0007156269239314011, -0.010583522555195847, -0.06440533144344981, -0.19095531781221636,
    -0.2505624551342327, 0.004604427868859242,
)  # fmt: skip
_NORMAL_LOW_Q = (
    0.0019068367197091097, 0.030279113184881686, 0.2029169488705381, 0.7132950686838407,
    1.3092103922720721, 1.0,
)  # fmt: skip

# The same less 1/4 in x - 9/8, for x from 3/4 to 3/2.
_NORMAL_MIDDLE_P = (
    -0.00025834544744139, -0.004290019087155805, -0.028814483585154482, -0.0932900199670709,
    -0.12841804404401014, -0.0046686110682059995,
)  # fmt: skip
_NORMAL_MIDDLE_Q = (
    0.0010331638057044495, 0.018813428879321668, 0.14336976797566856, 0.5690801604950666,
    1.1724206859127015, 1.0,
)  # fmt: skip

# The same less 11/64 in x - 17/8, for x from 3/2 to sqrt(8).
_NORMAL_HIGH_P = (
    5.523114597162689e-10, -7.111559228633987e-05, -0.0014223287957997122, -0.0113249432899222,
    -0.04297224495361977, -0.06893631237749696, -0.011294900348436767,
)  # fmt: skip
_NORMAL_HIGH_Q = (
    0.00041367786898035706, 0.009236840492014096, 0.08527601943567262, 0.40589514913659624,
    0.9939657180941796, 1.0,
)  # fmt: skip

# x times it less 3/8, in 1 / x^2, for x from sqrt(8).
_NORMAL_FAR_P = (
    -7523.597946172412, -20067.030321836166, -12448.077532044566, -2565.5155478567413,
    -142.9767635245765, 9.097437432870965, 1.056960800261427, 0.023942280401432668,
)  # fmt: skip
_NORMAL_FAR_Q = (
    26233.059834659045, 123802.82093769975, 145691.8597980254, 66098.46464633892,
    13620.191608617208, 1343.2238027948374, 60.808872682640406, 1.0,
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
    """That probability over exp(-x^2 / 2)."""
    return _in_parts(x, (2.8284271247461903,), _normal_near, lambda x: _normal_far(1 / (x * x)) / x)


def _normal_near(x: Any) -> Any:
    """The same for x from 0 to sqrt(8)."""
    return _in_parts(
        x,
        (0.75, 1.5),
        lambda x: 0.375 + _ratio(x - 0.375, _NORMAL_LOW_P, _NORMAL_LOW_Q),
        lambda x: 0.25 + _ratio(x - 1.125, _NORMAL_MIDDLE_P, _NORMAL_MIDDLE_Q),
        lambda x: 0.171875 + _ratio(x - 2.125, _NORMAL_HIGH_P, _NORMAL_HIGH_Q),
    )


def _normal_far(u: Any) -> Any:
    """x times it at u = 1 / x^2, for x from sqrt(8) to inf."""
    return 0.375 + _ratio(u, _NORMAL_FAR_P, _NORMAL_FAR_Q)


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
    """The same at finite x."""
    return _in_parts(
        x,
        (-37.0, 37.0),
        _slope_far,
        lambda x: _exp_square(x, -0.5) * (-0.3989422804014327 * x),
        _slope_far,
    )


def _slope_far(x: Any) -> Any:
    """The same by two halves, since x times a subnormal number is far from exact."""
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
        lambda x: -_normal_far(1 / (x * x)),
        lambda x: x * _normal_near(-x),
    )
