"""Gradients of the two networks, derived and written by hand with plain numpy.

Their arguments and results are those of the generated functions: data first, then parameters; the loss, and
one gradient a parameter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Gradients = tuple[Floats, ...]

#: Side of the pooled windows.
POOL = 2


def cross_entropy(logits: Floats, y: Integers) -> tuple[float, Floats]:
    """Mean of -log softmax(logits)[label] over the batch, and its gradient by the logits."""
    n = len(y)
    shifted = logits - logits.max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    totals = weights.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(totals[:, 0]) - shifted[np.arange(n), y])
    d_logits = weights / totals
    d_logits[np.arange(n), y] -= 1.0
    return float(loss), d_logits / n


def two_layer_logits(X: Floats, W1: Floats, W2: Floats) -> Floats:
    """A hidden layer of rectified units, no biases."""
    return np.maximum(X @ W1, 0.0) @ W2


def two_layer_value_and_grad(X: Floats, y: Integers, W1: Floats, W2: Floats) -> tuple[float, Gradients]:
    """Cross entropy of the two-layer network and its gradients by W1 and W2."""
    hidden = np.maximum(X @ W1, 0.0)
    loss, d_logits = cross_entropy(hidden @ W2, y)
    d_hidden = (d_logits @ W2.T) * (hidden > 0)
    return loss, (X.T @ d_hidden, hidden.T @ d_logits)


def patches(images: Floats, rows: int, columns: int, padding: int) -> Floats:
    """im2col: (n, channels, h, w) to (n, out_h, out_w, channels, rows, columns), stride 1."""
    border = (padding, padding)
    padded = np.pad(images, ((0, 0), (0, 0), border, border))
    n, channels, height, width = padded.shape
    out_h, out_w = height - rows + 1, width - columns + 1
    result = np.empty((n, out_h, out_w, channels, rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i : i + out_h, j : j + out_w]
            result[..., i, j] = window.transpose(0, 2, 3, 1)
    return result


def convnet_logits(images: Floats, K: Floats, c: Floats, W: Floats, b: Floats) -> Floats:
    """Convolution with a border of one, ReLU, max-pool, dense."""
    return _convnet(images, K, c, W, b)[-1]


def convnet_value_and_grad(
    images: Floats, y: Integers, K: Floats, c: Floats, W: Floats, b: Floats
) -> tuple[float, Gradients]:
    """Cross entropy of the convolutional network and its gradients by K, c, W and b."""
    columns, features, windows, pooled, logits = _convnet(images, K, c, W, b)
    loss, d_logits = cross_entropy(logits, y)
    n = len(y)

    d_W, d_b = pooled.reshape(n, -1).T @ d_logits, d_logits.sum(axis=0)
    d_pooled = (d_logits @ W.T).reshape(pooled.shape)

    # Where several entries of a window are largest, each gets an equal share.
    largest = windows == pooled[..., None]
    d_windows = largest / largest.sum(axis=-1, keepdims=True) * d_pooled[..., None]
    d_features = _from_windows(d_windows, features.shape) * (features > 0)

    d_outputs = d_features.transpose(0, 2, 3, 1).reshape(-1, len(K))
    d_K = (d_outputs.T @ columns).reshape(K.shape)
    return loss, (d_K, d_outputs.sum(axis=0), d_W, d_b)


def _convnet(
    images: Floats, K: Floats, c: Floats, W: Floats, b: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """What the forward pass computes on its way: im2col, features, pooling windows, their maxima, logits."""
    filters, _, rows, width = K.shape
    field = patches(images, rows, width, padding=1)
    columns = field.reshape(-1, K[0].size)
    responses = (columns @ K.reshape(filters, -1).T + c).reshape(*field.shape[:3], filters)
    features = np.maximum(responses.transpose(0, 3, 1, 2), 0.0)
    windows = _to_windows(features)
    pooled = windows.max(axis=-1)
    return columns, features, windows, pooled, pooled.reshape(len(images), -1) @ W + b


def _to_windows(features: Floats) -> Floats:
    """(n, filters, h, w) to (n, filters, h/2, w/2, 4)."""
    n, filters, h, w = features.shape
    tiles = features.reshape(n, filters, h // POOL, POOL, w // POOL, POOL)
    return tiles.transpose(0, 1, 2, 4, 3, 5).reshape(n, filters, h // POOL, w // POOL, POOL * POOL)


def _from_windows(windows: Floats, shape: tuple[int, ...]) -> Floats:
    """The inverse of `_to_windows`."""
    n, filters, h, w = shape
    tiles = windows.reshape(n, filters, h // POOL, w // POOL, POOL, POOL)
    return tiles.transpose(0, 1, 2, 4, 3, 5).reshape(shape)
