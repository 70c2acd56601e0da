"""Derivatives of both branches of a choice as one choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.pipeline import prepare
from symgrad.rewrite.choices import join_choices

WITHOUT = ("choices",)


def huber(x: Any, y: Any) -> Any:
    e = x - y
    a = np.abs(e)
    return np.mean(np.where(a <= 1, 0.5 * e * e, a - 0.5))


def leaky(x: Any, y: Any) -> Any:
    return np.sum((np.where(x > 0, x, 0.1 * x) - y) ** 2)


def elu(x: Any, y: Any) -> Any:
    return np.sum((np.where(x > 0, x, np.exp(x) - 1) - y) ** 2)


def pinball(x: Any, y: Any) -> Any:
    e = y - x
    return np.mean(np.where(e >= 0, 0.3 * e, -0.7 * e))


def mixed(x: Any, y: Any) -> Any:
    """Logarithms that are not taken, scalars that are chosen, one branch twice."""
    t = x > 0
    one = np.where(t, np.log(np.where(t, x, 1.0)) * y, x**2)
    return np.sum(one) + np.sum(np.where(t, y / (1 + x**2), x * y) - np.where(t, 2.0, x) * np.where(t, x, y))


SPELLED: dict[Callable[..., Any], int] = {huber: 1, leaky: 1, elu: 1, pinball: 1}


@pytest.mark.parametrize("fn", [*SPELLED, mixed])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_values(fn: Callable[..., Any], dtype: Any) -> None:
    f = sg.value_and_grad(sg.trace(fn, x="n", y="n", name="f"))
    rng = np.random.default_rng(0)
    for n in (0, 1, 9):
        x, y = (rng.normal(size=n).astype(dtype) for _ in "xy")
        with np.errstate(all="ignore"):
            (value, got), (_, want) = sg.compile(f)(x, y), sg.compile(f, without=WITHOUT)(x, y)
        assert value.dtype == dtype
        for a, b in zip(got, want):
            assert a.dtype == dtype and a.shape == b.shape
            eps = np.finfo(dtype).eps  # products in another order, each rounded once
            np.testing.assert_allclose(a, b, rtol=4 * eps, atol=4 * eps)


@pytest.mark.parametrize("fn", SPELLED)
def test_one_choice_is_left(fn: Callable[..., Any]) -> None:
    f = sg.grad(sg.trace(fn, x="n", y="n"), wrt="x")
    assert prepare(f).ops()["where"] - _forward(fn) == SPELLED[fn]


def _forward(fn: Callable[..., Any]) -> int:
    """Choices that the derivative needs of the value itself."""
    return 1 if fn is leaky else 2 if fn is elu else 0


def test_a_branch_that_is_not_taken_counts_nothing_whatever_its_factor() -> None:
    f = sg.trace(lambda x, y: np.sum(np.where(x > 0, x, 0.5 * x) * y), x="n", y="n")
    got = sg.compile(sg.grad(f, wrt="x"))(np.array([1.0, -1.0]), np.array([np.inf, 2.0]))
    np.testing.assert_array_equal(got, [np.inf, 1.0])


def test_products_with_masks_of_ones_own_stay() -> None:
    f = sg.trace(lambda x, y: np.where(x > 0, 1.0, 0.0) * y, x="n", y="n", name="f")
    assert join_choices(f) is f
    value = sg.value_and_grad(sg.trace(lambda x, y: np.sum(np.where(x > 0, 1.0, 0.0) * y**2), x="n", y="n"))
    with np.errstate(invalid="ignore"):
        total, _ = sg.compile(value)(np.array([-1.0]), np.array([np.inf]))
    assert np.isnan(total)


def test_choices_by_other_conditions_stay_apart() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sum(np.where(x > 0, x * y, 0.0) + np.where(y > 0, 0.0, x * y**2))

    g = sg.grad(sg.trace(f, x="n", y="n"), wrt="x")
    x, y = np.array([1.0, 1.0, -1.0, -1.0]), np.array([2.0, -2.0, 2.0, -2.0])
    np.testing.assert_array_equal(sg.compile(g)(x, y), [2.0, 2.0, 0.0, 4.0])
