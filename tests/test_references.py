"""The references that generated modules are compared with, checked by themselves.

Values against loops that follow the definitions, gradients against the complex step: the imaginary part of
f(x + ih) / h is the derivative to the last digits, as nothing is subtracted.
"""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from realdata import data, mnist, references, training


def rectify(z):
    return np.where(z.real > 0, z, 0)


def entropy_by_definition(logits, y):
    total = 0
    for row, label in zip(logits, y):
        total = total + np.log(np.sum(np.exp(row))) - row[label]
    return total / len(y)


def two_layer_by_definition(X, y, W1, W2):
    return entropy_by_definition(rectify(X @ W1) @ W2, y)


def convolution_by_definition(images, K, c):
    n, channels, height, width = images.shape
    filters, _, rows, columns = K.shape
    result = np.zeros((n, filters, height, width), complex)
    for at in np.ndindex(result.shape):
        m, f, i, j = at
        result[at] = c[f]
        for channel, r, s in np.ndindex(channels, rows, columns):
            u, v = i + r - 1, j + s - 1
            if 0 <= u < height and 0 <= v < width:
                result[at] += images[m, channel, u, v] * K[f, channel, r, s]
    return result


def convnet_by_definition(images, y, K, c, W, b):
    features = rectify(convolution_by_definition(images, K, c))
    n, filters, height, width = features.shape
    pooled = np.zeros((n, filters, height // 2, width // 2), complex)
    for at in np.ndindex(pooled.shape):
        m, f, i, j = at
        window = features[m, f, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].ravel()
        pooled[at] = window[np.argmax(window.real)]
    return entropy_by_definition(pooled.reshape(n, -1) @ W + b, y)


def complex_step(f, arguments, position):
    step = 1e-30
    result = np.zeros(arguments[position].shape)
    for at in np.ndindex(result.shape):
        moved = [np.array(a, complex) if i == position else a for i, a in enumerate(arguments)]
        moved[position][at] += 1j * step
        result[at] = f(*moved).imag / step
    return result


def agree(value_and_grad, definition, arguments, parameters):
    value, gradients = value_and_grad(*arguments)
    np.testing.assert_allclose(value, definition(*arguments).real, rtol=1e-13)
    assert len(gradients) == len(parameters)
    for position, gradient in zip(parameters, gradients):
        expected = complex_step(definition, arguments, position)
        assert gradient.shape == expected.shape
        np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)


def test_two_layer_network():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    W1, W2 = rng.normal(size=(4, 6)), rng.normal(size=(6, 3))
    agree(references.two_layer_value_and_grad, two_layer_by_definition, [X, y, W1, W2], [2, 3])
    logits = references.two_layer_logits(X, W1, W2)
    assert np.isclose(entropy_by_definition(logits, y), references.cross_entropy(logits, y)[0], rtol=1e-13)


@pytest.mark.parametrize("channels", [1, 2])
def test_convolutional_network(channels):
    rng = np.random.default_rng(1)
    images, y = rng.normal(size=(2, channels, 4, 6)), rng.integers(0, 3, 2)
    K, c = rng.normal(size=(2, channels, 3, 3)), rng.normal(size=2)
    W, b = rng.normal(size=(12, 3)), rng.normal(size=3)
    agree(references.convnet_value_and_grad, convnet_by_definition, [images, y, K, c, W, b], [2, 3, 4, 5])


def test_ties_in_a_pooled_window_share_evenly():
    # With a zero kernel all responses are the bias: every patch of a window counts with a quarter.
    images, y = np.arange(4.0).reshape(1, 1, 2, 2), np.array([0])
    K, c, W, b = np.zeros((1, 1, 3, 3)), np.array([0.5]), np.array([[1.0, -2.0]]), np.zeros(2)
    _, (d_K, d_c, d_W, _) = references.convnet_value_and_grad(images, y, K, c, W, b)
    _, d_logits = references.cross_entropy(0.5 * W, y)
    d_pooled = (d_logits @ W.T).item()
    mean_patch = references.patches(images, 3, 3, padding=1).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(d_K[0], d_pooled * mean_patch, rtol=1e-14)
    np.testing.assert_allclose(d_c, [d_pooled], rtol=1e-14)
    np.testing.assert_allclose(d_W, 0.5 * d_logits, rtol=1e-14)


def test_cross_entropy_of_large_logits():
    logits = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]])
    value, gradient = references.cross_entropy(logits, np.array([0, 1]))
    assert np.isclose(value, np.log(3) / 2)
    np.testing.assert_allclose(gradient, [[0, 0, 0], [1 / 6, -1 / 3, 1 / 6]], atol=1e-15)


