"""sympy expressions to Functions.

Expressions are walked once per distinct subexpression and never recursively. Symbols are taken as real,
whatever their assumptions say, and only their names reach the graph.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.errors import SpecError
from symgrad.graph import Function, Parameter
from symgrad.node import OPS, Node, lift
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import broadcast_up, expand_dims
from symgrad.rewrite import stabilize
from symgrad.shapes import Shape, core, parse_shape
from symgrad.spelling import FUNCTIONS, NAMES
from symgrad.trace import ArraySpec
from symgrad.guard import guard

Converted = Any
Handler = Callable[[Any, Sequence[Converted]], Converted]


def from_sympy(expr: Any, args: Any = None, *, name: str | None = None, **shapes: Any) -> Function:
    """A Function from a sympy expression, a list or tuple of them, or a Matrix.

    Parameters
    ----------
    expr
        A scalar expression (result of the shape of its arguments), a list or tuple of expressions (as
        many outputs), or a Matrix (result of shape `(..., rows, columns)`).
    args
        Symbols or their names, in the order of the parameters; by default sorted by name.
    name
        Name of the result, `f` by default.
    **shapes
        Shapes of symbols that are not `"..."` arguments.

    Raises
    ------
    SpecError
        For what has no numerical meaning here (an unevaluated Derivative or Integral, a complex number),
        with the part of the expression at fault; for two different symbols of one name.
    """
    title = name or "f"
    roots = _roots(expr)
    order = _postorder(roots)
    symbols = _symbols(order, title)
    names = _argument_names(symbols, args, shapes, title)
    inputs = {n: _input(n, shapes.get(n, "...")) for n in names}
    memo: dict[Any, Converted] = {}
    for part in order:
        memo[part] = inputs[part.name] if part in symbols else _convert(part, memo)
    result = _result(expr, memo)
    parameters = tuple(Parameter(n, node) for n, node in inputs.items())
    return guard(stabilize(Function(name=title, parameters=parameters, result=result)))


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
    return [sp.sympify(expr, strict=True)]


def _postorder(roots: list[Any]) -> list[Any]:
    """Every distinct subexpression once, operands first."""
    order: list[Any] = []
    done: set[Any] = set()
    for root in roots:
        stack = [(root, False)]
        while stack:
            part, ready = stack.pop()
            if part in done:
                continue
            if ready:
                done.add(part)
                order.append(part)
                continue
            stack.append((part, True))
            stack.extend((a, False) for a in reversed(part.args) if a not in done)
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


def _matrix(entries: list[Node], shape: tuple[int, int]) -> Node:
    """Scalars or elementwise values as one array of shape `(..., rows, columns)`."""
    full: Shape = max((e.shape for e in entries), key=len, default=())
    width = len(core(full))
    expanded = [expand_dims(broadcast_up(e, full), axes=(width, width + 1)) for e in entries]
    stack: Callable[..., Node] = FUNCTIONS[np.concatenate]
    rows = [
        stack(expanded[r * shape[1] : (r + 1) * shape[1]], axis=width + 1) for r in range(shape[0])
    ]
    return stack(rows, axis=width)


def _convert(part: Any, memo: dict[Any, Converted]) -> Converted:
    for kind in type(part).__mro__:
        handler = _HANDLERS.get(kind.__name__)
        if handler is not None:
            return handler(part, [memo[a] for a in part.args], memo) if handler in _WITH_MEMO else handler(
                part, [memo[a] for a in part.args]
            )
    name = type(part).__name__ if not hasattr(part, "func") else str(part.func)
    close = difflib.get_close_matches(name, _HANDLERS, 1)
    raise SpecError(
        f"from_sympy: {name} has no numerical form here",
        where=f"in {str(part)[:100]}",
        hint=_HINTS.get(name) or (f"did you mean {close[0]}?" if close else None),
    )


_HINTS = {
    "Derivative": "carry it out first with .doit(), or differentiate the Function with sg.grad",
    "Integral": "carry it out first with .doit(), or replace it by a sum",
    "ImaginaryUnit": "real and imaginary parts as two expressions",
}


def _number(part: Any, args: Sequence[Converted]) -> Node:
    numerator, denominator = int(part.p), int(part.q)
    if abs(numerator) < 2**53 and denominator < 2**53:
        return lift(numerator if denominator == 1 else Fraction(numerator, denominator))
    try:
        return lift(float(Fraction(numerator, denominator)))
    except OverflowError:
        raise SpecError(f"from_sympy: the number {str(part)[:40]}... is larger than any float64") from None


def _float(part: Any, args: Sequence[Converted]) -> Node:
    return lift(float(part))


def _constant(part: Any, args: Sequence[Converted]) -> Node:
    return lift(float(part.evalf(30)))


def _add(part: Any, args: Sequence[Converted]) -> Node:
    total = args[0]
    for term in args[1:]:
        total = total + term
    return lift(total)


def _mul(part: Any, args: Sequence[Converted], memo: dict[Any, Converted]) -> Node:
    """A product with negative powers written as one division."""
    above: list[Node] = []
    below: list[Node] = []
    for factor, node in zip(part.args, args):
        if factor.is_Rational and not factor.is_Integer and max(abs(factor.p), factor.q) < 2**53:
            above += [_number_of(factor.p)] if factor.p != 1 else []
            below.append(_number_of(factor.q))
        elif factor.is_Pow and factor.exp.is_Number and factor.exp.is_negative:
            below.append(_raise(memo[factor.base], -factor.exp))
        else:
            above.append(node)
    top = _product(above) if above else lift(1)
    return top / _product(below) if below else top


def _number_of(value: Any) -> Node:
    import sympy as sp

    return _number(sp.Integer(value), ())


def _product(factors: list[Node]) -> Node:
    total = factors[0]
    for factor in factors[1:]:
        total = total * factor
    return total


def _pow(part: Any, args: Sequence[Converted]) -> Node:
    if part.base.is_Number and str(part.base) == "E":
        return FUNCTIONS[np.exp](args[1])  # type: ignore[no-any-return]
    if part.exp.is_Number and part.exp.is_negative:
        return lift(1) / _raise(args[0], -part.exp)
    return _raise(args[0], part.exp, args[1])


def _raise(base: Node, exponent: Any, node: Node | None = None) -> Node:
    if exponent == 1:
        return base
    if exponent.is_Rational and exponent.q == 2 and exponent.p == 1:
        return FUNCTIONS[np.sqrt](base)  # type: ignore[no-any-return]
    if exponent.is_Number:
        node = _number(exponent, ()) if exponent.is_Rational else lift(float(exponent))
    return FUNCTIONS[np.power](base, node)  # type: ignore[no-any-return]


def _of(function: Any) -> Handler:
    """A handler that applies a numpy function, or one of symgrad's by its name."""

    def handler(part: Any, args: Sequence[Converted]) -> Node:
        builder = NAMES.get(function) if isinstance(function, str) else FUNCTIONS.get(function)
        if builder is None:
            raise SpecError(
                f"from_sympy: {type(part).__name__} has no numerical form here",
                where=f"in {str(part)[:100]}",
            )
        return builder(*[lift(a) for a in args])  # type: ignore[no-any-return]

    return handler


