"""Conversion and checks of arguments, carried along by generated modules."""

from __future__ import annotations

import numpy as np

_DOUBLE = np.dtype(np.float64)
_SINGLE = np.dtype(np.float32)
# Numbers that Python floats can stand for.
_NUMBERS = frozenset({float, int, np.float64, np.int64})
# A Python float times this is numpy's float of the same value, in half the time of np.float64(x).
_ONE = np.float64(1.0)


def _floats(names, values, only=None):
    """Arrays of one float type: float32 where all of them are, else float64; scalars as numpy scalars."""
    # Most calls are told by the types of their arguments alone, several times faster than by conversions.
    arrays = []
    for value in values if only is None else ():
        kind = type(value)
        if kind is np.ndarray and value.dtype is _DOUBLE and value.ndim:
            arrays.append(value)
        elif kind is float:
            arrays.append(np.float64(value))
        elif kind is np.float64:
            arrays.append(value)
        else:
            break
    if len(arrays) == len(values):
        return arrays, np.float64
    for value in values:
        if type(value) is not np.float32 and not (
            type(value) is np.ndarray and value.dtype is _SINGLE and value.ndim
        ):
            return _any_floats(names, values, only)
    arrays[:] = values
    return arrays, np.float32


def _any_floats(names, values, only):
    """The same for whatever numpy makes an array of."""
    arrays = [_numbers(name, value) for name, value in zip(names, values)]
    dtype = only or (np.float32 if all(a.dtype.type is np.float32 for a in arrays) else np.float64)
    arrays = [a if a.dtype == dtype else a.astype(dtype) for a in arrays]
    return [a if a.ndim else a[()] for a in arrays], dtype


def _elementwise(names, values, only=None):
    """The same for elementwise arguments alone, with their common shape."""
    # Most calls have arrays of one shape.
    arrays = []
    shape = values[0].shape if only is None and type(values[0]) is np.ndarray else ()
    if shape:
        for value in values:
            if type(value) is not np.ndarray or value.dtype is not _DOUBLE or value.shape != shape:
                break
        else:
            arrays += values
            return arrays, np.float64, shape
    arrays, dtype = _floats(names, values, only)
    return arrays, dtype, _batch_shape(names, [array.shape for array in arrays])


def _numbers(name, value):
    """The value as an array of real numbers."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: expected a rectangular array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
    return array


def _integers(name, value):
    """The value as an int64 array."""
    array = np.asarray(value)
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise TypeError(f"{name}: expected integers, got dtype {array.dtype}")
    return array.astype(np.int64, copy=False)


def _booleans(name, value):
    """The value as a bool array."""
    array = np.asarray(value)
    if array.dtype.kind != "b":
        raise TypeError(f"{name}: expected booleans, got dtype {array.dtype}")
    return array


def _shape_error(name, array, expected, /, **sizes):
    """The error for an argument of the wrong shape."""
    where = ", ".join(f"{key} = {size}" for key, size in sizes.items())
    known = f" with {where}" if where else ""
    return ValueError(f"{name}: expected shape {expected}{known}, got {array.shape}")


def _batch_shape(names, shapes):
    """The common shape of elementwise arguments."""
    different = {(), *shapes}
    if len(different) < 3:
        return max(different, key=len)  # of one shape, and numbers
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes))
        raise ValueError(f"expected shapes that broadcast together, got {listed}") from None


def _full(value, shape, dtype):
    """An elementwise result in the full shape of the arguments, in memory of its own."""
    if shape == ():
        return dtype(value)
    result = np.empty(shape, dtype)
    result[...] = value
    return result
