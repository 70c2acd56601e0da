"""`custom`: a user's own operation, with its numpy form and its adjoint, checked where it is defined."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from symgrad.errors import SpecError
from symgrad.graph import toposort
from symgrad.kernels import register_source
from symgrad.node import OPS, AdjointRule, Node, Op, elementwise, floats, lift
from symgrad.ops import custom_check as checks
from symgrad.ops.custom_shape import Signature
from symgrad.ops.custom_source import Source, read
from symgrad.ops.leaves import input_node
from symgrad.shapes import Dim
from symgrad.text import Environment, Form, Text, weak

#: Operations defined by users, by name.
CUSTOM: dict[str, Op] = {}

_FINGERPRINTS: dict[str, Any] = {}


class Symbolic:
    """How users' functions see nodes: as they are, until the layer of symbolic arrays installs its own."""

    wrap: Callable[[Node], Any] = staticmethod(lambda node: node)
    as_node: Callable[[Any], Node] = staticmethod(lift)
    invoke: Callable[..., Any] = staticmethod(lambda builder, args, kwargs: builder(*args, **kwargs))
    kinds: tuple[type, ...] = (Node, Dim)


def install_symbolic(
    wrap: Callable[[Node], Any], as_node: Callable[[Any], Node], invoke: Callable[..., Any], kind: type
) -> None:
    """Let adjoint rules be called with symbolic arrays of that kind, and operations be called on them."""
    Symbolic.wrap, Symbolic.as_node, Symbolic.invoke = map(staticmethod, (wrap, as_node, invoke))
    Symbolic.kinds = (Node, Dim, kind)


class Custom:
    """A user's operation: call it on symbolic arrays inside a traced function, or on numbers."""

    def __init__(self, op: Op, function: Callable[..., Any]) -> None:
        self.op = op
        self.function = function
        self.__name__ = op.name
        self.__doc__ = op.doc

    def __call__(self, *operands: Any) -> Any:
        if len(operands) != len(self.op.operands):
            raise TypeError(
                f"{self.op.name}() takes {len(self.op.operands)} operands "
                f"({', '.join(self.op.operands)}), got {len(operands)}"
            )
        if any(isinstance(x, Symbolic.kinds) for x in operands):
            return Symbolic.invoke(self.op, operands, {})
        arrays = [np.asarray(x) for x in operands]
        return self.function(*(a if a.dtype.kind == "f" else a.astype(float) for a in arrays))

    def __repr__(self) -> str:
        return f"<custom {self.op.name}({', '.join(self.op.operands)})>"


