"""Commutative sharing: `a + b` and `b + a` in one function become one node."""

from __future__ import annotations

from symgrad.node import Node, Op


class Shared:
    """The first node of each commutative operation on each pair of operands, in topological order.

    Identities of operands are only compared, never ordered by, so the outcome is the same in every run.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[Op, Node, Node], Node] = {}

    def __call__(self, node: Node) -> Node:
        """The node that stands for this value, of a commutative operation."""
        if node.params:
            return node
        a, b = node.args
        other = self._first.get((node.op, b, a))
        if other is not None:
            return other
        self._first[node.op, a, b] = node
        return node
