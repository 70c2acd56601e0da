"""Exponentials and logarithms, the logistic function that differentiates them, cube root and sinc."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.node import Node, Op, floats, lift, op
from symgrad.ops.structure import broadcast_to
from symgrad.spelling import public, spell
from symgrad.text import Environment, Form, Text, call, helper, weak

LOG2 = math.log(2.0)
LOG10 = math.log(10.0)


def kernel(name: str, pattern: str) -> Form:
    """A call of a kernel of numbers; of a Python number it is one again."""
    array = helper(name, pattern)

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        text = array(node, operands, env)
        return Text(f"float({text.source})", weak=True) if weak(operands) else text

    return form


def _over(g: Node, x: Node) -> Node:
    """g / x, where g is a multiple of x without the division: at 0 the derivative of x log(x) is -inf."""
    if g.op.name == "mul" and x in g.args and g.shape == x.shape:
        other = g.args[1] if g.args[0] is x else g.args[0]
        return broadcast_to(other, shape=x.shape) if other.shape != x.shape else other
    return broadcast_to(lift(1.0), shape=x.shape) if g is x else g / x


exp = op(
    "exp", "x",
    doc="Exponential function.",
    dtype=floats,
    numpy=call("np.exp"),
    price=0.8,
    adjoint={"x": lambda g, y, x: g * y},
    sympy=lambda sp, x: sp.exp(x),
    special=(0.0, -30.0, 30.0),
    safe={"x": 0.0},
)  # fmt: skip

exp2 = op(
    "exp2", "x",
    doc="2 to the power x.",
    dtype=floats,
    numpy=call("np.exp2"),
    price=0.8,
    adjoint={"x": lambda g, y, x: g * y * LOG2},
    sympy=lambda sp, x: sp.Integer(2) ** x,
    special=(0.0, 1.0),
    safe={"x": 0.0},
)  # fmt: skip

expm1 = op(
    "expm1", "x",
    doc="exp(x) - 1, exact near 0.",
    dtype=floats,
    numpy=call("np.expm1"),
    # Not y + 1, which is 0 where y is close to -1.
    price=1.2,
    adjoint={"x": lambda g, y, x: g * exp(x)},
    sympy=lambda sp, x: sp.exp(x) - 1,
    special=(0.0, 1e-12, -1e-9),
    safe={"x": 0.0},
)  # fmt: skip

log = op(
    "log", "x",
    doc="Natural logarithm; its derivative at 0 is inf.",
    dtype=floats,
    numpy=call("np.log"),
    price=0.8,
    adjoint={"x": lambda g, y, x: _over(g, x)},
    sympy=lambda sp, x: sp.log(x),
    sample=(0.1, 4.0),
    special=(1.0,),
    safe={"x": 1.0},
)  # fmt: skip

log2 = op(
    "log2", "x",
    doc="Logarithm to base 2.",
    dtype=floats,
    numpy=call("np.log2"),
    price=1.0,
    adjoint={"x": lambda g, y, x: g / (x * LOG2)},
    sympy=lambda sp, x: sp.log(x) / sp.log(2),
    sample=(0.1, 4.0),
    special=(1.0,),
    safe={"x": 1.0},
)  # fmt: skip

log10 = op(
    "log10", "x",
    doc="Logarithm to base 10.",
    dtype=floats,
    numpy=call("np.log10"),
    price=1.0,
    adjoint={"x": lambda g, y, x: g / (x * LOG10)},
    sympy=lambda sp, x: sp.log(x) / sp.log(10),
    sample=(0.1, 4.0),
    special=(1.0,),
    safe={"x": 1.0},
)  # fmt: skip

log1p = op(
    "log1p", "x",
    doc="log(1 + x), exact near 0.",
    dtype=floats,
    numpy=call("np.log1p"),
    price=1.2,
    adjoint={"x": lambda g, y, x: g / (1 + x)},
    sympy=lambda sp, x: sp.log(1 + x),
    sample=(-0.9, 4.0),
    special=(0.0, 1e-12, -1e-9),
    safe={"x": 0.0},
)  # fmt: skip

sigmoid: Op = public("sigmoid")(
    op(
        "sigmoid", "x",
        doc="Logistic function 1 / (1 + exp(-x)), without overflow.",
        dtype=floats,
        numpy=kernel("_sigmoid", "{0}"),
        # Not 1 - y, which is 0 where y is close to 1.
        adjoint={"x": lambda g, y, x: g * y * sigmoid(-x)},
        sympy=lambda sp, x: 1 / (1 + sp.exp(-x)),
        sample=(-4.0, 4.0),
        special=(0.0, -30.0, 30.0),
    )
)  # fmt: skip


def _logaddexp_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    """A kernel that takes a fifth of the time of `np.logaddexp`; of Python numbers, that."""
    for zero, other in (node.args, node.args[::-1]):
        if zero.is_constant(0) and not other.is_constant():
            return Text(f"{env.helper('_softplus')}({operands[node.args.index(other)].source})")
    return (_single_logaddexp if weak(operands) else _logaddexp)(node, operands, env)


_single_logaddexp, _logaddexp = call("np.logaddexp"), helper("_logaddexp", "{0}, {1}")


# sigmoid(a - b) is exp(a - y) without the cancellation.
logaddexp = op(
    "logaddexp", "a b",
    doc="log(exp(a) + exp(b)), without overflow.",
    dtype=floats,
    numpy=_logaddexp_text,
    price=13.5,
    adjoint={
        "a": lambda g, y, a, b: g * sigmoid(a - b),
        "b": lambda g, y, a, b: g * sigmoid(b - a),
    },
    sympy=lambda sp, a, b: sp.log(sp.exp(a) + sp.exp(b)),
    special=(0.0, 20.0),
)  # fmt: skip

logaddexp2 = op(
    "logaddexp2", "a b",
    doc="log2(2**a + 2**b), without overflow.",
    dtype=floats,
    numpy=call("np.logaddexp2"),
    adjoint={
        "a": lambda g, y, a, b: g * sigmoid(LOG2 * (a - b)),
        "b": lambda g, y, a, b: g * sigmoid(LOG2 * (b - a)),
    },
    sympy=lambda sp, a, b: sp.log(sp.Integer(2) ** a + sp.Integer(2) ** b) / sp.log(2),
    special=(0.0, 20.0),
)  # fmt: skip

cbrt = op(
    "cbrt", "x",
    doc="Real cube root, of negative numbers too; its derivative at 0 is inf.",
    dtype=floats,
    numpy=call("np.cbrt"),
    adjoint={"x": lambda g, y, x: g / (3 * y * y)},
    sympy=lambda sp, x: sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3),
    special=(1.0, -8.0),
    safe={"x": 1.0},
)  # fmt: skip

sinc = op(
    "sinc", "x",
    doc="sin(pi x) / (pi x), 1 at 0.",
    dtype=floats,
    numpy=call("np.sinc"),
    adjoint={"x": lambda g, y, x: g * sinc_derivative(x, order=1)},
    sympy=lambda sp, x: sp.sinc(sp.pi * x),
    special=(0.0,),
)  # fmt: skip


def _sinc_meaning(sp: Any, x: Any, order: int) -> Any:
    t = sp.Dummy(real=True)
    quotient = sp.diff(sp.sin(sp.pi * t) / (sp.pi * t), t, order).subs(t, x)
    limit = (-1) ** (order // 2) * sp.pi**order / (order + 1) if order % 2 == 0 else 0
    return sp.Piecewise((limit, sp.Eq(x, 0)), (quotient, True))


sinc_derivative: Op = op(
    "sinc_derivative", "x", params="order", defaults={"order": 1},
    doc="A derivative of sinc of any order, also at and near 0, where its quotient cancels.",
    dtype=floats,
    numpy=kernel("_sinc_derivative", "{0}, {order}"),
    adjoint={"x": lambda g, y, x: g * sinc_derivative(x, order=y.order + 1)},
    sympy=_sinc_meaning,
    special=(0.0, 1e-8, 0.5),
)  # fmt: skip


for _operation, _function in (
    (exp, np.exp),
    (exp2, np.exp2),
    (expm1, np.expm1),
    (log, np.log),
    (log2, np.log2),
    (log10, np.log10),
    (log1p, np.log1p),
    (logaddexp, np.logaddexp),
    (logaddexp2, np.logaddexp2),
    (cbrt, np.cbrt),
    (sinc, np.sinc),
):
    spell(_operation, _function)
