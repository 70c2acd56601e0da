"""What every generated module keeps: values, memory, dtypes, names, bytes, independence."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg

ROOT = Path(__file__).parent.parent


def model(X, y, w, b):
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z)


@pytest.fixture(scope="module")
def logistic():
    return sg.trace(model, X="n d", y="n", w="d", b="")


@pytest.fixture(scope="module")
def value_and_grad(logistic):
    return sg.compile(sg.value_and_grad(logistic))


def arguments(n=5, d=3, dtype=np.float64):
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(n, d)), rng.integers(0, 2, n), rng.normal(size=d)
    return X.astype(dtype), y.astype(dtype), w.astype(dtype), dtype(0.25)


def flat(result):
    value, gradient = result
    return [np.asarray(value), *map(np.asarray, gradient)]


def test_results_are_arrays_and_numpy_scalars(value_and_grad):
    value, gradient = value_and_grad(*arguments())
    assert type(value) is np.float64 and type(gradient.b) is np.float64
    assert type(gradient.w) is np.ndarray and gradient.X.shape == (5, 3)


def test_float32_stays_float32(value_and_grad):
    for part in flat(value_and_grad(*arguments(dtype=np.float32))):
        assert part.dtype == np.float32
    X, y, w, _ = arguments(dtype=np.float32)
    assert all(part.dtype == np.float64 for part in flat(value_and_grad(X, y, w, 0.25)))


def test_integers_become_float64(value_and_grad):
    X, y, w = [[1, 2], [3, 4]], [0, 1], [1, -1]
    exact = flat(value_and_grad(np.array(X, float), np.array(y, float), np.array(w, float), 0.0))
    for a, b in zip(exact, flat(value_and_grad(X, y, w, False))):
        assert b.dtype == np.float64 and np.array_equal(a, b)


def test_memory_order_strides_and_read_only_inputs(value_and_grad):
    X, y, w, b = arguments()
    expected = flat(value_and_grad(X, y, w, b))
    wide = np.repeat(np.repeat(X, 2, 0), 2, 1)[::2, ::2]
    for variant in (np.asfortranarray(X), X[::-1][::-1], wide):
        variant.setflags(write=False)
        for got, want in zip(flat(value_and_grad(variant, y, w, b)), expected):
            assert np.allclose(got, want, rtol=1e-14, atol=1e-16)
    zero_strides = np.broadcast_to(w, (5, 3))
    assert flat(value_and_grad(zero_strides, y, w, b))[1].shape == (5, 3)


def test_inputs_are_unchanged_and_results_are_no_views(value_and_grad):
    inputs = arguments()
    before = [np.array(a) for a in inputs]
    results = flat(value_and_grad(*inputs))
    assert all(np.array_equal(a, b) for a, b in zip(inputs, before))
    for i, result in enumerate(results):
        for other in (*inputs, *results[:i]):
            assert not np.shares_memory(result, other)


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x,
        lambda x: x.T,
        lambda x: x.reshape(-1),
        lambda x: x[1:],
        lambda x: x[None],
        lambda x: np.broadcast_to(x, (4, *x.shape)),
        lambda x: (x, x),
        lambda x: (x.T, x.T.T, np.ravel(x)),
    ],
)
def test_views_are_copied(body):
    x = np.arange(6.0).reshape(3, 2)
    out = sg.trace(body, x="n d")(x)
    parts = out if isinstance(out, tuple) else (out,)
    for i, part in enumerate(parts):
        assert part.flags.writeable
        for other in (x, *parts[:i]):
            assert not np.shares_memory(part, other)


def test_vjp_never_returns_the_cotangent():
    f = sg.vjp(sg.trace(lambda x: x, x="n"), wrt="x")
    x, ct = np.ones(3), np.ones(3)
    value, pulled = f(x, ct)
    assert not np.shares_memory(pulled, ct) and not np.shares_memory(value, x)


def test_size_zero_and_one(logistic):
    f = sg.compile(sg.grad(logistic, wrt="w"))
    X, y, w, b = arguments(1, 1)
    assert f(X, y, w, b).shape == (1,)
    assert f(np.zeros((4, 0)), np.zeros(4), [], b).shape == (0,)
    total = sg.compile(sg.value_and_grad(sg.trace(lambda x: np.sum(np.exp(x)), x="n")))
    value, gradient = total([])
    assert value == 0.0 and gradient.x.shape == (0,)


def test_the_second_call_gives_the_same_bits(value_and_grad):
    inputs = arguments()
    first, second = flat(value_and_grad(*inputs)), flat(value_and_grad(*inputs))
    assert [a.tobytes() for a in first] == [b.tobytes() for b in second]


def test_two_threads_get_the_same_answers(value_and_grad):
    inputs = [arguments(), tuple(2 * a for a in arguments())]
    expected = [flat(value_and_grad(*i)) for i in inputs]
    wrong = []

    def hammer(k):
        for _ in range(200):
            got = flat(value_and_grad(*inputs[k]))
            if any(not np.array_equal(a, b) for a, b in zip(got, expected[k])):
                wrong.append(k)

    threads = [threading.Thread(target=hammer, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    "change, error, text",
    [
        ({"y": np.ones(4)}, ValueError, r"y: expected shape \(n,\) with n = 5, got \(4,\)"),
        ({"X": np.ones(5)}, ValueError, r"X: expected shape \(n, d\), got \(5,\)"),
        ({"b": np.ones(2)}, ValueError, r"b: expected shape \(\), got \(2,\)"),
        ({"w": ["a", "b", "c"]}, TypeError, "w: expected real numbers, got dtype <U1"),
        ({"w": np.ones(3, complex)}, TypeError, "w: expected real numbers, got dtype complex128"),
        ({"X": [[1.0], [1.0, 2.0]]}, ValueError, "X: expected a rectangular array"),
        ({"w": None}, TypeError, "w: expected real numbers, got dtype object"),
    ],
)
def test_wrong_arguments_are_named(value_and_grad, change, error, text):
    names = dict(zip(("X", "y", "w", "b"), arguments()))
    with pytest.raises(error, match=text):
        value_and_grad(**{**names, **change})


def test_elementwise_arguments_must_broadcast():
    f = sg.trace(lambda x, y: x + y, x="...", y="...")
    with pytest.raises(ValueError, match=r"got x \(3,\), y \(2,\)"):
        sg.compile(f)(np.ones(3), np.ones(2))


@pytest.mark.parametrize("dim", ["name", "array", "expected", "np", "batch", "x"])
def test_dimensions_of_any_name_are_checked(dim):
    f = sg.compile(sg.trace(lambda x: np.sum(x) * x.shape[0], x=f"{dim} 3"))
    assert f(np.ones((2, 3))) == 12.0
    with pytest.raises(ValueError, match=rf"expected shape \({dim}, 3\) with {dim} = 2, got \(2, 4\)"):
        f(np.ones((2, 4)))


def test_compound_sizes_are_checked():
    f = sg.compile(sg.trace(lambda a, b: np.sum(a[1:] * b), a="n+1", b="n"))
    assert f([9.0, 1.0, 2.0], [3.0, 4.0]) == 11.0
    with pytest.raises(ValueError, match=r"a: expected shape \(n \+ 1,\) with n = 2, got \(2,\)"):
        f([1.0, 2.0], [3.0, 4.0])
    even = sg.compile(sg.trace(lambda a: np.sum(a), a="2*k"))
    with pytest.raises(ValueError, match="expected shape"):
        even([1.0, 2.0, 3.0])


HOSTILE = [
    "np",
    "numpy",
    "exp",
    "out",
    "self",
    "dtype",
    "batch",
    "print",
    "math",
    "n",
    "value",
    "float",
    "t1",
    "ct",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_argument_names_never_shadow(name):
    scope = {"numpy_": np}
    exec(f"def f({name}, other):\n    return numpy_.sum(numpy_.exp({name}) * other) / {name}.shape[0]", scope)
    f = sg.trace(scope["f"], shapes={name: "n", "other": "n"})
    x = np.array([0.5, 1.5])
    value, gradient = sg.value_and_grad(f, wrt=name)(x, x)
    assert value == pytest.approx(np.sum(np.exp(x) * x) / 2, rel=1e-15)
    assert np.allclose(gradient, np.exp(x) * x / 2, rtol=1e-15)


def test_unicode_names_work():
    scope = {"np": np}
    exec("def f(α, ß):\n    γ = α * ß\n    return np.sum(γ * γ)", scope)
    f = sg.trace(scope["f"], shapes={"α": "n", "ß": "n"})
    assert sg.grad(f, wrt="α")([1.0, 2.0], [3.0, 4.0]).tolist() == [18.0, 64.0]


@pytest.mark.parametrize(
    "name", ["", "1x", "a b", "x;import os", "class", "None", "__debug__", "np", "all", "_private"]
)
def test_names_that_nothing_can_have_are_refused(name):
    f = sg.trace(lambda x: x, x="")
    with pytest.raises(sg.SpecError, match="cannot be called"):
        sg.Module("m", {name: f})
    if name not in ("np", "all"):
        with pytest.raises(sg.SpecError, match="cannot be called"):
            sg.Module(name, {"f": f})


def test_docstrings_are_data():
    def f(x):
        return x

    f.__doc__ = 'Ends """ here.\n\n{{ 7 * 7 }} \\N{DIGIT ONE} {% raw %}'
    module = sg.Module("m", {"f": sg.trace(f, x="")}, doc='"""\nimport os  # {{ x }}')
    loaded = module.load()
    assert "{{ 7 * 7 }} \\N{DIGIT ONE}" in loaded.f.__doc__
    assert not hasattr(loaded, "os")


