"""Generated modules inside torch, jax and scikit-learn."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.building.specs import load

SPEC = Path(__file__).parent / "wrapped_spec.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The modules of the spec and all their wrappers, on the path."""
    path = tmp_path_factory.mktemp("wrapped")
    for module in load(SPEC):
        module.write(path)
    sys.path.insert(0, str(path))
    yield path
    sys.path.remove(str(path))
    for name in [
        name for name in sys.modules if name.partition("_")[0] in ("logistic", "ridge", "net", "various")
    ]:
        del sys.modules[name]


def data(rng, n=20, d=3):
    return rng.normal(size=(n, d)), (rng.random(n) > 0.5) * 1.0, rng.normal(size=d), np.float64(0.3)


def test_files_are_written_and_have_provenance(folder):
    names = {path.name for path in folder.iterdir()}
    assert {
        "logistic.py",
        "logistic.pyi",
        "logistic_torch.py",
        "logistic_jax.py",
        "logistic_sklearn.py",
    } <= names
    for name in names:
        assert "__symgrad__" in (folder / name).read_text()
        if name.endswith(".py"):
            compile((folder / name).read_text(), name, "exec")


def test_torch_differentiates_through_it(folder):
    torch = pytest.importorskip("torch")
    wrapped, module = importlib.import_module("logistic_torch"), importlib.import_module("logistic")
    X, y, w, b = data(np.random.default_rng(0))
    tw, tb = torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True)
    loss = wrapped.loss(torch.tensor(X), torch.tensor(y), tw, tb, 0.1)
    (3 * loss + torch.sum(tw)).backward()
    value, gradient = module.loss_value_and_grad(X, y, w, b, 0.1)
    assert loss.item() == value
    np.testing.assert_allclose(tw.grad, 3 * gradient.w + 1, rtol=1e-14)
    np.testing.assert_allclose(tb.grad, 3 * gradient.b, rtol=1e-14)
    with pytest.raises(TypeError, match="X requires a gradient, which logistic was not generated with"):
        wrapped.loss(torch.tensor(X, requires_grad=True), torch.tensor(y), tw, tb, 0.1)
    with torch.no_grad():
        assert wrapped.loss(torch.tensor(X), torch.tensor(y), tw, tb, 0.1).item() == value


