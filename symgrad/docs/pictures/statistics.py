"""Gaussian processes, mixtures, and a map of the digits."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes, load_digits, load_iris

from symgrad.docs.pictures.canvas import BLUE, GREY, ORANGE, Floats, generated, panels, picture, plt


@picture
def gaussian_process() -> Figure:
    """Body mass and the progression of diabetes: the evidence chooses how smooth the curve is."""
    module = generated("gaussian_process")
    X, y = load_diabetes(return_X_y=True, scaled=False)
    x, scale = X[::2, 2], y.std()
    y = (y[::2] - y.mean()) / scale
    path = [np.log([0.3, 1.0, 0.3])]
    found = minimize(
        lambda t: module.loss_value_and_grad(x, y, t), path[0], jac=True, method="L-BFGS-B",
        callback=lambda t: path.append(t.copy()),
    )  # fmt: skip
    figure, (left, right) = panels(2, 4.6, 3.0)
    grid = np.linspace(x.min(), x.max(), 200)
    predicted = module.predict(x, y, found.x, grid)
    spread = np.sqrt(np.maximum(predicted["variance"], 0))
    noise = np.sqrt(predicted["variance"] + np.exp(2 * found.x[2]))
    mean = predicted["mean"]
    left.scatter(x, y, s=8, color=GREY)
    left.fill_between(grid, mean - 2 * noise, mean + 2 * noise, color=BLUE, alpha=0.10, linewidth=0)
    left.fill_between(grid, mean - 2 * spread, mean + 2 * spread, color=BLUE, alpha=0.25, linewidth=0)
    left.plot(grid, mean, color=BLUE)
    left.set(title="Mean, and two standard deviations", xlabel="body mass index", ylabel="progression")
    steps = np.array(path)
    lengths, noises = np.meshgrid(np.linspace(-0.5, 4, 30), np.linspace(-1.4, 0.4, 24))
    signal = found.x[0]
    losses = np.array(
        [module.loss(x, y, [signal, a, b]) for a, b in zip(lengths.ravel(), noises.ravel())]
    ).reshape(lengths.shape)
    filled = right.contourf(lengths, noises, np.log(losses - losses.min() + 0.01), 16)
    figure.colorbar(filled, ax=right, label="log of loss above minimum")
    right.plot(steps[:, 1], steps[:, 2], "o-", color=ORANGE, ms=3)
    right.set(title=f"{len(steps) - 1} steps of L-BFGS", xlabel="log length", ylabel="log noise")
    return figure


@picture
def mixture() -> Figure:
    """Three kinds of iris, found without being told."""
    module = generated("mixture")
    X, kind = load_iris(return_X_y=True)
    rng = np.random.default_rng(2)
    # The petals were measured to a millimetre: without what rounding took, a part could shrink to one number.
    X = X[:, 2:] + rng.uniform(-0.05, 0.05, size=(len(X), 2))
    shapes = ((3,), (3, 2), (3, 2))
    sizes = np.cumsum([0] + [int(np.prod(s)) for s in shapes])

    def unpack(theta: Floats) -> list[Floats]:
        return [theta[a:b].reshape(s) for a, b, s in zip(sizes, sizes[1:], shapes)]

    losses: list[float] = []

    def objective(theta: Floats) -> tuple[float, Floats]:
        value, gradient = module.loss_value_and_grad(X, *unpack(theta))
        losses.append(value)
        return value, np.concatenate([g.ravel() for g in gradient])

    spread = X[np.argsort(X[:, 0])[[20, 75, 130]]]
    start = np.concatenate([np.zeros(3), spread.ravel(), np.full(6, -0.7)])
    found = minimize(objective, start, jac=True, method="L-BFGS-B")
    weights, mu, log_sigma = unpack(found.x)
    figure, axes = panels(3, 3.4, 2.9)
    shares = module.parts(X, weights, mu, log_sigma)
    colours = shares @ np.array([[0.23, 0.43, 0.66], [0.78, 0.39, 0.12], [0.29, 0.56, 0.29]])
    axes[0].scatter(*X.T, s=10, c=np.clip(colours, 0, 1))
    for centre, spread in zip(mu, np.exp(log_sigma)):
        for times in (1, 2):
            axes[0].add_patch(
                Ellipse(tuple(centre), *(2 * times * spread), fill=False, color="#3c4852", linewidth=0.8)
            )
    axes[0].set(title="Parts found", xlabel="petal length", ylabel="petal width")
    axes[1].plot(losses)
    axes[1].set(title="Negative log-likelihood", xlabel="evaluation")
    a, b = np.meshgrid(np.linspace(0.5, 7.5, 90), np.linspace(-0.2, 2.9, 90))
    far = np.stack([a.ravel(), b.ravel()], axis=1)
    density = np.array([-module.loss(point[None], weights, mu, log_sigma) for point in far]).reshape(a.shape)
    axes[2].contourf(a, b, np.maximum(density, -12), 18)
    for number, marker in enumerate("o^s"):
        axes[2].scatter(*X[kind == number].T, s=6, color="white", marker=marker, alpha=0.7)
    axes[2].set(title="Log-density and the three species", xlabel="petal length")
    return figure


def affinities(X: Floats, perplexity: float) -> Floats:
    """Symmetric neighbourhoods, each row's width found by bisection so that it has that perplexity."""
    distance = np.sum((X[:, None] - X) ** 2, axis=2)
    np.fill_diagonal(distance, np.inf)
    low, high = np.full(len(X), 1e-6), np.full(len(X), 1e3)
    for _ in range(50):
        beta = np.sqrt(low * high)
        P = np.exp(-(distance - distance.min(axis=1, keepdims=True)) * beta[:, None])
        P /= P.sum(axis=1, keepdims=True)
        entropy = -np.sum(P * np.log(np.maximum(P, 1e-300)), axis=1)
        narrow = entropy > np.log(perplexity)
        low, high = np.where(narrow, beta, low), np.where(narrow, high, beta)
    return (P + P.T) / (2 * len(X))


@picture
def neighbours() -> Figure:
    """t-SNE of handwritten digits by gradient descent with momentum."""
    module = generated("neighbours")
    digits = load_digits()
    X, y = digits.data[:500] / 16, digits.target[:500]
    P = affinities(X, 25.0)
    rng = np.random.default_rng(0)
    points, speed = rng.normal(scale=1e-2, size=(len(X), 2)), np.zeros((len(X), 2))
    losses = []
    for step in range(400):
        early = step < 100
        value, gradient = module.divergence_value_and_grad(points, P * (4.0 if early else 1.0))
        if not early:
            losses.append(value)
        speed = (0.5 if early else 0.8) * speed - 60.0 * gradient
        points = points + speed - np.mean(points, axis=0)
    figure, (left, right) = panels(2, 4.4, 3.6)
    for digit in range(10):
        left.scatter(*points[y == digit].T, s=12, color=plt.get_cmap("tab10")(digit))
        left.annotate(str(digit), np.median(points[y == digit], axis=0), fontsize=13, fontweight="bold")
    left.set(title="500 digits in the plane", xticks=[], yticks=[])
    right.plot(range(100, 400), losses)
    right.set(title="Divergence", xlabel="step")
    return figure
