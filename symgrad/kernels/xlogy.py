"""Products with a logarithm that are 0 where the other factor is 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.kernels.real import _in_double


def _unless_zero(x: Any, y: Any, value: Any) -> Any:
    """The value, but 0 where x is 0 and y is a number."""
    return np.where((x == 0) & (y == y), 0.0, value)


def _xlogy(x: Any, y: Any) -> Any:
    """x log(y), and 0 where x is 0."""
    return _in_double(lambda x, y: _unless_zero(x, y, x * np.log(y)), x, y)


def _xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), and 0 where x is 0."""
    return _in_double(lambda x, y: _unless_zero(x, y, x * np.log1p(y)), x, y)


def _xdivy(x: Any, y: Any) -> Any:
    """x / y, and 0 where x is 0."""
    return _in_double(lambda x, y: _unless_zero(x, y, x / y), x, y)


def _entr(x: Any) -> Any:
    """-x log(x); 0 at 0, -inf below."""
    return _in_double(
        lambda x: np.where(x < 0, -np.inf, _unless_zero(x, x, -x * np.log(np.where(x < 0, np.nan, x)))), x
    )
