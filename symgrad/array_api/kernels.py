"""Helpers of generated modules, written in the array API standard: twins of those in `symgrad.kernels`.

Each has the name and the parameters of its numpy twin, so that only `np` has to be translated in what calls
them. Nothing here writes to an array: some libraries, such as jax, have arrays that cannot be written to.
"""

from __future__ import annotations

import itertools
import math


class _Keys:
    """`_at[1:, 0]` is the key itself."""

    def __getitem__(self, key):
        return key


_at = _Keys()


def _namespace(*values):
    """The namespace of the arrays among the values, and the device they are on.

    Arrays that do not name their namespace are of a library that array_api_compat knows, or of numpy.
    """
    for value in values:
        if hasattr(value, "__array_namespace__"):
            return value.__array_namespace__(), getattr(value, "device", None)
    for value in values:
        library = type(value).__module__.partition(".")[0]
        if hasattr(value, "shape") and library != "numpy":
            try:
                import array_api_compat
            except ImportError:
                raise TypeError(
                    f"arrays of {library} need array_api_compat, which is not installed"
                ) from None
            return array_api_compat.array_namespace(value), array_api_compat.device(value)
    import numpy as np

    return np, None


def _floats(names, values, only=None):
    """Arrays of one real floating type: the widest among the arrays, the default where there is none."""
    xp, device = _namespace(*values)
    found = []
    for name, value in zip(names, values):
        if not hasattr(value, "dtype"):
            value = xp.asarray(value, device=device)
        elif type(value).__module__ == "numpy" and xp.__name__.partition(".")[0] != "numpy":
            value = xp.asarray(value.tolist(), device=device)
        if not xp.isdtype(value.dtype, ("real floating", "integral", "bool")):
            raise TypeError(f"{name}: expected real numbers, got dtype {value.dtype}")
        found.append(value)
    arrays = [a for a, value in zip(found, values) if hasattr(value, "dtype")]
    given = [a.dtype for a in arrays if xp.isdtype(a.dtype, "real floating")]
    dtype = xp.result_type(*given) if given else xp.asarray(0.0, device=device).dtype
    return [a if a.dtype == dtype else xp.astype(a, dtype) for a in found], dtype


def _elementwise(names, values, only=None):
    """The same for elementwise arguments alone, with their common shape."""
    arrays, dtype = _floats(names, values, only)
    return arrays, dtype, _batch_shape(names, [array.shape for array in arrays])


def _integers(name, value):
    """The value as an int64 array."""
    xp, device = _namespace(value)
    array = value if hasattr(value, "dtype") else xp.asarray(value, device=device)
    if not xp.isdtype(array.dtype, ("integral", "bool")):
        raise TypeError(f"{name}: expected integers, got dtype {array.dtype}")
    return xp.astype(array, xp.asarray(0, dtype=xp.int64, device=device).dtype)


def _booleans(name, value):
    """The value as a bool array."""
    xp, device = _namespace(value)
    array = value if hasattr(value, "dtype") else xp.asarray(value, device=device)
    if not xp.isdtype(array.dtype, "bool"):
        raise TypeError(f"{name}: expected booleans, got dtype {array.dtype}")
    return array


def _shape_error(name, array, expected, /, **sizes):
    """The error for an argument of the wrong shape."""
    where = ", ".join(f"{key} = {size}" for key, size in sizes.items())
    known = f" with {where}" if where else ""
    return ValueError(f"{name}: expected shape {expected}{known}, got {tuple(array.shape)}")


def _batch_shape(names, shapes):
    """The common shape of elementwise arguments."""
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    common = tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*padded))
    if any(size not in (1, wanted) for shape in padded for size, wanted in zip(shape, common)):
        listed = ", ".join(f"{name} {tuple(shape)}" for name, shape in zip(names, shapes))
        raise ValueError(f"expected shapes that broadcast together, got {listed}")
    return common


def _array(value, dtype, xp, device):
    """A number, or an array, as an array of that dtype in memory of its own."""
    if hasattr(value, "dtype"):
        return xp.astype(value, dtype, copy=True)
    return xp.asarray(value, dtype=dtype, device=device)