def _folded(function: Any) -> Handler:
    """A handler for an n-ary operation made of a binary one."""

    def handler(part: Any, args: Sequence[Converted]) -> Node:
        total = lift(args[0])
        for other in args[1:]:
            total = FUNCTIONS[function](total, lift(other))
        return total

    return handler


def _log(part: Any, args: Sequence[Converted]) -> Node:
    if len(args) == 2:
        return FUNCTIONS[np.log](args[0]) / FUNCTIONS[np.log](args[1])  # type: ignore[no-any-return]
    return FUNCTIONS[np.log](args[0])  # type: ignore[no-any-return]


def _heaviside(part: Any, args: Sequence[Converted]) -> Node:
    return FUNCTIONS[np.heaviside](args[0], args[1] if len(args) > 1 else lift(0.5))  # type: ignore[no-any-return]


def _reciprocal(function: Any) -> Handler:
    inner = _of(function)

    def handler(part: Any, args: Sequence[Converted]) -> Node:
        return lift(1) / inner(part, args)  # type: ignore[no-any-return]

    return handler


def _piecewise(part: Any, args: Sequence[Converted]) -> Node:
    """Nested selects, first match first; nan where no condition holds."""
    pairs = list(args)
    total = lift(float("nan"))
    for value, condition in reversed(pairs):
        if condition is True:
            total = lift(value)
        elif condition is not False:
            total = OPS["where"](condition, lift(value), total)
    return total