def custom(
    name: str,
    *,
    numpy: Any,
    adjoint: Any,
    sympy: Callable[..., Any] | None = None,
    operands: Sequence[str] | str | None = None,
    sample: Any = (-2.0, 2.0),
    doc: str | None = None,
    shape: str | None = None,
) -> Custom:
    """Define an operation of your own, to call inside traced functions.

    Parameters
    ----------
    name
        What it is called, an identifier.
    numpy
        An expression in text, `"np.log1p(np.abs(x))"`, or a Python function that uses np and math alone.
        Generated modules carry its source.
    adjoint
        `lambda g, y, x: ...`: what the adjoint g of the result y contributes to that of x, in numpy. For
        several operands a function that returns a tuple or a dict of contributions, or a dict of functions
        by operand; None is no derivative.
    sympy
        Its meaning, `lambda x: sympy.log(1 + sympy.Abs(x))`. Where the numpy form consists of known
        functions it is found without.
    operands
        Names of the operands of an expression, where the order of their appearance is not the one wanted.
    sample
        The domain that tests draw from: one interval, or a dict of them by operand.
    shape
        `"n d, d -> n"` for an operation that is not elementwise.

    Raises
    ------
    SpecError
        For a form that a generated module could not carry, or that fails in the tested domain.
    VerificationError
        Where value, meaning and adjoint disagree; the message shows the numbers.
    """
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise SpecError(f"custom: an operation cannot be called {name!r}", expected="a Python identifier")
    names = operands.replace(",", " ").split() if isinstance(operands, str) else operands
    doc = (doc or f"The operation {name}, defined by its user.").strip()
    # `_..._arguments` is what the checks of a generated module are called.
    helper = f"_{name}_op" if name.endswith("arguments") else f"_{name}"
    source = read(name, helper, numpy, names, doc)
    samples = _samples(name, sample, source.operands)
    fingerprint = _fingerprint(
        [source.function_text, source.operands, adjoint, sympy, sorted(samples.items()), doc, shape]
    )
    title = name if name not in OPS else f"{name}_"
    if title in CUSTOM and _FINGERPRINTS[title] == fingerprint:
        return Custom(CUSTOM[title], source.function)
    signature = Signature(name, shape, len(source.operands)) if shape is not None else None
    op = Op(
        name=title,
        operands=source.operands,
        params=(),
        doc=doc,
        shape=elementwise if signature is None else signature.rule,
        dtype=floats,
        numpy=_form(source, register_source(helper, source.function_text), False),
        adjoint=_rules(name, adjoint, source.operands),
        sympy=None,
        sample=samples,
        examples=(),
        special=(),
        variadic=False,
        view=False,
        statement=None,
        safe={},
        flops=source.steps,
    )
    op = _checked(op, source, sympy, signature, samples, helper)
    CUSTOM[title], _FINGERPRINTS[title] = op, fingerprint
    return Custom(op, source.function)


def _checked(
    op: Op, source: Source, sympy: Any, signature: Signature | None, samples: Any, helper: str
) -> Op:
    """The operation after its tests, with its meaning."""
    shapes = [(checks.POINTS,)] * len(op.operands) if signature is None else signature.examples
    result = (checks.POINTS,) if signature is None else signature.example_result
    arrays = checks.sample_points(op, shapes, samples)
    value = checks.check_function(op, source.function, arrays, result)
    if checks.shares_memory(source.function, arrays):
        op = replace(op, numpy=_form(source, register_source(helper, source.function_text), True))
    contributions = checks.check_adjoint(op, source.function, arrays, value)
    if signature is not None:
        if sympy is None:
            return op
        return replace(op, sympy=lambda m, node, *operands: np.asarray(sympy(*operands), object))
    if sympy is None:
        return replace(op, sympy=_derived_meaning(source))
    meaning = _with_module(sympy, len(op.operands))
    checks.check_meaning(op, meaning, arrays, value, contributions)
    return replace(op, sympy=lambda sp, *symbols: meaning(*symbols))


def _with_module(sympy: Callable[..., Any], count: int) -> Callable[..., Any]:
    """A function of the symbols, also where the given one wants the module sympy first."""
    code = getattr(sympy, "__code__", None)
    if code is not None and code.co_argcount == count + 1:

        def meaning(*symbols: Any) -> Any:
            import sympy as sp

            return sympy(sp, *symbols)

        return meaning
    return sympy


def _derived_meaning(source: Source) -> Callable[..., Any] | None:
    """The meaning of a form that consists of known elementwise operations; else None."""
    inputs = [input_node(name, ()) for name in source.operands]
    try:
        result = Symbolic.as_node(source.function(*map(Symbolic.wrap, inputs)))
    except Exception:  # whatever a user's function does with a symbolic array: it has no meaning then
        return None
    order = toposort([result])
    for node in order:
        if node.args and (not node.op.elementwise or node.op.sympy is None):
            return None
        if not node.args and node.op.name not in ("input", "const"):
            return None
        if node.op.name == "const" and (isinstance(node.value, bool) or not math.isfinite(node.value)):
            return None

    def meaning(sp: Any, *symbols: Any) -> Any:
        values: dict[Node, Any] = dict(zip(inputs, symbols))
        for node in order:
            if node.op.name == "const":
                # 0.1 means a tenth.
                exact = repr(node.value) if isinstance(node.value, float) else node.value
                values[node] = sp.Rational(exact)
            elif node.args:
                assert node.op.sympy is not None
                values[node] = node.op.sympy(sp, *(values[a] for a in node.args))
        return values[result]

    return meaning


