"""Source of a user's own operation: checked text that a generated module can carry.

An operation is given as an expression in text or as a Python function. Either is read as a syntax tree and
must be arithmetic, numpy and names of its own; text is never evaluated before it is checked.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from symgrad.errors import SpecError
from symgrad.text import ATOM, COMPARE, POWER, PRODUCT, SUM, UNARY, Text, weak

#: Builtins that a function may use.
_BUILTINS = (
    "abs", "bool", "divmod", "enumerate", "float", "int", "len", "list", "max", "min", "pow", "range",
    "reversed", "round", "sorted", "sum", "tuple", "zip", "True", "False", "None", "ValueError",
)  # fmt: skip

#: What numpy has besides mathematics: files, randomness, code.
_REFUSED = (
    "DataSource", "ctypeslib", "fromfile", "fromregex", "frompyfunc", "genfromtxt", "lib", "load", "loadtxt",
    "memmap", "open_memmap", "random", "save", "savetxt", "savez", "savez_compressed", "seterr", "seterrcall",
    "set_printoptions", "test", "testing", "vectorize",
)  # fmt: skip

_EXPRESSION = (
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Attribute, ast.Name, ast.Constant, ast.keyword,
    ast.Load, ast.operator, ast.unaryop, ast.cmpop, ast.Tuple,
)  # fmt: skip

_PRECEDENCE: dict[type[ast.AST], int] = {
    ast.Add: SUM, ast.Sub: SUM, ast.Mult: PRODUCT, ast.Div: PRODUCT, ast.FloorDiv: PRODUCT, ast.Mod: PRODUCT,
    ast.MatMult: PRODUCT, ast.Pow: POWER,
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A checked definition: its operands, the text of a function, and that function."""

    operands: tuple[str, ...]
    #: `def _name(...): ...`
    function_text: str
    function: Callable[..., Any]
    #: The expression with places of the operands, where it is short enough to stand in line.
    expression: ast.expr | None = None
    expression_text: str = ""

    @property
    def steps(self) -> int:
        """Operators and calls in its text, each of which counts as one flop an element."""
        return sum(isinstance(n, (ast.BinOp, ast.Call)) for n in ast.walk(ast.parse(self.function_text)))

    def inline(self, operands: Sequence[Text]) -> Text | None:
        """The expression with operands in their places; None where one would be computed twice."""
        tree = self.expression
        if tree is None:
            return None
        names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in self.operands]
        if len({n.id for n in names}) < len(names):
            return None
        alone = {id(a) for n in ast.walk(tree) if isinstance(n, ast.Call) for a in n.args}
        given = dict(zip(self.operands, operands))
        text = self.expression_text
        for name in sorted(names, key=lambda n: n.col_offset, reverse=True):
            operand = given[name.id]
            put = operand.source if id(name) in alone else operand.inside(ATOM)
            text = text[: name.col_offset] + put + text[name.end_col_offset :]
        if weak(operands):
            return Text(f"float({text})", weak=True)
        return Text(text, _precedence(tree))


def _precedence(tree: ast.expr) -> int:
    if isinstance(tree, ast.BinOp):
        return _PRECEDENCE[type(tree.op)]
    return UNARY if isinstance(tree, ast.UnaryOp) else COMPARE if isinstance(tree, ast.Compare) else ATOM


def read(name: str, helper: str, numpy: Any, operands: Sequence[str] | None, doc: str) -> Source:
    """The checked source of an operation.

    Raises SpecError for what a generated module could not carry.
    """
    if isinstance(numpy, str):
        return _from_text(name, helper, numpy, operands, doc)
    if callable(numpy) and hasattr(numpy, "__code__"):
        return _from_function(name, helper, numpy, operands, doc)
    raise SpecError(
        f"custom {name!r}: numpy={numpy!r}",
        expected="an expression in text such as 'np.log1p(np.abs(x))', or a Python function",
    )


def _refuse(name: str, what: str, hint: str | None = None) -> SpecError:
    return SpecError(f"custom {name!r}: {what}", hint=hint)


# --- expressions in text ----------------------------------------------------------------------------


