"""The symbolic complex array that a traced function sees between two transforms of `np.fft`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.array import Array, install_complex, invoke, unwrap
from symgrad.errors import TraceError
from symgrad.locate import user_line
from symgrad.ops.complexes import LINEAR_METHODS, Complex, apply, literal, method
from symgrad.ops.refusals import no_attribute


class ComplexArray:
    """Two symbolic arrays, the real and the imaginary part: numpy's protocols around a pair of nodes."""

    __slots__ = ("pair",)
    __array_priority__ = 2000
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, pair: Complex) -> None:
        self.pair = pair

    @property
    def real(self) -> Array:
        """The real part."""
        return Array(self.pair.re)

    @property
    def imag(self) -> Array:
        """The imaginary part."""
        return Array(self.pair.im)

    @property
    def shape(self) -> tuple[Any, ...]:
        """Its dimensions."""
        return self.real.shape

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.real.ndim

    @property
    def size(self) -> Any:
        """Number of elements."""
        return self.real.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """complex128."""
        return np.dtype(complex)

    @property
    def T(self) -> Any:
        """The transposed array, not conjugated."""
        return _call(np.transpose, (self,), {})

    def conj(self) -> Any:
        """The conjugate."""
        return _call(np.conjugate, (self,), {})

    conjugate = conj

    def __array_ufunc__(self, ufunc: Any, kind: str, *inputs: Any, **kwargs: Any) -> Any:
        if kind != "__call__" or kwargs:
            raise TraceError(f"np.{ufunc.__name__}: options for complex numbers", where=user_line())
        return _call(ufunc, inputs, {})

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _call(function, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TraceError(
            "np.array or np.asarray of a symbolic complex array", where=user_line(), hint="z.real, z.imag"
        )

    def __getattr__(self, name: str) -> Any:
        if name not in LINEAR_METHODS:
            raise no_attribute(name, LINEAR_METHODS)
        return lambda *args, **kwargs: invoke(lambda *a, **k: method(name, self.pair, a, k), args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        return invoke(lambda k: method("__getitem__", self.pair, (k,), {}), (key,), {})

    def __abs__(self) -> Any:
        return _call(np.absolute, (self,), {})

    def __neg__(self) -> Any:
        return _call(np.negative, (self,), {})

    def __pos__(self) -> ComplexArray:
        return self

    def __repr__(self) -> str:
        return f"<symbolic complex array of shape {self.real!r}>"


def _argument(value: Any) -> Any:
    """Symbolic arrays as nodes and pairs, complex literals too."""
    if isinstance(value, ComplexArray):
        return value.pair
    if isinstance(value, (complex, np.complexfloating)):
        return literal(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "c":
        return literal(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_argument(v) for v in value)
    return unwrap(value)


def _call(function: Any, args: Any, kwargs: Any) -> Any:
    given = [_argument(a) for a in args]
    return invoke(lambda **options: apply(function, given, options), (), kwargs)


def _operator(function: Any, reflected: bool) -> Callable[[ComplexArray, Any], Any]:
    def operate(self: ComplexArray, other: Any) -> Any:
        return _call(function, (other, self) if reflected else (self, other), {})

    return operate


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "pow": np.power,
    "matmul": np.matmul,
}.items():  # fmt: skip
    setattr(ComplexArray, f"__{_name}__", _operator(_ufunc, reflected=False))
    setattr(ComplexArray, f"__r{_name}__", _operator(_ufunc, reflected=True))

install_complex(ComplexArray, Complex)