def _stacked(values, dtype, xp, device):
    """Scalars, some of which may be Python numbers, in nested lists, as one array."""
    if isinstance(values, (list, tuple)):
        return xp.stack([_stacked(value, dtype, xp, device) for value in values])
    return _array(values, dtype, xp, device)


def _filled(value, shape, dtype, xp, device):
    """An array of one value, which may be a number or a scalar array."""
    return xp.zeros(shape, dtype=dtype, device=device) + value


def _full(value, shape, dtype):
    """An elementwise result in the full shape of the arguments, in memory of its own."""
    xp, device = _namespace(value)
    return xp.asarray(xp.broadcast_to(_array(value, dtype, xp, device), shape), copy=True)


def _set_at(x, key, value):
    """x with the value at the key."""
    xp, _ = _namespace(x)
    if hasattr(x, "at"):
        return x.at[key].set(value)
    x = xp.asarray(x, copy=True)
    x[key] = value
    return x


def _add_at(x, key, value):
    """x with the value added at the key."""
    return _set_at(x, key, x[key] + value)


def _set_at_diagonal(x, key, value):
    """x with the value on the diagonal of the square matrix at the key."""
    xp, device = _namespace(x)
    part = x[key]
    here = xp.eye(part.shape[0], dtype=xp.int64, device=device) > 0
    return _set_at(x, key, xp.where(here, value, part))


def _add_at_diagonal(x, key, value):
    """x with the value added on the diagonal of the square matrix at the key."""
    xp, device = _namespace(x)
    return _add_at(x, key, xp.eye(x[key].shape[0], dtype=x.dtype, device=device) * value)


def _place(value, key, shape):
    """The value in its place in an array of zeros."""
    xp, device = _namespace(value)
    return _set_at(xp.zeros(shape, dtype=value.dtype, device=device), key, value)


def _reshape_core(x, rank, shape):
    """The last `rank` axes in another shape, whatever is in front of them."""
    xp, _ = _namespace(x)
    return xp.reshape(x, tuple(x.shape[: x.ndim - rank]) + shape)


def _transpose_core(x, axes):
    """The last axes in another order, whatever is in front of them."""
    xp, _ = _namespace(x)
    first = x.ndim - len(axes)
    return xp.permute_dims(x, (*range(first), *(first + axis for axis in axes)))


def _expect_shape(x, shape):
    """x, once its last dimensions are as the generator took them to be: a slice can come out short."""
    if tuple(x.shape[x.ndim - len(shape) :]) != shape:
        raise ValueError(f"slice of an array that is too short: expected shape {shape}, got {tuple(x.shape)}")
    return x


def _gather(x, index, axis):
    """The elements of x at the indices along an axis, counted from the end where negative."""
    xp, _ = _namespace(x)
    axis = axis % x.ndim
    if isinstance(index, int):  # the counter of a loop
        return x[(*[slice(None)] * axis, index, ...)]
    flat = xp.reshape(xp.where(index < 0, index + x.shape[axis], index), (-1,))
    shape = tuple(x.shape)
    return xp.reshape(xp.take(x, flat, axis=axis), shape[:axis] + tuple(index.shape) + shape[axis + 1 :])


def _one_hot(index, size):
    """True at the place that each index names along a new last axis, counted from the end where negative."""
    xp, device = _namespace(index)
    return xp.where(index < 0, index + size, index)[..., None] == xp.arange(size, device=device)


def _add_along_axis(values, index, axis, size):
    """Values added into zeros along an axis, each row at the places of its own indices."""
    xp, _ = _namespace(values)
    rows, places = xp.moveaxis(values, axis, -1), _one_hot(xp.moveaxis(index, axis, -1), size)
    spread = xp.where(places, rows[..., None], 0.0)
    return xp.moveaxis(xp.sum(spread, axis=-2), -1, axis)


def _scatter_add(values, index, axis, size):
    """Values added into zeros along an axis: those at place p of the index go to index[p]."""
    xp, _ = _namespace(values)
    axis = axis % (values.ndim - index.ndim + 1)
    rows = xp.moveaxis(values, tuple(range(axis, axis + index.ndim)), tuple(range(index.ndim)))
    rest = tuple(rows.shape[index.ndim :])
    count, width = math.prod(index.shape), math.prod(rest)
    places = xp.astype(_one_hot(xp.reshape(index, (count,)), size), values.dtype)
    added = xp.matmul(places.T, xp.reshape(rows, (count, width)))
    return xp.moveaxis(xp.reshape(added, (size, *rest)), 0, axis)


