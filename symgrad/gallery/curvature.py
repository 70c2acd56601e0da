"""Second derivatives in closed form: a band, a Gram matrix, blocks of one small matrix."""

import numpy as np

import symgrad as sg

# A band: each term ties two neighbours, so the Hessian is tridiagonal, and its sparse form three vectors.


def chain(x):
    """Rosenbrock's function, chained over all neighbours; its minimum is at 1."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


valley = sg.trace(chain, x="n")

rosenbrock = sg.Module(
    "rosenbrock",
    {
        "chain_value_and_grad": sg.value_and_grad(valley, wrt="x"),
        "chain_hvp": sg.hvp(valley, wrt="x"),
        "chain_hessian": sg.hessian(valley, wrt="x"),
        "chain_hessian_sparse": sg.hessian(valley, wrt="x", sparse=True),
    },
    doc="""
    Rosenbrock's function of n variables, chained, with its curvature.

        chain(x) = sum_i 100 (x_i+1 - x_i^2)^2 + (1 - x_i)^2

    For scipy.optimize.minimize: chain_value_and_grad with jac=True, and chain_hvp as hessp or chain_hessian
    as hess.
    H = scipy.sparse.coo_array((data, (row, col))) of chain_hessian_sparse holds 3 n - 2 numbers.
    """,
)


# Newton's method for logistic regression: weights and offset are one vector, the Hessian X^T S X.


def loss(w, b, X, y, lam):
    """Mean negative log-likelihood of the labels y, which are 0 or 1, plus the penalty lam/2 |w|^2."""
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + lam / 2 * np.sum(w**2)


flat = sg.flatten(sg.trace(loss, w="d", b="", X="n d", y="n", lam=""), wrt=("w", "b"))

logistic_newton = sg.Module(
    "logistic_newton",
    {
        "loss_value_and_grad": sg.value_and_grad(flat, wrt="theta"),
        "loss_hvp": sg.hvp(flat, wrt="theta"),
        "loss_hessian": sg.hessian(flat, wrt="theta"),
        "pack": flat.pack,
        "unpack": flat.unpack,
    },
    doc="""
    Logistic regression for Newton's method: value, gradient and curvature in one vector of parameters.

        z    = X w + b
        loss = (1/n) sum_i [log(1 + exp(z_i)) - y_i z_i] + lam/2 |w|^2

    theta = pack(w, b); scipy.optimize.minimize(loss_value_and_grad, theta, (X, y, lam), jac=True,
    hess=loss_hessian, method="trust-exact") finds the best one; w, b = unpack(theta).
    """,
)


# The Hessian of a factorisation in one factor is one small Gram matrix, the same for every row.


def misfit(M, U, V):
    """Squared distance of M from the product of its factors."""
    return np.sum((M - U @ V.T) ** 2)


distance = sg.trace(misfit, M="n m", U="n k", V="m k")

factorisation = sg.Module(
    "factorisation",
    {
        "misfit_value_and_grad": sg.value_and_grad(distance, wrt=("U", "V")),
        "misfit_hessian": sg.hessian(distance, wrt=("U", "V")),
        "misfit_hvp": sg.hvp(distance, wrt=("U", "V")),
    },
    doc="""
    Matrix factorisation, with its full Hessian written from k by k factors.

        misfit = |M - U V^T|^2
        H_UU   = 2 I (x) V^T V,   H_VV = 2 I (x) U^T U
    """,
)
