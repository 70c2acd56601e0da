"""The traps of numerical differentiation, one test a trap, through the public interface.

Letters say what goes wrong: W masked branches, R roots and singular points, K kinks and ties, P powers,
E overflow and cancellation, T tensors, N types, memory and calls, G generated text. Where the answer is
finite, nothing may warn; underflow to 0 or to a subnormal number is no error.
"""

from __future__ import annotations

import inspect
import math
import os
import pickle
import py_compile
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg

ROOT = Path(__file__).parent.parent
INF, NAN, EPS = math.inf, math.nan, np.finfo(float).eps


def quiet(*expected):
    """Every floating-point error raises where the answers are finite; there is none to expect elsewhere."""
    finite = all(np.all(np.isfinite(e)) for e in expected if e is not None)
    return np.errstate(all="raise", under="ignore") if finite else np.errstate(all="ignore")


def traced(body, shape="...", **shapes):
    names = inspect.signature(body).parameters
    return sg.trace(body, shapes={name: shapes.get(name, shape) for name in names})


def check(body, point, value, gradient, shape="...", rtol=4 * EPS, **shapes):
    """Value and derivatives by every argument; None stands for what the row says nothing of.

    Elementwise functions are asked for a number, for a scalar argument and for an array.
    """
    gradient = gradient if isinstance(gradient, tuple) else (gradient,)
    variants = [(shape, point)]
    if shape == "..." and not shapes:
        variants += [("", point), ("...", tuple(np.full((2, 3), v) for v in point))]
    for declared, arguments in variants:
        f = sg.compile(sg.value_and_grad(traced(body, declared, **shapes)))
        with quiet(value, *gradient):
            found, slopes = f(*arguments)
        for got, wanted in ((found, value), *zip(slopes, gradient, strict=True)):
            if wanted is not None:
                wanted = (
                    np.broadcast_to(wanted, got.shape)
                    if declared != shape or point is not arguments
                    else wanted
                )
                np.testing.assert_allclose(got, wanted, rtol=rtol, atol=0)
                assert np.shape(got) == np.shape(wanted)


def second(body, point, expected, rtol=4 * EPS):
    """The second derivative of a function of one number."""
    (name,) = inspect.signature(body).parameters
    f = sg.grad(sg.grad(traced(body), wrt=name), wrt=name)
    with quiet(expected):
        for argument in (point, np.full(2, point)):
            np.testing.assert_allclose(f(argument), np.full(np.shape(argument), expected), rtol=rtol, atol=0)


def derivatives_of_a_branch(branch, taken, points):
    """Value, first and second derivative of `where(taken, branch, 0)` at points where it is not taken."""

    def body(x):
        return np.where(taken(x), branch(x), 0)

    for point in points:
        check(body, (point,), 0.0, 0.0)
        second(body, point, 0.0)


# --- W: masked branches -------------------------------------------------------------------------------


def test_W1_log_in_a_branch():
    derivatives_of_a_branch(np.log, lambda x: x > 0, (0.0, -1.0))


def test_W2_sqrt_in_a_branch():
    derivatives_of_a_branch(np.sqrt, lambda x: x > 0, (0.0, -3.0))


def test_W3_quotient_in_a_branch():
    derivatives_of_a_branch(lambda x: 1 / x, lambda x: x > 0, (0.0, -3.0))


def test_W4_overflow_in_a_branch():
    derivatives_of_a_branch(np.exp, lambda x: x < 500, (1000.0, 1e300))


def test_W5_mask_by_multiplication_is_what_is_written():
    check(lambda x: (x > 0) * np.log(x), (0.0,), NAN, NAN)


def test_W5_piecewise_of_sympy_becomes_a_choice():
    import sympy as sp

    x = sp.Symbol("x")
    f = sg.value_and_grad(sg.from_sympy(sp.Piecewise((sp.log(x), x > 0), (0, True))), wrt="x")
    with quiet(0):
        value, slope = f([0.0, -1.0, 2.0])
    assert value.tolist() == [0, 0, math.log(2)] and slope.tolist() == [0, 0, 0.5]


@pytest.mark.parametrize("point", [0.0, -3.0])
def test_W6_second_derivative_of_a_branch(point):
    second(lambda x: np.where(x > 0, np.sqrt(x), 0), point, 0.0)


@pytest.mark.parametrize("cotangent", [INF, -INF, NAN])
def test_W7_selection_drops_cotangents_that_are_not_finite(cotangent):
    f = sg.vjp(sg.trace(lambda x: np.where(x > 0, x, 0), x="n"), wrt="x")
    with np.errstate(all="ignore"):
        assert f([-1.0, 2.0], [cotangent, 1.0])[1].tolist() == [0.0, 1.0]


def test_W8_a_nan_stays_in_its_row():
    f = sg.vjp(sg.trace(lambda x: np.stack([x[0], np.log(x[1])]), x="2"), wrt="x")
    with np.errstate(all="ignore"):
        assert f([1.0, -2.0], [1.0, 0.0])[1].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("name", ["nansum", "nanmean", "nanstd"])
def test_W9_nan_entries_get_no_derivative(name):
    x = np.array([1.0, NAN, 4.0])
    expected = {"nansum": [1, 0, 1], "nanmean": [0.5, 0, 0.5], "nanstd": [-0.5, 0, 0.5]}[name]
    function = getattr(np, name)
    with np.errstate(all="raise"):
        value, slope = sg.value_and_grad(sg.trace(lambda x: function(x), x="n"), wrt="x")(x)
    assert value == pytest.approx(function(x), rel=1e-15)
    np.testing.assert_allclose(slope, expected, rtol=1e-15, atol=0)


@pytest.mark.filterwarnings("error")
def test_W10_dead_branches_do_not_warn():
    x = np.array([-1.0, 0.0, 1000.0])
    f = sg.trace(lambda x: np.where(x > 1, np.log(x), np.where(x > 0, np.sqrt(x), 1 / (x - 3))), x="...")
    g = sg.grad(f, wrt="x")
    with np.errstate(all="raise"):
        np.testing.assert_allclose(f(x), [-1 / 4, -1 / 3, np.log(1000)], rtol=1e-15)
        np.testing.assert_allclose(g(x), [-1 / 16, -1 / 9, 1e-3], rtol=1e-15)


# --- R: roots, norms, singular points -----------------------------------------------------------------


def test_R1_sqrt_at_0():
    check(lambda x: np.sqrt(x), (0.0,), 0.0, INF)


def test_R2_root_of_a_square_at_0():
    """|x| is what `sqrt(x * x)` is, and its derivative there is 0 by convention."""
    check(lambda x: np.sqrt(x * x), (0.0,), 0.0, 0.0)
    check(lambda x: np.sqrt(x**2), (-3.0,), 3.0, -1.0)


def test_R3_dead_factor():
    """Folded or not, the answer does not depend on what else shares the root."""

    def alone(x):
        return 0 * np.sqrt(x)

    def shared(x):
        root = np.sqrt(x)
        return 0 * root + 0 * (root + 1)

    with np.errstate(all="ignore"):
        answers = {repr(float(sg.grad(traced(body, ""), wrt="x")(0.0))) for body in (alone, shared)}
    assert len(answers) == 1 and answers < {"0.0", "nan"}


def test_R4_norm_at_0():
    check(lambda v: np.linalg.norm(v), ([0.0, 0.0],), 0.0, [0.0, 0.0], "n")
    check(lambda v: np.linalg.norm(v), ([3.0, -4.0],), 5.0, [0.6, -0.8], "n")