def _masked(mask, x):
    """x where the mask holds and 0 elsewhere."""
    xp, _ = _namespace(x)
    return xp.where(mask, x, 0.0)


def _decay(x):
    """exp(-|x|), which the logistic function and its integral are made of."""
    xp, _ = _namespace(x)
    return xp.exp(-xp.abs(x))


def _sigmoid(x):
    """1 / (1 + exp(-x)), with a small relative error on both sides and without overflow."""
    xp, _ = _namespace(x)
    e = _decay(x)
    return xp.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _softplus(x):
    """log(1 + exp(x)), without overflow."""
    xp, _ = _namespace(x)
    return xp.where(x > 0, x, 0.0) + xp.log1p(_decay(x))


def _logaddexp(a, b):
    """log(exp(a) + exp(b)), without overflow."""
    xp, device = _namespace(a, b)
    dtype = a.dtype if hasattr(a, "dtype") else b.dtype
    return xp.logaddexp(_array(a, dtype, xp, device), _array(b, dtype, xp, device))


def _hypot(a, b):
    """sqrt(a^2 + b^2), without overflow."""
    xp, device = _namespace(a, b)
    dtype = a.dtype if hasattr(a, "dtype") else b.dtype
    return xp.hypot(_array(a, dtype, xp, device), _array(b, dtype, xp, device))


def _elu(x, alpha):
    """x where it is positive, alpha (exp(x) - 1) elsewhere."""
    xp, _ = _namespace(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.where(x < 0, x, 0.0)))


def _squares_difference(a, b):
    """a^2 - b^2."""
    return (a - b) * (a + b)


def _divide_or_zero(a, b):
    """The quotient a / b, and 0 where b is 0."""
    xp, _ = _namespace(a, b)
    return xp.where(b == 0, 0.0, a / xp.where(b == 0, 1.0, b))


def _top(x, axes):
    """The maximum along axes, which stay with size 1; -inf where there is nothing."""
    xp, device = _namespace(x)
    axes = tuple(axis % x.ndim for axis in axes)
    if all(x.shape[axis] for axis in axes):
        return xp.max(x, axis=axes, keepdims=True)
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    return xp.full(shape, -xp.inf, dtype=x.dtype, device=device)


def _exp_below(x, top):
    """exp(x - top), where top is no less than x: 1 where they are equal, 0 where both are -inf."""
    xp, _ = _namespace(x)
    equal = x == top
    e = xp.exp(xp.where(equal, 0.0, x - top))
    return xp.where(equal & (top == -xp.inf), 0.0, e)


def _shares(e, total):
    """e / total, for parts of a total."""
    return e / total


def _softmax(x, axes):
    """exp(x) over its sum along axes; zeros where all are -inf."""
    xp, _ = _namespace(x)
    e = _exp_below(x, _top(x, axes))
    total = xp.sum(e, axis=axes, keepdims=True)
    return e / xp.where(total > 1, total, 1.0)


def _logsumexp(x, axes, keepdims=False):
    """log(sum(exp(x))) along axes."""
    xp, _ = _namespace(x)
    top = _top(x, axes)
    total = xp.sum(_exp_below(x, top), axis=axes, keepdims=True)
    value = top + xp.log(xp.where(total > 1, total, 1.0))
    return value if keepdims else xp.squeeze(value, axis=axes)


def _share_ties(g, x, y, axes):
    """g where x equals y, split evenly over the equal entries along axes; nan where x is nan."""
    xp, _ = _namespace(x)
    tied = x == y
    count = xp.sum(xp.astype(tied, x.dtype), axis=axes, keepdims=True)
    return xp.where(x != x, x, xp.where(tied, g / xp.where(count > 1, count, 1.0), 0.0))


def _deviation(x, axes):
    """x less its mean along axes, taken from a first element so that equal elements give exactly 0."""
    xp, _ = _namespace(x)
    if 0 in x.shape:
        return xp.asarray(x, copy=True)
    start = tuple(slice(0, 1) if i in axes or i - x.ndim in axes else slice(None) for i in range(x.ndim))
    d = x - x[start]
    return d - xp.mean(d, axis=axes, keepdims=True)


