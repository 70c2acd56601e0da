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
from symgrad.lower.plain import KERNELS, PLAIN, REPEATED
from symgrad.lower.wrap import call_lines, indented
from symgrad.node import Node
from symgrad.ops.leaves import literal
from symgrad.program import Block
from symgrad.shapes import BATCH
from symgrad.text import PRODUCT, Text
from symgrad.tree import is_leaf

#: Operations beyond which a second body is not worth its length.
LONGEST = 150


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
    helpers.update(dict.fromkeys((*env.helpers, "_ONE", "_NUMBERS")))
    parameters = ", ".join(signature.parameters)
    title = f"_{name}_of_floats"
    block = Block(f"def {title}({parameters}):", "The same for Python floats.", sections, text)
    return tuple(_shortcut(title, signature.parameters)), block


def _shortcut(title: str, parameters: Sequence[str]) -> list[str]:
    """Lines that call the function of that title where all arguments are numbers."""
    joined = ", ".join(parameters)
    if len(parameters) == 1:
        kinds, others, floats = f"type({joined}) is float", f"type({joined}) in _NUMBERS", f"float({joined})"
    else:
        # The first comparison settles it for arrays.
        kinds = " is ".join(["float", *(f"type({p})" for p in parameters)])
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
    if node.op.name == "cast":
        return bool(node.to == "float64")
    return node.op.name in PLAIN or node.op.name in KERNELS


class _PlainBody(Body):
    """A body whose operations are those of Python floats."""

    writes = True

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
        if name in KERNELS:
            return Text(f"{self.env.helper(KERNELS[name])}({operands[0].source})")
        return PLAIN[name](node, operands)
