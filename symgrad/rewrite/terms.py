"""Products and sums taken apart into factors and terms, and put together again.

Only what nothing else uses is taken apart, so no work is repeated. What is put together multiplies in the
author's order: `a * b` of large numbers may be infinite where `a * c * b` is not. Literals of ordinary
size, signs and sizes alone move past other factors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from symgrad.node import OPS, Node, lift
from symgrad.rewrite.literals import Number, divisor, number, over, times
from symgrad.rewrite.table import Context

#: A literal moves past other factors while it and what it merges with are between 1 / MODERATE and this.
MODERATE = 2**20
#: Products are taken apart so far, which keeps the time for long chains linear.
REACH = 8


@dataclass
class Product:
    """`coefficient * above[0] * above[1] ... / below[0] / below[1] ...`.

    Below are one divisor at most, and sizes.
    """

    coefficient: Number
    above: list[Node]
    below: list[Node]

    def key(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Equal for products of the same factors, whatever their parentheses; for comparing only."""
        flat: list[int] = []
        stack = self.above[:]
        while stack:
            node = stack.pop()
            if node.op is _MUL and len(stack) + len(flat) < REACH:
                stack += node.args
            else:
                flat.append(id(node))
        flat.sort()
        return tuple(flat), tuple(sorted(map(id, self.below)))

    def build(self) -> Node:
        """The product as a node; see `assemble`."""
        return assemble(self.coefficient, self.above, self.below)


def movable(node: Node) -> Number | None:
    """The value of a literal that may move past other factors."""
    value = number(node)
    if value is None:
        return None
    size = float(value) if isinstance(value, Fraction) else value
    return value if 1 / MODERATE <= (size if size > 0 else -size) <= MODERATE else None


def merged(compute: Callable[[Number, Number], Number | None], a: Number, b: Number) -> Number | None:
    """The product or quotient of two literals, None where it drifts away from both."""
    if b == 1:
        return a
    if a == 1 and compute is times:
        return b
    value = compute(a, b)
    if not value:
        return None
    size, one, other = abs(float(value)), abs(float(a)), abs(float(b))
    between = one <= size <= other or other <= size <= one
    return value if between or 1 / MODERATE <= size <= MODERATE else None


def factors(root: Node, context: Context) -> Product:
    """The factors of `a * b * c / d`, signs among them; of any other node, itself.

    Parentheses stay: `a * (b * c)` has the factors a and `b * c`, `a / b * c` has `a / b` and c.
    """
    found = Product(1, [], [])
    sizes: list[Node] = []
    node = root
    for _ in range(REACH):
        name = node.op.name
        if name not in LINEAR or not (node is root or context.single(node)):
            break
        if name == "neg":
            found.coefficient = -found.coefficient
            node = node.args[0]
            continue
        a, b = node.args
        if _take(found, b, times if name == "mul" else over):
            node = a
        elif name == "mul":
            if _take(found, a, times):
                node = b
            else:
                found.above.append(b)
                node = a
        elif is_size(b):
            sizes.append(b)
            node = a
        elif not found.above and not found.below:
            if b.op.name == "mul" and context.single(b) and _take(found, b.args[0], over):
                b = b.args[1]
            found.below.append(b)
            node = a
        else:
            break
    if not _take(found, node, times):
        found.above.append(node)
    found.above.reverse()
    found.below += reversed(sizes)
    return found


_MUL, _DIV, _NEG, _CONST = (OPS[name] for name in ("mul", "div", "neg", "const"))
_SUMS = frozenset({OPS["add"], OPS["sub"], _NEG})
LINEAR = frozenset({"mul", "div", "neg"})


def _take(found: Product, node: Node, compute: Callable[[Number, Number], Number | None]) -> bool:
    """Put a literal into the coefficient, where it may."""
    value = movable(node)
    total = None if value is None else merged(compute, found.coefficient, value)
    if total is None:
        return False
    found.coefficient = total
    return True


def assemble(coefficient: Number, above: list[Node], below: list[Node]) -> Node:
    """A product written as people do: the number first, then the factors in their order.

    Sizes divide last, and only arrays: `1 / n` of a size that is 0 would raise where numpy does not.
    """
    sign = coefficient < 0
    coefficient = -coefficient if sign else coefficient
    whole = divisor(coefficient)
    bottom = [d for d in below if not is_size(d)]
    if whole is not None and above:
        # A third becomes a division by 3.
        coefficient, bottom = 1, [*bottom, lift(whole)]
    top = chain(above if coefficient == 1 else [lift(coefficient), *above]) or lift(1)
    for below_it in bottom:
        top = OPS["div"](top, below_it)
    sizes = chain(d for d in below if is_size(d))
    return signed(top if sizes is None else OPS["div"](top, sizes), sign)


def is_size(node: Node) -> bool:
    """Whether a node is made of sizes and literals alone, one step deep."""
    name = node.op.name
    return name == "dim" or (bool(node.args) and all(a.op.name in ("dim", "const") for a in node.args))


def chain(nodes: Iterable[Node]) -> Node | None:
    """The product of the nodes from left to right; None of none."""
    result: Node | None = None
    for node in nodes:
        result = node if result is None else OPS["mul"](result, node)
    return result


def signed(node: Node, negative: bool) -> Node:
    """The node, or its negative: in a literal that it begins with, if there is one."""
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
        if minus:
            product.coefficient = -product.coefficient
        found.append(product)
    return found


def may_meet(root: Node, context: Context) -> bool:
    """Whether terms of a sum may have something in common: if not, nothing can be merged or taken out.

    It is asked of every sum, and taking terms apart takes several times as long. Where it is not clear
    after a few steps the answer is yes.
    """
    uses, shape = context.uses, root.shape
    holders: tuple[dict[Node, int], dict[Node, int]] = {}, {}  # of factors, of divisors
    literals = term = 0
    sums = [root]
    while sums:
        node = sums.pop()
        if node.op in _SUMS and (node is root or (uses.get(node, 0) <= 1 and node.shape == shape)):
            sums += node.args
            continue
        term += 1
        above: list[Node] = [node]
        below: list[Node] = []
        literal = False
        for _ in range(4 * REACH):
            if above:
                divides = False
                factor = above.pop()
            elif below:
                divides = True
                factor = below.pop()
            else:
                break
            op = factor.op
            if op is _MUL or op is _NEG:
                if divides:
                    below += factor.args
                else:
                    above += factor.args
            elif op is _DIV:
                a, b = factor.args
                above.append(b if divides else a)
                below.append(a if divides else b)
            elif op is _CONST:
                literal = True
            elif holders[divides].setdefault(factor, term) != term:
                return True
        else:
            return True
        if literal:
            if literals:
                return True
            literals = 1
    return False


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
