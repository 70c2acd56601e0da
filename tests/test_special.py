"""Special functions: errors in units in the last place against mpmath, special values, float32, derivatives.

The points of every table are dense, random, tiny, huge and subnormal; the bounds are those that the docs of
the operations state.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from evaluate import evaluate

import symgrad as sg
from symgrad.kernels import bessel, bessel_orders, beta, erf, erfinv, gamma, gamma_function, hazard, xlogy
from symgrad.node import OPS, Node
from symgrad.ops.gamma import polygamma_
from symgrad.ops.leaves import input_node
from symgrad.ops.special import norm_hazard
from symgrad.shapes import parse_shape
from symgrad.spelling import FUNCTIONS, NAMES

RNG = np.random.default_rng(7)
DIGITS = 60
SUBNORMAL = 5e-324


def ulps(got: float, exact: Any, size: Any = 0) -> float:
    """The error of a float64 in ulp of the exact value, or of `size` where that is larger."""
    if not mp.isfinite(exact) or abs(exact) > sys.float_info.max:
        return 0.0 if got == float(mp.sign(exact) * mp.inf) else math.inf
    if not math.isfinite(got):
        return math.inf
    unit = math.ulp(min(float(max(abs(exact), abs(size))), sys.float_info.max))
    return float(abs(mp.mpf(float(got)) - exact) / mp.mpf(unit))


def check(kernel: Callable[..., Any], exact: Callable[..., Any], points: Any, bound: float, size: Any = None):
    """Every point within the bound, without any signal from numpy."""
    with np.errstate(all="raise"):
        values = kernel(np.asarray(points, float))
    assert values.shape == np.shape(points) and values.dtype == np.float64
    worst = (0.0, 0.0)
    with mp.workdps(DIGITS):
        for x, value in zip(points, values):
            x = mp.mpf(float(x))
            worst = max(worst, (ulps(float(value), exact(x), size(x) if size else 0), float(x)))
    assert worst[0] <= bound, f"{worst[0]:.2f} ulp at {worst[1]!r}"


def normal_cdf(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1e6 else mp.mpf(x > 0)


def normal_pdf(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def normal_logcdf(x: Any) -> Any:
    if x > 0:
        return mp.log1p(-normal_cdf(-x))
    return mp.log(normal_cdf(x)) if x > -1e4 else -x * x / 2 - mp.log(-x) - mp.log(2 * mp.pi) / 2 - 1 / x**2


def hazard_exact(x: Any) -> Any:
    if x > 1e4:
        return mp.mpf(0)
    return normal_pdf(x) / normal_cdf(x) if x > -1e4 else -x - 1 / x + 2 / x**3


def erfc_exact(x: Any) -> Any:
    return mp.erfc(x) if abs(x) < 1e6 else mp.mpf(2 * (x < 0))


LINE = np.concatenate(
    [
        np.linspace(-7, 7, 561),
        RNG.uniform(-6, 6, 500),
        RNG.uniform(-40, 40, 500),
        *[s * 10.0 ** RNG.uniform(-320, 300, 100) for s in (1, -1)],
        [0.0, -0.0, SUBNORMAL, -SUBNORMAL, 0.5, -0.5, 1, -1, 2, -2, math.sqrt(8), -math.sqrt(8), 1e308],
    ]
)


@pytest.mark.parametrize(
    "kernel, exact, bound",
    [
        (erf._erf, lambda x: mp.erf(x), 2),
        (erf._erfc, erfc_exact, 4),
        (erf._gaussian, lambda x: mp.exp(-x * x), 2),
        (erf._norm_pdf, normal_pdf, 4),
        (erf._norm_pdf_slope, lambda x: -x * normal_pdf(x), 4),
        (erf._norm_cdf, normal_cdf, 4),
        (erf._norm_logcdf, normal_logcdf, 4),
        (erf._gelu, lambda x: x * normal_cdf(x), 4),
        (lambda x: hazard._norm_hazard(1, x), hazard_exact, 4),
    ],
    ids=[
        "erf",
        "erfc",
        "gaussian",
        "norm_pdf",
        "norm_pdf_slope",
        "norm_cdf",
        "norm_logcdf",
        "gelu",
        "hazard",
    ],
)
def test_error_function_family(kernel, exact, bound):
    check(kernel, exact, LINE[np.isfinite(LINE)], bound)


def chain(order: int, x: Any) -> Any:
    """Derivative of the hazard by h' = -h (x + h)."""
    h = [normal_pdf(x) / normal_cdf(x)]
    e = [x + h[0]]
    for k in range(order - 1):
        h.append(-sum(mp.binomial(k, i) * h[i] * e[k - i] for i in range(k + 1)))
        e.append(h[-1] + (k == 0))
    return h[-1]


