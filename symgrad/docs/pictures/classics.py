"""The worked trace, compositions, regressions and operators of one's own; options."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_diabetes

from symgrad.docs.pictures.canvas import BLUE, GREEN, GREY, ORANGE, generated, panels, picture


@picture
def worked_trace() -> Figure:
    """ln x1 + x1 x2 - sin x2, its gradient field and the way uphill from (2, 5)."""
    module = generated("worked_trace")
    figure, (left, right) = panels(2, 4.2, 3.2)
    x1, x2 = np.meshgrid(np.linspace(0.2, 4, 120), np.linspace(0, 7, 120))
    filled = left.contourf(x1, x2, module.y(x1, x2), 18)
    figure.colorbar(filled, ax=left)
    a, b = np.meshgrid(np.linspace(0.4, 3.8, 9), np.linspace(0.5, 6.6, 8))
    gradient = module.y_grad(a, b)
    left.quiver(a, b, gradient.x1, gradient.x2, color="white", width=0.004, scale=90)
    left.plot(2, 5, "o", color=ORANGE)
    left.annotate("value 11.652\ngradient (5.5, 1.716)", (2, 5), (2.1, 5.25), color="white", fontsize=8)
    left.set(title="y = ln x1 + x1 x2 - sin x2", xlabel="x1", ylabel="x2")
    t = np.linspace(0, 7, 200)
    value, gradient = module.y_value_and_grad(2.0, t)
    right.plot(t, value, label="y(2, x2)")
    right.plot(t, gradient.x2, label="dy/dx2")
    right.plot(t, np.broadcast_to(gradient.x1, t.shape), label="dy/dx1")
    right.set(title="Along x1 = 2", xlabel="x2")
    right.legend()
    return figure


@picture
def compositions() -> Figure:
    """sin(cos x) and friends with derivatives of every order."""
    module = generated("compositions")
    x = np.linspace(-np.pi, np.pi, 400)
    figure, axes = panels(3, 3.3, 2.6, sharey=False)
    titles = ("sin(cos x)", "cos(sin x)", "sin(cos(sin x))")
    for axis, name, title in zip(axes, ("sin_cos", "cos_sin", "sin_cos_sin"), titles):
        axis.plot(x, getattr(module, name)(x), color="#1d2a36", linewidth=2, label="f")
        for order in range(1, 5):
            axis.plot(x, getattr(module, f"{name}_{order}")(x), linewidth=1.2, label=f"order {order}")
        axis.set(title=title, xlabel="x")
    axes[0].legend(fontsize=7, ncols=2)
    return figure


@picture
def regressions() -> Figure:
    """Linear regression by gradient descent and L-BFGS; logistic regression on biopsies."""
    figure, axes = panels(3, 3.4, 2.8)
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    linear = generated("linear_regression")
    lam, steps = 0.01, 60
    w, b = np.zeros(X.shape[1]), 0.0
    losses = []
    for _ in range(steps):
        value, (w_bar, b_bar) = linear.loss_value_and_grad(X, y, w, b, lam)
        losses.append(value)
        w, b = w - 0.3 * w_bar, b - 0.3 * b_bar
    found: list[float] = []
    best = minimize(
        linear.objective_value_and_grad, np.zeros(X.shape[1] + 1), (X, y, lam), "L-BFGS-B", jac=True,
        callback=lambda theta: found.append(linear.objective_value_and_grad(theta, X, y, lam)[0]),
    )  # fmt: skip
    axes[0].semilogy(np.array(losses) - best.fun + 1e-9, label="gradient descent")
    axes[0].semilogy(range(1, len(found) + 1), np.array(found) - best.fun + 1e-9, "o-", ms=3, label="L-BFGS")
    axes[0].set(title="Diabetes: loss above its minimum", xlabel="step")
    axes[0].legend()
    fitted = linear.predict(X, best.x[:-1], best.x[-1])
    axes[1].plot([25, 350], [25, 350], color=GREY, linewidth=1)
    axes[1].scatter(y, fitted, s=6, alpha=0.6, color=BLUE)
    axes[1].set(title="Progression after a year", xlabel="measured", ylabel="predicted")
    logistic = generated("logistic_regression")
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    best = minimize(
        logistic.objective_value_and_grad, np.zeros(X.shape[1] + 1), (X, y * 1.0, 0.01), "L-BFGS-B", jac=True
    )
    p = logistic.predict(X, best.x[:-1], best.x[-1])
    bins = np.linspace(0, 1, 26)
    axes[2].hist(p[y == 1], bins, color=BLUE, alpha=0.8, label="benign")
    axes[2].hist(p[y == 0], bins, color=ORANGE, alpha=0.8, label="malignant")
    axes[2].set(title=f"Biopsies: {np.mean((p > 0.5) == y):.1%} right", xlabel="probability of benign")
    axes[2].legend()
    return figure


@picture
def own_operators() -> Figure:
    """Outliers that count for at most one."""
    module, plain = generated("own_operators"), generated("linear_model")
    rng = np.random.default_rng(3)
    x = np.linspace(-2, 2, 60)
    X = np.stack([x, np.ones_like(x)], axis=1)
    y = 1.5 * x - 0.5 + 0.2 * rng.normal(size=x.size)
    y[::6] += rng.uniform(3, 9, size=y[::6].size)
    scale = np.full((x.size, 2), 0.3)
    figure, (left, right) = panels(2, 4.2, 2.8)
    t = np.linspace(-6, 6, 300)
    left.plot(t, module.squashed(t), label="squash(t)")
    left.plot(t, module.squashed_grad(t), label="its derivative")
    left.set(title="An operator of one's own", xlabel="t")
    left.legend()
    robust = minimize(
        lambda w: (lambda v, g: (v, g.w))(*module.robust_loss_value_and_grad(X, y, w, scale)),
        [0.0, 0.0],
        jac=True,
    ).x
    squares = minimize(
        lambda w: (lambda v, g: (v, np.array([*g.w, g.b])))(
            *plain.loss_value_and_grad(x[:, None], y, w[:1], w[1])
        ),
        [0.0, 0.0],
        jac=True,
    ).x
    right.scatter(x, y, s=9, color=GREY)
    right.plot(x, X @ squares, color=ORANGE, label="least squares")
    right.plot(x, X @ robust, color=BLUE, label="squashed errors")
    right.set(title="A sixth of the data are outliers", xlabel="x")
    right.legend()
    return figure


@picture
def options() -> Figure:
    """Greeks over the price of the stock, and the volatility that market prices imply."""
    module = generated("options")
    figure, axes = panels(4, 2.9, 2.7)
    S = np.linspace(50, 150, 300)
    for years, colour in ((0.1, BLUE), (0.5, ORANGE), (2.0, GREEN)):
        _, greeks = module.call_greeks(S, 100.0, years, 0.03, 0.25)
        label = f"{years:g} years"
        axes[0].plot(S, greeks.S, color=colour, label=label)
        axes[1].plot(S, module.gamma(S, 100.0, years, 0.03, 0.25), color=colour, label=label)
        axes[2].plot(S, greeks.sigma, color=colour, label=label)
    for axis, title in zip(axes, ("delta", "gamma", "vega")):
        axis.set(title=f"{title} of a call at 100", xlabel="price of the stock")
    axes[0].legend(fontsize=8)
    # Prices under a smile of volatilities; Newton's method with vega finds the smile again.
    strikes = np.linspace(60, 150, 40)
    smile = 0.2 + 0.25 * np.log(strikes / 100) ** 2 - 0.05 * np.log(strikes / 100)
    prices = module.call(100.0, strikes, 0.5, 0.03, smile)
    sigma = np.full_like(strikes, 0.4)
    for step in range(6):
        value, vega = module.vega(100.0, strikes, 0.5, 0.03, sigma)
        axes[3].plot(strikes, sigma, color=ORANGE, alpha=0.25 + 0.12 * step, linewidth=1)
        sigma = np.clip(sigma - (value - prices) / vega, 0.01, 2.0)
    axes[3].plot(strikes, smile, ".", color=BLUE, ms=4, label="given")
    axes[3].set(title="Implied volatility, 6 Newton steps", xlabel="strike", ylim=(0.15, 0.45))
    axes[3].legend(fontsize=8)
    return figure