def _form(source: Source, helper: str, copies: bool) -> Form:
    """Text in line where operands occur once, else a call of the function that the module carries."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        text = source.inline(operands) if not copies else None
        if text is not None:
            return text
        call = f"{env.helper(helper)}({', '.join(operand.source for operand in operands)})"
        if weak(operands):
            return Text(f"float({call})", weak=True)
        return Text(f"np.array({call})" if copies else call)

    return form


def _rules(name: str, adjoint: Any, operands: tuple[str, ...]) -> dict[str, AdjointRule | None]:
    """One rule for every operand, on nodes."""
    if isinstance(adjoint, Mapping):
        if set(adjoint) != set(operands):
            raise SpecError(
                f"custom {name!r}: adjoint has rules for {', '.join(map(str, adjoint))}",
                expected=f"one for each of {', '.join(operands)}",
            )
        return {operand: _rule(name, adjoint[operand], operand, None) for operand in operands}
    if not callable(adjoint):
        raise SpecError(
            f"custom {name!r}: adjoint={adjoint!r}",
            expected=f"a function (g, y, {', '.join(operands)}), or a dict of them by operand",
        )
    return {operand: _rule(name, adjoint, operand, operands) for operand in operands}


def _rule(
    name: str, function: Callable[..., Any] | None, operand: str, among: tuple[str, ...] | None
) -> AdjointRule | None:
    if function is None:
        return None

    def rule(g: Node, y: Node, *args: Node) -> Node | None:
        result = function(*map(Symbolic.wrap, (g, y, *args)))
        if among is not None:
            result = _chosen(name, result, operand, among)
        return None if result is None else Symbolic.as_node(result)

    return rule


def _chosen(name: str, result: Any, operand: str, operands: tuple[str, ...]) -> Any:
    """The contribution to one operand among those of all."""
    if isinstance(result, Mapping):
        if not set(result) <= set(operands):
            raise SpecError(
                f"custom {name!r}: adjoint returns {', '.join(map(str, result))}",
                expected=", ".join(operands),
            )
        return result.get(operand)
    if isinstance(result, (tuple, list)):
        if len(result) != len(operands):
            raise SpecError(
                f"custom {name!r}: adjoint returns {len(result)} contributions", expected=f"{len(operands)}"
            )
        return result[operands.index(operand)]
    if len(operands) > 1:
        raise SpecError(
            f"custom {name!r}: adjoint returns one contribution",
            expected=f"a tuple or dict with one for each of {', '.join(operands)}",
        )
    return result


def _samples(name: str, sample: Any, operands: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    given = sample if isinstance(sample, Mapping) else dict.fromkeys(operands, sample)
    try:
        found = {operand: (float(given[operand][0]), float(given[operand][1])) for operand in operands}
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise SpecError(
            f"custom {name!r}: sample={sample!r}",
            expected=f"an interval (low, high), or a dict of them for {', '.join(operands)}",
        ) from error
    if any(not low < high for low, high in found.values()):
        raise SpecError(f"custom {name!r}: sample={sample!r}", expected="intervals with low < high")
    return found


def _fingerprint(value: Any) -> Any:
    """What two definitions have in common if they are one, functions compared by their code."""
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return ("function", _fingerprint(value.__code__), _fingerprint([cells, value.__defaults__]))
    if isinstance(value, CodeType):
        constants = [_fingerprint(c) for c in value.co_consts]
        return (value.co_filename, value.co_code, value.co_names, value.co_varnames, constants)
    if isinstance(value, Mapping):
        return [(key, _fingerprint(v)) for key, v in value.items()]
    if isinstance(value, (list, tuple)):
        return [_fingerprint(v) for v in value]
    return value if isinstance(value, (str, int, float, bytes, type(None))) else id(value)
