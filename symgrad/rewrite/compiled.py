"""A law as a Python function from a node to its replacement: it is called some times for every node.

    rule("scale_above", "k * (a / b) -> (k * a) / b", where=_may_move, once=True)

becomes, for one order of the operands,

    def apply(node, context):
        if node.op is not op0: return None
        (v1, v2,) = node.args
        if v1.op is not const or number(v1) is None: return None
        if v2.op is not op1: return None
        (v3, v4,) = v2.args
        if v2 in context.several: return None
        if not where(v1, v3): return None
        r1 = build(op2, (v1, v3,))
        if v1.op is const: r1 = fold(r1) or r1
        return build(op3, (r1, v4,))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from symgrad.node import OPS, Node, Op, build, lift
from symgrad.rewrite.literals import FOLDABLE, fold, number
from symgrad.rewrite.pattern import Apply, Literal, Pattern, Variable

_CONST = OPS["const"]


def compiled(
    left: Apply, right: Pattern, where: Callable[..., bool] | None, once: bool, absorbed: bool
) -> Callable[[Node, Any], Node | None]:
    """The function for one order of the operands of a law; see `symgrad.rewrite.rule` for the options."""
    writer = _Writer()
    writer.match(left)
    for text in writer.operations[1:] if once else ():
        unless = " and not context.absorbs" if absorbed else ""
        writer.refuse(f"{text} in context.several{unless}")
    if where is not None:
        wanted = [writer.names[name] for name in inspect.signature(where).parameters]
        writer.scope["where"] = where
        writer.refuse(f"not where({', '.join(wanted)})")
    writer.lines.append(f"return {writer.built(right)}")
    exec("def apply(node, context):\n    " + "\n    ".join(writer.lines), writer.scope)
    function: Callable[[Node, Any], Node | None] = writer.scope["apply"]
    return function


class _Writer:
    """The lines of the function, and the objects that they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {"number": number, "const": _CONST, "build": build, "fold": fold}
        #: Expressions for the names of the law, and for the operations matched, outermost first.
        self.names: dict[str, str] = {}
        self.operations: list[str] = []
        self._count = {"v": 0, "r": 0}

    def refuse(self, condition: str) -> None:
        """The rule does not apply under a condition."""
        self.lines.append(f"if {condition}: return None")

    def match(self, pattern: Apply) -> None:
        """Bind the names of the left side; operations are compared before what is inside them."""
        queue: list[tuple[Pattern, str]] = [(pattern, "node")]
        for part, text in queue:  # grows
            if isinstance(part, Variable):
                if part.literal:
                    self.refuse(f"{text}.op is not const or number({text}) is None")
                self._bind(part.name, text, "is not")
            elif isinstance(part, Literal):
                self.refuse(f"{text}.op is not const or not {text}.is_constant({part.value!r})")
            else:
                self.operations.append(text)
                self.refuse(f"{text}.op is not {self._named(part.op)}")
                if part.op.variadic:
                    self.refuse(f"len({text}.args) != {len(part.args)}")
                for parameter in part.params:
                    value = f"{text}.{parameter.name}"
                    if parameter.bound is None:
                        self.refuse(f"{value} != {parameter.value!r}")
                    else:
                        self._bind(parameter.bound, value, "!=")
                operands = [self._fresh("v") for _ in part.args]
                if operands:
                    self.lines.append(f"({', '.join(operands)},) = {text}.args")
                queue += zip(part.args, operands)

    def built(self, pattern: Pattern) -> str:
        """An expression for the node of the right side; literals are folded on the way."""
        if isinstance(pattern, Variable):
            return self.names[pattern.name]
        if isinstance(pattern, Literal):
            return self._named(lift(pattern.value))
        args = [self.built(a) for a in pattern.args]
        given = {p.name: repr(p.value) if p.bound is None else self.names[p.bound] for p in pattern.params}
        params = [given.get(p) or repr(pattern.op.defaults[p]) for p in pattern.op.params]
        parts = [self._named(pattern.op), _tuple(args), *([_tuple(params)] if params else [])]
        made = f"build({', '.join(parts)})"
        if pattern.op.name not in FOLDABLE:
            return made
        result = self._fresh("r")
        self.lines.append(f"{result} = {made}")
        self.lines.append(f"if {args[0]}.op is const: {result} = fold({result}) or {result}")
        return result

    def _bind(self, name: str, text: str, differs: str) -> None:
        if name in self.names:
            self.refuse(f"{text} {differs} {self.names[name]}")
        self.names.setdefault(name, text)

    def _fresh(self, kind: str) -> str:
        self._count[kind] += 1
        return f"{kind}{self._count[kind]}"

    def _named(self, value: Op | Node) -> str:
        """A name for an operation or a literal."""
        known = next((name for name, other in self.scope.items() if other is value), None)
        if known is None:
            known = f"{'op' if isinstance(value, Op) else 'literal'}{len(self.scope)}"
            self.scope[known] = value
        return known


def _tuple(parts: list[str]) -> str:
    return f"({', '.join(parts)},)"
