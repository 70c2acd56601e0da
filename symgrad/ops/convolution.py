"""Convolution and pooling over sliding windows, of images and of sequences.

Windows are laid out as columns, so that a convolution is one matrix product:
`w.reshape(o, c*kh*kw) @ columns`, with `columns` of shape (n, c*kh*kw, oh*ow).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import ShapeError, SpecError
from symgrad.node import Node
from symgrad.ops.borders import numpy_pad
from symgrad.ops.matmul import as_array, as_floats, matmat, vecmat, with_core
from symgrad.ops.structure import expand_dims
from symgrad.ops.windows import sliding_windows
from symgrad.shapes import Size, core, divide_exactly, floor_divide, product, shape_text
from symgrad.spelling import FUNCTIONS, METHODS, public, spelled


@public("conv2d")
def conv2d(
    x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Node:
    """Two-dimensional convolution (cross-correlation) of images.

    Parameters
    ----------
    x
        Images of shape (n, c, h, w), or one image (c, h, w).
    w, b
        Weights (o, c // groups, kh, kw) and, if any, a bias (o,).
    stride, dilation
        Steps between windows and between entries of a window; one number or a pair.
    padding
        Zeros around the image: a number, a pair, "valid" for none, "same" for a result of the image's size.
    groups
        Number of groups of channels that are convolved apart.

    Raises
    ------
    ShapeError
        Where channels, weights and bias do not fit together.
    SpecError
        For steps and paddings that mean nothing.
    """
    return _convolution("conv2d", 2, x, w, b, stride, padding, dilation, groups)


@public("conv1d")
def conv1d(
    x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Node:
    """One-dimensional convolution of sequences (n, c, l) with weights (o, c // groups, k), see `conv2d`."""
    return _convolution("conv1d", 1, x, w, b, stride, padding, dilation, groups)


def _convolution(
    what: str, count: int, x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Node:
    x, w = as_floats(as_array(x)), as_floats(as_array(w))
    _check(what, count, x, w, groups)
    steps = _each(what, "stride", stride, count)
    spread = _each(what, "dilation", dilation, count)
    out, _, *window = core(w.shape)
    x = _padded(x, _padding(what, padding, window, steps, spread))
    windows = sliding_windows(x, window=tuple(window), stride=steps, dilation=spread)
    lead, places = core(x.shape)[: -count - 1], core(windows.shape)[-count:]
    length = product(core(w.shape)[1:])
    if groups == 1:
        columns = with_core(windows, *lead, length, product(places))
        rows = with_core(w, out, length)
    else:
        columns = with_core(windows, *lead, groups, length, product(places))
        rows = with_core(w, groups, _share(what, "filters", out, groups), length)
    y = with_core(matmat(rows, columns), *lead, out, *places)
    if b is None:
        return y
    b = as_floats(as_array(b))
    if core(b.shape) != (out,):
        raise ShapeError(
            f"{what}: the bias has one entry a filter", expected=f"({out},)", got=shape_text(b.shape)
        )
    return y + expand_dims(b, axes=tuple(range(1, count + 1)))


def _check(what: str, count: int, x: Node, w: Node, groups: int) -> None:
    if w.rank != count + 2 or x.rank not in (count + 1, count + 2):
        axes = ("l",) if count == 1 else ("h", "w")
        raise ShapeError(
            f"{what}: wrong number of dimensions",
            expected=f"x (n, c, {', '.join(axes)}) and w (o, c, {', '.join('k' + a for a in axes)})",
            got=f"{shape_text(x.shape)} and {shape_text(w.shape)}",
        )
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise SpecError(f"{what}: groups must be a positive integer", got=repr(groups))
    channels = _share(what, "channels", core(x.shape)[-count - 1], groups)
    if channels != core(w.shape)[1]:
        raise ShapeError(
            f"{what}: channels of the input and of the weights differ: "
            f"{shape_text(x.shape)} with {shape_text(w.shape)}",
            expected=f"weights for {channels} channels",
            got=f"{core(w.shape)[1]}",
        )


def _share(what: str, of: str, size: Size, groups: int) -> Size:
    share = divide_exactly(size, groups)
    if share is None:
        raise ShapeError(f"{what}: {groups} groups do not divide {size} {of}")
    return share


def _each(what: str, name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """An integer for each axis, from one or from as many as there are axes."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    whole = all(isinstance(v, int) and not isinstance(v, bool) and v >= least for v in values)
    if len(values) != count or not whole:
        raise SpecError(
            f"{what}: {name}={value!r}",
            expected=f"an integer of at least {least}" + (f", or {count} of them" if count > 1 else ""),
        )
    return values


def _padding(
    what: str, padding: Any, window: list[Size], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> list[tuple[Size, Size]]:
    """Zeros before and after along each axis."""
    if padding == "valid":
        return [(0, 0)] * len(window)
    if padding == "same":
        if set(stride) != {1}:
            raise SpecError(f'{what}: padding="same" needs stride 1', got=f"stride={stride}")
        totals = [d * (k - 1) for k, d in zip(window, dilation)]
        return [(floor_divide(t, 2), t - floor_divide(t, 2)) for t in totals]
    if isinstance(padding, str):
        raise SpecError(f"{what}: padding={padding!r}", expected='a number, a pair, "same" or "valid"')
    return [(p, p) for p in _each(what, "padding", padding, len(window), least=0)]


def _padded(x: Node, borders: list[tuple[Size, Size]], value: float = 0) -> Node:
    """Borders along the last axes."""
    return numpy_pad(x, [(0, 0)] * (x.rank - len(borders)) + borders, constant_values=value)


# --- pooling ----------------------------------------------------------------------------------------


@public("max_pool2d")
def max_pool2d(x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Node:
    """Maximum over windows of the last two axes; ties in a window share its derivative evenly.

    `stride` is the window's size where it is not given. Padding never wins.
    """
    return _pooled("max_pool2d", np.max, x, size, stride, padding, dilation, float("-inf"))


@public("avg_pool2d")
def avg_pool2d(x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Node:
    """Mean over windows of the last two axes; zeros of the padding count.

    `stride` is the window's size where it is not given.
    """
    return _pooled("avg_pool2d", np.mean, x, size, stride, padding, dilation, 0)


@public("max_pool1d")
def max_pool1d(x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Node:
    """Maximum over windows of the last axis, see `max_pool2d`."""
    return _pooled("max_pool1d", np.max, x, size, stride, padding, dilation, float("-inf"))


@public("avg_pool1d")
def avg_pool1d(x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Node:
    """Mean over windows of the last axis, see `avg_pool2d`."""
    return _pooled("avg_pool1d", np.mean, x, size, stride, padding, dilation, 0)


def _pooled(
    what: str, function: Any, x: Any, size: Any, stride: Any, padding: Any, dilation: Any, border: float
) -> Node:
    x = as_floats(as_array(x))
    count = int(what[-2])
    if x.rank < count:
        raise ShapeError(
            f"{what}: wrong number of dimensions", expected=f"at least {count}", got=shape_text(x.shape)
        )
    window = _each(what, "size", size, count)
    steps = window if stride is None else _each(what, "stride", stride, count)
    spread = _each(what, "dilation", dilation, count)
    widths = _each(what, "padding", padding, count, least=0)
    if any(p > k // 2 for p, k in zip(widths, window)):
        raise SpecError(
            f"{what}: padding={padding!r}", expected="at most half of the window", got=f"size={size!r}"
        )
    x = _padded(x, [(p, p) for p in widths], border)
    windows = sliding_windows(x, window=window, stride=steps, dilation=spread)
    return FUNCTIONS[function](windows, axis=tuple(range(-2 * count, -count)))  # type: ignore[no-any-return]


# --- numpy's one-dimensional convolutions -----------------------------------------------------------


@spelled(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Node:
    """`np.convolve`; of dimensions that cannot be compared the first is taken for the longer one."""
    a, v = _vectors("np.convolve", a, v)
    if _shorter(a, v):
        a, v = v, a
    return _slid("np.convolve", a, METHODS["__getitem__"](v, slice(None, None, -1)), mode)


@spelled(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Node:
    """`np.correlate`; of dimensions that cannot be compared the first is taken for the longer one."""
    a, v = _vectors("np.correlate", a, v)
    if not _shorter(a, v):
        return _slid("np.correlate", a, v, mode)
    turned = _slid("np.correlate", v, a, mode)
    return METHODS["__getitem__"](turned, slice(None, None, -1))  # type: ignore[no-any-return]


def _vectors(what: str, a: Any, v: Any) -> tuple[Node, Node]:
    a, v = as_floats(as_array(a)), as_floats(as_array(v))
    if a.rank != 1 or v.rank != 1:
        raise ShapeError(
            f"{what}: expected two vectors", got=f"{shape_text(a.shape)} and {shape_text(v.shape)}"
        )
    return a, v


def _shorter(a: Node, v: Node) -> bool:
    difference = core(a.shape)[0] - core(v.shape)[0]
    return isinstance(difference, int) and difference < 0


def _slid(what: str, a: Node, v: Node, mode: Any) -> Node:
    """Products of v with the windows of a."""
    (size,) = core(v.shape)
    borders = {"valid": (0, 0), "same": (floor_divide(size, 2), size - floor_divide(size, 2) - 1)}
    borders["full"] = (size - 1, size - 1)
    if mode not in borders:
        raise SpecError(f"{what}: mode={mode!r}", expected='"full", "same" or "valid"')
    windows = sliding_windows(_padded(a, [borders[mode]]), window=(size,), stride=(1,), dilation=(1,))
    return vecmat(v, windows)