def test_modules_say_what_they_are(logistic):
    module = sg.Module("logistic", {"loss": logistic}, doc="Logistic regression.").load()
    assert module.__all__ == ["loss"]
    assert module.__symgrad__["version"] == sg.__version__
    assert module.__symgrad__["spec"].startswith("sha256:")
    assert "shape (n, d)" in module.loss.__doc__
    assert module.__doc__.startswith("Logistic regression.")


SCRIPT = """
import numpy as np
import symgrad as sg
def model(X, y, w, b):
    z = X @ w + b
    r = z * y + y * z + np.tanh(z) * np.exp(-z)
    return np.mean(r) + np.sum(w * w)
f = sg.trace(model, X="n d", y="n", w="d", b="")
s = sg.grad(sg.grad(sg.trace(lambda x: np.sin(x) / x, x="..."), wrt="x"))
m = sg.Module("m", {"f": f, "g": sg.value_and_grad(f), "h": s})
import sys
sys.stdout.buffer.write((m.source() + m.stub()).encode())
"""


def test_the_same_bytes_for_every_hash_seed():
    texts = set()
    for seed in ("0", "1", "2", "random"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        out = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, check=True)
        texts.add(out.stdout)
    assert len(texts) == 1


def test_the_same_bytes_after_other_work():
    f = sg.trace(lambda x, y: x * y + y * x, x="n", y="n", name="f")
    first = sg.Module("m", {"f": f}).source()
    keep = sg.trace(lambda y, x: y * x + x * y, x="n", y="n")
    again = sg.trace(lambda x, y: x * y + y * x, x="n", y="n", name="f")
    assert sg.Module("m", {"f": again}).source() == first
    assert keep is not None


