"""Formula text: what it means, and that nothing in it is executed."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.frontends.text import known_functions, parse

x, y = np.array([0.3, 1.7, 2.0]), np.array([1.5, -0.4, 0.2])

FORMULAS = {
    "x": x,
    "((x))": x,
    "sin(x)*y + 1": np.sin(x) * y + 1,
    "-x**2": -(x**2),
    "2**-x": 2**-x,
    "2**3**-x": 2 ** (3**-x),
    "x - y - 1": x - y - 1,
    "x / y / 2": x / y / 2,
    "x / (y * 2)": x / (y * 2),
    "--x": x,
    "+x - -y": x + y,
    "1/3*x": x / 3,
    "pi*x": np.pi * x,
    "abs(y) + ln(x) + max(x, y) + atan2(x, y)": np.abs(y) + np.log(x) + np.maximum(x, y) + np.arctan2(x, y),
    "where(x > y, x, y**2)": np.where(x > y, x, y**2),
    "exp(-x**2 / 2) / sqrt(2*pi)": np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi),
    "1.5e-1*x + .5*y + 2.*x": 0.15 * x + 0.5 * y + 2.0 * x,
    " x\n +\ty ": x + y,
}


@pytest.mark.parametrize("text", FORMULAS)
def test_value_is_that_of_numpy(text: str) -> None:
    f = parse(text)
    values = {"x": x, "y": y}
    result = f(*[values[p.name] for p in f.parameters])
    np.testing.assert_allclose(result, FORMULAS[text], rtol=1e-14)


def test_symbols_are_elementwise_arguments_sorted_by_name() -> None:
    f = parse("zeta + Alpha*beta", name="energy")
    assert f.name == "energy"
    assert f.inputs == dict.fromkeys(("Alpha", "beta", "zeta"), ("...", "float64"))
    assert list(f.inputs) == ["Alpha", "beta", "zeta"]
    assert f.is_elementwise


@pytest.mark.parametrize(
    "name", ["I", "gamma", "beta", "E", "S", "N", "Q", "e", "lambda", "exp", "np", "out", "µ", "__x"]
)
def test_names_that_mean_something_elsewhere_are_symbols(name: str) -> None:
    f = parse(f"2*{name} + 1")
    assert [p.name for p in f.parameters] == [name]
    np.testing.assert_array_equal(f(x), 2 * x + 1)


def test_gradient_of_a_formula() -> None:
    f = parse("sin(cos(x))")
    found = sg.grad(f, "x")(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(found, [-0.7216062, -0.831692, -0.07743199], rtol=1e-6)


REFUSED = {
    "": "the formula ends where a value is expected",
    "x +": "the formula ends where a value is expected",
    "x * * y": "'*' stands where a value is expected",
    "()": "')' stands where a value is expected",
    "(x": "'(' is never closed",
    "x)": "')' without '('",
    "x, y": "a comma outside the arguments",
    "sin()": "sin() has no argument",
    "sin(x,)": "')' stands where a value is expected",
    "sin(x, y)": "sin takes 1 argument, not 2",
    "2x": "'x' stands where an operator is expected",
    "x y": "'y' stands where an operator is expected",
    "x^2": "** for a power",
    "sn(x)": "did you mean sin?",
    "x(y)": "x is not a known function",
    "sum(x)": "sum is not a known function",
    "matmul(x, y)": "matmul is not a known function",
    "x < y < 1": "comparisons do not chain",
    "x if y else 1": "where(condition, a, b)",
    "x and y": "logical_and",
    "1e999*x": "too large for a float",
    "x²": "is not a name",
    "1j*x": "'j' stands where an operator is expected",
    # None of these may run.
    '__import__("os").getpid()': "text in quotes is no part of a formula",
    "__import__(os)": "__import__ is not a known function",
    "eval(x)": "eval is not a known function",
    "lambda: 0": "':' is no part of a formula",
    "x.__class__": "'.' is no part of a formula",
    "[x for x in y]": "'[' is no part of a formula",
    "x[0]": "'[' is no part of a formula",
    "{x}": "'{' is no part of a formula",
    "'a'": "text in quotes",
    "x = 1": "no assignment",
    "sin(x=1)": "no assignment",
    "x; y": "';' is no part of a formula",
    "x # y": "'#' is no part of a formula",
    "x @ y": "'@' is no part of a formula",
    "(x := 1)": "':' is no part of a formula",
    "`x`": "'`' is no part of a formula",
    "x\\\ny": "is no part of a formula",
    "x\0": "is no part of a formula",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(sg.SpecError) as caught:
        parse(text)
    assert REFUSED[text] in str(caught.value)


def test_the_caret_points_at_the_place() -> None:
    with pytest.raises(sg.SpecError) as caught:
        parse("sin(x)*y + cso(x)")
    assert str(caught.value) == (
        "cannot read the formula: cso is not a known function\n"
        "  where:    sin(x)*y + cso(x)\n"
        "                       ^\n"
        "  try:      did you mean cos?"
    )
    with pytest.raises(sg.SpecError) as caught:
        parse("x + " * 50 + "?" + " + x" * 50)
    where = str(caught.value).split("\n")
    assert where[1][where[2].index("^")] == "?"
    assert len(where[1]) < 100


def test_what_takes_functions_is_refused() -> None:
    for name in ("scan", "cond", "checkpoint", "fori_loop", "custom"):
        if name in known_functions():
            with pytest.raises(sg.SpecError):
                parse(f"{name}(x, y, z)")


def test_text_alone() -> None:
    with pytest.raises(sg.SpecError):
        parse(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("sin(" * 20000 + "x" + ")" * 20000, 20000),
        ("(" * 20000 + "x" + ")" * 20000, 0),
        ("+".join(["x"] * 20000), 19999),
        ("-" * 20001 + "x", 20001),
        ("2**" * 2000 + "x", 2000),
    ],
    ids=["calls", "parentheses", "terms", "signs", "powers"],
)
def test_depth_is_no_limit(text: str, operations: int) -> None:
    assert sum(parse(text).ops().values()) == operations


@pytest.mark.parametrize("text", ["10**10**10*x", "9**9**9**9 + x", "x**10**10**10", "9" * 300 + "*x"])
def test_powers_are_not_computed(text: str) -> None:
    assert parse(text).inputs["x"] == ("...", "float64")  # computing the power would never end


def test_max_and_min_take_any_number_of_operands():
    f = sg.parse("max(x, y, z, 0) - min(x, y, z)")
    assert f(1.0, -2.0, 3.0) == 5.0
    assert sg.grad(f)(0.5, 0.5, 0.5) == pytest.approx([0.0, 0.0, 0.0])
    assert sg.grad(sg.parse("max(x, y, z)"))(0.5, 0.5, 0.5) == pytest.approx([1 / 3] * 3)
