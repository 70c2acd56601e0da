"""Jacobians as blocks: every operation that moves or combines them, dense and sparse, in both modes."""

from __future__ import annotations

import re

import numpy as np
import pytest

import symgrad as sg
from symgrad.blocks.table import CARRY
from symgrad.shapes import parse_shape, product
from symgrad.transforms.jacobian import is_larger
from symgrad.verify.check import verify_function

ROWS = sg.array("e", "int64")

#: Scalar functions; their Hessians go through the blocks of a pullback, of a tangent map and of both.
HESSIANS = {
    "band": (lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), {"x": "n"}, "x"),
    "band of fixed size": (lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2), {"x": "6"}, "x"),
    "five bands": (lambda x: np.sum((x[2:] - 2 * x[1:-1] + x[:-2]) ** 4), {"x": "n"}, "x"),
    "grid": (
        lambda u: np.sum((u[1:, :] - u[:-1, :]) ** 4) + np.sum((u[:, 1:] - u[:, :-1]) ** 4),
        {"u": "n m"},
        "u",
    ),
    "borders": (lambda x: np.sum((np.pad(x, 1)[2:] * x - np.pad(x, 1)[:-2]) ** 3), {"x": "n"}, "x"),
    "edges": (lambda x, i, j: np.sum(np.sin(x[i] - x[j]) ** 2), {"x": "n", "i": ROWS, "j": ROWS}, "x"),
    "picked rows": (lambda x, i: np.sum(np.sum(x[i] ** 2, axis=1) ** 2), {"x": "n 3", "i": ROWS}, "x"),
    "segments": (lambda x, i: np.sum(sg.segment_sum(x, i, 2) ** 3), {"x": "e", "i": ROWS}, "x"),
    "roll": (lambda x: np.sum(np.sin(x * np.roll(x, 1))), {"x": "n"}, "x"),
    "factorisation": (
        lambda T, U, V: np.sum((T - U @ V.T) ** 2),
        {"T": "m n", "U": "m k", "V": "n k"},
        ("U", "V"),
    ),
    "softmax": (
        lambda X, Y, W: -np.sum(Y * sg.log_softmax(X @ W, axis=1)),
        {"X": "n d", "Y": "n k", "W": "d k"},
        "W",
    ),
    "network": (
        lambda A, B, x: np.sum(np.tanh(B @ np.tanh(A @ x)) ** 2),
        {"A": "h d", "B": "k h", "x": "d"},
        ("A", "x"),
    ),
    "entries": (lambda x: x[0] ** 2 * x[1] + np.sin(x[2] * x[0]), {"x": "3"}, "x"),
    "cumsum": (lambda x: np.sum(np.cumsum(x) ** 3), {"x": "n"}, "x"),
    "solve": (
        lambda A, b: np.sum(np.linalg.solve(A + 3 * np.eye(3), b) ** 2),
        {"A": "3 3", "b": "3"},
        ("A", "b"),
    ),
    "parts of a vector": (
        lambda t: np.sum(np.tanh(t[:6].reshape(2, 3) @ t[6:9]) ** 2),
        {"t": "9"},
        "t",
    ),
    "windows": (
        lambda x: np.sum(np.convolve(x, np.array([1.0, 2.0, -1.0]), mode="valid") ** 4),
        {"x": "n"},
        "x",
    ),
    "backwards": (lambda x: np.sum(x * x[::-1] ** 2), {"x": "n"}, "x"),
    "every other": (lambda x: np.sum(x[::2] ** 3 * x[1::2]), {"x": "6"}, "x"),
    "branches": (lambda x: np.sum(np.where(x > 0, np.log(x), x**3)), {"x": "n"}, "x"),
    "maximum": (lambda x: np.sum(np.max(x, axis=1) ** 2 * x[:, 0]), {"x": "n 3"}, "x"),
    "sorted": (lambda x: np.sum(np.sort(x) ** 3 * np.array([1.0, 2.0, 3.0, 4.0])), {"x": "4"}, "x"),
    "log determinant": (
        lambda x: np.linalg.slogdet(np.outer(x, x) + np.eye(3))[1],
        {"x": "3"},
        "x",
    ),
    "distances": (
        lambda x, c: np.sum(np.linalg.norm(x - c, axis=1)),
        {"x": "n 2", "c": "2"},
        ("x", "c"),
    ),
    "kron": (lambda x, y: np.sum(np.kron(x, y) ** 3), {"x": "2 n", "y": "m 2"}, ("x", "y")),
    "stack of products": (lambda a, b: np.sum((a @ b) ** 3), {"a": "s n k", "b": "k m"}, ("a", "b")),
    "chain of products": (
        lambda a, b, c: np.sum(np.einsum("ij,jk,kl->il", a, b, c) ** 2),
        {"a": "2 n", "b": "n 3", "c": "3 m"},
        "b",
    ),
    "product of entries": (lambda x: np.prod(x), {"x": "4"}, "x"),
    "diagonals": (
        lambda x: np.sum((np.diag(x) @ np.diag(x[::-1]) + np.outer(x, x)) ** 3),
        {"x": "n"},
        "x",
    ),
    "trace": (lambda A: np.trace(A @ A @ A), {"A": "n n"}, "A"),
    "triangle": (lambda A: np.sum(np.tril(A) @ np.tril(A).T), {"A": "3 3"}, "A"),
    "joined": (
        lambda x, y: np.sum(np.concatenate([x, y**2, x[1:]]) ** 3),
        {"x": "n", "y": "m"},
        ("x", "y"),
    ),
    "variance": (lambda x: np.var(x) * np.mean(x) ** 2, {"x": "n"}, "x"),
    "one element": (lambda x: np.sum((x * np.arange(3.0)) ** 3), {"x": "1"}, "x"),
    "all pairs": (lambda x: np.sum(np.sin(x[:, None] * x[None, :])), {"x": "n"}, "x"),
    "unrolled": (lambda x: sum((x[i + 1] - x[i] ** 2) ** 2 for i in range(8)), {"x": "9"}, "x"),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_hessians_agree_with_the_oracle(name):
    body, shapes, wrt = HESSIANS[name]
    f = sg.trace(body, **shapes)
    for sparse in (False, True):
        for mode in ("auto", "forward"):
            h = sg.hessian(f, wrt, sparse=sparse, mode=mode)
            verify_function(h, sg.compile(h)).raise_for_failure()


