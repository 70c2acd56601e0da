"""`np.fft`, whose results are pairs of real arrays until they are made real again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from symgrad.errors import TraceError
from symgrad.node import Node, lift
from symgrad.ops.complexes import Complex, parts
from symgrad.ops.fourier import dft, irfft, resized, rfft, size_of
from symgrad.ops.join import along, stack_
from symgrad.ops.matmul import as_floats
from symgrad.ops.structure import broadcast_up, normalize_axes, normalize_axis, permute
from symgrad.shapes import Size, core, floor_divide
from symgrad.spelling import FUNCTIONS, spelled

Builder = TypeVar("Builder", bound=Callable[..., Any])

NORMS = ("backward", "ortho", "forward")
#: The norm of the transform in the other direction that scales alike.
_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _offered(*functions: Any) -> Callable[[Builder], Builder]:
    def decorate(builder: Builder) -> Builder:
        builder.takes_complex = True  # type: ignore[attr-defined]
        return spelled(*functions)(builder)

    return decorate


def _pair(x: Any) -> tuple[Node, Node]:
    re, im = parts(x)
    re = as_floats(re)
    return re, broadcast_up(lift(0.0), re.shape) if im is None else im


def _moved(x: Node, axis: int, back: bool = False) -> Node:
    """The axis last, or the last axis back in its place."""
    order = [i for i in range(x.rank) if i != axis] + [axis]
    return permute(x, [order.index(i) for i in range(x.rank)] if back else order)


def _scale(what: str, size: Size, norm: Any, inverse: bool) -> Node | None:
    """What the unscaled transform is multiplied by; None for nothing."""
    if norm not in (None, *NORMS):
        raise TraceError(f"{what}: norm={norm!r} is unknown", expected=", ".join(map(repr, NORMS)))
    if norm == "ortho":
        root: Node = FUNCTIONS[np.sqrt](lift(size))
        return lift(1) / root
    scaled = norm in (None, "backward") if inverse else norm == "forward"
    return lift(1) / lift(size) if scaled else None


def _along(what: str, x: Any, n: Any, axis: Any, norm: Any, inverse: bool) -> Complex:
    """The whole transform of complex numbers along an axis."""
    re, im = _pair(x)
    position = normalize_axis(what, axis, re.rank, re.shape)
    rows = [_moved(part, position) for part in (re, im)]
    if n is not None:
        rows = [resized(part, size_of(what, n)) for part in rows]
    z = dft(stack_(*rows, axis=rows[0].rank - 1), inverse=inverse)
    factor = _scale(what, z.shape[-1], norm, inverse)
    found = [along(z, i, z.rank - 2) for i in (0, 1)]
    return Complex(*[_moved(part if factor is None else part * factor, position, True) for part in found])


@_offered(np.fft.fft)
def fft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Complex:
    """`np.fft.fft`."""
    return _along("np.fft.fft", a, n, axis, norm, False)


@_offered(np.fft.ifft)
def ifft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Complex:
    """`np.fft.ifft`."""
    return _along("np.fft.ifft", a, n, axis, norm, True)


@_offered(np.fft.rfft)
def numpy_rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Complex:
    """`np.fft.rfft`, of real numbers."""
    what = "np.fft.rfft"
    if isinstance(a, Complex):
        raise TraceError(f"{what} takes real numbers", hint="np.fft.fft")
    x, _ = _pair(a)
    position = normalize_axis(what, axis, x.rank, x.shape)
    x = _moved(x, position)
    x = x if n is None else resized(x, size_of(what, n))
    factor = _scale(what, core(x.shape)[-1], norm, False)
    z = rfft(x)
    found = [along(z, i, z.rank - 2) for i in (0, 1)]
    return Complex(*[_moved(part if factor is None else part * factor, position, True) for part in found])


@_offered(np.fft.irfft)
def numpy_irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Node:
    """`np.fft.irfft`: back to real numbers, by default an even number of them."""
    what = "np.fft.irfft"
    re, im = _pair(a)
    position = normalize_axis(what, axis, re.rank, re.shape)
    size = (core(re.shape)[position] - 1) * 2 if n is None else size_of(what, n)
    rows = [resized(_moved(part, position), floor_divide(size, 2) + 1) for part in (re, im)]
    y = irfft(stack_(*rows, axis=rows[0].rank - 1), size=size)
    if norm == "ortho":
        y = y * FUNCTIONS[np.sqrt](lift(size))
    elif norm == "forward":
        y = y * lift(size)
    else:
        _scale(what, size, norm, True)
    return _moved(y, position, True)


@_offered(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Node:
    """`np.fft.hfft`."""
    re, im = _pair(a)
    return numpy_irfft(Complex(re, -im), n, axis, _SWAPPED.get(norm, norm))


@_offered(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Complex:
    """`np.fft.ihfft`."""
    z = numpy_rfft(a, n, axis, _SWAPPED.get(norm, norm))
    return Complex(z.re, -z.im)


# --- several axes -------------------------------------------------------------------------------------


def _axes(what: str, x: Any, s: Any, axes: Any) -> list[tuple[int, Any]]:
    """Axes, each with the size that is asked for or None, the last to be transformed first at the end."""
    re, _ = parts(x)
    if axes is None:
        axes = range(re.rank) if s is None else range(re.rank - len(s), re.rank)
    chosen = normalize_axes(what, tuple(axes), re.rank, re.shape)
    sizes = [None] * len(chosen) if s is None else list(s)
    if len(sizes) != len(chosen):
        raise TraceError(f"{what}: s and axes differ in length", got=f"{s} and {axes}")
    return [
        (axis, None if isinstance(size, int) and size == -1 else size) for axis, size in zip(chosen, sizes)
    ]


def _whole(what: str, inverse: bool, default: Any) -> Callable[..., Complex]:
    def builder(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None) -> Complex:
        for axis, size in reversed(_axes(what, a, s, axes)):
            a = _along(what, a, size, axis, norm, inverse)
        return a  # type: ignore[no-any-return]

    return builder


def _half(what: str, default: Any) -> Callable[..., Complex]:
    def builder(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None) -> Complex:
        *others, (last, size) = _axes(what, a, s, axes)
        z = numpy_rfft(a, size, last, norm)
        for axis, count in reversed(others):
            z = _along(what, z, count, axis, norm, False)
        return z

    return builder


def _back(what: str, default: Any) -> Callable[..., Node]:
    def builder(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None) -> Node:
        *others, (last, size) = _axes(what, a, s, axes)
        for axis, count in others:
            a = _along(what, a, count, axis, norm, True)
        return numpy_irfft(a, size, last, norm)

    return builder


for _suffix, _default in (("2", (-2, -1)), ("n", None)):
    for _name, _made in (
        (f"fft{_suffix}", _whole(f"np.fft.fft{_suffix}", False, _default)),
        (f"ifft{_suffix}", _whole(f"np.fft.ifft{_suffix}", True, _default)),
        (f"rfft{_suffix}", _half(f"np.fft.rfft{_suffix}", _default)),
        (f"irfft{_suffix}", _back(f"np.fft.irfft{_suffix}", _default)),
    ):
        _made.__name__ = _name
        _offered(getattr(np.fft, _name))(_made)
