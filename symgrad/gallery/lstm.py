"""A long short-term memory with forget gates (Gers, Schmidhuber, Cummins, 2000) over a batch of sequences."""

import numpy as np

import symgrad as sg


def cell(state, x, W, U, b):
    """One step: the next hidden state and the next memory of every sequence of the batch."""
    h, c = state
    d = h.shape[-1]
    z = x @ W + h @ U + b
    keep, write, show = sg.sigmoid(z[:, :d]), sg.sigmoid(z[:, d : 2 * d]), sg.sigmoid(z[:, 2 * d : 3 * d])
    c = keep * c + write * np.tanh(z[:, 3 * d :])
    h = show * np.tanh(c)
    return h, c


def loss(x, y, h0, c0, W, U, b, v):
    """Half the mean squared error of the readout h v at every step of every sequence."""

    def step(state, x):
        state = cell(state, x, W, U, b)
        return state, state[0] @ v

    _, readouts = sg.scan(step, (h0, c0), x)
    return np.mean((readouts - y) ** 2) / 2


def states(x, h0, c0, W, U, b):
    """The hidden state after every step."""

    def step(state, x):
        state = cell(state, x, W, U, b)
        return state, state[0]

    return sg.scan(step, (h0, c0), x)[1]


SHAPES = {"x": "n m k", "h0": "m d", "c0": "m d", "W": "k 4*d", "U": "d 4*d", "b": "4*d"}

f = sg.trace(loss, y="n m", v="d", **SHAPES)

lstm = sg.Module(
    "lstm",
    {
        "loss": f,
        "loss_value_and_grad": sg.value_and_grad(f, wrt=("W", "U", "b", "v")),
        "states": sg.trace(states, **SHAPES),
    },
    doc="""
    A long short-term memory over m sequences of n steps, and its gradient by backpropagation through time.

        z = x W + h U + b
        c = sigmoid(z_1) c + sigmoid(z_2) tanh(z_4)
        h = sigmoid(z_3) tanh(c)

    W, U and b hold the weights of the four gates side by side: to keep, to write, to show, to propose.
    """,
)
