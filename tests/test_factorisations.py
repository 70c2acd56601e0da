"""Eigenvalues, singular values, QR, pseudo-inverse, exponential, spectral norms, Fourier transforms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import ShapeError, TraceError
from symgrad.shapes import core, evaluate_shape
from symgrad.tree import leaves
from symgrad.verify.check import verify_at

RNG = np.random.default_rng(5)
BATCH = (2,)
SQUARE = RNG.normal(size=(3, 3))
SYMMETRIC = SQUARE + SQUARE.T
TALL = RNG.normal(size=(4, 2))
WIDE = TALL.T.copy()
STACK = RNG.normal(size=(2, 4, 2))
VECTOR = RNG.normal(size=4)
MATRIX = RNG.normal(size=(4, 3))

#: name -> function, shapes, arguments
CASES = {
    "eigvalsh": (lambda a: np.linalg.eigvalsh(a), ("n n",), (SYMMETRIC,)),
    "eigvalsh_upper": (lambda a: np.linalg.eigvalsh(a, UPLO="U"), ("3 3",), (SYMMETRIC,)),
    "eigh_values": (lambda a: np.linalg.eigh(a)[0], ("n n",), (SYMMETRIC,)),
    "eigh_vectors": (lambda a: np.linalg.eigh(a).eigenvectors, ("n n",), (SYMMETRIC,)),
    "eigh_function": (
        lambda a: (np.linalg.eigh(a)[1] * np.exp(np.linalg.eigh(a)[0])) @ np.linalg.eigh(a)[1].T, ("n n",),
        (SYMMETRIC,),
    ),
    "svd_values": (lambda a: np.linalg.svd(a, compute_uv=False), ("m n",), (TALL,)),
    "svd_values_wide": (lambda a: np.linalg.svd(a, compute_uv=False), ("2 4",), (WIDE,)),
    "svd_tall": (lambda a: np.linalg.svd(a, full_matrices=False), ("m n",), (TALL,)),
    "svd_wide": (lambda a: np.linalg.svd(a, full_matrices=False), ("2 4",), (WIDE,)),
    "svd_square": (lambda a: np.linalg.svd(a), ("n n",), (SQUARE[:2, :2],)),
    "svd_names": (lambda a: np.linalg.svd(a, False).Vh @ np.linalg.svd(a, False).U.T, ("4 2",), (TALL,)),
    "svd_stack": (lambda a: np.linalg.svd(a, full_matrices=False)[0], ("k m n",), (STACK,)),
    "qr": (lambda a: np.linalg.qr(a), ("m n",), (TALL,)),
    "qr_names": (lambda a: np.linalg.qr(a).Q @ np.linalg.qr(a).R, ("m n",), (TALL,)),
    "qr_r": (lambda a: np.linalg.qr(a, mode="r"), ("n n",), (SQUARE,)),
    "qr_stack": (lambda a: np.linalg.qr(a)[1], ("k m n",), (STACK,)),
    "pinv": (lambda a: np.linalg.pinv(a), ("m n",), (TALL,)),
    "pinv_wide": (lambda a: np.linalg.pinv(a, 1e-10), ("m n",), (WIDE,)),
    "pinv_stack": (lambda a: np.linalg.pinv(a), ("k m n",), (STACK,)),
    "lstsq": (lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], ("m n", "m"), (TALL, VECTOR)),
    "lstsq_matrix": (lambda a, b: np.linalg.lstsq(a, b)[0], ("m n", "m k"), (TALL, MATRIX)),
    "norm_nuc": (lambda a: np.linalg.norm(a, "nuc"), ("m n",), (TALL,)),
    "norm_spectral": (lambda a: np.linalg.norm(a, 2), ("2 4",), (WIDE,)),
    "norm_smallest": (lambda a: np.linalg.norm(a, -2, keepdims=True), ("m n",), (TALL,)),
    "norm_axes": (lambda a: np.linalg.norm(a, "nuc", axis=(2, 0), keepdims=True), ("2 4 2",), (STACK,)),
    "norm_p": (lambda x: np.linalg.norm(x, 3), ("n",), (VECTOR,)),
    "norm_fraction": (lambda x: np.linalg.norm(x, 1.5, axis=0), ("m n",), (TALL,)),
    "norm_count": (lambda x: np.linalg.norm(x, 0) + np.sum(x), ("n",), (VECTOR,)),
    "cond": (lambda a: np.linalg.cond(a), ("n n",), (SQUARE,)),
    "cond_inverse": (lambda a: np.linalg.cond(a, -2), ("m n",), (TALL,)),
    "cond_inf": (lambda a: np.linalg.cond(a, np.inf), ("n n",), (SQUARE,)),
}  # fmt: skip


def trace(function, *shapes):
    names = "ab"[: len(shapes)]
    if len(names) == 1:
        return sg.trace(lambda a: function(a), a=shapes[0], name="f")
    return sg.trace(lambda a, b: function(a, b), a=shapes[0], b=shapes[1], name="f")


def parts(result):
    return list(result) if isinstance(result, tuple) else [result]


def quiet(call, *args):
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        return call(*args)


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name):
    build, shapes, arrays = CASES[name]
    f = trace(build, *shapes)
    for got, want in zip(parts(quiet(f, *arrays)), parts(build(*arrays))):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)
        assert np.shape(got) == np.shape(want)
    check_derivative(sg.vjp(f), f, arrays)


def check_derivative(derived, f, arrays):
    """A derivative of f against the oracle at these arguments; what it takes besides is random."""
    sizes = {
        str(size): count
        for parameter, array in zip(f.parameters, arrays)
        for size, count in zip(core(parameter.tree.shape), array.shape[-parameter.tree.rank :])
        if not isinstance(size, int)
    }
    given = dict(zip([p.name for p in f.parameters], arrays))
    point = {
        p.name: [given[p.name]]
        if p.name in given
        else [RNG.normal(size=evaluate_shape(leaf.shape, sizes, BATCH)) for leaf in leaves(p.tree)]
        for p in derived.parameters
    }
    verify_at(derived, sg.compile(derived), point, sizes=sizes).raise_for_failure()


@pytest.mark.parametrize(
    "name",
    ["eigh_function", "svd_names", "qr_names", "pinv", "lstsq", "norm_nuc", "norm_p", "cond", "cond_inf"],
)
def test_second_derivatives(name):
    build, shapes, arrays = CASES[name]
    f = trace(lambda *xs: np.sum(np.sin(build(*xs))), *shapes)
    check_derivative(sg.hvp(f), f, arrays)


@pytest.mark.parametrize(
    "build, shape, array",
    [
        (lambda a: np.linalg.eigh(a)[0], "... n n", np.stack([SYMMETRIC, SQUARE @ SQUARE.T])),
        (lambda a: np.linalg.svd(a, full_matrices=False)[1], "... m n", STACK),
        (lambda a: np.linalg.svd(a, full_matrices=False)[2], "... 2 4", STACK.transpose(0, 2, 1)),
        (lambda a: np.linalg.qr(a)[0], "... m n", STACK),
        (lambda a: np.linalg.lstsq(a, np.ones(4))[0], "... 4 n", STACK),
        (lambda a: np.linalg.norm(a, "nuc", axis=(-2, -1)), "... m n", STACK),
        (lambda a: np.linalg.norm(a, 2.5, axis=-1), "... m n", STACK),
        (lambda a: sg.expm(a), "... n n", STACK[:, :2] / 2),
        (lambda a: sg.solve_triangular(a, np.ones(2)), "... 2 2", STACK[:, :2]),
        (lambda a: sg.fftconvolve(a, np.array([1.0, 2.0, -1.0])), "... n", STACK[:, 0]),
    ],
)
def test_under_a_batch(build, shape, array):
    f = sg.trace(lambda a: build(a), a=shape, name="f")
    derived = sg.vjp(f)
    got, each = f(array), [f(row) for row in array]
    np.testing.assert_allclose(got, each, rtol=1e-12, atol=1e-13)
    check_derivative(derived, f, [array])


@pytest.mark.parametrize("over", ["a", "b", "ab"])
@pytest.mark.parametrize(
    "build", [np.linalg.solve, lambda a, b: np.linalg.lstsq(a, b)[0], lambda a, b: sg.solve_triangular(a, b)]
)
def test_systems_for_every_index(build, over):
    f = trace(build, "3 3", "3")
    a, b = RNG.normal(size=(2, 3, 3)), RNG.normal(size=(2, 3))
    mapped = sg.vmap(f, over=dict.fromkeys(over, "k"))
    want = [f(a[i if "a" in over else 0], b[i if "b" in over else 0]) for i in range(2)]
    got = mapped(a if "a" in over else a[0], b if "b" in over else b[0])
    np.testing.assert_allclose(got, want, rtol=1e-12)


# --- conventions ----------------------------------------------------------------------------------------


def test_r20_sum_of_eigenvalues_of_the_identity():
    for values in (lambda a: np.linalg.eigh(a)[0], lambda a: np.linalg.eigvalsh(a)):
        f = sg.trace(lambda a, v=values: np.sum(v(a)), a="n n", name="f")
        (slope,) = quiet(sg.grad(f), np.eye(3))
        np.testing.assert_array_equal(slope, np.eye(3))
    entry = sg.grad(sg.trace(lambda a: np.linalg.eigh(a)[1][0, 1], a="n n", name="f"))
    with np.errstate(all="ignore"):
        assert not np.isfinite(entry(np.eye(3)).a).all()


def test_r21_the_lower_triangle_alone_is_read():
    f = sg.trace(lambda a: np.linalg.eigvalsh(a)[0], a="n n", name="f")
    assert f(SYMMETRIC) == f(np.tril(SYMMETRIC)) == np.linalg.eigvalsh(SYMMETRIC)[0]
    (slope,) = sg.grad(f)(SYMMETRIC)
    v = np.linalg.eigh(SYMMETRIC)[1][:, 0]
    np.testing.assert_allclose(slope, np.tril(2 * np.outer(v, v)) - np.diag(v * v), rtol=1e-12)
    assert not np.triu(slope, 1).any()


@pytest.mark.parametrize("ord", ["nuc", 2, -2, 3, 1.5, "fro", 1, np.inf])
def test_r4_gradient_of_a_norm_at_zero_is_zero(ord):
    shape = "n" if isinstance(ord, float) or ord == 3 else "n n"
    f = sg.trace(lambda a: np.linalg.norm(a, ord), a=shape, name="f")
    zeros = np.zeros((3,) * len(shape.split()))
    assert quiet(f, zeros) == 0
    (slope,) = quiet(sg.grad(f), zeros)
    assert not slope.any()


def test_equal_singular_values():
    f = sg.trace(lambda a: np.sum(np.linalg.svd(a, full_matrices=False)[1]), a="m n", name="f")
    matrix = np.eye(3, 2) * 2
    np.testing.assert_allclose(quiet(sg.grad(f), matrix).a, np.eye(3, 2), atol=1e-15)


def test_values_and_vectors_share_the_factorisation():
    for function, call in (
        (lambda a: np.sum(np.linalg.eigh(a)[0] * np.linalg.eigh(a)[1][0]), "_eigh(a)"),
        (lambda a: np.sum(np.linalg.svd(a, False)[0]) * np.linalg.svd(a, False)[1][0], "_svd(a)"),
        (lambda a: np.sum(np.linalg.qr(a)[0]) * np.linalg.qr(a)[1][0, 0], "_qr(a)"),
    ):
        f = sg.trace(lambda a, fn=function: fn(a), a="n n", name="f")
        assert sg.Module("m", {"g": sg.value_and_grad(f)}).source().count(call) == 1


# --- triangular systems ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1, "T"])
@pytest.mark.parametrize("unit", [False, True])
def test_solve_triangular(lower, trans, unit):
    def build(a, b):
        return sg.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit)

    f = sg.trace(lambda a, b: build(a, b), a="n n", b="n k", name="f")
    matrix = SQUARE + 2 * np.eye(3)
    triangle = np.tril(matrix) if lower else np.triu(matrix)
    if unit:
        triangle = triangle - np.diag(np.diag(triangle)) + np.eye(3)
    right = MATRIX[:3]
    want = np.linalg.solve(triangle if trans == 0 else triangle.T, right)
    np.testing.assert_allclose(f(matrix, right), want, rtol=1e-12)
    check_derivative(sg.vjp(f), f, [matrix, right])


# --- exponential ----------------------------------------------------------------------------------------


def exponential(a):
    """By eigenvectors, for a symmetric matrix."""
    w, v = np.linalg.eigh(a)
    return v * np.exp(w) @ v.T


@pytest.mark.parametrize("scale", [1e-8, 0.1, 1.0, 5.0, 40.0])
def test_exponential(scale):
    f = sg.trace(lambda a: sg.expm(a), a="n n", name="f")
    matrix = SYMMETRIC * scale
    want = exponential(matrix)
    np.testing.assert_allclose(
        quiet(f, matrix), want, rtol=0, atol=1e-13 * scale * np.abs(want).max() + 1e-15
    )


def test_exponential_of_a_nilpotent_matrix_is_a_polynomial():
    matrix = np.triu(np.full((3, 3), 1e3), 1)
    f = sg.trace(lambda a: sg.expm(a), a="n n", name="f")
    np.testing.assert_allclose(f(matrix), np.eye(3) + matrix + matrix @ matrix / 2, rtol=1e-13, atol=1e-7)


def test_stacks_are_scaled_one_by_one():
    f = sg.trace(lambda a: sg.expm(a), a="k n n", name="f")
    stack = np.stack([SYMMETRIC * scale for scale in (1e-3, 1.0, 30.0)])
    np.testing.assert_array_equal(f(stack), [f(stack[i : i + 1])[0] for i in range(3)])
    stack[1, 0, 0] = np.nan
    assert np.isnan(f(stack)[1]).all() and np.isfinite(f(stack)[[0, 2]]).all()
    assert f(np.zeros((2, 0, 0))).shape == (2, 0, 0)


def test_derivatives_of_the_exponential():
    f = sg.trace(lambda a, b: np.sum(sg.expm(a) * b), a="n n", b="n n", name="f")
    small = SQUARE[:2, :2]
    check_derivative(sg.grad(f), f, [small, SQUARE[1:, 1:]])
    check_derivative(sg.hvp(f, wrt="a"), f, [small, SQUARE[1:, 1:]])
    large = sg.grad(f, wrt="a")(np.array([[50.0, 1e8], [0.0, -50.0]]), np.eye(2))
    assert np.isfinite(large).all()


# --- Fourier transforms ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [None, 1, 3, 8])
@pytest.mark.parametrize("size", [1, 4, 5])
def test_real_fourier_transform(size, n):
    x = RNG.normal(size=(2, size))
    z = np.fft.rfft(x, n)
    for shape in (f"2 {size}", "m k"):
        f = sg.trace(lambda x: sg.rfft(x, n), x=shape, name="f")
        if shape == "m k" and n not in (None, size):
            continue
        for got, want in zip(f(x), (z.real, z.imag)):
            np.testing.assert_allclose(got, want, atol=1e-13)
    back = sg.trace(lambda re, im: sg.irfft(re, im, n or size), re=f"2 {z.shape[1]}", im=f"2 {z.shape[1]}")
    np.testing.assert_allclose(back(z.real, z.imag), np.fft.irfft(z, n or size), atol=1e-13)


def test_power_spectrum():
    def power(x):
        re, im = sg.rfft(x)
        return np.sum((re * re + im * im) ** 2)

    f = sg.trace(power, x="n")
    x = RNG.normal(size=6)
    np.testing.assert_allclose(f(x), np.sum(np.abs(np.fft.rfft(x)) ** 4), rtol=1e-13)
    check_derivative(sg.grad(f), f, [x])
    check_derivative(sg.hvp(f), f, [x])


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
@pytest.mark.parametrize("shape, axes", [("m n", None), ("4 2", 0), ("m n", -1), ("4 2", (1, 0))])
def test_shifts(name, shape, axes):
    shift = getattr(np.fft, name)
    f = sg.trace(lambda x: shift(x, axes=axes), x=shape, name="f")
    for array in (TALL, MATRIX) if shape == "m n" else (TALL,):
        np.testing.assert_array_equal(f(array), shift(array, axes=axes))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("shapes", [("m", "n"), ("7", "3"), ("7", "4")])
def test_convolution_by_fourier_transforms(mode, shapes):
    f = sg.trace(lambda a, b: sg.fftconvolve(a, b, mode), a=shapes[0], b=shapes[1], name="f")
    a, b = RNG.normal(size=7), RNG.normal(size=4 if shapes[1] == "4" else 3)
    np.testing.assert_allclose(f(a, b), np.convolve(a, b, mode), atol=1e-13)
    check_derivative(sg.vjp(f), f, [a, b])


# --- dtypes and errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_single_precision_stays(name):
    build, shapes, arrays = CASES[name]
    f = trace(build, *shapes)
    narrow = [array.astype(np.float32) for array in arrays]
    values = parts(f(*narrow))
    assert all(part.dtype == np.float32 for part in values)
    slopes = sg.vjp(f)(*narrow, *([tuple(values)] if len(values) > 1 else values))
    flat = [leaf for part in parts(slopes) for leaf in parts(part)]
    assert all(leaf.dtype == np.float32 for leaf in flat)


def test_single_precision_of_transforms():
    f = sg.trace(lambda a: (sg.expm(a), sg.fftconvolve(a, a)), a="n n", name="f")
    assert all(part.dtype == np.float32 for part in f(SQUARE.astype(np.float32)))


@pytest.mark.parametrize(
    "build, error, text",
    [
        (lambda a: np.linalg.eig(a), TraceError, "np.linalg.eigh or np.linalg.eigvalsh"),
        (lambda a: np.linalg.eigvals(a), TraceError, "np.linalg.eigh or np.linalg.eigvalsh"),
        (lambda a: np.linalg.matrix_rank(a), TraceError, "counts singular values"),
        (lambda a: np.linalg.eigh(a[:2]), ShapeError, "np.linalg.eigh: not a square matrix"),
        (lambda a: np.linalg.eigh(a, UPLO="X"), TraceError, "UPLO"),
        (lambda a: np.linalg.svd(a[:, :2]), TraceError, "full_matrices=False"),
        (lambda a: np.linalg.qr(a[:2]), ShapeError, "more columns than rows"),
        (lambda a: np.linalg.qr(a, mode="raw"), TraceError, "mode 'raw'"),
        (lambda a: np.linalg.lstsq(a[:2], a[:2]), ShapeError, "np.linalg.pinv"),
        (lambda a: np.linalg.lstsq(a, a[:2]), ShapeError, "sizes differ"),
        (lambda a: np.linalg.norm(a, -3), TraceError, "order -3"),
        (lambda a: np.fft.rfft(a), TraceError, "return z.real"),
        (lambda a: sg.rfft(a, 0), ShapeError, "at least 1"),
        (lambda a: sg.irfft(a, a[:, :2]), ShapeError, "parts differ"),
        (lambda a: sg.fftconvolve(a, a, "some"), TraceError, "mode 'some'"),
        (lambda a: sg.expm(a[:2]), ShapeError, "sg.expm: not a square matrix"),
        (lambda a: sg.solve_triangular(a[:2], a), ShapeError, "sg.solve_triangular: not a square matrix"),
        (lambda a: sg.solve_triangular(a, a, trans=2), TraceError, "trans"),
    ],
)
def test_errors(build, error, text):
    with pytest.raises(error, match=text):
        sg.trace(lambda a: build(a), a="4 4", name="f")


def test_wide_matrices_of_unknown_sizes_are_refused_when_called():
    for build in (np.linalg.qr, lambda a: np.linalg.svd(a, full_matrices=False)):
        f = sg.trace(lambda a, fn=build: fn(a), a="m n", name="f")
        with pytest.raises(ValueError, match="at least as many rows as columns"):
            f(WIDE)
