"""Sines and cosines inside each other, with derivatives of the first four orders."""

import numpy as np

import symgrad as sg


def sin_cos(x):
    """Sine of the cosine."""
    return np.sin(np.cos(x))


def cos_sin(x):
    """Cosine of the sine."""
    return np.cos(np.sin(x))


def sin_cos_sin(x):
    """Sine of the cosine of the sine."""
    return np.sin(np.cos(np.sin(x)))


def derivatives(fn, orders):
    """A function of x by its name, and its derivatives up to an order as name_1, name_2 and so on."""
    f = sg.trace(fn, x="...")
    functions = {fn.__name__: f}
    for order in range(1, orders + 1):
        f = sg.grad(f, wrt="x")  # a gradient is a function like any other
        functions[f"{fn.__name__}_{order}"] = f
    return functions


module = sg.Module(
    "compositions",
    {
        **derivatives(sin_cos, 4),
        **derivatives(cos_sin, 4),
        **derivatives(sin_cos_sin, 4),
    },
    doc="""
    Compositions of sine and cosine, elementwise, and their derivatives of order 1 to 4.

        sin_cos(x)     = sin(cos x)
        cos_sin(x)     = cos(sin x)
        sin_cos_sin(x) = sin(cos(sin x))

    A name that ends in _1, _2 and so on is the derivative of that order; for instance

        sin_cos_1(x) = -cos(cos x) sin x
    """,
)
