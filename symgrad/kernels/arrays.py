"""Shapes under a leading batch, elements put in place, cumulative products."""

from __future__ import annotations

import numpy as np


def _reshape_core(x, rank, shape):
    """The last `rank` axes in another shape, whatever is in front of them."""
    return x.reshape(x.shape[: x.ndim - rank] + shape)


def _transpose_core(x, axes):
    """The last axes in another order, whatever is in front of them."""
    first = x.ndim - len(axes)
    return x.transpose(*range(first), *(first + axis for axis in axes))


def _expect_shape(x, shape):
    """x, once its last dimensions are as the generator took them to be: a slice can come out short."""
    if x.shape[x.ndim - len(shape) :] != shape:
        raise ValueError(f"slice of an array that is too short: expected shape {shape}, got {x.shape}")
    return x


def _place(value, key, shape):
    """The value in its place in an array of zeros."""
    out = np.zeros(shape, value.dtype)
    out[key] = value
    return out
