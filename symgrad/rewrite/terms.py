"""Products and sums taken apart into factors and terms, and put together again.

Only what nothing else uses is taken apart, so no work is repeated. What is put together multiplies in the
author's order: `a * b` of large numbers may be infinite where `a * c * b` is not. Literals of ordinary
size, signs and sizes alone move past other factors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from symgrad.node import OPS, Node, build, lift
from symgrad.rewrite.literals import Number, divisor, is_negative, number, over, times
from symgrad.rewrite.table import Context

#: A literal moves past other factors while it and what it merges with are between 1 / MODERATE and this.
MODERATE = 2**20
#: Products are taken apart so far, which keeps the time for long chains linear.
REACH = 8


@dataclass(slots=True)
class Product:
    """`coefficient * above[0] * above[1] ... / below[0] / below[1] ...`.

    Below are one divisor at most, and sizes.
    """

    coefficient: Number
    above: list[Node]
    below: list[Node]

    def key(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Equal for products of the same factors, whatever their parentheses; for comparing only."""
        if len(self.above) == 1 and not self.below and self.above[0].op is not _MUL:
            return (id(self.above[0]),), ()
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
    return value if value is not None and _is_moderate(value) else None


def _is_moderate(value: Number) -> bool:
    if type(value) is Fraction:
        above, below = value.as_integer_ratio()
        value = above / below
    return 1 / MODERATE <= (value if value > 0 else -value) <= MODERATE


def merged(compute: Callable[[Number, Number], Number | None], a: Number, b: Number) -> Number | None:
    """The product or quotient of two literals, None where it drifts away from both."""
    if b == 1:
        return a
    if a == 1 and compute is times:
        return b
    value = compute(a, b)
    if not value:
        return None
    if _is_moderate(value):
        return value
    size, one, other = abs(float(value)), abs(float(a)), abs(float(b))
    return value if one <= size <= other or other <= size <= one else None


def factors(root: Node, context: Context) -> Product:
    """The factors of `a * b * c / d`, signs among them; of any other node, itself.

    Parentheses stay: `a * (b * c)` has the factors a and `b * c`, `a / b * c` has `a / b` and c.
    """
    found = Product(1, [], [])
    sizes: list[Node] = []
    node = root
    several = context.several
    for _ in range(REACH):
        op = node.op
        if op not in LINEAR or not (node is root or node not in several):
            break
        if op is _NEG:
            found.coefficient = -found.coefficient
            node = node.args[0]
            continue
        a, b = node.args
        if b.op is _CONST and _take(found, b, times if op is _MUL else over):
            node = a
        elif op is _MUL:
            if a.op is _CONST and _take(found, a, times):
                node = b
            else:
                found.above.append(b)
                node = a
        elif is_size(b):
            sizes.append(b)
            node = a
        elif not found.above and not found.below:
            if b.op is _MUL and b not in several and _take(found, b.args[0], over):
                b = b.args[1]
            found.below.append(b)
            node = a
        else:
            break
    if not (node.op is _CONST and _take(found, node, times)):
        found.above.append(node)
    found.above.reverse()
    found.below += reversed(sizes)
    return found


_MUL, _DIV, _NEG, _ADD, _SUB = (OPS[name] for name in ("mul", "div", "neg", "add", "sub"))
_CONST, _DIM = OPS["const"], OPS["dim"]
_SUMS = frozenset({_ADD, _SUB, _NEG})
#: What products are made of.
LINEAR = frozenset({_MUL, _DIV, _NEG})


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
    sign = is_negative(coefficient)
    coefficient = -coefficient if sign else coefficient
    whole = divisor(coefficient)
    bottom = [d for d in below if not is_size(d)]
    if whole is not None and above:
        # A third becomes a division by 3.
        coefficient, bottom = 1, [*bottom, lift(whole)]
    top = chain(above if coefficient == 1 else [lift(coefficient), *above]) or lift(1)
    for below_it in bottom:
        top = build(_DIV, (top, below_it))
    sizes = chain(d for d in below if is_size(d))
    return signed(top if sizes is None else build(_DIV, (top, sizes)), sign)


def is_size(node: Node) -> bool:
    """Whether a node is made of sizes and literals alone, one step deep."""
    if node.op is _DIM:
        return True
    for a in node.args:
        if a.op is not _DIM and a.op is not _CONST:
            return False
    return bool(node.args)


def chain(nodes: Iterable[Node]) -> Node | None:
    """The product of the nodes from left to right; None of none."""
    result: Node | None = None
    for node in nodes:
        result = node if result is None else build(_MUL, (result, node))
    return result


def signed(node: Node, negative: bool) -> Node:
    """The node, or its negative: in a literal that it begins with, if there is one."""
    if not negative:
        return node
    value = number(node)
    if value is not None:
        return lift(-value)
    if node.op is _MUL or node.op is _DIV:
        value = number(node.args[0])
        if value is not None:
            return build(node.op, (lift(-value), node.args[1]))
    return build(_NEG, (node,))


def terms(root: Node, context: Context) -> list[Product]:
    """The terms of a chain of + and - and signs, from left to right."""
    found: list[Product] = []
    several = context.several
    stack = [(root, False)]
    while stack:
        node, minus = stack.pop()
        op, single = node.op, node not in several
        if op in _SUMS and (node is root or (single and node.shape == root.shape)):
            if op is _NEG:
                stack.append((node.args[0], not minus))
            else:
                stack.append((node.args[1], minus ^ (op is _SUB)))
                stack.append((node.args[0], minus))
            continue
        whole = (op is _MUL or op is _DIV) and not single
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
    several, shape = context.several, root.shape
    holders: tuple[dict[Node, int], dict[Node, int]] = {}, {}  # of factors, of divisors
    scaled: list[Node] = []  # terms with literals
    term = 0
    sums = [root]
    while sums:
        node = sums.pop()
        if node.op in _SUMS and (node is root or (node not in several and node.shape == shape)):
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
            scaled.append(node)
    return len(scaled) > 1 and sum(_has_coefficient(node, context) for node in scaled) > 1


def _has_coefficient(root: Node, context: Context) -> bool:
    """Whether `factors` may find a literal in the product."""
    several = context.several
    plain = True  # no factor and no divisor so far
    node = root
    for _ in range(REACH):
        op = node.op
        if op not in LINEAR or (node is not root and node in several):
            break
        if op is _NEG:
            node = node.args[0]
            continue
        a, b = node.args
        if b.op is _CONST or (op is _MUL and a.op is _CONST):
            return True
        if op is _DIV and not is_size(b):
            if not plain:
                break
            if b.op is _MUL and b.args[0].op is _CONST:
                return True
        plain = plain and op is _DIV and is_size(b)
        node = a
    return node.op is _CONST


def add_up(parts: list[Product]) -> Node:
    """The sum of the products in their order, a first negative term excepted: `b - a`, not `-a + b`."""
    positive = next((i for i, p in enumerate(parts) if p.coefficient > 0), None)
    if positive is None:
        return build(_NEG, (add_up([_negated(p) for p in parts]),))
    ordered = [parts[positive], *parts[:positive], *parts[positive + 1 :]]
    total = ordered[0].build()
    for part in ordered[1:]:
        minus = is_negative(part.coefficient)
        total = build(_SUB if minus else _ADD, (total, (_negated(part) if minus else part).build()))
    return total


def _negated(product: Product) -> Product:
    return Product(-product.coefficient, product.above, product.below)
