"""What sympy's functions become: a handler for each kind of expression, by the name of its class.

A handler gets the expression and what its operands became, and builds with the same functions as numpy
users do.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.errors import SpecError
from symgrad.node import OPS, Node, lift
from symgrad.ops.extrema import largest, smallest
from symgrad.spelling import FUNCTIONS, NAMES

Converted = Any
Handler = Callable[[Any, Sequence[Converted]], Converted]


def handler_of(part: Any) -> Any:
    """What converts expressions of this kind; raises SpecError where nothing does."""
    for kind in type(part).__mro__:
        handler = _HANDLERS.get(kind.__name__)
        if handler is not None:
            return handler
    raise refused(part)


def refused(part: Any, what: str = "has no numerical form here") -> SpecError:
    """The error for an expression, or for what it does."""
    import sympy as sp

    name = type(part).__name__
    hint = (
        "replace it by an expression with .subs" if isinstance(part, sp.core.function.AppliedUndef) else None
    )
    close = difflib.get_close_matches(name, _HANDLERS, 1)
    return SpecError(
        f"from_sympy: {name} {what}",
        where=f"in {_shown(part)}",
        hint=hint or _HINTS.get(name) or (f"did you mean {close[0]}?" if close else None),
    )


def _shown(part: Any) -> str:
    try:
        text = str(part)
    except RecursionError:
        return "an expression too deep to print"
    return text if len(text) <= 100 else text[:97] + "..."


_HINTS = {
    "Sum": "carry it out first with .doit(), or write it as np.sum in a function for sg.trace",
    "Product": "carry it out first with .doit(), or write it as np.prod in a function for sg.trace",
    "Indexed": "a symbol for each element, or an array in a function for sg.trace",
    "MatrixSymbol": "sp.Matrix(A) for a Matrix of its elements, or an array in a function for sg.trace",
    "ComplexInfinity": "sp.oo or -sp.oo",
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
        digits = f"an integer of {numerator.bit_length()} bits" if denominator == 1 else "a quotient"
        raise SpecError("from_sympy: a number is larger than any float64", got=digits) from None


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
    if part.base.is_number and part.base.is_negative and part.exp.is_number and not part.exp.is_Integer:
        raise refused(part, "of a negative number is complex")
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
            raise refused(part)
        return builder(*[lift(a) for a in args])  # type: ignore[no-any-return]

    return handler


def _log(part: Any, args: Sequence[Converted]) -> Node:
    if len(args) == 2:
        return FUNCTIONS[np.log](args[0]) / FUNCTIONS[np.log](args[1])  # type: ignore[no-any-return]
    return FUNCTIONS[np.log](args[0])  # type: ignore[no-any-return]


def _heaviside(part: Any, args: Sequence[Converted]) -> Node:
    return FUNCTIONS[np.heaviside](args[0], args[1] if len(args) > 1 else lift(0.5))  # type: ignore[no-any-return]


def _polygamma(part: Any, args: Sequence[Converted]) -> Node:
    order = part.args[0]
    if not order.is_Integer:
        raise refused(part, "of an order that is no integer has no numerical form here")
    return NAMES["digamma"](args[1]) if order == 0 else NAMES["polygamma"](int(order), args[1])  # type: ignore[no-any-return]


def _binomial(part: Any, args: Sequence[Converted]) -> Node:
    """gamma(n + 1) / (gamma(k + 1) gamma(n - k + 1))."""
    gamma = NAMES["gamma"]
    n, k = (lift(a) for a in args)
    return gamma(n + 1) / (gamma(k + 1) * gamma(n - k + 1))  # type: ignore[no-any-return]


def _beta(part: Any, args: Sequence[Converted]) -> Node:
    gamma = NAMES["gamma"]
    a, b = (lift(a) for a in args)
    return gamma(a) * gamma(b) / gamma(a + b)  # type: ignore[no-any-return]


def _bessel(part: Any, args: Sequence[Converted]) -> Node:
    """J or I of a whole order; the order -n is (-1)^n times the order n of J, and the order n of I."""
    order, kind = part.args[0], type(part).__name__[-1]
    if not order.is_Integer or abs(order) > 100:
        raise refused(part, "of an order that is no integer up to 100 has no numerical form here")
    n, x = abs(int(order)), lift(args[1])
    y: Node = NAMES[f"{kind}{n}"](x) if n < 2 else OPS[f"{kind}v"](x, n=n)
    return -y if kind == "j" and order < 0 and n % 2 else y


def _of_reciprocal(function: Any) -> Handler:
    """A handler for an inverse function of 1/x."""

    def handler(part: Any, args: Sequence[Converted]) -> Node:
        return FUNCTIONS[function](lift(1) / args[0])  # type: ignore[no-any-return]

    return handler


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


def _xor(part: Any, args: Sequence[Converted]) -> Any:
    total: Any = False
    for other in args:
        if isinstance(other, bool):
            total = _not(part, [total]) if other else total
        elif isinstance(total, bool):
            total = _not(part, [other]) if total else other
        else:
            total = FUNCTIONS[np.logical_xor](total, other)
    return total


def _if_then_else(part: Any, args: Sequence[Converted]) -> Any:
    condition, first, second = args
    either, both = _logical(np.logical_or, True), _logical(np.logical_and, False)
    no = _not(part, [condition])
    return either(part, [both(part, [condition, first]), both(part, [no, second])])


#: Handlers that want what all parts became, not only the operands.
WITH_MEMO = {_mul}
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
    "Max": lambda part, args: largest(*args),
    "Min": lambda part, args: smallest(*args),
    "Heaviside": _heaviside,
    "erf": _of("erf"),
    "erfc": _of("erfc"),
    "gamma": _of("gamma"),
    "loggamma": _of("gammaln"),
    "factorial": lambda part, args: NAMES["gamma"](args[0] + 1),
    "binomial": _binomial,
    "beta": _beta,
    "besselj": _bessel,
    "besseli": _bessel,
    "arg": _of(np.angle),
    "polygamma": _polygamma,
    "erfinv": _of("erfinv"),
    "sinc": lambda part, args: OPS["sine_quotient"](args[0]),
    "frac": lambda part, args: args[0] - FUNCTIONS[np.floor](args[0]),
    "acot": _of_reciprocal(np.arctan),
    "asec": _of_reciprocal(np.arccos),
    "acsc": _of_reciprocal(np.arcsin),
    "acoth": _of_reciprocal(np.arctanh),
    "asech": _of_reciprocal(np.arccosh),
    "acsch": _of_reciprocal(np.arcsinh),
    # What sympy.codegen has names for.
    "log1p": _of(np.log1p),
    "expm1": _of(np.expm1),
    "log2": _of(np.log2),
    "log10": _of(np.log10),
    "exp2": _of(np.exp2),
    "Sqrt": _of(np.sqrt),
    "Cbrt": _of(np.cbrt),
    "hypot": _of(np.hypot),
    "UnevaluatedExpr": lambda part, args: args[0],
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
    "Xor": _xor,
    "ITE": _if_then_else,
    "Not": _not,
    "re": lambda part, args: args[0],
    "im": lambda part, args: lift(0),
    "conjugate": lambda part, args: args[0],
}
