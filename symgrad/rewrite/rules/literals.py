"""Literals and sizes are computed while generating."""

from __future__ import annotations

from symgrad.node import OPS, Node, lift
from symgrad.rewrite.literals import FOLDABLE, fold
from symgrad.rewrite.table import Context, rule_function
from symgrad.shapes import named


@rule_function(
    "fold",
    head=FOLDABLE,
    law="2 * 3 -> 6, only where the result is finite and exact",
    only=("const",),
    example=lambda: OPS["mul"](2, 3),
)
def fold_literals(node: Node, context: Context) -> Node | None:
    """The literal an operation on literals stands for."""
    return fold(node)


@rule_function(
    "fold_sizes",
    head=("add", "sub", "mul"),
    law="n * d -> the size n*d",
    touches=("dim",),
    only=("dim", "const"),
    example=lambda: OPS["mul"](lift(named("n")), lift(named("d"))),
)
def fold_sizes(node: Node, context: Context) -> Node | None:
    """Arithmetic of sizes and whole numbers is a size."""
    sizes = []
    for operand in node.args:
        if operand.op.name == "dim" or (operand.op.name == "const" and type(operand.params[0]) is int):
            sizes.append(operand.params[0])
        else:
            return None
    a, b = sizes
    return lift({"add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b}[node.op.name]())
