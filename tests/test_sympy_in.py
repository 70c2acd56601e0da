"""`from_sympy`: every kind of expression, real semantics, names as data, refusals, size."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import sympy as sp
from sympy.codegen import cfunctions

import symgrad as sg
from symgrad.frontends.sympy_functions import _HANDLERS

x, y, z = sp.symbols("x y z")
POINT = {x: 0.7, y: 1.3}

FUNCTIONS_OF_HALF = (
    "sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "sinh", "cosh", "tanh", "coth",
    "sech", "csch",
)  # fmt: skip

EXPRESSIONS = {
    "Rational": x + sp.Rational(1, 3),
    "Float": x * sp.Float("0.1", 60),
    "NumberSymbol": sp.pi * x + sp.E + sp.EulerGamma + sp.GoldenRatio + sp.Catalan,
    "Add": x + y - 3,
    "Mul": sp.Rational(2, 3) * x / y**2 / 7,
    "Pow": x**y + y**-2 + sp.sqrt(x) + x ** sp.Rational(-1, 2) + x**2.5 + 2**x + x ** sp.Rational(2, 3),
    "exp": sp.exp(x * y) + sp.E**x,
    "log": sp.log(x) + sp.log(y, 2),
    **{name: getattr(sp, name)(x / 2) for name in FUNCTIONS_OF_HALF},
    **{
        name: getattr(sp, name)(x)
        for name in ("asinh", "acot", "atanh", "erf", "erfc", "loggamma", "frac", "sinc")
    },
    **{name: getattr(sp, name)(y + 1) for name in ["acosh", "asec", "acsc", "acoth"]},
    "asech": sp.asech(x),
    "acsch": sp.acsch(x),
    "erfinv": sp.erfinv(x),
    "polygamma": sp.digamma(x) + sp.polygamma(2, y),
    "gamma": sp.gamma(x) * sp.gamma(y - 2.5),
    "factorial": sp.factorial(x) * y,
    "binomial": sp.binomial(x, y),
    "beta": sp.beta(x, y),
    "besselj": sp.besselj(0, x) + sp.besselj(1, y) * sp.besselj(-3, x) + sp.besselj(2, x * y),
    "besseli": sp.besseli(0, x) + sp.besseli(1, y) * sp.besseli(-2, x) + sp.besseli(3, x * y),
    "arg": sp.arg(x - y) * x,
    "atan2": sp.atan2(x, y),
    "Abs": abs(x - y),
    "sign": sp.sign(x - y) * x,
    "floor": sp.floor(3 * x) * y,
    "ceiling": sp.ceiling(3 * x) * y,
    "Mod": sp.Mod(3 * x, y),
    "Max": sp.Max(x, y, 1) * x,
    "Min": sp.Min(x, y, 1) * x,
    "Heaviside": sp.Heaviside(x - y) * x + sp.Heaviside(y - x) * y,
    "Piecewise": sp.Piecewise((x**2, x > y), (x * y, x > 0.5), (y, True)),
    "And": sp.Piecewise((x, (x > 0) & (y > 0) & (x < y)), (y, True)),
    "Or": sp.Piecewise((x, (x < 0) | (y < 1)), (y, True)),
    "Not": sp.Piecewise((x, sp.Not(sp.And(x < 0, y < 0))), (y, True)),
    "Xor": sp.Piecewise((x, sp.Xor(x > 0, y > 0, x > 1)), (y**2, True)),
    "ITE": sp.Piecewise((x, sp.ITE(x > 0, y > 1, y < 1)), (y, True)),
    "Equality": sp.Piecewise((x, sp.Eq(x, y)), (y**2, True)),
    "Unequality": sp.Piecewise((x, sp.Ne(x, y)), (y**2, True)),
    "GreaterThan": sp.Piecewise((x, x >= y), (y**2, True)),
    "LessThan": sp.Piecewise((x, x <= y), (y**2, True)),
    "StrictLessThan": sp.Piecewise((x, x < y), (y**2, True)),
    "re": sp.re(x) * 2 + sp.im(y),
    "conjugate": sp.conjugate(x) * x,
    "UnevaluatedExpr": sp.UnevaluatedExpr(x + 1) * y,
    "log1p": cfunctions.log1p(x) + cfunctions.expm1(y) + cfunctions.log2(x) + cfunctions.log10(y),
    "exp2": cfunctions.exp2(x) + cfunctions.Sqrt(y) + cfunctions.Cbrt(x) + cfunctions.hypot(x, y),
}
#: Held elsewhere in this file, or together with another one.
ELSEWHERE = {
    "Infinity", "NegativeInfinity", "NaN", "BooleanTrue", "BooleanFalse", "ExprCondPair",
    "StrictGreaterThan", "im", "expm1", "log2", "log10", "Sqrt", "Cbrt", "hypot",
}  # fmt: skip


#: What sympy.codegen has names for, spelled out.
PLAIN = {
    "log1p": sp.log(1 + x) + sp.exp(y) - 1 + sp.log(x) / sp.log(2) + sp.log(y) / sp.log(10),
    "exp2": 2**x + sp.sqrt(y) + sp.cbrt(x) + sp.sqrt(x**2 + y**2),
}
REAL = {s: sp.Symbol(s.name, real=True) for s in (x, y)}


def exact(e, dx=0, dy=0):
    """The value at the point, moved by a little, to 50 digits."""
    point = {REAL[x]: sp.Float(POINT[x], 60) + dx, REAL[y]: sp.Float(POINT[y], 60) + dy}
    return sp.N(e.subs(REAL).subs(point).doit(), 50)


def test_every_handler_is_tried():
    assert set(_HANDLERS) == set(EXPRESSIONS) | ELSEWHERE


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_value_and_derivatives(name):
    expression = EXPRESSIONS[name]
    plain = PLAIN.get(name, expression)
    f = sg.from_sympy(expression, args=(x, y))
    with np.errstate(all="raise", under="ignore"):
        value, gradient = sg.value_and_grad(f)(0.7, 1.3)
        assert f(np.full(3, 0.7), 1.3).shape == (3,)
    assert value == pytest.approx(float(exact(plain)), rel=1e-14)
    h = sp.Float("1e-15", 60)
    for found, step in zip(gradient, ((h, 0), (0, h))):
        wanted = (exact(plain, *step) - exact(plain, *(-d for d in step))) / (2 * h)
        assert found == pytest.approx(float(wanted), rel=1e-12, abs=1e-12)


# --- arguments and results ----------------------------------------------------------------------------


def test_arguments_are_sorted_by_name_unless_given():
    e = z - x**2
    assert list(sg.from_sympy(e).inputs) == ["x", "z"]
    assert sg.from_sympy(e)(2.0, 10.0) == 6.0
    assert sg.from_sympy(e, args=(z, x))(10.0, 2.0) == 6.0
    assert sg.from_sympy(e, args=["z", "x"])(10.0, 2.0) == 6.0
    assert sg.from_sympy(x**2, args=x)(3.0) == 9.0
    f = sg.from_sympy(e, args=(z, y, x))
    assert sg.grad(f)(10.0, 5.0, 2.0) == (1.0, 0.0, -4.0)
    with pytest.raises(sg.SpecError, match="args leaves out the symbol 'z'"):
        sg.from_sympy(e, args=(x, y))
    with pytest.raises(sg.SpecError, match="named twice"):
        sg.from_sympy(e, args=(x, z, x))


def test_name():
    assert sg.from_sympy(x, name="energy").name == "energy"
    assert sg.from_sympy(x).name == "f"


def test_several_outputs():
    f = sg.from_sympy([x * y, (x + y, sp.Integer(2))])
    product, (total, two) = f([1.0, 2.0], 3.0)
    assert product.tolist() == [3, 6] and total.tolist() == [4, 5] and two.tolist() == [2, 2]


def test_constants_have_the_shape_of_the_arguments():
    f = sg.from_sympy(sp.Integer(3), args=x)
    assert f(np.ones((2, 1))).tolist() == [[3], [3]] and f(1.0) == 3.0
    assert sg.grad(f, wrt="x")([1.0, 2.0]).tolist() == [0.0, 0.0]
    assert sg.from_sympy(sp.pi)() == math.pi


def test_a_matrix_comes_after_the_shape_of_the_arguments():
    rotation = sp.Matrix([[sp.cos(x), -sp.sin(x), 0], [sp.sin(x), sp.cos(x), y]])
    f = sg.from_sympy(rotation)
    t = np.array([[0.1], [0.2], [0.3]])
    found = f(t, np.array([1.0, 2.0]))
    assert found.shape == (3, 2, 2, 3)
    for i, j in np.ndindex(3, 2):
        c, s = math.cos(t[i, 0]), math.sin(t[i, 0])
        np.testing.assert_allclose(found[i, j], [[c, -s, 0], [s, c, j + 1]], rtol=1e-15)
    assert f(0.0, 1.0).shape == (2, 3)
    assert sg.from_sympy(sp.ImmutableMatrix([[x]]))(2.0).tolist() == [[2.0]]


def test_shapes_make_arrays():
    f = sg.from_sympy(x * y, x="n", y="")
    assert f.inputs == {"x": ("n", "float64"), "y": ("", "float64")}
    assert f([1.0, 2.0], 3.0).tolist() == [3, 6]
    with pytest.raises(sg.SpecError, match="a shape for 'w', which is not an argument"):
        sg.from_sympy(x, w="n")


# --- meaning ------------------------------------------------------------------------------------------


def test_dead_branches_of_piecewise():
    e = sp.Piecewise((sp.log(x), x > 1), (sp.sqrt(x), x > 0), (1 / (x - 5), x < 0), (7, True))
    f = sg.from_sympy(e)
    points = np.array([2.0, 0.25, -5.0, 0.0])
    with np.errstate(all="raise"):
        value, slope = sg.value_and_grad(f, wrt="x")(points)
        second = sg.grad(sg.grad(f, wrt="x"), wrt="x")(points)
    np.testing.assert_allclose(value, [math.log(2), 0.5, -0.1, 7], rtol=1e-15)
    np.testing.assert_allclose(slope, [0.5, 1, -0.01, 0], rtol=1e-15)
    np.testing.assert_allclose(second, [-0.25, -2, -0.002, 0], rtol=1e-14)


def test_piecewise_without_a_last_branch_is_nan_outside():
    found = sg.from_sympy(sp.Piecewise((x, x > 0)))([1.0, -1.0])
    assert found[0] == 1.0 and np.isnan(found[1])


def test_relations_are_bool():
    f = sg.from_sympy([x > y, sp.And(x > 0, y > 0), sp.Not(sp.Eq(x, y)), sp.true])
    greater, both, differ, true = f([1.0, -1.0], 0.5)
    assert greater.dtype == bool and greater.tolist() == [True, False]
    assert both.tolist() == [True, False] and differ.tolist() == [True, True]
    assert np.all(true)


def test_symbols_are_real_whatever_they_say():
    f = sg.from_sympy(sp.Abs(x) + sp.Max(x, y) + sp.sqrt(x**2) + sp.re(x) + sp.im(y))
    with np.errstate(all="raise"):
        value, slope = sg.value_and_grad(f)(-2.0, -3.0)
    assert value == 2 - 2 + 2 - 2 and slope == (-1 + 1 - 1 + 1, 0.0)
    positive = sp.Symbol("p", positive=True)
    assert sg.from_sympy(sp.sqrt(positive**2))(-2.0) == -2.0  # sympy had made it p


def test_infinities_and_nan():
    first = sp.Piecewise((x, x > 0), (sp.oo, True))
    second = sp.Piecewise((x, x > 0), (-sp.oo, x < -1), (sp.nan, True))
    first, second = sg.from_sympy([first, second])([-2.0, -0.5])
    assert first.tolist() == [math.inf] * 2 and second[0] == -math.inf and np.isnan(second[1])


def test_numbers_are_exact_or_correctly_rounded():
    assert sg.from_sympy(x / 3)(1.0) == 1 / 3
    assert sg.from_sympy(x + sp.Rational(1, 3))(0.0) == 1 / 3
    assert sg.from_sympy(x + sp.Rational(10**400, 3 * 10**400 + 1))(0.0) == 1 / 3
    assert sg.from_sympy(x + sp.Float("0.1", 50))(0.0) == 0.1
    assert sg.from_sympy(x + sp.pi)(0.0) == math.pi
    assert sg.from_sympy(sp.Integer(10) ** 30 * x)(1.0) == 1e30
    assert sg.from_sympy(sp.Rational(1, 10**400) + x)(0.0) == 0.0
    assert sg.from_sympy(sp.Integer(2) ** 53 + 1 + x)(0.0) == 2.0**53
    for huge in (sp.Integer(10) ** 400, -(sp.Integer(10) ** 400), sp.Rational(10**400, 3)):
        with pytest.raises(sg.SpecError, match="larger than any float64"):
            sg.from_sympy(huge * x)


@pytest.mark.parametrize(
    "e",
    [
        x**2 / 3 - y,
        sp.sin(x) * sp.exp(-y),
        sp.Max(x, y),
        sp.sqrt(x + 1) / y,
        abs(x),
        x**y + sp.Rational(1, 7),
    ],
    ids=str,
)
def test_round_trip(e):
    again = sg.to_sympy(sg.from_sympy(e))
    assert sp.simplify(again - e.subs(REAL)) == 0


# --- names --------------------------------------------------------------------------------------------

HOSTILE = [
    '__import__("os").getpid()', "lambda", "np", "x y", "µ", "μ", "", "None", "__debug__", "1x", "a\nb", "\\",
    '"""', '"); raise SystemExit; ("', "dtype", "batch", "out", "self", "f", "print", "ﬁ", "\x00",
    "x;import os", "_", "ct",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_hostile_names_are_data(name, tmp_path):
    s, other = sp.Symbol(name), sp.Symbol("w")
    f = sg.from_sympy(s**2 * other, args=(s, other))
    assert f(3.0, 2.0) == 18.0
    assert sg.grad(f, wrt=name)(3.0, 2.0) == 12.0
    assert tuple(sg.grad(f)(3.0, 2.0)) == (12.0, 9.0)
    assert sg.vjp(f, wrt=name)(3.0, 2.0, 2.0) == (18.0, 24.0)
    path = sg.Module("hostile", {"f": f, "g": sg.value_and_grad(f)}).write(tmp_path)
    scope = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
    assert scope["f"](3.0, 2.0) == 18.0
    assert scope["f"].__code__.co_varnames[0].isidentifier()
    with pytest.raises(TypeError, match="expected real numbers, got dtype") as info:
        scope["f"]("text", 2.0)
    assert name in str(info.value)


