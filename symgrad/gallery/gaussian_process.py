"""Gaussian process regression: the evidence of the kernel's parameters, and predictions."""

import numpy as np

import symgrad as sg


def kernel(x, y, signal, length):
    """Squared exponential kernel of all pairs of two sets of numbers."""
    return signal**2 * np.exp(-0.5 * ((x[:, None] - y) / length) ** 2)


def covariance(x, log_theta):
    """Covariance of noisy observations; log_theta holds the logarithms of signal, length and noise."""
    signal, length, noise = np.exp(log_theta)
    return kernel(x, x, signal, length) + noise**2 * sg.eye(x.shape[0])


def loss(x, y, log_theta):
    """Negative logarithm of the evidence, a number an observation."""
    K = covariance(x, log_theta)
    _, log_det = np.linalg.slogdet(K)
    fit = y @ np.linalg.solve(K, y)
    return (fit + log_det) / (2 * x.shape[0]) + np.log(2 * np.pi) / 2


def predict(x, y, log_theta, x_new):
    """Mean and variance of the function at new places, given observations."""
    signal, length, _ = np.exp(log_theta)
    K = covariance(x, log_theta)
    k = kernel(x, x_new, signal, length)
    weights = np.linalg.solve(K, k)
    return {"mean": y @ weights, "variance": signal**2 - np.sum(k * weights, axis=0)}


evidence = sg.trace(loss, x="n", y="n", log_theta="3")

gaussian_process = sg.Module(
    "gaussian_process",
    {
        "loss": evidence,
        "loss_value_and_grad": sg.value_and_grad(evidence, wrt="log_theta"),
        "predict": sg.trace(predict, x="n", y="n", log_theta="3", x_new="m"),
    },
    doc="""
    Gaussian process regression in one dimension with a squared exponential kernel.

        K_ij = signal^2 exp(-(x_i - x_j)^2 / (2 length^2)) + noise^2 [i = j]
        loss = [y' K^-1 y + ln det K] / (2 n) + ln(2 pi) / 2

    log_theta = (ln signal, ln length, ln noise). C. E. Rasmussen and C. K. I. Williams, Gaussian Processes
    for Machine Learning, MIT Press 2006, equations 2.25, 2.26 and 2.30.
    """,
)
