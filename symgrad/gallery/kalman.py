"""The Kalman filter of a linear model with Gaussian noise, and its likelihood for fitting the model."""

import numpy as np

import symgrad as sg


def log_likelihood(y, m0, P0, A, Q, H, R):
    """Log-density of the observations y, by the filter's predictions of one after the other."""

    def step(state, y):
        m, P, total = state
        # What is expected of the next state.
        ahead, P_ahead = A @ m, A @ P @ A.T + Q
        # How the observation differs from it, and how much that was to be expected.
        surprise = y - H @ ahead
        S = H @ P_ahead @ H.T + R
        gain = np.linalg.solve(S, H @ P_ahead).T
        m = ahead + gain @ surprise
        P = P_ahead - gain @ H @ P_ahead
        log_det = np.linalg.slogdet(2 * np.pi * S)[1]
        total = total - (surprise @ np.linalg.solve(S, surprise) + log_det) / 2
        return (m, P, total), m

    (_, _, total), _ = sg.scan(step, (m0, P0, 0.0), y)
    return total


def means(y, m0, P0, A, Q, H, R):
    """The mean of the state after each observation."""

    def step(state, y):
        m, P = state
        ahead, P_ahead = A @ m, A @ P @ A.T + Q
        gain = np.linalg.solve(H @ P_ahead @ H.T + R, H @ P_ahead).T
        m = ahead + gain @ (y - H @ ahead)
        P = P_ahead - gain @ H @ P_ahead
        return (m, P), m

    return sg.scan(step, (m0, P0), y)[1]


SHAPES = {"y": "n p", "m0": "d", "P0": "d d", "A": "d d", "Q": "d d", "H": "p d", "R": "p p"}

f = sg.trace(log_likelihood, **SHAPES)

kalman = sg.Module(
    "kalman_filter",
    {
        "log_likelihood": f,
        "log_likelihood_value_and_grad": sg.value_and_grad(f, wrt=("A", "Q", "H", "R")),
        "means": sg.trace(means, **SHAPES),
    },
    doc="""
    The Kalman filter, the log-likelihood that it gives to observations, and the gradient for fitting a model.

        x_t = A x_(t-1) + noise of covariance Q
        y_t = H x_t     + noise of covariance R

    The state before the first step has mean m0 and covariance P0.
    """,
)
