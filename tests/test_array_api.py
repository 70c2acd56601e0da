"""Modules in the array API standard: the gallery on other arrays than numpy's, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import symgrad as sg
from symgrad.building.plan import gallery
from symgrad.building.specs import load
from symgrad.commands.main import cli
from symgrad.tree import leaves
from symgrad.verify.points import Sampler

#: Modules of which a part may be refused: special functions, numpy code of a user's own, loops, and updates
#: that only numpy has. Of all others everything can be emitted.
WHOLE = {
    "convnet", "denoising", "gaussian_process", "layers", "linear_regression",
    "logistic_regression", "mixture", "needle_operations", "neighbours", "pendulum", "robot_arm",
    "two_layer_network", "worked_trace",
}  # fmt: skip


def strict():
    return pytest.importorskip("array_api_strict").asarray


def jax():
    pytest.importorskip("jax").config.update("jax_enable_x64", True)
    from jax import numpy

    return numpy.asarray


def torch():
    return pytest.importorskip("torch").asarray


def flat(value):
    if isinstance(value, dict):
        value = tuple(value.values())
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, tuple) else [value]


def arguments(function):
    """Values for a call, one an argument; None where an argument has a structure."""
    (point,) = Sampler(function, None, 0).random(1)
    if any(len(leaves(p.tree)) != 1 for p in function.parameters):
        return None
    return [point.values[p.name][0] for p in function.parameters]


def agrees(function, module, title, asarray, rtol=1e-10):
    values = arguments(function)
    if values is None:
        return
    expected = flat(sg.compile(function)(*values))
    got = flat(getattr(module, title)(*[asarray(v) for v in values]))
    assert len(got) == len(expected)
    for have, want in zip(got, expected):
        assert tuple(have.shape) == want.shape
        np.testing.assert_allclose(np.asarray(have), want, rtol=rtol, atol=1e-12)


@pytest.mark.parametrize("path", gallery(), ids=lambda path: path.stem)
def test_the_gallery_in_the_strictest_implementation(path):
    asarray = strict()
    for module in load(path):
        for title, function in module.functions.items():
            made = sg.Module(module.name, {title: function}, array_api=True)
            try:
                source = made.source()
            except sg.SpecError:
                assert module.name not in WHOLE, title
                continue
            assert "np." not in source and "numpy as np" in source  # the fallback of _namespace alone
            agrees(function, made.load(), title, asarray)


@pytest.mark.parametrize("library", [np.asarray, jax, torch], ids=["numpy", "jax", "torch"])
@pytest.mark.parametrize("name", ["regression", "mixture", "robot_arm"])
def test_other_libraries(library, name):
    asarray = library if library is np.asarray else library()
    (path,) = [path for path in gallery() if path.stem == name]
    for module in load(path):
        made = sg.Module(module.name, module.functions, array_api=True).load()
        for title, function in module.functions.items():
            agrees(function, made, title, asarray)


def logistic():
    def loss(X, y, w, b):
        z = X @ w + b
        return np.mean(np.logaddexp(0.0, z) - y * z)

    f = sg.trace(loss, X="n d", y="n", w="d", b="")
    functions = {"loss": f, "loss_value_and_grad": sg.value_and_grad(f, wrt=("w", "b"))}
    return sg.Module("logistic", functions, array_api=True)


def test_it_reads_like_the_numpy_module():
    text = logistic().source()
    assert "loss = xp.sum(_softplus(z) - y * z) / n" in text
    assert "w_bar = X.T @ z_bar            # (d,)" in text
    assert "y: expected shape" not in text and '_shape_error("y", y, "(n,)", n=n)' in text


def test_numbers_and_lists_are_arrays_of_the_library_that_is_there():
    xp = pytest.importorskip("array_api_strict")
    module = logistic().load()
    value, gradient = module.loss_value_and_grad(xp.asarray([[1.0, 2.0]]), [1.0], [0.5, 0.5], 0)
    assert type(value) is type(xp.asarray(1.0)) and gradient.w.shape == (2,)
    with pytest.raises(ValueError, match=r"w: expected shape \(d,\) with d = 2, got \(3,\)"):
        module.loss(xp.asarray([[1.0, 2.0]]), [1.0], [0.5, 0.5, 1.0], 0)
    with pytest.raises(TypeError, match="b: expected real numbers, got dtype complex"):
        module.loss([[1.0, 2.0]], [1.0], [0.5, 0.5], 1j)


def test_float32_stays_float32():
    xp = pytest.importorskip("array_api_strict")
    wide = [np.ones((3, 2)), np.ones(3), np.ones(2), np.float64(0.5)]
    narrow = [xp.asarray(a, dtype=xp.float32) for a in wide]
    module = logistic().load()
    assert {leaf.dtype for leaf in flat(module.loss_value_and_grad(*narrow))} == {xp.float32}
    narrow[0] = xp.asarray(wide[0])
    assert {leaf.dtype for leaf in flat(module.loss_value_and_grad(*narrow))} == {xp.float64}


def test_jax_compiles_it():
    library = pytest.importorskip("jax")
    asarray = jax()
    values = [asarray(a) for a in (np.ones((3, 2)), np.zeros(3), np.full(2, 0.3), np.float64(0.5))]
    module = logistic().load()
    for got, want in zip(
        flat(library.jit(module.loss_value_and_grad)(*values)),
        flat(library.value_and_grad(module.loss, argnums=(2, 3))(*values)),
    ):
        np.testing.assert_allclose(got, want, rtol=1e-14)


def test_updates_in_place_become_new_arrays():
    f = sg.trace(lambda x: np.sum(x[1:] * x[:-1]) + x[0] ** 2 + np.sum(x[::-1] * np.cumsum(x)), x="n")
    gradient = sg.grad(f, wrt="x")
    for library in (strict, jax):
        asarray = library()
        module = sg.Module("m", {"f": gradient}, array_api=True).load()
        x = np.array([1.0, 2.0, 4.0, -3.0])
        given = asarray(x)
        np.testing.assert_allclose(np.asarray(module.f(given)), sg.compile(gradient)(x), rtol=1e-14)
        np.testing.assert_array_equal(np.asarray(given), x)


def test_what_the_standard_lacks_is_refused_by_name():
    f = sg.trace(lambda x: np.sum(sg.erf(np.sin(x)) ** 2), name="f", x="n")
    with pytest.raises(sg.SpecError) as caught:
        sg.Module("m", {"f": f}, array_api=True).source()
    text = str(caught.value)
    assert text.startswith(
        "operation 'erf' cannot be emitted for the array API: the standard has nothing for"
    )
    assert "where:    module m, function f, from test_array_api.py:" in text and "try:" in text


def test_names_of_the_user_come_first():
    f = sg.trace(lambda xp, device: xp * np.exp(device), xp="...", device="...")
    module = sg.Module("m", {"f": f, "g": sg.grad(f)}, array_api=True)
    assert "xp_, device_ = _namespace(" in module.source()
    assert module.load().f(2.0, 0.0) == 2.0


def test_from_the_command_line():
    done = CliRunner().invoke(cli, ["grad", "sin(x)*y", "--array-api"])
    assert (
        done.exit_code == 0 and "xp.sin(x)" in done.output and "import numpy as np\n\nif" not in done.output
    )


def test_a_generated_module_is_verified_like_any_other(tmp_path):
    spec = tmp_path / "spec.py"
    spec.write_text(
        "import numpy as np, symgrad as sg\n"
        "f = sg.trace(lambda x, y: np.mean(np.log1p(x**2) * y), x='n', y='n')\n"
        "m = sg.Module('m', {'f': f, 'g': sg.grad(f)}, array_api=True)\n"
    )
    command = [sys.executable, "-m", "symgrad", "build", str(spec), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "torch, jax" in (tmp_path / "out" / "m.py").read_text()


@pytest.mark.parametrize("shape", ["...", "n"])
def test_arguments_of_float32(shape):
    f = sg.trace(lambda x, y: x * y, name="f", x=sg.array(shape, "float32"), y=sg.array(shape, "float32"))
    x = np.array([1.5, 2.0], np.float32)
    found = sg.Module("m", {"f": f}, array_api=True).load().f(x, x)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, x * x)
