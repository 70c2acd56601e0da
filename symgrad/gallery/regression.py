"""Linear and logistic regression with an L2 penalty, for gradient descent and for scipy's optimisers."""

import numpy as np

import symgrad as sg


def ridge(w, lam):
    """The penalty: the intercept is not part of it."""
    return lam / 2 * np.sum(w**2)


# Linear regression.


def linear_loss(X, y, w, b, lam):
    """Half the mean squared error of X w + b, plus the penalty lam/2 |w|^2."""
    residual = X @ w + b - y
    return np.mean(residual**2) / 2 + ridge(w, lam)


def linear_predict(X, w, b):
    """Predictions, one a row of X."""
    return X @ w + b


# Logistic regression: labels are 0 and 1.


def logistic_loss(X, y, w, b, lam):
    """Mean negative log-likelihood of the labels, plus the penalty lam/2 |w|^2."""
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + ridge(w, lam)


def logistic_predict(X, w, b):
    """Probability that the label is 1, one a row of X."""
    return sg.sigmoid(X @ w + b)


def of_one_vector(loss):
    """The same loss of one vector theta, the weights followed by the intercept, as optimisers want it."""

    def objective(theta, X, y, lam):
        w, b = theta[:-1], theta[-1]
        return loss(X, y, w, b, lam)

    objective.__doc__ = loss.__doc__
    return sg.trace(objective, theta="d+1", X="n d", y="n", lam="")


def regression(name, loss, predict, doc):
    """The module of one kind of regression."""
    f = sg.trace(loss, name="loss", X="n d", y="n", w="d", b="", lam="")
    return sg.Module(
        name,
        {
            "loss": f,
            "loss_value_and_grad": sg.value_and_grad(f, wrt=("w", "b")),
            "objective_value_and_grad": sg.value_and_grad(of_one_vector(loss), wrt="theta"),
            "predict": sg.trace(predict, name="predict", X="n d", w="d", b=""),
        },
        doc=doc,
    )


linear = regression(
    "linear_regression",
    linear_loss,
    linear_predict,
    """
    Linear regression with an L2 penalty.

        loss = 1/(2n) sum_i (X w + b - y)_i^2 + lam/2 sum_j w_j^2

    For scipy.optimize.minimize(objective_value_and_grad, theta, (X, y, lam), jac=True), theta holds
    w and then b. With the penalty alpha of other packages, which sum over the rows, lam = alpha / n.
    """,
)

logistic = regression(
    "logistic_regression",
    logistic_loss,
    logistic_predict,
    """
    Logistic regression with an L2 penalty.

        z    = X w + b
        loss = (1/n) sum_i [log(1 + exp(z_i)) - y_i z_i] + lam/2 sum_j w_j^2

    For scipy.optimize.minimize(objective_value_and_grad, theta, (X, y, lam), jac=True), theta holds
    w and then b. With the weight C that other packages give to the data, lam = 1 / (n C).
    """,
)
