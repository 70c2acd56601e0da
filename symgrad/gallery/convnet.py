"""A convolutional network for small grey images, and the pieces that it is made of."""

import numpy as np

import symgrad as sg

# The network, for images of 8 by 8 pixels.


def logits(images, K, c, W, b):
    """Scores of every class: convolution with a border of one, ReLU, max-pooling by two, a dense layer."""
    responses = sg.conv2d(images, K, c, padding=1)
    features = sg.relu(responses)
    pooled = sg.max_pool2d(features, 2)
    flat = pooled.reshape(images.shape[0], -1)
    return flat @ W + b


def loss(images, y, K, c, W, b):
    """Mean cross entropy of the network's softmax with the labels y."""
    Z = logits(images, K, c, W, b)
    score = np.take_along_axis(Z, y[:, None], axis=1)
    return np.mean(sg.logsumexp(Z, axis=1, keepdims=True) - score)


shapes = {"images": "n 1 8 8", "K": "f 1 3 3", "c": "f", "W": "16*f k", "b": "k"}
scores = sg.trace(logits, shapes=shapes)
network = sg.trace(loss, y=sg.array("n", dtype="int64"), shapes=shapes)

convnet = sg.Module(
    "convnet",
    {
        "logits": scores,
        "loss": network,
        "loss_value_and_grad": sg.value_and_grad(network, wrt=("K", "c", "W", "b")),
    },
    doc="""
    A convolutional network for images of 8 by 8 pixels.

        features = max(images * K + c, 0)        f features of 8 by 8
        pooled   = largest of each 2 by 2        f features of 4 by 4
        Z        = flat(pooled) W + b            k classes
        loss     = (1/n) sum_i [log sum_j exp(Z_ij) - Z_i,y_i]

    The star is the convolution of deep learning, which does not flip its kernel.
    """,
)


# The pieces, each as its value and its pullback.


def two_paths(a, b, c):
    """(a + b) (b + c): two paths lead from the result to b, and its adjoint is the sum over both."""
    return (a + b) * (b + c)


def softmax(x):
    """Softmax of every row. The pullback is the product with the Jacobian diag(p) - p p'."""
    return sg.softmax(x, axis=1)


def convolution(x, kernel, bias):
    """Convolution by 3 by 3 with a stride of two, a border of one, and a bias for every filter."""
    return sg.conv2d(x, kernel, bias, stride=2, padding=1)


def max_pool(x):
    """The largest entry of overlapping windows of 3 by 3, two apart; ties share the cotangent evenly."""
    return sg.max_pool2d(x, 3, stride=2)


def corner(x):
    """Every other row, without the first column: the cotangent of all else is zero."""
    return x[::2, 1:]


def pick(x, index):
    """Rows by their numbers; a row that is picked twice gets the sum of two cotangents."""
    return x[index]


def gated(x, threshold):
    """The entries above a threshold, zero elsewhere."""
    return (x > threshold) * x


def normalised_log(x):
    """Logarithm of every row divided by its sum."""
    return np.log(x / np.sum(x, axis=1, keepdims=True))


def pullback(piece, wrt=None, **shapes):
    """The value of a piece, and the cotangents of the arguments named in wrt, or of all."""
    return sg.vjp(sg.trace(piece, **shapes), wrt=wrt)


paths = sg.trace(two_paths, a="...", b="...", c="...")

layers = sg.Module(
    "layers",
    {
        "two_paths": paths,
        "two_paths_grad": sg.grad(paths),
        "softmax": pullback(softmax, wrt="x", x="n k"),
        "convolution": pullback(convolution, x="n c h w", kernel="f c 3 3", bias="f"),
        "max_pool": pullback(max_pool, wrt="x", x="n c h w"),
        "corner": pullback(corner, wrt="x", x="m n"),
        "pick": pullback(pick, wrt="x", x="m n", index=sg.array("p", dtype="int64")),
        "gated": pullback(gated, wrt="x", x="m n", threshold=""),
        "normalised_log": pullback(normalised_log, wrt="x", x="m n"),
    },
    doc="""
    What convolutional networks are made of, each piece as its value and its pullback.

    A pullback takes the cotangent ct of the result to the cotangents of the arguments.
    """,
)
