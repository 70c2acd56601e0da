"""A Function from formula text, by a parser of its own: nothing in the text is ever executed.

The language is Python's arithmetic: numbers, names, `+ - * / // % **`, one comparison, parentheses and calls
of known functions. A name is a symbol wherever no parenthesis follows it, whatever it is called (`I`,
`gamma`, `lambda`, `exp`); `pi` alone is the constant. A name before a parenthesis is a function.
"""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import symgrad.ops  # noqa: F401  (fills the tables of spellings)
from symgrad.errors import SpecError, SymgradError
from symgrad.graph import Function, Parameter
from symgrad.node import Node, Op, lift
from symgrad.ops.extrema import largest, smallest
from symgrad.ops.leaves import input_node
from symgrad.rewrite import stabilize
from symgrad.shapes import BATCH
from symgrad.spelling import FUNCTIONS, NAMES

CONSTANTS = {"pi": math.pi}

#: What mathematicians and Python's math module call some of numpy's functions.
ALIASES = {
    "abs": "absolute", "ln": "log", "pow": "power",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
}  # fmt: skip

#: Of any number of operands, as Python's.
OF_SEVERAL = {"max": largest, "min": smallest}

#: numpy's elementwise functions that are no ufuncs.
ELEMENTWISE = ("where", "clip", "sinc")

TOKEN = re.compile(
    r"(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/%<>(),])"
    r"|(?P<space>\s+)"
)

# Python's precedence. A comparison does not chain, `**` groups from the right, a prefix binds its operand
# less tightly than `**` does: -x**2 is -(x**2).
COMPARISON, PREFIX, POWER = 1, 4, 5
OPERATORS: dict[str, tuple[int, Any]] = {
    "<": (COMPARISON, np.less), "<=": (COMPARISON, np.less_equal), ">": (COMPARISON, np.greater),
    ">=": (COMPARISON, np.greater_equal), "==": (COMPARISON, np.equal), "!=": (COMPARISON, np.not_equal),
    "+": (2, np.add), "-": (2, np.subtract),
    "*": (3, np.multiply), "/": (3, np.true_divide), "//": (3, np.floor_divide), "%": (3, np.remainder),
    "**": (POWER, np.power),
}  # fmt: skip

HINTS = {
    "^": "** for a power",
    ".": "names alone: no attributes, no modules",
    "=": "an expression: no assignment, no keyword arguments; == compares",
    "[": "names alone: no indexing",
    "&": "logical_and(a, b)",
    "|": "logical_or(a, b); abs(x) for an absolute value",
    "×": "* for a product",
    "·": "* for a product",
    "−": "- for a minus",
}


@dataclass(frozen=True)
class _Token:
    kind: str  # number, name, sign, end
    text: str
    start: int


@dataclass
class _Pending:
    """What waits on the stack: an operator, a prefix, or an open parenthesis, of a call where that is set."""

    kind: str  # binary, prefix, open
    token: _Token
    precedence: int = 0
    call: _Token | None = None
    base: int = 0


def parse(text: str, name: str | None = None) -> Function:
    """The Function of a formula such as `"sin(x)*y + 1"`.

    Every symbol becomes a `"..."` argument, in order of their names: the function is elementwise.

    Parameters
    ----------
    text
        Arithmetic and known functions: those of numpy that work by element, and those of `sg` that do.
    name
        Name of the function, `f` by default.

    Raises
    ------
    SpecError
        For anything else, with the place in the text.
    """
    if not isinstance(text, str):
        raise SpecError("a formula is text", got=type(text).__name__)
    parser = _Parser(text)
    result = parser.run()
    symbols = parser.symbols
    written = Function(
        name=name or "f",
        parameters=tuple(Parameter(symbol, symbols[symbol]) for symbol in sorted(symbols)),
        result=result,
        doc=" ".join(text.split()) if len(text) <= 400 else "",
    )
    return stabilize(written)


def known_functions() -> dict[str, Callable[..., Any]]:
    """The functions that a formula may call, by name."""
    known: dict[str, Callable[..., Any]] = dict(NAMES)
    for function, builder in FUNCTIONS.items():
        if isinstance(function, np.ufunc) and function.signature is None:
            known[function.__name__] = builder
    for name in ELEMENTWISE:
        if getattr(np, name) in FUNCTIONS:
            known[name] = FUNCTIONS[getattr(np, name)]
    for alias, name in ALIASES.items():
        if name in known:
            known.setdefault(alias, known[name])
    return {**known, **OF_SEVERAL}


