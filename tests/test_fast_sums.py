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
    assert set(prepare(f).ops()) == {"sin", "column_sums"}
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


OPEN = {
    "along": sg.trace(lambda x: np.sum(np.sin(x), axis=1), name="f", x="n k"),
    "along, kept": sg.trace(lambda x: np.sum(np.sin(x), axis=-1, keepdims=True), name="f", x="2 n k"),
    "over": sg.trace(lambda x: np.sum(np.sin(x), axis=0), name="f", x="n k"),
    "over, kept": sg.trace(lambda x: np.sum(np.sin(x), axis=0, keepdims=True), name="f", x="n k"),
    "largest": sg.trace(lambda x: np.max(x, axis=1), name="f", x="n k"),
    "largest, kept": sg.trace(lambda x: np.max(x, axis=2, keepdims=True), name="f", x="2 n k"),
    "largest of none": sg.trace(lambda x: np.max(x, axis=1, initial=-np.inf), name="f", x="n k"),
}


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kernels_choose_by_the_size_at_hand(name, dtype):
    f = OPEN[name]
    assert set(prepare(f).ops()) & {"row_sums", "column_sums", "row_max"}
    chosen, plain = sg.compile(f, tiles=False), sg.compile(f, tiles=False, without=WITHOUT)
    for sizes in [(5, 2), (400, 3), (90, 32), (60, 64), (30, 65), (1, 2000), (2000, 1), (0, 4)]:
        for arrays in (arguments(f, sizes, dtype), [a.T.copy().T for a in arguments(f, sizes, dtype)]):
            got, want = chosen(*arrays), plain(*arrays)
            assert got.dtype == want.dtype == dtype and got.shape == want.shape
            assert not any(np.shares_memory(got, a) for a in arrays)
            if "largest" in name:
                np.testing.assert_array_equal(got, want)
            else:
                rounding = 4 * np.finfo(dtype).eps * np.abs(arrays[0]).sum()
                np.testing.assert_allclose(got, want, rtol=0, atol=rounding)


def test_kernels_pass_infinities_and_nans_and_refuse_nothing_new():
    x = np.full((300, 4), 1.5)
    x[0, 1], x[1, 2], x[2] = np.inf, np.nan, -np.inf
    for name in ("along", "over"):
        f = sg.trace(
            (lambda x: np.sum(x, axis=1)) if name == "along" else (lambda x: np.sum(x, axis=0)), x="n k"
        )
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(sg.compile(f)(x), x.sum(axis=1 if name == "along" else 0))
    np.testing.assert_array_equal(sg.compile(OPEN["largest"])(x), x.max(axis=1))
    with pytest.raises(ValueError, match="zero-size"):
        sg.compile(OPEN["largest"])(np.ones((3, 0)))
    np.testing.assert_array_equal(sg.compile(OPEN["largest of none"])(np.ones((2, 0))), [-np.inf, -np.inf])
    soft = sg.compile(sg.trace(lambda x: sg.softmax(x, axis=1), x="n k"))(np.where(x == np.inf, 2.0, x))
    assert np.isnan(soft[1]).all() and (soft[2] == 0).all()
    np.testing.assert_allclose(soft[3], 0.25, rtol=1e-15)


def test_the_derivative_of_a_maximum_meets_its_ties():
    f = sg.value_and_grad(sg.trace(lambda x: np.sum(np.max(x, axis=1) ** 2), name="f", x="n k"))
    x = np.random.default_rng(0).integers(0, 3, (400, 5)).astype(float)
    (value, got), (_, want) = sg.compile(f)(x), sg.compile(f, without=WITHOUT)(x)
    assert value == (x.max(axis=1) ** 2).sum()
    for a, b in zip(got, want):
        np.testing.assert_array_equal(a, b)