JACOBIANS = {
    "diagonal": (lambda x: np.sin(x) * x, {"x": "n m"}, "x"),
    "matrix": (lambda A, x: np.tanh(A @ x), {"A": "m n", "x": "n"}, ("A", "x")),
    "band": (lambda x: x[1:] ** 2 - x[:-1], {"x": "n"}, "x"),
    "several": (lambda x, y: {"a": x * y[0], "b": (np.sum(x), np.outer(x, y))}, {"x": "n", "y": "2"}, None),
    "along an axis": (
        lambda x, i: np.take_along_axis(x, i, 1) ** 2,
        {"x": "n 3", "i": sg.array("n 2", "int64")},
        "x",
    ),
    "nothing": (lambda x, y: x * 2, {"x": "n", "y": "m"}, ("x", "y")),
}


@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobians_agree_with_the_oracle(name):
    body, shapes, wrt = JACOBIANS[name]
    f = sg.trace(body, **shapes)
    for sparse in (False, True):
        for mode in ("forward", "reverse"):
            j = sg.jacobian(f, wrt, sparse=sparse, mode=mode)
            verify_function(j, sg.compile(j)).raise_for_failure()


def body_of(function: object) -> str:
    return sg.Module("m", {"h": function}).source().split("\n\n\ndef _")[0]


