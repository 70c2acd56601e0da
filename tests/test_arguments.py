"""Conversion of arguments: the way that looks at types only gives what the general one gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels.arguments import _any_floats, _batch_shape, _elementwise, _floats, _full

VALUES = {
    "float": 0.5,
    "int": 2,
    "bool": True,
    "float64": np.float64(-0.0),
    "float32": np.float32(0.5),
    "list": [1, 2.5],
    "array": np.array([1.0, np.nan]),
    "no axes": np.array(1.5),
    "no elements": np.zeros((0, 2)),
    "strided": np.arange(8.0)[::2],
    "big endian": np.array([1.0, 2.0], ">f8"),
    "narrow big endian": np.array([1.0, 2.0], ">f4"),
    "narrow": np.array([1.0, 2.0], np.float32),
    "integers": np.array([1, 2]),
    "masked": np.ma.array([1.0, 2.0], mask=[False, False]),
    "matrix": np.ones((2, 2)).view(np.matrix),
}


@pytest.mark.parametrize("names", [*itertools.combinations_with_replacement(VALUES, 2)], ids=" and ".join)
@pytest.mark.parametrize("only", [None, np.float32])
def test_types_decide_as_conversions_do(names, only):
    values = tuple(VALUES[name] for name in names)
    arrays, dtype = _floats(names, values, only)
    wanted, wanted_dtype = _any_floats(names, values, only)
    assert dtype is wanted_dtype
    for array, other in zip(arrays, wanted):
        assert type(array) is type(other)
        assert array.dtype == other.dtype == dtype and array.dtype.isnative
        np.testing.assert_array_equal(array, other)
        np.testing.assert_array_equal(np.signbit(array), np.signbit(other))


@pytest.mark.parametrize("names", [*itertools.product(VALUES, repeat=2)], ids=" and ".join)
@pytest.mark.parametrize("only", [None, np.float32])
def test_elementwise_arguments(names, only):
    """As one by one, whatever comes first."""
    values = tuple(VALUES[name] for name in names)
    wanted, wanted_dtype = _floats(names, values, only)
    try:
        wanted_shape = np.broadcast_shapes(*[a.shape for a in wanted])
    except ValueError:
        with pytest.raises(ValueError, match="broadcast together"):
            _elementwise(names, values, only)
        return
    arrays, dtype, shape = _elementwise(names, values, only)
    assert dtype is wanted_dtype and shape == wanted_shape
    for array, other in zip(arrays, wanted):
        assert type(array) is type(other) and array.dtype == other.dtype and array.dtype.isnative
        np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("kind", [type("Real", (float,), {}), type("Wide", (np.ndarray,), {})])
def test_subclasses_become_plain(kind):
    value = kind(0.5) if issubclass(kind, float) else np.ones(3).view(kind)
    (array,), _ = _floats(("x",), (value,))
    assert type(array) in (np.float64, np.ndarray)


def test_the_order_of_bytes_does_not_widen():
    f = sg.trace(lambda x, w: (np.sum(x * w), x[::-1]), x="n", w="n")
    x = np.array([1.5, 2.5, -1.0], np.float32)
    for given in (x.astype(">f4"), x.astype("<f4")):
        value, flipped = sg.compile(f)(given, given)
        assert type(value) is np.float32 and value == 9.5
        assert flipped.dtype == np.float32 and flipped.dtype.isnative
        np.testing.assert_array_equal(flipped, x[::-1])


def test_words_and_complex_numbers_are_refused():
    for value in ("1", 1j, None, np.array(["a"])):
        with pytest.raises(TypeError, match="y: expected real numbers"):
            _floats(("x", "y"), (1.0, value))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
@pytest.mark.parametrize("value", [1, 1.0, np.float64(1), np.array(1.0), np.ones(3), np.ones((2, 1))])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 3)])
def test_full_results(value, shape, dtype):
    try:
        wanted = np.broadcast_to(value, shape)
    except ValueError:
        return
    found = _full(value, shape, dtype)
    assert type(found) is (np.ndarray if shape else dtype)
    assert found.shape == shape and found.dtype == dtype
    assert not np.shares_memory(found, value)
    np.testing.assert_array_equal(found, wanted.astype(dtype))


def test_batch_shapes():
    assert _batch_shape("ab", ((2, 3), (2, 3))) == (2, 3)
    assert _batch_shape("ab", ((2, 1), (3,))) == (2, 3)
    assert _batch_shape("ab", ((), ())) == ()
    with pytest.raises(ValueError, match=r"got a \(2,\), b \(3,\)"):
        _batch_shape("ab", ((2,), (3,)))
