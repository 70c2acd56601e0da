"""Leaves of the DAG: inputs, literals, sizes, arrays of literals; and the cast to float."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.errors import TraceError
from symgrad.node import DType, Node, lift, op
from symgrad.rowwise import each_row
from symgrad.shapes import Shape
from symgrad.spelling import FUNCTIONS, spell
from symgrad.text import ATOM, PRODUCT, UNARY, Environment, Text


def literal(value: Any) -> Text:
    """Python text of a number that reads back as exactly that number."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return literal(value.numerator)
        return Text(f"{value.numerator} / {value.denominator}", PRODUCT, weak=True)
    if isinstance(value, float) and value != value:
        return Text("np.nan", ATOM, weak=True)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return Text("np.inf", ATOM, True) if value > 0 else Text("-np.inf", UNARY, True)
    source = repr(value)
    return Text(source, UNARY if source.startswith("-") else ATOM, weak=True)


def _const(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return literal(node.value)


def _const_dtype(value: Any) -> DType:
    return "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float64"


const = op(
    "const", "", params="value",
    doc="A literal number.",
    shape=lambda value: (),
    dtype=_const_dtype,
    numpy=_const,
    flops=0,
    adjoint={},
    sympy=lambda m, node: m.number(node.value),
)  # fmt: skip


def _size(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    source = env.dim(node.size)
    simple = source.isidentifier() or source.isdigit()
    return Text(source if simple else f"({source})", ATOM, weak=True)


dim = op(
    "dim", "", params="size",
    doc="A symbolic dimension used as a number.",
    shape=lambda size: (),
    dtype=lambda size: "int64",
    numpy=_size,
    flops=0,
    adjoint={},
    sympy=lambda m, node: m.number(m.size(node.size)),
)  # fmt: skip


def _no_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    raise AssertionError("inputs are named by the function they belong to")


input_ = op(
    "input", "", params="name shape dtype",
    doc="An argument of the function.",
    shape=lambda name, shape, dtype: shape,
    dtype=lambda name, shape, dtype: dtype,
    numpy=_no_text,
    flops=0,
    adjoint={},
    sympy=None,
)  # fmt: skip


def input_node(name: str, shape: Shape, dtype: str = "float64") -> Node:
    """The input called `name`; equal names, shapes and dtypes are one node."""
    return input_(name=name, shape=shape, dtype=dtype)


def _cast(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,) = operands
    if x.weak:
        kind = {"float64": "float", "int64": "int", "bool": "bool"}[node.to]
        return Text(f"{kind}({x.source})", weak=True)
    dtype = env.dtype if node.to == "float64" else f"np.{node.to}"
    return Text(f"np.asarray({x.source}, {dtype})" if not node.shape else f"{x.inside(ATOM)}.astype({dtype})")


cast = op(
    "cast", "x", params="to",
    doc="The same numbers in another dtype; to float it is exact for integers below 2**53.",
    shape=lambda x, to: x.shape,
    dtype=lambda x, to: to,
    numpy=_cast,
    flops=0,
    adjoint={"x": lambda g, y, x: g if x.dtype == "float64" and y.dtype == "float64" else None},
    sympy=lambda m, node, x: x,
    rows=each_row,
    examples=[{"shapes": ("3",), "dtypes": ("int64",), "to": "float64"}],
)  # fmt: skip


class Numbers:
    """A numpy array as a hashable value: its dtype, shape and bytes."""

    __slots__ = ("_hash", "data", "dtype", "shape")

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self.dtype = str(values.dtype)
        self.shape = values.shape
        self.data = np.ascontiguousarray(values).tobytes()
        self._hash = hash((self.dtype, self.shape, self.data))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and (
            (self.dtype, self.shape, self.data) == (other.dtype, other.shape, other.data)
        )

    def array(self) -> np.ndarray[Any, Any]:
        """The numbers as a fresh array."""
        return np.frombuffer(self.data, self.dtype).reshape(self.shape).copy()

    def __repr__(self) -> str:
        return f"array{self.shape}"


#: Length of a literal array's text above which it becomes a constant of the module.
LONG_LITERAL = 60


def _array_source(values: Any) -> str:
    if isinstance(values, list):
        return "[" + ", ".join(_array_source(v) for v in values) + "]"
    return literal(values).source


def _array(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    dtype = env.dtype if node.dtype == "float64" else {"bool": "np.bool_", "int64": "np.int64"}[node.dtype]
    values = node.value.array()
    if values.size == 0:
        return Text(f"np.zeros({values.shape!r}, {dtype})")
    source = _array_source(values.tolist())
    if len(source) <= LONG_LITERAL:
        return Text(f"np.array({source}, {dtype})")
    kind = {"float64": "np.float64", "bool": "np.bool_", "int64": "np.int64"}[node.dtype]
    constant = env.constant(f"np.array({source}, {kind})")
    return Text(f"{constant}.astype({dtype})" if node.dtype == "float64" else constant)


array = op(
    "array", "", params="value",
    doc="An array of literal numbers.",
    shape=lambda value: value.shape,
    dtype=lambda value: value.dtype,
    numpy=_array,
    flops=0,
    adjoint={},
    sympy=lambda m, node: m.literal(node.value.array()),
)  # fmt: skip


def array_node(values: np.ndarray[Any, Any]) -> Node:
    """A literal array; integers keep int64, other real numbers become float64.

    Raises TraceError for what is not real numbers.
    """
    kind = values.dtype.kind
    if kind not in "fiub":
        raise TraceError(f"an array of dtype {values.dtype} cannot be part of an expression")
    target = {"f": "float64", "b": "bool"}.get(kind, "int64")
    return array(value=Numbers(values.astype(target)))


def astype(x: Node, dtype: Any, order: str = "K", casting: str = "unsafe", copy: bool = True) -> Node:
    """`x.astype(dtype)`: any float type is the working float, any integer type int64."""
    kind = np.dtype(dtype).kind
    to = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}.get(kind)
    if to is None:
        raise TraceError(
            f"astype({np.dtype(dtype)}) is not supported", expected="a float, integer or bool type"
        )
    return x if x.dtype == to else cast(x, to=to)


def copy(x: Node, order: str = "C") -> Node:
    """`x.copy()`: values do not change here, so it is the array itself."""
    return x


spell(astype, np.astype if hasattr(np, "astype") else "astype", method="astype")
spell(copy, np.copy, method="copy")


def operand(value: Any) -> Node:
    """A node for anything that numpy takes for an array: nested lists of numbers and nodes too."""
    if not isinstance(value, (list, tuple)):
        return lift(value)
    if any(isinstance(v, (Node, list, tuple)) for v in value):
        return FUNCTIONS[np.stack]([operand(v) for v in value])  # type: ignore[no-any-return]
    return array_node(np.array(value))
