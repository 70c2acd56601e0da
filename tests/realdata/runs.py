"""Each model fitted by its generated module and by a reference, with what both arrive at."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from . import data, references, training
from .generated import load

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """What fitting came to: the loss, the score (accuracy, or R² of a regression), the parameters."""

    loss: float
    score: float
    parameters: tuple[Floats, ...]
    seconds: float


@dataclass(frozen=True)
class Run:
    """One model on one data set, fitted twice."""

    model: str
    data: str
    method: str
    score: str
    generated: Fit
    reference: Fit
    against: str

    @property
    def difference(self) -> float:
        """Largest difference of two parameters, relative to the largest parameter."""
        pairs = list(zip(self.generated.parameters, self.reference.parameters, strict=True))
        scale = max(float(np.max(np.abs(b))) for _, b in pairs)
        return max(float(np.max(np.abs(a - b))) for a, b in pairs) / scale


def two_layer(folder: Path) -> Run:
    """The two-layer network on the digits, by minibatch gradient descent."""
    digits = data.digits()
    train, test = (images.reshape(len(images), -1) for images in (digits.train_images, digits.test_images))
    pixels, hidden = train.shape[1], 64
    rng = np.random.default_rng(0)
    start = [
        rng.normal(size=(pixels, hidden)) * np.sqrt(2 / pixels),
        rng.normal(size=(hidden, 10)) * np.sqrt(2 / hidden),
    ]
    module = load("two_layer_network", folder)
    return _network(
        "two-layer ReLU network", digits, train, test, start, module, epochs=20,
        value_and_grad=references.two_layer_value_and_grad, logits=references.two_layer_logits,
    )  # fmt: skip


def convnet(folder: Path) -> Run:
    """The convolutional network on the digits, by minibatch gradient descent."""
    digits = data.digits()
    train, test = digits.train_images[:, None], digits.test_images[:, None]
    filters = 16
    rng = np.random.default_rng(0)
    start = [
        rng.normal(size=(filters, 1, 3, 3)) * np.sqrt(2 / 9),
        np.zeros(filters),
        rng.normal(size=(16 * filters, 10)) * np.sqrt(1 / (16 * filters)),
        np.zeros(10),
    ]
    module = load("convnet", folder)
    return _network(
        "convolutional network", digits, train, test, start, module, epochs=25,
        value_and_grad=references.convnet_value_and_grad, logits=references.convnet_logits,
    )  # fmt: skip


def _network(
    model: str,
    digits: data.Digits,
    train: Floats,
    test: Floats,
    start: Sequence[Floats],
    module: Any,
    *,
    epochs: int,
    value_and_grad: training.ValueAndGrad,
    logits: Callable[..., Floats],
) -> Run:
    def fit(value_and_grad: training.ValueAndGrad, logits: Callable[..., Floats]) -> Fit:
        began = time.perf_counter()
        found = training.sgd(
            value_and_grad, train, digits.train_labels, start, rate=0.3, size=50, epochs=epochs
        )
        seconds = time.perf_counter() - began
        loss, _ = value_and_grad(train, digits.train_labels, *found)
        score = training.accuracy(logits(test, *found), digits.test_labels)
        return Fit(float(loss), score, tuple(found), seconds)

    return Run(
        model, "digits", f"SGD, {epochs} epochs", "accuracy",
        generated=fit(module.loss_value_and_grad, module.logits),
        reference=fit(value_and_grad, logits),
        against="hand-written gradients",
    )  # fmt: skip


def linear(lam: float, method: str, folder: Path) -> Run:
    """Linear regression on the diabetes data, without a penalty or with one, against scikit-learn."""
    X, y = data.diabetes()
    estimator = Ridge(alpha=len(y) * lam, solver="svd") if lam else LinearRegression()
    return _regression("linear_regression", "diabetes", X, y, lam, method, estimator, rate=0.4, folder=folder)


def logistic(lam: float, method: str, folder: Path) -> Run:
    """Logistic regression on the breast cancer data, against scikit-learn."""
    X, y = data.breast_cancer()
    estimator = LogisticRegression(C=1 / (len(y) * lam), solver="newton-cholesky", tol=1e-12)
    return _regression(
        "logistic_regression", "breast cancer", X, y, lam, method, estimator, rate=0.5, folder=folder
    )


def _regression(
    name: str,
    dataset: str,
    X: Floats,
    y: Floats,
    lam: float,
    method: str,
    estimator: Any,
    *,
    rate: float,
    folder: Path,
) -> Run:
    module = load(name, folder)
    start = np.zeros(X.shape[1] + 1)

    began = time.perf_counter()
    if method == "minimize":
        theta = training.optimise(module.objective_value_and_grad, start, (X, y, lam)).x
    else:
        steps = 20_000 if name == "linear_regression" else 4_000
        theta = training.descend(module.objective_value_and_grad, start, (X, y, lam), rate=rate, steps=steps)
    seconds = time.perf_counter() - began
    w, b = theta[:-1], theta[-1]
    ours = Fit(float(module.loss(X, y, w, b, lam)), _score(module.predict(X, w, b), y), (w, b), seconds)

    began = time.perf_counter()
    estimator.fit(X, y)
    seconds = time.perf_counter() - began
    w, b = np.ravel(estimator.coef_), np.ravel(estimator.intercept_)[0]
    z = X @ w + b
    if name == "linear_regression":
        misfit, prediction = np.mean((z - y) ** 2) / 2, estimator.predict(X)
    else:
        misfit, prediction = (
            np.mean(np.where(y > 0, -_log_sigmoid(z), -_log_sigmoid(-z))),
            estimator.predict_proba(X)[:, 1],
        )
    theirs = Fit(float(misfit + lam / 2 * w @ w), _score(prediction, y), (w, b), seconds)

    penalty = f", λ = {lam:g}" if lam else ""
    how = "scipy minimize" if method == "minimize" else "gradient descent"
    score = "R²" if name == "linear_regression" else "accuracy"
    return Run(
        name.replace("_", " ") + penalty,
        dataset,
        how,
        score,
        ours,
        theirs,
        f"sklearn {type(estimator).__name__}",
    )


def _log_sigmoid(z: Floats) -> Floats:
    return -np.log1p(np.exp(-np.abs(z))) + np.minimum(z, 0)


def _score(prediction: Floats, y: Floats) -> float:
    """Accuracy where y is 0 and 1, else the share of the variance that is explained."""
    if set(y) <= {0.0, 1.0}:
        return float(np.mean((prediction > 0.5) == y))
    return 1 - float(np.mean((prediction - y) ** 2) / np.var(y))


#: Everything there is, in the order of the table.
ALL: dict[str, Callable[[Path], Run]] = {
    "two-layer": two_layer,
    "convnet": convnet,
    "linear, descent": partial(linear, 0.0, "descent"),
    "linear, minimize": partial(linear, 0.0, "minimize"),
    "ridge, descent": partial(linear, 0.1, "descent"),
    "ridge, minimize": partial(linear, 0.1, "minimize"),
    "logistic, descent": partial(logistic, 0.01, "descent"),
    "logistic, minimize": partial(logistic, 0.01, "minimize"),
}


def table(runs: Sequence[Run]) -> str:
    """The runs as text, two numbers side by side: generated, reference."""
    rows = [
        (
            "model",
            "data",
            "fitted by",
            "loss",
            "reference",
            "score",
            "",
            "reference",
            "against",
            "difference",
            "s",
        )
    ]
    for run in runs:
        rows.append(
            (
                run.model,
                run.data,
                run.method,
                f"{run.generated.loss:.6g}",
                f"{run.reference.loss:.6g}",
                run.score,
                f"{run.generated.score:.4f}",
                f"{run.reference.score:.4f}",
                run.against,
                f"{run.difference:.0e}",
                f"{run.generated.seconds:.2f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )
