"""Which line of a generated module made a value that is wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

#: Calls that hand on what they are given, in another type or as a copy.
_PASSING = ("dtype", "asarray", "array", "copy", "ascontiguousarray", "astype", "float64", "float32")


@dataclass(frozen=True)
class Line:
    """A statement of a source text: the number of its first line, and its lines."""

    number: int
    text: str


def blamed(source: str, function: str, output: Sequence[Any]) -> Line | None:
    """The statement that a leaf of a function's result comes from; None where that cannot be told.

    Parameters
    ----------
    source
        Text of a generated module.
    function
        Name of one of its functions.
    output
        The leaf's path in the result: an index for a tuple, a key for a dict, a field for a record.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found: ast.stmt | None = None
    path, name = list(output), function
    while name in functions:
        body = functions.pop(name)  # no function is looked into twice
        returned = _returned(body)
        if returned is None:
            break
        found = returned
        assert returned.value is not None
        expression = _unwrapped(_leaf(tree, returned.value, path))
        if not isinstance(expression, ast.Name):
            break
        stores = [s for s in _statements(body) if s.lineno < returned.lineno and _stores(s, expression.id)]
        if not stores:
            break
        found = stores[-1]
        name, path = _inside(found, expression.id, functions)
    if found is None:
        return None
    lines = source.splitlines()[found.lineno - 1 : found.end_lineno]
    return Line(found.lineno, "\n".join(line.removeprefix(lines[0][: found.col_offset]) for line in lines))


def _returned(body: ast.FunctionDef) -> ast.Return | None:
    """The last `return` of a function that returns something."""
    found = [n for n in ast.walk(body) if isinstance(n, ast.Return) and n.value is not None]
    return max(found, key=lambda node: node.lineno) if found else None


def _inside(
    statement: ast.stmt, variable: str, functions: dict[str, ast.FunctionDef]
) -> tuple[str, list[Any]]:
    """Where a variable comes from the result of another function of the module: which, and from which part.

    So do the terms of sums over tiles: `a, b = _over_tiles(lambda i, j: _f_rows(x[i:j]), n, step)`.
    """
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple):
        targets = [getattr(target, "id", "") for target in statement.targets[0].elts]
        for node in ast.walk(statement.value):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
                returned = _returned(functions[node.func.id])
                value = returned.value if returned is not None else None
                if isinstance(value, ast.Tuple) and len(value.elts) == len(targets):
                    return node.func.id, [targets.index(variable)]
    return "", []


def _leaf(tree: ast.Module, expression: ast.expr, path: Sequence[Any]) -> ast.expr:
    """The part of a returned expression at that path, or the smallest part around it."""
    for key in path:
        found: ast.expr | None = None
        if isinstance(expression, (ast.Tuple, ast.List)) and isinstance(key, int):
            found = expression.elts[key] if key < len(expression.elts) else None
        elif isinstance(expression, ast.Dict):
            for name, value in zip(expression.keys, expression.values):
                if isinstance(name, ast.Constant) and name.value == key:
                    found = value
        elif isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
            fields = _fields(tree, expression.func.id)
            named = {keyword.arg: keyword.value for keyword in expression.keywords}
            named.update(zip(fields, expression.args))
            found = named.get(key, named.get(f"{key}_"))
        if found is None:
            return expression
        expression = found
    return expression


def _fields(tree: ast.Module, name: str) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return [
                field.target.id
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            ]
    return []


def _unwrapped(expression: ast.expr) -> ast.expr:
    while isinstance(expression, ast.Call):
        called = expression.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name not in _PASSING:
            break
        if isinstance(called, ast.Attribute) and getattr(called.value, "id", "") != "np":
            expression = called.value  # a method: x.copy()
        elif expression.args:
            expression = expression.args[0]
        else:
            break
    return expression


def _statements(body: ast.FunctionDef) -> Iterator[ast.stmt]:
    """The simple statements of a function, in the order of its text."""
    found = [n for n in ast.walk(body) if isinstance(n, ast.stmt) and not hasattr(n, "body")]
    yield from sorted(found, key=lambda n: (n.lineno, n.col_offset))


def _stores(statement: ast.stmt, name: str) -> bool:
    """Whether a statement gives the variable a value, all of it or a part, also as an `out=`."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            base: ast.expr = node
            while isinstance(base, ast.Subscript):
                base = base.value
            if isinstance(base, ast.Name) and base.id == name:
                return True
        if isinstance(node, ast.keyword) and node.arg == "out" and name in _names(node.value):
            return True
    return False


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
