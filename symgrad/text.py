"""Python text of expressions, with the precedence that decides where parentheses go.

An operation's `numpy` form is a function `(node, operands, env) -> Text`. The constructors here cover
nearly all of them: `call("np.exp")`, `infix("+", SUM)`, `method("transpose({axes})")`.
`env` is what an expression may know of the module around it (see `Environment`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from symgrad.node import Node

# Python's own precedence, loosest first.
TUPLE, CONDITION, OR, AND, NOT, COMPARE, BITOR, BITXOR, BITAND, SUM, PRODUCT, UNARY, POWER, ATOM = range(14)


@dataclass(slots=True)
class Text:
    """Source text of an expression."""

    source: str
    precedence: int = ATOM
    #: Built from literals and sizes alone, so a Python number that takes the dtype of what it meets.
    weak: bool = False
    #: How deep operations without a name nest in it, for the bodies of functions.
    depth: int = 0

    def inside(self, precedence: int) -> str:
        """The source, in parentheses where it binds less tightly than `precedence`."""
        return self.source if self.precedence >= precedence else f"({self.source})"


class Environment(Protocol):
    """What the text of one node may ask of the function it stands in."""

    #: Name of the working dtype in the generated function.
    dtype: str
    #: Whether numpy is told, around the text, to let numbers underflow to 0.
    quiet: bool

    def dim(self, size: Any) -> str:
        """Python text of a dimension."""

    def shape(self, shape: tuple[Any, ...]) -> str:
        """Python text of a shape, a tuple; a leading `...` becomes the batch shape."""

    def axes(self, node: Node, axes: Sequence[int]) -> str:
        """Text of `axes` of `node`: one integer or a tuple, counted from the end under a batch."""

    def constant(self, source: str) -> str:
        """Name of a constant of the module with this value, such as a long literal array."""

    def helper(self, name: str) -> str:
        """Name of a function of `symgrad/kernels` that the module then carries along."""


Form = Callable[["Node", Sequence[Text], Environment], Text]


def weak(operands: Sequence[Text]) -> bool:
    """Whether an expression of these operands is a Python number."""
    return False not in [operand.weak for operand in operands]


def gives_scalars(form: Form) -> Form:
    """Mark a form whose text gives numpy scalars for scalars, as ufuncs and operators do."""
    _SCALAR_FORMS.add(form)
    return form


def keeps_scalars(form: Form) -> bool:
    """Whether a form's text is known to give numpy scalars for scalars."""
    return form in _SCALAR_FORMS


_SCALAR_FORMS: set[Form] = set()


def call(function: str) -> Form:
    """`function(a, b)`."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        inner = f"{function}({', '.join([operand.source for operand in operands])})"
        # numpy turns Python numbers into float64, which would widen every float32 array it meets.
        return Text(f"float({inner})", weak=True) if weak(operands) else Text(inner)

    return gives_scalars(form) if function != "np.where" else form


def infix(operator: str, precedence: int) -> Form:
    """`a operator b`, grouping from the left."""
    tight = precedence + 1 if precedence == COMPARE else precedence

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        left, right = operands
        a = left.source if left.precedence >= tight else f"({left.source})"
        b = right.source if right.precedence > precedence else f"({right.source})"
        return Text(f"{a} {operator} {b}", precedence, left.weak and right.weak)

    return gives_scalars(form)


def prefix(operator: str) -> Form:
    """`-a`."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        return Text(f"{operator}{operands[0].inside(UNARY)}", UNARY, operands[0].weak)

    return gives_scalars(form)


@gives_scalars
def power(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    """`a**b`."""
    base, exponent = operands
    return Text(f"{base.inside(ATOM)}**{exponent.inside(UNARY)}", POWER, base.weak and exponent.weak)


def method(pattern: str) -> Form:
    """`a.pattern`, where `{name}` in the pattern is a parameter of the node, as `parameter` writes it."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        return Text(f"{operands[0].inside(ATOM)}.{fill(pattern, node, env)}")

    return form


def function(pattern: str) -> Form:
    """`pattern` with `{0}`, `{1}` the operands' texts and `{name}` a parameter of the node."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        return Text(fill(pattern, node, env, [operand.source for operand in operands]))

    return form


def helper(name: str, pattern: str) -> Form:
    """A call of a kernel that travels with the module, `name(pattern)`."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        inner = fill(pattern, node, env, [operand.source for operand in operands])
        return Text(f"{env.helper(name)}({inner})")

    return form


def fill(pattern: str, node: Node, env: Environment, operands: Sequence[str] = ()) -> str:
    """The pattern with operands, parameters, and `{dtype}` filled in."""
    values = {name: parameter(node, name, env) for name in node.op.params}
    return pattern.format(*operands, dtype=env.dtype, **values)


def parameter(node: Node, name: str, env: Environment) -> str:
    """Python text of a parameter: axes and shapes as the environment writes them, others by `repr`."""
    value = getattr(node, name)
    if name in ("axis", "axes"):
        return env.axes(node.args[0], (value,) if isinstance(value, int) else value)
    if name == "shape":
        return env.shape(value)
    return repr(value)
