"""A second body for scalar formulas, for calls with Python floats: the same lines with `math` for numpy.

An operation on a Python float takes a third of the time that one on a numpy scalar takes. Where `math` raises
an error, numpy has an infinity or a nan: the call then goes on to the body for arrays.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from symgrad.graph import Function
from symgrad.lower.body import Body
from symgrad.lower.checks import Signature
from symgrad.lower.environment import Env
from symgrad.lower.layout import LINE
from symgrad.lower.wrap import call_lines, indented
from symgrad.node import Node
from symgrad.ops.leaves import literal
from symgrad.program import Block
from symgrad.shapes import BATCH
from symgrad.text import AND, COMPARE, CONDITION, NOT, OR, PRODUCT, SUM, Text, infix, prefix
from symgrad.tree import is_leaf

#: Operations beyond which a second body is not worth its length.
LONGEST = 150

Write = Callable[[Sequence[Text]], Text]


def _call(name: str) -> Write:
    return lambda operands: Text(f"{name}({', '.join(x.source for x in operands)})")


def _infix(operator: str, precedence: int) -> Write:
    form = infix(operator, precedence)
    return lambda operands: form(None, operands, None)  # type: ignore[arg-type]


def _negated(operands: Sequence[Text]) -> Text:
    return prefix("-")(None, operands, None)  # type: ignore[arg-type]


def _square(operands: Sequence[Text]) -> Text:
    x = operands[0]
    return Text(f"{x.source} * {x.source}", PRODUCT)


def _kept(operands: Sequence[Text]) -> Text:
    return operands[0]


def _larger(operands: Sequence[Text]) -> Text:
    return Text(f"max({operands[0].source}, 0.0)")


def _chosen(operands: Sequence[Text]) -> Text:
    c, a, b = operands
    inner = (a.inside(CONDITION + 1), c.inside(CONDITION + 1), b.inside(CONDITION))
    return Text("{} if {} else {}".format(*inner), CONDITION)


def _divided(operands: Sequence[Text]) -> Text:
    a, b = (x.source for x in operands)
    return Text(f"{a} / {b} if {b} else 0.0", CONDITION)


def _sign(operands: Sequence[Text]) -> Text:
    x = operands[0].source
    return Text(f"1.0 if {x} > 0 else -1.0 if {x} < 0 else {x}", CONDITION)


def _softplus(operands: Sequence[Text]) -> Text:
    x = operands[0].source
    return Text(f"max({x}, 0.0) + math.log1p(math.exp(-abs({x})))", SUM)


def _sigmoid(operands: Sequence[Text]) -> Text:
    return Text(f"1.0 / (1.0 + math.exp({_negated(operands).source}))", PRODUCT)


#: How operations are written for Python floats; a function with another one has no such body.
PLAIN: dict[str, Write] = {
    "add": _infix("+", SUM), "sub": _infix("-", SUM),
    "mul": _infix("*", PRODUCT), "div": _infix("/", PRODUCT),
    "neg": _negated, "abs": _call("abs"), "square": _square, "relu": _larger, "sign": _sign,
    # Not a**b, which may be complex.
    "power": _call("math.pow"),
    "greater": _infix(">", COMPARE), "less": _infix("<", COMPARE), "equal": _infix("==", COMPARE),
    "greater_equal": _infix(">=", COMPARE), "less_equal": _infix("<=", COMPARE),
    "not_equal": _infix("!=", COMPARE), "where": _chosen,
    "ratio": _divided,
    "logical_and": _infix("and", AND), "logical_or": _infix("or", OR),
    "logical_not": lambda operands: Text(f"not {operands[0].inside(NOT)}", NOT),
    "stop_gradient": _kept, "broadcast_to": _kept,
    "sigmoid": _sigmoid, "decay": lambda operands: Text(f"math.exp(-abs({operands[0].source}))"),
    "versine": lambda operands: Text(f"2.0 * math.sin({operands[0].inside(PRODUCT)} / 2)**2", PRODUCT),
    "arcsin": _call("math.asin"), "arccos": _call("math.acos"), "arctan": _call("math.atan"),
    "arctan2": _call("math.atan2"), "arcsinh": _call("math.asinh"), "arccosh": _call("math.acosh"),
    "arctanh": _call("math.atanh"),
    **{name: _call(f"math.{name}") for name in (
        "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "hypot",
    )},
}  # fmt: skip
#: Those that are written with an operand more than once, which has a name then.
REPEATED = ("square", "ratio", "sign", "logaddexp", "logistic")


def plain_block(
    name: str,
    function: Function,
    signature: Signature,
    helpers: dict[str, None],
    result: Callable[[Callable[[Node], str]], str],
) -> tuple[tuple[str, ...], Block] | None:
    """The lines that hand a call with numbers on, and the private function of Python floats they call.

    None where the function has another kind of argument, an operation that `math` lacks, or is long.
    `result` writes the function's result, given how a number in it is written.
    """
    if not _is_plain(function):
        return None
    names = signature.names.copy()
    env = Env({}, names=names)
    body = _PlainBody(function, names, signature.arguments, env)
    sections = body.build()
    text = result(lambda node: f"{body.text[node].inside(PRODUCT)} * _ONE")
    helpers.update(dict.fromkeys(("_ONE", "_NUMBERS")))
    parameters = ", ".join(signature.parameters)
    title = f"_{name}_of_floats"
    block = Block(f"def {title}({parameters}):", "The same for Python floats.", sections, text)
    return tuple(_shortcut(title, signature.parameters)), block


def _shortcut(title: str, parameters: Sequence[str]) -> list[str]:
    """Lines that call the function of that title where all arguments are numbers."""
    joined = ", ".join(parameters)
    kinds = " is ".join([*(f"type({p})" for p in parameters), "float"])
    if len(parameters) == 1:
        others, floats = f"type({joined}) in _NUMBERS", f"float({joined})"
    else:
        others, floats = f"_NUMBERS.issuperset(map(type, ({joined})))", f"*map(float, ({joined}))"
    return [
        "try:",
        *indented(_condition(kinds)),
        f"        return {title}({joined})",
        *indented(_condition(others)),
        *indented(call_lines(f"    return {title}(", [floats], ")", 8)),
        "except (ArithmeticError, ValueError):",
        "    pass  # where math raises, numpy has an infinity or nan",
    ]


def _condition(text: str) -> list[str]:
    line = f"if {text}:"
    if len(line) <= LINE - 8:
        return [line]
    return ["if (", *(f"    {part}" for part in textwrap.wrap(text, LINE - 12)), "):"]


def _is_plain(function: Function) -> bool:
    leaves = [p.tree for p in function.parameters]
    if not leaves or any(p.dtype != "float64" or not is_leaf(p.tree) for p in function.parameters):
        return False
    if any(node.shape not in ((), (BATCH,)) for node in leaves if isinstance(node, Node)):
        return False
    count = 0
    for node in function.nodes():
        if not node.args:
            if node.op.name not in ("const", "input") or (node.dtype == "int64" and node.op.name == "input"):
                return False
            continue
        count += 1
        if node.shape not in ((), (BATCH,)) or not _is_written(node) or count > LONGEST:
            return False
    return all(node.dtype == "float64" for node in function.output_nodes)


def _is_written(node: Node) -> bool:
    name = node.op.name
    if name in ("maximum", "minimum"):
        # max(x, 1.0) is nan where x is; max(x, y) is not where y alone is.
        return any(a.op.name == "const" for a in node.args)
    if name == "logaddexp":
        return node.args[0].is_constant(0) or node.args[1].is_constant(0)
    return name in PLAIN or name == "logistic"


class _PlainBody(Body):
    """A body whose operations are those of Python floats."""

    def write(self, node: Node, operands: Sequence[Text]) -> Text:
        """Text of one operation; an operand that is written more than once gets a name first."""
        name = node.op.name
        if name == "const" and type(node.value) is int and float(node.value) == node.value:
            return literal(float(node.value))  # Python multiplies two floats in half the time
        if not node.args:
            return super().write(node, operands)
        if name in REPEATED:
            for a in node.args:
                if a not in self.named and a.op.name != "const":
                    self._assign(a, self.text[a])
            operands = [self.text[a] for a in node.args]
        if name in ("maximum", "minimum"):
            # The constant comes second: max(nan, 1.0) is nan.
            first, second = sorted(operands, key=lambda x: x.weak)
            return Text(f"{name[:3]}({first.source}, {second.source})")
        if name == "logaddexp":
            return _softplus([operands[1] if node.args[0].is_constant(0) else operands[0]])
        if name == "logistic":
            x, e = operands
            compare = "<=" if node.flipped else ">="
            return Text(f"(1.0 if {x.source} {compare} 0 else {e.source}) / (1.0 + {e.source})", PRODUCT)
        return PLAIN[name](operands)
