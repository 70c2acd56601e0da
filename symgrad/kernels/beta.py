"""The beta function and its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.kernels.gamma import _gammaln, _stirling_rest
from symgrad.kernels.real import _in_double


def _betaln(a: Any, b: Any) -> Any:
    """log(abs(beta(a, b))); for a large argument without the difference of large logarithms."""

    def value(a: Any, b: Any) -> Any:
        small, large = np.minimum(a, b), np.maximum(a, b)
        plain = _gammaln(small) + (_gammaln(large) - _gammaln(small + large))
        # Stirling's series for both large terms, their leading parts taken together (as A. R. Didonato,
        # A. H. Morris, ACM TOMS 18 (1992) do).
        p, q = np.maximum(small, 1e-300), np.clip(large, 10.0, 1e300)
        rest = _stirling_rest(q) - _stirling_rest(np.minimum(p + q, 1e300))
        one = _gammaln(p) + (p - p * np.log(p + q)) - (q - 0.5) * np.log1p(p / q) + rest
        p = np.maximum(p, 10.0)
        shared = p * np.log1p(q / p) + (q - 0.5) * np.log1p(p / q)
        both = (0.5 + _stirling_rest(np.minimum(p, 1e300)) + rest) - 0.5 * np.log(p) - shared
        return np.where((small > 0) & (large >= 10), np.where(small < 10, one, both), plain)

    return _in_double(value, a, b)
