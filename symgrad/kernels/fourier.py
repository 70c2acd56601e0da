"""Fourier transforms of real numbers, real and imaginary parts in two rows, and their transposes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _rfft(x: NDArray[Any]) -> NDArray[Any]:
    """Real and imaginary parts of the first half of the spectrum, in two rows."""
    z = np.fft.rfft(x)
    return np.stack([z.real, z.imag], axis=-2).astype(x.dtype, copy=False)


def _irfft(z: NDArray[Any], n: int) -> NDArray[Any]:
    """The n real numbers whose spectrum has these real and imaginary parts."""
    return np.fft.irfft(z[..., 0, :] + 1j * z[..., 1, :], n).astype(z.dtype, copy=False)


def _spectral_weights(n: int, dtype: Any) -> NDArray[Any]:
    """How often each frequency of the first half occurs in the whole spectrum of n numbers: once or twice."""
    weights = np.full(n // 2 + 1, 2, dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights


def _rfft_transposed(z: NDArray[Any], n: int) -> NDArray[Any]:
    """The transpose of `_rfft` of n numbers."""
    return n * _irfft(z / _spectral_weights(n, z.dtype), n)


def _irfft_transposed(x: NDArray[Any]) -> NDArray[Any]:
    """The transpose of `_irfft`."""
    n = x.shape[-1]
    result: NDArray[Any] = _rfft(x) * (_spectral_weights(n, x.dtype) / n)
    return result


def _dft(z: NDArray[Any], inverse: bool) -> NDArray[Any]:
    """The Fourier transform of complex numbers, their parts in two rows; the inverse is not scaled."""
    w = z[..., 0, :] + 1j * z[..., 1, :]
    y = np.fft.ifft(w, norm="forward") if inverse else np.fft.fft(w)
    return np.stack([y.real, y.imag], axis=-2).astype(z.dtype, copy=False)
