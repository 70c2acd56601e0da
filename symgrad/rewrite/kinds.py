"""What rules can be told apart by at a glance: the operation of an operand, and the literals in it.

The engine looks up which rules may apply to a node by the kinds of its operands, so that a rule such as
`x * 1 -> x` is never tried on `x * y` nor on `x * 3`.
"""

from __future__ import annotations

from symgrad.node import OPS, Node
from symgrad.rewrite.pattern import Apply, Literal, Pattern, Variable

_CONST, _MUL, _DIV = OPS["const"], OPS["mul"], OPS["div"]

#: The operations that `kind` tells more of than which they are.
TOLD = frozenset({_CONST, _MUL, _DIV})
#: Numbers that laws name, as operands that must be just these.
_NAMED: set[object] = set()


def note_literals(pattern: Pattern) -> None:
    """Let the numbers that stand at the top of a pattern make kinds of their own."""
    if isinstance(pattern, Apply):
        _NAMED.update(arg.value for arg in pattern.args if isinstance(arg, Literal))


def kind(operand: Node) -> object:
    """Equal for operands that the same rules may match: by its operation, its literals where it has some."""
    op = operand.op
    if op is _CONST:
        value = operand.params[0]
        kind = type(value)
        return value if (kind is int or kind is float) and value in _NAMED else op
    if op is _MUL or op is _DIV:
        a, b = operand.args
        if a.op is _CONST:
            return _LEFT[op]
        if b.op is _CONST:
            return _RIGHT[op]
    return op


_LEFT = {_MUL: "k * x", _DIV: "k / x"}
_RIGHT = {_MUL: "x * k", _DIV: "x / k"}


def admits(pattern: Pattern, operand: Node) -> bool:
    """Whether an operand may match, judged by what its kind tells and nothing more."""
    if isinstance(pattern, Variable):
        return not pattern.literal or operand.op is _CONST
    if isinstance(pattern, Literal):
        return operand.is_constant(pattern.value)
    if operand.op is not pattern.op:
        return False
    if pattern.op not in _LEFT:
        return True
    first, second = pattern.args
    a, b = operand.args
    if a.op is _CONST:
        return _may_be_literal(first)  # of two literals the kind tells of the first alone
    if b.op is _CONST:
        return _may_be_literal(second) and not _is_literal(first)
    return not (_is_literal(first) or _is_literal(second))


def _is_literal(pattern: Pattern) -> bool:
    return isinstance(pattern, Literal) or (isinstance(pattern, Variable) and pattern.literal)


def _may_be_literal(pattern: Pattern) -> bool:
    return not isinstance(pattern, Apply)