@pytest.mark.parametrize("order, bound", [(2, 40), (3, 5e5)])
def test_derivatives_of_the_hazard(order, bound):
    points = np.concatenate([np.linspace(-200, 5, 200), RNG.uniform(-20, 5, 200)])
    check(lambda x: hazard._norm_hazard(order, x), lambda x: chain(order, x), points, bound)


def test_inverse_of_erf():
    points = np.concatenate(
        [
            RNG.uniform(-1, 1, 300),
            1 - 10.0 ** RNG.uniform(-16, 0, 200),
            10.0 ** RNG.uniform(-320, 0, 60),
            [0.0, 0.5, -0.5, 1, -1, np.nextafter(1, 0), SUBNORMAL],
        ]
    )
    check(erfinv._erfinv, lambda y: mp.sign(y) * mp.inf if abs(y) == 1 else mp.erfinv(y), points, 4)


POSITIVE = np.concatenate(
    [
        np.linspace(0.01, 12, 500),
        RNG.uniform(0, 3, 400),
        RNG.uniform(0, 200, 150),
        10.0 ** RNG.uniform(-300, 300, 100),
        [SUBNORMAL, 0.5, 0.8, 1, 2, 3, 8, 10, 1 + 1e-10, 2 - 1e-10, 1.4616321449683622, 1.4616321449683624],
    ]
)
NEGATIVE = -np.concatenate(
    [
        RNG.uniform(0, 3, 300),
        RNG.uniform(0, 170, 200),
        10.0 ** RNG.uniform(-300, 5, 80),
        [0.5, 1.5, 2.457024738],
    ]
)


def fraction(x: Any) -> Any:
    return x - mp.nint(x)


def test_log_gamma():
    check(gamma._gammaln, mp.loggamma, [*POSITIVE, 2.5e305, 1e306, 1e308], 4)
    check(gamma._gammaln, lambda x: mp.re(mp.loggamma(x)), NEGATIVE[NEGATIVE > -2], 4)


def test_log_gamma_below_zero():
    def size(x):
        return max(abs(mp.loggamma(1 - x)), abs(mp.log(mp.pi / abs(mp.sinpi(x)))))

    check(gamma._gammaln, lambda x: mp.re(mp.loggamma(x)), NEGATIVE, 4, size)


def test_gamma():
    points = np.concatenate([POSITIVE[(POSITIVE < 171.6) & (POSITIVE > 1e-300)], RNG.uniform(8, 171.6, 500)])
    check(gamma_function._gamma, mp.gamma, points, 4)
    below = NEGATIVE[(NEGATIVE > -184) & (NEGATIVE < -1e-300)]
    check(gamma_function._gamma, mp.gamma, np.concatenate([below, RNG.uniform(-184, -7, 500)]), 5)
    assert [gamma_function._gamma(float(n)) for n in range(1, 16)] == [math.factorial(n) for n in range(15)]


def test_digamma():
    def size(x):
        return max(abs(mp.psi(0, 1 - x)), abs(mp.pi * mp.cot(mp.pi * fraction(x))))

    check(gamma._digamma, lambda x: mp.psi(0, x), POSITIVE, 4)
    check(gamma._digamma, lambda x: mp.psi(0, x), NEGATIVE, 4, size)


def polygamma_exact(n: int, x: Any) -> Any:
    with mp.workdps(DIGITS + 4 * n):  # mpmath loses digits with n
        return mp.psi(n, x)


def poles_of_one_side(n: int, x: Any) -> Any:
    """The larger of the sums over the poles to the right of x and to the left of it."""
    rest = x - mp.floor(x)
    left = polygamma_exact(n, 1 - rest) - polygamma_exact(n, 1 - x)
    return max(abs(polygamma_exact(n, rest)), abs(left))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 30])
