"""Literals and small factors taken out of a product; what is left keeps its order of operations.

`(2 * x / y) * (3 * z)` has the skeleton `x / y * z`: each of its intermediate results is one of the
original's but for a literal, so none of them overflows where the original did not.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from symgrad.node import OPS, Node, build, lift
from symgrad.rewrite.literals import Number, divisor, is_negative, magnitude, over, times
from symgrad.rewrite.table import Context
from symgrad.rewrite.terms import LINEAR, REACH, chain, is_size, merged, movable, signed
from symgrad.shapes import broadcast


def has_literal(root: Node, context: Context) -> bool:
    """Whether a product may have a literal: one is among the factors that can be taken apart."""
    several = context.several
    stack = [root]
    for _ in range(REACH + 1):
        if not stack:
            return False
        for operand in stack.pop().args:
            op = operand.op
            if op is _CONST:
                return True
            if op in LINEAR and operand not in several:
                stack.append(operand)
    return True


class Literals:
    """The literals of a product that merge, and the skeleton without them."""

    def __init__(self, root: Node, context: Context) -> None:
        self._root = root
        self._context = context
        self._left = REACH
        self._inner: set[Node] = set()
        #: How many literals went into another one, or out of a second factor.
        self.moved = 0
        self.coefficient, self.skeleton = self._strip(root)

    def build(self) -> Node:
        """The product with one literal in front."""
        return self._placed(self.coefficient, self.skeleton)

    def _strip(self, node: Node) -> tuple[Number, Node | None]:
        """Literal and skeleton; None is the skeleton of a literal. Not deeper than REACH."""
        op = node.op
        if op is _CONST:
            value = movable(node)
            return (1, node) if value is None else (value, None)
        if op not in LINEAR or not self._left or (node in self._context.several and node is not self._root):
            return 1, node
        divides = op is _DIV
        if divides and not _divides(node):
            return 1, node
        self._left -= 1
        if op is _NEG:
            coefficient, rest = self._strip(node.args[0])
            return -coefficient, rest
        a, b = node.args
        below, right = self._strip(b)
        above, left = self._strip(a)
        if left is a and right is b:
            self._inner.add(node)
            return 1, node
        both = merged(over if divides else times, above, below)
        coefficient = above if both is None else both
        if both is None:
            right = self._placed(below, right)
        elif magnitude(below) != 1 and (magnitude(above) != 1 or not (divides or right is None)):
            self.moved += 1
        if right is None or (left is None and not divides):
            return coefficient, left if right is None else right
        skeleton = build(op, (lift(1) if left is None else left, right))
        self._inner.add(skeleton)
        return coefficient, skeleton

    def _placed(self, coefficient: Number, skeleton: Node | None) -> Node:
        if skeleton is None:
            return lift(coefficient)
        size = magnitude(coefficient)
        whole = divisor(size)
        if size == 1:
            scaled = skeleton
        elif whole is not None:
            scaled = build(_DIV, (skeleton, lift(whole)))  # a third
        else:
            scaled = multiplied(lift(size), skeleton, self._inner, self._context)
        return signed(scaled, is_negative(coefficient))


_MUL, _DIV, _NEG, _CONST = (OPS[name] for name in ("mul", "div", "neg", "const"))


def _divides(node: Node) -> bool:
    """Whether a quotient may lose its division: without it, integers would be multiplied as integers."""
    return node.args[0].dtype == "float64" or node.args[0].op is _CONST


def multiplied(factor: Node, skeleton: Node, inner: Container[Node], context: Context | None) -> Node:
    """The skeleton with a factor in front of what it begins with; `inner` are its products and quotients."""
    path: list[Node] = []
    node = skeleton
    while node in inner or (
        context is not None and node.op is _DIV and len(path) < 2 * REACH and context.single(node)
    ):
        path.append(node)
        node = node.args[0]
    new = factor if node.is_constant(1) else build(_MUL, (factor, node))
    for above in reversed(path):
        new = build(above.op, (new, above.args[1]))
    return new


@dataclass(slots=True)
class Spread:
    """The factors of a product wherever they stand; true quotients are factors."""

    root: Node
    coefficient: Number
    leaves: list[Node]
    sizes: list[Node]
    #: The products and quotients taken apart.
    inner: set[Node]
    #: How many of them work on the largest arrays.
    steps: int
    #: Whether a scalar divided by a size scales an array: it would raise where the size is 0.
    fragile: bool

    def key(self) -> tuple[object, ...]:
        """Equal for products of the same factors; for comparing only."""
        number = type(self.coefficient), *self.coefficient.as_integer_ratio()
        return *number, *sorted(map(id, self.leaves)), None, *sorted(map(id, self.sizes))

    def small(self) -> tuple[list[Node], list[Node]]:
        """Scalars, and arrays that are smaller than the product."""
        arrays = [f for f in self.leaves if f.shape]
        if not arrays:
            return [], []
        scalars = [f for f in self.leaves if not f.shape]
        shape = broadcast(*[f.shape for f in arrays])
        small = [f for f in arrays if f.shape != shape]
        # Small arrays that are large together, as a column and a row are, need no order of their own;
        # nor is one alone, unless a scalar joins it.
        apart = 0 < len(small) < len(arrays) and len(small) + bool(scalars) > 1
        return scalars, small if apart and broadcast(*[f.shape for f in small]) != shape else []

    def array_steps(self) -> int:
        """How many multiplications and divisions of the largest arrays `build` needs."""
        scalars, small = self.small()
        if not any(f.shape for f in self.leaves):
            return 0
        scaled = bool(scalars or small or magnitude(self.coefficient) != 1)
        return len(self.leaves) - len(scalars) - len(small) - 1 + scaled + bool(self.sizes)

    def build(self) -> Node:
        """The product with number, scalars and small arrays in front, and sizes dividing last."""
        scalars, small = self.small()
        kept: set[Node] = set()
        rest = self._without({*scalars, *small}, kept)
        size = magnitude(self.coefficient)
        whole = None if scalars or small else divisor(size)
        first = chain([*([] if size == 1 or whole is not None else [lift(size)]), *scalars, *small])
        if rest is None:
            top = lift(1) if first is None else first
        else:
            top = rest if first is None else multiplied(first, rest, kept, None)
        if whole is not None:
            top = OPS["div"](top, lift(whole))
        sizes = chain(self.sizes)
        return signed(top if sizes is None else OPS["div"](top, sizes), is_negative(self.coefficient))

    def _without(self, taken: set[Node], products: set[Node]) -> Node | None:
        """What is left without the factors taken, literals, signs and sizes; its products are noted."""

        def rest(node: Node) -> Node | None:
            if node not in self.inner:
                return None if node in taken or movable(node) is not None else node
            left = rest(node.args[0])
            if node.op.name != "mul":
                return left
            right = rest(node.args[1])
            if left is None or right is None:
                return right if left is None else left
            kept = OPS["mul"](left, right)
            products.add(kept)
            return kept

        return rest(self.root)


def spread(root: Node, context: Context) -> Spread | None:
    """The factors of a product; None where they are many, or where literals do not merge."""
    several = context.several
    coefficient: Number = 1
    leaves: list[Node] = []
    sizes: list[Node] = []
    inner: set[Node] = set()
    steps, fragile = 0, False
    stack = [root]
    while stack:
        node = stack.pop()
        op = node.op
        opens = op in LINEAR and (node is root or node not in several)
        if opens and op is _DIV:
            below = node.args[1]
            value = movable(below)
            total = None if value is None else merged(over, coefficient, value)
            if not _divides(node) or not (total is not None or is_size(below)):
                opens = False
            elif total is not None:
                coefficient = total
            else:
                sizes.append(below)
                fragile |= not node.shape and root.shape != ()
        if opens:
            inner.add(node)
            if len(inner) > REACH:
                return None
            if op is _NEG:
                coefficient = -coefficient
            elif node.shape and node.shape == root.shape:
                steps += 1
            stack += node.args[::-1] if op is _MUL else node.args[:1]
        elif op is not _CONST:
            leaves.append(node)
        else:
            value = movable(node)
            total = None if value is None else merged(times, coefficient, value)
            if total is None:
                return None
            coefficient = total
    sizes.reverse()
    return Spread(root, coefficient, leaves, sizes, inner, steps, fragile)
