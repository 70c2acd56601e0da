"""Products and sums taken apart into factors and terms, and put together again.

Only what nothing else uses is taken apart, so no work is repeated; the author's order is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symgrad.node import OPS, Node, lift
from symgrad.rewrite.literals import Number, number, over, times
from symgrad.rewrite.table import Context
from symgrad.shapes import broadcast


@dataclass
class Product:
    """`coefficient * above[0] * above[1] ... / (below[0] * below[1] ...)`."""

    coefficient: Number
    above: list[Node]
    below: list[Node]
    #: Literals met, and multiplications and divisions of the original that work on the largest arrays.
    literals: int = 0
    steps: int = 0
    #: Whether a scalar divided by a size scales an array: it would raise where the size is 0.
    fragile: bool = False
    #: Whether literals did not merge because their product leaves the range of floats.
    overflows: bool = False

    def key(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Equal for products of the same factors; for comparing only."""
        return tuple(sorted(map(id, self.above))), tuple(sorted(map(id, self.below)))

    def build(self) -> Node:
        """The product as a node; see `assemble`."""
        return assemble(self.coefficient, self.above, self.below)


def factors(root: Node, context: Context) -> Product:
    """The factors of a product, quotient or negative; of any other node, itself."""
    found = Product(1, [], [])
    stack = [(root, False)]
    while stack:
        node, inverse = stack.pop()
        name = node.op.name
        if name in ("mul", "div", "neg") and (node is root or context.single(node)):
            if name == "neg":
                found.coefficient = -found.coefficient
                stack.append((node.args[0], inverse))
                continue
            found.steps += node.shape != () and node.shape == root.shape
            found.fragile |= name == "div" and not node.shape and root.shape != () and is_size(node.args[1])
            right_inverse = inverse ^ (name == "div")
            stack.append((node.args[1], right_inverse))
            stack.append((node.args[0], inverse))
            continue
        value = number(node)
        if value is not None:
            merged = (over if inverse else times)(found.coefficient, value)
            if merged is not None and merged != 0:
                found.coefficient = merged
                found.literals += 1
                continue
            found.overflows = True
        (found.below if inverse else found.above).append(node)
    return found


def assemble(coefficient: Number, above: list[Node], below: list[Node]) -> Node:
    """A product written as people do: numbers first, scalars and small arrays before large ones.

    Sizes divide last, and only arrays: `1 / n` of a size that is 0 would raise where numpy does not.
    """
    sign = coefficient < 0
    coefficient = -coefficient if sign else coefficient
    parts = _sorted(above, below)
    if not any(f.shape for f in [*above, *below]):
        # Scalars alone: the author's order, signs outside.
        return _signed(_quotient(_leading(coefficient, above), _chain(below)), sign)
    literal, divisor = _split(coefficient, bool(parts.scalars or parts.divisors or parts.small))
    bottom = _chain([*([] if divisor is None else [lift(divisor)]), *parts.divisors])
    scalar: Node | None = None
    if parts.scalars or literal != 1 or not (parts.small or parts.full):
        # The scalar part is one number, and arrays are touched once for it.
        scalar, bottom = _quotient(_leading(literal, parts.scalars), bottom), None
    scale = [] if scalar is None or scalar.is_constant(1) else [scalar]
    if parts.small or parts.small_below:
        first = _chain([*scale, *parts.small])
        first = _quotient(first if first is not None else lift(1), _chain(parts.small_below))
        scale, bottom = [_quotient(first, bottom)], None
    top = _chain([*scale, *parts.full]) or lift(1)
    for part in (_chain(parts.full_below), bottom, _chain(parts.sizes)):
        top = _quotient(top, part)
    return _signed(top, sign)


@dataclass
class _Sorted:
    """Factors by what it costs to multiply with them."""

    scalars: list[Node]
    divisors: list[Node]
    sizes: list[Node]
    small: list[Node]
    small_below: list[Node]
    full: list[Node]
    full_below: list[Node]