def test_polygamma(n):
    near = NEGATIVE[(NEGATIVE > -1e3) & (NEGATIVE < -1e-8)]
    far = POSITIVE[(POSITIVE < 1e8) & (POSITIVE > 1e-8)][:: 8 + n]

    def kernel(x):
        return gamma._polygamma(n, x)

    check(kernel, lambda x: polygamma_exact(n, x), far, 4)
    check(
        kernel, lambda x: polygamma_exact(n, x), near[:: 8 + n], 4, lambda x: poles_of_one_side(n, x)
    )  # fmt: skip


def test_log_beta():
    scales = [(-8, 1, -8, 1), (-3, 1, 1, 8), (1, 3, 1, 3), (3, 10, 3, 10), (1, 3, 3, 12)]
    for low, high, low2, high2 in scales:
        a, b = 10.0 ** RNG.uniform(low, high, 80), 10.0 ** RNG.uniform(low2, high2, 80)
        with np.errstate(all="raise"):
            values = beta._betaln(a, b)
        with mp.workdps(DIGITS):
            for x, y, value in zip(a, b, values):
                x, y = mp.mpf(float(x)), mp.mpf(float(y))
                exact = mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y)
                assert abs(mp.mpf(float(value)) - exact) <= max(1e-14, 6 * math.ulp(float(exact)))


ROUND = np.concatenate(
    [
        np.linspace(0, 20, 401),
        RNG.uniform(0, 9, 400),
        RNG.uniform(-700, 700, 100),
        10.0 ** RNG.uniform(-300, 2.8, 60),
        [713, -713, SUBNORMAL, 0.0, -0.0, np.nextafter(8, 0), np.nextafter(4, 0)],
    ]
)


@pytest.mark.parametrize("order, kernel, bound", [(0, bessel._i0, 4), (1, bessel._i1, 4)])
def test_modified_bessel(order, kernel, bound):
    check(kernel, lambda x: mp.besseli(order, x), ROUND, bound)


@pytest.mark.parametrize("order, kernel, bound", [(0, bessel._j0, 4), (1, bessel._j1, 4)])
def test_bessel(order, kernel, bound):
    def amplitude(x):
        return mp.sqrt(2 / (mp.pi * abs(x))) if abs(x) > 7 else 0

    points = np.concatenate([ROUND, 10.0 ** RNG.uniform(2, 15, 60)])
    check(kernel, lambda x: mp.besselj(order, x), points, bound, amplitude)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_bessel_of_higher_order(order):
    points = np.concatenate([np.linspace(-30, 30, 121), 10.0 ** RNG.uniform(-3, 2, 40), [0.0, 700.0]])
    check(lambda x: bessel_orders._iv(order, x), lambda x: mp.besseli(order, x), points, 10 + 2 * order)
    check(
        lambda x: bessel_orders._jv(order, x), lambda x: mp.besselj(order, x), points, 40,
        lambda x: mp.sqrt(2 / (mp.pi * abs(x))) if abs(x) > order else 0,
    )  # fmt: skip


def test_products_with_a_logarithm():
    y = 10.0 ** RNG.uniform(-300, 300, 300)
    check(lambda y: xlogy._xlogy(1.5, y), lambda y: mp.mpf(1.5) * mp.log(y), y, 2)
    check(xlogy._entr, lambda y: -y * mp.log(y), [*y[y < 1e290], *RNG.uniform(0, 3, 200)], 2)
    check(
        lambda y: xlogy._xlog1py(1.5, y),
        lambda y: mp.mpf(1.5) * mp.log1p(y),
        [*y, *-RNG.uniform(0, 1, 200)],
        2,
    )


