"""dicts, tuples and NamedTuples as parameters and results, through every transform; batches beside them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import symgrad as sg
from symgrad.verify.check import verify_function


class Layer(NamedTuple):
    """Weights and bias of a layer."""

    W: object
    b: object


SHAPES = {"layers": (Layer("d h", "h"), Layer("h k", "k")), "scale": ""}


def verified(f):
    verify_function(f, sg.compile(f)).raise_for_failure()
    return f


def predict(p, X):
    first, second = p["layers"]
    hidden = np.tanh(X @ first.W + first.b)
    return p["scale"] * (hidden @ second.W + second.b)


def cost(p, X, Y):
    return np.mean((predict(p, X) - Y) ** 2)


@pytest.fixture(scope="module")
def loss():
    return sg.trace(cost, p=SHAPES, X="n d", Y="n k", name="loss")


def point(seed=0):
    rng = np.random.default_rng(seed)

    def layer(a, b):
        return Layer(rng.normal(size=(a, b)), rng.normal(size=b))

    p = {"layers": (layer(3, 4), layer(4, 2)), "scale": 1.5}
    return p, rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def test_gradients_have_the_structure_of_the_parameter(loss):
    p, X, Y = point()
    g = sg.grad(loss, "p")(p, X, Y)
    assert list(g) == ["layers", "scale"] and isinstance(g["layers"], tuple)
    assert g["layers"][0].W.shape == (3, 4) and g["layers"][1].b.shape == (2,) and np.ndim(g["scale"]) == 0
    value, pulled = sg.value_and_grad(loss, ("p", "X"))(p, X, Y)
    assert value == loss(p, X, Y) and np.array_equal(pulled.p["layers"][0].W, g["layers"][0].W)


TRANSFORMS = {
    "grad": lambda f: sg.grad(f, "p"),
    "value_and_grad": lambda f: sg.value_and_grad(f, None),
    "vjp": lambda f: sg.vjp(f, "p"),
    "jvp": lambda f: sg.jvp(f, ("p", "Y")),
    "hvp": lambda f: sg.hvp(f, "p"),
    "jacobian": lambda f: sg.jacobian(f, "p"),
    "sparse jacobian": lambda f: sg.jacobian(f, "p", sparse=True),
    "simplify": sg.simplify,
    "flatten": lambda f: sg.flatten(f, "p"),
    "gradient of a flattened function": lambda f: sg.grad(sg.flatten(f, "p")),
    "vmap": lambda f: sg.vmap(f, {"X": "m"}),
    "vmap of a gradient": lambda f: sg.vmap(sg.grad(f, "p"), {"X": "m"}),
    "vmap over a structure": lambda f: sg.vmap(f, {"p": "m"}),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_of_structured_parameters(loss, name):
    verified(TRANSFORMS[name](loss))


class Pair(NamedTuple):
    """Two vectors."""

    x: object
    y: object


def test_hessians_of_structures():
    """The structure of the parameter twice, and symmetric in it."""

    def f(p):
        return np.sum(np.sin(np.outer(p["a"], p["b"].x))) * np.sum(p["b"].y) ** 2

    g = sg.trace(f, p={"a": "n", "b": Pair("m", "2")})
    H = verified(sg.hessian(g, "p"))({"a": np.ones(2), "b": Pair(np.arange(3.0), np.array([1.0, 2.0]))})
    assert H["a"]["b"].x.shape == (2, 3) and H["b"].y["a"].shape == (2, 2)
    assert np.allclose(H["a"]["b"].x, H["b"].x["a"].T, rtol=1e-14)
    verified(sg.hessian(g, "p", sparse=True))


RESULTS = {
    "tuple": lambda x, y: (x * y[0], np.sum(x)),
    "dict": lambda x, y: {"product": x * y[0], "total": (np.sum(x), y)},
    "NamedTuple": lambda x, y: Layer(np.outer(x, y), x**2),
}


@pytest.mark.parametrize("name", RESULTS)
def test_the_structure_of_results_is_outermost(name):
    f = sg.trace(RESULTS[name], x="n", y="2")
    for g in (
        sg.jacobian(f, "x"), sg.jacobian(f), sg.jacobian(f, ("y", "x"), sparse=True), sg.vjp(f, "x"),
        sg.jvp(f), sg.vmap(f, {"x": "m"}),
    ):  # fmt: skip
        verified(g)
    J = sg.jacobian(f)(np.ones(3), np.ones(2))
    first = J.W if name == "NamedTuple" else J["product"] if name == "dict" else J[0]
    assert first.x.shape == ((3, 2, 3) if name == "NamedTuple" else (3, 3))


def test_an_argument_that_nothing_depends_on_has_zeros_of_its_shape():
    f = sg.trace(lambda x, y: np.sum(x**2), x="n", y={"a": "m 2", "b": ""})
    g = sg.grad(f)(np.ones(3), {"a": np.ones((4, 2)), "b": 1.0})
    assert g.y["a"].shape == (4, 2) and not g.y["a"].any() and g.y["b"] == 0
    H = sg.hessian(f)(np.ones(3), {"a": np.ones((4, 2)), "b": 1.0})
    assert H.x.y["a"].shape == (3, 4, 2) and H.y["a"].x.shape == (4, 2, 3) and not H.y["a"].x.any()
    data, row, column = sg.jacobian(f, "y", sparse=True)(np.ones(3), {"a": np.ones((4, 2)), "b": 1.0})["a"]
    assert data.shape == row.shape == column.shape == (0,)
    verified(sg.hvp(f))


# --- `...` and shaped arguments -------------------------------------------------------------------------

MIXED = {
    "scalar an example": (lambda x, w: np.tanh(x @ w), {"x": "... d", "w": "d"}),
    "vector an example": (lambda x, W, b: np.tanh(x @ W) + b, {"x": "... d", "W": "d k", "b": "k"}),
    "elementwise and a scalar": (lambda x, c: np.sin(x * c), {"x": "...", "c": ""}),
    "running sums": (lambda x, w: np.cumsum(np.sin(x) * w), {"x": "... d", "w": "d"}),
    "a system": (
        lambda A, b: np.linalg.solve(A @ A.T + 3 * np.eye(2), b),
        {"A": "... 2 2", "b": "2"},
    ),
    "elementwise and a vector": (lambda x, w: x * w**2, {"x": "... d", "w": "d"}),
}


@pytest.mark.parametrize("name", MIXED)
def test_shaped_arguments_beside_a_batch(name):
    body, shapes = MIXED[name]
    f = sg.trace(body, **shapes)
    for mode in ("auto", "forward", "reverse"):
        verified(sg.jacobian(f, mode=mode))
    if name in ("scalar an example", "elementwise and a scalar"):
        for g in (sg.grad(f), sg.hvp(f), sg.hessian(f, tuple(shapes)), sg.hessian(f, list(shapes)[1])):
            verified(g)


def test_a_batch_is_in_front_and_shaped_arguments_are_of_the_sum():
    f = sg.trace(lambda x, w: np.tanh(x @ w), x="... d", w="d k")
    x, w = np.random.default_rng(0).normal(size=(5, 6, 3)), np.ones((3, 2))
    J = sg.jacobian(f)(x, w)
    assert J.x.shape == (5, 6, 2, 3) and J.w.shape == (2, 3, 2)
    single = sg.jacobian(sg.trace(lambda x, w: np.tanh(x @ w), x="d", w="d k"))
    parts = [single(row, w) for row in x.reshape(-1, 3)]
    assert np.allclose(J.x.reshape(-1, 2, 3), [p.x for p in parts], rtol=1e-14)
    assert np.allclose(J.w, sum(p.w for p in parts), rtol=1e-13)