def test_R5_squared_norm_at_0():
    check(lambda v: np.linalg.norm(v) ** 2, ([0.0, 0.0],), 0.0, [0.0, 0.0], "n")
    check(lambda v: np.linalg.norm(v) ** 2, ([3.0, -4.0],), 25.0, [6.0, -8.0], "n")


def test_R6_hypot():
    check(lambda x, y: np.hypot(x, y), (0.0, 0.0), 0.0, (0.0, 0.0))
    root = math.sqrt(0.5)
    check(lambda x, y: np.hypot(x, y), (1e200, 1e200), math.sqrt(2) * 1e200, (root, root))
    check(lambda x, y: np.hypot(x, y), (3e-200, 4e-200), 5e-200, (0.6, 0.8))


def test_R6_second_derivative_of_hypot():
    """By convention the smallest one, 0, as for the norm."""
    second(lambda x: np.hypot(x, x), 0.0, 0.0)
    second(lambda x: np.hypot(x, 4.0), 3.0, 16 / 125)


def test_R7_arctan2_at_0():
    check(lambda y, x: np.arctan2(y, x), (0.0, 0.0), 0.0, (0.0, 0.0))
    check(lambda y, x: np.arctan2(y, x), (0.0, -1.0), math.pi, (-1.0, 0.0))


def test_R8_sinc_at_0():
    check(lambda x: np.sinc(x), (0.0,), 1.0, 0.0)
    second(lambda x: np.sinc(x), 0.0, -(math.pi**2) / 3)
    f = traced(lambda x: np.sinc(x), "")
    for expected in (0.0, -(math.pi**2) / 3, 0.0, math.pi**4 / 5):
        f = sg.grad(f, wrt="x")
        with quiet(expected):
            assert f(0.0) == pytest.approx(expected, rel=1e-15, abs=0)


def test_R9_sinc_near_0():
    check(lambda x: np.sinc(x), (1e-8,), 1.0, -(math.pi**2) / 3 * 1e-8)


def test_R10_quotient_with_a_removable_singularity():
    """d (e^x - 1)/x = 1/2 + x/3 + ...; the quotient rule subtracts two numbers of size 1e10."""
    check(lambda x: np.expm1(x) / x, (1e-10,), 1 + 0.5e-10, 0.5 + 1e-10 / 3)


def test_R11_x_log_x_at_0():
    check(lambda x: x * np.log(x), (0.0,), NAN, -INF)
    check(lambda x, y: sg.xlogy(x, y), (0.0, 0.0), 0.0, (-INF, 0.0))
    check(lambda x: sg.xlogy(x, x), (0.5,), 0.5 * math.log(0.5), math.log(0.5) + 1)


def test_R12_inverse_sine_and_cosine_at_their_ends():
    check(lambda x: np.arcsin(x), (1.0,), math.pi / 2, INF)
    check(lambda x: np.arccos(x), (-1.0,), math.pi, -INF)


def test_R13_cube_roots():
    check(lambda x: np.cbrt(x), (0.0,), 0.0, INF)
    check(lambda x: np.cbrt(x), (-8.0,), -2.0, 1 / 12)
    check(lambda x: x ** (1 / 3), (-8.0,), NAN, NAN)


def test_R14_guarded_normalisation_is_left_as_written():
    f = sg.vjp(sg.trace(lambda v: v / np.maximum(np.linalg.norm(v), 1e-12), v="n"), wrt="v")
    with quiet(0):
        value, slope = f([0.0, 0.0], [1.0, 0.0])
    assert value.tolist() == [0, 0]
    np.testing.assert_allclose(slope, [1e12, 0], rtol=1e-15)


def test_R15_std_of_a_constant_vector():
    check(lambda x: np.std(x), ([2.0, 2.0, 2.0],), 0.0, [0.0, 0.0, 0.0], "n")


@pytest.mark.parametrize("function", [np.var, np.std])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_R16_too_many_degrees_of_freedom(function):
    f = sg.value_and_grad(sg.trace(lambda x: function(x, ddof=1), x="n"), wrt="x")
    value, slope = f([3.0])
    assert np.isnan(value) and np.isnan(slope).all()


def test_R17_determinant_of_a_singular_matrix():
    check(lambda a: np.linalg.det(a), ([[1.0, 2.0], [2.0, 4.0]],), 0.0, [[4.0, -2.0], [-2.0, 1.0]], "n n")


def test_R18_determinant_of_rank_2():
    f = sg.value_and_grad(sg.trace(lambda a: np.linalg.det(a), a="n n"), wrt="a")
    with quiet(0):
        value, slope = f(np.arange(1.0, 10.0).reshape(3, 3))
    assert abs(value) < 1e-14
    np.testing.assert_allclose(slope, [[-3, 6, -3], [6, -12, 6], [-3, 6, -3]], rtol=1e-13)


def test_R19_log_determinant_of_a_negative_one():
    a = np.array([[1.0, 2.0], [3.0, 1.0]])
    f = sg.value_and_grad(sg.trace(lambda a: np.linalg.slogdet(a)[1], a="n n"), wrt="a")
    with quiet(0):
        value, slope = f(a)
    assert value == pytest.approx(math.log(5), rel=1e-15)
    np.testing.assert_allclose(slope, np.linalg.inv(a).T, rtol=1e-14)
    with np.errstate(invalid="ignore"):
        assert np.isnan(sg.trace(lambda a: np.log(np.linalg.det(a)), a="n n")(a))


def test_R20_sum_of_eigenvalues():
    f = sg.grad(sg.trace(lambda a: np.sum(np.linalg.eigh(a)[0]), a="n n"), wrt="a")
    with quiet(0):
        np.testing.assert_allclose(f(np.eye(3)), np.eye(3), rtol=1e-15, atol=1e-15)


def test_R21_cholesky_reads_the_lower_triangle():
    """As numpy's factorisation does: the derivative by an entry that is not read is 0."""
    a = np.array([[4.0, 2.0], [2.0, 5.0]])
    f = sg.value_and_grad(sg.trace(lambda a: np.sum(np.linalg.cholesky(a)), a="n n"), wrt="a")
    with quiet(0):
        value, slope = f(a)
    assert value == 5.0
    step = 1e-6
    expected = np.zeros((2, 2))
    for i, j in np.ndindex(2, 2):
        d = np.zeros((2, 2))
        d[i, j] = step
        expected[i, j] = (np.linalg.cholesky(a + d).sum() - np.linalg.cholesky(a - d).sum()) / (2 * step)
    assert expected[0, 1] == 0.0
    symmetric = (slope + slope.T) / 2
    np.testing.assert_allclose(symmetric, (expected + expected.T) / 2, rtol=1e-8)


# --- K: kinks and ties --------------------------------------------------------------------------------


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_K1_abs_at_0(zero):
    check(lambda x: np.abs(x), (zero,), 0.0, 0.0)
    check(lambda x: abs(x), (zero,), 0.0, 0.0)


def test_K2_maximum_at_a_tie():
    check(lambda x, y: np.maximum(x, y), (2.0, 2.0), 2.0, (0.5, 0.5))
    check(lambda x, y: np.minimum(x, y), (2.0, 2.0), 2.0, (0.5, 0.5))


def test_K3_maximum_of_an_array_with_ties():
    check(lambda x: np.max(x), ([2.0, 2.0, 1.0],), 2.0, [0.5, 0.5, 0.0], "n")
    check(lambda x: np.min(x), ([1.0, 1.0, 1.0],), 1.0, [1 / 3] * 3, "n")


def test_K4_three_spellings_of_relu():
    check(lambda x: np.maximum(x, 0), (0.0,), 0.0, 0.5)
    check(lambda x: np.where(x > 0, x, 0), (0.0,), 0.0, 0.0)
    check(lambda x: sg.relu(x), (0.0,), 0.0, 0.0)


