"""What the special functions share: double precision inside, one formula for each part of the axis."""

from __future__ import annotations

import numpy as np


def _in_double(function, *operands):
    """A function of flat float64 arrays at operands of any shape; the result in the operands' dtype.

    No operation inside warns: terms that underflow, and parts that are not chosen, are meant to be there.
    """
    # Python numbers have no say in the dtype; numpy before 2 would let them, beside a scalar.
    dtype = np.result_type(*[x for x in operands if hasattr(x, "dtype")] or [np.float64])
    with np.errstate(all="ignore"):
        arrays = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in operands])
        result = function(*[x.ravel() for x in arrays]).reshape(arrays[0].shape)
        return result.astype(dtype if dtype.kind == "f" else np.float64, copy=False)[()]


def _in_parts(x, ends, *functions):
    """functions[0] below ends[0], then functions[1] below ends[1], and so on; the last has nan as well."""
    out = np.empty_like(x)
    part = np.searchsorted(ends, x, side="right")
    for number, function in enumerate(functions):
        here = part == number
        if here.all():
            return np.asarray(function(x))
        if here.any():
            out[here] = function(x[here])
    return out


def _polynomial(x, coefficients):
    """The polynomial with these coefficients, highest power first."""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total


def _ratio(x, above, below):
    """The quotient of two polynomials."""
    return _polynomial(x, above) / _polynomial(x, below)
