"""The five small systems and the worked trace: what their write-ups print, from the checked-in modules."""

from __future__ import annotations

import numpy as np
import pytest
from realdata.generated import load

import symgrad as sg


def test_worked_trace():
    module = load("worked_trace")
    value, gradient = module.y_value_and_grad(2.0, 5.0)
    assert round(float(value), 3) == 11.652
    assert gradient.x1 == pytest.approx(5.5, rel=1e-15)
    assert gradient.x2 == pytest.approx(2 - np.cos(5.0), rel=1e-15) and round(float(gradient.x2), 3) == 1.716
    assert module.y(2.0, 5.0) == value and module.y_grad(2.0, 5.0) == gradient


# System 1: a tensor with dependency edges.


def test_an_implicit_gradient_of_a_vector_is_refused():
    f = sg.trace(lambda x: x * 2, x="n")
    with pytest.raises(sg.NotDifferentiableError, match="not a scalar"):
        sg.grad(f)


def compact(shape):
    return " ".join(map(str, shape))


@pytest.mark.parametrize("shape", [(1,), (4,), (3, 1), (3, 4), (2, 3, 4)])
def test_shapes_that_broadcast(shape):
    f = sg.trace(lambda a, b: np.sum(a * b), a="2 3 4", b=compact(shape))
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=shape)
    gradient = sg.compile(sg.grad(f))(a, b)
    assert gradient.b.shape == shape
    np.testing.assert_allclose(gradient.a, np.broadcast_to(b, a.shape), rtol=1e-15)
    # Each entry of b meets those entries of a that it is repeated for.
    places = np.broadcast_to(np.arange(b.size).reshape(shape), a.shape)
    expected = np.bincount(places.ravel(), a.ravel()).reshape(shape)
    np.testing.assert_allclose(gradient.b, expected, rtol=1e-13)


def test_shapes_that_do_not_broadcast():
    with pytest.raises(sg.ShapeError):
        sg.trace(lambda a, b: a * b, a="2 3 4", b="2")


def test_a_cotangent_goes_back_through_all_broadcasting_at_once():
    rng = np.random.default_rng(0)
    operands = {
        name: rng.normal(size=shape)
        for name, shape in {
            "t": (2, 3, 4),
            "one": (1,),
            "last": (4,),
            "middle": (3, 1),
            "two": (3, 4),
            "full": (2, 3, 4),
        }.items()
    }
    value, gradient = load("broadcasting").broadcast_vjp(**operands, ct=np.ones((2, 3, 4)))
    np.testing.assert_allclose(value, np.prod(np.broadcast_arrays(*operands.values()), axis=0), rtol=1e-14)
    for name, operand in operands.items():
        # The product is linear in every operand: times its derivative, it is the product again.
        pulled = getattr(gradient, name)
        assert pulled.shape == operand.shape
        np.testing.assert_allclose(np.sum(pulled * operand), value.sum(), rtol=1e-12)


def test_operators_of_ones_own():
    module = load("own_operators")
    x = np.array([-3.0, -0.5, 0.0, 2.0])
    np.testing.assert_allclose(module.squashed(x), np.sin(np.arctan(x)), rtol=1e-14)
    np.testing.assert_allclose(module.squashed_grad(x), np.cos(np.arctan(x)) ** 3, rtol=1e-14)
    # A row that is predicted exactly, and one that is off by twice its unit, which is sqrt(4 * 9).
    X, y, scale = [[5.0], [3.0]], [5.0, -9.0], [[4.0, 9.0], [4.0, 9.0]]
    value, gradient = module.robust_loss_value_and_grad(X, y, [1.0], scale)
    assert value == pytest.approx(4 / 5 / 2, rel=1e-14)
    # squash(t)^2 = t^2 / (1 + t^2) has the derivative 2 t / (1 + t^2)^2; t is 2, dt/dw 3/6, dt/d unit -2/6.
    slope = 2 * 2 / 25 / 2
    np.testing.assert_allclose(gradient.w, [slope / 2], rtol=1e-13)
    np.testing.assert_allclose(
        gradient.scale, [[0, 0], [-slope / 3 * 6 / (2 * 4), -slope / 3 * 6 / (2 * 9)]], rtol=1e-13
    )