def test_K5_the_identity_as_two_kinks():
    check(lambda x: np.maximum(x, 0) - np.maximum(-x, 0), (0.0,), 0.0, 1.0)
    check(lambda x: sg.relu(x) - sg.relu(-x), (0.0,), 0.0, 0.0)


@pytest.mark.parametrize("bound", [0.0, 1.0])
def test_K6_clip_at_its_bounds(bound):
    check(lambda x: np.clip(x, 0, 1), (bound,), bound, 0.5)


def test_K7_second_derivative_through_abs():
    """|-x^2| is x^2, with second derivative 2; the rule sign(-x^2) * (-2) gives 0 where the sign is 0."""
    f = sg.grad(sg.grad(traced(lambda x: abs(-x * x), ""), wrt="x"), wrt="x")
    with quiet(0):
        assert f(0.0) == 2.0
        assert f(1.5) == 2.0


def test_K8_asinh_at_0():
    check(lambda x: np.arcsinh(x), (0.0,), 0.0, 1.0)
    second(lambda x: np.arcsinh(x), 0.0, 0.0)


@pytest.mark.parametrize("function", [np.floor, np.ceil, np.round, np.rint, np.trunc, np.sign, np.fix])
@pytest.mark.parametrize("point", [2.5, 2.0, 0.0, -0.5])
def test_K9_steps_have_derivative_0(function, point):
    check(lambda x: function(x), (point,), float(function(point)), 0.0)


@pytest.mark.parametrize("x, slope", [(7.0, -2.0), (-7.0, 3.0)])
def test_K10_mod_is_by_floor(x, slope):
    check(lambda x, y: x % y, (x, 3.0), x % 3.0, (1.0, slope))
    check(lambda x, y: np.mod(x, y), (x, 3.0), x % 3.0, (1.0, slope))


def test_K11_sort_gives_each_place_one_entry_in_order():
    check(lambda x: np.sort(x)[1], ([2.0, 2.0, 1.0],), 2.0, [1.0, 0.0, 0.0], "3")
    check(lambda x: np.sort(x)[2], ([2.0, 2.0, 1.0],), 2.0, [0.0, 1.0, 0.0], "3")
    assert sg.trace(lambda x: np.argmax(x), x="n")([1.0, 2.0, 2.0]) == 1
    assert sg.trace(lambda x: np.argsort(x), x="n")([2.0] * 20).tolist() == list(range(20))


def test_K11_median_is_a_sorted_entry():
    check(lambda x: np.median(x), ([5.0, 1.0, 3.0],), 3.0, [0.0, 0.0, 1.0], "3")


def test_K12_maximum_of_infinities_and_nan():
    f = sg.value_and_grad(sg.trace(lambda x: np.max(x), x="n"), wrt="x")
    with np.errstate(all="raise"):
        value, slope = f([INF, INF])
    assert value == INF and slope.tolist() == [0.5, 0.5]
    value, slope = f([1.0, NAN, 3.0])
    assert np.isnan(value) and np.isnan(slope[1])


def test_K13_fmax_with_nan():
    with np.errstate(all="raise"):
        value, slope = sg.value_and_grad(traced(lambda x, y: np.fmax(x, y), ""))(1.0, NAN)
    assert value == 1.0 and tuple(slope) == (1.0, 0.0)


def test_K14_maximum_of_nothing():
    with pytest.raises(ValueError):
        sg.trace(lambda x: np.max(x), x="n")([])
    f = sg.vjp(sg.trace(lambda x: np.max(x, axis=0), x="n d"), wrt="x")
    value, slope = f(np.ones((3, 0)), [])
    assert value.shape == (0,) and slope.shape == (3, 0)


def test_K15_pooling_splits_ties_and_adds_windows():
    x = np.array([[[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 5.0]]]])
    f = sg.value_and_grad(sg.trace(lambda x: np.sum(sg.max_pool2d(x, 2, stride=1)), x="n c h w"), wrt="x")
    with quiet(0):
        value, slope = f(x)
    assert value == 1 + 1 + 1 + 5
    quarter, half = 0.25, 0.5
    assert slope[0, 0].tolist() == [
        [quarter, quarter + half, 0],
        [quarter + half, quarter + half + half, 0],
        [0, 0, 1],
    ]


def test_K16_symbols_of_sympy_are_real():
    import sympy as sp

    x, y = sp.symbols("x y")
    f = sg.value_and_grad(sg.from_sympy(abs(x) + sp.Max(x, y)))
    with quiet(0):
        value, slope = f(-2.0, -3.0)
    assert value == 0.0 and tuple(slope) == (0.0, 0.0)
    assert tuple(f(0.0, 0.0)[1]) == (0.5, 0.5)


# --- P: powers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y, value, slope", [(0.0, 1, 0), (1.0, 0, 1), (2.0, 0, 0), (0.5, 0, INF), (-1.0, INF, -INF)]
)
def test_P1_power_of_0_by_its_base(y, value, slope):
    check(lambda x, y: x**y, (0.0, y), value, (slope, None))


@pytest.mark.parametrize("y", [0.0, 0.5, 1.0, 3.0])
def test_P2_power_of_0_by_its_exponent(y):
    f = sg.compile(sg.grad(traced(lambda x, y: x**y), wrt="y"))
    with quiet(0):
        assert f(0.0, y) == 0.0 and f([0.0], y).tolist() == [0.0]


def test_P3_power_of_a_negative_base():
    check(lambda x, y: x**y, (-2.0, 3.0), -8.0, (12.0, NAN))
    check(lambda x: x**3, (-2.0,), -8.0, 12.0)
    check(lambda x: x**3.0, (-2.0,), -8.0, 12.0)
    assert "log" not in sg.grad(traced(lambda x: x**3)).ops()


@pytest.mark.parametrize("exponent", [0, 0.0])
def test_P4_constant_exponent_0(exponent):
    check(lambda x: x**exponent, (0.0,), 1.0, 0.0)


def test_P5_fractional_exponents_at_0():
    check(lambda x: x**1.875, (0.0,), 0.0, 0.0)
    with np.errstate(all="ignore"):
        slope = sg.grad(traced(lambda x: x * x**0.5), wrt="x")(0.0)
    assert slope == 0.0 or np.isnan(slope)


@pytest.mark.parametrize("y, expected", [(0.0, 0.0), (1.0, 0.0), (2.0, 2.0), (3.0, 0.0), (4.0, 0.0)])
def test_P6_second_derivative_of_a_power_at_0(y, expected):
    f = sg.grad(sg.grad(traced(lambda x, y: x**y), wrt="x"), wrt="x")
    with quiet(0):
        assert f(0.0, y) == expected
    second(lambda x: x ** int(y), 0.0, expected)


@pytest.mark.parametrize("exponent", [3, 0.5, -1, 2, -0.5])
def test_P7_special_exponents_are_within_an_ulp_or_two(exponent):
    x = np.random.default_rng(0).uniform(0.1, 10, 2000)
    found = traced(lambda x: x**exponent)(x)
    assert np.max(np.abs(found / np.float_power(x.astype(np.longdouble), exponent) - 1)) < 2.5 * EPS
    if exponent == 0.5:
        assert np.signbit(traced(lambda x: np.sqrt(x))(-0.0))


