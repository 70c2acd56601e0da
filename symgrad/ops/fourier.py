"""Fourier transforms between real numbers and the real and imaginary parts of half a spectrum.

np.fft returns complex numbers, which `symgrad/ops/fft.py` makes of these; `sg.rfft` returns their real and
imaginary parts. All transforms are along the last axis. They are linear, so the adjoint of each is its
transpose, and that of the transpose is the transform again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import transform
from symgrad.node import Node, Op, floats, op
from symgrad.ops.join import along, section, stack_
from symgrad.ops.matmul import as_array, as_floats
from symgrad.ops.structure import normalize_axes
from symgrad.shapes import Dim, Shape, Size, core, floor_divide, shape_text
from symgrad.spelling import FUNCTIONS, public, spelled
from symgrad.text import Environment, Text, helper


def _half(size: Size) -> Size:
    """Number of frequencies of that many real numbers."""
    return floor_divide(size, 2) + 1


def _spectrum_shape(what: str) -> Any:
    def rule(x: Node) -> Shape:
        if x.rank < 1 or x.shape[-1] == 0:
            raise ShapeError(f"{what}: expected numbers along a last axis", got=shape_text(x.shape))
        return (*x.shape[:-1], 2, _half(x.shape[-1]))

    return rule


def _signal_shape(what: str) -> Any:
    def rule(z: Node, size: Size) -> Shape:
        wanted = (2, _half(size))
        if z.rank < 2 or z.shape[-2:] != wanted:
            raise ShapeError(
                f"{what}: {size} numbers have another number of frequencies",
                expected=f"{wanted[1]}",
                got=f"shape {shape_text(z.shape)}",
            )
        return (*z.shape[:-2], size)

    return rule


def _signal_text(name: str) -> Any:
    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        return Text(f"{env.helper(name)}({operands[0].source}, {env.dim(node.size)})")

    return form


def _waves(m: Any, n: int) -> tuple[Any, Any]:
    """Cosines and sines of 2 pi j k / n, by number j and frequency k of the first half."""
    if n < 1:
        raise ValueError(f"invalid number of data points ({n})")
    parts = []
    for wave, quarters in (
        (lambda sp, p, q: sp.cos(2 * sp.pi * p / q), (1, 0, -1, 0)),
        (lambda sp, p, q: sp.sin(2 * sp.pi * p / q), (0, 1, 0, -1)),
    ):
        part = np.empty((n, n // 2 + 1), object)
        for j, k in np.ndindex(*part.shape):
            quarter, rest = divmod(4 * (j * k % n), n)
            # 0 is exact, where digits of pi leave a tiny number.
            exact = m.number(quarters[quarter]) if rest == 0 else None
            part[j, k] = m.apply(wave, m.number(j * k % n), m.number(n)) if exact is None else exact
        parts.append(part)
    return parts[0], parts[1]


def _by_rows(m: Any, node: Node, x: Any, meaning: Any, axes: int) -> Any:
    """A meaning of one signal, for each of an array of them; known in norm, as sums of all entries are."""
    result = np.empty(m.shape(node.shape), object)
    for index in np.ndindex(*x.shape[: x.ndim - axes]):
        result[index] = m.normwise(meaning(m.normwise(x[index])))
    return result


def _analysis(m: Any, node: Node, x: Any, weighted: bool) -> Any:
    n = x.shape[-1]
    cosines, sines = _waves(m, n)

    def meaning(row: Any) -> Any:
        rows = np.stack([np.dot(row, cosines), -np.dot(row, sines)])
        return rows * _counts(n) / n if weighted else rows

    return _by_rows(m, node, x, meaning, 1)


def _synthesis(m: Any, node: Node, z: Any, weighted: bool) -> Any:
    n = m.size(node.size)
    cosines, sines = _waves(m, n)

    def meaning(rows: Any) -> Any:
        rows = rows * _counts(n) if weighted else rows
        row = np.dot(cosines, rows[0]) - np.dot(sines, rows[1])
        return row / n if weighted else row

    return _by_rows(m, node, z, meaning, 2)


def _counts(n: int) -> Any:
    """Each frequency but 0, and half the number of entries, stands for its negative too."""
    return np.array([1 if 2 * k in (0, n) else 2 for k in range(n // 2 + 1)], object)


rfft: Op = op(
    "rfft", "x",
    doc="Real and imaginary parts of the Fourier transform of real numbers, first half, in two rows.",
    shape=_spectrum_shape("sg.rfft"),
    dtype=floats,
    numpy=helper("_rfft", "{0}"),
    flops=transform,
    adjoint={"x": lambda g, y, x: rfft_transposed(g, size=x.shape[-1])},
    sympy=lambda m, node, x: _analysis(m, node, x, weighted=False),
    examples=[{"shapes": (shape,)} for shape in ("1", "5", "n", "2 4", "... 6")],
)  # fmt: skip

rfft_transposed: Op = op(
    "rfft_transposed", "z", params="size",
    doc="Transpose of the Fourier transform of `size` real numbers.",
    shape=_signal_shape("sg.rfft"),
    dtype=floats,
    numpy=_signal_text("_rfft_transposed"),
    flops=transform,
    adjoint={"z": lambda g, y, z: rfft(g)},
    sympy=lambda m, node, z: _synthesis(m, node, z, weighted=False),
    examples=[{"shapes": ("2 3",), "size": 5}, {"shapes": ("2 3",), "size": 4}],
)  # fmt: skip

irfft: Op = op(
    "irfft", "z", params="size",
    doc="The `size` real numbers whose Fourier transform has these parts, in two rows, in its first half.",
    shape=_signal_shape("sg.irfft"),
    dtype=floats,
    numpy=_signal_text("_irfft"),
    flops=transform,
    adjoint={"z": lambda g, y, z: irfft_transposed(g)},
    sympy=lambda m, node, z: _synthesis(m, node, z, weighted=True),
    examples=[
        {"shapes": ("2 1",), "size": 1}, {"shapes": ("2 3",), "size": 5}, {"shapes": ("3 2 3",), "size": 4},
        {"shapes": ("... 2 3",), "size": 4},
    ],
)  # fmt: skip

irfft_transposed: Op = op(
    "irfft_transposed", "x",
    doc="Transpose of the Fourier transform from half a spectrum to real numbers.",
    shape=_spectrum_shape("sg.irfft"),
    dtype=floats,
    numpy=helper("_irfft_transposed", "{0}"),
    flops=transform,
    adjoint={"x": lambda g, y, x: irfft(g, size=x.shape[-1])},
    sympy=lambda m, node, x: _analysis(m, node, x, weighted=True),
    examples=[{"shapes": (shape,)} for shape in ("5", "4", "n")],
)  # fmt: skip


def _full_spectrum(what: str) -> Any:
    def rule(z: Node, inverse: bool) -> Shape:
        if z.rank < 2 or z.shape[-2] != 2 or z.shape[-1] == 0:
            raise ShapeError(f"{what}: expected numbers along a last axis", got=shape_text(z.shape))
        return z.shape

    return rule


def _rotation(m: Any, node: Node, z: Any) -> Any:
    n = z.shape[-1]
    if n < 1:
        raise ValueError(f"invalid number of data points ({n})")
    half_cosines, half_sines = _waves(m, n)
    turns = [min(k, n - k) for k in range(n)]
    cosines = half_cosines[:, turns]
    signs = np.array([1 if 2 * k <= n else -1 for k in range(n)], object)
    sines = half_sines[:, turns] * signs * (-1 if node.inverse else 1)

    def meaning(rows: Any) -> Any:
        re, im = rows
        return np.stack([np.dot(re, cosines) + np.dot(im, sines), np.dot(im, cosines) - np.dot(re, sines)])

    return _by_rows(m, node, z, meaning, 2)


dft: Op = op(
    "dft", "z", params="inverse", defaults={"inverse": False},
    doc="Fourier transform of complex numbers, real and imaginary parts in two rows; inverse: not scaled.",
    shape=_full_spectrum("np.fft.fft"),
    dtype=floats,
    numpy=helper("_dft", "{0}, {inverse}"),
    flops=transform,
    # The transpose of a complex matrix as a real one is its conjugate transpose.
    adjoint={"z": lambda g, y, z: dft(g, inverse=not y.inverse)},
    sympy=_rotation,
    examples=[
        {"shapes": ("2 5",)}, {"shapes": ("2 4",), "inverse": True}, {"shapes": ("3 2 n",)},
        {"shapes": ("... 2 3",), "inverse": True},
    ],
)  # fmt: skip


def resized(x: Node, size: Size) -> Node:
    """The numbers along the last axis cut off, or with zeros behind, to be that many."""
    own = core(x.shape)[-1]
    if own == size:
        return x
    missing = size - own
    if (missing if isinstance(missing, int) else missing.terms[0][1]) < 0:
        return section(x, 0, size, x.rank - 1)
    widths = [(0, 0)] * (x.rank - 1) + [(0, missing)]
    return FUNCTIONS[np.pad](x, widths)  # type: ignore[no-any-return]


def size_of(what: str, n: Any) -> Size:
    if isinstance(n, Node) and n.op.name == "dim":
        n = n.params[0]
    if isinstance(n, bool) or not isinstance(n, (int, Dim)):
        raise TraceError(f"{what}: n is an integer or a dimension", got=repr(n))
    if isinstance(n, int) and n < 1:
        raise ShapeError(f"{what}: invalid number of data points", expected="at least 1", got=f"{n}")
    return n


@public("rfft")
def real_fft(x: Any, n: Any = None) -> tuple[Node, Node]:
    """Real and imaginary parts of `np.fft.rfft(x, n)`, along the last axis."""
    x = as_floats(as_array(x))
    if n is not None and x.rank:
        x = resized(x, size_of("sg.rfft", n))
    z = rfft(x)
    return along(z, 0, z.rank - 2), along(z, 1, z.rank - 2)


@public("irfft")
def inverse_real_fft(re: Any, im: Any, n: Any = None) -> Node:
    """`np.fft.irfft(re + 1j * im, n)` along the last axis.

    n is even by default, twice the number of frequencies but the first. The imaginary part of
    frequency 0, and of the last one where n is even, is not read, as in numpy.
    """
    re, im = as_floats(as_array(re)), as_floats(as_array(im))
    if re.rank == 0 or core(re.shape)[-1:] != core(im.shape)[-1:]:
        raise ShapeError(
            "sg.irfft: real and imaginary parts differ", got=f"{shape_text(re.shape)}, {shape_text(im.shape)}"
        )
    size = (core(re.shape)[-1] - 1) * 2 if n is None else size_of("sg.irfft", n)
    parts = [resized(x, _half(size)) for x in FUNCTIONS[np.broadcast_arrays](re, im)]
    return irfft(stack_(*parts, axis=parts[0].rank - 1), size=size)


@public("fftconvolve")
def fftconvolve(a: Any, b: Any, mode: str = "full") -> Node:
    """The convolution of `np.convolve(a, b, mode)` along the last axis, through Fourier transforms.

    "same" has the length of `a`, as scipy.signal.fftconvolve has it; "valid" takes `b` for the shorter one
    where sizes are symbolic.
    """
    a, b = as_floats(as_array(a)), as_floats(as_array(b))
    if a.rank == 0 or b.rank == 0:
        raise ShapeError("sg.fftconvolve: expected numbers along a last axis", got="a scalar")
    long, short = core(a.shape)[-1], core(b.shape)[-1]
    if mode == "valid" and isinstance(long, int) and isinstance(short, int) and long < short:
        a, b, long, short = b, a, short, long
    bounds = {
        "full": (0, long + short - 1),
        "same": (floor_divide(short - 1, 2), floor_divide(short - 1, 2) + long),
        "valid": (short - 1, long),
    }
    if mode not in bounds:
        raise TraceError(f"sg.fftconvolve: mode {mode!r} is unknown", expected='"full", "same" or "valid"')
    size = long + short - 1
    (p, q), (r, s) = real_fft(a, size), real_fft(b, size)
    y = inverse_real_fft(p * r - q * s, p * s + q * r, size)
    return section(y, *bounds[mode], y.rank - 1)


def _shift(what: str, given: Any, axes: Any, sign: int) -> Node:
    x: Node = as_array(given)
    chosen = normalize_axes(what, tuple(range(x.rank)) if axes is None else axes, x.rank, x.shape)
    for axis in chosen:
        size = core(x.shape)[axis]
        x = FUNCTIONS[np.roll](x, floor_divide(size, 2) if sign > 0 else -floor_divide(size, 2), axis)
    return x


@spelled(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Node:
    """`np.fft.fftshift`: frequency 0 moved to the middle."""
    return _shift("np.fft.fftshift", x, axes, 1)


@spelled(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Node:
    """`np.fft.ifftshift`: frequency 0 moved back to the front."""
    return _shift("np.fft.ifftshift", x, axes, -1)
