"""A two-layer network with a softmax loss, and one by one the operations that such networks are made of."""

import numpy as np

import symgrad as sg

# The network. Images are rows of X; labels are integers, which have no derivative.


def logits(X, W1, W2):
    """Scores of every class, one row an image: a hidden layer of rectified units, then a linear one."""
    z = X @ W1
    hidden = sg.relu(z)
    return hidden @ W2


def softmax_loss(Z, y):
    """Mean cross entropy of the rows of Z, as scores of classes, with the labels y."""
    log_normaliser = sg.logsumexp(Z, axis=1)
    score = np.sum(sg.one_hot(y, Z.shape[1]) * Z, axis=1)
    return np.mean(log_normaliser - score)


def loss(X, y, W1, W2):
    """Mean cross entropy of the two-layer network over a batch."""
    return softmax_loss(logits(X, W1, W2), y)


labels = sg.array("n", dtype="int64")
network = sg.trace(loss, X="n d", y=labels, W1="d h", W2="h k")
scores = sg.trace(logits, X="n d", W1="d h", W2="h k")
criterion = sg.trace(softmax_loss, Z="n k", y=labels)

two_layer_network = sg.Module(
    "two_layer_network",
    {
        "logits": scores,
        "loss": network,
        "loss_value_and_grad": sg.value_and_grad(network, wrt=("W1", "W2")),
        "softmax_loss": criterion,
        "softmax_loss_value_and_grad": sg.value_and_grad(criterion, wrt="Z"),
    },
    doc="""
    A classifier with one hidden layer, for minibatch gradient descent.

        Z    = max(X W1, 0) W2
        loss = (1/n) sum_i [log sum_j exp(Z_ij) - Z_i,y_i]

    n images of d pixels, h hidden units, k classes; y holds a label from 0 to k-1 for every image.
    """,
)


# The operations. Each pullback takes the operands and a cotangent of the result's shape, called ct.


def ewise_add(a, b):
    """Sum of two arrays, entry by entry."""
    return a + b


def add_scalar(a, c):
    """Sum of an array and a constant."""
    return a + c


def ewise_mul(a, b):
    """Product of two arrays, entry by entry."""
    return a * b


def mul_scalar(a, c):
    """Product of an array and a constant."""
    return a * c


def ewise_pow(a, b):
    """One array to the power of another, entry by entry."""
    return a**b


def power_scalar(a):
    """Third power of every entry."""
    return a**3


def ewise_div(a, b):
    """Quotient of two arrays, entry by entry."""
    return a / b


def div_scalar(a, c):
    """Quotient of an array and a constant."""
    return a / c


def matmul(A, B):
    """Products of two stacks of matrices whose leading axes broadcast."""
    return A @ B


def summation(a):
    """Sum along the first and the last axis."""
    return np.sum(a, axis=(0, 2))


def broadcast_to(a):
    """A column repeated to three matrices of four columns."""
    return np.broadcast_to(a, (3, a.shape[0], 4))


def reshape(a):
    """The last two axes made one."""
    m, n, p = a.shape
    return np.reshape(a, (m, n * p))


def transpose(a):
    """The first and the last axis exchanged."""
    return np.swapaxes(a, 0, 2)


def negate(a):
    """The negative of every entry."""
    return -a


def log(a):
    """Natural logarithm of every entry."""
    return np.log(a)


def exp(a):
    """Exponential of every entry."""
    return np.exp(a)


def relu(a):
    """The larger of 0 and every entry; its derivative at 0 is 0."""
    return sg.relu(a)


def pullback(operation, wrt=None, **shapes):
    """The value of an operation, and the cotangents of the operands named in wrt, or of all."""
    return sg.vjp(sg.trace(operation, **shapes), wrt=wrt)


needle_operations = sg.Module(
    "needle_operations",
    {
        "ewise_add": pullback(ewise_add, a="...", b="..."),
        "add_scalar": pullback(add_scalar, wrt="a", a="...", c=""),
        "ewise_mul": pullback(ewise_mul, a="...", b="..."),
        "mul_scalar": pullback(mul_scalar, wrt="a", a="...", c=""),
        "ewise_pow": pullback(ewise_pow, a="...", b="..."),
        "power_scalar": pullback(power_scalar, wrt="a", a="..."),
        "ewise_div": pullback(ewise_div, a="...", b="..."),
        "div_scalar": pullback(div_scalar, wrt="a", a="...", c=""),
        "matmul": pullback(matmul, A="s 1 m n", B="t n p"),
        "summation": pullback(summation, wrt="a", a="m n p"),
        "broadcast_to": pullback(broadcast_to, wrt="a", a="m 1"),
        "reshape": pullback(reshape, wrt="a", a="m n p"),
        "transpose": pullback(transpose, wrt="a", a="m n p"),
        "negate": pullback(negate, wrt="a", a="..."),
        "log": pullback(log, wrt="a", a="..."),
        "exp": pullback(exp, wrt="a", a="..."),
        "relu": pullback(relu, wrt="a", a="..."),
    },
    doc="""
    The operations of a small framework, each as its value and its pullback.

    A pullback takes the cotangent ct of the result to the cotangents of the operands: ct times the Jacobian,
    without the Jacobian.
    """,
)
