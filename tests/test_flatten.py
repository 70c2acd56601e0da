"""`flatten`: one vector for several arguments, and what optimisers do with it."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

import symgrad as sg
from symgrad.verify.check import verify_function


def verified(f):
    verify_function(f, sg.compile(f)).raise_for_failure()
    return f


def loss(X, y, w, b):
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z)


def network(params, X, Y):
    hidden = np.tanh(X @ params["W1"] + params["b1"])
    return np.mean((hidden @ params["W2"] + params["b2"] - Y) ** 2)


def logistic():
    return sg.flatten(sg.trace(loss, X="n d", y="n", w="d", b=""), ("w", "b"))


def mlp():
    shapes = {"W1": "d h", "b1": "h", "W2": "h k", "b2": "k"}
    return sg.flatten(sg.trace(network, params=shapes, X="n d", Y="n k"), "params")


@pytest.mark.parametrize("make", [logistic, mlp])
def test_every_transform_of_a_flattened_function(make):
    f = make()
    assert f.parameters[0].name == "theta"
    for g in (
        f, f.pack, f.unpack, sg.value_and_grad(f, "theta"), sg.grad(f, "theta"), sg.vjp(f, "theta"),
        sg.jvp(f, "theta"), sg.hvp(f, "theta"), sg.hessian(f, "theta"), sg.hessian(f, "theta", sparse=True),
        sg.jacobian(sg.grad(f, "theta"), "theta"),
    ):  # fmt: skip
        verified(g)


def test_pack_and_unpack_undo_each_other():
    f = logistic()
    theta = f.pack([1.0, 2.0, 3.0], 4.0)
    assert theta.tolist() == [1.0, 2.0, 3.0, 4.0]
    w, b = f.unpack(theta)
    assert w.tolist() == [1.0, 2.0, 3.0] and b == 4.0
    assert f.pack(*f.unpack(theta)).tolist() == theta.tolist()
    assert f.pack(np.zeros(0), 1.0).tolist() == [1.0]
    derived = sg.value_and_grad(f, "theta")
    assert derived.unpack is f.unpack and derived.pack is f.pack


def test_values_and_gradients_are_those_of_the_arguments():
    f, g = sg.trace(loss, X="n d", y="n", w="d", b=""), logistic()
    rng = np.random.default_rng(0)
    X, y, w, b = rng.normal(size=(5, 3)), rng.integers(0, 2, 5), rng.normal(size=3), 0.5
    theta = g.pack(w, b)
    assert g(theta, X, y) == f(X, y, w, b)
    gradient = sg.grad(f, ("w", "b"))(X, y, w, b)
    assert sg.grad(g, "theta")(theta, X, y).tolist() == [*gradient.w, gradient.b]
    full = sg.hessian(f, ("w", "b"))(X, y, w, b)
    flat = sg.hessian(g, "theta")(theta, X, y)
    assert np.allclose(flat[:3, :3], full.w.w, rtol=1e-14) and np.allclose(flat[3, :3], full.b.w, rtol=1e-14)


def test_a_structure_comes_back_as_it_is():
    Point = namedtuple("Point", "x y")

    def f(p, k):
        return p["a"] * np.sum(p["b"][0].x) + np.sum(p["b"][1] ** 2) * k

    g = sg.flatten(sg.trace(f, p={"a": "", "b": (Point("n", "2"), "n 2")}, k=""), "p")
    point = {"a": 2.0, "b": (Point(np.arange(3.0), np.ones(2)), np.ones((3, 2)))}
    theta = g.pack(point)
    assert theta.tolist() == [2, 0, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1]
    back = g.unpack(theta)
    assert back["a"] == 2 and back["b"][0].x.tolist() == [0, 1, 2] and back["b"][1].shape == (3, 2)
    verified(sg.grad(g, "theta"))


def test_sizes_that_the_length_alone_does_not_tell():
    f = mlp()
    assert [p.name for p in f.unpack.parameters] == ["theta", "X", "Y"]
    theta = np.arange(3 * 4 + 4 + 4 * 2 + 2.0)
    params = f.unpack(theta, np.zeros((1, 3)), np.zeros((1, 2)))
    assert params["W1"].shape == (3, 4) and params["W2"].shape == (4, 2)
    with pytest.raises(ValueError, match="theta: expected shape"):
        f.unpack(theta[:-1], np.zeros((1, 3)), np.zeros((1, 2)))


def test_a_flattened_function_is_called_inside_another():
    """Sizes follow from the length of the vector there too."""
    flat = sg.flatten(sg.trace(lambda w, b: np.sum(w**2) + b, w="d", b="", name="f"), ("w", "b"))
    g = sg.trace(lambda t: flat(t) * 2 + flat.unpack(t).b, t="m+1")
    assert g([1.0, 2.0, 3.0]) == 2 * (1 + 4 + 3) + 3
    verified(sg.hessian(g, "t"))
    h = sg.trace(lambda w: flat.pack(w, 1.0), w="4")
    assert h(np.zeros(4)).tolist() == [0, 0, 0, 0, 1]


def test_refusals():
    two = sg.trace(lambda A, B: np.sum(A @ B), A="m k", B="k n")
    with pytest.raises(sg.SpecError, match="sizes of f do not follow from the length of one vector: m, k, n"):
        sg.flatten(two, ("A", "B"))
    with pytest.raises(sg.SpecError, match="do not follow"):
        sg.flatten(sg.trace(lambda A: np.sum(A), A="n n"), "A")
    with pytest.raises(sg.ShapeError, match="which has no length"):
        sg.flatten(sg.trace(lambda x: x**2, x="..."), "x")
    with pytest.raises(sg.SpecError, match="did you mean 'w'"):
        sg.flatten(sg.trace(loss, X="n d", y="n", w="d", b=""), "W")
    with pytest.raises(sg.NotDifferentiableError, match="int64"):
        sg.flatten(sg.trace(lambda i, x: x[i], i=sg.array("", "int64"), x="n"), "i")


# --- a generated module in the hands of an optimiser ---------------------------------------------------

scipy_optimize = pytest.importorskip("scipy.optimize")
scipy_sparse = pytest.importorskip("scipy.sparse")
scipy_integrate = pytest.importorskip("scipy.integrate")


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.fixture(scope="module")
def generated():
    """One module with all that the solvers below take."""
    chain = sg.trace(rosenbrock, x="n")
    fit = logistic()
    decay = sg.trace(lambda p, t, y: p[0] * np.exp(-p[1] * t) + p[2] - y, p="3", t="m", y="m", name="decay")
    edges = sg.trace(
        lambda x, i, j, length: np.append(np.sum((x[i] - x[j]) ** 2, axis=1) - length**2, x[0]),
        x="n 2",
        i=sg.array("e", "int64"),
        j=sg.array("e", "int64"),
        length="e",
        name="edges",
    )
    placed = sg.flatten(edges, "x")
    pair = sg.trace(
        lambda z: np.stack([z[0] ** 2 + z[1] ** 2 - 4, np.exp(z[0]) + z[1] - 1]), z="2", name="pair"
    )
    field = sg.trace(
        lambda t, y: np.stack([y[1], 50 * (1 - y[0] ** 2) * y[1] - y[0]]), t="", y="2", name="field"
    )
    return sg.Module(
        "solvers",
        {
            "chain_value_and_grad": sg.value_and_grad(chain, "x"),
            "chain_hvp": sg.hvp(chain, "x"),
            "chain_hessian": sg.hessian(chain, "x"),
            "chain_hessian_sparse": sg.hessian(chain, "x", sparse=True),
            "loss_value_and_grad": sg.value_and_grad(fit, "theta"),
            "loss_hessian": sg.hessian(fit, "theta"),
            "loss_pack": fit.pack,
            "loss_unpack": fit.unpack,
            "decay": decay,
            "decay_jacobian": sg.jacobian(decay, "p"),
            "edges": placed,
            "edges_pack": placed.pack,
            "edges_jacobian": sg.jacobian(placed, "theta", sparse=True),
            "pair": pair,
            "pair_jacobian": sg.jacobian(pair, "z"),
            "field": field,
            "field_jacobian": sg.jacobian(field, "y"),
        },
    ).load()


def test_minimize_with_gradients(generated):
    result = scipy_optimize.minimize(
        generated.chain_value_and_grad,
        np.full(20, -1.0),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500},
    )
    assert result.success and np.allclose(result.x, 1, atol=1e-4)


@pytest.mark.parametrize("curvature", ["hessp", "hess", "sparse hess"])
def test_minimize_with_curvature(generated, curvature):
    def sparse(x):
        data, row, column = generated.chain_hessian_sparse(x)
        return scipy_sparse.csr_array((data, (row, column)), shape=(len(x), len(x)))

    extra = {
        "hessp": {"hessp": generated.chain_hvp, "method": "Newton-CG"},
        "hess": {"hess": generated.chain_hessian, "method": "trust-exact"},
        "sparse hess": {"hess": sparse, "method": "trust-constr"},
    }[curvature]
    result = scipy_optimize.minimize(
        generated.chain_value_and_grad, np.full(8, 0.5), jac=True, tol=1e-9, options={"maxiter": 400}, **extra
    )
    assert np.allclose(result.x, 1, atol=1e-5)


def test_a_model_of_two_arguments_is_fitted(generated):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3))
    y = (rng.random(200) < 1 / (1 + np.exp(-(X @ [1.0, -2.0, 0.5] + 0.3)))).astype(float)
    start = generated.loss_pack(np.zeros(3), 0.0)
    result = scipy_optimize.minimize(
        generated.loss_value_and_grad,
        start,
        (X, y),
        jac=True,
        tol=1e-10,
        hess=generated.loss_hessian,
        method="trust-exact",
    )
    w, b = generated.loss_unpack(result.x)
    # At the maximum of the likelihood the residuals are orthogonal to the data.
    residual = 1 / (1 + np.exp(-(X @ w + b))) - y
    assert np.abs(X.T @ residual).max() < 1e-6 and abs(residual.sum()) < 1e-6


def test_least_squares_with_a_dense_jacobian(generated):
    t = np.linspace(0, 4, 30)
    y = 2.5 * np.exp(-1.3 * t) + 0.5
    result = scipy_optimize.least_squares(
        generated.decay, [1.0, 1.0, 0.0], jac=generated.decay_jacobian, args=(t, y)
    )
    assert np.allclose(result.x, [2.5, 1.3, 0.5], rtol=1e-8)


def test_least_squares_with_a_sparse_jacobian(generated):
    """A triangulated strip of points, found again from the lengths of its edges."""
    n = 12
    truth = np.stack([np.arange(n) * 0.5, (np.arange(n) % 2) * 0.8], axis=1)
    i = np.concatenate([np.arange(n - 1), np.arange(n - 2)])
    j = np.concatenate([np.arange(1, n), np.arange(2, n)])
    length = np.linalg.norm(truth[i] - truth[j], axis=1)

    def jacobian(theta, *args):
        data, row, column = generated.edges_jacobian(theta, *args)
        return scipy_sparse.csr_matrix((data, (row, column)), shape=(len(i) + 2, len(theta)))

    start = generated.edges_pack(truth + 0.05 * np.random.default_rng(2).normal(size=(n, 2)))
    result = scipy_optimize.least_squares(
        generated.edges, start, jac=jacobian, args=(i, j, length), tr_solver="lsmr", xtol=1e-12, ftol=1e-14
    )
    found = result.x.reshape(n, 2)
    assert result.cost < 1e-12
    assert np.allclose(np.linalg.norm(found[i] - found[j], axis=1), length, atol=1e-6)


def test_root(generated):
    result = scipy_optimize.root(generated.pair, [1.0, -1.0], jac=generated.pair_jacobian)
    assert result.success and np.allclose(generated.pair(result.x), 0, atol=1e-9)


def test_a_stiff_system_is_integrated(generated):
    """Van der Pol's oscillator: an implicit method needs the Jacobian, and few calls with a right one."""
    span, start = (0.0, 40.0), [2.0, 0.0]
    tight = {"method": "Radau", "rtol": 1e-8, "atol": 1e-10}
    given = scipy_integrate.solve_ivp(generated.field, span, start, jac=generated.field_jacobian, **tight)
    found = scipy_integrate.solve_ivp(generated.field, span, start, **tight)
    assert given.success and np.allclose(given.y[:, -1], found.y[:, -1], rtol=1e-5)
    assert given.nfev < found.nfev


def test_the_module_needs_numpy_alone(tmp_path):
    f = logistic()
    functions = {"loss": f, "loss_pack": f.pack, "loss_unpack": f.unpack}
    sg.Module("flat_loss", functions).write(tmp_path)
    code = (
        "import sys, flat_loss as m; theta = m.loss_pack([1.0, 2.0], 3.0); p = m.loss_unpack(theta); "
        "assert p.b == 3.0 and p.w.tolist() == [1.0, 2.0], p; m.loss(theta, [[1.0, 2.0]], [1.0]); "
        "assert not {'symgrad', 'sympy', 'scipy', 'jinja2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