# System 2: needle.


def test_batched_products_sum_over_the_axes_that_were_stretched():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 1, 3, 4)), rng.normal(size=(5, 4, 6))
    ct = rng.normal(size=(2, 5, 3, 6))
    value, (A_bar, B_bar) = load("needle_operations").matmul(A, B, ct)
    np.testing.assert_allclose(value, A @ B, rtol=1e-14)
    np.testing.assert_allclose(A_bar, np.einsum("stmp,tnp->smn", ct, B)[:, None], rtol=1e-12)
    np.testing.assert_allclose(B_bar, np.einsum("stmp,smn->tnp", ct, A[:, 0]), rtol=1e-12)


def test_softmax_loss_of_equal_scores():
    value, gradient = load("two_layer_network").softmax_loss_value_and_grad(np.zeros((1, 4)), [2])
    assert value == pytest.approx(np.log(4), rel=1e-15)
    np.testing.assert_allclose(gradient, [[0.25, 0.25, -0.75, 0.25]], rtol=1e-15)


# System 3: convolution, and the two mistakes that are not repeated.


def test_two_paths_to_one_operand():
    gradient = load("layers").two_paths_grad(2.0, 3.0, 4.0)
    assert gradient == (7.0, 12.0, 5.0)  # b + c; a + 2 b + c; a + b


def test_what_is_not_indexed_has_no_derivative():
    _, x_bar = load("layers").corner(np.ones((4, 3)), np.full((2, 2), 7.0))
    np.testing.assert_array_equal(x_bar, [[0, 7, 7], [0, 0, 0], [0, 7, 7], [0, 0, 0]])


def test_log_adds_nothing_to_its_argument():
    value, x_bar = load("layers").normalised_log([[1e-12, 1.0]], [[1.0, 0.0]])
    np.testing.assert_allclose(value[0, 0], np.log(1e-12), rtol=1e-12)
    np.testing.assert_allclose(x_bar[0, 0], 1e12, rtol=1e-9)


def test_softmax_pulls_back_by_its_whole_jacobian():
    x, ct = np.array([[0.3, -1.0, 2.0]]), np.array([[1.0, 2.0, -1.0]])
    p, x_bar = load("layers").softmax(x, ct)
    jacobian = np.diag(p[0]) - np.outer(p[0], p[0])
    np.testing.assert_allclose(x_bar[0], jacobian @ ct[0], rtol=1e-13)


def test_strided_padded_convolution_is_linear_in_image_and_kernel():
    rng = np.random.default_rng(0)
    x, kernel, bias = rng.normal(size=(2, 3, 5, 6)), rng.normal(size=(4, 3, 3, 3)), np.zeros(4)
    convolution = load("layers").convolution
    value, pulled = convolution(x, kernel, bias, np.ones((2, 4, 3, 3)))
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    assert value[1, 2, 1, 2] == pytest.approx(np.sum(padded[1, :, 2:5, 4:7] * kernel[2]), rel=1e-13)
    assert np.sum(pulled.x * x) == pytest.approx(value.sum(), rel=1e-12)
    assert np.sum(pulled.kernel * kernel) == pytest.approx(value.sum(), rel=1e-12)
    np.testing.assert_array_equal(pulled.bias, np.full(4, 2 * 3 * 3.0))


# System 4: functions that have a gradient, which is a function again.


def test_printed_derivatives_of_compositions():
    module = load("compositions")
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(module.sin_cos_1(x), [-0.7216062, -0.831692, -0.07743199], rtol=2e-7)


@pytest.mark.parametrize("name", ["sin_cos", "cos_sin", "sin_cos_sin"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_order_is_the_derivative_of_the_one_before(name, order):
    module = load("compositions")
    below = getattr(module, f"{name}_{order - 1}" if order > 1 else name)
    x, step = np.linspace(-3.0, 3.0, 7), 1e-3
    stencil = (below(x - 2 * step) - 8 * below(x - step) + 8 * below(x + step) - below(x + 2 * step)) / (
        12 * step
    )
    np.testing.assert_allclose(getattr(module, f"{name}_{order}")(x), stencil, atol=1e-9)
