"""Products and quotients: literals merge, reciprocals become quotients, scalars meet before arrays.

Divisors stay where they are: `a / b * (c / d)` is finite where `a * c / (b * d)` may be inf / inf.
"""

from __future__ import annotations

from symgrad.node import OPS, Node
from symgrad.ops.leaves import input_node
from symgrad.rewrite.hoist import Literals, has_literal, spread
from symgrad.rewrite.table import Context, rule, rule_function
from symgrad.rewrite.terms import LINEAR, is_size, movable

_MUL, _DIV, _CONST = OPS["mul"], OPS["div"], OPS["const"]

rule("mul_one", "x * 1 -> x")
rule("div_one", "x / 1 -> x")
rule("mul_minus_one", "-1 * x -> -x")
rule("div_minus_one", "x / -1 -> -x")
rule("square_of_factor", "x * x -> square(x)")
rule("mul_reciprocal", "(1 / y) * x -> x / y", once=True)
rule("mul_scalar_reciprocal", "(1 / s) * x -> x / s", where=lambda s: not s.shape)
rule("div_reciprocal", "x / (1 / y) -> x * y", once=True)


def _may_move(k: Node, a: Node) -> bool:
    return movable(k) is not None and a.op.name != "const"


rule("scale_above", "k * (a / b) -> (k * a) / b", where=_may_move, once=True)


def _equal(k: Node, c: Node) -> bool:
    return bool(k.params[0] == c.params[0])


def _opposite(k: Node, c: Node) -> bool:
    return bool(k.params[0] == -c.params[0])


# These pay even where the inner operation is needed elsewhere as well.
rule("multiply_divided", "k * (x / c) -> x", where=_equal)
rule("multiply_divided_opposite", "k * (x / c) -> -x", where=_opposite)
rule("divide_multiplied", "(c * x) / k -> x", where=_equal)
rule("divide_multiplied_opposite", "(c * x) / k -> -x", where=_opposite)


def _literals_example() -> Node:
    x, y = input_node("x", (3,)), input_node("y", (3,))
    return OPS["mul"](OPS["div"](OPS["mul"](2, x), y), OPS["mul"](3, y))


@rule_function(
    "gather_literals",
    head=("mul", "div"),
    law="2 * x / y * (3 * z) -> 6 * x / y * z, while literals are of ordinary size",
    touches=("mul", "div", "neg"),
    example=_literals_example,
)
def gather_literals(node: Node, context: Context) -> Node | None:
    """One literal in front for several; the other factors keep their order of operations."""
    a, b = node.args
    other = a if b.op is _CONST else b  # of `a * y`, a alone was looked at before
    if other.op not in LINEAR or not has_literal(other, context):
        return None
    found = Literals(node, context)
    return found.build() if found.moved else None


def _scalars_example() -> Node:
    return OPS["mul"](OPS["mul"](input_node("a", ()), input_node("x", (3,))), input_node("b", ()))


@rule_function(
    "gather_factors",
    head=("mul", "div"),
    law="(a * X) * b -> (a * b) * X for scalars a, b;  (1 / n) * X -> X / n for a size n;  "
    "a * b * c, b * c * a -> one node",
    touches=("mul", "div", "neg"),
    example=_scalars_example,
)
def gather_factors(node: Node, context: Context) -> Node | None:
    """Rebuild a product where that saves work on arrays, or where the same factors have met before."""
    if _goes_on(node, context) or not (node.shape or node.op is _MUL):
        return None
    if not node.shape and (_has_own_factor(node, context) or _is_short(node, context)):
        return None
    product = spread(node, context)
    if product is None or not product.leaves:
        return None
    # Of factors that move there are two at most: the product of many may overflow.
    moves = node.shape != () and all(len(moved) <= 2 for moved in product.small())
    if moves and (product.fragile or product.array_steps() < product.steps):
        new = product.build()
        kept = {*product.leaves, *product.sizes}
        return new if _operations(new, kept) <= _operations(node, kept) else None
    if len(product.leaves) < 3:
        return None
    found = context.products.setdefault(product.key(), node)
    return None if found.shape != node.shape or found.dtype != node.dtype else found


def _has_own_factor(node: Node, context: Context) -> bool:
    """Whether nothing else uses one of two factors: no other product has the same ones."""
    for operand in node.args:
        if operand.args and operand.op not in LINEAR and operand not in context.several:
            return True
    return False


def _is_short(node: Node, context: Context) -> bool:
    """Whether a product has two factors besides literals: there is nothing to order."""
    factors = 0
    for operand in node.args:
        if operand.op in LINEAR and context.single(operand):
            for inner in operand.args:
                if inner.op in LINEAR:
                    return False
                factors += inner.op is not _CONST
        else:
            factors += operand.op is not _CONST
    return factors < 3


def _goes_on(node: Node, context: Context) -> bool:
    """Whether the node is a factor of a larger product, which is looked at as a whole."""
    user = context.user
    return user is not None and (user.op is _MUL or (user.op is _DIV and is_size(user.args[1])))


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