def _steps(step, count):
    """One step for each axis."""
    return (step,) * count if isinstance(step, int) else tuple(step)


def _windows(x, window, stride=1, dilation=1):
    """Windows over the last axes: axes of offsets within the window, then axes of positions."""
    xp, _ = _namespace(x)
    count = len(window)
    stride, dilation = _steps(stride, count), _steps(dilation, count)
    sizes = [n - d * (k - 1) for n, d, k in zip(x.shape[x.ndim - count :], dilation, window)]
    taken = []
    for offset in itertools.product(*map(range, window)):
        starts = [o * d for o, d in zip(offset, dilation)]
        taken.append(x[(..., *(slice(o, o + n, s) for o, n, s in zip(starts, sizes, stride)))])
    stack = xp.stack(taken, axis=-count - 1)
    head, tail = tuple(stack.shape[: stack.ndim - count - 1]), tuple(stack.shape[stack.ndim - count :])
    return xp.reshape(stack, head + tuple(window) + tail)


def _fold_windows(windows, sizes, stride=1, dilation=1):
    """Add windows up where they were taken from: the transpose of `_windows`."""
    xp, device = _namespace(windows)
    count = len(sizes)
    stride, dilation = _steps(stride, count), _steps(dilation, count)
    shape = tuple(windows.shape)
    offsets, positions = shape[len(shape) - 2 * count : len(shape) - count], shape[len(shape) - count :]
    result = xp.zeros(shape[: len(shape) - 2 * count] + tuple(sizes), dtype=windows.dtype, device=device)
    for offset in itertools.product(*map(range, offsets)):
        starts = [o * d for o, d in zip(offset, dilation)]
        place = (
            ...,
            *(slice(o, max(o, o + s * (n - 1) + 1), s) for o, s, n in zip(starts, stride, positions)),
        )
        result = _add_at(result, place, windows[(..., *offset, *(slice(None),) * count)])
    return result


def _pad_core(x, widths, value=0):
    """Constant borders along the last axes, whatever is in front of them."""
    xp, device = _namespace(x)
    widths = ((0, 0),) * (x.ndim - len(widths)) + tuple(widths)
    for axis, (before, after) in enumerate(widths):
        parts = [x]
        for width, place in ((before, 0), (after, 1)):
            if width:
                shape = tuple(width if i == axis else size for i, size in enumerate(x.shape))
                parts.insert(place * len(parts), xp.full(shape, value, dtype=x.dtype, device=device))
        x = xp.concat(parts, axis=axis) if len(parts) > 1 else x
    return x


def _einsum(pattern, a, b):
    """A contraction of two arrays without `...`, as one product of stacks of matrices."""
    xp, _ = _namespace(a)
    inputs, out = pattern.split("->")
    left, right = inputs.split(",")
    sizes = {**dict(zip(left, a.shape)), **dict(zip(right, b.shape))}
    for own, other in ((left, right), (right, left)):
        alone = tuple(i for i, letter in enumerate(own) if letter not in other and letter not in out)
        if alone and own is left:
            a, left = xp.sum(a, axis=alone), "".join(c for i, c in enumerate(own) if i not in alone)
        elif alone:
            b, right = xp.sum(b, axis=alone), "".join(c for i, c in enumerate(own) if i not in alone)
    stack = [c for c in left if c in right and c in out]
    inner = [c for c in left if c in right and c not in out]
    rows, columns = [c for c in left if c not in right], [c for c in right if c not in left]

    def matrix(x, letters, wanted, first, second):
        x = xp.permute_dims(x, tuple(letters.index(c) for c in wanted))
        shape = [sizes[c] for c in stack]
        return xp.reshape(
            x, (*shape, math.prod(sizes[c] for c in first), math.prod(sizes[c] for c in second))
        )

    a = matrix(a, left, stack + rows + inner, rows, inner)
    b = matrix(b, right, stack + inner + columns, inner, columns)
    product = xp.reshape(a @ b, tuple(sizes[c] for c in stack + rows + columns))
    return xp.permute_dims(product, tuple((stack + rows + columns).index(c) for c in out))
