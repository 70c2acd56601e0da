"""Inverse, systems, determinants, Cholesky factor, norms: values, derivatives, singular points."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from differences import check, close, draw, symbols
from evaluate import evaluate

from symgrad.errors import ShapeError, SpecError, TraceError
from symgrad.node import lift
from symgrad.ops.leaves import input_node
from symgrad.spelling import FUNCTIONS
from symgrad.transforms.reverse import pullback

inv, solve, det = (FUNCTIONS[f] for f in (np.linalg.inv, np.linalg.solve, np.linalg.det))
slogdet, cholesky, norm = (FUNCTIONS[f] for f in (np.linalg.slogdet, np.linalg.cholesky, np.linalg.norm))


def regular(size: int, *stack: int) -> np.ndarray:
    rng = np.random.default_rng(size)
    return rng.uniform(-1.0, 1.0, (*stack, size, size)) + 2.0 * np.eye(size)


def gradient(build, value, order=1):
    """The value and the gradient of a scalar at an array, with numpy's warnings as errors."""
    x = input_node("x", value.shape)
    y = build(x)
    (bar,), _ = pullback([y], [lift(1.0)], [x])
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        return evaluate([y, bar], {x: value})


@pytest.mark.parametrize("size", [1, 2, 3])
def test_inverse(size):
    check(inv, "n n", values={0: regular(size)}, reference=np.linalg.inv, n=size)


def test_inverse_of_stacks():
    check(inv, "2 n n", values={0: regular(3, 2)}, reference=np.linalg.inv, second=False)
    check(inv, "... n n", values={0: regular(3, 2)}, reference=np.linalg.inv, second=False)


@pytest.mark.parametrize(
    "left, right",
    [
        ("n n", "n"), ("n n", "n k"), ("2 n n", "n k"), ("n n", "2 n k"), ("2 n n", "2 n k"), ("2 n n", "n"),
        ("2 1 n n", "2 n d"),
    ],
)  # fmt: skip
def test_solve(left, right):
    a = symbols(left)[0]
    values = {0: regular(3, *draw(a).shape[:-2])}
    check(solve, left, right, values=values, reference=np.linalg.solve, second=left == "n n")


@pytest.mark.parametrize(
    "left, right",
    [("... n n", "n"), ("n n", "... n"), ("... n n", "... n"), ("... n n", "n k"), ("n n", "... n k")],
)
def test_solve_under_a_batch(left, right):
    values = {0: regular(3, *((2,) if "..." in left else ()))}
    check(
        solve, left, right, values=values, second=False,
        reference=lambda a, b: (
            np.linalg.solve(a, b) if "k" in right else np.linalg.solve(a, b[..., None])[..., 0]
        ),
    )  # fmt: skip


def test_a_right_hand_side_of_two_axes_is_a_matrix():
    a, b = symbols("2 2 2", "2 2")
    assert solve(a, b).shape == (2, 2, 2)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_determinant(size):
    check(det, "n n", values={0: regular(size)}, reference=np.linalg.det, n=size)


def test_determinant_of_stacks():
    check(det, "2 n n", values={0: regular(3, 2)}, reference=np.linalg.det)
    check(det, "... n n", values={0: regular(3, 2)}, reference=np.linalg.det, second=False)


@pytest.mark.parametrize(
    "matrix, cofactors",
    [
        ([[1.0, 2.0], [2.0, 4.0]], [[4.0, -2.0], [-2.0, 1.0]]),
        ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], [[-3, 6, -3], [6, -12, 6], [-3, 6, -3]]),
        ([[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]),
        (np.zeros((3, 3)), np.zeros((3, 3))),
        ([[0.0]], [[1.0]]),
    ],
)  # fmt: skip
def test_gradient_of_a_singular_determinant(matrix, cofactors):
    _, bar = gradient(det, np.array(matrix))
    close(bar, cofactors, 1e-14)


def test_second_derivative_of_a_singular_determinant():
    # d/dt of the cofactor of the corner of [[a, b], [c, d]] is that of d, at a matrix of rank 0 too.
    for matrix in (np.zeros((3, 3)), np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0])):
        check(det, "n n", values={0: matrix})


def test_third_derivative_of_a_determinant():
    x, g, h, k = (input_node(name, (3, 3)) for name in "xghk")
    y = det(x)
    (first,), _ = pullback([y], [lift(1.0)], [x])
    (second,), _ = pullback([first], [g], [x])
    (third,), _ = pullback([second], [h], [x])
    values = {node: regular(3) + i for i, node in enumerate((x, g, h, k))}
    (exact,) = evaluate([third], values)
    ends = [evaluate([second], {**values, x: values[x] + s * 1e-5 * values[k]})[0] for s in (1, -1)]
    slope = np.sum((ends[0] - ends[1]) / 2e-5 * values[h])
    assert np.sum(exact * values[k]) == pytest.approx(slope, rel=1e-6)


def test_cofactors_of_what_is_not_finite_are_nan():
    matrix = np.stack([np.eye(2), np.full((2, 2), np.nan)])
    x = input_node("x", (2, 2, 2))
    (bar,), _ = pullback([det(x)], [input_node("g", (2,))], [x])
    (value,) = evaluate([bar], {x: matrix, input_node("g", (2,)): np.ones(2)})
    close(value[0], np.eye(2), 1e-15)
    assert np.isnan(value[1]).all()


