"""The statements of a closure, the body of a loop or a branch, in the scope that it stands in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from symgrad.lower.body import CHEAP, OWN, Body
from symgrad.lower.layout import WIDTH
from symgrad.lower.names import Names
from symgrad.node import Node
from symgrad.ops.closures import Closure
from symgrad.ops.indexing import increment
from symgrad.program import Statement
from symgrad.text import Text

LITERALS = ("const", "dim")


@dataclass
class Scope:
    """Where a closure stands: what its inputs are there, and what names some of its values are to have."""

    names: Names
    texts: dict[Node, Text]
    #: What inputs are called, for the names of their adjoints.
    labels: dict[Node, str]
    #: Values that are assigned under given names.
    wanted: dict[Node, str] = field(default_factory=dict)
    #: Values that are added to a buffer in place: its name, and the value's other operand.
    sums: dict[Node, tuple[str, Node, str]] = field(default_factory=dict)
    #: Values that are written to a stack as soon as they are known: the targets.
    writes: dict[Node, list[str]] = field(default_factory=dict)


class ClosureBody(Body):
    """Builds the statements of a closure."""

    def __init__(self, outer: Body, closure: Closure, outputs: Sequence[Node], scope: Scope) -> None:
        function = replace(closure.function, result=tuple(outputs))
        super().__init__(function, scope.names, {}, outer.env, called=dict(scope.wanted))
        self.scope = scope
        self.outputs = {}
        #: Values that go to one place only, a sum or a stack, which the name would be that of.
        places = [*scope.writes, *[addend for _, addend, _ in scope.sums.values()]]
        self.passing = {x for x in places if places.count(x) + outputs.count(x) + self.uses.get(x, 0) <= 2}
        # Values that go to a stack and are used besides.
        twice = [x for x in scope.writes if self.uses.get(x, 0) + outputs.count(x) > 1]
        self.reasons = self._reasons([*function.names, *twice, *scope.wanted])
        for node, text in scope.texts.items():
            self.text[node] = text
            self.named[node] = scope.labels.get(node) or text.source
        for node in self.order:
            if node in scope.sums and node not in self.text:
                self._add(node, *scope.sums[node])
            self.visit((node,))
            for target in scope.writes.get(node, ()):
                line = f"{target} = {self.text[node].source}"
                self.statements.append((node, Statement((line,))))

    def _add(self, node: Node, name: str, addend: Node, sign: str) -> None:
        operator, source = increment(self.text[addend])
        if sign == "-":
            operator, source = "-=", self.text[addend].source
        self.statements.append((node, Statement((f"{name} {operator} {source}",))))
        self.text[node] = Text(name)
        self.named[node] = name

    def _wants_name(self, node: Node, text: Text, reason: str) -> bool:
        if node in self.scope.wanted:
            return True
        if reason != OWN and node in self.passing and len(text.source) <= WIDTH:
            return False
        return super()._wants_name(node, text, reason)


def tokens(lines: Sequence[str]) -> set[str]:
    """The names in lines of code."""
    return {word for line in lines for word in re.findall(r"[^\W\d]\w*", re.sub(r"#.*", "", line))}


def named_operand(outer: Body, node: Node, again: bool) -> Text:
    """Text of an operand; what is worth a name gets one, where the text is evaluated `again` and again."""
    text = outer.text[node]
    if node in outer.named or node.op.name in LITERALS or text.source.isidentifier():
        return text
    view = node.op.view and node.args[0] in outer.named and len(text.source) <= CHEAP
    if again and not view:
        outer._assign(node, text)
    return outer.text[node]


def solid(node: Node, text: Text, outer: Body) -> str:
    """The text as a value of the node's dtype: a Python number is none."""
    if not text.weak or node.shape or outer.env.plain:
        return text.source
    kind = {"float64": outer.env.dtype, "int64": "np.int64", "bool": "np.bool_"}[node.dtype]
    return f"{kind}({text.source})"


def indented(lines: Sequence[str]) -> list[str]:
    """Lines one step further in."""
    return [f"    {line}" if line else line for text in lines for line in text.split("\n")]


def put_down(outer: Body, result: Node, name: str) -> None:
    """Let the result be known under its name, in this part of a function and in others."""
    outer.is_there(result, name)
    if outer.called is not None:
        outer.called[result] = name
