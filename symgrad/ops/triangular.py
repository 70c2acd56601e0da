"""Systems whose matrix is known to be triangular; passes choose the operation, not users."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symgrad.flops import Flops, elements, extent
from symgrad.node import Node, Op, floats, op
from symgrad.ops.linalg import solve
from symgrad.ops.matmul import batch_of, matmat, outer_product, swap
from symgrad.shapes import Shape
from symgrad.text import Environment, Text

_EXAMPLE = np.array([[1.5, 0.0, 0.0], [-0.5, 0.75, 0.0], [2.0, 1.0, -1.25]])


def _shape(a: Node, b: Node, lower: bool) -> Shape:
    shape: Shape = solve.shape(a, b)
    return shape


def _text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    if batch_of(*node.args) or node.args[0].rank > 2 or node.args[1].rank > 2:
        return solve.numpy(node, operands, env)  # stacks, which the kernels do not take
    kernel = env.helper("_solve_lower" if node.lower else "_solve_upper")
    return Text(f"{kernel}({operands[0].source}, {operands[1].source})")


def _matrix_adjoint(g: Node, y: Node, a: Node, b: Node) -> Node:
    b_bar = solve_triangular(swap(a), g, lower=not y.lower)
    return -outer_product(b_bar, y) if y.rank == 1 else -matmat(b_bar, swap(y))


def _flops(node: Node) -> Flops:
    """A multiplication and an addition for every entry of the triangle, for each column."""
    return elements(node.shape) * extent(node.args[0].shape[-1])


# A triangle is its own factor: substitution takes n^2 operations a column, and no n^3 for the factors first.
solve_triangular: Op = op(
    "solve_triangular", "a b", params="lower",
    doc="The solution x of a x = b for a matrix a that is known to be triangular; b is a vector or a matrix.",
    shape=_shape,
    dtype=floats,
    numpy=_text,
    flops=_flops,
    adjoint={
        "a": _matrix_adjoint,
        "b": lambda g, y, a, b: solve_triangular(swap(a), g, lower=not y.lower),
    },
    sympy=lambda m, node, a, b: solve.sympy(m, node, a, b),  # type: ignore[misc]
    examples=[
        {"shapes": ("3 3", "3"), "lower": True, "values": {0: _EXAMPLE}},
        {"shapes": ("3 3", "3 k"), "lower": False, "values": {0: _EXAMPLE.T}},
    ],
)  # fmt: skip
