"""sympy expressions to Functions.

Expressions are walked once per distinct subexpression and never recursively. Symbols are taken as real,
whatever their assumptions say, and only their names reach the graph.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symgrad.errors import SpecError
from symgrad.frontends.sympy_arrays import Importer
from symgrad.frontends.sympy_functions import WITH_MEMO, Converted, handler_of
from symgrad.frontends.sympy_indices import array_inputs, has_arrays, surveyed
from symgrad.graph import Function, Parameter
from symgrad.guard import guard
from symgrad.node import Node, lift
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import broadcast_up, expand_dims
from symgrad.rewrite import stabilize
from symgrad.shapes import BATCH, Shape, core, has_batch, parse_shape
from symgrad.spelling import FUNCTIONS
from symgrad.trace import ArraySpec
from symgrad.tree import map_leaves


def from_sympy(expr: Any, args: Any = None, *, name: str | None = None, **shapes: Any) -> Function:
    """A Function from a sympy expression, a list or tuple of them, or a Matrix.

    Parameters
    ----------
    expr
        A scalar expression (result of the shape of its arguments), a list or tuple of expressions (as
        many outputs), or a Matrix (result of shape `(..., rows, columns)`). Sums over indexed symbols and
        matrix expressions become vectorised reductions and products: see `symgrad.frontends.sympy_arrays`.
    args
        Symbols or their names, in the order of the parameters; by default sorted by name.
    name
        Name of the result, `f` by default.
    **shapes
        Shapes of symbols that are not `"..."` arguments; beside arrays, of those that are not scalars.

    Raises
    ------
    SpecError
        For what has no numerical meaning here (an unevaluated Derivative or Integral, a complex number),
        with the part of the expression at fault; for two different symbols of one name.
    """
    title = name or "f"
    roots = _roots(expr)
    if has_arrays(roots):
        return _of_arrays(expr, roots, args, title, shapes)
    order = _postorder(roots)
    symbols = _symbols(order, title)
    names = _argument_names(symbols, args, shapes, title)
    inputs = {n: _input(n, shapes.get(n, "...")) for n in names}
    memo: dict[Any, Converted] = {}
    for part in order:
        memo[part] = inputs[part.name] if part in symbols else _convert(part, memo)
    batched = any(has_batch(node.shape) for node in inputs.values())
    result = map_leaves(lambda leaf: _batched(leaf) if batched else leaf, _result(expr, memo))
    parameters = tuple(Parameter(n, node) for n, node in inputs.items())
    return guard(stabilize(Function(name=title, parameters=parameters, result=result)))


def _of_arrays(expr: Any, roots: list[Any], args: Any, title: str, shapes: dict[str, Any]) -> Function:
    """The same for expressions with indexed symbols, sums over them, and matrices."""
    survey, scopes = surveyed(roots)
    values = {symbol: n for n, symbol in survey.symbols.items() if n not in survey.dims}
    _symbols(list(values), title)
    arrays = {n: n for n in survey.declared}
    names = _argument_names({**values, **arrays}, args, shapes, title)
    inputs = array_inputs(survey, names, shapes)
    importer = Importer(survey, inputs, _convert, _matrix)
    found = iter([lift(importer.value(root, scope)) for root, scope in zip(roots, scopes)])
    result = _structured(expr, found)
    parameters = tuple(Parameter(n, node) for n, node in inputs.items())
    return guard(stabilize(Function(name=title, parameters=parameters, result=result)))


def _structured(expr: Any, values: Iterator[Node]) -> Any:
    """Values of the roots, in the structure of what was given."""
    import sympy as sp

    if isinstance(expr, (list, tuple)):
        return tuple(_structured(part, values) for part in expr)
    if isinstance(expr, sp.MatrixBase):
        return _matrix([next(values) for _ in expr.flat()], expr.shape)
    return next(values)


def _roots(expr: Any) -> list[Any]:
    import sympy as sp

    if isinstance(expr, (list, tuple)):
        return [root for part in expr for root in _roots(part)]
    if isinstance(expr, sp.MatrixBase):
        return list(expr.flat())
    if isinstance(expr, str):
        raise SpecError(
            "from_sympy takes expressions, not text", got=repr(expr), hint="sg.parse for a formula as text"
        )
    try:
        return [sp.sympify(expr, strict=True)]
    except sp.SympifyError:
        raise SpecError(
            f"from_sympy: a {type(expr).__name__} is no expression",
            expected="a sympy expression, a list or tuple of them, or a Matrix",
            got=repr(expr)[:80],
        ) from None


def _postorder(roots: list[Any]) -> list[Any]:
    """Every subexpression once, operands first; raises SpecError at the first that is refused.

    Identity tells what is done: the hash of an expression recurses, unless those of its parts are known.
    """
    order: list[Any] = []
    done: set[int] = set()
    for root in roots:
        stack = [(root, False)]
        while stack:
            part, ready = stack.pop()
            if id(part) in done:
                continue
            if ready:
                done.add(id(part))
                order.append(part)
                continue
            if not part.is_Symbol:
                handler_of(part)
            stack.append((part, True))
            stack.extend((a, False) for a in reversed(part.args) if id(a) not in done)
    return order


def _symbols(order: list[Any], title: str) -> dict[Any, str]:
    found: dict[str, Any] = {}
    for part in order:
        if part.is_Symbol:
            other = found.setdefault(part.name, part)
            if other is not part and other != part:
                raise SpecError(
                    f"{title}: two different symbols are called {part.name!r}",
                    got=f"{_assumptions(other)} and {_assumptions(part)}",
                    hint="rename one of them with expr.subs, or give both the same assumptions",
                )
    return {symbol: name for name, symbol in found.items()}


def _assumptions(symbol: Any) -> str:
    import sympy as sp

    given = ", ".join(f"{k}={v}" for k, v in sorted(symbol.assumptions0.items()) if k != "commutative")
    kind = "Dummy" if isinstance(symbol, sp.Dummy) else "Symbol"
    return f"{kind}({symbol.name!r}{', ' + given if given else ''})"


def _argument_names(symbols: dict[Any, str], args: Any, shapes: dict[str, Any], title: str) -> list[str]:
    found = sorted(symbols.values())
    if args is None:
        names = found
    else:
        listed = [args] if isinstance(args, str) or not hasattr(args, "__iter__") else list(args)
        names = [str(getattr(a, "name", a)) for a in listed]
        if len(set(names)) != len(names):
            raise SpecError(f"{title}: an argument is named twice", got=", ".join(names))
        missing = [n for n in found if n not in names]
        if missing:
            raise SpecError(
                f"{title}: args leaves out the symbol {missing[0]!r}",
                expected=", ".join(found),
                got=", ".join(names),
            )
    for key in shapes:
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            raise SpecError(
                f"{title}: a shape for {key!r}, which is not an argument",
                expected=", ".join(names),
                hint=f"did you mean {close[0]!r}?" if close else None,
            )
    return names


def _input(name: str, spec: Any) -> Node:
    if isinstance(spec, ArraySpec):
        return input_node(name, spec.shape, "float64" if spec.dtype == "float32" else spec.dtype)
    return input_node(name, parse_shape(spec, where=f"{name}=..."))


def _result(expr: Any, memo: dict[Any, Converted]) -> Any:
    import sympy as sp

    if isinstance(expr, (list, tuple)):
        return tuple(_result(part, memo) for part in expr)
    if isinstance(expr, sp.MatrixBase):
        return _matrix([memo[part] for part in expr.flat()], expr.shape)
    return memo[sp.sympify(expr, strict=True)]


def _batched(value: Any) -> Node:
    """A constant has the shape of the arguments too, and is a float as they are."""
    node = lift(value)
    if node.is_constant() and type(node.value) is int:
        node = lift(float(node.value))
    return node if node.shape else broadcast_up(node, (BATCH,))


def _matrix(entries: list[Node], shape: tuple[int, int]) -> Node:
    """Scalars or elementwise values as one array of shape `(..., rows, columns)`."""
    full: Shape = max((e.shape for e in entries), key=len, default=())
    width = len(core(full))
    expanded = [expand_dims(broadcast_up(e, full), axes=(width, width + 1)) for e in entries]
    stack: Callable[..., Node] = FUNCTIONS[np.concatenate]
    rows = [stack(expanded[r * shape[1] : (r + 1) * shape[1]], axis=width + 1) for r in range(shape[0])]
    return stack(rows, axis=width)


def _convert(part: Any, memo: dict[Any, Converted]) -> Converted:
    handler = handler_of(part)
    args = [memo[a] for a in part.args]
    return handler(part, args, memo) if handler in WITH_MEMO else handler(part, args)
