"""A rough price of a function, for comparing a derivative with what it is the derivative of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from symgrad.graph import Function, dependents, toposort
from symgrad.node import Node
from symgrad.shapes import Shape, core, dim_names, evaluate_shape

#: The size that every named dimension is given, and the elements of a leading `...`.
NOMINAL = 64

#: Nanoseconds an element of operations that cost notably more than an addition, which costs 0.25.
WEIGHTS = {
    "exp": 0.8, "log": 0.8, "exp2": 0.8, "log2": 1.0, "log10": 1.0, "expm1": 1.2, "log1p": 1.2, "sqrt": 1.2,
    "div": 0.36, "tanh": 1.7, "cosh": 1.2, "sinh": 3.1, "tan": 1.4, "arctan": 1.4, "arctan2": 2.2,
    "sin": 8.0, "cos": 8.0, "hypot": 6.5, "mod": 8.8, "logaddexp": 13.5, "power": 2.3, "where": 0.9,
}  # fmt: skip

#: Operations that multiply and add over a dimension which the result does not have.
CONTRACTIONS = ("einsum",)
#: Products that sum over the last dimension of their first operand.
PRODUCTS = ("matmat", "matvec", "vecmat", "dot")


def cost(nodes: Iterable[Node]) -> float:
    """Nanoseconds, about, of evaluating these nodes once, calls themselves not counted."""
    return math.fsum(_node_cost(node) for node in nodes if node.args)


def derivative_cost(functions: Iterable[Function], prepare: Callable[[Function], Function]) -> float | None:
    """Cost of all derivatives among the functions over that of what they are derivatives of, summed alike.

    None where there is no derivative. Only work that depends on an argument counts, on both sides. `prepare`
    brings a function that was differentiated into its emitted form.
    """
    derivatives = [f for f in functions if f.origin is not None]
    base = math.fsum(_price(prepare(f.origin.base)) for f in derivatives if f.origin is not None)
    return math.fsum(_price(f) for f in derivatives) / base if base else None


def _price(function: Function) -> float:
    """The work of a function; a result that is a view of something is copied before it is returned."""
    work = _work(function)
    copied = [node for node in function.output_nodes if node in work and (node.op.view or not node.args)]
    return cost(work) + math.fsum(0.25 * _elements(node.shape) for node in copied)


def _work(function: Function) -> set[Node]:
    order = toposort(function.output_nodes)
    return dependents(order, function.input_nodes)


def _node_cost(node: Node) -> float:
    if node.op.view:
        return 0.0
    sizes = [_elements(x.shape) for x in (node, *node.args)]
    if node.op.name in PRODUCTS:
        return 0.25 * sizes[0] * _elements(node.args[0].shape[-1:])
    if node.op.name in CONTRACTIONS:
        # ik,kj->ij: the root of ik kj ij is ikj, the number of multiplications.
        return 0.25 * math.prod(sizes) ** 0.5
    return WEIGHTS.get(node.op.name, 0.25) * max(sizes)


def _elements(shape: Shape) -> float:
    names = {name: NOMINAL for size in core(shape) for name in dim_names(size)}
    return float(math.prod(max(1, n) for n in evaluate_shape(shape, names, (NOMINAL,))))