def test_closed_forms():
    def closed(body, wrt, **shapes):
        return body_of(sg.hessian(sg.trace(body, name="f", **shapes), wrt))

    logistic = closed(
        lambda X, y, w: np.mean(np.logaddexp(0.0, X @ w) - y * (X @ w)), "w", X="n d", y="n", w="d"
    )
    assert re.search(r"t3 = np\.sqrt\(.*\)\[:, None\] \* X", logistic)
    assert "f_hessian = t3.T @ t3 / n" in logistic
    assert "A + A.T" in closed(lambda x, A: x @ A @ x, "x", x="n", A="n n")
    gram = closed(lambda A, x: np.sum((A @ x) ** 4), "x", A="m n", x="n")
    assert "t1 = (A @ x)[:, None] * A" in gram and "f_hessian = 12.0 * (t1.T @ t1)" in gram
    signed = closed(lambda A, x: np.sum((A @ x) ** 3), "x", A="m n", x="n")
    assert "6.0 * (A.T @ ((A @ x)[:, None] * A))" in signed
    factors = closed(lambda T, U, V: np.sum((T - U @ V.T) ** 2), "U", T="m n", U="m k", V="n k")
    assert 'np.einsum("ijik->ijk", f_hessian)[...] = 2.0 * (V.T @ V)' in factors
    assert "eye" not in logistic + gram + factors


def test_sparse_entries_are_the_structural_ones():
    f = sg.trace(lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), x="n")
    for n in (2, 3, 50):
        data, row, col = sg.hessian(f, "x", sparse=True)(np.ones(n))
        places = sorted(zip(row.tolist(), col.tolist()))
        assert places == [(i, j) for i in range(n) for j in range(n) if abs(i - j) <= 1]
        assert data.shape == (3 * n - 2,)
    diagonal, row, col = sg.jacobian(sg.trace(lambda x: np.exp(x), x="n m"), "x", sparse=True)(
        np.ones((2, 3))
    )
    assert row.tolist() == col.tolist() == list(range(6)) and (diagonal == np.e).all()


def test_an_index_gives_a_fixed_number_of_entries_a_row():
    """Two residuals an observation, each of 3 numbers of its camera's 4 and of 2 of its point's 3."""

    def residual(cameras, points, camera, point):
        pose, place = cameras[camera], points[point]
        moved = place - pose[:, :3]
        return pose[:, 3:] * moved[:, :2] / moved[:, 2:]

    shapes = {"cameras": "c 4", "points": "p 3", "camera": ROWS, "point": ROWS}
    j = sg.jacobian(sg.trace(residual, **shapes), ("cameras", "points"), sparse=True)
    rng = np.random.default_rng(0)
    args = rng.normal(size=(2, 4)), rng.normal(size=(5, 3)), rng.integers(-2, 2, 7), rng.integers(0, 5, 7)
    found = j(*args)
    assert found.cameras[0].shape == (7 * 2 * 3,) and found.points[0].shape == (7 * 2 * 2,)
    assert found.cameras[1].min() >= 0 and found.cameras[2].max() < 8
    with pytest.raises(IndexError):
        j(args[0], args[1], args[2], args[3] + 5)


def steps(u, k, count):
    """A nonlinear diffusion, step by step: each reaches one neighbour further."""
    for _ in range(count):
        wide = np.pad(u, 1)
        u = u + k * np.tanh(wide[2:] - 2 * u + wide[:-2])
    return u


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_many_bands_are_found_by_coloured_seeds(mode):
    """Bands of 25 steps from 51 products: fewer operations than there are ways through the steps."""
    f = sg.trace(lambda u, k: steps(u, k, 25), u="n", k="", name="diffusion")
    j = sg.jacobian(f, "u", sparse=True, mode=mode)
    assert len(j.nodes()) < 1000
    assert all(sum("n" in str(size) for size in node.shape) <= 1 for node in j.nodes())
    dense = sg.compile(sg.jacobian(f, "u"))
    for n in (2, 30, 70):
        u = np.random.default_rng(n).normal(size=n)
        data, row, col = j(u, 0.1)
        bands = [(i, k) for i in range(n) for k in range(n) if abs(i - k) <= 25]
        assert sorted(zip(row.tolist(), col.tolist())) == bands
        found = np.zeros((n, n))
        found[row, col] = data
        np.testing.assert_allclose(found, dense(u, 0.1), rtol=0, atol=1e-15)


