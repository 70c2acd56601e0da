"""The worked example of every lecture on reverse mode: ln x1 + x1 x2 - sin x2."""

import numpy as np

import symgrad as sg


def y(x1, x2):
    """ln x1 + x1 x2 - sin x2, at every point of the two arrays."""
    v3 = np.log(x1)
    v4 = x1 * x2
    v5 = np.sin(x2)
    v6 = v3 + v4
    return v6 - v5


# "..." declares an elementwise argument: numbers or arrays of any shape, with a derivative at every point.
f = sg.trace(y, x1="...", x2="...")

module = sg.Module(
    "worked_trace",
    {
        "y": f,
        "y_grad": sg.grad(f),
        "y_value_and_grad": sg.value_and_grad(f),
    },
    doc="""
    The worked example of every lecture on reverse mode.

        y = ln x1 + x1 x2 - sin x2

    Two edges leave x1, to the logarithm and to the product, and two leave x2, so each adjoint is the sum
    of two terms:

        x1_bar = 1 / x1 + x2
        x2_bar = x1 - cos x2

    At (2, 5) the value is 11.652, and the gradient is (5.5, 1.716).
    """,
)
