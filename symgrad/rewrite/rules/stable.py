"""Exponentials, logarithms and differences in the forms that neither overflow nor cancel."""

from __future__ import annotations

from symgrad.node import OPS, Node, lift
from symgrad.ops.exponential import exp, expm1, log, log1p, logaddexp, sigmoid
from symgrad.ops.leaves import input_node
from symgrad.ops.norm import norm
from symgrad.ops.quotients import expm1_quotient, sine_quotient, squares_difference, versine
from symgrad.ops.reduce import keep, sum_
from symgrad.ops.softmax import logsumexp_, softmax_
from symgrad.ops.trigonometric import cosh, hypot, sinh, tanh
from symgrad.rewrite.forms import (
    exponent,
    half,
    is_plain,
    negative,
    opposite,
    reduced,
    squared,
    stands_over,
    terms,
)
from symgrad.rewrite.literals import number, over
from symgrad.rewrite.stable import stable

_x, _y = input_node("x", ()), input_node("y", ())
_v = input_node("v", ("4",))
