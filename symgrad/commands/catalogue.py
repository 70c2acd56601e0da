"""The operations as text: what `symgrad ops` prints, read off the declarations themselves."""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

import symgrad.ops  # noqa: F401  (fills the registry)
from symgrad.errors import SpecError
from symgrad.lower.environment import Env
from symgrad.node import OPS, Node, Op
from symgrad.ops.leaves import input_node
from symgrad.shapes import parse_dim, parse_shape, shape_text
from symgrad.spelling import FUNCTIONS, NAMES
from symgrad.text import Text


@dataclass(frozen=True)
class Entry:
    """One operation."""

    name: str
    signature: str
    doc: str
    #: How users call it, where that is the operation itself.
    spellings: tuple[str, ...]
    #: Shapes in and out: the rule by its examples.
    shapes: tuple[str, ...]
    numpy: str
    #: Edges to the text of their rules; None for an edge without a derivative.
    adjoint: Mapping[str, str | None]
    #: Operands to the intervals that tests draw from.
    domain: Mapping[str, tuple[float, float]]
    special: tuple[float, ...] = field(default=())


def entries(name: str | None = None) -> list[Entry]:
    """Every operation in order of declaration, or those that `name` means: a name or a numpy spelling.

    Raises
    ------
    SpecError
        For a name that nothing has.
    """
    if name is None:
        return [_entry(op) for op in OPS.values()]
    wanted = re.sub(r"^numpy\.", "np.", name)
    chosen = [_entry(op) for op in OPS.values() if wanted in (op.name, *_spellings(op))]
    if not chosen:
        known = [*OPS, *(spelling for op in OPS.values() for spelling in _spellings(op))]
        close = difflib.get_close_matches(wanted, known, 1)
        raise SpecError(
            f"no operation is called {name!r}",
            hint=f"did you mean {close[0]}?" if close else "`symgrad ops` lists all of them",
        )
    return chosen


def _entry(op: Op) -> Entry:
    shown = [example["shown"] for example in op.examples if "shown" in example]
    nodes = [] if shown else list(_samples(op))
    arguments = [*op.operands, *(f"{p}=" for p in op.params)]
    if op.variadic:
        last = len(op.operands) - 1
        arguments[last] = f"*{arguments[last]}"
    return Entry(
        name=op.name,
        signature=f"{op.name}({', '.join(arguments)})",
        doc=op.doc,
        spellings=_spellings(op),
        shapes=(
            ("operands broadcast",)
            if op.elementwise
            else tuple(dict.fromkeys([*(_shapes(n) for n in nodes), *(shapes for shapes, _ in shown)]))
        ),
        numpy=_numpy_text(nodes[0]) if nodes else "".join(text for _, text in shown),
        adjoint=_adjoint(op),
        domain=_domain(op),
        special=op.special,
    )


def _spellings(op: Op) -> tuple[str, ...]:
    from_numpy = [f"np.{getattr(f, '__name__', f)}" for f, builder in FUNCTIONS.items() if builder is op]
    ours = [f"sg.{name}" for name, builder in NAMES.items() if builder is op]
    return tuple(dict.fromkeys([*from_numpy, *ours]))


def _samples(op: Op) -> Iterator[Node]:
    """Nodes of the operation: of its examples, or on scalars where it is elementwise."""
    if op.elementwise and op.operands:
        yield op(*[input_node(name, ()) for name in op.operands])
        return
    for example in op.examples:
        shapes = example.get("shapes", ())
        dtypes = example.get("dtypes", ("float64",) * len(shapes))
        names = op.operands
        if len(names) < len(shapes):  # variadic
            names = (*names[:-1], *(f"{names[-1]}{i}" for i in range(len(shapes) - len(names) + 1)))
        operands = [input_node(n, parse_shape(s), d) for n, s, d in zip(names, shapes, dtypes)]
        yield op(
            *operands, **{key: _parameter(key, value) for key, value in example.items() if key in op.params}
        )


