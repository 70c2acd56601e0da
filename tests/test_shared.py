"""One exponential for a value and its derivatives: fewer of them in the text, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.options import TECHNIQUES
from symgrad.pipeline import prepare


def logistic_loss(X, y, w):
    z = X @ w
    return np.sum(np.logaddexp(0.0, z) - y * z)


def cross_entropy(scores, Y):
    return np.sum(sg.logsumexp(scores, axis=1) - np.sum(Y * scores, axis=1))


LOSS = sg.value_and_grad(sg.trace(logistic_loss, X="n d", y="n", w="d"), wrt="w")
ENTROPY = sg.value_and_grad(sg.trace(cross_entropy, scores="n k", Y="n k"), wrt="scores")
SILU = sg.value_and_grad(sg.trace(lambda x: x * sg.sigmoid(x), name="silu", x="..."))
SOFTPLUS = sg.hessian(sg.trace(lambda x: np.log(1 + np.exp(-3 * x)), name="softplus", x="..."))
MIXED = sg.trace(lambda a, b: (sg.sigmoid(a - b), sg.softplus(b - a)), name="mixed", a="...", b="...")
LOGADDEXP = sg.trace(lambda a, b: np.logaddexp(a, b), name="f", a="n", b="n")
FULL = sg.value_and_grad(sg.trace(lambda x: sg.logsumexp(x), name="full", x="n"), wrt="x")
EDGES = np.array([0.0, -0.0, 1e-300, 30.0, -30.0, 800.0, -800.0, np.inf, -np.inf, np.nan])


def pair(f):
    """The function with and without sharing."""
    with_, without = (
        sg.Module("m", {"f": f}, without=left).load().f for left in ((), ("shared_exponentials",))
    )
    return with_, without


def flat(result):
    return [x for part in result for x in flat(part)] if isinstance(result, tuple) else [np.asarray(result)]


@pytest.mark.parametrize("f, count", [(LOSS, 1), (SILU, 1), (SOFTPLUS, 1), (MIXED, 1)])
def test_one_decay_is_left_of_the_logistic_family(f, count):
    ops = prepare(f).ops()
    assert ops["decay"] == count
    assert not {"sigmoid", "logaddexp"} & set(ops)


@pytest.mark.parametrize("f", [ENTROPY, FULL])
def test_one_exponential_is_left_of_the_soft_maximum(f):
    ops = prepare(f).ops()
    assert ops["exp_below"] == ops["top"] == ops["shares"] == 1
    assert not {"softmax", "logsumexp"} & set(ops)


def test_what_occurs_once_stays():
    f = sg.trace(lambda x, y: sg.sigmoid(x) + sg.softplus(y), name="f", x="...", y="...")
    assert {"sigmoid", "logaddexp"} <= set(prepare(f).ops())


@pytest.mark.parametrize("f", [LOSS, ENTROPY], ids=["logistic loss", "cross entropy"])
@pytest.mark.parametrize("sizes", [(5, 3), (1, 1), (0, 3), (4, 0)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_numbers(f, sizes, dtype):
    rng = np.random.default_rng(0)
    shapes = {"n": sizes[0], "d": sizes[1], "k": sizes[1]}
    arrays = [
        (10 * rng.normal(size=[shapes[str(s)] for s in leaf.shape])).astype(dtype) for leaf in f.input_nodes
    ]
    for got, want in zip(*[flat(g(*arrays)) for g in pair(f)]):
        assert got.dtype == want.dtype == dtype
        # A handful of roundings apart: the formulas are the same.
        np.testing.assert_allclose(got, want, rtol=8 * np.finfo(dtype).eps, atol=1e-30)


@pytest.mark.parametrize("f", [SILU, SOFTPLUS, MIXED], ids=["silu", "softplus", "mixed"])
def test_the_same_at_the_edges(f):
    count = len(f.input_nodes)
    points = [np.ravel(a) for a in np.meshgrid(*[EDGES] * count)]
    with np.errstate(invalid="ignore", over="ignore"):
        for got, want in zip(*[flat(g(*points)) for g in pair(f)]):
            np.testing.assert_allclose(got, want, rtol=1e-15, atol=0)
        for values in zip(*points):
            for got, want in zip(*[flat(g(*values)) for g in pair(f)]):
                np.testing.assert_allclose(got, want, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    "row, value, gradient",
    [
        ([1000.0, 1000.0], 1000 + np.log(2), [0.5, 0.5]),
        ([-np.inf, -np.inf], -np.inf, [0.0, 0.0]),
        ([np.inf, 1.0], np.inf, [1.0, 0.0]),
        ([np.inf, -np.inf], np.inf, [1.0, 0.0]),
        ([-1000.0, 0.0], 0.0, [0.0, 1.0]),
        ([-740.0, 0.0], 0.0, [float.fromhex("0x1p-1074") * 85, 1.0]),
        ([], -np.inf, []),
        ([np.nan, 1.0], np.nan, [np.nan, np.nan]),
    ],
)
def test_soft_maxima_of_extreme_rows(row, value, gradient):
    with np.errstate(all="raise", divide="ignore"):
        found = pair(FULL)[0](np.array(row, float))
    np.testing.assert_array_equal(found[0], value)
    np.testing.assert_allclose(found[1], gradient, rtol=0.02, atol=0)


def test_no_warning_where_the_results_are_finite():
    x = np.array([-800.0, -740.0, 0.0, 700.0, 800.0])
    with np.errstate(all="raise"):
        for f in (SILU, SOFTPLUS):
            g = sg.compile(f)
            assert all(np.isfinite(part).all() for part in flat(g(x[2:4])))
        sg.compile(ENTROPY)(x[None], np.zeros((1, 5)))


@pytest.mark.parametrize("size", [3, 2000])
def test_logaddexp_of_small_and_large_arrays(size):
    f = sg.compile(LOGADDEXP)
    rng = np.random.default_rng(1)
    a, b = rng.choice([*EDGES, 0.3, -2.0, 1.5], size=(2, size))
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(f(a, b), np.logaddexp(a, b), rtol=1e-15, atol=0)


@pytest.mark.parametrize("size", [3, 2000])
@pytest.mark.parametrize("extreme", [1.0, 0.0, 1e200, 1e-200, 5e-324, np.inf, np.nan])
def test_hypot_of_small_and_large_arrays(size, extreme):
    f = sg.compile(sg.trace(lambda x, y: np.hypot(x, y), x="n", y="n"))
    x, y = np.random.default_rng(2).normal(size=(2, size)) * 10.0 ** np.linspace(-100, 100, size)
    x[1] = y[1] = extreme
    # numpy's own function says of the smallest number that it is small.
    with np.errstate(all="raise", under="ignore" if extreme == 5e-324 else "raise"):
        # Two roundings of the squares' sum, halved by the root, and the root's own.
        np.testing.assert_array_max_ulp(f(x, y), np.hypot(x, y), maxulp=2)


def test_a_technique_that_does_not_exist_is_refused():
    with pytest.raises(sg.SpecError, match="no technique is called 'magic'"):
        sg.Module("m", {"f": LOSS}, without=("magic",))
    assert all(TECHNIQUES.values())