def test_logarithm_of_the_determinant_ignores_its_sign():
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    value, bar = gradient(lambda a: slogdet(a)[1], matrix)
    assert value == pytest.approx(np.log(2.0))
    close(bar, np.linalg.inv(matrix).T, 1e-14)
    check(lambda a: slogdet(a)[1], "n n", values={0: regular(3)})
    check(lambda a: slogdet(a).logabsdet * slogdet(a).sign, "n n", values={0: regular(3)[::-1]}, second=False)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_cholesky(size):
    # The upper triangle is not read: the matrix need not be given symmetric.
    matrix = regular(size) @ regular(size).T + np.triu(np.ones((size, size)), 1)
    check(cholesky, "n n", values={0: matrix}, reference=np.linalg.cholesky, n=size)
    upper = lambda a: cholesky(a, upper=True)  # noqa: E731
    check(upper, "n n", values={0: matrix.T}, reference=lambda a: np.linalg.cholesky(a.T).T, n=size)


@pytest.mark.parametrize("power", [-2, -1, 0, 1, 2, 5])
def test_matrix_power(power):
    check(
        lambda a: FUNCTIONS[np.linalg.matrix_power](a, power), "n n", values={0: regular(3)},
        reference=lambda a: np.linalg.matrix_power(a, power), second=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "shapes",
    [("n d", "d k"), ("n d", "d k", "k m"), ("n", "n d", "d k"), ("n d", "d k", "k"), ("n", "n d", "d")],
)
def test_multi_dot(shapes):
    check(
        lambda *arrays: FUNCTIONS[np.linalg.multi_dot](list(arrays)), *shapes,
        reference=lambda *arrays: np.linalg.multi_dot(arrays), second=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "shape, options",
    [
        ("n", {}), ("n d", {}), ("2 n d", {}), ("n", {"ord": 2}), ("n", {"ord": 1}), ("n", {"ord": np.inf}),
        ("n", {"ord": -np.inf}), ("n d", {"axis": 0}), ("n d", {"axis": -1, "keepdims": True}),
        ("n d", {"ord": "fro"}), ("2 n d", {"axis": (0, 2)}), ("n d", {"ord": 1}), ("n d", {"ord": np.inf}),
        ("n d", {"ord": -1}), ("2 n d", {"ord": 1, "axis": (2, 0)}), ("n d", {"keepdims": True}),
        ("2 n d", {"ord": np.inf, "axis": (2, 0), "keepdims": True}), ("n d", {"ord": 1, "axis": 1}),
    ],
)  # fmt: skip
def test_norm(shape, options):
    check(lambda x: norm(x, **options), shape, reference=lambda x: np.linalg.norm(x, **options))


@pytest.mark.parametrize("options", [{}, {"ord": 2}, {"ord": 1}, {"axis": 0}])
def test_gradient_of_a_norm_at_zero_is_zero(options):
    _, bar = gradient(lambda x: norm(x, **options), np.zeros(3))
    assert bar.shape == (3,) and not bar.any()


def test_gradient_of_a_squared_norm_at_zero_is_zero():
    _, bar = gradient(lambda x: norm(x) * norm(x), np.zeros(3))
    assert not bar.any()


def test_one_row_of_zeros_leaves_the_others_alone():
    x = input_node("x", (2, 2))
    y = norm(x, axis=1)
    (bar,), _ = pullback([y], [input_node("g", (2,))], [x])
    (value,) = evaluate([bar], {x: np.array([[0.0, 0.0], [3.0, 4.0]]), input_node("g", (2,)): np.ones(2)})
    close(value, [[0.0, 0.0], [0.6, 0.8]], 1e-15)


def test_empty_arrays():
    empty = np.zeros((0, 0))
    assert gradient(det, empty)[0] == 1.0
    assert gradient(det, empty)[1].shape == (0, 0)
    assert gradient(norm, np.zeros(0))[0] == 0.0
    assert gradient(lambda a: FUNCTIONS[np.sum](inv(a)), empty)[1].shape == (0, 0)


@pytest.mark.parametrize("build", [inv, det, lambda a: slogdet(a)[1], cholesky, norm, lambda a: solve(a, a)])
def test_single_precision_stays(build):
    x = input_node("x", (2, 2))
    y = build(x)
    g = input_node("g", y.shape)
    (bar,), _ = pullback([y], [g], [x])
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]], np.float32)
    value, gradient_ = evaluate([y, bar], {x: matrix, g: np.ones(y.shape, np.float32)})
    assert value.dtype == np.float32 and gradient_.dtype == np.float32


@pytest.mark.parametrize("build", [inv, det, slogdet, cholesky])
def test_matrices_have_to_be_square(build):
    with pytest.raises(ShapeError, match="not a square matrix"):
        build(symbols("n d")[0])


def test_errors():
    a, b, x = symbols("n n", "d", "n d k")
    with pytest.raises(ShapeError, match=r"np.linalg.solve: sizes differ: \(n, n\) x = \(d,\)"):
        solve(a, b)
    with pytest.raises(TraceError, match="the order -3 is not supported"):
        norm(a, ord=-3)
    with pytest.raises(TraceError, match="the order 'other' is not supported"):
        norm(a, ord="other")
    with pytest.raises(ShapeError, match="vectors or matrices"):
        norm(x, ord=1)
    with pytest.raises(TraceError, match="the exponent must be an integer"):
        FUNCTIONS[np.linalg.matrix_power](a, 0.5)
    with pytest.raises(SpecError, match="at least two arrays"):
        FUNCTIONS[np.linalg.multi_dot]([a])