def _parameter(name: str, value: Any) -> Any:
    """A parameter of an example, in which dimensions may be written as text."""
    if name not in ("shape", "rows", "columns", "size", "sizes"):
        return value
    if isinstance(value, tuple):
        return tuple(parse_dim(size) if isinstance(size, str) else size for size in value)
    return parse_dim(value) if isinstance(value, str) else value


def _shapes(node: Node) -> str:
    params = [f"{k}={v}" for k, v in zip(node.op.params, node.params)]
    inner = ", ".join([*(shape_text(x.shape) for x in node.args), *params])
    return f"{inner} -> {shape_text(node.shape)}"


def _numpy_text(node: Node) -> str:
    names = [x.name if x.op.name == "input" else "x" for x in node.args]
    operands = [Text(name) for name in names]
    if node.op.statement is not None:
        return "; ".join(node.op.statement(node, "y", operands, Env({})))
    return node.op.numpy(node, operands, Env({})).source


def _domain(op: Op) -> dict[str, tuple[float, float]]:
    if isinstance(op.sample, Mapping):
        return {name: tuple(interval) for name, interval in op.sample.items()}  # type: ignore[misc]
    return dict.fromkeys(op.operands, op.sample)


def _adjoint(op: Op) -> dict[str, str | None]:
    if callable(op.adjoint):
        return {"operand": rule_text(op.adjoint)} if op.operands else {}
    return {edge: None if rule is None else rule_text(rule) for edge, rule in op.adjoint.items()}


def rule_text(rule: Callable[..., Any]) -> str:
    """The body of an adjoint rule as it is written: of a lambda its expression, of a function its result.

    A function of several statements is named, with the first line of its docstring.
    """
    if not isinstance(rule, FunctionType):
        return getattr(rule, "__name__", type(rule).__name__)
    source, tree = _parsed(rule.__code__.co_filename)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and rule.__name__ == node.name:
            statement = node.body[-1]
            if len(node.body) <= 2 and isinstance(statement, ast.Return) and statement.value is not None:
                return _tidy(ast.get_source_segment(source, statement.value))
        elif isinstance(node, ast.Lambda) and _is_compiled_from(rule, node):
            return _tidy(ast.get_source_segment(source, node.body))
    summary = (inspect.getdoc(rule) or "").split("\n")[0]
    return f"{rule.__name__}(g, y, ...)" + (f": {summary}" if summary else "")


def _is_compiled_from(rule: FunctionType, node: ast.Lambda) -> bool:
    """Whether the function's instructions lie within the lambda's body: several may share a line."""
    body = node.body
    within = False
    for line, end_line, column, end_column in rule.__code__.co_positions():
        if line is None or end_line is None or column is None or end_column is None:
            continue
        if (line, column) == (rule.__code__.co_firstlineno, 0) and end_column == 0:
            continue  # the prologue has no place of its own
        start, end = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
        if not (start <= (line, column) and (end_line, end_column) <= end):
            return False
        within = True
    # The code of a lambda inside this one lies within it too: the arguments tell them apart.
    return within and rule.__name__ == "<lambda>" and _names(node) == _own_names(rule)


def _names(node: ast.Lambda) -> list[str]:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args]
    return [a.arg for a in every] + ([arguments.vararg.arg] if arguments.vararg else [])


def _own_names(rule: FunctionType) -> list[str]:
    code = rule.__code__
    count = code.co_argcount + bool(code.co_flags & inspect.CO_VARARGS)
    return list(code.co_varnames[:count])


@functools.cache
def _parsed(filename: str) -> tuple[str, ast.Module]:
    source = Path(filename).read_text(encoding="utf-8")
    return source, ast.parse(source)


def _tidy(source: str | None) -> str:
    flat = " ".join((source or "").split())
    return flat.replace("( ", "(").replace(", )", ")")  # where it was wrapped
