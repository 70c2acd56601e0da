"""Reductions that need more than one numpy call: ties, deviations, soft maxima, products."""

from __future__ import annotations

import math

import numpy as np


def _share_ties(g, x, y, axes):
    """g where x equals y, split evenly over the equal entries along axes; nan where x is nan."""
    tied = x == y
    count = tied.sum(axis=axes, keepdims=True, dtype=x.dtype)
    share = np.where(tied, g / np.maximum(count, 1), 0)
    # numpy 1 may have made a float64 of a float32 scalar g.
    return np.where(x != x, x, share).astype(x.dtype, copy=False)


def _mean_ties(h, x, y, axes):
    """The mean of h over the entries of x that equal y along axes, which stay with size 1; nan for a nan."""
    tied = x == y
    count = tied.sum(axis=axes, keepdims=True, dtype=x.dtype)
    mean = np.where(tied, h, 0).sum(axis=axes, keepdims=True) / np.maximum(count, 1)
    return np.where(y != y, y, mean)


def _deviation(x, axes):
    """x less its mean along axes, taken from a first element so that equal elements give exactly 0."""
    if x.size == 0:
        return x.copy()
    start = tuple(slice(0, 1) if i in axes or i - x.ndim in axes else slice(None) for i in range(x.ndim))
    d = x - x[start]
    return d - d.mean(axis=axes, keepdims=True)


def _row_sums(x, keepdims=False):
    """Sums along the last axis; of many short rows by a product with ones, several times as fast."""
    size = x.shape[-1]
    if size > 64 or x.size < 1024:
        return x.sum(axis=-1, keepdims=keepdims)
    return x @ np.ones((size, 1) if keepdims else size, x.dtype)


def _column_sums(x, keepdims=False):
    """Sums of the columns of a matrix; of many rows by a product with ones, several times as fast."""
    # Along memory numpy adds in pairs, which is more exact.
    if x.size < 1024 or x.shape[-1] == 1 or abs(x.strides[-2]) < abs(x.strides[-1]):
        return x.sum(axis=-2, keepdims=keepdims)
    rows = x.shape[-2]
    return np.ones((1, rows) if keepdims else rows, x.dtype) @ x


def _row_max(x, keepdims=False, **initial):
    """The maximum along the last axis; of many short rows by columns, several times as fast."""
    if x.shape[-1] > 32 or x.size < 1024:
        return x.max(axis=-1, keepdims=keepdims, **initial)
    top = x.reshape(-1, x.shape[-1]).T.copy().max(axis=0, **initial)
    return top.reshape((*x.shape[:-1], 1) if keepdims else x.shape[:-1])


def _top(x, axes):
    """The maximum along axes, which stay with size 1; -inf where there is nothing."""
    if axes in ((-1,), (x.ndim - 1,)):
        return _row_max(x, keepdims=True, initial=-np.inf)
    return x.max(axis=axes, keepdims=True, initial=-np.inf)


def _totals(x, axes):
    """Sums along axes, which stay with size 1."""
    if axes in ((-1,), (x.ndim - 1,)):
        return _row_sums(x, keepdims=True)
    return x.sum(axis=axes, keepdims=True)


def _exp_below(x, top):
    """exp(x - top), where top is no less than x: 1 where they are equal, 0 where both are -inf."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        e = np.exp(x - top)
        if math.isfinite(top.item() if top.size == 1 else top.sum()):
            return e
        return np.where(x == top, top > -np.inf, e)


def _shares(e, total):
    """e / total, for parts of a total."""
    with np.errstate(under="ignore"):
        return e / total


def _softmax(x, axes):
    """exp(x) over its sum along axes; zeros where all are -inf."""
    e = _exp_below(x, _top(x, axes))
    return _shares(e, np.maximum(_totals(e, axes), 1))


def _logsumexp(x, axes, keepdims=False):
    """log(sum(exp(x))) along axes."""
    top = _top(x, axes)
    total = _totals(_exp_below(x, top), axes)
    value = top + np.log(np.maximum(total, 1))
    return value if keepdims else value.squeeze(axes)[()]


def _shift(x, steps, axis, fill):
    """The elements moved along an axis, `fill` coming in."""
    out = np.full_like(x, fill)
    here, there = np.moveaxis(out, axis, 0), np.moveaxis(x, axis, 0)
    if steps > 0:
        here[steps:] = there[:-steps]
    else:
        here[:steps] = there[-steps:]
    return out


def _recurrence(a, b, axis, reverse):
    """r_k = a_k r_(k-1) + b_k along an axis, or from the end with r_(k+1)."""
    a, b = np.broadcast_arrays(a, b)
    out = b.copy()
    rows, factors = np.moveaxis(out, axis, 0), np.moveaxis(a, axis, 0)
    if reverse:
        rows, factors = rows[::-1], factors[::-1]
    for k in range(1, len(rows)):
        rows[k] += factors[k] * rows[k - 1]
    return out


def _products_of_others(x, axis):
    """For each element the product of all others along an axis, by running products from both ends."""
    before, after = np.ones_like(x), np.ones_like(x)
    rows, back = np.moveaxis(x, axis, 0), np.moveaxis(x, axis, 0)[::-1]
    np.cumprod(rows[:-1], axis=0, out=np.moveaxis(before, axis, 0)[1:])
    np.cumprod(back[:-1], axis=0, out=np.moveaxis(after, axis, 0)[::-1][1:])
    return before * after
