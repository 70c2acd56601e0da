"""The order in which values are computed: operands first, as written, or with less in memory."""

from __future__ import annotations

import random

import numpy as np
import pytest

import symgrad as sg
from symgrad.building.plan import gallery
from symgrad.building.specs import load
from symgrad.options import DEFAULT, Options
from symgrad.pipeline import prepare
from symgrad.schedule.order import GAIN, _most, order_of, short_lives
from tests.random_graphs import draw

PLAIN = Options(without=("short_lives",))


def denoising() -> sg.Function:
    """Of its gradients along both axes, one can be done with before the next begins."""
    (spec,) = (path for path in gallery() if path.stem == "denoising")
    (module,) = load(spec)
    return module.functions["energy_value_and_grad"]


def checked(function: sg.Function) -> tuple[float, float]:
    """The most in memory in the author's order and in the other one, which are orders of the same nodes."""
    usual, ahead = order_of(function, PLAIN)
    other = short_lives(usual, ahead, function.output_nodes)
    assert len(other) == len(usual) and set(other) == set(usual)
    place = {node: i for i, node in enumerate(other)}
    assert all(place[a] < place[node] for node in other for a in node.args)
    forward = [node in ahead for node in other]
    assert forward == sorted(forward, reverse=True)
    chosen, again = order_of(function, DEFAULT)
    assert order_of(function) == (usual, ahead)
    assert again == ahead
    before, after = (_most(order, function.output_nodes) for order in (usual, other))
    assert chosen == (other if after <= GAIN * before else usual)
    return before, after


@pytest.mark.parametrize("seed", range(12))
def test_orders_of_random_functions(seed: int) -> None:
    program = draw(random.Random(seed).randrange, elementwise=False)
    checked(prepare(sg.grad(program.trace())))


def test_less_is_kept_where_that_is_possible() -> None:
    before, after = checked(prepare(denoising()))
    assert after < before


def test_the_same_numbers_in_any_order() -> None:
    image, noisy = np.random.default_rng(0).normal(size=(2, 7, 5))
    value, found = sg.compile(denoising())(image, noisy, 0.3, 0.01)
    plain, expected = sg.compile(denoising(), without=("short_lives",))(image, noisy, 0.3, 0.01)
    assert value == plain
    np.testing.assert_array_equal(found, expected)


def test_shared_values_come_once_and_results_stay() -> None:
    x = sg.trace(lambda x: (np.exp(x), np.exp(x) * 2, np.sum(np.exp(x))), x="n", name="f")
    order, _ = order_of(x, DEFAULT)
    assert len(order) == len(set(order))
    assert set(x.output_nodes) <= set(order)


def test_docstrings_keep_the_order_of_the_author() -> None:
    (spec,) = (path for path in gallery() if path.stem == "options")
    put = next(m for m in load(spec) if "put" in m.functions).functions["put"]
    _, text, body = sg.Module("m", {"put": put}).source().partition("def put(")[2].split('"""', 2)
    assert text.index(" t1 ") < text.index(" d2 ")
    assert body.index(" d2 =") < body.index(" t1 =")
