"""How an operation that is linear in an operand carries blocks on: one rule an operation, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symgrad.blocks.block import Block
from symgrad.node import OPS, Node

#: For each operand its blocks, or None for one that does not depend on the seed.
Operands = Sequence[list[Block] | None]
#: `(node, operands) -> blocks of the node`; None where the rule does not cover these operands.
Carry = Callable[[Node, Operands], "list[Block] | None"]

CARRY: dict[str, Carry] = {}


def carries(*names: str) -> Callable[[Carry], Carry]:
    """Decorator: the rule for the operations of these names."""

    def decorate(rule: Carry) -> Carry:
        for name in names:
            if name not in OPS:
                raise TypeError(f"no operation {name!r}")
            if name in CARRY:
                raise TypeError(f"operation {name!r} has a rule for blocks already")
            CARRY[name] = rule
        return rule

    return decorate


class Uncovered(Exception):
    """A block whose places a rule cannot follow; the operation is then applied to it as a whole."""


def only(operands: Operands) -> list[Block]:
    """The blocks of an operation's only operand."""
    (blocks,) = operands
    assert blocks is not None
    return blocks
