"""Windows that slide over the last axes of an array, and their sum back in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _windows(x: NDArray[Any], window: tuple[int, ...], stride: Any = 1, dilation: Any = 1) -> NDArray[Any]:
    """Windows over the last axes, as a view: axes of offsets within the window, then axes of positions."""
    count = len(window)
    stride, dilation = (tuple(np.broadcast_to(step, count).tolist()) for step in (stride, dilation))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation))
    last = tuple(range(-count, 0))
    view: NDArray[Any] = np.lib.stride_tricks.sliding_window_view(x, spans, axis=last)
    every: tuple[Any, ...] = (..., *(slice(None, None, step) for step in stride + dilation))
    view = view[every]
    return np.moveaxis(view, last, tuple(range(-2 * count, -count)))


def _fold_windows(
    windows: NDArray[Any], sizes: tuple[int, ...], stride: Any = 1, dilation: Any = 1
) -> NDArray[Any]:
    """Add windows up where they were taken from: the transpose of `_windows`."""
    count = len(sizes)
    stride, dilation = (tuple(np.broadcast_to(step, count).tolist()) for step in (stride, dilation))
    offsets = windows.shape[windows.ndim - 2 * count : windows.ndim - count]
    positions = windows.shape[windows.ndim - count :]
    result = np.zeros(windows.shape[: windows.ndim - 2 * count] + tuple(sizes), windows.dtype)
    for offset in np.ndindex(*offsets):
        starts = (o * d for o, d in zip(offset, dilation))
        slices = (slice(o, o + s * n, s) for o, s, n in zip(starts, stride, positions))
        place: tuple[Any, ...] = (..., *slices)
        taken: tuple[Any, ...] = (..., *offset, *(slice(None),) * count)
        result[place] += windows[taken]
    return result


def _pad_core(x: NDArray[Any], widths: tuple[tuple[int, int], ...], value: float = 0) -> NDArray[Any]:
    """Constant borders along the last axes, whatever is in front of them."""
    return np.pad(x, ((0, 0),) * (x.ndim - len(widths)) + widths, constant_values=value)
