"""Activation functions that numpy has no name for, offered as `sg.<name>`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.errors import TraceError
from symgrad.node import Node, Op, Operand, floats, lift, op
from symgrad.ops.comparison import greater
from symgrad.ops.exponential import kernel, log, log1p, logaddexp, sigmoid
from symgrad.ops.selection import where
from symgrad.spelling import public
from symgrad.text import Environment, Text


def _relu(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,) = operands
    return Text(f"max({x.source}, 0)", weak=True) if x.weak else Text(f"np.maximum({x.source}, 0.0)")


relu: Op = public("relu")(
    op(
        "relu", "x",
        doc="x where it is positive, 0 elsewhere; its derivative at 0 is 0.",
        numpy=_relu,
        adjoint={"x": lambda g, y, x: where(greater(x, 0), g, 0.0)},
        sympy=lambda sp, x: sp.Piecewise((x, x > 0), (0, True)),
        special=(0.0,),
    )
)  # fmt: skip


@public("leaky_relu")
def leaky_relu(x: Operand, negative_slope: Operand = 0.01) -> Node:
    """x where it is positive, `negative_slope * x` elsewhere; at 0 the derivative is `negative_slope`."""
    return lift(x) * where(greater(x, 0), 1.0, negative_slope)


def _elu_meaning(sp: Any, x: Any, alpha: float) -> Any:
    return sp.Piecewise((x, x > 0), (sp.Rational(alpha) * (sp.exp(x) - 1), True))


elu_ = op(
    "elu", "x", params="alpha", defaults={"alpha": 1.0},
    doc="x where it is positive, alpha (exp(x) - 1) elsewhere; its derivative at 0 is alpha.",
    dtype=floats,
    numpy=kernel("_elu", "{0}, {alpha}"),
    adjoint={"x": lambda g, y, x: where(greater(x, 0), g, g * (y + y.alpha))},
    sympy=_elu_meaning,
    special=(0.0, -15.0),
)  # fmt: skip


@public("elu")
def elu(x: Operand, alpha: float = 1.0) -> Node:
    """The exponential linear unit, for a fixed number alpha."""
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)):
        raise TraceError("sg.elu: alpha is a number", got=type(alpha).__name__)
    return elu_(x, alpha=alpha)


@public("silu")
def silu(x: Operand) -> Node:
    """x times the logistic function of x."""
    return x * sigmoid(x)


@public("softplus")
def softplus(x: Operand) -> Node:
    """log(1 + exp(x)), without overflow."""
    return logaddexp(0, x)


@public("log_expit")
@public("log_sigmoid")
def log_sigmoid(x: Operand) -> Node:
    """Logarithm of the logistic function of x, without overflow."""
    return -logaddexp(0, -lift(x))


@public("expit")
def expit(x: Operand) -> Node:
    """The logistic function under the name that statistics gives it."""
    return sigmoid(x)


@public("logit")
def logit(p: Operand) -> Node:
    """log(p / (1 - p)), the inverse of the logistic function, without cancellation near 0."""
    p = lift(p)
    return log(p) - log1p(-p)
