"""The error function and the normal distribution, and products with a logarithm that are 0 where x is 0.

The errors stated are the worst ones measured against mpmath in 40 digits over all float64 numbers, in units
in the last place (ulp); `symgrad/kernels/erf.py` says where the formulas come from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.node import Node, Op, Operand, floats, lift, op
from symgrad.ops.exponential import kernel
from symgrad.spelling import FUNCTIONS, public

TWO_OVER_ROOT_PI = 1.1283791670955126
HALF_ROOT_PI = 0.886226925452758


def _log(x: Operand) -> Node:
    return FUNCTIONS[np.log](lift(x))  # type: ignore[no-any-return]


def _log1p(x: Operand) -> Node:
    return FUNCTIONS[np.log1p](lift(x))  # type: ignore[no-any-return]


# --- the error function -------------------------------------------------------------------------------

gaussian: Op = op(
    "gaussian", "x",
    doc="exp(-x*x), within 2 ulp however large the exponent is, where exp(-x*x) loses x*x ulp.",
    dtype=floats,
    numpy=kernel("_gaussian", "{0}"),
    adjoint={"x": lambda g, y, x: -2 * g * (x * y)},
    sympy=lambda sp, x: sp.exp(-(x**2)),
    special=(0.0, 5.0, -26.0),
)  # fmt: skip

erf: Op = public("erf")(
    op(
        "erf", "x",
        doc="Error function, the integral of 2/sqrt(pi) exp(-t*t) from 0 to x; within 2 ulp.",
        dtype=floats,
        numpy=kernel("_erf", "{0}"),
        adjoint={"x": lambda g, y, x: g * (TWO_OVER_ROOT_PI * gaussian(x))},
        sympy=lambda sp, x: sp.erf(x),
        special=(0.0, -0.0, 1.0, -1.0, 7.0, 1e-300),
    )
)  # fmt: skip

erfc: Op = public("erfc")(
    op(
        "erfc", "x",
        doc="1 - erf(x) without its cancellation for large x; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_erfc", "{0}"),
        adjoint={"x": lambda g, y, x: -g * (TWO_OVER_ROOT_PI * gaussian(x))},
        sympy=lambda sp, x: sp.erfc(x),
        special=(0.0, 0.5, 4.0, -4.0, 26.0),
    )
)  # fmt: skip

# --- the normal distribution --------------------------------------------------------------------------


def _cdf(sp: Any, x: Any) -> Any:
    # sympy would make it 1 - erfc(x / sqrt(2)) / 2, of which nothing is left in the tail.
    return sp.erfc(-x / sp.sqrt(2), evaluate=False) / 2


def _pdf(sp: Any, x: Any) -> Any:
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


norm_pdf: Op = public("norm_pdf")(
    op(
        "norm_pdf", "x",
        doc="Density of the normal distribution, exp(-x*x/2) / sqrt(2 pi); within 4 ulp.",
        dtype=floats,
        numpy=kernel("_norm_pdf", "{0}"),
        adjoint={"x": lambda g, y, x: g * norm_pdf_slope(x)},
        sympy=_pdf,
        special=(0.0, 8.0, -30.0),
    )
)  # fmt: skip

norm_pdf_slope: Op = op(
    "norm_pdf_slope", "x",
    doc="Derivative of norm_pdf, -x norm_pdf(x); 0 at both infinities; within 4 ulp.",
    dtype=floats,
    numpy=kernel("_norm_pdf_slope", "{0}"),
    adjoint={"x": lambda g, y, x: -g * (norm_pdf(x) + x * y)},
    sympy=lambda sp, x: -x * _pdf(sp, x),
    special=(0.0, 1.0),
)  # fmt: skip

norm_cdf: Op = public("norm_cdf")(
    op(
        "norm_cdf", "x",
        doc="Probability below x of the normal distribution; within 4 ulp, in the far tail too.",
        dtype=floats,
        numpy=kernel("_norm_cdf", "{0}"),
        adjoint={"x": lambda g, y, x: g * norm_pdf(x)},
        sympy=_cdf,
        special=(0.0, 0.5, -0.5, -5.0, 5.0, -30.0),
    )
)  # fmt: skip

norm_logcdf: Op = public("norm_logcdf")(
    op(
        "norm_logcdf", "x",
        doc="Logarithm of norm_cdf(x), finite where that underflows; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_norm_logcdf", "{0}"),
        adjoint={"x": lambda g, y, x: g * norm_hazard(x)},
        sympy=lambda sp, x: sp.log(_cdf(sp, x)),
        special=(0.0, 5.0, -5.0, -50.0),
    )
)  # fmt: skip


def _hazard(sp: Any, x: Any, order: int) -> Any:
    return sp.diff(sp.log(_cdf(sp, x)), x, order)


# An operation for all orders: -h (x + h), the derivative of the hazard h, cancels for negative x.
norm_hazard: Op = op(
    "norm_hazard", "x", params="order", defaults={"order": 1},
    doc="Derivative `order` of norm_logcdf: norm_pdf(x) / norm_cdf(x) within 4 ulp, the second within 40, "
    "the third to 10 digits.",
    dtype=floats,
    numpy=kernel("_norm_hazard", "{order}, {0}"),
    adjoint={"x": lambda g, y, x: g * norm_hazard(x, order=y.order + 1)},
    sympy=_hazard,
    special=(0.0, 3.0, -3.0, -11.0),
)  # fmt: skip

gelu: Op = public("gelu")(
    op(
        "gelu", "x",
        doc="x norm_cdf(x), the exact form and not its tanh approximation; 0 at -inf; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_gelu", "{0}"),
        adjoint={"x": lambda g, y, x: g * (norm_cdf(x) - norm_pdf_slope(x))},
        sympy=lambda sp, x: x * _cdf(sp, x),
        special=(0.0, -0.0, 0.5, -0.5, 6.0, -6.0),
    )
)  # fmt: skip

# --- products with a logarithm ------------------------------------------------------------------------


def _unless_zero(sp: Any, x: Any, value: Any) -> Any:
    return sp.Piecewise((0, sp.Eq(x, 0)), (value, True))


xdivy: Op = op(
    "xdivy", "x y",
    doc="x / y, and 0 where x is 0, also for y = 0: the derivative of xlogy in y.",
    dtype=floats,
    numpy=kernel("_xdivy", "{0}, {1}"),
    adjoint={"x": lambda g, z, x, y: g / y, "y": lambda g, z, x, y: -g * xdivy(z, y)},
    sympy=lambda sp, x, y: _unless_zero(sp, x, x / y),
    sample={"x": (-2.0, 2.0), "y": (0.1, 4.0)},
    safe={"y": 1.0},
)  # fmt: skip

xlogy: Op = public("xlogy")(
    op(
        "xlogy", "x y",
        doc="x log(y), and 0 where x is 0; at (0, 0) the derivative in x is -inf and in y 0; within 2 ulp.",
        dtype=floats,
        numpy=kernel("_xlogy", "{0}, {1}"),
        adjoint={"x": lambda g, z, x, y: g * _log(y), "y": lambda g, z, x, y: g * xdivy(x, y)},
        sympy=lambda sp, x, y: _unless_zero(sp, x, x * sp.log(y)),
        sample={"x": (-2.0, 2.0), "y": (0.1, 4.0)},
        safe={"y": 1.0},
    )
)  # fmt: skip

xlog1py: Op = public("xlog1py")(
    op(
        "xlog1py", "x y",
        doc="x log(1 + y), and 0 where x is 0; at (0, -1) the derivative in x is -inf and in y 0; "
        "within 2 ulp.",
        dtype=floats,
        numpy=kernel("_xlog1py", "{0}, {1}"),
        adjoint={"x": lambda g, z, x, y: g * _log1p(y), "y": lambda g, z, x, y: g * xdivy(x, 1 + y)},
        sympy=lambda sp, x, y: _unless_zero(sp, x, x * sp.log(1 + y)),
        sample={"x": (-2.0, 2.0), "y": (-0.9, 4.0)},
        safe={"y": 0.0},
    )
)  # fmt: skip

entr: Op = public("entr")(
    op(
        "entr", "x",
        doc="-x log(x), 0 at 0 with derivative inf; -inf for negative x; within 2 ulp.",
        dtype=floats,
        numpy=kernel("_entr", "{0}"),
        adjoint={"x": lambda g, y, x: -g * (_log(x) + 1)},
        sympy=lambda sp, x: sp.Piecewise((0, sp.Eq(x, 0)), (-x * sp.log(x), True)),
        sample=(0.1, 4.0),
        special=(1.0,),
        safe={"x": 1.0},
    )
)  # fmt: skip
