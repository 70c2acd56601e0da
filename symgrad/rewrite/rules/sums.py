"""Sums: like terms meet wherever they stand in a chain of + and -, common factors come out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symgrad.node import OPS, Node
from symgrad.ops.leaves import input_node
from symgrad.rewrite.literals import Number, magnitude, plus
from symgrad.rewrite.table import Context, rule, rule_function
from symgrad.rewrite.terms import Product, add_up, is_size, may_meet, terms

rule("add_zero", "x + 0 -> x")
rule("sub_zero", "x - 0 -> x")
rule("zero_minus", "0 - x -> -x")


_SUMS = frozenset({OPS["add"], OPS["sub"]})
_COMPOSED = frozenset({"add", "sub", "neg", "mul", "div"})


def _like_example() -> Node:
    x, y = input_node("x", (3,)), input_node("y", (3,))
    return OPS["sub"](OPS["add"](OPS["mul"](2, x), y), OPS["mul"](x, 5))


def _common_example() -> Node:
    x, y, z = (input_node(name, (3,)) for name in "xyz")
    return OPS["sub"](OPS["mul"](x, y), OPS["mul"](z, x))


def _parts(node: Node, context: Context) -> list[Product] | None:
    """The terms of a whole sum; None for one that is plain, or the beginning of a longer one."""
    user = context.user
    if user is not None and user.op in _SUMS and user.shape == node.shape:
        return None
    memo = context.memo
    if node not in memo:
        memo.clear()
        memo[node] = terms(node, context) if may_meet(node, context) else None
    found: list[Product] | None = memo[node]
    return found


@rule_function(
    "like_terms",
    head=("add", "sub"),
    law="a * x + y + b * x -> (a + b) * x + y for literals with a + b != 0",
    touches=_COMPOSED,
    example=_like_example,
)
def like_terms(node: Node, context: Context) -> Node | None:
    """Merge equal terms up to a literal factor; x - x stays, for it is nan where x is not finite."""
    parts = _parts(node, context)
    if parts is None:
        return None
    groups: dict[object, list[int]] = {}
    for position, part in enumerate(parts):
        groups.setdefault(part.key(), []).append(position)
    if len(groups) == len(parts):
        return None
    merged: dict[int, Product] = dict(enumerate(parts))
    for positions in groups.values():
        total = _total(parts[i].coefficient for i in positions)
        if len(positions) < 2 or total is None or total == 0:
            continue
        first = parts[positions[0]]
        merged[positions[0]] = Product(total, first.above, first.below)
        for i in positions[1:]:
            del merged[i]
    if len(merged) == len(parts):
        return None
    return add_up([merged[i] for i in sorted(merged)])


def _total(coefficients: Iterable[Number]) -> Number | None:
    total: Number | None = 0
    for coefficient in coefficients:
        total = plus(total, coefficient) if total is not None else None
    return total


rule("add_same", "x + x -> 2 * x")


@rule_function(
    "common_factors",
    head=("add", "sub"),
    law="x * y + x * z -> x * (y + z);  a / c - b / c -> (a - b) / c",
    touches=_COMPOSED,
    example=_common_example,
)
def common_factors(node: Node, context: Context) -> Node | None:
    """Take out what several terms are multiplied or divided by; each term gives once."""
    parts = _parts(node, context)
    if parts is None:
        return None
    holders: dict[tuple[str, object], list[int]] = {}
    for position, part in enumerate(parts):
        for factor in _removable(part):
            holders.setdefault(factor, []).append(position)
    shared = [(factor, held) for factor, held in holders.items() if len(held) > 1]
    if not shared:
        return None
    shared.sort(key=lambda pair: -len(pair[1]))  # stable: first met first
    result: dict[int, Product] = dict(enumerate(parts))
    taken: set[int] = set()
    for factor, held in shared:
        group = [i for i in held if i not in taken]
        if len(group) < 2:
            continue
        factored = _factored([parts[i] for i in group], factor, context)
        if factored is None:
            continue
        taken.update(group)
        result[group[0]] = factored
        for i in group[1:]:
            del result[i]
    if not taken:
        return None
    return add_up([result[i] for i in sorted(result)])


def _removable(part: Product) -> list[tuple[str, object]]:
    """What could be taken out of a term so that something is saved."""
    size = magnitude(part.coefficient)
    if len(part.above) + (size != 1) < 2 and not part.below:
        return []
    found: list[tuple[str, object]] = [("above", f) for f in part.above]
    found += [("below", f) for f in part.below]
    if size != 1 and part.above:
        found.append(("literal", size))
    return list(dict.fromkeys(found))


def _factored(group: list[Product], held: tuple[str, object], context: Context) -> Product | None:
    """One product: the common factors, times the sum of what remains.

    None where a partial product would be new: `x * a * b + x * c * d` may be finite where `a * b` is not.
    """
    kind, factor = held
    below = _common([p.below for p in group])
    above = _common([p.above for p in group])
    layout = _layout(group, above, below, context)
    if layout is None and kind == "above" and len(above) > 1:
        assert isinstance(factor, Node)
        layout = _layout(group, [factor], below, context)
    if layout is None and kind != "above" and above:
        layout = _layout(group, [], below, context)
    if layout is None:
        return None
    first = group[0].coefficient
    size: Number = -first if first < 0 else first
    if any(abs(p.coefficient) != size for p in group):
        size = 1
    sign: Number = -1 if all(p.coefficient < 0 for p in group) else 1
    rest: list[Product] = []
    for p, left in zip(group, layout.left):
        unit: Number = 1 if p.coefficient > 0 else -1
        coefficient = unit if size != 1 else p.coefficient
        rest.append(Product(coefficient * sign, left, _without(p.below, below)))
    remainder = add_up(rest)
    together = [remainder, *layout.above] if layout.last else [*layout.above, remainder]
    return Product(size * sign, together, below)


@dataclass
class _Layout:
    """Common factors in their order, whether they come last, and what each term has besides."""

    above: list[Node]
    last: bool
    left: list[list[Node]]


def _layout(group: list[Product], above: list[Node], below: list[Node], context: Context) -> _Layout | None:
    """How to take factors out so that every partial product is one that the terms have."""
    if above and any(not is_size(d) for p in group for d in _without(p.below, below)):
        return None  # a quotient by something else would be new
    left = [_without(p.above, above) for p in group]
    for p, rest in zip(group, left):
        if len(rest) > 1 and not _same(rest, p.above[: len(rest)]) and not _met(rest, context):
            return None
    # The sum stands where the factors that differed stood: `g * (y - z)`, `(s - y) / n`.
    before = bool(above) and group[0].above[:1] != above[:1]
    for last in (before, not before):
        if last and all(p.above[len(rest) :] == above for p, rest in zip(group, left)):
            return _Layout(above, True, left)
        if len(above) < 2:
            return _Layout(above, before, left)
        order = next((p.above[: len(above)] for p in group if _same(p.above[: len(above)], above)), None)
        if not last and order is not None:
            return _Layout(order, False, left)
    return None


def _met(factors: list[Node], context: Context) -> bool:
    """Whether the function has the product of two factors anyway."""
    mul = OPS["mul"]
    return len(factors) == 2 and (mul(*factors) in context.known or mul(*factors[::-1]) in context.known)


def _same(one: list[Node], other: list[Node]) -> bool:
    return not _without(one, other) and len(one) == len(other)


def _common(lists: list[list[Node]]) -> list[Node]:
    found = list(lists[0])
    for one in lists[1:]:
        left = list(one)
        kept = []
        for f in found:
            if f in left:
                left.remove(f)
                kept.append(f)
        found = kept
    return found


def _without(nodes: list[Node], removed: list[Node]) -> list[Node]:
    left = list(removed)
    kept = []
    for f in nodes:
        if f in left:
            left.remove(f)
        else:
            kept.append(f)
    return kept
