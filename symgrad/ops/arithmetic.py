"""Arithmetic: sums, products, quotients, powers, and what depends on signs alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symgrad.node import OPS, Node, floats, lift, op
from symgrad.spelling import spell, spelled
from symgrad.text import PRODUCT, SUM, Environment, Text, call, gives_scalars, infix, prefix
from symgrad.text import power as power_form

add = op(
    "add", "a b",
    doc="Sum.",
    numpy=infix("+", SUM),
    adjoint={"a": lambda g, y, a, b: g, "b": lambda g, y, a, b: g},
    sympy=lambda sp, a, b: a + b,
)  # fmt: skip

sub = op(
    "sub", "a b",
    doc="Difference.",
    numpy=infix("-", SUM),
    adjoint={"a": lambda g, y, a, b: g, "b": lambda g, y, a, b: -g},
    sympy=lambda sp, a, b: a - b,
)  # fmt: skip

neg = op(
    "neg", "x",
    doc="Negative.",
    numpy=prefix("-"),
    adjoint={"x": lambda g, y, x: -g},
    sympy=lambda sp, x: -x,
)  # fmt: skip

mul = op(
    "mul", "a b",
    doc="Product.",
    numpy=infix("*", PRODUCT),
    adjoint={"a": lambda g, y, a, b: g * b, "b": lambda g, y, a, b: g * a},
    sympy=lambda sp, a, b: a * b,
)  # fmt: skip


def times(q: Node, y: Node) -> Node:
    """q y, as y / b where q is 1 / b, which is what simplification makes of it."""
    reciprocal = q.op is div and q.args[0].is_constant(1) and not q.args[1].shape
    return y / q.args[1] if reciprocal else q * y


_slash = infix("/", PRODUCT)
_TWO = Text("2", weak=True)


@gives_scalars
def _quotient(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    """`a / b`; among Python numbers, where b may be a size of 0, by numpy.

    Python raises for 1 / 0 where numpy gives inf.
    """
    if operands[0].weak and operands[1].weak and node.args[1].op.name != "const":
        return Text(f"np.divide({operands[0].source}, {operands[1].source}, dtype={env.dtype})")
    return _slash(node, operands, env)


div = op(
    "div", "a b",
    doc="Quotient.",
    dtype=floats,
    numpy=_quotient,
    price=0.36,
    adjoint={
        "a": lambda g, y, a, b: g / b,
        "b": lambda g, y, a, b: -times(g / b, y),
    },
    sympy=lambda sp, a, b: a / b,
    sample={"a": (-2.0, 2.0), "b": (0.5, 2.0)},
    safe={"b": 1.0},
)  # fmt: skip


def twice(g: Node) -> Node:
    """2 g, with the number where simplification puts it: large functions are not rebuilt for that."""
    if g.op is div and not g.shape:
        a, b = g.args
        return (lift(2) if a.is_constant(1) else 2 * a) / b
    return lift(2) if g.is_constant(1) else 2 * g


square = op(
    "square", "x",
    doc="Square.",
    numpy=gives_scalars(lambda node, operands, env: power_form(node, [*operands, _TWO], env)),
    adjoint={"x": lambda g, y, x: twice(g) * x},
    sympy=lambda sp, x: x**2,
)  # fmt: skip

sqrt = op(
    "sqrt", "x",
    doc="Square root; its derivative at 0 is inf.",
    dtype=floats,
    numpy=call("np.sqrt"),
    price=1.2,
    adjoint={"x": lambda g, y, x: g / (2 * y)},
    sympy=lambda sp, x: sp.sqrt(x),
    sample=(0.1, 4.0),
    safe={"x": 1.0},
)  # fmt: skip

absolute = op(
    "abs", "x",
    doc="Absolute value; its derivative at 0 is 0.",
    numpy=call("np.abs"),
    adjoint={"x": lambda g, y, x: g * OPS["sign"](x)},
    sympy=lambda sp, x: sp.Abs(x),
    special=(0.0, -0.0),
)  # fmt: skip

sign = op(
    "sign", "x",
    doc="Sign: -1, 0 or 1; its derivative is 0.",
    numpy=call("np.sign"),
    adjoint={"x": None},
    sympy=lambda sp, x: sp.sign(x),
    special=(0.0,),
)  # fmt: skip


for _operation, _functions, _method in (
    (add, (np.add,), None),
    (sub, (np.subtract,), None),
    (neg, (np.negative,), None),
    (mul, (np.multiply,), None),
    (div, (np.true_divide,), None),
    (square, (np.square,), None),
    (sqrt, (np.sqrt,), None),
    (absolute, (np.abs, np.fabs), None),
    (sign, (np.sign,), None),
):
    spell(_operation, *_functions, method=_method)


@spelled(np.positive)
def positive(x: Node) -> Node:
    """`+x`."""
    return x


@spelled(np.conjugate, method="conj")
def conjugate(x: Node) -> Node:
    """The number itself: all are real."""
    return x


spell(conjugate, method="conjugate")


@spelled(np.reciprocal)
def reciprocal(x: Node) -> Node:
    """`1 / x`, in floats."""
    return 1 / lift(x)
