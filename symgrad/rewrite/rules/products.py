"""Products and quotients: literals merge, reciprocals become quotients, scalars meet before arrays."""

from __future__ import annotations

from symgrad.node import OPS, Node
from symgrad.ops.leaves import input_node
from symgrad.rewrite.literals import number
from symgrad.rewrite.table import Context, rule, rule_function
from symgrad.rewrite.terms import array_steps, factors

rule("mul_one", "x * 1 -> x")
rule("div_one", "x / 1 -> x")
rule("mul_minus_one", "-1 * x -> -x")
rule("div_minus_one", "x / -1 -> -x")
rule("square_of_factor", "x * x -> square(x)")
rule("mul_reciprocal", "(1 / y) * x -> x / y", once=True)
rule("mul_scalar_reciprocal", "(1 / s) * x -> x / s", where=lambda s: not s.shape)
rule("div_reciprocal", "x / (1 / y) -> x * y", once=True)

rule("scale_above", "k * (a / b) -> (k * a) / b", where=lambda a: a.op.name != "const", once=True)


def _equal(k: Node, c: Node) -> bool:
    return bool(k.params[0] == c.params[0])


def _opposite(k: Node, c: Node) -> bool:
    return bool(k.params[0] == -c.params[0])


# These pay even where the inner operation is needed elsewhere as well.
rule("multiply_divided", "k * (x / c) -> x", where=_equal)
rule("multiply_divided_opposite", "k * (x / c) -> -x", where=_opposite)
rule("divide_multiplied", "(c * x) / k -> x", where=_equal)
rule("divide_multiplied_opposite", "(c * x) / k -> -x", where=_opposite)


def _gather_example() -> Node:
    x, y = input_node("x", (3,)), input_node("y", (3,))
    return OPS["mul"](OPS["mul"](2, x), OPS["div"](OPS["mul"](3, y), 5))


@rule_function(
    "gather_factors",
    head=("mul", "div"),
    law="2 * x * (3 * y) -> 6 * x * y;  x * (1 / y) -> x / y;  (a * X) * b -> (a * b) * X for scalars a, b;  "
    "a * b * c, b * c * a -> one node",
    example=_gather_example,
)
def gather_factors(node: Node, context: Context) -> Node | None:
    """Rebuild a product where that merges literals or saves work on arrays."""
    if all(a.op.name not in ("mul", "div") and number(a) is None for a in node.args):
        return None  # two plain factors
    user = context.user
    if user is not None and user.op.name in ("mul", "div"):
        return None  # a factor of a larger product, which is looked at as a whole
    product = factors(node, context)
    if product.overflows or not (product.above or product.below):
        return None
    if product.literals < 2 and not product.fragile and array_steps(product) >= product.steps:
        # Nothing to gain here; but the same factors may have met before in another order.
        key = (repr(product.coefficient), product.key())
        found = context.products.setdefault(key, node)
        return None if found.shape != node.shape or found.dtype != node.dtype else found
    new = product.build()
    kept = {*product.above, *product.below}
    return new if _operations(new, kept) <= _operations(node, kept) else None


def _operations(root: Node, leaves: set[Node]) -> int:
    """Operations above the given leaves."""
    seen: set[Node] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node.args and node not in seen and node not in leaves:
            seen.add(node)
            stack.extend(node.args)
    return len(seen)