def test_all_hostile_names_at_once():
    symbols = [sp.Symbol(name) for name in HOSTILE]
    f = sg.from_sympy(sum(k * s for k, s in enumerate(symbols)), args=symbols)
    gradient = sg.grad(f)(*range(len(symbols)))
    assert list(gradient) == list(range(len(symbols)))
    assert len(set(gradient._fields)) == len(symbols)


def test_hostile_names_of_functions():
    f = sg.from_sympy(x**2, name='evil"""\nimport os\n"""')
    assert sg.value_and_grad(f)(3.0)[0] == 9.0
    source = sg.Module("m", {"g": sg.value_and_grad(f)}).source()
    assert "\nimport os\n" not in source


def test_two_symbols_of_one_name():
    with pytest.raises(sg.SpecError, match="two different symbols are called 'x'") as info:
        sg.from_sympy(x + sp.Symbol("x", positive=True))
    assert "positive=True" in str(info.value)
    with pytest.raises(sg.SpecError, match="Dummy"):
        sg.from_sympy(x + sp.Dummy("x"))
    assert sg.from_sympy(sp.Dummy("d") * 2)(3.0) == 6.0


# --- refusals -----------------------------------------------------------------------------------------

REFUSED = {
    "Derivative": (sp.Derivative(sp.sin(x), x), "Derivative has no numerical form", ".doit()"),
    "Integral": (sp.Integral(sp.exp(-(x**2)), x), "Integral has no numerical form", ".doit()"),
    "imaginary": (sp.I * x, "ImaginaryUnit has no numerical form", "two expressions"),
    "complex root": (sp.Integer(-8) ** sp.Rational(1, 3) * x, "of a negative number is complex", None),
    "complex infinity": (sp.zoo + x, "ComplexInfinity", "sp.oo"),
    "unknown function": (sp.Function("g")(x), "g has no numerical form", "replace it"),
    "zeta": (sp.zeta(x), "zeta has no numerical form", None),
    "inside a sum": (x + sp.sin(sp.LambertW(x)), "LambertW has no numerical form", None),
    "text": ("sin(x)", "not text", "sg.parse"),
    "text in a list": ([x, "y"], "not text", "sg.parse"),
    "object": (object(), "is no expression", None),
    "order": (sp.polygamma(sp.Rational(1, 2), x), "order", None),
    "set": (sp.FiniteSet(x, 1), "FiniteSet has no numerical form", None),
}


