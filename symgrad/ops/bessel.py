"""Bessel functions of orders 0 and 1, and the whole orders that their derivatives lead to.

Errors are stated as in `symgrad/ops/special.py`; those of j0 and j1, from the third zero on, in ulp of the
amplitude sqrt(2 / (pi x)).
"""

from __future__ import annotations

import numpy as np

from symgrad.node import Node, Op, floats, op
from symgrad.ops.exponential import kernel
from symgrad.spelling import public, spell

i0: Op = public("i0")(
    op(
        "i0", "x",
        doc="Modified Bessel function of order 0; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_i0", "{0}"),
        adjoint={"x": lambda g, y, x: g * i1(x)},
        sympy=lambda sp, x: sp.besseli(0, x),
        special=(0.0, 4.0, 8.0, 16.0, -30.0),
    )
)  # fmt: skip

i1: Op = public("i1")(
    op(
        "i1", "x",
        doc="Modified Bessel function of order 1; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_i1", "{0}"),
        adjoint={"x": lambda g, y, x: g * (0.5 * (i0(x) + iv(x, n=2)))},
        sympy=lambda sp, x: sp.besseli(1, x),
        special=(0.0, 4.0, 8.0, 16.0, -30.0),
    )
)  # fmt: skip

j0: Op = public("j0")(
    op(
        "j0", "x",
        doc="Bessel function of order 0, 0 at infinity; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_j0", "{0}"),
        adjoint={"x": lambda g, y, x: -g * j1(x)},
        sympy=lambda sp, x: sp.besselj(0, x),
        special=(0.0, 2.404825557695773, 4.0, 5.5, 7.0, -30.0),
    )
)  # fmt: skip

j1: Op = public("j1")(
    op(
        "j1", "x",
        doc="Bessel function of order 1, 0 at infinity; within 4 ulp.",
        dtype=floats,
        numpy=kernel("_j1", "{0}"),
        adjoint={"x": lambda g, y, x: g * (0.5 * (j0(x) - jv(x, n=2)))},
        sympy=lambda sp, x: sp.besselj(1, x),
        special=(0.0, 3.8317059702075125, 5.0, 7.0, 8.0, -30.0),
    )
)  # fmt: skip


def _i_order(x: Node, n: int) -> Node:
    return i1(x) if n == 1 else iv(x, n=n)


def _j_order(x: Node, n: int) -> Node:
    return j1(x) if n == 1 else jv(x, n=n)


iv: Op = op(
    "iv", "x", params="n", defaults={"n": 2},
    doc="Modified Bessel function of a whole order n from 2 on; within 10 + 2 n ulp.",
    dtype=floats,
    numpy=kernel("_iv", "{n}, {0}"),
    adjoint={"x": lambda g, y, x: g * (0.5 * (_i_order(x, y.n - 1) + iv(x, n=y.n + 1)))},
    sympy=lambda sp, x, n: sp.besseli(n, x),
    special=(0.0, 1e-3, 30.0),
)  # fmt: skip

jv: Op = op(
    "jv", "x", params="n", defaults={"n": 2},
    doc="Bessel function of a whole order n from 2 on; within 40 ulp.",
    dtype=floats,
    numpy=kernel("_jv", "{n}, {0}"),
    adjoint={"x": lambda g, y, x: g * (0.5 * (_j_order(x, y.n - 1) - jv(x, n=y.n + 1)))},
    sympy=lambda sp, x, n: sp.besselj(n, x),
    special=(0.0, 1e-3, 3.0, 30.0),
)  # fmt: skip

spell(i0, np.i0)