def _sorted(above: list[Node], below: list[Node]) -> _Sorted:
    arrays = [f for f in [*above, *below] if f.shape]
    shape = broadcast(*[f.shape for f in arrays]) if arrays else ()
    small = [f for f in arrays if f.shape != shape]
    # Small arrays that are large together, as a column and a row are, need no order of their own;
    # nor is one alone, unless a scalar joins it.
    loose = len(small) + any(not f.shape and not is_size(f) for f in [*above, *below])
    apart = 0 < len(small) < len(arrays) and loose > 1 and broadcast(*[f.shape for f in small]) != shape
    return _Sorted(
        scalars=[f for f in above if not f.shape],
        divisors=[f for f in below if not f.shape and not is_size(f)],
        sizes=[f for f in below if not f.shape and is_size(f)],
        small=[f for f in above if f.shape and f.shape != shape] if apart else [],
        small_below=[f for f in below if f.shape and f.shape != shape] if apart else [],
        full=[f for f in above if f.shape and (f.shape == shape or not apart)],
        full_below=[f for f in below if f.shape and (f.shape == shape or not apart)],
    )


def is_size(node: Node) -> bool:
    """Whether a node is made of sizes and literals alone, one step deep."""
    name = node.op.name
    return name == "dim" or (bool(node.args) and all(a.op.name in ("dim", "const") for a in node.args))


def _split(coefficient: Number, beside_scalars: bool) -> tuple[Number, Number | None]:
    """A third becomes a division by 3 where nothing else scales."""
    inverse = over(1, coefficient)
    if not beside_scalars and isinstance(inverse, int) and inverse != 1:
        return 1, inverse
    return coefficient, None


def _leading(coefficient: Number, nodes: list[Node]) -> Node:
    chain = _chain(nodes)
    if chain is None:
        return lift(coefficient)
    return chain if coefficient == 1 else _chain([lift(coefficient), *nodes]) or chain


def _chain(nodes: Iterable[Node]) -> Node | None:
    result: Node | None = None
    for node in nodes:
        result = node if result is None else OPS["mul"](result, node)
    return result


def _quotient(top: Node, bottom: Node | None) -> Node:
    return top if bottom is None else OPS["div"](top, bottom)


def _signed(node: Node, negative: bool) -> Node:
    if not negative:
        return node
    value = number(node)
    if value is not None:
        return lift(-value)
    if node.op.name in ("mul", "div"):
        value = number(node.args[0])
        if value is not None:
            return node.op(lift(-value), node.args[1])
    return OPS["neg"](node)


def array_steps(product: Product) -> int:
    """How many multiplications and divisions of the largest arrays `assemble` needs for these factors."""
    parts = _sorted(product.above, product.below)
    if not any(f.shape for f in [*product.above, *product.below]):
        return 0
    scaled = bool(
        parts.scalars or parts.divisors or parts.small or parts.small_below or abs(product.coefficient) != 1
    )
    above = len(parts.full) - 1 + scaled if parts.full else 0
    return above + len(parts.full_below) + bool(parts.sizes)


def terms(root: Node, context: Context) -> list[Product]:
    """The terms of a chain of + and - and signs, from left to right."""
    found: list[Product] = []
    stack = [(root, False)]
    while stack:
        node, minus = stack.pop()
        name = node.op.name
        inside = node is root or (context.single(node) and node.shape == root.shape)
        if name in ("add", "sub") and inside:
            stack.append((node.args[1], minus ^ (name == "sub")))
            stack.append((node.args[0], minus))
            continue
        if name == "neg" and inside:
            stack.append((node.args[0], not minus))
            continue
        whole = node.op.name in ("mul", "div") and not context.single(node)
        product = Product(1, [node], []) if whole else factors(node, context)
        if product.overflows:
            product = Product(1, [node], [])
        if minus:
            product.coefficient = -product.coefficient
        found.append(product)
    return found


def add_up(parts: list[Product]) -> Node:
    """The sum of the products in their order, a first negative term excepted: `b - a`, not `-a + b`."""
    positive = next((i for i, p in enumerate(parts) if p.coefficient > 0), None)
    if positive is None:
        return OPS["neg"](add_up([_negated(p) for p in parts]))
    ordered = [parts[positive], *parts[:positive], *parts[positive + 1 :]]
    total = ordered[0].build()
    for part in ordered[1:]:
        minus = part.coefficient < 0
        total = OPS["sub" if minus else "add"](total, (_negated(part) if minus else part).build())
    return total


def _negated(product: Product) -> Product:
    return Product(-product.coefficient, product.above, product.below)
