"""The rough price of a function: only ratios matter, and they are what arithmetic says."""

from __future__ import annotations

import pytest

import symgrad as sg
from symgrad.cost import NOMINAL, derivative_cost, price
from symgrad.pipeline import prepare


def test_a_product_of_matrices_costs_its_multiplications() -> None:
    f = sg.trace(lambda A, B: A @ B, A="3 n", B="n 5")
    assert price(prepare(f)) == pytest.approx(0.25 * 3 * 5 * NOMINAL)
    g = sg.trace(lambda A, x: A @ x, A="3 n", x="n")
    assert price(prepare(g)) == pytest.approx(0.25 * 3 * NOMINAL)


def test_views_and_leaves_cost_nothing() -> None:
    assert price(prepare(sg.trace(lambda A: A.T, A="n d"))) == 0


def test_some_functions_are_dearer_than_others() -> None:
    assert (
        price(prepare(sg.parse("sin(x)")))
        > price(prepare(sg.parse("exp(x)")))
        > price(prepare(sg.parse("x + y")))
    )


def test_derivatives_are_measured_in_evaluations_of_their_functions() -> None:
    f = sg.parse("sin(x)")
    assert derivative_cost([f], prepare) is None
    assert derivative_cost([f, sg.grad(f, "x")], prepare) == pytest.approx(1.0, rel=0.1)
    both = [sg.grad(f, "x"), sg.value_and_grad(f, "x")]
    assert derivative_cost(both, prepare) == pytest.approx(1.5, rel=0.1)


def test_results_that_are_views_are_copied() -> None:
    f = sg.trace(lambda x: x.reshape(-1), x="n d")
    assert derivative_cost([sg.vjp(f, "x")], prepare) == pytest.approx(2.0)
