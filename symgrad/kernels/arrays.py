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


def _check_range(index, size):
    """Raise IndexError for an index that an axis of that size does not have."""
    if index.size and (index.min() < -size or index.max() >= size):
        raise IndexError(f"index out of range for size {size}: from {index.min()} to {index.max()}")


def _scatter_add(values, index, axis, size):
    """Values added into zeros along an axis: those at place p of the index go to index[p]."""
    _check_range(index, size)
    axis = axis % (values.ndim - index.ndim + 1)
    before = values.shape[:axis]
    after = values.shape[axis + index.ndim :]
    count = index.size
    if values.dtype.kind == "f" and values.size <= 16 * count and 256 <= count >= size // 4:
        # Few numbers for each index: column by column, in the order of the index as well.
        flat = index.ravel()
        flat = flat % size if flat.min() < 0 else flat
        columns = np.moveaxis(values.reshape((*before, count, *after)), axis, -1)
        sums = [np.bincount(flat, column, size) for column in columns.reshape(-1, count)]
        out = np.array(sums, values.dtype).reshape((*before, *after, size))
        return np.moveaxis(out, -1, axis)
    # Rows of one index together, flat: the fast path of np.add.at is for one dimension.
    rows = np.moveaxis(values.reshape((*before, index.size, *after)), axis, 0)
    width = rows[:1].size if index.size else 0
    places = index.reshape(-1, 1) % max(size, 1) * width + np.arange(width)
    out = np.zeros((size, *before, *after), values.dtype)
    np.add.at(out.reshape(-1), places.ravel(), np.ascontiguousarray(rows).ravel())
    return np.moveaxis(out, 0, axis)


def _scatter_add_nd(values, indices, axis, sizes):
    """Values added into zeros along consecutive axes, at the places that several indices name together."""
    indices = np.broadcast_arrays(*indices)
    flat = np.zeros(indices[0].shape, np.int64)
    for index, size in zip(indices, sizes):
        _check_range(index, size)
        flat = flat * size + index % max(size, 1)
    axis = axis if axis >= 0 else axis + len(sizes) - 1
    out = _scatter_add(values, flat, axis, int(np.prod(sizes)))
    axis = axis % out.ndim
    return out.reshape(out.shape[:axis] + tuple(sizes) + out.shape[axis + 1 :])


def _add_along_axis(values, index, axis, size):
    """Values added into zeros along an axis, each row at the places of its own indices."""
    _check_range(index, size)
    rows = np.moveaxis(values, axis, -1)
    places = np.moveaxis(index, axis, -1) % max(size, 1)
    out = np.zeros((*rows.shape[:-1], size), values.dtype)
    lines = rows.shape[:-1]
    starts = np.arange(int(np.prod(lines))).reshape((*lines, 1)) * size
    np.add.at(out.reshape(-1), (places + starts).ravel(), np.ascontiguousarray(rows).ravel())
    return np.moveaxis(out, -1, axis)


def _place_diagonal(v, offset, rows, columns):
    """Matrices of zeros with v on the diagonal `offset` above the main one."""
    out = np.zeros((*v.shape[:-1], rows, columns), v.dtype)
    i = np.arange(v.shape[-1])
    out[..., i + max(-offset, 0), i + max(offset, 0)] = v
    return out


def _positions(index, size):
    """Indices counted from the start of an axis of that size."""
    _check_range(index, size)
    return np.where(index < 0, index + size, index)
