"""Laws as text: `"a + -b -> a - b"` becomes trees that match nodes and build their replacement.

The text is parsed with `ast` and never evaluated. In a law
- a name matches any node, and the same node wherever it appears again;
- a name that starts with `k` or `c` matches a literal number only;
- a number matches that literal; operators and function names are operations of the registry;
- a keyword in a call, `cast(x, to=t)`, is a parameter: a name binds its value, a literal compares.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import symgrad.ops  # noqa: F401  (laws name operations)
from symgrad.node import OPS, Node, Op, lift
from symgrad.rewrite.literals import fold, number

#: Operations whose operands may be matched in either order.
COMMUTATIVE = frozenset(
    {
        *("add", "mul", "maximum", "minimum", "logaddexp", "hypot"),
        *("logical_and", "logical_or", "logical_xor", "equal", "not_equal"),
    }
)

_BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "power"}


@dataclass(frozen=True)
class Variable:
    """Matches any node, or only a literal."""

    name: str
    literal: bool


@dataclass(frozen=True)
class Literal:
    """Matches one number."""

    value: int | float


@dataclass(frozen=True)
class Parameter:
    """A parameter bound to a name, or compared with a value."""

    name: str
    bound: str | None
    value: Any


@dataclass(frozen=True)
class Apply:
    """Matches one operation."""

    op: Op
    args: tuple[Pattern, ...]
    params: tuple[Parameter, ...] = ()


Pattern = Variable | Literal | Apply
Bindings = dict[str, Any]
Matcher = Callable[[Node, Bindings, list[Node]], bool]

_CONST = OPS["const"]


def parse_law(law: str) -> tuple[Pattern, Pattern]:
    """Both sides of `"left -> right"`.

    Raises TypeError for a law that cannot be read, or whose right side has a name its left side lacks.
    """
    left, arrow, right = law.partition("->")
    if not arrow:
        raise TypeError(f"law {law!r} has no '->'")
    sides = parse(left, law), parse(right, law)
    unknown = [name for name in variables(sides[1]) if name not in variables(sides[0])]
    if unknown:
        raise TypeError(f"law {law!r}: {unknown[0]!r} does not occur on the left")
    return sides


def parse(text: str, law: str) -> Pattern:
    """A pattern from one side of a law."""
    return _pattern(ast.parse(text.strip(), mode="eval").body, law)


def _pattern(tree: ast.AST, law: str) -> Pattern:
    if isinstance(tree, ast.Name):
        return Variable(tree.id, tree.id[0] in "kc")
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)):
        return Literal(tree.value)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        if isinstance(tree.operand, ast.Constant) and isinstance(tree.operand.value, (int, float)):
            return Literal(-tree.operand.value)
        return Apply(OPS["neg"], (_pattern(tree.operand, law),))
    if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
        sides = _pattern(tree.left, law), _pattern(tree.right, law)
        return Apply(OPS[_BINARY[type(tree.op)]], sides)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in OPS:
        params = []
        for keyword in tree.keywords:
            named = isinstance(keyword.value, ast.Name)
            bound = keyword.value.id if isinstance(keyword.value, ast.Name) else None
            value = None if named else ast.literal_eval(keyword.value)
            params.append(Parameter(str(keyword.arg), bound, value))
        return Apply(OPS[tree.func.id], tuple(_pattern(a, law) for a in tree.args), tuple(params))
    raise TypeError(f"law {law!r}: cannot read {ast.unparse(tree)!r}")


def variables(pattern: Pattern) -> list[str]:
    """Names in a pattern, in order of first appearance."""
    found: dict[str, None] = {}
    for part in walk(pattern):
        if isinstance(part, Variable):
            found[part.name] = None
        elif isinstance(part, Apply):
            found.update(dict.fromkeys(p.bound for p in part.params if p.bound is not None))
    return list(found)


def walk(pattern: Pattern) -> Iterator[Pattern]:
    """The pattern and everything inside it."""
    yield pattern
    if isinstance(pattern, Apply):
        for arg in pattern.args:
            yield from walk(arg)


def variants(pattern: Pattern) -> list[Pattern]:
    """The pattern with the operands of commutative operations in every order, each once."""
    if not isinstance(pattern, Apply):
        return [pattern]
    found: dict[Pattern, None] = {}
    for args in product(*map(variants, pattern.args)):
        found[Apply(pattern.op, args, pattern.params)] = None
        if pattern.op.name in COMMUTATIVE:
            found[Apply(pattern.op, args[::-1], pattern.params)] = None
    return list(found)


def matcher(pattern: Pattern) -> Matcher:
    """A function that says whether a node has this form.

    It fills in the bindings, and its third argument with the operations matched.
    """
    if isinstance(pattern, Variable):
        name = pattern.name
        if pattern.literal:
            return lambda node, bound, inner: (
                number(node) is not None and bound.setdefault(name, node) is node
            )
        return lambda node, bound, inner: bound.setdefault(name, node) is node
    if isinstance(pattern, Literal):
        value = pattern.value
        return lambda node, bound, inner: node.op is _CONST and node.is_constant(value)
    op, params, parts = pattern.op, pattern.params, [matcher(a) for a in pattern.args]

    def match(node: Node, bound: Bindings, inner: list[Node]) -> bool:
        if node.op is not op or len(node.args) != len(parts):
            return False
        inner.append(node)
        for parameter in params:
            value = getattr(node, parameter.name)
            if parameter.bound is None:
                if value != parameter.value:
                    return False
            elif bound.setdefault(parameter.bound, value) != value:
                return False
        for part, operand in zip(parts, node.args):  # noqa: SIM110  (a generator costs twice as much)
            if not part(operand, bound, inner):
                return False
        return True

    return match


def instantiate(pattern: Pattern, bound: Mapping[str, Any], folding: bool = True) -> Node:
    """The node a pattern stands for; literals are folded on the way unless told otherwise."""
    if isinstance(pattern, Variable):
        return lift(bound[pattern.name])
    if isinstance(pattern, Literal):
        return lift(pattern.value)
    args = [instantiate(a, bound, folding) for a in pattern.args]
    params = {p.name: p.value if p.bound is None else bound[p.bound] for p in pattern.params}
    node = pattern.op(*args, **params)
    return (fold(node) or node) if folding else node