@pytest.mark.parametrize("exponent", [-1, -2])
def test_P8_integers_to_negative_powers(exponent):
    k = np.array([1, 2, -4])
    f = sg.trace(lambda k: k**exponent, k=sg.array("n", "int64"))
    np.testing.assert_allclose(f(k), k.astype(float) ** exponent, rtol=EPS)
    np.testing.assert_allclose(traced(lambda x: x**exponent)(k), k.astype(float) ** exponent, rtol=EPS)


def test_P9_integer_powers_do_not_wrap():
    assert traced(lambda x: x**40)(np.array([10]))[0] == 1e40
    assert sg.trace(lambda k: k**40, k=sg.array("", "int64"))(10) == 1e40
    assert sg.trace(lambda x: x * 10**40, x="")(1) == 1e40


@pytest.mark.parametrize(
    "body, point, value",
    [
        (lambda x: 1 / x, 0.0, INF),
        (lambda x: x**-1, 0.0, INF),
        (lambda x: np.exp(x), 1000.0, INF),
        (lambda x: x**400, 10.0, INF),
        (lambda x: x**-400, 0, INF),
    ],
)
def test_P10_python_numbers_behave_as_numpy_ones(body, point, value):
    with np.errstate(all="ignore"):
        for shape in ("", "..."):
            assert traced(body, shape)(point) == value


# --- E: overflow and cancellation ---------------------------------------------------------------------


@pytest.mark.parametrize("x", [1000.0, -1000.0])
def test_E1_log_of_a_sum_of_exponentials(x):
    check(lambda x: np.log(np.sum(np.exp(x))), ([x, x],), x + math.log(2), [0.5, 0.5], "n")


def test_E2_logsumexp_of_minus_infinity():
    f = sg.value_and_grad(sg.trace(lambda x: sg.logsumexp(x), x="n"), wrt="x")
    with np.errstate(all="ignore"):
        value, slope = f([-INF, -INF])
    assert value == -INF and slope.tolist() == [0.0, 0.0]
    value, slope = f([-INF, 1.0])
    assert value == 1.0 and slope.tolist() == [0.0, 1.0]


def test_E3_softplus_by_hand():
    check(lambda x: np.log1p(np.exp(x)), (1000.0,), 1000.0, 1.0)
    check(lambda x: np.log(1 + np.exp(x)), (1000.0,), 1000.0, 1.0)


@pytest.mark.parametrize("x, value", [(-1000.0, 0.0), (1000.0, 1.0)])
def test_E4_sigmoid_by_hand(x, value):
    check(lambda x: 1 / (1 + np.exp(-x)), (x,), value, 0.0)
    check(lambda x: sg.sigmoid(x), (x,), value, 0.0)


@pytest.mark.parametrize("x", [190.0, 1000.0, -1000.0])
def test_E5_tanh(x):
    check(lambda x: np.tanh(x), (x,), math.copysign(1, x), None)
    f = sg.grad(traced(lambda x: np.tanh(x)), wrt="x")
    with quiet(0):
        assert 0 <= f(x) < 1e-160


@pytest.mark.parametrize("x", [1000.0, -1000.0])
def test_E5_tanh_by_hand(x):
    check(lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), (x,), math.copysign(1, x), 0.0)


def test_E6_log_of_softmax():
    check(lambda x: np.log(sg.softmax(x))[0], ([-1000.0, 0.0],), -1000.0, [1.0, -1.0], "2")
    check(lambda x: sg.log_softmax(x)[0], ([-1000.0, 0.0],), -1000.0, [1.0, -1.0], "2")


def test_E7_differences_near_0():
    check(lambda x: np.exp(x) - 1, (1e-12,), 1e-12 + 0.5e-24, math.exp(1e-12))
    check(lambda x: np.log(1 + x), (1e-12,), 1e-12 - 0.5e-24, 1 / (1 + 1e-12))
    check(lambda x: 1 - np.cos(x), (1e-9,), 0.5e-18, 1e-9)


@pytest.mark.parametrize(
    "constant, value",
    [(lambda: np.float64(1e200) ** 2, INF), (lambda: 1e200 * 1e200, INF), (lambda: -INF, -INF)],
)
def test_E8_constants_that_are_not_finite(constant, value):
    with np.errstate(all="ignore"):
        assert traced(lambda x: x + constant())(1.0) == value


def test_E8_folding_never_raises():
    def body(x):
        big = 1e200 + 0 * x
        return big**2 + 1 / (0 * x) + x * (x / x - x / x + 10.0) ** 400

    with np.errstate(all="ignore"):
        assert traced(body, "")(1.0) == INF


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x - x,
        lambda x: 0 * x,
        lambda x: x / x,
        lambda x: np.sqrt(x**2),
        lambda x: np.exp(np.log(x)),
        lambda x: np.log(x**2),
        lambda x: (x**2) ** 0.5,
        lambda x: (x**2) ** 1.5,
        lambda x: x * x / x,
    ],
)
def test_E9_simplification_keeps_infinities_nan_and_signs(body):
    x = np.array([INF, -INF, NAN, -2.0, 0.0, 3.0])
    with np.errstate(all="ignore"):
        expected = body(x)
        np.testing.assert_allclose(traced(body)(x), expected, rtol=1e-15)
        np.testing.assert_allclose(sg.simplify(traced(body))(x), expected, rtol=1e-15)


def test_E10_subnormal_numbers_are_not_flushed():
    tiny = 5e-324
    with np.errstate(all="ignore"):
        assert traced(lambda x: x / 2)(tiny) == 0.0
        assert traced(lambda x: 1 / x)(tiny) == INF
        assert traced(lambda x: np.sqrt(x))(tiny) == math.sqrt(tiny)
        assert traced(lambda x: x * 5e-324)(1.0) == tiny


def test_E11_long_float32_sums():
    """Sums keep the float type: exact where numpy adds in pairs, along memory, in plain order elsewhere."""
    total = sg.trace(lambda x: np.sum(x, axis=0), x="n d")
    ones = np.ones((1, 2**24 + 10), np.float32).T
    assert total(ones).dtype == np.float32 and total(ones).tolist() == [2**24 + 10]
    strided = np.ones((2**24 + 10, 2), np.float32)[:, :1]
    assert total(strided).dtype == np.float32 and total(strided).tolist() == [2**24 + 10]
    rows = np.ones((1000, 3), np.float32) / 3
    bound = 1000 * np.finfo(np.float32).eps / 2  # a rounding an addition
    np.testing.assert_allclose(total(rows), np.full(3, 1000 / 3, np.float32), rtol=bound, strict=True)


def test_E12_sharing_changes_rounding_only():
    def body(x):
        return sum(((x + i) * (x + i) - x * x) * np.sin(x + i) for i in range(20))

    x = np.linspace(-3, 3, 50)
    scale = sum(np.abs(((x + i) ** 2 + x * x) * np.sin(x + i)) for i in range(20))
    assert np.max(np.abs(traced(body)(x) - body(x)) / scale) < 1e-14


# --- T: tensors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x, value, slope", [([2.0, 0.0, 3.0], 0, [0, 6, 0]), ([0.0, 0.0, 3.0], 0, [0, 0, 0]), ([], 1, [])]
)
def test_T1_product_with_zeros(x, value, slope):
    check(lambda x: np.prod(x), (x,), value, slope, "n")


def test_T2_cumulative_product_with_zeros():
    check(lambda x: np.sum(np.cumprod(x)), ([2.0, 0.0, 3.0, 0.0, 4.0],), 2.0, [1, 8, 0, 0, 0], "n")


