"""The table of rewrite rules: each has a name, a law people can read, and a way to apply it.

A declarative rule is its law; a procedural one is a function with a law for the reader and an example
for the test that walks the table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from symgrad.node import OPS, Node
from symgrad.rewrite.compiled import compiled
from symgrad.rewrite.kinds import admits, note_literals
from symgrad.rewrite.pattern import Apply, Pattern, Variable, parse_law, variants


@dataclass(slots=True)
class Context:
    """What a rule may know of the function around a node."""

    #: The nodes that more than one operation uses, or a result and an operation.
    several: set[Node] = field(default_factory=set)
    #: All nodes of the function, those that are replaced among them.
    known: Collection[Node] = ()
    #: The operation that alone uses the node at hand (looking through a sign), else None.
    user: Node | None = None
    #: Whether that operation takes up a sign of the node at no cost, as `c + x` does.
    absorbs: bool = False
    #: What one rule found out about a node and the next one can use.
    memo: dict[Node, Any] = field(default_factory=dict)
    #: The first product of the same factors, in topological order.
    products: dict[Any, Node] = field(default_factory=dict)

    def single(self, node: Node) -> bool:
        """Whether at most one operation uses the node, so that taking it apart repeats no work."""
        return node not in self.several


Apply_ = Callable[[Node, Context], "Node | None"]


@dataclass(frozen=True)
class Rule:
    """One rewrite.

    Attributes
    ----------
    name, law
        What it is called and what it does, in a line.
    heads
        Names of the operations it applies to; "elementwise" for all of those.
    apply
        The node to its replacement, or None where the rule does not apply.
    ways
        Of a declarative rule: for every order its operands may have, their patterns and a function that
        applies the rule to operands in this order.
    touches
        Names of operations one of which has to be among the operands; None where any will do.
    only
        Names of operations that all operands have to be of; None where any will do.
    twice
        Whether both operands have to be the same node.
    sides, where
        Of a declarative rule: the two patterns and the guard.
    example
        Of a procedural rule: a node that it rewrites.
    """

    name: str
    law: str
    heads: tuple[str, ...]
    apply: Apply_
    ways: tuple[tuple[tuple[Pattern, ...], Apply_], ...] = ()
    sides: tuple[Pattern, Pattern] | None = None
    where: Callable[..., bool] | None = None
    example: Callable[[], Node] | None = None
    touches: frozenset[str] | None = None
    only: frozenset[str] | None = None
    twice: bool = False


#: Every rule by name, in order of declaration; an earlier rule is tried first.
RULES: dict[str, Rule] = {}


def rule(
    name: str,
    law: str,
    *,
    where: Callable[..., bool] | None = None,
    once: bool = False,
    absorbed: bool = False,
) -> Rule:
    """Declare a rule by its law.

    Parameters
    ----------
    name
        Unique.
    law
        `"left -> right"`, see `symgrad.rewrite.pattern`.
    where
        A guard; its parameters are names of the law.
    once
        Apply only where the operations inside the left side have no other user.
    absorbed
        With `once`: apply as well where the sign that comes out is taken up by a sum.

    Raises
    ------
    TypeError
        At import, for a duplicate name or a law that cannot be read.
    """
    left, right = parse_law(law)
    if not isinstance(left, Apply):
        raise TypeError(f"rule {name!r}: the left side of {law!r} is not an operation")
    forms = [form for form in variants(left) if isinstance(form, Apply)]
    ways = tuple([(form.args, compiled(form, right, where, once, absorbed)) for form in forms])

    def apply(node: Node, context: Context) -> Node | None:
        return next((found for _, way in ways if (found := way(node, context)) is not None), None)

    note_literals(left)
    twice = len(left.args) == 2 and isinstance(left.args[0], Variable) and left.args[0] == left.args[1]
    return _add(Rule(name, law, (left.op.name,), apply, ways, (left, right), where, twice=twice))


def rule_function(
    name: str,
    *,
    head: str | Iterable[str],
    law: str,
    example: Callable[[], Node],
    touches: Iterable[str] | None = None,
    only: Iterable[str] | None = None,
) -> Callable[[Apply_], Apply_]:
    """Declare a procedural rule: the decorated function takes a node and its context.

    Parameters
    ----------
    name, law
        As of `rule`; the law is for the reader.
    head
        The operations it applies to.
    example
        Makes a node that the rule rewrites, for the test that walks the table.
    touches
        The rule is tried only where an operand is one of these operations.
    only
        The rule is tried only where every operand is one of these operations.
    """

    def decorate(function: Apply_) -> Apply_:
        heads = (head,) if isinstance(head, str) else tuple(head)
        unknown = [h for h in heads if h not in OPS and h != "elementwise"]
        if unknown:
            raise TypeError(f"rule {name!r}: no operation {unknown[0]!r}")
        any_of = None if touches is None else frozenset(touches)
        all_of = None if only is None else frozenset(only)
        _add(Rule(name, law, heads, function, touches=any_of, only=all_of, example=example))
        return function

    return decorate


def _add(new: Rule) -> Rule:
    if new.name in RULES:
        raise TypeError(f"rule {new.name!r} is declared twice")
    RULES[new.name] = new
    return new


def candidates(node: Node) -> tuple[tuple[str, Apply_], ...]:
    """The rules that may apply to a node, by its operation, its operands' and whether they are one.

    Each with its name; a declarative one as often as its operands may be in that order.
    """
    found: list[tuple[str, Apply_]] = []
    for one in RULES.values():
        if node.op.name not in one.heads and not ("elementwise" in one.heads and node.op.elementwise):
            continue
        if one.twice and node.args[0] is not node.args[1]:
            continue
        if one.touches is not None and not any(a.op.name in one.touches for a in node.args):
            continue
        if one.only is not None and not all(a.op.name in one.only for a in node.args):
            continue
        if one.sides is None:
            found.append((one.name, one.apply))
        for form, way in one.ways:
            if len(form) == len(node.args) and all(map(admits, form, node.args)):
                found.append((one.name, way))
    return tuple(found)