class _Parser:
    """Operator precedence with a stack of its own, so that no depth of nesting is too deep."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.values: list[Any] = []  # nodes, and numbers that are still Python's
        self.starts: list[int] = []  # where each value starts
        self.pending: list[_Pending] = []
        self.symbols: dict[str, Node] = {}
        self.known: Mapping[str, Callable[..., Any]] = known_functions()

    def run(self) -> Node:
        tokens = self.tokens()
        expects_operand = True
        for position, token in enumerate(tokens):
            if expects_operand:
                expects_operand = self.operand(
                    token, tokens[position - 1] if position else None, tokens, position
                )
            else:
                expects_operand = self.operator(token)
        (value,) = self.values
        return self.checked(lift(value), 0)

    def tokens(self) -> list[_Token]:
        """The text cut up, with an end that is easier to meet than to watch for."""
        found: list[_Token] = []
        position = 0
        while position < len(self.text):
            match = TOKEN.match(self.text, position)
            if match is None:
                sign = self.text[position]
                what = "text in quotes" if sign in "'\"" else repr(sign)
                raise self.error(f"{what} is no part of a formula", position, hint=HINTS.get(sign))
            if match.lastgroup != "space":
                found.append(_Token(str(match.lastgroup), match[0], position))
            position = match.end()
        return [*found, _Token("end", "", len(self.text))]

    def operand(self, token: _Token, before: _Token | None, tokens: list[_Token], position: int) -> bool:
        """Take a token where a value may start; whether one is still expected after it."""
        if token.kind == "number":
            self.push(self.number(token), token.start)
            return False
        if token.kind == "name":
            following = tokens[position + 1]
            if following.text == "(":
                self.pending.append(_Pending("call", token))
                return True
            self.push(self.symbol(token), token.start)
            return False
        if token.text == "(":
            call = self.pending.pop().token if self.pending and self.pending[-1].kind == "call" else None
            self.pending.append(_Pending("open", token, call=call, base=len(self.values)))
            if call is not None and call.text not in self.known:
                raise self.unknown(call)
            return True
        if token.text in ("+", "-"):
            self.pending.append(_Pending("prefix", token, PREFIX))
            return True
        if token.text == ")" and before is not None and before.text == "(" and self.pending[-1].call:
            raise self.error(f"{self.pending[-1].call.text}() has no argument", token.start)
        found = "the formula ends" if token.kind == "end" else f"{token.text!r} stands"
        raise self.error(f"{found} where a value is expected", token.start)

    def operator(self, token: _Token) -> bool:
        """Take a token after a value; whether a value is expected after it."""
        if token.text in OPERATORS:
            precedence = OPERATORS[token.text][0]
            self.reduce(precedence + (token.text == "**"))
            self.pending.append(_Pending("binary", token, precedence))
            return True
        if token.text == ",":
            self.reduce(0)
            if not self.pending or self.pending[-1].call is None:
                raise self.error(
                    "a comma outside the arguments of a function", token.start, hint="one expression"
                )
            return True
        if token.text == ")":
            self.reduce(0)
            if not self.pending:
                raise self.error("')' without '('", token.start)
            self.close(self.pending.pop())
            return False
        if token.kind == "end":
            self.reduce(0)
            if self.pending:
                raise self.error("'(' is never closed", self.pending[-1].token.start)
            return False
        hint = "* for a product"
        if token.text in ("if", "else"):
            hint = "where(condition, a, b)"
        elif token.text in ("and", "or", "not", "in", "is"):
            hint = f"logical_{token.text}(...)" if token.text in ("and", "or", "not") else "arithmetic alone"
        raise self.error(f"{token.text!r} stands where an operator is expected", token.start, hint=hint)

    def reduce(self, precedence: int) -> None:
        """Apply what waits and binds at least as tightly."""
        while self.pending and self.pending[-1].kind != "open" and self.pending[-1].precedence >= precedence:
            waiting = self.pending.pop()
            sign = waiting.token.text
            if waiting.kind == "prefix":
                value = self.values[-1]
                if sign == "-":
                    # A number stays one: leaky_relu(x, -0.1) takes it as a parameter.
                    negative = (
                        -value
                        if not isinstance(value, Node)
                        else self.build(np.negative, waiting.token, value)
                    )
                    self.values[-1] = negative
                self.starts[-1] = waiting.token.start
                continue
            if precedence == waiting.precedence == COMPARISON:
                raise self.error(
                    "comparisons do not chain", waiting.token.start, hint="logical_and(a < b, b < c)"
                )
            right, left = self.values.pop(), self.values.pop()
            self.starts.pop()
            if not isinstance(left, Node) and not isinstance(right, Node):
                left = lift(left)  # never computed here: 10**10**10 is two powers in the graph
            self.values.append(self.build(OPERATORS[sign][1], waiting.token, left, right))

    def close(self, opened: _Pending) -> None:
        """Finish a parenthesis: a group, or the call of a function on the values since it opened."""
        if opened.call is None:
            self.starts[-1] = opened.token.start
            return
        arguments = self.values[opened.base :]
        del self.values[opened.base :], self.starts[opened.base :]
        name = opened.call.text
        builder = self.known[name]
        expected = _arity(builder, len(arguments))
        if expected is not None:
            raise self.error(f"{name} takes {expected}, not {len(arguments)}", opened.call.start)
        self.push(self.applied(name, builder, arguments, opened.call.start), opened.call.start)

    def build(self, function: Any, token: _Token, *operands: Any) -> Node:
        builder = FUNCTIONS.get(function)
        if builder is None:
            raise self.error(f"{token.text} is not supported", token.start)
        return self.applied(token.text, builder, list(operands), token.start)

    def applied(self, name: str, builder: Callable[..., Any], arguments: list[Any], start: int) -> Node:
        try:
            result = builder(*arguments)
        except SymgradError as error:
            raise self.error(error.what, start, expected=error.expected, hint=error.hint) from error
        except Exception as error:
            # A builder that wants a function or a shape finds numbers and symbols here.
            raise self.error(f"{name} cannot be part of a formula: {error}", start) from error
        return self.checked(result, start)

    def checked(self, value: object, start: int) -> Node:
        if isinstance(value, Node) and value.shape in ((), (BATCH,)):
            return value
        raise self.error(
            "this is not one number an element", start, expected="functions that work by element"
        )

    def number(self, token: _Token) -> int | float:
        if token.text.isdecimal() and token.text.isascii() and len(token.text) <= 15:
            return int(token.text)
        value = float(token.text)  # larger integers are not exact in numpy's arithmetic either
        if math.isinf(value):
            raise self.error(f"{token.text[:20]} is too large for a float", token.start)
        return value

    def symbol(self, token: _Token) -> Any:
        if token.text in CONSTANTS:
            return CONSTANTS[token.text]
        if not token.text.isidentifier():
            raise self.error(f"{token.text!r} is not a name", token.start)
        return self.symbols.setdefault(token.text, input_node(token.text, (BATCH,)))

    def push(self, value: Any, start: int) -> None:
        self.values.append(value)
        self.starts.append(start)

    def unknown(self, token: _Token) -> SpecError:
        close = difflib.get_close_matches(token.text, self.known, 1)
        hint = (
            f"did you mean {close[0]}?"
            if close
            else f"{token.text}*(...) for a product; `symgrad ops` lists them"
        )
        return self.error(f"{token.text} is not a known function", token.start, hint=hint)

    def error(
        self, what: str, start: int, *, expected: str | None = None, hint: str | None = None
    ) -> SpecError:
        """The error with the stretch of the formula around it and a caret below the place."""
        flat = "".join(" " if c.isspace() else c for c in self.text)
        first = max(0, start - 40)
        shown = flat[first : start + 30]
        lead = "..." if first else ""
        tail = "..." if start + 30 < len(flat) else ""
        where = f"{lead}{shown}{tail}\n{' ' * (12 + len(lead) + start - first)}^"
        return SpecError(f"cannot read the formula: {what}", where=where, expected=expected, hint=hint)


def _arity(builder: Callable[..., Any], count: int) -> str | None:
    """What a function takes, where `count` arguments are not that."""
    if isinstance(builder, Op):
        wanted = len(builder.operands)
        if builder.variadic or count == wanted:
            return None
        return f"{wanted} argument" + "s" * (wanted != 1)
    try:
        inspect.signature(builder).bind(*range(count))
    except TypeError:
        names = ", ".join(p.name for p in inspect.signature(builder).parameters.values())
        return f"({names})"
    except ValueError:  # no signature to read
        return None
    return None
