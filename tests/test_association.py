"""Chains of matrix products: the order that costs least, where that is sure."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.options import Options
from symgrad.pipeline import prepare


def written(node, leaves=None):
    """The order of products as text: `A(BC)`."""
    if node.op.name == "input":
        return node.name
    inner = "".join(written(a) if a.op.name == "input" else f"({written(a)})" for a in node.args)
    return inner if node.op.name in ("matmat", "matvec", "vecmat") else f"{node.op.name}[{inner}]"


CASES = [
    (lambda A, B, C: A @ B @ C, {"A": "n d", "B": "d n", "C": "n 2"}, {}, "A(BC)"),
    (lambda A, B, C: A @ (B @ C), {"A": "2 d", "B": "d n", "C": "n d"}, {}, "(AB)C"),
    (lambda A, B, C: A @ B @ C, {"A": "n d", "B": "d k", "C": "k m"}, {}, "(AB)C"),
    (lambda A, B, C: A @ B @ C, {"A": "n d", "B": "d k", "C": "k m"},
     {"n": 1000, "d": 1000, "k": 1000, "m": 2}, "A(BC)"),
    (lambda A, B, C: A @ B @ C, {"A": "n d", "B": "d k", "C": "k m"},
     {"n": 2, "d": 1000, "k": 1000, "m": 1000}, "(AB)C"),
    (lambda A, B, C, D: A @ B @ C @ D, {"A": "50 10", "B": "10 40", "C": "40 30", "D": "30 5"},
     {}, "A(B(CD))"),
    (lambda A, B, v: A @ B @ v, {"A": "n d", "B": "d k", "v": "k"}, {}, "A(Bv)"),
    (lambda A, B, v: v @ (A @ B), {"A": "n d", "B": "d k", "v": "n"}, {}, "(vA)B"),
]  # fmt: skip


@pytest.mark.parametrize("f, shapes, typical, order", CASES)
def test_orders(f, shapes, typical, order):
    traced = sg.trace(f, name="f", **shapes)
    (result,) = prepare(traced, Options(typical)).output_nodes
    assert written(result) == order
    rng = np.random.default_rng(0)
    sizes = {"n": 4, "d": 3, "k": 5, "m": 2}
    arrays = [
        rng.normal(size=[int(s) if s.isdigit() else sizes[s] for s in text.split()])
        for text in shapes.values()
    ]
    got = sg.compile(traced, typical=typical)(*arrays)
    np.testing.assert_allclose(got, f(*arrays), rtol=1e-12, atol=1e-12)


def test_it_can_be_left_out():
    f = sg.trace(lambda A, B, C: A @ B @ C, name="f", A="n d", B="d n", C="n 2")
    assert written(prepare(f, Options(without=("association",))).output_nodes[0]) == "(AB)C"


def test_a_product_that_others_use_stays():
    def f(A, B, C):
        AB = A @ B
        return AB @ C, AB

    g = prepare(sg.trace(f, A="n d", B="d n", C="n 2"))
    assert written(g.output_nodes[0]) == "(AB)C" and g.ops()["matmat"] == 2


@pytest.mark.parametrize(
    "f, shapes, without",
    [
        (lambda s, A, v: (s[:, None] * A) @ v, {"s": "n", "A": "n d", "v": "d"}, "expand_dims"),
        (lambda t, A, v: (A * t) @ v, {"t": "d", "A": "n d", "v": "d"}, None),
        (lambda t, A, v: v @ (A * t), {"t": "d", "A": "n d", "v": "n"}, None),
        (lambda s, A, v: v @ (s[:, None] * A), {"s": "n", "A": "n d", "v": "n"}, "expand_dims"),
        (lambda x, y, v: np.outer(x, y) @ v, {"x": "n", "y": "d", "v": "d"}, "matvec"),
        (lambda v, A: np.diag(v) @ A, {"v": "n", "A": "n d"}, "matmat"),
        (lambda v, A: A @ np.diag(v), {"v": "d", "A": "n d"}, "matmat"),
        (lambda A, B: np.trace(A @ B), {"A": "n d", "B": "d n"}, "matmat"),
    ],
)
def test_matrices_that_need_not_be_made(f, shapes, without):
    traced = sg.trace(f, name="f", **shapes)
    g = prepare(traced)
    assert without not in g.ops()
    # Elementwise work is on the vectors, where the matrix is only multiplied.
    if "matvec" in g.ops() or "vecmat" in g.ops():
        assert all(node.rank < 2 for node in g.nodes() if node.op.name == "mul")
    rng = np.random.default_rng(1)
    sizes = {"n": 4, "d": 3}
    arrays = [rng.normal(size=[sizes[s] for s in text.split()]) for text in shapes.values()]
    np.testing.assert_allclose(sg.compile(traced)(*arrays), f(*arrays), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("exponent", [5, 6, 7, 8])
def test_whole_powers_are_products(exponent):
    f = sg.trace(lambda x: x**exponent, name="f", x="n")
    assert "power" not in prepare(f).ops()
    x = np.array([0.0, -0.0, 1.5, -2.0, 1e-40, 1e39, -1e200, np.inf, -np.inf, np.nan, 3.3e-41])
    with np.errstate(over="ignore", under="ignore"):
        # At most four roundings, an ulp or two from the power.
        np.testing.assert_allclose(sg.compile(f)(x), x**exponent, rtol=4e-16 * 2, atol=1e-320)
