"""The logarithm of the gamma function, its derivatives of every order, the beta function; inverse of erf.

Errors are stated as in `symgrad/ops/special.py`. Below 0 gammaln, digamma and polygamma of even order are
differences (reflection), so there the unit is that of the larger term: near a zero the error relative to it
is larger.
"""

from __future__ import annotations

from symgrad.errors import TraceError
from symgrad.node import Node, Op, Operand, floats, op
from symgrad.ops.exponential import exp, kernel
from symgrad.ops.special import HALF_ROOT_PI, gaussian
from symgrad.spelling import public

gammaln: Op = public("gammaln")(
    op(
        "gammaln", "x",
        doc="Logarithm of abs(gamma(x)), inf at the poles 0, -1, -2, ...; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_gammaln", "{0}"),
        adjoint={"x": lambda g, y, x: g * digamma(x)},
        sympy=lambda sp, x: sp.re(sp.loggamma(x)),
        sample=(0.1, 6.0),
        special=(1.0, 2.0, 3.0, 8.0, 30.0, -0.5, -1.5, -2.25),
        safe={"x": 1.5},
    )
)  # fmt: skip

digamma: Op = public("digamma")(
    op(
        "digamma", "x",
        doc="Derivative of gammaln; -inf at 0 and inf at -0.0, nan at -1, -2, ...; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_digamma", "{0}"),
        adjoint={"x": lambda g, y, x: g * polygamma_(x, n=1)},
        sympy=lambda sp, x: sp.digamma(x),
        sample=(0.1, 6.0),
        special=(1.0, 1.5, 3.0, 10.0, 30.0, -0.5, -1.25),
        safe={"x": 1.5},
    )
)  # fmt: skip

gamma: Op = public("gamma")(
    op(
        "gamma", "x",
        doc="The gamma function; infinite at 0 and from 171.7 on, nan at -1, -2, ...; within 4 ulp, 5 for "
        "x < 0.",
        dtype=floats,
        numpy=kernel("_gamma", "{0}"),
        adjoint={"x": lambda g, y, x: g * (y * digamma(x))},
        sympy=lambda sp, x: sp.gamma(x),
        sample=(0.1, 6.0),
        special=(1.0, 2.0, 3.0, 8.0, 30.0, -0.5, -1.5, -2.25),
        safe={"x": 1.5},
    )
)  # fmt: skip

polygamma_: Op = op(
    "polygamma", "x", params="n", defaults={"n": 1},
    doc="Derivative n of digamma; at the poles inf for odd n, nan for even n; within 4 ulp.",
    dtype=floats,
    numpy=kernel("_polygamma", "{n}, {0}"),
    adjoint={"x": lambda g, y, x: g * polygamma_(x, n=y.n + 1)},
    sympy=lambda sp, x, n: sp.polygamma(n, x),
    sample=(0.1, 6.0),
    special=(1.0, 3.0, 20.0, -0.5, -1.25),
    safe={"x": 1.5},
)  # fmt: skip


@public("polygamma")
def polygamma(n: int, x: Operand) -> Node:
    """Derivative n of digamma, for a whole number n from 0 to 100."""
    if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= 100:
        raise TraceError("sg.polygamma: the order is a whole number", expected="0 to 100", got=repr(n)[:60])
    return polygamma_(x, n=n) if n else digamma(x)


betaln: Op = public("betaln")(
    op(
        "betaln", "a b",
        doc="Logarithm of the beta function gamma(a) gamma(b) / gamma(a + b), for a, b > 0; within 1e-14, or "
        "6 ulp where that is more.",
        dtype=floats,
        numpy=kernel("_betaln", "{0}, {1}"),
        adjoint={
            "a": lambda g, y, a, b: g * (digamma(a) - digamma(a + b)),
            "b": lambda g, y, a, b: g * (digamma(b) - digamma(a + b)),
        },
        sympy=lambda sp, a, b: sp.loggamma(a) + sp.loggamma(b) - sp.loggamma(a + b),
        sample=(0.1, 6.0),
        special=(1.0, 2.0, 12.0),
        safe={"a": 1.0, "b": 1.0},
    )
)  # fmt: skip


@public("beta")
def beta(a: Operand, b: Operand) -> Node:
    """The beta function of positive numbers, exp(betaln(a, b))."""
    return exp(betaln(a, b))


erfinv: Op = public("erfinv")(
    op(
        "erfinv", "y",
        doc="Inverse of erf; infinite at -1 and 1, with infinite derivative, nan outside; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_erfinv", "{0}"),
        adjoint={"y": lambda g, x, y: g * (HALF_ROOT_PI / gaussian(x))},
        sympy=lambda sp, y: sp.erfinv(y),
        sample=(-0.95, 0.95),
        special=(0.0, 0.5, -0.5, 0.999),
        safe={"y": 0.0},
    )
)  # fmt: skip