def _logical(function: Any, absorbing: bool) -> Handler:
    def handler(part: Any, args: Sequence[Converted]) -> Any:
        kept = [a for a in args if a is not (not absorbing)]
        if any(a is absorbing for a in kept):
            return absorbing
        if not kept:
            return not absorbing
        total = kept[0]
        for other in kept[1:]:
            total = FUNCTIONS[function](total, other)
        return total

    return handler


def _not(part: Any, args: Sequence[Converted]) -> Any:
    return (not args[0]) if isinstance(args[0], bool) else FUNCTIONS[np.logical_not](args[0])


_WITH_MEMO = {_mul}
_HANDLERS: dict[str, Any] = {
    "Rational": _number,
    "Float": _float,
    "NumberSymbol": _constant,
    "Infinity": lambda part, args: lift(float("inf")),
    "NegativeInfinity": lambda part, args: lift(float("-inf")),
    "NaN": lambda part, args: lift(float("nan")),
    "Add": _add,
    "Mul": _mul,
    "Pow": _pow,
    "exp": _of(np.exp),
    "log": _log,
    "sin": _of(np.sin),
    "cos": _of(np.cos),
    "tan": _of(np.tan),
    "cot": _reciprocal(np.tan),
    "sec": _reciprocal(np.cos),
    "csc": _reciprocal(np.sin),
    "asin": _of(np.arcsin),
    "acos": _of(np.arccos),
    "atan": _of(np.arctan),
    "atan2": _of(np.arctan2),
    "sinh": _of(np.sinh),
    "cosh": _of(np.cosh),
    "tanh": _of(np.tanh),
    "coth": _reciprocal(np.tanh),
    "sech": _reciprocal(np.cosh),
    "csch": _reciprocal(np.sinh),
    "asinh": _of(np.arcsinh),
    "acosh": _of(np.arccosh),
    "atanh": _of(np.arctanh),
    "Abs": _of(np.abs),
    "sign": _of(np.sign),
    "floor": _of(np.floor),
    "ceiling": _of(np.ceil),
    "Mod": _of(np.mod),
    "Max": _folded(np.maximum),
    "Min": _folded(np.minimum),
    "Heaviside": _heaviside,
    "erf": _of("erf"),
    "erfc": _of("erfc"),
    "loggamma": _of("gammaln"),
    "digamma": _of("digamma"),
    "ExprCondPair": lambda part, args: (args[0], args[1]),
    "Piecewise": _piecewise,
    "BooleanTrue": lambda part, args: True,
    "BooleanFalse": lambda part, args: False,
    "Equality": _of(np.equal),
    "Unequality": _of(np.not_equal),
    "StrictGreaterThan": _of(np.greater),
    "GreaterThan": _of(np.greater_equal),
    "StrictLessThan": _of(np.less),
    "LessThan": _of(np.less_equal),
    "And": _logical(np.logical_and, False),
    "Or": _logical(np.logical_or, True),
    "Not": _not,
    "re": lambda part, args: args[0],
    "conjugate": lambda part, args: args[0],
}
