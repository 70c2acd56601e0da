"""Functions of a single Python float that `math` lacks, in the manner of those for arrays in `erf.py`."""

from __future__ import annotations

import math


def _exp_square_of_float(x, factor):
    """exp(factor x^2) for factors -1, -1/2, -1/4, with one rounding error however large the square is."""
    x = min(max(x, -64.0), 64.0)
    # The square of the first 26 bits is exact; what is left is far below 1.
    first = round(x * 2.0**19) * 2.0**-19
    result = math.exp(factor * first * first)
    return result + result * math.expm1(factor * (x - first) * (x + first))


def _gaussian_of_float(x):
    """exp(-x^2)."""
    return _exp_square_of_float(x, -1.0)


def _norm_pdf_of_float(x):
    """Density of the normal distribution."""
    return _exp_square_of_float(x, -0.5) * 0.3989422804014327


def _norm_pdf_slope_of_float(x):
    """-x times the density of the normal distribution."""
    if -37.0 < x < 37.0:
        return _exp_square_of_float(x, -0.5) * (-0.3989422804014327 * x)
    # By two halves, since x times a subnormal number is far from exact; beyond 64 all is 0, at infinity too.
    x = min(max(x, -64.0), 64.0)
    half = _exp_square_of_float(x, -0.25)
    return half * (-0.3989422804014327 * x) * half


def _norm_cdf_of_float(x):
    """The probability below x of a normal variable."""
    z = -0.7071067811865476 * x
    value = 0.5 * math.erfc(z)
    if not 0.5 < z < 27.3:
        return value
    # What z lacks to -x / sqrt(2): the product of the first 25 bits of both is exact.
    first = round(-x * 2.0**19) * 2.0**-19
    lacks = first * 0.7071067690849304 - z + first * 1.210161710447897e-08 + (-x - first) * 0.7071067811865476
    return value - lacks * math.exp(-z * z) * 0.5641895835477563
