"""The larger models of the gallery against formulas and libraries that share nothing with them."""

from __future__ import annotations

import numpy as np
import pytest
from realdata.generated import load
from scipy import optimize, sparse, stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegression


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


# --- curvature and sparsity ------------------------------------------------------------------------------


def sights(rng, cameras=4, points=30):
    """Cameras around points that all of them see, and where."""
    place = rng.uniform(-1, 1, (points, 3))
    pose = np.zeros((cameras, 11))
    pose[:, :3] = rng.normal(size=(cameras, 3)) * 0.1
    pose[:, 3:6] = [0, 0, -5] + rng.normal(size=(cameras, 3)) * 0.5
    pose[:, 6], pose[:, 9:] = 2.0, [0.02, -0.01]
    camera, point = (i.ravel() for i in np.meshgrid(np.arange(cameras), np.arange(points), indexing="ij"))
    weights = np.ones(len(camera))
    seen = load("bundle_adjustment").reprojection(
        pose, place, weights, camera, point, np.zeros((len(camera), 2))
    )
    return pose, place, weights, camera, point, seen


def test_cameras_and_points_are_found_from_what_is_seen(rng):
    module = load("bundle_adjustment")
    pose, place, weights, camera, point, seen = sights(rng)
    count, free = seen.size, pose[1:].size

    def parts(theta):
        return np.concatenate([pose[:1], theta[:free].reshape(-1, 11)]), theta[free:].reshape(-1, 3)

    def residuals(theta):
        return module.reprojection(*parts(theta), weights, camera, point, seen).ravel()

    def jacobian(theta):
        J = module.reprojection_jacobian(*parts(theta), weights, camera, point, seen)
        cameras = sparse.csc_array((J.cameras[0], J.cameras[1:]), shape=(count, pose.size))
        points = sparse.csc_array((J.points[0], J.points[1:]), shape=(count, place.size))
        return sparse.csr_matrix(sparse.hstack([cameras[:, 11:], points]))

    truth = np.concatenate([pose[1:].ravel(), place.ravel()])
    start = truth + 0.01 * rng.normal(size=truth.size)
    dense = jacobian(start).toarray()
    for k in rng.integers(0, truth.size, 20):  # against differences of the residuals
        step = np.zeros(truth.size)
        step[k] = 1e-6
        slope = (residuals(start + step) - residuals(start - step)) / 2e-6
        np.testing.assert_allclose(dense[:, k], slope, atol=1e-7)
    found = optimize.least_squares(residuals, start, jacobian, tr_solver="lsmr", x_scale="jac", max_nfev=60)
    assert found.cost < 1e-9 * optimize.least_squares(residuals, start, jacobian, max_nfev=1).cost


def test_an_unturned_camera_has_a_derivative():
    module = load("bundle_adjustment")
    pose = np.array([[0, 0, 0, 0, 0, -4, 1.5, 0.1, 0.2, 0, 0.0]])
    args = (pose, np.array([[0.5, -0.25, 1.0]]), np.ones(1), [0], [0], np.zeros((1, 2)))
    data = module.reprojection_jacobian(*args).cameras[0]
    assert np.isfinite(data).all()
    # To first order a turn r moves q = (0.5, -0.25, 5) by r x q.
    turn = np.eye(1, 11) * 1e-7
    turned = module.reprojection(pose + turn, *args[1:]) - module.reprojection(*args)
    np.testing.assert_allclose(data.reshape(2, 11)[:, 0], turned[0] / 1e-7, rtol=1e-5)


def test_the_chain_has_three_bands(rng):
    module = load("rosenbrock")
    x = rng.normal(size=1000)
    data, row, col = module.chain_hessian_sparse(x)
    H = sparse.csr_array((data, (row, col)), shape=(1000, 1000))
    assert data.size == 2998 and abs(row - col).max() == 1
    v = rng.normal(size=1000)
    np.testing.assert_allclose(H @ v, module.chain_hvp(x, v), rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(H.toarray(), module.chain_hessian(x))


def test_newton_fits_a_logistic_regression(rng):
    module = load("logistic_newton")
    X, y = rng.normal(size=(300, 4)), rng.integers(0, 2, 300).astype(float)
    theta = module.pack(np.zeros(4), 0.0)
    for _ in range(8):
        _, gradient = module.loss_value_and_grad(theta, X, y, 0.01)
        theta = theta - np.linalg.solve(module.loss_hessian(theta, X, y, 0.01), gradient)
    w, b = module.unpack(theta)
    expected = LogisticRegression(C=1 / (300 * 0.01), tol=1e-12, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(w, expected.coef_[0], rtol=1e-6)
    np.testing.assert_allclose(b, expected.intercept_[0], rtol=1e-5)


def test_the_curvature_of_a_factorisation_is_made_of_gram_matrices(rng):
    module = load("factorisation")
    M, U, V = rng.normal(size=(4, 5)), rng.normal(size=(4, 2)), rng.normal(size=(5, 2))
    H = module.misfit_hessian(M, U, V)
    np.testing.assert_allclose(H.U.U.reshape(8, 8), 2 * np.kron(np.eye(4), V.T @ V), rtol=1e-14)
    np.testing.assert_allclose(H.U.V.reshape(8, 10), H.V.U.reshape(10, 8).T, rtol=1e-14)
    dot = rng.normal(size=U.shape), rng.normal(size=V.shape)
    product = module.misfit_hvp(M, U, V, *dot)
    expected = np.tensordot(H.U.U, dot[0], 2) + np.tensordot(H.U.V, dot[1], 2)
    np.testing.assert_allclose(product.U, expected, rtol=1e-12)
