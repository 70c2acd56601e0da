"""Loops at work: a filter, a recurrent network, a differential equation, a chain of labels."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize

from symgrad.docs.pictures.canvas import BLUE, GREY, ORANGE, Floats, generated, panels, picture

#: Pelts of hares and lynxes bought by the Hudson's Bay Company, in thousands, 1900 to 1920.
_HARES = "30 47.2 70.2 77.4 36.3 20.6 18.1 21.4 22 25.4 27.1 40.3 57 76.6 52.3 19.5 11.2 7.6 14.6 16.2 24.7"
_LYNXES = "4 6.1 9.8 35.2 59.4 41.7 19 13 8.3 9.1 7.4 8 12.3 19.5 45.7 51.1 29.7 15.8 9.7 10.1 8.6"
HARES, LYNXES = (np.array([float(entry) for entry in text.split()]) for text in (_HARES, _LYNXES))


@picture
def kalman_filter() -> Figure:
    """A track in the plane from noisy positions; the noises are found by the likelihood's gradient."""
    module = generated("kalman_filter")
    rng = np.random.default_rng(1)
    n = 120
    A = np.eye(4) + 0.1 * np.eye(4, k=2)
    H = np.eye(2, 4)
    force = np.diag([0.0, 0.0, 1.0, 1.0])
    velocity = np.array([1.0, 0.3]) + np.cumsum(0.25 * rng.normal(size=(n, 2)), axis=0)
    track = np.cumsum(0.1 * velocity, axis=0)
    y = track + 0.25 * rng.normal(size=(n, 2))
    m0, P0 = np.zeros(4), 10 * np.eye(4)
    values: list[float] = []

    def objective(theta: Floats) -> tuple[float, Floats]:
        q, r = np.exp(theta)
        value, g = module.log_likelihood_value_and_grad(
            y, m0, P0, A, q * force + 1e-9 * np.eye(4), H, r * np.eye(2)
        )
        values.append(-value)
        return -value, -np.array([q * np.sum(g.Q * force), r * np.trace(g.R)])

    found = minimize(objective, np.log([1.0, 1.0]), jac=True, method="BFGS")
    q, r = np.exp(found.x)
    means = module.means(y, m0, P0, A, q * force + 1e-9 * np.eye(4), H, r * np.eye(2))
    figure, (left, middle, right) = panels(3, 3.4, 3.0)
    left.scatter(*y.T, s=6, color=GREY, label="observed")
    left.plot(*track.T, color=ORANGE, label="true")
    left.plot(*means[:, :2].T, color=BLUE, label="filtered")
    left.set(title="A track in the plane", aspect="equal")
    left.legend(fontsize=7)
    middle.plot(velocity[:, 0], color=ORANGE, label="true")
    middle.plot(means[:, 2], color=BLUE, label="filtered")
    middle.set(title="Speed along x, never observed", xlabel="step")
    middle.legend(fontsize=7)
    right.plot(np.array(values) - min(values))
    right.set(title=f"Noise found: {np.sqrt(r):.3f}, true 0.25", xlabel="evaluation")
    right.set_ylabel("negative log-likelihood above minimum")
    return figure


