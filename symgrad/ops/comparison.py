"""Conditions: comparisons, tests of floats, logic. All are piecewise constant: no edge has a derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.errors import TraceError
from symgrad.node import Node, Op, Operand, booleans, lift, op
from symgrad.ops.arithmetic import absolute
from symgrad.spelling import spell, spelled
from symgrad.text import BITAND, BITOR, BITXOR, COMPARE, NOT, UNARY, Environment, Form, Text, infix


def _comparison(name: str, doc: str, operator: str, sympy: Callable[..., Any]) -> Op:
    return op(
        name, "a b",
        doc=doc,
        dtype=booleans,
        numpy=infix(operator, COMPARE),
        flops=0,
        adjoint={"a": None, "b": None},
        sympy=sympy,
        special=(0.0, 1.0),
    )  # fmt: skip


greater = _comparison("greater", "Whether a > b.", ">", lambda sp, a, b: sp.Gt(a, b))
greater_equal = _comparison("greater_equal", "Whether a >= b.", ">=", lambda sp, a, b: sp.Ge(a, b))
less = _comparison("less", "Whether a < b.", "<", lambda sp, a, b: sp.Lt(a, b))
less_equal = _comparison("less_equal", "Whether a <= b.", "<=", lambda sp, a, b: sp.Le(a, b))
equal = _comparison("equal", "Whether a == b.", "==", lambda sp, a, b: sp.Eq(a, b))
not_equal = _comparison("not_equal", "Whether a != b.", "!=", lambda sp, a, b: sp.Ne(a, b))


def _predicate(function: str) -> Form:
    """`function(x)`, of a Python number too."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        (x,) = operands
        source = f"{function}({x.source})"
        return Text(f"bool({source})", weak=True) if x.weak else Text(source)

    return form


# sympy's symbols stand for finite numbers, so the tests of floats are constant there.
isnan = op(
    "isnan", "x",
    doc="Whether x is nan.",
    dtype=booleans,
    numpy=_predicate("np.isnan"),
    flops=0,
    adjoint={"x": None},
    sympy=lambda sp, x: sp.false,
)  # fmt: skip

isinf = op(
    "isinf", "x",
    doc="Whether x is infinite.",
    dtype=booleans,
    numpy=_predicate("np.isinf"),
    flops=0,
    adjoint={"x": None},
    sympy=lambda sp, x: sp.false,
)  # fmt: skip

isfinite = op(
    "isfinite", "x",
    doc="Whether x is neither infinite nor nan.",
    dtype=booleans,
    numpy=_predicate("np.isfinite"),
    flops=0,
    adjoint={"x": None},
    sympy=lambda sp, x: sp.true,
)  # fmt: skip

signbit = op(
    "signbit", "x",
    doc="Whether x is negative, -0.0 included.",
    dtype=booleans,
    numpy=_predicate("np.signbit"),
    flops=0,
    adjoint={"x": None},
    sympy=lambda sp, x: sp.Lt(x, 0),
)  # fmt: skip


# --- logic ------------------------------------------------------------------------------------------

_PAIR = ({"shapes": ("3", "3"), "dtypes": ("bool", "bool")},)

logical_and = op(
    "logical_and", "a b",
    doc="Whether both hold.",
    dtype=booleans,
    numpy=infix("&", BITAND),
    flops=0,
    adjoint={"a": None, "b": None},
    sympy=lambda sp, a, b: sp.And(a, b),
    examples=_PAIR,
)  # fmt: skip

logical_or = op(
    "logical_or", "a b",
    doc="Whether one of both holds, or both.",
    dtype=booleans,
    numpy=infix("|", BITOR),
    flops=0,
    adjoint={"a": None, "b": None},
    sympy=lambda sp, a, b: sp.Or(a, b),
    examples=_PAIR,
)  # fmt: skip

logical_xor = op(
    "logical_xor", "a b",
    doc="Whether exactly one of both holds.",
    dtype=booleans,
    numpy=infix("^", BITXOR),
    flops=0,
    adjoint={"a": None, "b": None},
    sympy=lambda sp, a, b: sp.Xor(a, b),
    examples=_PAIR,
)  # fmt: skip


def _not(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,) = operands
    # ~True is -2 in Python.
    return Text(f"not {x.inside(NOT)}", NOT, True) if x.weak else Text(f"~{x.inside(UNARY)}", UNARY)


logical_not = op(
    "logical_not", "x",
    doc="Whether the condition does not hold.",
    dtype=booleans,
    numpy=_not,
    flops=0,
    adjoint={"x": None},
    sympy=lambda sp, x: sp.Not(x),
    examples=({"shapes": ("3",), "dtypes": ("bool",)},),
)  # fmt: skip


def condition(x: Operand) -> Node:
    """The operand as a condition: a number holds where it is not 0."""
    node = lift(x)
    return node if node.dtype == "bool" else not_equal(node, 0)


def _logical(operation: Op) -> Callable[..., Node]:
    def build(*operands: Operand) -> Node:
        return operation(*map(condition, operands))

    build.__name__ = operation.name
    return build


def _bitwise(operation: Op) -> Callable[..., Node]:
    def build(*operands: Operand) -> Node:
        nodes = [lift(x) for x in operands]
        for node in nodes:
            if node.dtype != "bool":
                raise TraceError(
                    "& | ^ and ~ join conditions here, not bits",
                    expected="operands of dtype bool",
                    got=node.dtype,
                    hint="parentheses around the comparisons, (x > 0) & (x < 1), or np.logical_and",
                )
        return operation(*nodes)

    build.__name__ = operation.name
    return build


for _operation, _function in (
    (greater, np.greater),
    (greater_equal, np.greater_equal),
    (less, np.less),
    (less_equal, np.less_equal),
    (equal, np.equal),
    (not_equal, np.not_equal),
    (isnan, np.isnan),
    (isinf, np.isinf),
    (isfinite, np.isfinite),
    (signbit, np.signbit),
):
    spell(_operation, _function)

for _operation, _logic, _bits in (
    (logical_and, np.logical_and, np.bitwise_and),
    (logical_or, np.logical_or, np.bitwise_or),
    (logical_xor, np.logical_xor, np.bitwise_xor),
    (logical_not, np.logical_not, np.invert),
):
    spell(_logical(_operation), _logic)
    spell(_bitwise(_operation), _bits)


@spelled(np.isposinf)
def isposinf(x: Node) -> Node:
    """Whether x is inf."""
    return equal(x, float("inf"))


@spelled(np.isneginf)
def isneginf(x: Node) -> Node:
    """Whether x is -inf."""
    return equal(x, float("-inf"))


@spelled(np.isclose)
def isclose(a: Operand, b: Operand, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Node:
    """Whether |a - b| <= atol + rtol |b|, or both are the same infinity."""
    if equal_nan:
        raise TraceError("np.isclose(..., equal_nan=True) is not supported")
    near = less_equal(absolute(lift(a) - b), atol + rtol * absolute(b))
    return logical_or(equal(a, b), logical_and(near, isfinite(b)))
