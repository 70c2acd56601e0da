"""sympy's matrix expressions, one handler a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.frontends.sympy_indices import is_matrix, kind_of, refused, size_of
from symgrad.node import Node, lift
from symgrad.ops.creation import eye
from symgrad.ops.structure import broadcast_to, expand_dims
from symgrad.spelling import FUNCTIONS

if TYPE_CHECKING:
    from symgrad.frontends.sympy_arrays import Importer


def _product(importer: Importer, part: Any, args: list[Node]) -> Node:
    """Products from the side of a vector; the inverse times something solves."""
    scalars = [a for e, a in zip(part.args, args) if not is_matrix(e)]
    factors = [(e, a) for e, a in zip(part.args, args) if is_matrix(e)]
    matmul = FUNCTIONS[np.matmul]
    row, column = part.shape[0] == 1, part.shape[1] == 1
    if row and not column:
        total = factors[0][1]
        for _, value in factors[1:]:
            total = matmul(total, value)
    else:
        total = factors[-1][1]
        for expr, value in reversed(factors[:-1]):
            if kind_of(expr) == "Inverse":
                total = FUNCTIONS[np.linalg.solve](value.args[0], total)
            else:
                total = matmul(value, total)
    for scalar in scalars:
        total = scalar * total
    return total


def _sum(importer: Importer, part: Any, args: list[Node]) -> Node:
    total = args[0]
    for other in args[1:]:
        total = total + other
    return total


def _hadamard(importer: Importer, part: Any, args: list[Node]) -> Node:
    total = args[0]
    for other in args[1:]:
        total = total * other
    return total


def _power(importer: Importer, part: Any, args: list[Node]) -> Node:
    if not part.exp.is_Integer:
        raise refused(f"a matrix to the power {part.exp}", part, expected="a whole number")
    return FUNCTIONS[np.linalg.matrix_power](args[0], int(part.exp))  # type: ignore[no-any-return]


def _transpose(importer: Importer, part: Any, args: list[Node]) -> Node:
    return FUNCTIONS[np.swapaxes](args[0], -1, -2)  # type: ignore[no-any-return]


def _filled(value: float) -> Callable[[Importer, Any, list[Node]], Node]:
    def build(importer: Importer, part: Any, args: list[Node]) -> Node:
        return broadcast_to(lift(value), shape=tuple(size_of(s, part) for s in part.shape))

    return build


def _symbol(importer: Importer, part: Any, args: list[Node]) -> Node:
    node = importer.inputs[part.name]
    if node.rank == 2:
        return node
    return expand_dims(node, axes=(1,) if part.shape[1] == 1 else (0,))


def _diagonal(importer: Importer, part: Any, args: list[Node]) -> Node:
    return FUNCTIONS[np.diag](FUNCTIONS[np.ravel](args[0]))  # type: ignore[no-any-return]


def _of(function: Any) -> Callable[[Importer, Any, list[Node]], Node]:
    return lambda importer, part, args: FUNCTIONS[function](*args)


MATRICES: dict[str, Callable[[Importer, Any, list[Node]], Node]] = {
    "MatrixSymbol": _symbol,
    "MatMul": _product,
    "MatAdd": _sum,
    "HadamardProduct": _hadamard,
    "HadamardPower": _of(np.power),
    "KroneckerProduct": _of(np.kron),
    "MatPow": _power,
    "Transpose": _transpose,
    "Adjoint": _transpose,
    "Inverse": _of(np.linalg.inv),
    "Trace": _of(np.trace),
    "Determinant": _of(np.linalg.det),
    "DiagMatrix": _diagonal,
    "DotProduct": lambda importer, part, args: FUNCTIONS[np.vdot](*args),
    "ZeroMatrix": _filled(0.0),
    "OneMatrix": _filled(1.0),
    "Identity": lambda importer, part, args: eye(size=size_of(part.shape[0], part)),
}
