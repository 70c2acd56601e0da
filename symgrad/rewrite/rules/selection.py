"""Choices that do not depend on what they choose by."""

from __future__ import annotations

from symgrad.node import OPS, Node
from symgrad.ops.leaves import input_node
from symgrad.rewrite.table import Context, rule, rule_function

_x, _y, _flags = input_node("x", (3,)), input_node("y", (3,)), input_node("b", (3,), "bool")
_s = input_node("s", ())

rule("where_same", "where(b, x, x) -> x")
rule("where_not", "where(logical_not(b), x, y) -> where(b, y, x)")
rule("where_same_condition_left", "where(b, where(b, x, y), z) -> where(b, x, z)")
rule("where_same_condition_right", "where(b, x, where(b, y, z)) -> where(b, x, z)")
rule("not_not", "logical_not(logical_not(b)) -> b", where=lambda b: b.dtype == "bool")
rule("maximum_same", "maximum(x, x) -> x")
rule("minimum_same", "minimum(x, x) -> x")
rule("maximum_neg", "maximum(-x, -y) -> -minimum(x, y)", once=True)
rule("minimum_neg", "minimum(-x, -y) -> -maximum(x, y)", once=True)


@rule_function(
    "where_divided",
    head="where",
    law="where(b, x / s, y / s) -> where(b, x, y) / s for a scalar s and an array x or y",
    touches=("div",),
    example=lambda: OPS["where"](_flags, _x / _s, _y / _s),
)
def where_divided(node: Node, context: Context) -> Node | None:
    """What is chosen is divided, not both that it is chosen from."""
    c, a, b = node.args
    if a.op.name != "div" or b.op.name != "div" or a.args[1] is not b.args[1] or a.args[1].shape:
        return None
    if not (a.shape or b.shape) or not (context.single(a) and context.single(b)):
        return None
    return OPS["div"](OPS["where"](c, a.args[0], b.args[0]), a.args[1])