def test_colours_on_a_grid():
    def smooth(u):
        for _ in range(3):
            wide = np.pad(u, 1)
            u = u * (wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2])
        return u

    f = sg.trace(smooth, u="n m")
    j = sg.jacobian(f, "u", sparse=True)
    u = np.random.default_rng(0).normal(size=(6, 5))
    data, row, col = j(u)
    found = np.zeros((30, 30))
    np.add.at(found, (row, col), data)
    np.testing.assert_allclose(found, sg.jacobian(f, "u")(u).reshape(30, 30), rtol=1e-13, atol=1e-13)


def test_sparse_work_is_linear():
    """No array of the module has two axes of the size of the argument."""
    f = sg.trace(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2), x="n")
    for node in sg.hessian(f, "x", sparse=True).nodes():
        assert sum("n" in str(size) for size in node.shape) <= 1


def test_derivatives_of_derivatives():
    f = sg.trace(lambda x: np.sum(x[1:] ** 3 * x[:-1] ** 2), x="n")
    third = sg.jacobian(sg.hessian(f, "x"), "x")
    verify_function(third, sg.compile(third)).raise_for_failure()
    g = sg.trace(lambda A, x: np.sum(np.sin(A @ x)), A="m n", x="n")
    for h in (
        sg.jacobian(sg.vmap(sg.trace(lambda x: np.sum(x**3), x="n"), {"x": "m"}), "x"),
        sg.vmap(sg.hessian(f, "x"), {"x": "m"}),
        sg.vmap(sg.hessian(g, "x"), {"x": "m"}),
        sg.grad(sg.trace(lambda x: np.sum(sg.hessian(f, "x")(x) ** 2), x="n"), "x"),
    ):
        verify_function(h, sg.compile(h)).raise_for_failure()


def test_every_rule_is_of_an_operation_with_an_adjoint():
    from symgrad.node import OPS

    for name in CARRY:
        adjoint = OPS[name].adjoint
        assert callable(adjoint) or any(rule is not None for rule in adjoint.values())


@pytest.mark.parametrize(
    "output, argument, forward",
    [
        ("n", "", True), ("n m", "n", True), ("n", "n m", False), ("n", "n", False), ("5", "3", True),
        ("3", "5", False),
        ("2*n", "n", True), ("n", "2*n", False), ("n", "3", True), ("3", "n", False), ("n m", "k", True),
        ("k", "n m", False), ("n+1", "n", False),
    ],
)  # fmt: skip
def test_tall_jacobians_go_forward_and_wide_ones_in_reverse(output, argument, forward):
    """By the number of elements, symbolic or not; by that of named dimensions where it does not tell."""
    sizes = [product(parse_shape(text)) for text in (output, argument)]
    assert is_larger(*sizes) is forward


def test_refusals():
    f = sg.trace(lambda x: np.sum(x**2), x="n")
    with pytest.raises(sg.SpecError, match="mode='sideways'"):
        sg.jacobian(f, "x", mode="sideways")
    with pytest.raises(sg.ShapeError, match="no rows and columns"):
        sg.jacobian(sg.trace(lambda x: x**2, x="..."), "x", sparse=True)
    with pytest.raises(sg.SpecError, match="did you mean 'x'"):
        sg.hessian(sg.trace(lambda x, y: np.sum(x * y), x="n", y="n"), "xx")


# --- what derivatives of every kind have in common ------------------------------------------------------


def curved(x, A):
    return np.sum(np.tanh(A @ x) ** 2) + np.prod(x) * np.sum(np.exp(A))


