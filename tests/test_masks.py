"""Choices between numbers and 0 by their bits, and signs taken by small factors."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.options import Options
from symgrad.pipeline import prepare

NUMBERS = np.array([1.5, -2.0, 0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1e-320])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("layout", ["C", "strided", "backwards", "broadcast"])
@pytest.mark.parametrize("first", [True, False])
def test_a_choice_with_zero_keeps_every_bit(dtype, layout, first):
    f = sg.trace(
        (lambda c, x: np.where(c > 0, x, 0.0)) if first else (lambda c, x: np.where(c > 0, 0.0, x)),
        name="f", c="n", x="n",
    )  # fmt: skip
    assert "_masked(" in sg.Module("m", {"f": f}).source()
    with np.errstate(over="ignore", under="ignore"):
        x = np.repeat(NUMBERS, 2).astype(dtype)
    c = np.tile([1.0, -1.0], len(NUMBERS)).astype(dtype)
    if layout == "strided":
        x = np.repeat(x, 3)[::3]
    elif layout == "backwards":
        x = x[::-1]
    elif layout == "broadcast":
        x = np.broadcast_to(x[:1], x.shape)
    zero = np.zeros((), dtype)
    want = np.where(c > 0, x, zero) if first else np.where(c > 0, zero, x)
    got = sg.compile(f)(c, x)
    assert got.dtype == dtype and got.flags.writeable and not np.shares_memory(got, x)
    np.testing.assert_array_equal(got.view(f"i{got.itemsize}"), want.view(f"i{got.itemsize}"))


def test_a_choice_with_zero_of_scalars_and_batches():
    f = sg.trace(lambda c, x: np.where(c > 0, x, 0), name="f", c="...", x="...")
    g = sg.compile(f, without=("plain_floats",))
    assert type(g(1.0, 2.5)) is np.float64 and g(1.0, 2.5) == 2.5 and g(-1.0, np.nan) == 0.0
    np.testing.assert_array_equal(
        g(np.array([[1.0], [-1.0]]), np.array([3.0, np.inf])), [[3, np.inf], [0, 0]]
    )
    # A choice by one number of an array that has another shape, and of a negative zero.
    h = sg.compile(sg.trace(lambda c, x: np.where(c > 0, x, -0.0), name="f", c="", x="n"))
    assert np.signbit(h(-1.0, np.ones(2))).all()


def negated(s, x):
    return -(np.sin(s)[:, None] * np.exp(x))


def test_a_sign_goes_to_the_small_factor():
    f = sg.trace(negated, s="n", x="n d")
    (result,) = prepare(f).output_nodes
    assert result.op.name == "mul"
    (plain,) = prepare(f, Options(without=("small_signs",))).output_nodes
    assert plain.op.name == "neg"
    rng = np.random.default_rng(0)
    s, x = rng.normal(size=4), rng.normal(size=(4, 3))
    np.testing.assert_array_equal(sg.compile(f)(s, x), negated(s, x))


def test_a_sign_of_equals_or_of_what_others_use_stays():
    f = sg.trace(lambda x, y: -(np.sin(x) * np.cos(y)), name="f", x="n d", y="n d")
    assert prepare(f).output_nodes[0].op.name == "neg"

    def both(s, x):
        product = np.sin(s)[:, None] * np.cos(x)
        return -product, product

    g = prepare(sg.trace(both, s="n", x="n d"))
    assert g.ops()["mul"] == 1