def test_torch_checks_the_gradients_itself(folder):
    torch = pytest.importorskip("torch")
    wrapped = importlib.import_module("various_torch")
    x = torch.tensor([[0.3, -1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[0.5], [1.5]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(wrapped.wave, (x, y))
    A = torch.tensor([[1.0, 0.5, 0.2], [0.1, -1.0, 0.4]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: wrapped.layer(A, v), (x[0].detach().requires_grad_(),))


@pytest.fixture
def jax():
    framework = pytest.importorskip("jax")
    framework.config.update("jax_enable_x64", True)
    return framework


def test_jax_differentiates_and_compiles_it(folder, jax):
    wrapped, module = importlib.import_module("logistic_jax"), importlib.import_module("logistic")
    X, y, w, b = data(np.random.default_rng(0))
    value, gradient = module.loss_value_and_grad(X, y, w, b, 0.1)

    def objective(w, b):
        return 3 * wrapped.loss(X, y, w, b, 0.1) + w.sum()

    for run in (objective, jax.jit(objective)):
        got, (w_bar, b_bar) = jax.value_and_grad(run, argnums=(0, 1))(jax.numpy.asarray(w), b)
        np.testing.assert_allclose(got, 3 * value + w.sum(), rtol=1e-14)
        np.testing.assert_allclose(w_bar, 3 * gradient.w + 1, rtol=1e-14)
        np.testing.assert_allclose(b_bar, 3 * gradient.b, rtol=1e-14)
    with pytest.raises(TypeError, match="X is differentiated, which logistic was not generated with"):
        jax.grad(wrapped.loss)(jax.numpy.asarray(X), y, w, b, 0.1)


def test_jax_sums_what_was_broadcast(folder, jax):
    wrapped = importlib.import_module("various_jax")
    jnp = jax.numpy
    x, y = jnp.asarray([[0.3, -1.0, 2.0]]), jnp.asarray([[0.5], [1.5]])
    got = jax.grad(lambda x, y: jnp.sum(wrapped.wave(x, y) ** 2), argnums=(0, 1))(x, y)
    want = jax.grad(lambda x, y: jnp.sum((jnp.sin(x) * jnp.exp(y)) ** 2), argnums=(0, 1))(x, y)
    for have, expected in zip(got, want):
        np.testing.assert_allclose(have, expected, rtol=1e-13)
    A = jnp.asarray([[1.0, 0.5, 0.2], [0.1, -1.0, 0.4]])
    got = jax.grad(lambda v: jnp.sum(wrapped.layer(A, v) ** 3))(x[0])
    np.testing.assert_allclose(got, jax.grad(lambda v: jnp.sum(jnp.tanh(A @ v) ** 3))(x[0]), rtol=1e-13)
    np.testing.assert_allclose(jax.vmap(wrapped.layer, (None, 0))(A, x)[0], jnp.tanh(A @ x[0]), rtol=1e-14)


def test_jax_keeps_float32(folder, jax):
    wrapped = importlib.import_module("various_jax")
    assert wrapped.wave(jax.numpy.float32(1), jax.numpy.float32(2)).dtype == np.float32


def test_the_classifier_is_logistic_regression(folder):
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = load_breast_cancer(return_X_y=True)
    names = np.array(["bad", "good"])[y]
    own = make_pipeline(
        StandardScaler(), importlib.import_module("logistic_sklearn").Logistic(lam=0.02, tol=1e-9)
    ).fit(X, names)
    other = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (0.02 * len(y)), tol=1e-9)).fit(X, names)
    np.testing.assert_allclose(own[-1].w_, other[-1].coef_[0], atol=1e-5)
    np.testing.assert_allclose(own.predict_proba(X), other.predict_proba(X), atol=1e-5)
    assert own.score(X, names) == other.score(X, names) > 0.98


def test_the_regressor_is_ridge_by_either_solver(folder):
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge

    X, y = load_diabetes(return_X_y=True)
    X = X / X.std(axis=0)
    estimator = importlib.import_module("ridge_sklearn").Ridge
    other = Ridge(alpha=0.1 * len(y)).fit(X, y)
    for options in (
        {"tol": 1e-8},
        {"solver": "descent", "learning_rate": 0.3, "max_iter": 5000, "tol": 1e-8},
    ):
        own = estimator(lam=0.1, **options).fit(X, y)
        np.testing.assert_allclose(own.w_, other.coef_, rtol=1e-5)
        np.testing.assert_allclose(own.predict(X), other.predict(X), rtol=1e-5)


def test_the_network_reads_digits(folder):
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    own = importlib.import_module("net_sklearn").Net(h=16, random_state=0, max_iter=30)
    own.fit(X[::2] / 16, y[::2])
    assert own.W1_.shape == (64, 16) and own.score(X[1::2] / 16, y[1::2]) > 0.9


@pytest.mark.parametrize("name", ["Logistic", "Ridge"])
def test_scikit_learns_own_checks(folder, name):
    from sklearn.utils.estimator_checks import check_estimator

    estimator = getattr(importlib.import_module(f"{name.lower()}_sklearn"), name)()
    found = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {
        check["check_name"]: str(check["exception"])[:200] for check in found if check["status"] == "failed"
    }
    assert not failed


def test_what_cannot_be_wrapped_is_refused():
    f = sg.trace(lambda x: np.sin(x), name="f", x="n")
    with pytest.raises(sg.SpecError, match="module 'm' has nothing to wrap for torch"):
        sg.Module("m", {"f": f}, wrappers=[sg.wrappers.torch()]).files()
    with pytest.raises(sg.SpecError, match="has no function 'fit'"):
        own = sg.wrappers.estimator("E", kind="regressor", fit="fit", predict="f")
        sg.Module("m", {"f": f}, wrappers=[own]).files()
    with pytest.raises(sg.SpecError, match="kind is 'clusterer'"):
        sg.wrappers.estimator("E", kind="clusterer", fit="f", predict="f")


def test_names_that_the_files_use_themselves():
    f = sg.trace(lambda ctx, ct: np.sum(ctx * ct), name="f", ctx="n", ct="n")
    module = sg.Module("m", {"f_vg": sg.value_and_grad(f)}, wrappers=[sg.wrappers.torch(), sg.wrappers.jax()])
    for text in module.files().values():
        compile(text, "m", "exec")
    assert "def f(ctx2, ct2)" in module.files()["m_torch.py"]
