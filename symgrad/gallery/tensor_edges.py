"""Adjoints along the edges of a graph: broadcasting, means, products of vectors, operators of one's own."""

import numpy as np

import symgrad as sg

# A linear model. Data first, parameters last: the derivative is taken with respect to the parameters only.


def loss(X, y, w, b):
    """Mean squared error of the linear model X w + b; b is added to every row."""
    residual = X @ w + b - y
    return np.mean(residual**2)


def column_loss(X, Y, W, b):
    """Mean squared error of every column of X W + b: a mean over one axis leaves a vector."""
    residual = X @ W + b - Y
    return np.mean(residual**2, axis=0)


linear_loss = sg.trace(loss, X="n d", y="n", w="d", b="")
linear_columns = sg.trace(column_loss, X="n d", Y="n k", W="d k", b="k")

linear_model = sg.Module(
    "linear_model",
    {
        "loss": linear_loss,
        "loss_value_and_grad": sg.value_and_grad(linear_loss, wrt=("w", "b")),
        "column_loss": linear_columns,
        # A vector has no gradient: ct, the cotangent, says how much the loss of each column weighs.
        "column_loss_vjp": sg.vjp(linear_columns, wrt=("W", "b")),
    },
    doc="""
    A linear model with broadcasting, and two kinds of mean.

        loss        = (1/n) sum_i (X w + b - y)_i^2
        column_loss = (1/n) sum_i (X W + b - Y)_ij^2,  one entry a column j
    """,
)


# Broadcasting is undone by summing: along axes that an operand lacks, and along those where it has size 1.


def broadcast(t, one, last, middle, two, full):
    """The product of t with arrays of each shape that broadcasts against it."""
    return t * one * last * middle * two * full


def shift(t, last):
    """The sum of t and a vector along its last axis."""
    return t + last


broadcast_product = sg.trace(broadcast, t="p q r", one="1", last="r", middle="q 1", two="q r", full="p q r")
broadcast_sum = sg.trace(shift, t="p q r", last="r")


# Four meanings of @ when vectors take part.


def vector_products(x, A, y):
    """A vector times a vector, a matrix times a vector, a vector times a matrix, and both sides at once."""
    return {"inner": x @ x, "right": A @ y, "left": x @ A, "form": x @ A @ y}


products = sg.trace(vector_products, x="m", A="m n", y="n")

broadcasting = sg.Module(
    "broadcasting",
    {
        "broadcast_vjp": sg.vjp(broadcast_product),
        "shift_vjp": sg.vjp(broadcast_sum),
        "vector_products": products,
        "vector_products_vjp": sg.vjp(products),
    },
    doc="""
    Cotangents pulled back through broadcasting and through products of vectors.

    An operand that was stretched along an axis gets the sum of the cotangent along that axis.
    """,
)


# Operators of one's own: a numpy form, which the generated module carries, and a rule for every operand. In a
# rule g is the adjoint of the result y. Both are checked here, where the operator is defined.

squash = sg.custom(
    "squash",
    numpy="x / np.sqrt(1 + x**2)",
    adjoint=lambda g, y, x: g / (1 + x**2) ** 1.5,
    doc="The number x drawn into the interval from -1 to 1.",
)

geometric_mean = sg.custom(
    "geometric_mean",
    numpy="np.sqrt(a * b)",
    adjoint={
        "a": lambda g, y, a, b: g * y / (2 * a),
        "b": lambda g, y, a, b: g * y / (2 * b),
    },
    sample=(0.5, 2.0),
    doc="Geometric mean of two positive numbers.",
)


def squashed(x):
    """The numbers x drawn into the interval from -1 to 1."""
    return squash(x)


def robust_loss(X, y, w, scale):
    """Mean squared error of a linear model, squashed so that an outlier counts for at most 1.

    Errors are measured in a unit for every row: the geometric mean of two positive numbers.
    """
    unit = geometric_mean(scale[:, 0], scale[:, 1])
    error = squash((X @ w - y) / unit)
    return np.mean(error**2)


squashing = sg.trace(squashed, x="...")
robust = sg.trace(robust_loss, X="n d", y="n", w="d", scale="n 2")

own_operators = sg.Module(
    "own_operators",
    {
        "squashed": squashing,
        "squashed_grad": sg.grad(squashing, wrt="x"),
        "robust_loss": robust,
        "robust_loss_value_and_grad": sg.value_and_grad(robust, wrt=("w", "scale")),
    },
    doc="""
    Two operators that no library has, inside an ordinary function.

        squash(x)            = x / sqrt(1 + x^2)       derivative (1 + x^2)^(-3/2)
        geometric_mean(a, b) = sqrt(a b)               derivatives y / (2 a) and y / (2 b)
        unit_i               = geometric_mean(scale_i0, scale_i1)
        robust_loss          = (1/n) sum_i squash((X w - y)_i / unit_i)^2
    """,
)