@picture
def lstm() -> Figure:
    """Adding two marked numbers of a long sequence, by gradient descent with momentum."""
    module = generated("lstm")
    rng = np.random.default_rng(0)
    d, n, m = 12, 20, 64
    scale = 1 / np.sqrt(d)
    shapes = ((2, 4 * d), (d, 4 * d), (4 * d,), (d,))
    weights = [rng.uniform(-scale, scale, shape) for shape in shapes]
    weights[2][:d] += 1.0  # remember at first
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]

    def batch(count: int) -> tuple[Floats, Floats]:
        values = rng.uniform(0, 1, (n, count))
        marks = np.zeros((n, count))
        marks[rng.integers(0, n // 2, count), np.arange(count)] = 1
        marks[rng.integers(n // 2, n, count), np.arange(count)] = 1
        return np.stack([values, marks], axis=2), np.cumsum(values * marks, axis=0)

    losses = []
    for step in range(1, 1201):
        x, y = batch(m)
        zero = np.zeros((m, d))
        W, U, b, v = weights
        value, gradient = module.loss_value_and_grad(x, y, zero, zero, W, U, b, v)
        losses.append(value)
        for i, g in enumerate(gradient):  # Adam
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g**2
            size = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            weights[i] = weights[i] - size * first[i] / (np.sqrt(second[i]) + 1e-8)
    x, y = batch(200)
    zero = np.zeros((200, d))
    states = module.states(x, zero, zero, *weights[:3])
    figure, axes = panels(3, 3.4, 2.8)
    axes[0].semilogy(losses, linewidth=0.6, alpha=0.6)
    axes[0].set(title="Half the mean squared error", xlabel="step")
    for k in range(4):
        axes[1].plot(y[:, k], color=GREY, linewidth=2.5, alpha=0.5)
        axes[1].plot(states[:, k] @ weights[3], color=BLUE)
    axes[1].set(title="Sum of marked numbers so far", xlabel="position")
    axes[2].plot([0, 2], [0, 2], color=GREY, linewidth=1)
    axes[2].scatter(y[-1], states[-1] @ weights[3], s=6, color=ORANGE)
    axes[2].set(title="At the end of 200 new sequences", xlabel="sum", ylabel="read")
    return figure


@picture
def populations() -> Figure:
    """Hares and lynxes of a century ago, fitted through the solver by its adjoint."""
    module = generated("populations")
    counts = np.stack([HARES, LYNXES], axis=1)
    fine, years = 20, np.arange(1900, 1921)

    def unpack(theta: Floats) -> tuple[Floats, Floats]:
        return np.exp(theta[:2]), np.exp(theta[2:])

    def objective(theta: Floats) -> tuple[float, Floats]:
        start, rates = unpack(theta)
        # The first year is where the solution starts; the solver makes twenty steps a year.
        value, gradient = module.misfit_value_and_grad(start, rates, 1.0 / fine, dense)
        return value, np.concatenate([gradient.start * start, gradient.rates * rates])

    at = np.arange(1, 20 * fine + 1) / fine
    logs = np.stack([np.interp(at, np.arange(21), np.log(counts[:, i])) for i in (0, 1)], axis=1)
    dense = np.exp(logs)
    losses: list[float] = []
    begin = np.log([30.0, 4.0, 0.5, 0.025, 0.025, 0.8])
    found = minimize(
        objective, begin, jac=True, method="L-BFGS-B", callback=lambda t: losses.append(objective(t)[0])
    )
    start, rates = unpack(found.x)
    prey, predators = module.solution(start, rates, 1.0 / fine, dense)
    figure, (left, middle, right) = panels(3, 3.4, 2.8)
    for values, curve, colour, name in ((HARES, prey, BLUE, "hares"), (LYNXES, predators, ORANGE, "lynxes")):
        left.plot(years, values, "o", color=colour, ms=3)
        left.plot(1900 + at, curve, color=colour, label=name)
    left.set(title="Pelts, in thousands", xticks=(1900, 1910, 1920))
    left.legend(fontsize=8)
    middle.plot(*counts.T, "o-", color=GREY, ms=3, linewidth=0.6)
    middle.plot(prey, predators, color=BLUE)
    middle.set(title="Hares against lynxes", xlabel="hares", ylabel="lynxes")
    right.semilogy(losses, "o-", ms=3)
    right.set(title="Misfit of logarithms", xlabel="step of L-BFGS")
    return figure


@picture
def crf() -> Figure:
    """Loaded dice: which one was thrown, from the points alone; marginals are the gradient."""
    module = generated("crf")
    rng = np.random.default_rng(4)
    n, k = 400, 2
    chances = np.array([[1 / 6] * 6, [0.1] * 5 + [0.5]])
    labels = np.zeros(n, dtype=np.int64)
    for t in range(1, n):
        labels[t] = labels[t - 1] if rng.random() < 0.95 else 1 - labels[t - 1]
    points = np.array([rng.choice(6, p=chances[label]) for label in labels])
    weights = np.zeros(6 * k + k * k)
    losses: list[float] = []

    def objective(theta: Floats) -> tuple[float, Floats]:
        faces, moves = theta[: 6 * k].reshape(6, k), theta[6 * k :].reshape(k, k)
        value, gradient = module.loss_value_and_grad(faces[points], moves, labels)
        faces_bar = np.zeros((6, k))
        np.add.at(faces_bar, points, gradient.scores)
        losses.append(value / n)
        return value + 0.05 * theta @ theta, np.concatenate(
            [faces_bar.ravel(), gradient.moves.ravel()]
        ) + 0.1 * theta

    theta = minimize(objective, weights, jac=True, method="L-BFGS-B").x
    faces, moves = theta[: 6 * k].reshape(6, k), theta[6 * k :].reshape(k, k)
    marginals = module.marginals(faces[points], moves).scores
    figure, (left, right) = panels(2, 5.0, 2.6, width_ratios=(2.2, 1))
    left.fill_between(range(n), labels, step="mid", color=ORANGE, alpha=0.25, linewidth=0, label="loaded die")
    left.plot(marginals[:, 1], color=BLUE, label="probability of it")
    left.plot(
        np.flatnonzero(points == 5), np.full((points == 5).sum(), -0.06), "|", color=GREY, ms=5, label="a six"
    )
    right_ones = np.mean((marginals[:, 1] > 0.5) == labels)
    left.set(title=f"Which die: {right_ones:.0%} right", xlabel="throw")
    left.legend(fontsize=7, ncols=3, loc="upper center")
    right.semilogy(losses)
    right.set(title="Negative log-likelihood a throw", xlabel="evaluation")
    return figure