def test_T3_cumulative_sum():
    check(lambda x: np.sum(np.cumsum(x)), ([1.0, 2.0, 3.0],), 10.0, [3, 2, 1], "n")
    a = np.ones((2, 2))
    check(lambda a: np.sum(np.cumsum(a)), (a,), 10.0, [[4, 3], [2, 1]], "n d")
    check(lambda a: np.sum(np.cumsum(a, axis=-1)), (a,), 6.0, [[2, 1], [2, 1]], "n d")
    check(lambda a: np.sum(np.cumsum(a, axis=-2)), (a,), 6.0, [[2, 2], [1, 1]], "n d")


def test_T4_gathering_one_element_twice():
    check(lambda x: np.sum(x[[0, 0, 1]]), ([1.0, 2.0, 3.0],), 4.0, [2, 1, 0], "3")
    check(lambda x: np.sum(x[np.array([0, 0, 1])]), ([1.0, 2.0, 3.0],), 4.0, [2, 1, 0], "n")


def test_T5_one_element_in_two_spellings():
    check(lambda x: np.sum(x[[0, -3, 2]]), ([1.0, 2.0, 3.0],), 5.0, [2, 0, 1], "3")


def test_T6_index_out_of_range():
    f = sg.trace(lambda x, k: np.sum(x[k]), x="n", k=sg.array("m", "int64"))
    with pytest.raises(IndexError):
        f([1.0, 2.0], [2])
    with pytest.raises(IndexError):
        sg.grad(f, wrt="x")([1.0, 2.0], [-3])


KEYS = {
    "step": np.s_[::2],
    "negative step": np.s_[::-1],
    "backwards by two": np.s_[3:0:-2],
    "newaxis": np.s_[:, None],
    "ellipsis": np.s_[..., 0],
    "negative": np.s_[-1],
    "two slices": np.s_[1:, :-1],
    "mixed": np.s_[1:3, None, 0],
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_T7_slices_scatter_into_the_input(key, dtype):
    x = np.arange(20, dtype=dtype).reshape(5, 4)
    value, slope = sg.value_and_grad(sg.trace(lambda x: np.sum(x[key] * x[key]), x="5 4"), wrt="x")(x)
    expected = np.zeros_like(x)
    expected[key] = 2 * x[key]
    assert slope.dtype == dtype and value == np.sum(x[key] ** 2)
    np.testing.assert_array_equal(slope, expected, strict=True)


def test_T7_boolean_masks():
    """A mask is a choice: the shape of `x[x > 0]` is known only at run time."""
    x = np.array([1.0, -2.0, 3.0])
    check(lambda x: np.sum(np.where(x > 0, x * x, 0)), (x,), 10.0, [2, 0, 6], "n")
    with pytest.raises(sg.SymgradError, match="where"):
        sg.trace(lambda x: np.sum(x[x > 0]), x="n")


@pytest.mark.parametrize("left, right", [((1,), (3,)), ((), (2, 3)), ((2, 1), (1, 3)), ((0,), (1,))])
def test_T8_broadcasting_is_summed_back(left, right):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=left), rng.normal(size=right)
    shapes = {"x": " ".join(map(str, left)), "y": " ".join(map(str, right))}
    f = sg.value_and_grad(sg.trace(lambda x, y: np.sum(x * y), shapes=shapes))
    with quiet(0):
        value, slope = f(x, y)
    shape = np.broadcast_shapes(left, right)
    full = np.broadcast_to(x, shape), np.broadcast_to(y, shape)
    assert value == pytest.approx(np.sum(x * y), rel=1e-14, abs=0)
    for got, other, own in ((slope.x, full[1], left), (slope.y, full[0], right)):
        padded = (1,) * (len(shape) - len(own)) + own
        axes = tuple(i for i, n in enumerate(padded) if n == 1 and shape[i] != 1)
        np.testing.assert_allclose(got, other.sum(axes).reshape(own), rtol=1e-14)
        assert got.shape == own


def test_T9_einsum_stretches_size_1():
    a, b = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])
    f = sg.value_and_grad(sg.trace(lambda a, b: np.sum(np.einsum("ij,ij->ij", a, b)), a="1 3", b="2 3"))
    value, slope = f(a, b)
    assert value == np.sum(a * b)
    assert slope.a.tolist() == [[3, 5, 7]] and slope.b.tolist() == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize(
    "subscripts, shape, slope",
    [
        ("ii", "n n", [[1, 0], [0, 1]]),
        ("ii->i", "n n", [[1, 0], [0, 1]]),
        ("iij->ij", "n n 1", [[[1], [0]], [[0], [1]]]),
    ],
)
def test_T10_repeated_labels(subscripts, shape, slope):
    x = np.arange(4.0).reshape(np.shape(slope))
    f = sg.value_and_grad(sg.trace(lambda x: np.sum(np.einsum(subscripts, x)), x=shape), wrt="x")
    with quiet(0):
        value, found = f(x)
    assert value == 3.0 and found.tolist() == slope


def test_T11_label_summed_in_one_operand():
    a, b = np.ones((2, 2)), np.array([1.0, 2.0])
    f = sg.value_and_grad(sg.trace(lambda a, b: np.sum(np.einsum("ij,k->k", a, b)), a="n n", b="n"))
    value, slope = f(a * 2.5, b)
    assert value == 30.0
    assert slope.a.tolist() == [[3, 3], [3, 3]] and slope.b.tolist() == [10, 10]


@pytest.mark.parametrize(
    "left, right",
    [
        ((3,), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3, 4)),
        ((1, 2, 3), (4, 3, 2)),
    ],
)
def test_T12_matmul_of_every_rank(left, right):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=left), rng.normal(size=right)
    ct = rng.normal(size=(a @ b).shape)
    shapes = {"a": " ".join(map(str, left)), "b": " ".join(map(str, right))}
    with quiet(0):
        value, slope = sg.vjp(sg.trace(lambda a, b: a @ b, shapes=shapes))(a, b, ct)
    np.testing.assert_allclose(value, a @ b, rtol=1e-13)
    for got, x, other in ((slope.a, a, lambda d: d @ b), (slope.b, b, lambda d: a @ d)):
        expected = np.zeros(x.shape)
        for index in np.ndindex(*x.shape):
            unit = np.zeros(x.shape)
            unit[index] = 1
            expected[index] = np.sum(ct * other(unit))
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
        assert got.shape == x.shape


def test_T13_matmul_over_nothing():
    f = sg.vjp(sg.trace(lambda a, b: a @ b, a="n k", b="k m"))
    value, slope = f(np.ones((2, 0)), np.ones((0, 3)), np.ones((2, 3)))
    assert value.tolist() == np.zeros((2, 3)).tolist()
    assert slope.a.shape == (2, 0) and slope.b.shape == (0, 3)