# --- special values -----------------------------------------------------------------------------------

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("erf", [0.0, -0.0, INF, -INF, NAN], [0.0, -0.0, 1, -1, NAN]),
        ("erfc", [0.0, INF, -INF, NAN, 30], [1, 0.0, 2, NAN, 0.0]),
        ("norm_pdf", [INF, -INF, NAN], [0.0, 0.0, NAN]),
        ("norm_cdf", [0.0, INF, -INF, NAN], [0.5, 1, 0.0, NAN]),
        ("norm_logcdf", [INF, -INF, NAN], [-0.0, -INF, NAN]),
        ("gelu", [0.0, -0.0, INF, -INF, NAN], [0.0, -0.0, INF, -0.0, NAN]),
        ("erfinv", [0.0, -0.0, 1, -1, 1.5, NAN], [0.0, -0.0, INF, -INF, NAN, NAN]),
        ("gammaln", [0.0, -1, 1, 2, INF, -INF, NAN], [INF, INF, 0.0, 0.0, INF, INF, NAN]),
        (
            "gamma",
            [0.0, -0.0, -1, 5, 172, INF, -INF, NAN, -200.5],
            [INF, -INF, NAN, 24, INF, INF, NAN, NAN, -0.0],
        ),
        ("digamma", [0.0, -0.0, -1, INF, NAN], [-INF, INF, NAN, INF, NAN]),
        ("entr", [0.0, -0.0, 1, -1, INF, NAN], [0.0, 0.0, -0.0, -INF, -INF, NAN]),
        ("i0", [0.0, INF, -INF, NAN, 800], [1, INF, INF, NAN, INF]),
        ("i1", [0.0, -0.0, INF, -INF, NAN, -800], [0.0, -0.0, INF, -INF, NAN, -INF]),
        ("j0", [0.0, INF, -INF, NAN], [1, 0.0, 0.0, NAN]),
        ("j1", [0.0, -0.0, INF, -INF, NAN], [0.0, -0.0, 0.0, -0.0, NAN]),
    ],
)
def test_special_values(name, arguments, expected):
    got = value_of(NAMES[name], np.array(arguments, float))
    assert np.array_equal(got, np.array(expected, float), equal_nan=True)
    numbers = ~np.isnan(got)
    assert np.array_equal(np.signbit(got[numbers]), np.signbit(np.array(expected, float)[numbers]))


def test_polygamma_at_poles():
    assert gamma._polygamma(1, np.array([0.0, -1.0, -2.0])).tolist() == [INF] * 3
    assert gamma._polygamma(2, 0.0) == -INF
    assert np.isnan(gamma._polygamma(2, -1.0))
    assert gamma._polygamma(3, INF) == 0


def test_order_of_polygamma_is_checked():
    f = sg.trace(lambda x: sg.polygamma(0, x), x="...")
    assert f.ops() == sg.trace(lambda x: sg.digamma(x), x="...").ops()
    for order in (-1, 1.5, True):
        with pytest.raises(sg.TraceError, match="order is a whole number"):
            sg.trace(lambda x, order=order: sg.polygamma(order, x), x="...")


def test_r11_xlogy_at_zero():
    zero = np.zeros(1)
    x, y = inputs("x", "y")
    node = OPS["xlogy"](x, y)
    g = input_node("g", parse_shape("n"))
    at = {x: zero, y: zero, g: np.ones(1)}
    value = evaluate([node], at)[0]
    assert value[0] == 0
    with np.errstate(divide="ignore"):
        assert evaluate([node.op.rule(0)(g, node, x, y)], at)[0][0] == -INF
    assert evaluate([node.op.rule(1)(g, node, x, y)], at)[0][0] == 0
    assert xlogy._xlogy(0.0, np.array([0.0, -1, INF])).tolist() == [0, 0, 0]
    assert np.isnan(xlogy._xlogy(0.0, NAN)) and np.isnan(xlogy._xlogy(NAN, 1.0))
    assert xlogy._xlog1py(0.0, -1.0) == 0 and xlogy._xdivy(0.0, 0.0) == 0


# --- dtypes and shapes --------------------------------------------------------------------------------

UNARY = (
    "erf", "erfc", "norm_pdf", "norm_cdf", "norm_logcdf", "gelu", "erfinv",
    "gamma", "gammaln", "digamma", "entr", "i0", "i1", "j0", "j1",
)  # fmt: skip
BINARY = ("xlogy", "xlog1py", "beta", "betaln")


def inputs(*names: str) -> list[Node]:
    return [input_node(name, parse_shape("n")) for name in names]


def traced(name: str) -> sg.Function:
    """sg.name as a function of `x`, or of `x` and `y`, of any shape."""
    function = getattr(sg, name)
    if name in BINARY:
        return sg.trace(lambda x, y: function(x, y), x="...", y="...")
    return sg.trace(lambda x: function(x), x="...")


