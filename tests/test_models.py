"""The larger models of the gallery against formulas and libraries that share nothing with them."""

from __future__ import annotations

import numpy as np
import pytest
from realdata.generated import load
from scipy import stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_greeks_are_those_of_the_textbook(rng):
    S, K, T, r, sigma = rng.uniform(
        [[50], [50], [0.1], [-0.02], [0.1]], [[150], [150], [3], [0.1], [0.6]], (5, 40)
    )
    module = load("options")
    d1 = (np.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    d2 = d1 - sigma * np.sqrt(T)
    price, greeks = module.call_greeks(S, K, T, r, sigma)
    N, n, discount = stats.norm.cdf, stats.norm.pdf, np.exp(-r * T)
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(price, S * N(d1) - K * discount * N(d2), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(greeks.S, N(d1), **close)
    np.testing.assert_allclose(greeks.r, K * T * discount * N(d2), **close)
    np.testing.assert_allclose(greeks.sigma, S * n(d1) * np.sqrt(T), **close)
    theta = S * n(d1) * sigma / (2 * np.sqrt(T)) + r * K * discount * N(d2)
    np.testing.assert_allclose(greeks.T, theta, **close)
    np.testing.assert_allclose(module.gamma(S, K, T, r, sigma), n(d1) / (S * sigma * np.sqrt(T)), **close)
    np.testing.assert_allclose(module.vanna(S, K, T, r, sigma), -n(d1) * d2 / sigma, **close)
    np.testing.assert_allclose(module.put(S, K, T, r, sigma), K * discount * N(-d2) - S * N(-d1), atol=1e-10)


def test_newton_brings_the_hand_to_its_target():
    module = load("robot_arm")
    lengths, rest, target = np.array([1.0, 0.8, 0.5]), np.full(3, 0.4), np.array([1.2, 1.1])
    angles = rest.copy()
    for _ in range(8):  # the pseudo-inverse brings the hand there, from wherever it is
        miss = target - module.hand(angles, lengths)
        angles = angles + np.linalg.pinv(module.hand_jacobian(angles, lengths)) @ miss
    np.testing.assert_allclose(module.hand(angles, lengths), target, atol=1e-12)
    for _ in range(12):
        _, gradient = module.effort_value_and_grad(angles, lengths, target, rest, 1e-2)
        hessian = module.effort_hessian(angles, lengths, target, rest, 1e-2)
        np.testing.assert_allclose(hessian, hessian.T, atol=1e-14)
        angles = angles - np.linalg.solve(hessian, gradient)
    np.testing.assert_allclose(gradient, 0, atol=1e-12)
    assert np.linalg.norm(module.hand(angles, lengths) - target) < 0.02
    np.testing.assert_allclose(module.joints(angles, lengths)[-1], module.hand(angles, lengths), rtol=1e-14)
    # A turn of joint j moves the hand at a right angle to the line from that joint.
    arms = module.hand(angles, lengths) - module.joints(angles, lengths)[:-1]
    expected = np.stack([-arms[:, 1], arms[:, 0]])
    np.testing.assert_allclose(module.hand_jacobian(angles, lengths), expected, atol=1e-14)


def test_gaussian_process_agrees_with_another_one(rng):
    module = load("gaussian_process")
    x, new = rng.uniform(0, 5, 30), np.linspace(0, 5, 11)
    y = np.sin(x) + 0.1 * rng.normal(size=30)
    theta = np.log([1.3, 0.8, 0.2])
    kernel = ConstantKernel(1.3**2) * RBF(0.8) + WhiteKernel(0.2**2)
    other = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(x[:, None], y)
    value, slope = other.log_marginal_likelihood(other.kernel_.theta, eval_gradient=True)
    loss, gradient = module.loss_value_and_grad(x, y, theta)
    assert loss == pytest.approx(-value / 30, rel=1e-10)
    # There, parameters are logarithms of signal^2, length and noise^2.
    np.testing.assert_allclose(gradient, -slope * [2, 1, 2] / 30, rtol=1e-8)
    mean, deviation = other.predict(new[:, None], return_std=True)
    predicted = module.predict(x, y, theta, new)
    np.testing.assert_allclose(predicted["mean"], mean, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(predicted["variance"] + 0.2**2, deviation**2, rtol=1e-8)


def test_denoising_pulls_towards_the_image_and_its_neighbours(rng):
    module = load("denoising")
    image, noisy, v, w = rng.normal(size=(4, 6, 5))
    flat = np.full((6, 5), 0.7)
    value, gradient = module.energy_value_and_grad(flat, noisy, 0.5, 1e-2)
    assert value == pytest.approx(np.sum((flat - noisy) ** 2) / 2 + 0.5 * 1e-2 * 20, rel=1e-13)
    np.testing.assert_allclose(gradient, flat - noisy, atol=1e-14)
    # The variation does not change where a number is added everywhere; its Hessian is symmetric.
    _, gradient = module.energy_value_and_grad(image, noisy, 0.5, 1e-2)
    assert gradient.sum() == pytest.approx(np.sum(image - noisy), rel=1e-12)
    left = np.sum(w * module.energy_hvp(image, noisy, 0.5, 1e-2, v))
    assert left == pytest.approx(np.sum(v * module.energy_hvp(image, noisy, 0.5, 1e-2, w)), rel=1e-11)


def test_a_pendulum_at_rest_has_no_defects(rng):
    module = load("pendulum")
    np.testing.assert_array_equal(module.defects(np.zeros((3, 9)), 0.1), np.zeros((2, 8)))
    z, ct = rng.normal(size=(3, 9)), rng.normal(size=(2, 8))
    _, pulled = module.defects_vjp(z, 0.1, ct)
    jacobian = module.defects_jacobian(z, 0.1)
    np.testing.assert_allclose(pulled, np.einsum("ij,ijkl->kl", ct, jacobian), rtol=1e-12, atol=1e-13)
    # Turning freely without gravity: the angle where sin is 0 and a speed that the torque keeps.
    z = np.stack([np.full(9, np.pi), np.zeros(9), np.zeros(9)])
    np.testing.assert_allclose(module.defects(z, 0.1), 0, atol=1e-14)


def test_mixture_is_a_sum_of_densities(rng):
    module = load("mixture")
    X, weights = rng.normal(size=(20, 2)), rng.normal(size=3)
    mu, log_sigma = rng.normal(size=(2, 3, 2))
    shares = np.exp(weights) / np.exp(weights).sum()
    densities = stats.norm.pdf(X[:, None], mu, np.exp(log_sigma)).prod(axis=2) * shares
    arguments = X, weights, mu, log_sigma
    assert module.loss(*arguments) == pytest.approx(-np.mean(np.log(densities.sum(axis=1))), rel=1e-12)
    expected = densities / densities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(module.parts(*arguments), expected, rtol=1e-11)
    # Where the likelihood does not change, the weights are the shares of the data (the EM equations).
    _, gradient = module.loss_value_and_grad(*arguments)
    np.testing.assert_allclose(gradient.weights, shares - expected.mean(axis=0), rtol=1e-10, atol=1e-14)
    assert np.isfinite(module.loss(X + 1e6, *arguments[1:]))


def test_the_gradient_of_tsne_is_that_of_its_authors(rng):
    points, P = rng.normal(size=(12, 2)), rng.uniform(size=(12, 12))
    P = P + P.T
    np.fill_diagonal(P, 0)
    P /= P.sum()
    step = points[:, None] - points
    closeness = 1 / (1 + np.sum(step**2, axis=2))
    np.fill_diagonal(closeness, 0)
    Q = closeness / closeness.sum()
    expected = 4 * np.sum(((P - Q) * closeness)[:, :, None] * step, axis=1)
    _, gradient = load("neighbours").divergence_value_and_grad(points, P)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-14)
