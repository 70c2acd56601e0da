"""What operations on square matrices have in common: shape rules, and meanings in closed form.

The meanings share nothing with the adjoint rules: determinants are expanded along rows.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.node import Node
from symgrad.ops.matmul import batch_of
from symgrad.ops.structure import expand_dims
from symgrad.shapes import Shape, broadcast, core, shape_text

EXAMPLES = [{"shapes": (shape,)} for shape in ("2 2", "n n", "m n n", "... n n")]


def spelling(what: str) -> str:
    """How users call it: a name alone is one of np.linalg."""
    return what if "." in what else f"np.linalg.{what}"


def check_square(what: str, a: Node) -> None:
    if a.rank < 2 or core(a.shape)[-1] != core(a.shape)[-2]:
        raise ShapeError(
            f"{spelling(what)}: not a square matrix, nor a stack of them", got=shape_text(a.shape)
        )


def square(what: str) -> Any:
    """The shape of the operands, square matrices that broadcast."""

    def rule(*operands: Node) -> Shape:
        for a in operands:
            check_square(what, a)
        cores = [core(a.shape) for a in operands]
        stacks = [c[:-2] for c in cores]
        stack = broadcast(*stacks, what=spelling(what)) if len(stacks) > 1 else stacks[0]
        return batch_of(*operands) + stack + cores[0][-2:]

    return rule


def numbers(what: str) -> Any:
    """A number for each square matrix."""

    def rule(a: Node) -> Shape:
        check_square(what, a)
        return batch_of(a) + core(a.shape)[:-2]

    return rule


def stacked(meaning: Any) -> Any:
    """The meaning of a stack of matrices from that of one: `(m, matrix) -> object array`.

    numpy factorises each matrix, so operands and result are known in norm.
    """

    def rule(m: Any, node: Node, *operands: Any) -> Any:
        stack = np.broadcast_shapes(*[a.shape[:-2] for a in operands])
        whole = [np.broadcast_to(a, stack + a.shape[-2:]) for a in operands]
        result = np.empty(m.shape(node.shape), object)
        for i in np.ndindex(*stack):
            # Division of scalars by 0 is their own affair; numpy would warn of it as well.
            with np.errstate(all="ignore"):
                value = meaning(m, *(m.normwise(a[i]) for a in whole))
            result[i] = m.normwise(value) if isinstance(value, np.ndarray) else value
        return result

    return rule


def as_matrices(g: Node) -> Node:
    """A number for each matrix, with two axes of size 1."""
    return expand_dims(g, axes=(g.rank, g.rank + 1))


def _without(a: Any, row: int, column: int) -> Any:
    return np.delete(np.delete(a, row, 0), column, 1)


def det_meaning(m: Any, a: Any) -> Any:
    """Expansion along rows; minors of the same columns are computed once."""
    size = len(a)
    minors: dict[tuple[int, ...], Any] = {(): m.number(1)}
    for row in range(size - 1, -1, -1):
        minors = {
            columns: m.sum(
                [
                    (-1 if i % 2 else 1) * a[row, j] * minors[columns[:i] + columns[i + 1 :]]
                    for i, j in enumerate(columns)
                ]
            )
            for columns in itertools.combinations(range(size), size - row)
        }
    return minors[tuple(range(size))]


def cofactor_meaning(m: Any, a: Any, *directions: Any) -> Any:
    """The gradient of det(a), and its derivative in directions: that of each minor."""
    result = np.empty(a.shape, object)
    for i, j in np.ndindex(*a.shape):
        minor = _without(a, i, j)
        if directions:
            along, *others = (_without(g, i, j) for g in directions)
            value = m.sum(list((cofactor_meaning(m, minor, *others) * along).ravel()))
        else:
            value = det_meaning(m, minor)
        result[i, j] = (-1) ** (i + j) * value
    return result
