"""Derivatives of the logarithm of the normal distribution function, of every order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgrad.kernels.erf import _exp_square, _normal_far, _normal_ratio, _normal_tail
from symgrad.kernels.real import _in_double, _in_parts, _polynomial, _ratio

# (1 - sqrt(pi) x erfcx(x)) x^2 as a quotient in 1 / x^2, for x from 2.
_EXCESS_P = (
    13.80326746865342, 957.0449462921448, 3012.5934110627, 2871.3380650093272, 1135.032019873568,
    206.26406153994128, 16.90439569134704, 0.49999999999999994,
)  # fmt: skip
_EXCESS_Q = (
    1423.9376736108743, 7792.885692521097, 12683.136720614122, 8680.601171016835, 2843.3930372064992,
    461.7413101542741, 35.30879138269353, 1.0,
)  # fmt: skip

# Coefficients of x^-1, x^-3, ... in norm_pdf(x) / norm_cdf(x) + x for x far below 0: the logarithmic
# derivative of the asymptotic series of erfc (DLMF 7.12.1). All are whole numbers.
_HAZARD_SERIES = (
    -1.0, 2.0, -10.0, 74.0, -706.0, 8162.0, -110410.0, 1708394.0, -29752066.0, 576037442.0, -12277827850.0,
    285764591114.0, -7213364729026.0, 196316804255522.0, -5731249477826890.0, 1.7867678947312182e+17,
    -5.925085744543837e+18, 2.0825680275889236e+20, -7.734158085942679e+21, 3.0262506729515713e+23,
    -1.2444051435099602e+25,
)  # fmt: skip


def _norm_hazard(order: int, x: Any) -> Any:
    """Derivative `order` >= 1 of norm_logcdf; the first one is norm_pdf(x) / norm_cdf(x)."""
    return _in_double(
        lambda x: _in_parts(x, (-10.0,), lambda x: _hazard_far(order, x), lambda x: _hazard_near(order, x)), x
    )


def _hazard_far(order: int, x: Any) -> Any:
    """The asymptotic series, differentiated term by term, for x < -10."""
    v = 1 / x
    terms = []
    for power, coefficient in enumerate(_HAZARD_SERIES):
        for k in range(order - 1):
            coefficient *= -(2 * power + 1 + k)
        terms.append(coefficient)
    rest = _polynomial(v * v, terms[::-1]) * v**order
    return rest - x if order == 1 else rest - 1 if order == 2 else rest


def _hazard_near(order: int, x: Any) -> Any:
    """From h' = -h e and e = x + h, by the product rule."""
    h = _in_parts(
        x,
        (0.0,),
        lambda x: 0.3989422804014327 / _normal_ratio(-x),  # 1 / sqrt(2 pi)
        lambda x: 0.3989422804014327 * _exp_square(x, -0.5) / (1 - _normal_tail(x)),
    )
    far = x < -2.8284271247461903
    e = np.where(far, _excess_far(np.where(far, x, -3.0)), np.minimum(x, 64.0) + h)
    hs, es = [h], [e]
    for k in range(order - 1):
        hs.append(-sum(math.comb(k, i) * hs[i] * es[k - i] for i in range(k + 1)))
        es.append(hs[-1] + 1 if k == 0 else hs[-1])
    return hs[-1]


def _excess_far(x: Any) -> Any:
    """x + norm_pdf(x) / norm_cdf(x) for x < -sqrt(8), without the cancellation."""
    u = 2 / (x * x)
    return -2 * _ratio(u, _EXCESS_P, _EXCESS_Q) / (2.5066282746310002 * x * _normal_far(0.5 * u))