@pytest.mark.parametrize(("e", "text", "hint"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_numerical_form_is_refused(e, text, hint):
    with pytest.raises(sg.SpecError) as info:
        sg.from_sympy(e)
    assert text in str(info.value)
    assert hint is None or hint in str(info.value)


# --- size ---------------------------------------------------------------------------------------------


def nested(depth):
    e = x
    for _ in range(depth):
        e = sp.sin(e, evaluate=False)
    return e


def test_deep_expressions():
    e = nested(5000)
    limit = sys.getrecursionlimit()
    value, slope = sg.value_and_grad(sg.from_sympy(e), wrt="x")(0.5)
    wanted, factor = 0.5, 1.0
    for _ in range(5000):
        wanted, factor = math.sin(wanted), factor * math.cos(wanted)
    assert value == pytest.approx(wanted, rel=1e-12) and slope == pytest.approx(factor, rel=1e-9)
    assert sys.getrecursionlimit() == limit


def test_refusals_inside_deep_expressions():
    e = sp.LambertW(x)
    for _ in range(3000):
        e = sp.sin(e, evaluate=False)
    with pytest.raises(sg.SpecError, match="LambertW"):
        sg.from_sympy(e)


def test_wide_expressions():
    def wide(n):
        return sg.from_sympy(sp.Add(*[sp.sin(k * x, evaluate=False) for k in range(1, n)], evaluate=False))

    assert wide(500)(0.5) == pytest.approx(math.fsum(math.sin(k * 0.5) for k in range(1, 500)), rel=1e-12)
    assert wide(4000).ops() == {"add": 3998, "mul": 3998, "sin": 3999}


def test_shared_parts_are_converted_once():
    e = x
    for _ in range(60):
        e = sp.Add(sp.Mul(e, e, evaluate=False), sp.sin(e, evaluate=False), evaluate=False)
    f = sg.from_sympy(e)
    assert len(f.nodes()) < 300


@pytest.mark.parametrize("expression", [sp.besselj(x, y), sp.besselj(sp.Rational(1, 2), x), sp.bessely(0, x)])
def test_bessel_functions_that_numpy_alone_cannot_do(expression):
    with pytest.raises(sg.SpecError, match="bessel"):
        sg.from_sympy(expression)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_K2_ties_of_any_number_share_evenly(count):
    symbols = sp.symbols(f"a0:{count}")
    for function in (sp.Max, sp.Min):
        slope = sg.grad(sg.from_sympy(function(*symbols)))
        assert slope(*[0.5] * count) == pytest.approx([1 / count] * count)
        # With one operand apart from the rest.
        away = -9.0 if function is sp.Max else 9.0
        assert slope(away, *[0.5] * (count - 1)) == pytest.approx([0, *[1 / (count - 1)] * (count - 1)])