def _from_text(name: str, helper: str, given: str, operands: Sequence[str] | None, doc: str) -> Source:
    # One line, so that places in the text are columns.
    text = " ".join(given.split())
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise _refuse(name, f"cannot read the expression {given!r}") from error
    if not text.isascii():
        raise _refuse(name, f"cannot read the expression {given!r}", "ASCII letters only")
    found = list(dict.fromkeys(n.id for n in _in_order(tree) if isinstance(n, ast.Name) and n.id != "np"))
    names = tuple(operands) if operands is not None else tuple(found)
    _check_names(name, names)
    for node in ast.walk(tree):
        _check_expression(name, node, names)
    arguments = ", ".join(names)
    body = f"def {helper}({arguments}):\n" + _docstring(doc) + f"    return {text}"
    # Everything in the text has been looked at by now.
    code = compile(f"lambda {arguments}: {text}", f"<custom {name}>", "eval")
    function = eval(code, {"np": np, "__builtins__": {}})
    return Source(names, body, function, tree, text)


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from _in_order(child)


def _check_names(name: str, names: Sequence[str]) -> None:
    for operand in names:
        if not operand.isidentifier() or operand.startswith("_") or operand in ("np", "math", "g", "y_bar"):
            raise _refuse(name, f"an operand cannot be called {operand!r}", "a short name such as x")
    if not names:
        raise _refuse(name, "no operands", "an expression of at least one name, such as x")
    if len(set(names)) < len(names):
        raise _refuse(name, f"operands {tuple(names)} are not distinct")


def _check_expression(name: str, node: ast.AST, operands: Sequence[str]) -> None:
    if not isinstance(node, _EXPRESSION):
        raise _refuse(
            name, f"{type(node).__name__} is not allowed in an expression",
            "arithmetic, comparisons, numbers, operands and calls of np.*",
        )  # fmt: skip
    if isinstance(node, ast.Constant) and type(node.value) not in (int, float, bool):
        raise _refuse(name, f"{node.value!r} is not a number")
    if isinstance(node, ast.Name) and node.id != "np" and node.id not in operands:
        raise _refuse(name, f"{node.id!r} is not an operand", f"operands are {', '.join(operands)}")
    if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
        raise _refuse(name, f"a call of {ast.unparse(node.func)}", "call functions of np")
    if isinstance(node, ast.Attribute):
        _check_numpy(name, node, only_numpy=True)


def _check_numpy(name: str, node: ast.Attribute, only_numpy: bool) -> None:
    """`np.something` that is mathematics; other attributes only where methods are allowed."""
    if isinstance(node.value, ast.Name) and node.value.id == "np":
        module = inspect.ismodule(getattr(np, node.attr, None))
        refused = node.attr in _REFUSED or node.attr.startswith("_") or not hasattr(np, node.attr)
        if refused or (module and (only_numpy or node.attr not in ("linalg", "fft"))):
            raise _refuse(name, f"np.{node.attr} is not a function that generated code may use")
    elif only_numpy or node.attr.startswith("_"):
        raise _refuse(name, f"the attribute {ast.unparse(node)}", "functions of np")


# --- Python functions -------------------------------------------------------------------------------


def _from_function(name: str, helper: str, function: Any, operands: Sequence[str] | None, doc: str) -> Source:
    parameters = list(inspect.signature(function).parameters.values())
    for parameter in parameters:
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.default is not parameter.empty:
            raise _refuse(
                name, f"the parameter {parameter} of its function", "plain parameters, one an operand"
            )
    names = tuple(p.name for p in parameters)
    if operands is not None and tuple(operands) != names:
        raise _refuse(name, f"operands={tuple(operands)!r}, but the function has {names}")
    _check_names(name, names)
    if function.__closure__:
        captured = ", ".join(function.__code__.co_freevars)
        raise _refuse(
            name, f"its function takes {captured} from the function around it (a closure)",
            "write the number itself, or make it an operand",
        )  # fmt: skip
    _check_globals(name, function)
    tree, text = _definition(name, function)
    for node in ast.walk(tree):
        _check_statement(name, node)
    if isinstance(tree, ast.Lambda):
        body = ast.get_source_segment(text, tree.body)
        assert body is not None
        return _from_lambda(names, helper, body, tree.body, function, doc)
    assert isinstance(tree, ast.FunctionDef)
    return Source(names, _function_text(tree, text, helper, doc), function)


def _from_lambda(
    names: tuple[str, ...], helper: str, body: str, tree: ast.expr, function: Any, doc: str
) -> Source:
    # Read again, so that columns count from the start; one in brackets may span lines and hold comments.
    text = body if "\n" not in body else ast.unparse(tree)
    parsed = ast.parse(text, mode="eval").body
    source = f"def {helper}({', '.join(names)}):\n" + _docstring(doc) + f"    return {text}"
    simple = all(isinstance(node, _EXPRESSION) for node in ast.walk(parsed)) and text.isascii()
    return Source(names, source, function, parsed if simple else None, text)


