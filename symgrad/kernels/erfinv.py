"""Inverse of the error function.

In the centre y times a quotient in y^2; outside in r = sqrt(-log(1 - |y|)), in which the inverse is nearly
linear (as J. M. Blair, C. A. Edwards, J. H. Johnson, Rational Chebyshev approximations for the inverse of the
error function, Math. Comp. 30 (1976)). The coefficients are our own: least maximal error, by reweighted least
squares at Chebyshev points in 50 digits; before rounding their error is below 0.1 ulp.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.kernels.real import _in_double, _in_parts, _ratio

# erfinv(y) / y - 1 as a quotient in y^2, for |y| < 1/2.
_ERFINV_P = (
    0.007280020639489143, -0.11073763432909571, 0.4683288601440703, -0.7834946769339926, 0.5350418410380334,
    -0.11377307454724199,
)  # fmt: skip
_ERFINV_Q = (
    -0.008902001376480288, 0.18704413966089584, -1.088266423567313, 2.5761413531337927, -2.6634436637075556,
    1.0,
)  # fmt: skip

# erfinv(y) / r - 3/4 as a quotient in r - 13/16, for r up to 3.
_ERFINV_TAIL_P = (
    0.0005765744442872622, 0.0154251396025782, 0.12603149421951587, 0.44734010692317305, 0.7984753483695499,
    0.6927836141523177, 0.09900045065004555, -0.2914392137593794, -0.1857666706037217,
)  # fmt: skip
_ERFINV_TAIL_Q = (
    0.002305557043242092, 0.06179453300124214, 0.5257137933610805, 2.152049806847827, 5.124203115620528,
    7.619517401537317, 7.123894964578221, 3.914462382690232, 1.0,
)  # fmt: skip

# erfinv(y) / r - 15/16 as a quotient in r - 3, for r from 3 to 6.1, which is as near as y comes to 1.
_ERFINV_FAR_P = (
    2.023561958786569e-06, 9.336527985452121e-05, 0.0013983140333262882, 0.008625978152817654,
    0.020344316237636943, 0.0031960330175558687, -0.032579667353571706,
)  # fmt: skip
_ERFINV_FAR_Q = (
    3.235585735042122e-05, 0.0014974170472203878, 0.023697800595166452, 0.1761556098934722,
    0.675810867368634, 1.301877314865485, 1.0,
)  # fmt: skip


def _erfinv(y: Any) -> Any:
    """The number whose error function is y; nan outside of -1 to 1."""
    return _in_double(lambda y: np.copysign(_erfinv_positive(np.abs(y)), y), y)


def _erfinv_positive(y: Any) -> Any:
    """erfinv(y) for y >= 0."""
    return _in_parts(
        y,
        (0.5, 1.0),
        lambda y: y + y * _ratio(y * y, _ERFINV_P, _ERFINV_Q),
        lambda y: _erfinv_tail(np.sqrt(-np.log(1 - y))),
        lambda y: np.where(y == 1, np.inf, np.nan),
    )


def _erfinv_tail(r: Any) -> Any:
    """erfinv(y) at r = sqrt(-log(1 - y))."""
    return r * _in_parts(
        r,
        (3.0,),
        lambda r: 0.75 + _ratio(r - 0.8125, _ERFINV_TAIL_P, _ERFINV_TAIL_Q),
        lambda r: 0.9375 + _ratio(r - 3, _ERFINV_FAR_P, _ERFINV_FAR_Q),
    )
