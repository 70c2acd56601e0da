"""Laws as text: `"a + -b -> a - b"` becomes two trees, which `symgrad.rewrite.compiled` makes a function of.

The text is parsed with `ast` and never evaluated itself. In a law
- a name matches any node, and the same node wherever it appears again;
- a name that starts with `k` or `c` matches a literal number only;
- a number matches that literal; operators and function names are operations of the registry;
- a keyword in a call, `cast(x, to=t)`, is a parameter: a name binds its value, a literal compares.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import symgrad.ops  # noqa: F401  (laws name operations)
from symgrad.node import OPS, Op

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
