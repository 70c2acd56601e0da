"""Jacobians, Hessians and vmap: against the oracle, against each other, and in closed form."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.verify.check import verify_function


def verified(f):
    verify_function(f, sg.compile(f)).raise_for_failure()
    return f


def softplus_loss(X, y, w):
    z = X @ w
    return np.mean(np.logaddexp(0.0, z) - y * z)


FUNCTIONS = {
    "vector of matrix": (lambda A, x: np.tanh(A @ x), {"A": "n d", "x": "d"}),
    "matrix of vector": (lambda x: np.outer(x, np.sin(x)), {"x": "n"}),
    "tall": (lambda x: np.concatenate([x, x * x, np.exp(x)]), {"x": "3"}),
    "of a scalar": (lambda t, x: np.cos(t * x), {"t": "", "x": "n"}),
    "reductions and slices": (lambda x: np.sum(x[1:] * x[:-1], axis=1) + np.max(x), {"x": "3 n"}),
    "gather": (lambda x: x[np.array([0, 2, 2, 1])] ** 2, {"x": "4"}),
    "several": (lambda x, y: (x * np.sum(y), np.sum(x) * y), {"x": "n", "y": "m"}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobians_agree_with_the_oracle(name):
    body, shapes = FUNCTIONS[name]
    f = sg.trace(body, **shapes)
    for wrt in (*shapes, None):
        verified(sg.jacobian(f, wrt))


def test_a_dict_of_outputs_is_outermost():
    f = sg.trace(lambda x, y: {"a": x * y[0], "b": np.sum(x)}, x="n", y="2")
    out = sg.jacobian(f)(np.ones(3), [2.0, 5.0])
    assert out["a"].x.tolist() == (2.0 * np.eye(3)).tolist()
    assert out["a"].y.shape == (3, 2)
    assert out["b"].x.tolist() == [1.0] * 3 and out["b"].y.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("wrt", ["x", "y", ("x", "y"), None])
def test_hessians_agree_with_the_oracle(wrt):
    f = sg.trace(lambda x, y: np.sum(np.sin(np.outer(x, y))) + np.sum(x) ** 3, x="n", y="m")
    verified(sg.hessian(f, wrt))


def test_hessians_are_symmetric_and_named():
    f = sg.trace(softplus_loss, X="n d", y="n", w="d")
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(6, 3)), rng.integers(0, 2, 6), rng.normal(size=3)
    H = sg.hessian(f, wrt=("w", "y"))(X, y, w)
    assert np.allclose(H.w.w, H.w.w.T, rtol=1e-14)
    assert np.allclose(H.w.y, H.y.w.T, rtol=1e-14)
    s = 1 / (1 + np.exp(-(X @ w)))
    assert np.allclose(H.w.w, (X.T * (s * (1 - s) / 6)) @ X, rtol=1e-13)


def test_closed_forms():
    quadratic = sg.Module("m", {"h": sg.hessian(sg.trace(lambda x, A: x @ A @ x, x="n", A="n n"), "x")})
    assert "A + A.T" in quadratic.source() or "A.T + A" in quadratic.source()
    logistic = sg.Module("m", {"h": sg.hessian(sg.trace(softplus_loss, X="n d", y="n", w="d"), "w")}).source()
    assert "eye" not in logistic and logistic.count(" @ ") >= 2 and "for " not in logistic.split("def _")[0]
    diagonal = sg.Module("m", {"j": sg.jacobian(sg.trace(lambda x: np.sin(x) * x, x="n"), "x")}).source()
    assert "np.diag(" in diagonal


def test_elementwise_jacobians_are_per_point():
    f = sg.trace(lambda x, y: (np.sin(x) * y, x - y), x="...", y="...")
    first, second = sg.jacobian(f, "x")(np.ones((2, 1)), np.ones(3))
    assert first.shape == second.shape == (2, 3)
    assert (second == 1).all()
    verified(sg.jacobian(f))
    verified(sg.hessian(sg.trace(lambda x, y: np.exp(x * y), x="...", y="...")))


def test_hessian_is_the_jacobian_of_the_gradient():
    f = sg.trace(lambda x: np.sum(x**4) + np.prod(x), x="3")
    x = np.array([0.5, -1.5, 2.0])
    assert np.allclose(sg.hessian(f, "x")(x), sg.jacobian(sg.grad(f, "x"), "x")(x), rtol=1e-15)
    columns = [sg.hvp(f, "x")(x, e) for e in np.eye(3)]
    assert np.allclose(sg.hessian(f, "x")(x), columns, rtol=1e-14)


def test_vmap_maps():
    f = sg.trace(lambda x, A: np.max(A @ x) + x[0] * np.sum(A), x="n", A="k n")
    g = verified(sg.vmap(f, over={"x": "m"}))
    rng = np.random.default_rng(1)
    x, A = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    assert np.allclose(g(x, A), [f(row, A) for row in x], rtol=1e-14)
    both = sg.vmap(f, over={"x": "m", "A": "m"})
    A = rng.normal(size=(5, 4, 3))
    assert np.allclose(both(x, A), [f(*pair) for pair in zip(x, A)], rtol=1e-14)


def test_vmap_of_what_does_not_vary():
    f = sg.vmap(sg.trace(lambda x, y: np.sum(y), x="n", y="k"), over={"x": "m"})
    assert f(np.ones((4, 2)), [1.0, 2.0]).tolist() == [3.0] * 4


def test_per_sample_gradients():
    one = sg.trace(lambda x, y, w: (x @ w - y) ** 2, x="d", y="", w="d")
    g = verified(sg.vmap(sg.grad(one, "w"), over={"x": "n", "y": "n"}))
    X, y, w = np.arange(6.0).reshape(3, 2), np.ones(3), np.array([0.5, -1.0])
    assert np.allclose(g(X, y, w), 2 * (X @ w - y)[:, None] * X, rtol=1e-14)


def test_vmap_refuses():
    f = sg.trace(lambda x: x, x="...")
    with pytest.raises(sg.ShapeError, match=r"has '\.\.\.' arguments"):
        sg.vmap(f, over={"x": "m"})
    g = sg.trace(lambda x: x, x="n")
    with pytest.raises(sg.SpecError, match="no parameter 'y'"):
        sg.vmap(g, over={"y": "m"})