def test_import_of_symgrad_leaves_sympy_alone():
    code = "import sys, symgrad; sys.exit('sympy' in sys.modules or 'jinja2' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0


ALONE = """
import sys
class Only:
    allowed = ("numpy",)
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in ("numpy", "{name}") or top in sys.stdlib_module_names:
            return None
        raise ImportError("only numpy is there, not " + name)
sys.meta_path.insert(0, Only())
sys.path.insert(0, {folder!r})
import {name}
assert {name}.__all__
assert not set(sys.modules) & {{"sympy", "jinja2", "symgrad", "scipy"}}
"""


def test_checked_in_modules_run_with_numpy_alone():
    folder = ROOT / "generated"
    names = sorted(path.stem for path in folder.glob("*.py"))
    assert names
    for name in names:
        code = ALONE.format(name=name, folder=str(folder))
        subprocess.run([sys.executable, "-W", "error", "-I", "-B", "-c", code], check=True)


def test_long_literals_are_constants_of_the_module():
    matrix = np.linspace(0.0, 1.0, 24).reshape(6, 4)
    positions = np.arange(40) % 4
    f = sg.trace(lambda x: np.sum((matrix @ x) ** 2) + np.sum(x[positions]), x="4")
    module = sg.Module("m", {"f": f, "f_grad": sg.grad(f, "x"), "g": sg.trace(lambda x: matrix * x, x="4")})
    assert module.source().count("_CONSTANT_1 = ") == 1
    assert max(map(len, module.source().splitlines())) <= 110
    loaded, x = module.load(), np.array([1.0, -2.0, 0.5, 3.0])
    assert np.allclose(loaded.f_grad(x), 2 * matrix.T @ (matrix @ x) + 10, rtol=1e-14)
    assert loaded.f_grad(x.astype(np.float32)).dtype == np.float32
    assert not np.shares_memory(sg.trace(lambda: positions, name="p")(), positions)
