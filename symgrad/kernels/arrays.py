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