@pytest.mark.parametrize("name, value", [("sum", 0.0), ("prod", 1.0), ("mean", NAN), ("norm", 0.0)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_T13_reductions_of_nothing(name, value):
    function = np.linalg.norm if name == "norm" else getattr(np, name)
    found, slope = sg.value_and_grad(sg.trace(lambda x: function(x), x="n"), wrt="x")([])
    np.testing.assert_equal(found, value)
    assert slope.shape == (0,)


def test_T14_transposition_by_a_cycle():
    x, w = np.arange(24.0).reshape(2, 3, 4), np.arange(24.0).reshape(3, 4, 2) ** 2
    f = sg.vjp(sg.trace(lambda x: np.transpose(x, (1, 2, 0)), x="a b c"), wrt="x")
    value, slope = f(x, w)
    assert value.tolist() == x.transpose(1, 2, 0).tolist()
    assert slope.tolist() == w.transpose(2, 0, 1).tolist()


MOVES = {
    "concatenate": lambda x: np.concatenate([x, x[:1], x * 2], axis=0),
    "stack": lambda x: np.stack([x, 3 * x], axis=-1),
    "split": lambda x: np.split(x, [1], axis=0)[1],
    "roll": lambda x: np.roll(x, 2, axis=1),
    "roll flat": lambda x: np.roll(x, -1),
    "flip": lambda x: np.flip(x, 1),
    "pad": lambda x: np.pad(x, ((1, 0), (0, 2))),
    "repeat": lambda x: np.repeat(x, 3, axis=1),
    "tile": lambda x: np.tile(x, (2, 1, 2)),
    "kron": lambda x: np.kron(x, np.array([[1.0, -2.0]])),
    "diff": lambda x: np.diff(x, axis=0),
    "diff twice": lambda x: np.diff(x, n=2, axis=1),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_T15_moves_by_brute_force(move):
    """Linear maps: the pullback of ct has the entries <ct, move(e_i)>."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 4))
    ct = rng.normal(size=move(x).shape)
    with quiet(0):
        value, slope = sg.vjp(sg.trace(lambda x: move(x), x="3 4"), wrt="x")(x, ct)
    np.testing.assert_allclose(value, move(x), rtol=1e-15)
    expected = np.zeros((3, 4))
    for index in np.ndindex(3, 4):
        unit = np.zeros((3, 4))
        unit[index] = 1.0
        expected[index] = np.sum(ct * move(unit))
    np.testing.assert_allclose(slope, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("function", [np.sum, np.mean, np.max, np.prod, np.std])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, 1), (0, 1, 2)])
def test_T16_axes_of_reductions(function, axis, keepdims):
    x = np.random.default_rng(3).uniform(0.5, 2, size=(2, 3, 4))

    def body(x):
        return function(x, axis=axis, keepdims=keepdims)

    ct = np.cos(np.arange(body(x).size, dtype=float)).reshape(body(x).shape)
    with quiet(0):
        value, slope = sg.vjp(sg.trace(body, x="a b c"), wrt="x")(x, ct)
    np.testing.assert_allclose(value, body(x), rtol=1e-14)
    step = 1e-6
    for index in np.ndindex(2, 3, 4):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        assert slope[index] == pytest.approx(
            np.sum(ct * (body(up) - body(down))) / (2 * step), rel=1e-6, abs=1e-8
        )


def test_T16_repeated_axes_are_refused():
    with pytest.raises(sg.SymgradError):
        sg.trace(lambda x: np.sum(x, axis=(0, 0)), x="n d")


def test_T17_constant_gradients_have_the_shape_of_the_argument():
    assert sg.grad(traced(lambda x: 3 * x), wrt="x")(np.ones(4)).tolist() == [3.0] * 4
    assert sg.grad(sg.trace(lambda x: np.sum(3 * x), x="n"), wrt="x")(np.ones(4)).tolist() == [3.0] * 4
    f = sg.trace(lambda x, y: np.sum(x), x="n", y="m 2")
    assert sg.grad(f, wrt="y")([1.0], np.ones((3, 2))).tolist() == np.zeros((3, 2)).tolist()
    assert sg.grad(traced(lambda x: 2.5 + 0 * x), wrt="x")(np.ones((2, 1))).tolist() == [[0.0], [0.0]]


def test_T18_solve_with_a_stack_of_matrices():
    a = np.array([[[2.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [3.0, 2.0]]])
    b = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(
        sg.trace(lambda a, b: np.linalg.solve(a[0], b[0]), a="2 2 2", b="2 2")(a, b),
        np.linalg.solve(a[0], b[0]),
    )
    batched = sg.trace(lambda a, b: np.linalg.solve(a, b), a="... n n", b="... n")
    np.testing.assert_allclose(batched(a, b), np.linalg.solve(a, b[..., None])[..., 0], rtol=1e-14)
    f = sg.value_and_grad(sg.trace(lambda a, b: np.sum(np.linalg.solve(a, b)), a="n n", b="n"))
    with quiet(0):
        value, slope = f(a[0], b[0])
    x, w = np.linalg.solve(a[0], b[0]), np.linalg.solve(a[0].T, np.ones(2))
    assert value == pytest.approx(x.sum(), rel=1e-14)
    np.testing.assert_allclose(slope.b, w, rtol=1e-14)
    np.testing.assert_allclose(slope.a, -np.outer(w, x), rtol=1e-14)


def test_T19_conditions_larger_than_their_branches():
    c = np.array([[1.0, -1.0], [1.0, 1.0]])
    f = sg.value_and_grad(
        sg.trace(lambda c, a, b: np.sum(np.where(c > 0, a, b)), c="n d", a="d", b="n 1"), wrt=("a", "b")
    )
    value, slope = f(c, [10.0, 20.0], [[3.0], [4.0]])
    assert value == 10 + 3 + 10 + 20
    assert slope.a.tolist() == [2, 1] and slope.b.tolist() == [[1], [0]]
    f = sg.grad(sg.trace(lambda a, b: np.sum(np.maximum(a, b)), a="d", b="n 1"))
    slope = f([1.0, 2.0], [[0.0], [3.0]])
    assert slope.a.tolist() == [1, 1] and slope.b.tolist() == [[0], [2]]


# --- N: types, memory, calls --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x * np.sqrt(2.0),
        lambda x: x + np.log(2),
        lambda x: np.pi * x / 3,
        lambda x: abs(x) ** (1 / 3),
        lambda x: x * np.float64(0.1),
        lambda x: np.where(x > 0, 1.0, 0.0) * x,
        lambda x: np.exp(np.float64(2)) - x,
    ],
)
@pytest.mark.parametrize("x", [np.float32(0.75), np.ones(3, np.float32)], ids=["scalar", "array"])
def test_N1_float32_is_kept(body, x):
    value, slope = sg.value_and_grad(traced(body))(x)
    assert value.dtype == slope.x.dtype == np.float32


def test_N2_what_is_made_has_the_dtype_of_the_input():
    def body(x):
        zeros = np.zeros_like(x)
        return np.sum(np.where(x > 0, 1, 0) * x + zeros + np.array([1, 2, 3]) * x + np.arange(3) * x)

    value, slope = sg.value_and_grad(sg.trace(body, x="3"), wrt="x")(np.ones(3, np.float32))
    assert value.dtype == slope.dtype == np.float32 and value == 12
    assert traced(lambda x: 2 * x)(np.ones(2, np.int16)).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int8, np.bool_])
def test_N3_integers_and_booleans_become_float64(dtype):
    x = np.array([0, 1, 1]).astype(dtype)
    value, slope = sg.value_and_grad(traced(lambda x: 1 - 2 * x - abs(-x)), wrt="x")(x)
    assert value.dtype == np.float64 and value.tolist() == [1, -2, -2]
    assert slope.tolist() == [-2, -3, -3]
    assert traced(lambda x: abs(x))(np.int8(-128)) == 128.0


def test_N4_literals_larger_than_float32():
    with np.errstate(all="ignore"):
        assert traced(lambda x: x * 1e300)(np.float32(2)) == np.float32(INF)
        assert traced(lambda x: x * 1e300)(2.0) == 2e300


@pytest.mark.parametrize("z", [1 + 2j, np.array([1j]), np.ones(2, np.complex64)], ids=str)
def test_N5_complex_arguments_are_refused(z):
    with pytest.raises(TypeError, match="x: expected real numbers, got dtype complex"):
        traced(lambda x: x * x)(z)
    with pytest.raises(sg.TraceError, match="complex"):
        traced(lambda x: x * (1 + 2j))


def test_N6_memory_layouts():
    f = sg.value_and_grad(sg.trace(lambda x: np.sum(np.sin(x) * x[::-1]), x="n d"), wrt="x")
    x = np.random.default_rng(4).normal(size=(4, 3))
    value, slope = f(x)
    for same in (np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x[::-1][::-1], x.T.copy().T):
        got, found = f(same)
        assert got == pytest.approx(value, rel=1e-15)
        np.testing.assert_array_equal(found, slope)
    row = np.broadcast_to(x[0], (4, 3))
    np.testing.assert_array_equal(f(row)[1], f(row.copy())[1])


def test_N7_inputs_are_read_only_and_stay_as_they_are():
    x = np.arange(6.0)
    x.setflags(write=False)
    before = x.tobytes()
    _, slope = sg.value_and_grad(sg.trace(lambda x: np.sum(x[1:] * x[:-1]), x="n"), wrt="x")(x)
    slope += 1.0
    assert x.tobytes() == before


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x,
        lambda x: np.einsum("ii->i", x),
        lambda x: np.einsum("ij->ji", x),
        lambda x: np.ravel(x),
        lambda x: np.squeeze(x[:, :, None]),
        lambda x: x.astype(float),
        lambda x: x.conj(),
        lambda x: (x, x, x.T),
        lambda x: 1 * x,
        lambda x: x + 0,
    ],
)
def test_N8_results_share_no_memory(body):
    x = np.arange(9.0).reshape(3, 3)
    f = sg.vjp(sg.trace(lambda x: body(x), x="n n"), wrt="x")
    plain = body(x)
    ct = tuple(np.ones(np.shape(p)) for p in plain) if isinstance(plain, tuple) else np.ones(np.shape(plain))
    value, slope = f(x, ct)
    parts = [*value, slope] if isinstance(value, tuple) else [value, slope]
    seeds = list(ct) if isinstance(ct, tuple) else [ct]
    for i, part in enumerate(parts):
        assert part.flags.writeable
        assert not any(np.shares_memory(part, other) for other in (x, *seeds, *parts[:i]))


def test_N9_a_value_in_use_is_not_overwritten():
    def body(x):
        y = x * 2
        z = y + x
        return z * y + x

    np.testing.assert_array_equal(traced(body)(np.array([1.0, 2.0])), [7.0, 26.0])


def test_N10_scalars_of_every_kind():
    f = sg.compile(sg.value_and_grad(traced(lambda x: np.where(x > 0, x * x, 1) + 0, "")))
    for x in (3, 3.0, np.float64(3), np.array(3.0)):
        value, slope = f(x)
        assert type(value) is np.float64 and type(slope.x) is np.float64
        assert (value, slope.x) == (9.0, 6.0)


def test_N11_two_threads():
    f = sg.compile(sg.grad(sg.trace(lambda x: np.sum(np.cumsum(np.sin(x)) ** 2), x="n"), wrt="x"))
    inputs = [np.linspace(0, k + 1, 200) for k in range(2)]
    expected = [f(x) for x in inputs]
    wrong = []

    def hammer(k):
        wrong.extend(1 for _ in range(100) if not np.array_equal(f(inputs[k]), expected[k]))

    threads = [threading.Thread(target=hammer, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_N12_the_second_call_gives_the_same_bytes():
    f = sg.compile(sg.grad(sg.trace(lambda a: np.sum(np.tanh(a @ a.T)), a="n d"), wrt="a"))
    a = np.random.default_rng(5).normal(size=(6, 4))
    assert f(a).tobytes() == f(2 * a / 2).tobytes() == f(a).tobytes()


def test_N13_lists_and_subclasses():
    f = traced(lambda x: x * x)
    assert f([1, 2.5]).tolist() == [1.0, 6.25]
    found = f(np.matrix([[1.0, 2.0], [3.0, 4.0]]))
    assert type(found) is np.ndarray and found.tolist() == [[1, 4], [9, 16]]
    total = sg.trace(lambda x: np.sum(x), x="n")
    assert total(np.ma.array([1.0, 2.0], mask=[False, True])) == 3.0


@pytest.mark.parametrize(
    "body",
    [lambda x: 10**400 * x, lambda x: x + 10**400, lambda x: 10**400 - x],
)
def test_N14_huge_integers_are_refused_when_traced(body):
    with pytest.raises(sg.SymgradError):
        traced(body)


def test_N14_large_integers():
    assert traced(lambda x: 10**30 * x)(2) == 2e30
    k = sg.trace(lambda k: 10**30 * k, k=sg.array("n", "int64"))(np.array([2]))
    assert k.dtype == np.float64 and k[0] == 2e30


def test_N14_exact_rationals():
    import sympy as sp

    x = sp.Symbol("x")
    f = sg.from_sympy(sp.Rational(10**400, 10**399 + 1) * x)
    assert f(1.0) == 10.0
    with pytest.raises(sg.SpecError, match="larger than any float64"):
        sg.from_sympy(sp.Integer(10) ** 400 * x)


@pytest.mark.parametrize("number", [1 / 3, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 123456789.123456789])
def test_N15_floats_are_printed_in_full(number):
    import sympy as sp

    assert traced(lambda x: x + number)(0.0) == number
    assert sg.from_sympy(sp.Symbol("x") + sp.Float(number, 17) + 0)(0.0) == number


@pytest.mark.parametrize("number", [INF, -INF, NAN, -0.0, 1e-320])
def test_N16_special_constants(number):
    f = traced(lambda x: np.where(x > 0, x, number))
    found = f(-1.0)
    np.testing.assert_equal(found, number)
    assert math.copysign(1, found) == math.copysign(1, number)
    assert "math." not in sg.Module("m", {"f": f}).source()


# --- G: generated text --------------------------------------------------------------------------------

HOSTILE = '__import__("os").getpid()'


def test_G1_names_are_never_executed():
    import sympy as sp

    evil = '"); import sys; sys.symgrad_was_here = True; ("'
    for name in (HOSTILE, evil, "'" + evil, "x\nimport os", "\\", '"""', "x\x00y"):
        f = sg.from_sympy(sp.Symbol(name) ** 2)
        value, slope = sg.value_and_grad(f, wrt=name)(3.0)
        assert (value, slope) == (9.0, 6.0)
    assert not hasattr(sys, "symgrad_was_here")


@pytest.mark.parametrize("text", [HOSTILE, "x.real", "lambda: 0", "().__class__", "x[0]", "f'{x}'"])
def test_G2_formula_text_is_never_evaluated(text):
    with pytest.raises(sg.SpecError):
        sg.parse(text)
    with pytest.raises(sg.SpecError, match="not text"):
        sg.from_sympy(text)


ODD = [
    "lambda",
    "class",
    "None",
    "match",
    "_",
    "__debug__",
    "print",
    "",
    "1x",
    "x y",
    "x;import os",
    "x\n",
    r"\alpha",
]


@pytest.mark.parametrize("name", ODD, ids=repr)
def test_G3_odd_names(name):
    import sympy as sp

    f = sg.from_sympy(sp.Symbol(name) ** 2 * sp.Symbol("other"))
    gradient = sg.grad(f)(3.0, 2.0) if name < "other" else sg.grad(f)(2.0, 3.0)
    assert sorted(gradient) == [9.0, 12.0]
    assert sg.grad(f, wrt=name)(*((3.0, 2.0) if name < "other" else (2.0, 3.0))) == 12.0


@pytest.mark.parametrize(
    "name", ["np", "numpy", "exp", "cos", "out", "self", "f", "f_grad", "dtype", "batch"]
)
def test_G4_names_never_shadow(name):
    scope = {"numpy_": np}
    exec(f"def f({name}):\n    return numpy_.exp(numpy_.cos({name}))", scope)
    f = sg.trace(scope["f"], shapes={name: "..."})
    x = 0.75
    expected = -math.sin(x) * math.exp(math.cos(x))
    assert sg.grad(f, wrt=name)(x) == pytest.approx(expected, rel=1e-15)
    module = sg.Module("m", {"f": f, "f_grad": sg.grad(f, wrt=name)}).load()
    assert module.f_grad(x) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("pair", ["µμ", ("ﬁ", "fi"), "𝐱x", "ªa"], ids=str)
def test_G5_names_that_python_takes_for_one(pair):
    import sympy as sp

    first, other = (sp.Symbol(name) for name in pair)
    f = sg.from_sympy(first - other**2, args=(first, other))
    assert f(5.0, 2.0) == 1.0
    assert tuple(sg.grad(f)(5.0, 2.0)) == (1.0, -4.0)
    assert sg.grad(f, wrt=pair[1])(5.0, 2.0) == -4.0


def test_G6_two_symbols_of_one_name_are_refused():
    import sympy as sp

    with pytest.raises(sg.SpecError, match="two different symbols are called 'x'") as info:
        sg.from_sympy(sp.Symbol("x") + sp.Symbol("x", real=True))
    assert "real=True" in str(info.value)
    with pytest.raises(sg.SpecError, match="two different symbols"):
        sg.from_sympy(sp.Dummy("x") - sp.Dummy("x"))


def test_G7_nothing_is_mangled_inside_a_class():
    import sympy as sp

    f = sg.from_sympy(sp.Symbol("__x") + sp.Symbol("_x"))
    source = sg.Module("m", {"f": f}).source()
    assert "(__x" not in source and " __x" not in source.split('"""')[2]
    assert f(1.0, 2.0) == 3.0


def test_G8_letters_are_symbols():
    f = sg.parse("I + gamma*beta + E*S + N - Q")
    assert set(f.inputs) == {"I", "gamma", "beta", "E", "S", "N", "Q"}


def test_G9_templates_take_data():
    def body(x):
        return x

    body.__doc__ = "{{ 7 * 7 }} {% raw %} <b>&amp;</b>"
    source = sg.Module("m", {"f": sg.trace(body, x="")}, doc="{# gone? #} {{ program }}").source()
    assert "{{ 7 * 7 }} {% raw %} <b>&amp;</b>" in source and "{# gone? #} {{ program }}" in source
    assert source.endswith("\n") and not source.endswith("\n\n")


def test_G10_deep_chains():
    def body(x):
        for _ in range(5000):
            x = np.sin(x)
        return x

    f = sg.grad(traced(body, ""), wrt="x")
    x, expected = 0.5, 1.0
    for _ in range(5000):
        x, expected = math.sin(x), expected * math.cos(x)
    assert f(0.5) == pytest.approx(expected, rel=1e-10)
    assert pickle.loads(pickle.dumps(f)).output_nodes == f.output_nodes
    assert repr(f)


def test_G11_work_is_linear_in_the_graph():
    def body(x):
        for _ in range(60):
            x = x * x + np.sin(x)
        return x

    f = sg.value_and_grad(traced(body, ""), wrt="x")
    assert len(f.nodes()) < 1000
    assert len(sg.Module("m", {"f": f}).source()) < 30_000


def test_G12_long_sums_and_deep_nesting_compile():
    def wide(x):
        total = x
        for i in range(5000):
            total = total + i * x
        return total

    def nested(x):
        for i in range(1000):
            x = 1 / (i + 1 / (2 + x))
        return x

    assert traced(wide, "")(2.0) == 2 * (1 + 5000 * 4999 / 2)
    x = 0.5
    for i in range(1000):
        x = 1 / (i + 1 / (2 + x))
    assert traced(nested, "")(0.5) == pytest.approx(x, rel=1e-14)
    assert max(map(len, sg.Module("m", {"f": traced(nested, "")}).source().splitlines())) < 120


SCRIPT = """
import sys, sympy as sp, symgrad as sg
x, y, z = sp.symbols("x y z")
e = sp.sin(x*y) + sp.exp(z - x) * (x + y + z) + sp.sqrt(x**2 + y**2 + z**2)
f = sg.from_sympy(e)
sys.stdout.buffer.write(sg.Module("m", {"f": f, "g": sg.value_and_grad(f)}).source().encode())
"""


def test_G13_the_same_bytes_for_every_hash_seed():
    texts = set()
    for seed in ("0", "1", "random"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        texts.add(
            subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, check=True).stdout
        )
    assert len(texts) == 1


def test_G14_a_rewritten_module_is_read_anew(tmp_path):
    """Same second and same size: the import system would trust the bytecode of the first."""

    def module(factor):
        return sg.Module("rewritten", {"f": sg.trace(lambda x: factor * x, x="")})

    path = module(2).write(tmp_path)
    stamp = os.stat(path)
    py_compile.compile(str(path))
    assert module(3).write(tmp_path) == path
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert os.stat(path).st_size == stamp.st_size
    code = "import sys; sys.path.insert(0, sys.argv[1]); import rewritten; print(rewritten.f(1.0))"
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert float(out.stdout) == 3.0


def test_G15_two_writers_leave_a_whole_module(tmp_path):
    modules = [sg.Module("m", {"f": sg.trace(lambda x, k=k: (k + 1) * x, x="")}) for k in range(4)]
    texts = {module.source() for module in modules}
    threads = [threading.Thread(target=lambda m=m: [m.write(tmp_path) for _ in range(20)]) for m in modules]
    for thread in threads:
        thread.start()
    seen = set()
    while any(thread.is_alive() for thread in threads):
        if (tmp_path / "m.py").exists():
            seen.add((tmp_path / "m.py").read_text(encoding="utf-8"))
    for thread in threads:
        thread.join()
    assert seen <= texts
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.py", "m.pyi"]


SPEC = """
import symgrad as sg
greek = sg.Module("greek", {"f": sg.trace(lambda α: α * 2, α="")})
"""


def test_G16_files_and_output_in_a_plain_locale(tmp_path):
    (tmp_path / "spec.py").write_text(SPEC, encoding="utf-8")
    env = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-X", "utf8=0", "-m", "symgrad"]
    subprocess.run(
        [*command, "build", "spec.py", "--out", "."], cwd=tmp_path, env=env, check=True, capture_output=True
    )
    text = (tmp_path / "greek.py").read_bytes()
    assert "α".encode() in text and b"\r" not in text
    command += ["show", "spec.py"]
    shown = subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
    assert b"\\u03b1" in shown.stdout or "α".encode() in shown.stdout


def test_G17_another_version_makes_another_text(monkeypatch):
    import symgrad.emit

    f = traced(lambda x: 2 * x)
    before = sg.Module("m", {"f": f}).source()
    monkeypatch.setattr(symgrad.emit, "__version__", "99.0")
    assert sg.Module("m", {"f": f}).source() != before


def test_G18_pickles_keep_identity():
    def body(x):
        for _ in range(3000):
            x = np.sin(x) * 0.5
        return x

    f = sg.value_and_grad(traced(body, ""))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(f, protocol))
        assert all(a is b for a, b in zip(again.output_nodes, f.output_nodes))


def test_G19_headers_are_reproducible():
    source = sg.Module("m", {"f": traced(lambda x: 2 * x)}, doc="A module.").source()
    assert sg.__version__ in source and "sha256:" in source
    assert str(ROOT) not in source and os.path.expanduser("~") not in source
    assert "/" not in source.split('"""')[1]
    import datetime

    assert str(datetime.date.today().year) not in source.split('"""')[1]