@pytest.fixture(scope="module")
def both():
    f = sg.trace(curved, x="n", A="m n", name="f")
    rng = np.random.default_rng(3)
    return f, (rng.normal(size=3), rng.normal(size=(2, 3)))


def test_three_ways_to_a_hessian(both):
    """The Hessian, the Jacobian of the gradient, and gradients of derivatives along each axis."""
    f, (x, A) = both
    H = sg.hessian(f, "x")(x, A)
    np.testing.assert_array_equal(H, sg.jacobian(sg.grad(f, "x"), "x")(x, A))
    np.testing.assert_allclose(H, H.T, rtol=1e-13)
    along = sg.trace(lambda x, A, v: sg.grad(f, "x")(x, A) @ v, x="n", A="m n", v="n")
    rows = [sg.grad(along, "x")(x, A, e) for e in np.eye(3)]
    np.testing.assert_allclose(H, rows, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(H, [sg.hvp(f, "x")(x, A, e) for e in np.eye(3)], rtol=1e-12, atol=1e-13)


def test_sympy_agrees_with_a_hessian(both):
    """Second derivatives by sympy of the expression that the function means at small sizes."""
    sp = pytest.importorskip("sympy")
    f, (x, A) = both
    expression = sg.to_sympy(f, n=3, m=2)
    symbols = {str(s): s for s in expression.free_symbols}
    xs = [symbols[name] for name in sorted(symbols) if name.startswith("x")]
    others = [symbols[name] for name in sorted(symbols) if name.startswith("A")]
    values = dict(zip(xs, map(sp.Float, x)))
    values.update(zip(others, map(sp.Float, A.ravel())))
    want = [[float(sp.diff(expression, a, b).subs(values)) for b in xs] for a in xs]
    np.testing.assert_allclose(sg.hessian(f, "x")(x, A), want, rtol=1e-12)


def test_a_jacobian_is_what_jvp_and_vjp_multiply_by(both):
    f = sg.trace(lambda x, A: np.outer(np.sin(A @ x), x), x="n", A="m n")
    _, (x, A) = both
    rng = np.random.default_rng(4)
    x_dot, A_dot, ct = rng.normal(size=3), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    J = sg.jacobian(f)(x, A)
    _, moved = sg.jvp(f)(x, A, x_dot, A_dot)
    _, pulled = sg.vjp(f)(x, A, ct)
    np.testing.assert_allclose(moved, J.x @ x_dot + np.tensordot(J.A, A_dot, 2), rtol=1e-12)
    np.testing.assert_allclose(pulled.x, np.tensordot(ct, J.x, 2), rtol=1e-12)
    left, right = np.sum(ct * moved), pulled.x @ x_dot + np.sum(pulled.A * A_dot)
    assert abs(left - right) <= 1e-12 * np.sum(np.abs(ct * moved))


def test_wrt_that_cannot_be(both):
    f, _ = both
    with pytest.raises(sg.SpecError, match="no parameter 'B'"):
        sg.hessian(f, "B")
    picked = sg.trace(lambda x, i: x[i] ** 2, x="n", i=sg.array("", "int64"))
    for transform in (sg.grad, sg.jacobian, sg.hessian, sg.jvp, sg.vjp, sg.hvp):
        with pytest.raises(sg.NotDifferentiableError, match="int64"):
            transform(picked, "i")
    assert list(sg.grad(picked, None)(np.ones(3), 1)._fields) == ["x"]
    for transform in (sg.grad, sg.value_and_grad, sg.hessian, sg.hvp):
        with pytest.raises(sg.NotDifferentiableError, match="not a scalar") as caught:
            transform(sg.trace(lambda x: x * 2, x="n", name="double"), "x")
        assert "sg.vjp" in str(caught.value) and "sg.jacobian" in str(caught.value)
        with pytest.raises(sg.NotDifferentiableError, match="2 outputs"):
            transform(sg.trace(lambda x: (x[0], x[1]), x="2"), "x")