def value_of(builder: Callable[..., Node], *arrays: Any) -> Any:
    nodes = [input_node(f"x{i}", parse_shape("n")) for i in range(len(arrays))]
    return evaluate([builder(*nodes)], dict(zip(nodes, arrays)))[0]


@pytest.mark.parametrize("name", UNARY + BINARY)
def test_float32_and_shapes(name):
    count = 2 if name in BINARY else 1
    f = sg.compile(traced(name))
    points = np.linspace(0.1, 0.9, 6)
    full = f(*[points] * count)
    small = f(*[points.astype(np.float32)] * count)
    assert full.dtype == np.float64 and small.dtype == np.float32
    exact = f(*[points.astype(np.float32).astype(np.float64)] * count)
    if name != "beta":
        assert np.array_equal(small, exact.astype(np.float32))  # computed in float64 and rounded once
    assert f(*[np.zeros((0, 3))] * count).shape == (0, 3)
    assert np.ndim(f(*[0.5] * count)) == 0
    assert f(*[np.float32(0.5)] * count).dtype == np.float32
    spread = f(*[np.broadcast_to(points[::-2], (2, 3))] * count)
    assert np.array_equal(spread[1], f(*[points[::-2].copy()] * count))


def test_numbers_beside_float32_stay_float32():
    f = sg.compile(sg.trace(lambda x: sg.xlogy(2.5, x) * sg.erf(0.5), x="n"))
    assert f(np.ones(3, np.float32)).dtype == np.float32


def test_numpy_spelling_of_i0():
    assert FUNCTIONS[np.i0] is NAMES["i0"]


# --- derivatives --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNARY)
def test_derivatives(name):
    import sympy as sp

    symbol = sp.Symbol("x", real=True)
    node = OPS[name]
    meaning = node.sympy(sp, symbol)
    points = [0.15, 0.4, 0.75] if name == "erfinv" else [0.2, 0.75, 1.3, 2.9, 5.0]
    if name not in ("erfinv", "gamma", "gammaln", "digamma", "entr"):
        points += [-0.3, -1.7, -4.0]
    compare(traced(name), ("x",), meaning, (symbol,), [(p,) for p in points])


@pytest.mark.parametrize("name", ["xlogy", "xlog1py", "betaln"])
@pytest.mark.parametrize("wrt", ["x", "y"])
def test_partial_derivatives(name, wrt):
    import sympy as sp

    x, y = sp.symbols("x y", positive=True)
    meaning = OPS[name].sympy(sp, x, y)
    points = [(0.3, 0.7), (1.5, 0.2), (2.5, 3.5), (11.0, 14.0)]
    compare(traced(name), (wrt,), meaning, (x, y), points)


def compare(f: Any, wrt: tuple[str, ...], meaning: Any, symbols: Any, points: Any) -> None:
    """First and second derivatives against sympy's, in 40 digits."""
    import sympy as sp

    symbol = next(s for s in symbols if s.name == wrt[0])
    columns = [np.array(column) for column in zip(*points)]
    for _ in range(2):
        f = sg.grad(f, wrt=wrt[0])
        meaning = sp.diff(meaning, symbol)
        values = sg.compile(f)(*columns)
        numeric = sp.lambdify(symbols, meaning, "mpmath")
        with mp.workdps(40):
            exact = [mp.re(numeric(*map(mp.mpf, point))) for point in points]
        for value, true in zip(values, exact):
            assert abs(value - float(true)) <= 2e-13 * max(abs(float(true)), 1e-2), (f, value, true)


@pytest.mark.parametrize("name", ["erf", "erfc", "norm_cdf", "norm_pdf", "gelu"])
@pytest.mark.parametrize("x", [INF, -INF, 1e200, -1e200])
def test_derivatives_far_out_are_finite(name, x):
    slope = sg.compile(sg.grad(traced(name), wrt="x"))
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert slope(x) == (1 if name == "gelu" and x > 0 else 0)


def test_orders_are_followed():
    x = inputs("x")[0]
    assert polygamma_(x, n=2).op.rule(0)(x, polygamma_(x, n=2), x).args[1].n == 3
    assert norm_hazard(x, order=1).op.rule(0)(x, norm_hazard(x, order=1), x).args[1].order == 2
