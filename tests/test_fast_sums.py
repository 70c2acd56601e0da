"""Sums along and over short rows: other spellings, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.options import Options
from symgrad.pipeline import prepare

WITHOUT = ("fast_sums",)

FUNCTIONS = {
    "along": sg.trace(lambda x: np.sum(np.sin(x), axis=1), name="f", x="n 3"),
    "along, kept": sg.trace(lambda x: np.sum(np.sin(x), axis=1, keepdims=True), name="f", x="n 3"),
    "over": sg.trace(lambda x: np.sum(np.sin(x), axis=0), name="f", x="n 3"),
    "over, kept": sg.trace(lambda x: np.sum(np.sin(x), axis=0, keepdims=True), name="f", x="n 3"),
    "stack": sg.trace(lambda x: np.sum(np.sin(x), axis=1), name="f", x="k n 3"),
    "stack, kept": sg.trace(lambda x: np.sum(np.sin(x), axis=1, keepdims=True), name="f", x="k n 3"),
    "batch": sg.trace(lambda x: np.sum(np.sin(x), axis=-1), name="f", x="... 3"),
    "squares": sg.trace(lambda x: np.sum(x**2, axis=-1), name="f", x="k n 16"),
    "products": sg.trace(lambda x, y: np.sum(x * y, axis=1, keepdims=True), name="f", x="n 9", y="n 9"),
    "few products": sg.trace(lambda x, y: np.sum(x * y, axis=1), name="f", x="n 2", y="n 2"),
}


def arguments(f, sizes, dtype):
    rng = np.random.default_rng(0)
    known = {"n": sizes[0], "k": sizes[1]}
    return [
        rng.normal(size=[s if isinstance(s, int) else known.get(str(s), 4) for s in leaf.shape]).astype(dtype)
        for leaf in f.input_nodes
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("sizes", [(5, 2), (1, 1), (0, 2), (300, 3)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_numbers(name, sizes, dtype):
    f = FUNCTIONS[name]
    arrays = arguments(f, sizes, dtype)
    got, want = sg.compile(f)(*arrays), sg.compile(f, without=WITHOUT)(*arrays)
    assert got.dtype == want.dtype == dtype and got.shape == want.shape
    assert not any(np.shares_memory(got, a) for a in arrays)
    # Sums in another order: a few roundings of the largest partial sum.
    rounding = 4 * np.finfo(dtype).eps * np.abs(np.concatenate([a.ravel() for a in arrays])).sum()
    np.testing.assert_allclose(got, want, rtol=0, atol=rounding)


def test_infinities_and_nans_pass():
    x = np.array([[np.inf, 1.0, 2.0], [np.inf, -np.inf, 0.0], [np.nan, 1.0, 1.0]])
    f = sg.compile(sg.trace(lambda x: (np.sum(np.sinh(x), axis=0), np.sum(x, axis=1)), name="f", x="n 3"))
    with np.errstate(invalid="ignore"):
        over, along = f(x)
        np.testing.assert_allclose(over, np.sinh(x).sum(axis=0), rtol=1e-15)
        np.testing.assert_array_equal(along, x.sum(axis=1))


@pytest.mark.parametrize(
    "name, operations",
    [
        ("along", {"sin", "sum_by_ones"}),
        ("over", {"sin", "sum_by_ones"}),
        ("squares", {"einsum"}),
        ("products", {"einsum", "expand_dims"}),
        ("few products", {"mul", "sum_by_ones"}),
    ],
)
def test_spellings(name, operations):
    assert set(prepare(FUNCTIONS[name]).ops()) == operations
    assert "sum" in prepare(FUNCTIONS[name], Options(without=WITHOUT)).ops()


def test_the_typical_size_decides_where_a_dimension_has_a_name():
    f = sg.trace(lambda x: np.sum(np.sin(x), axis=0), name="f", x="n k")
    assert set(prepare(f).ops()) == {"sin", "sum"}
    assert set(prepare(f, Options({"k": 8})).ops()) == {"sin", "sum_by_ones"}
    assert set(prepare(f, Options({"k": 1000})).ops()) == {"sin", "sum"}


def test_long_rows_keep_pairwise_sums():
    f = sg.trace(lambda x: np.sum(np.sin(x), axis=1), name="f", x="n 200")
    assert set(prepare(f).ops()) == {"sin", "sum"}


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_sum_goes_into_a_stack_of_products(axis, keepdims):
    f = sg.trace(lambda a, b: np.sum(a @ b, axis=axis, keepdims=keepdims), name="f", a="k n d", b="k d m")
    assert "matmat" in prepare(f).ops()
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 3, 4))
    got = sg.compile(f)(a, b)
    np.testing.assert_allclose(got, (a @ b).sum(axis=axis, keepdims=keepdims), rtol=1e-13, atol=1e-13)
    # The factor is summed, not the product.
    (total,) = prepare(f).output_nodes
    assert total.op.name in ("squeeze", "matmat")
