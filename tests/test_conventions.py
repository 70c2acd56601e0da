"""Every convention of the documentation, one row each: the function, the point, and the derivative there."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symgrad as sg

PAGE = Path(sg.__file__).parent / "docs" / "pages" / "conventions.md"
INF, NAN = np.inf, np.nan
L = [[2.0, 1.0], [1.0, 3.0]]

# (name on the page, function, arguments, gradients); finite answers come without a warning.
ROWS: list[tuple[str, Callable[..., Any], list[Any], list[Any]]] = [
    ("abs", lambda x: np.abs(x), [0.0], [0.0]),
    ("abs", lambda x: np.abs(x), [-0.0], [0.0]),
    ("sign", lambda x: np.sign(x), [0.0], [0.0]),
    ("floor", lambda x: np.floor(x), [2.0], [0.0]),
    ("ceil", lambda x: np.ceil(x), [2.0], [0.0]),
    ("trunc", lambda x: np.trunc(x), [2.0], [0.0]),
    ("round", lambda x: np.round(x), [2.5], [0.0]),
    ("floor_divide", lambda x, y: x // y, [4.0, 2.0], [0.0, 0.0]),
    ("heaviside", lambda x, h: np.heaviside(x, h), [0.0, 0.5], [0.0, 1.0]),
    ("copysign", lambda x, s: np.copysign(x, s), [0.0, -1.0], [0.0, 0.0]),
    ("mod", lambda x, y: x % y, [6.0, 3.0], [1.0, -2.0]),
    ("fmod", lambda x, y: np.fmod(x, y), [-6.0, 3.0], [1.0, 2.0]),
    ("maximum", lambda x, y: np.maximum(x, y), [1.0, 1.0], [0.5, 0.5]),
    ("minimum", lambda x, y: np.minimum(x, y), [1.0, 1.0], [0.5, 0.5]),
    ("fmax", lambda x, y: np.fmax(x, y), [1.0, 1.0], [0.5, 0.5]),
    ("fmin", lambda x, y: np.fmin(x, y), [1.0, NAN], [1.0, 0.0]),
    ("max", lambda x: np.max(x), [[2.0, 2.0, 1.0]], [[0.5, 0.5, 0.0]]),
    ("min", lambda x: np.min(x), [[2.0, 1.0, 1.0]], [[0.0, 0.5, 0.5]]),
    ("ptp", lambda x: np.ptp(x), [[2.0, 2.0, 1.0]], [[0.5, 0.5, -1.0]]),
    ("max(initial=...)", lambda x: np.max(x, initial=2.0), [[2.0, 2.0, 1.0]], [[0.25, 0.25, 0.0]]),
    ("nanmax", lambda x: np.nanmax(x), [[NAN, 2.0, 2.0]], [[0.0, 0.5, 0.5]]),
    ("clip", lambda x: np.clip(x, 0, 1), [1.0], [0.5]),
    ("clip", lambda x: np.clip(x, 0, 1), [0.0], [0.5]),
    ("relu", lambda x: sg.relu(x), [0.0], [0.0]),
    ("leaky_relu", lambda x: sg.leaky_relu(x), [0.0], [0.01]),
    ("sort", lambda x: np.sort(x)[1], [[2.0, 1.0, 2.0]], [[1.0, 0.0, 0.0]]),
    ("partition", lambda x: np.partition(x, 0)[0], [[1.0, 1.0, 2.0]], [[1.0, 0.0, 0.0]]),
    ("median", lambda x: np.median(x), [[2.0, 2.0, 1.0]], [[1.0, 0.0, 0.0]]),
    ("quantile", lambda x: np.quantile(x, 1.0), [[2.0, 2.0, 1.0]], [[0.0, 1.0, 0.0]]),
    ("interp", lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0]), [1.0], [4.0]),
    ("interp", lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0]), [3.0], [0.0]),
    ("unwrap", lambda x: np.unwrap(x)[1], [[0.0, 7.0]], [[0.0, 1.0]]),
    ("where", lambda x: np.where(x > 0, np.log(x), 0.0), [0.0], [0.0]),
    ("select", lambda x: np.select([x > 0], [np.sqrt(x)], x), [0.0], [1.0]),
    ("piecewise", lambda x: np.piecewise(x, [x > 0], [lambda t: 1 / t, 0.0]), [0.0], [0.0]),
    ("norm", lambda x: np.linalg.norm(x), [[0.0, 0.0]], [[0.0, 0.0]]),
    ("hypot", lambda x, y: np.hypot(x, y), [0.0, 0.0], [0.0, 0.0]),
    ("absolute value of a complex number", lambda x: np.abs(np.fft.fft(x))[1], [[0.0, 0.0]], [[0.0, 0.0]]),
    ("std", lambda x: np.std(x), [[3.0, 3.0]], [[0.0, 0.0]]),
    ("nanstd", lambda x: np.nanstd(x), [[3.0, 3.0, NAN]], [[0.0, 0.0, 0.0]]),
    ("sqrt(x * x)", lambda x: np.sqrt(x * x), [0.0], [0.0]),
    ("arctan2", lambda y, x: np.arctan2(y, x), [0.0, 0.0], [0.0, 0.0]),
    ("sqrt", lambda x: np.sqrt(x), [0.0], [INF]),
    ("cbrt", lambda x: np.cbrt(x), [0.0], [INF]),
    ("arcsin", lambda x: np.arcsin(x), [1.0], [INF]),
    ("arccos", lambda x: np.arccos(x), [-1.0], [-INF]),
    ("x**y", lambda x, y: x**y, [0.0, 0.0], [0.0, 0.0]),
    ("x**y", lambda x, y: x**y, [0.0, 1.0], [1.0, 0.0]),
    ("x**y", lambda x, y: x**y, [0.0, 2.0], [0.0, 0.0]),
    ("x**y", lambda x, y: x**y, [0.0, 0.5], [INF, 0.0]),
    ("x**0", lambda x: x**0.0, [0.0], [0.0]),
    ("xlogy", lambda x, y: sg.xlogy(x, y), [0.0, 0.0], [-INF, 0.0]),
    ("xlog1py", lambda x, y: sg.xlog1py(x, y), [0.0, -1.0], [-INF, 0.0]),
    ("logsumexp", lambda x: sg.logsumexp(x), [[-INF, -INF]], [[0.0, 0.0]]),
    ("softmax", lambda x: sg.softmax(x)[0], [[-INF, -INF]], [[0.0, 0.0]]),
    ("det", lambda x: np.linalg.det(x), [[[1.0, 2.0], [2.0, 4.0]]], [[[4.0, -2.0], [-2.0, 1.0]]]),
    ("cholesky", lambda x: np.linalg.cholesky(x)[1, 0], [L], [[[-0.25 / 2**0.5, 0.0], [2**-0.5, 0.0]]]),
    ("prod", lambda x: np.prod(x), [[0.0, 2.0, 3.0]], [[6.0, 0.0, 0.0]]),
    ("cumprod", lambda x: np.sum(np.cumprod(x)), [[0.0, 2.0]], [[3.0, 0.0]]),
    ("var", lambda x: np.var(x, ddof=1), [[3.0]], [[NAN]]),
    ("A mean of no entries is nan, a sum 0", lambda x: np.sum(x) + np.linalg.norm(x), [[]], [[]]),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, function, arguments, gradients", ROWS, ids=[f"{i} {row[0]}" for i, row in enumerate(ROWS)]
)
def test_convention(
    name: str, function: Callable[..., Any], arguments: list[Any], gradients: list[Any]
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"`{name}`" in text or name in text
    arrays = [np.array(a, float) for a in arguments]
    shapes = {
        p: " ".join(map(str, a.shape)) if a.size else "n"
        for p, a in zip(inspect.signature(function).parameters, arrays)
    }
    slope = sg.compile(sg.grad(sg.trace(function, name="f", shapes=shapes), wrt=tuple(shapes)))
    finite = all(np.isfinite(np.array(g, float)).all() for g in gradients)
    with np.errstate(all="raise" if finite else "ignore"), warnings.catch_warnings():
        warnings.simplefilter("error" if finite else "ignore")
        found = slope(*arrays)
    for got, want in zip(found, gradients):
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)


def test_no_sentence_is_left_without_a_row() -> None:
    sentences = PAGE.read_text(encoding="utf-8").split("\n- ")[1:]
    without = [s for s in sentences if not any(name in s for name, *_ in ROWS)]
    # Held elsewhere: results without a derivative, windows, and factorisations.
    elsewhere = ("`max_pool1d`", "`argmax`", "Eigenvectors", "`pinv`")
    assert [s for s in without if not s.startswith(elsewhere)] == []
