"""Reverse mode: sums over paths, pruning, order, wrt, structure of results, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg


def test_worked_trace():
    f = sg.trace(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), x1="", x2="")
    value, gradient = sg.value_and_grad(f)(2.0, 5.0)
    assert value == pytest.approx(np.log(2) + 10 - np.sin(5), rel=1e-15)
    assert gradient.x1 == 5.5
    assert gradient.x2 == pytest.approx(2 - np.cos(5), rel=1e-15)


def test_two_paths_are_summed():
    f = sg.trace(lambda a, b, c: (a + b) * (b + c), a="", b="", c="")
    g = sg.grad(f)(2.0, 3.0, 5.0)
    assert (g.a, g.b, g.c) == (8.0, 13.0, 5.0)


def test_only_paths_between_wrt_and_output_are_visited():
    f = sg.trace(lambda x, y: np.sum(np.exp(x)) + np.sum(np.sin(np.cos(np.tan(y)))), x="n", y="m")
    assert set(sg.simplify(sg.grad(f, wrt="x")).ops()) == {"exp"}


def test_unused_arguments_get_zeros_of_their_shape():
    f = sg.trace(lambda x, y: np.sum(x), x="n", y="n m")
    g = sg.grad(f)([1.0, 2.0], np.ones((2, 3)))
    assert g.x.tolist() == [1.0, 1.0]
    assert g.y.shape == (2, 3) and not g.y.any()


def test_constant_gradient_has_the_shape_of_the_argument():
    assert sg.grad(sg.trace(lambda x: np.sum(3 * x), x="n"), wrt="x")(np.ones(4)).tolist() == [3.0] * 4
    assert sg.grad(sg.trace(lambda x: 3 * x, x="..."), wrt="x")(np.ones((2, 2))).tolist() == [[3.0] * 2] * 2


def test_elementwise_derivatives_have_the_broadcast_shape():
    f = sg.trace(lambda x, y: x**2 + y, x="...", y="...")
    g = sg.grad(f)(np.ones((3, 1)), np.ones(2))
    assert g.x.shape == g.y.shape == (3, 2)
    assert (g.x == 2).all() and (g.y == 1).all()


def test_batches_and_shaped_arguments_together():
    f = sg.trace(lambda x, w: np.tanh(x * w[0] + w[1]), x="...", w="2")
    x, w = np.linspace(-1, 1, 6).reshape(2, 3), np.array([0.5, -0.25])
    value, gradient = sg.value_and_grad(f)(x, w)
    slope = 1 - np.tanh(x * w[0] + w[1]) ** 2
    assert value.shape == (2, 3)
    assert np.allclose(gradient.x, slope * w[0], rtol=1e-14)
    assert np.allclose(gradient.w, [np.sum(slope * x), np.sum(slope)], rtol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_any_order(order):
    f = sg.trace(lambda x: np.sin(np.cos(x)), x="...")
    for _ in range(order):
        f = sg.grad(f, wrt="x")
    import sympy as sp

    x = sp.Symbol("x", real=True)
    exact = sp.diff(sp.sin(sp.cos(x)), x, order)
    points = [-2.0, -0.3, 0.7, 1.9]
    expected = [float(exact.subs(x, sp.Rational(p)).evalf(40)) for p in points]
    assert np.allclose(f(points), expected, rtol=1e-12, atol=0)


def test_printed_values_of_sin_cos():
    g = sg.grad(sg.trace(lambda x: np.sin(np.cos(x)), x="..."), wrt="x")
    assert np.allclose(g([1.0, 2.0, 3.0]), [-0.7216062, -0.831692, -0.07743199], rtol=1e-6)


def test_vjp_weighs_the_output():
    f = sg.trace(lambda A, x: A @ x, A="n d", x="d")
    A, x, ct = np.arange(6.0).reshape(2, 3), np.ones(3), np.array([1.0, 10.0])
    value, pulled = sg.vjp(f)(A, x, ct)
    assert value.tolist() == (A @ x).tolist()
    assert pulled.A.tolist() == np.outer(ct, x).tolist()
    assert pulled.x.tolist() == (ct @ A).tolist()
    _, pulled = sg.vjp(f, wrt="x")(A, x, ct)
    assert pulled.tolist() == (ct @ A).tolist()


def test_vjp_of_several_outputs():
    f = sg.trace(lambda x: {"a": x * 2, "b": np.sum(x)}, x="n")
    value, pulled = sg.vjp(f, wrt="x")([1.0, 2.0], {"a": [1.0, 0.0], "b": 10.0})
    assert value["b"] == 3.0
    assert pulled.tolist() == [12.0, 10.0]


def test_non_scalar_outputs_are_refused_with_the_alternatives():
    f = sg.trace(lambda X, w: X @ w, X="n d", w="d", name="f")
    with pytest.raises(sg.NotDifferentiableError) as info:
        sg.grad(f)
    text = str(info.value)
    assert "the output of f is not a scalar" in text and "(n,)" in text
    assert "sg.vjp(f)" in text and "np.sum" in text


def test_wrt_errors():
    f = sg.trace(lambda weights, k: np.sum(weights) * np.sum(k), weights="n", k=sg.array("n", "int64"))
    with pytest.raises(sg.SpecError, match="did you mean 'weights'"):
        sg.grad(f, wrt="weigths")
    with pytest.raises(sg.NotDifferentiableError, match="dtype int64"):
        sg.grad(f, wrt="k")
    with pytest.raises(sg.SpecError, match="named twice"):
        sg.grad(f, wrt=("weights", "weights"))
    assert sg.grad(f)([1.0], [2])._fields == ("weights",)


def test_2_to_the_60_paths():
    def f(x):
        y = x
        for _ in range(60):
            y = y * 0.5 + np.sin(y) * 0.5
        return y

    g = sg.value_and_grad(sg.trace(f, x=""), wrt="x")
    assert len(g.nodes()) < 1000
    value, slope = g(0.5)
    y, d = 0.5, 1.0
    for _ in range(60):
        y, d = y * 0.5 + np.sin(y) * 0.5, d * (0.5 + 0.5 * np.cos(y))
    assert value == pytest.approx(y, rel=1e-13)
    assert slope == pytest.approx(d, rel=1e-12)


def test_a_chain_of_100_000_nodes():
    def f(x):
        for _ in range(50_000):
            x = np.sin(x) + 0.125
        return x

    g = sg.value_and_grad(sg.trace(f, x="", name="chain"), wrt="x")
    value, slope = sg.compile(g)(0.5)
    y, d = 0.5, 1.0
    for _ in range(50_000):
        y, d = np.sin(y) + 0.125, d * np.cos(y)
    assert value == pytest.approx(y, rel=1e-12)
    assert slope == pytest.approx(d, abs=0.0) or slope == pytest.approx(d, rel=1e-9)