def _check_globals(name: str, function: Any) -> None:
    for code in _codes(function.__code__):
        for instruction in dis.get_instructions(code):
            if instruction.opname not in ("LOAD_GLOBAL", "LOAD_NAME"):
                continue
            read = instruction.argval
            value = function.__globals__.get(read, getattr(builtins, read, None))
            if read not in function.__globals__ and read in _BUILTINS:
                continue
            if (read == "np" and value is np) or (read == "math" and value is math):
                continue
            hint = "import numpy as np, and write np" if value is np else "np, math, and what it is given"
            raise _refuse(name, f"its function uses {read!r}, which a generated module does not have", hint)


def _codes(code: CodeType) -> Iterator[CodeType]:
    pending = [code]
    while pending:
        one = pending.pop()
        yield one
        pending += [c for c in one.co_consts if isinstance(c, CodeType)]


_STATEMENTS = (
    ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await, ast.ClassDef, ast.Delete, ast.Global,
    ast.Import, ast.ImportFrom, ast.Nonlocal, ast.Try, ast.With, ast.Yield, ast.YieldFrom, ast.JoinedStr,
)  # fmt: skip


def _check_statement(name: str, node: ast.AST) -> None:
    if isinstance(node, _STATEMENTS):
        raise _refuse(name, f"{type(node).__name__} is not allowed in its function")
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        raise _refuse(name, f"its function {node.name!r} is decorated")
    if isinstance(node, ast.Attribute):
        _check_numpy(name, node, only_numpy=False)


def _definition(name: str, function: Any) -> tuple[ast.AST, str]:
    """The syntax tree of a function within the text of its file."""
    try:
        lines, _ = inspect.findsource(function)
        text = "".join(lines)
        tree = ast.parse(text)
    except (OSError, TypeError, SyntaxError) as error:
        raise _refuse(
            name, "the source of its function cannot be found", "write the expression as text"
        ) from error
    code = function.__code__
    kind = ast.Lambda if code.co_name == "<lambda>" else ast.FunctionDef
    arguments = list(code.co_varnames[: code.co_argcount])
    found: dict[str, ast.AST] = {}
    for node in ast.walk(tree):
        if not isinstance(node, kind) or node.lineno != code.co_firstlineno:
            continue
        assert isinstance(node, (ast.Lambda, ast.FunctionDef))
        if [a.arg for a in node.args.args] == arguments and _within(code, node):
            found[ast.dump(node)] = node
    if len(found) != 1:
        raise _refuse(
            name, "which function in its line it is given cannot be told", "give it a line of its own"
        )
    return next(iter(found.values())), text


def _within(code: CodeType, node: ast.Lambda | ast.FunctionDef) -> bool:
    """Whether the instructions of the code come from that part of the text."""
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    for line, last_line, column, last_column in list(code.co_positions())[1:]:
        if line is None or last_line is None or column is None or last_column is None or not last_column:
            continue
        if (line, column) < start or (last_line, last_column) > end:
            return False
    return True


def _function_text(tree: ast.FunctionDef, text: str, helper: str, doc: str) -> str:
    """The definition under the name of the helper, dedented, without annotations."""
    annotated = tree.returns is not None or any(a.annotation for a in tree.args.args)
    if annotated or any(isinstance(node, ast.AnnAssign) for node in ast.walk(tree)):
        for argument in tree.args.args:
            argument.annotation = None
        tree.returns = None
        source = ast.unparse(tree)
    else:
        lines = text.splitlines()[tree.lineno - 1 : tree.end_lineno]
        source = textwrap.dedent("\n".join(lines))
    head, _, body = source.partition(":\n")
    head = head.replace(f"def {tree.name}(", f"def {helper}(", 1)
    if not body or not head.startswith(f"def {helper}("):
        (definition,) = ast.parse(source).body
        assert isinstance(definition, ast.FunctionDef)
        definition.name = helper
        source = ast.unparse(definition)
        head, _, body = source.partition(":\n")
    if ast.get_docstring(tree) is None:
        body = _docstring(doc) + body
    return f"{head}:\n{body}"


def _docstring(doc: str) -> str:
    text = doc.strip().replace("\\", "\\\\").replace('"', "'")
    return f'    """{text}"""\n' if text else ""
