"""Networks that learn handwritten digits."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from symgrad.docs.pictures.canvas import BLUE, ORANGE, bare, generated, panels, picture, plt


@picture
def two_layer_network() -> Figure:
    """Minibatch gradient descent: loss, accuracy on images kept back, what hidden units look for."""
    module = generated("two_layer_network")
    digits = load_digits()
    X, y = digits.data / 16, digits.target
    kept = np.arange(len(X)) % 3 == 0
    rng = np.random.default_rng(0)
    W1, W2 = rng.normal(size=(64, 32)) / 8, rng.normal(size=(32, 10)) / 6
    rows = np.flatnonzero(~kept)
    losses, right = [], []
    for _ in range(25):
        for batch in np.array_split(rng.permutation(rows), len(rows) // 40):
            value, gradient = module.loss_value_and_grad(X[batch], y[batch], W1, W2)
            losses.append(value)
            W1, W2 = W1 - 0.4 * gradient.W1, W2 - 0.4 * gradient.W2
        right.append(np.mean(module.logits(X[kept], W1, W2).argmax(axis=1) == y[kept]))
    figure = plt.figure(figsize=(10.4, 2.9), layout="constrained")
    first, second, third = figure.subfigures(1, 3)
    axis = first.subplots()
    axis.semilogy(losses, color=BLUE, linewidth=0.6, alpha=0.5)
    axis.semilogy(np.convolve(losses, np.ones(25) / 25, "valid"), color=BLUE)
    axis.set(title="Loss of minibatches", xlabel="step")
    axis = second.subplots()
    axis.plot(range(1, 26), right, "o-", color=ORANGE, ms=3)
    axis.set(title=f"Images kept back: {right[-1]:.1%} right", xlabel="epoch", ylim=(0.7, 1))
    third.suptitle("What hidden units look for", fontsize=9.5, fontweight="bold")
    for unit, axis in enumerate(third.subplots(4, 8).ravel()):
        axis.imshow(W1[:, unit].reshape(8, 8), cmap="RdBu", vmin=-1, vmax=1)
        bare(axis)
    return figure


@picture
def convnet() -> Figure:
    """A convolutional network: loss, its filters, and what it takes for what."""
    module = generated("convnet")
    digits = load_digits()
    images, y = (digits.images / 16)[:, None], digits.target
    kept = np.arange(len(images)) % 3 == 0
    rng = np.random.default_rng(1)
    K, c = rng.normal(size=(8, 1, 3, 3)) / 3, np.zeros(8)
    W, b = rng.normal(size=(128, 10)) / 12, np.zeros(10)
    rows = np.flatnonzero(~kept)
    losses = []
    for _ in range(12):
        for batch in np.array_split(rng.permutation(rows), len(rows) // 40):
            value, g = module.loss_value_and_grad(images[batch], y[batch], K, c, W, b)
            losses.append(value)
            K, c, W, b = K - 0.3 * g.K, c - 0.3 * g.c, W - 0.3 * g.W, b - 0.3 * g.b
    guess = module.logits(images[kept], K, c, W, b).argmax(axis=1)
    figure = plt.figure(figsize=(10.4, 2.9), layout="constrained")
    first, second, third = figure.subfigures(1, 3)
    axis = first.subplots()
    axis.semilogy(losses, color=BLUE, linewidth=0.6, alpha=0.5)
    axis.semilogy(np.convolve(losses, np.ones(25) / 25, "valid"), color=BLUE)
    axis.set(title="Loss of minibatches", xlabel="step")
    second.suptitle("Filters, learned", fontsize=9.5, fontweight="bold")
    for number, axis in enumerate(second.subplots(2, 4).ravel()):
        axis.imshow(K[number, 0], cmap="RdBu", vmin=-1.5, vmax=1.5)
        bare(axis)
    axis = third.subplots()
    counts = np.zeros((10, 10))
    np.add.at(counts, (y[kept], guess), 1)
    axis.imshow(np.log1p(counts), cmap="Blues")
    for i, j in zip(*np.nonzero(counts)):
        colour = "white" if i == j else ORANGE
        axis.text(j, i, f"{counts[i, j]:.0f}", ha="center", va="center", fontsize=6.5, color=colour)
    axis.set(
        title=f"Images kept back: {np.mean(guess == y[kept]):.1%} right", xlabel="read as", ylabel="digit",
        xticks=range(10), yticks=range(10),
    )  # fmt: skip
    return figure


@picture
def layers() -> Figure:
    """A convolution and its pullback on one digit."""
    module = generated("layers")
    image = load_digits().images[4][None, None] / 16
    x = np.repeat(np.pad(image, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge"), 3, axis=1)
    kernel = np.zeros((2, 3, 3, 3))
    kernel[0] = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]) / 3
    kernel[1] = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 3
    value, _ = module.convolution(x, kernel, np.zeros(2), np.zeros((1, 2, 6, 6)))
    seed = np.zeros_like(value)
    seed[0, 0, 2, 3] = seed[0, 1, 4, 1] = 1.0
    _, pulled = module.convolution(x, kernel, np.zeros(2), seed)
    figure, axes = panels(4, 2.3, 2.5)
    shown = (
        ("a digit", x[0, 0], "gray_r"),
        ("horizontal edges, stride 2", value[0, 0], "RdBu"),
        ("vertical edges, stride 2", value[0, 1], "RdBu"),
        ("pullback of two entries", pulled.x[0, 0], "RdBu"),
    )
    for axis, (title, values, colours) in zip(axes, shown):
        limit = np.abs(values).max()
        axis.imshow(values, cmap=colours, vmin=0 if colours == "gray_r" else -limit, vmax=limit)
        axis.set_title(title)
        bare(axis)
    return figure
