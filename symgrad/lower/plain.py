"""How operations are written for Python floats: with operators, `math`, and kernels of single floats.

Where numpy gives an infinity or a nan, what stands here gives the same, or raises an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symgrad.node import Node
from symgrad.ops.leaves import literal
from symgrad.text import AND, ATOM, COMPARE, CONDITION, NOT, OR, PRODUCT, SUM, Text, infix, prefix

Write = Callable[[Node, Sequence[Text]], Text]


def _call(name: str) -> Write:
    return lambda node, operands: Text(f"{name}({', '.join(x.source for x in operands)})")


def _infix(operator: str, precedence: int) -> Write:
    form = infix(operator, precedence)
    return lambda node, operands: form(node, operands, None)  # type: ignore[arg-type]


def _pattern(pattern: str, precedence: int) -> Write:
    """The pattern with the sources of the operands in it, which are names or literals."""
    return lambda node, operands: Text(pattern.format(*(x.source for x in operands)), precedence)


def _negated(node: Node, operands: Sequence[Text]) -> Text:
    return prefix("-")(node, operands, None)  # type: ignore[arg-type]


def _kept(node: Node, operands: Sequence[Text]) -> Text:
    return operands[0]


def _chosen(node: Node, operands: Sequence[Text]) -> Text:
    c, a, b = operands
    inner = (a.inside(CONDITION + 1), c.inside(CONDITION + 1), b.inside(CONDITION))
    return Text("{} if {} else {}".format(*inner), CONDITION)


def _sigmoid(node: Node, operands: Sequence[Text]) -> Text:
    return Text(f"1.0 / (1.0 + math.exp({_negated(node, operands).source}))", PRODUCT)


def _logistic(node: Node, operands: Sequence[Text]) -> Text:
    x, e = (operand.source for operand in operands)
    return Text(f"(1.0 if {x} {'<=' if node.flipped else '>='} 0 else {e}) / (1.0 + {e})", PRODUCT)


def _extreme(name: str, compare: str) -> Write:
    def write(node: Node, operands: Sequence[Text]) -> Text:
        # The constant comes second: max(nan, 1.0) is nan.
        a, b = (x.source for x in sorted(operands, key=lambda x: x.weak))
        if any(x.op.name == "const" for x in node.args):
            return Text(f"{name}({a}, {b})")
        return Text(f"{a} if {a} {compare} {b} or {a} != {a} else {b}", CONDITION)

    return write


def _logaddexp(node: Node, operands: Sequence[Text]) -> Text:
    if any(x.is_constant(0) for x in node.args):
        x = operands[1 if node.args[0].is_constant(0) else 0].source
        return Text(f"max({x}, 0.0) + math.log1p(math.exp(-abs({x})))", SUM)
    a, b = (x.source for x in operands)
    return Text(f"max({a}, {b}) + math.log1p(math.exp(-abs({a} - {b})) if {a} != {b} else 1.0)", SUM)


def _elu(node: Node, operands: Sequence[Text]) -> Text:
    x = operands[0].source
    return Text(f"{x} if {x} > 0 else {node.alpha!r} * math.expm1({x})", CONDITION)


def _clip(node: Node, operands: Sequence[Text]) -> Text:
    return Text(f"min(max({operands[0].source}, {literal(node.low).source}), {literal(node.high).source})")


#: Operations to how they are written; a function with another one has no body for Python floats.
PLAIN: dict[str, Write] = {
    "add": _infix("+", SUM), "sub": _infix("-", SUM),
    "mul": _infix("*", PRODUCT), "div": _infix("/", PRODUCT),
    "mod": _infix("%", PRODUCT), "floor_divide": _infix("//", PRODUCT),
    "neg": _negated, "abs": _call("abs"), "square": _pattern("{0} * {0}", PRODUCT),
    "squares_difference": _pattern("({0} - {1}) * ({0} + {1})", PRODUCT),
    # Not a**b, which may be complex.
    "power": _call("math.pow"), "exp2": _pattern("math.pow(2.0, {0})", ATOM),
    "greater": _infix(">", COMPARE), "less": _infix("<", COMPARE), "equal": _infix("==", COMPARE),
    "greater_equal": _infix(">=", COMPARE), "less_equal": _infix("<=", COMPARE),
    "not_equal": _infix("!=", COMPARE), "where": _chosen,
    "logical_and": _infix("and", AND), "logical_or": _infix("or", OR),
    "logical_not": lambda node, operands: Text(f"not {operands[0].inside(NOT)}", NOT),
    "signbit": _pattern("math.copysign(1.0, {0}) < 0", COMPARE), "cast": _call("float"),
    "stop_gradient": _kept, "broadcast_to": _kept, "as_written": _kept,
    "relu": _pattern("max({0}, 0.0)", ATOM), "clip": _clip, "elu": _elu,
    "maximum": _extreme("max", ">="), "minimum": _extreme("min", "<="),
    "sign": _pattern("1.0 if {0} > 0 else -1.0 if {0} < 0 else {0}", CONDITION),
    "ratio": _pattern("{0} / {1} if {1} else 0.0", CONDITION),
    "xlogy": _pattern("{0} * math.log({1}) if {0} or {1} != {1} else 0.0", CONDITION),
    "xlog1py": _pattern("{0} * math.log1p({1}) if {0} or {1} != {1} else 0.0", CONDITION),
    "xdivy": _pattern("{0} / {1} if {0} or {1} != {1} else 0.0", CONDITION),
    "entr": _pattern("-{0} * math.log({0}) if {0} else 0.0", CONDITION),
    "sigmoid": _sigmoid, "logistic": _logistic, "logaddexp": _logaddexp,
    "decay": _pattern("math.exp(-abs({0}))", ATOM),
    "versine": lambda node, operands: Text(f"2.0 * math.sin({operands[0].inside(PRODUCT)} / 2)**2", PRODUCT),
    "arcsin": _call("math.asin"), "arccos": _call("math.acos"), "arctan": _call("math.atan"),
    "arctan2": _call("math.atan2"), "arcsinh": _call("math.asinh"), "arccosh": _call("math.acosh"),
    "arctanh": _call("math.atanh"), "deg2rad": _call("math.radians"), "rad2deg": _call("math.degrees"),
    **{name: _call(f"math.{name}") for name in (
        "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "hypot", "erf", "erfc", "copysign", "fmod", "isnan", "isinf", "isfinite",
    )},
}  # fmt: skip
#: Kernels for single floats.
KERNELS = {name: f"_{name}_of_float" for name in ("gaussian", "norm_pdf", "norm_pdf_slope", "norm_cdf")}
#: Operations that are written with an operand more than once, which has a name then.
REPEATED = frozenset({
    "square", "squares_difference", "ratio", "sign", "logaddexp", "logistic", "elu", "xlogy", "xlog1py",
    "xdivy", "entr", "maximum", "minimum",
})  # fmt: skip
