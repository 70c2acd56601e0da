"""A mixture of normal distributions: the likelihood of data, and which part each observation is from."""

import numpy as np

import symgrad as sg


def log_densities(X, weights, mu, log_sigma):
    """Logarithm of each part's weight times its density, one row an observation."""
    t = (X[:, None] - mu) * np.exp(-log_sigma)
    normaliser = np.sum(log_sigma, axis=1) + X.shape[1] / 2 * np.log(2 * np.pi)
    return sg.log_softmax(weights) - np.sum(t**2, axis=2) / 2 - normaliser


def loss(X, weights, mu, log_sigma):
    """Mean negative log-likelihood; weights are those of the parts before a softmax."""
    return -np.mean(sg.logsumexp(log_densities(X, weights, mu, log_sigma), axis=1))


def parts(X, weights, mu, log_sigma):
    """Probability of every part, one row an observation."""
    return sg.softmax(log_densities(X, weights, mu, log_sigma), axis=1)


shapes = {"X": "n d", "weights": "k", "mu": "k d", "log_sigma": "k d"}
f = sg.trace(loss, **shapes)

mixture = sg.Module(
    "mixture",
    {
        "loss": f,
        "loss_value_and_grad": sg.value_and_grad(f, wrt=("weights", "mu", "log_sigma")),
        "parts": sg.trace(parts, **shapes),
    },
    doc="""
    A mixture of k normal distributions in d dimensions, each with a variance for every axis.

        p(x) = sum_j softmax(weights)_j  prod_i N(x_i; mu_ji, sigma_ji^2)
        loss = -(1/n) sum ln p(x)

    Everything is computed with logarithms, so that a far point has a large loss and not an infinite one.
    """,
)
