import numpy as np

import symgrad as sg
from symgrad import wrappers


def loss(X, y, w, b, lam):
    """Mean logistic loss."""
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + lam / 2 * np.sum(w**2)


def predict(X, w, b):
    """Probability of 1."""
    return sg.sigmoid(X @ w + b)


f = sg.trace(loss, X="n d", y="n", w="d", b="", lam="")
logistic = sg.Module(
    "logistic",
    {
        "loss": f,
        "loss_value_and_grad": sg.value_and_grad(f, wrt=("w", "b")),
        "predict": sg.trace(predict, X="n d", w="d", b=""),
    },
    wrappers=[
        wrappers.torch(),
        wrappers.jax(),
        wrappers.estimator(
            "Logistic", kind="classifier", fit="loss_value_and_grad", predict="predict", lam=0.01
        ),
    ],
)


def squares(X, y, w, b, lam):
    """Half the mean squared error, plus a penalty."""
    return np.mean((X @ w + b - y) ** 2) / 2 + lam / 2 * np.sum(w**2)


g = sg.trace(squares, X="n d", y="n", w="d", b="", lam="")
ridge = sg.Module(
    "ridge",
    {
        "squares_value_and_grad": sg.value_and_grad(g, wrt=("w", "b")),
        "predict": sg.trace(lambda X, w, b: X @ w + b, name="predict", X="n d", w="d", b=""),
    },
    wrappers=[
        wrappers.torch(),
        wrappers.jax(),
        wrappers.estimator(
            "Ridge", kind="regressor", fit="squares_value_and_grad", predict="predict", lam=0.01
        ),
    ],
)


def logits(X, W1, b1, W2):
    return np.tanh(X @ W1 + b1) @ W2


def nll(X, y, W1, b1, W2, lam):
    """Cross entropy of a network with one hidden layer."""
    Z = logits(X, W1, b1, W2)
    return np.mean(sg.logsumexp(Z, axis=1) - np.take_along_axis(Z, y[:, None], axis=1)[:, 0]) + lam * (
        np.sum(W1**2) + np.sum(W2**2)
    )


shapes = {"W1": "d h", "b1": "h", "W2": "h k"}
h = sg.trace(nll, X="n d", y=sg.array("n", "int64"), lam="", **shapes)
net = sg.Module(
    "net",
    {
        "nll": h,
        "nll_value_and_grad": sg.value_and_grad(h, wrt=("W1", "b1", "W2")),
        "logits": sg.trace(logits, X="n d", **shapes),
    },
    wrappers=[
        wrappers.torch(),
        wrappers.jax(),
        wrappers.estimator(
            "Net", kind="classifier", fit="nll_value_and_grad", predict="logits", lam=1e-4, h=16
        ),
    ],
)

wave = sg.trace(lambda x, y: np.sin(x) * np.exp(y), name="wave", x="...", y="...")
matrix = sg.trace(lambda A, x: np.tanh(A @ x), name="layer", A="m n", x="n")
shapes_ = sg.Module(
    "various",
    {"wave_value_and_grad": sg.value_and_grad(wave), "layer": matrix, "layer_vjp": sg.vjp(matrix, wrt="x")},
    wrappers=[wrappers.torch(), wrappers.jax()],
)
