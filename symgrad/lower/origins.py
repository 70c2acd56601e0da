"""Which line of the user's source a value of a function comes from, derivatives included."""

from __future__ import annotations

from symgrad.graph import Function
from symgrad.node import Node


class Origins:
    """Lines of the values of one function.

    A value that the user wrote has the line where it was made, and a part of it the same. The adjoint of a
    value has that value's line; what is on the way to it, a product with a partial derivative as a rule, has
    the line of the operation that was differentiated, whose adjoint is among its operands.
    """

    def __init__(self, function: Function) -> None:
        self._lines: dict[Node, str] = {}
        chain = [function]
        while chain[-1].origin is not None:
            chain.append(chain[-1].origin.base)
        for written in reversed(chain):  # what was written first
            self._add(written)

    def _add(self, function: Function) -> None:
        order, lines, bars = function.nodes(), self._lines, function.bars
        primal = set(function.primal)
        for node in order:
            if lines.get(node):
                continue
            line = function.lines.get(node, "")
            if not line and node in bars:
                line = function.lines.get(bars[node], "") or lines.get(bars[node], "")
            if not line and node not in primal:
                below = sorted(node.args, key=lambda a: a not in bars)  # adjoints first
                line = next((lines[a] for a in below if lines.get(a)), "")
            lines[node] = line
        for node in reversed(order):
            for operand in node.args:  # a part of a value has the line of the value
                if operand.args and not lines[operand]:
                    lines[operand] = lines[node]
        for node in order:
            for operand in node.args:  # an input has the line of its first use
                lines[operand] = lines[operand] or lines[node]

    def line(self, node: Node) -> str:
        """`file.py:12`, or nothing where nobody knows."""
        return self._lines.get(node, "")