def test_batches_go_through_all_rows():
    drawn = list(training.batches(10, 4, epochs=2, seed=0))
    assert [len(rows) for rows in drawn] == [4, 4, 2] * 2
    for epoch in (drawn[:3], drawn[3:]):
        assert sorted(np.concatenate(epoch)) == list(range(10))


def test_digits_go_through_files_unchanged():
    from sklearn.datasets import load_digits

    original = load_digits()
    digits = data.digits()
    assert digits.train_images.shape == (1198, 8, 8) and digits.test_images.shape == (599, 8, 8)
    assert digits.train_labels.dtype == np.int64 and set(digits.test_labels) == set(range(10))
    rows = np.arange(1797)
    np.testing.assert_array_equal(digits.test_labels, original.target[rows % data.PERIOD == 0])
    np.testing.assert_array_equal(np.rint(digits.train_images * 16), original.images[rows % data.PERIOD != 0])
    assert digits.train_images.min() == 0 and digits.train_images.max() == 1


def test_files_are_big_endian_and_the_same_every_time(tmp_path):
    path, again = tmp_path / "images.gz", tmp_path / "again.gz"
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    mnist.write_images(path, images)
    mnist.write_images(again, images)
    assert path.read_bytes() == again.read_bytes()
    content = gzip.decompress(path.read_bytes())
    assert content[:16] == bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4])
    assert struct.unpack_from(">I", content) == (2051,) and mnist.LABELS == 2049
    np.testing.assert_array_equal(mnist.read_images(path), images)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "not a whole gzip file"),
        (gzip.compress(bytes(64), mtime=0)[:-9], "not a whole gzip file"),
        (gzip.compress(b"\0\0", mtime=0), "2 bytes, too few for a magic number"),
        (gzip.compress(struct.pack(">2I", 2049, 0), mtime=0), "magic number 2049, 2051 expected"),
        (gzip.compress(struct.pack("<4I", 2051, 0, 0, 0), mtime=0), "magic number 50855936, 2051 expected"),
        (gzip.compress(struct.pack(">2I", 2051, 1), mtime=0), "8 bytes, too few for a header of 16"),
        (gzip.compress(struct.pack(">4I", 2051, 1, 2, 2) + b"abc", mtime=0), "3 bytes of data, 4 expected"),
        (gzip.compress(struct.pack(">4I", 2051, 1, 2, 2) + b"abcde", mtime=0), "5 bytes of data, 4 expected"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(mnist.IdxError, match=message):
        mnist.read_images(path)


def test_what_does_not_fit_the_format_is_refused(tmp_path):
    path, labels = tmp_path / "images.gz", tmp_path / "labels.gz"
    for images in (
        np.zeros((2, 2), int),
        np.full((1, 1, 1), 256),
        np.full((1, 1, 1), -1),
        np.zeros((1, 1, 1)),
    ):
        with pytest.raises(mnist.IdxError):
            mnist.write_images(path, images)
    mnist.write_images(path, np.zeros((2, 1, 1), int))
    mnist.write_labels(labels, [1, 2, 3])
    with pytest.raises(mnist.IdxError, match=r"2 images, labels\.gz has 3 labels"):
        mnist.read_pair(path, labels)
