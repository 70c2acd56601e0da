"""Complex arrays between two real ones: pairs of nodes, for what `np.fft` gives and takes.

Operations know real numbers only. A complex array is two of them, its real and its imaginary part, and what
numpy does with it is spelled out on these; a result that is returned has to be real.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.errors import TraceError
from symgrad.node import Node, lift
from symgrad.ops.leaves import array_node, operand
from symgrad.ops.structure import broadcast_up
from symgrad.shapes import broadcast
from symgrad.spelling import FUNCTIONS, METHODS


class Complex:
    """Real and imaginary part, of one shape."""

    __slots__ = ("im", "re")

    def __init__(self, re: Node, im: Node) -> None:
        shape = broadcast(re.shape, im.shape, what="complex numbers")
        self.re, self.im = broadcast_up(re, shape), broadcast_up(im, shape)


def literal(value: Any) -> Complex:
    """A complex number, or an array of them, as literals."""
    array = np.asarray(value)
    if not array.ndim:
        return Complex(lift(float(array.real)), lift(float(array.imag)))
    return Complex(array_node(array.real.copy()), array_node(array.imag.copy()))


def parts(x: Any) -> tuple[Node, Node | None]:
    """Real and imaginary part; None for the second of real numbers."""
    return (x.re, x.im) if isinstance(x, Complex) else (operand(x), None)


# --- arithmetic ---------------------------------------------------------------------------------------


def _add(x: Any, y: Any) -> Complex:
    (a, b), (c, d) = parts(x), parts(y)
    return Complex(a + c, d if b is None else b if d is None else b + d)  # type: ignore[arg-type]


def _negative(x: Complex) -> Complex:
    return Complex(-x.re, -x.im)


def _subtract(x: Any, y: Any) -> Complex:
    return _add(x, _negative(y) if isinstance(y, Complex) else -operand(y))


def _multiply(x: Any, y: Any) -> Complex:
    (a, b), (c, d) = parts(x), parts(y)
    if b is None or d is None:
        return Complex(a * c, a * d if d is not None else b * c)  # type: ignore[operator]
    return Complex(a * c - b * d, a * d + b * c)


def _divide(x: Any, y: Any) -> Complex:
    c, d = parts(y)
    if d is None:
        a, b = parts(x)
        assert b is not None
        return Complex(a / c, b / c)
    return _divide(_multiply(x, Complex(c, -d)), c * c + d * d)


def _power(x: Complex, exponent: Any) -> Complex:
    if type(exponent) is not int or not 0 < exponent <= 16:
        raise TraceError(
            "powers of complex numbers are whole, from 1 to 16", got=repr(exponent)[:60],
            hint="np.abs(z)**p for a power of the absolute value",
        )  # fmt: skip
    total = x
    for _ in range(exponent - 1):
        total = _multiply(total, x)
    return total


def _exp(x: Complex) -> Complex:
    size = FUNCTIONS[np.exp](x.re)
    return Complex(size * FUNCTIONS[np.cos](x.im), size * FUNCTIONS[np.sin](x.im))


def _absolute(x: Complex) -> Node:
    return FUNCTIONS[np.hypot](x.re, x.im)  # type: ignore[no-any-return]


def _angle(x: Complex, deg: bool = False) -> Node:
    turn: Node = FUNCTIONS[np.arctan2](x.im, x.re)
    return turn * (180 / np.pi) if deg else turn


def _where(condition: Any, x: Any, y: Any) -> Complex:
    (a, b), (c, d) = parts(x), parts(y)
    choose = FUNCTIONS[np.where]
    return Complex(
        choose(condition, a, c), choose(condition, 0.0 if b is None else b, 0.0 if d is None else d)
    )


#: What numpy's functions do with complex arrays that is not done to each part.
COMPLEX: dict[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.true_divide: _divide,
    np.power: _power,
    np.square: lambda x: _multiply(x, x),
    np.negative: _negative,
    np.positive: lambda x: x,
    np.reciprocal: lambda x: _divide(1.0, x),
    np.conjugate: lambda x: Complex(x.re, -x.im),
    np.absolute: _absolute,
    np.angle: _angle,
    np.exp: _exp,
    np.real: lambda x: x.re,
    np.imag: lambda x: x.im,
    np.where: _where,
    np.iscomplexobj: lambda x: True,
    np.isrealobj: lambda x: False,
}

#: Functions that are linear, so that they act on real and imaginary part alike; those of several arrays are
#: linear in each, and take one complex array among real ones.
LINEAR = frozenset(
    [
        np.sum, np.mean, np.cumsum, np.diff, np.trace, np.diagonal, np.reshape, np.ravel, np.transpose,
        np.moveaxis, np.swapaxes, np.expand_dims, np.squeeze, np.broadcast_to, np.roll, np.flip, np.flipud,
        np.fliplr, np.rot90, np.tile, np.repeat, np.take, np.pad, np.copy, np.split, np.array_split,
        np.fft.fftshift, np.fft.ifftshift, np.einsum, np.matmul, np.dot, np.tensordot, np.outer, np.kron,
    ]
)  # fmt: skip

#: Functions that join arrays, where a real one has the imaginary part 0.
JOINING = frozenset([np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack, np.append])

#: Array methods that are linear.
LINEAR_METHODS = (
    "sum", "mean", "cumsum", "reshape", "ravel", "flatten", "transpose", "swapaxes", "squeeze", "take",
    "repeat", "copy", "trace", "diagonal", "__getitem__", "dot",
)  # fmt: skip


def apply(function: Any, args: Any, kwargs: Any) -> Any:
    """What a function of numpy gives for complex arrays among its arguments.

    Raises TraceError for a function that has no meaning here.
    """
    own = COMPLEX.get(function)
    if own is not None:
        return own(*args, **kwargs)
    if function in LINEAR or function in JOINING:
        return by_parts(FUNCTIONS[function], args, kwargs, function in JOINING)
    builder = FUNCTIONS.get(function)
    if builder is not None and getattr(builder, "takes_complex", False):
        return builder(*args, **kwargs)
    name = getattr(function, "__name__", str(function))
    raise TraceError(
        f"np.{name} of complex numbers cannot be traced",
        hint="z.real, z.imag, np.abs(z) and np.angle(z) are real; np.fft.irfft leads back",
    )


def by_parts(builder: Callable[..., Any], args: Any, kwargs: Any, joining: bool = False) -> Any:
    """A linear builder on the real parts and on the imaginary parts."""
    if _count(args) > 1 and not joining:
        raise TraceError(
            "a product of several complex arrays is not traced here",
            hint="`*` multiplies complex numbers; sums of products with np.sum",
        )
    real = builder(*_parts_of(args, True, joining), **kwargs)
    imaginary = builder(*_parts_of(args, False, joining), **kwargs)
    if isinstance(real, (list, tuple)):
        return type(real)(Complex(a, b) for a, b in zip(real, imaginary))
    return Complex(real, imaginary)


def method(name: str, x: Complex, args: Any, kwargs: Any) -> Any:
    """An array method that is linear, on both parts."""
    return by_parts(METHODS[name], (x, *args), kwargs)


def _count(value: Any) -> int:
    if isinstance(value, (list, tuple)):
        return sum(map(_count, value))
    return int(isinstance(value, Complex))


def _parts_of(value: Any, real: bool, joining: bool) -> Any:
    if isinstance(value, Complex):
        return value.re if real else value.im
    if isinstance(value, (list, tuple)):
        return type(value)(_parts_of(v, real, joining) for v in value)
    if joining and not real and isinstance(value, Node):
        return FUNCTIONS[np.zeros_like](value)
    return value
