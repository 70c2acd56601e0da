"""sympy's arrays to Functions: indexed symbols under sums, and matrix expressions.

`Sum(x[i] * y[i], (i, 0, n - 1))` becomes `(x * y).sum()`: inside a sum every expression is an array with one
axis for each index in scope, outermost first, of size 1 where it does not depend on that index. Elementwise
operations broadcast, and the sum reduces the last axis. Nothing is unrolled.

Rules. Arrays count from 0, whatever the bounds of a sum are: `(i, 1, n)` needs `x[i - 1]`, or an x of n + 1
elements that was declared so. Sizes come from the symbol (`IndexedBase("x", shape=(n,))`, `MatrixSymbol`),
from `**shapes`, or from the largest index; symbols in sizes and bounds are dimensions and never arguments. A
`sp.Idx` with a range that no sum binds is an axis of the result; several are in alphabetical order.
Other symbols are scalars here, unless `**shapes` says more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from symgrad.frontends.sympy_indices import (
    Affine,
    Scope,
    Survey,
    indexed_within,
    inside,
    is_matrix,
    kind_of,
    limits_of,
    operands,
    read_affine,
    refused,
)
from symgrad.frontends.sympy_matrices import MATRICES
from symgrad.node import Node, lift
from symgrad.ops.creation import arange
from symgrad.ops.indexing import is_nonnegative
from symgrad.ops.leaves import cast
from symgrad.ops.reduce import sum_over
from symgrad.ops.structure import expand_dims, permute, squeeze
from symgrad.ops.subscript import getitem
from symgrad.shapes import core, named
from symgrad.spelling import FUNCTIONS

#: Turns one scalar subexpression, its operands in the memo, into a value.
Scalar = Callable[[Any, dict[Any, Any]], Any]


class Importer:
    """Converts expressions; every distinct subexpression once for each scope it is in."""

    def __init__(self, survey: Survey, inputs: dict[str, Node], scalar: Scalar, stack: Any) -> None:
        self.survey = survey
        self.inputs = inputs
        self._scalar = scalar
        self._stack = stack
        self._memos: dict[Scope, dict[Any, Any]] = {}

    def value(self, root: Any, scope: Scope = ()) -> Any:
        """The value of an expression, with trailing axes for the indices in scope."""
        memo = self._memos.setdefault(scope, {})
        stack = [(root, False)]
        while stack:
            part, ready = stack.pop()
            if part in memo:
                continue
            if ready:
                memo[part] = self._one(part, memo, scope)
                continue
            stack.append((part, True))
            if not any(one.symbol == part for one in scope):
                stack.extend([(a, False) for a in reversed(operands(part)) if a not in memo])
        return memo[root]

    def _one(self, part: Any, memo: dict[Any, Any], scope: Scope) -> Any:
        for position in range(len(scope) - 1, -1, -1):
            if scope[position].symbol == part:
                return cast(self._counted(position, scope), to="float64")
        kind = kind_of(part)
        if part.is_Symbol:
            return lift(named(part.name)) if part.name in self.survey.dims else self.inputs[part.name]
        if kind in ("Sum", "Product"):
            return self._reduced(part, scope, kind)
        if kind == "Indexed":
            return self._indexed(self.inputs[str(part.base.label)], part.indices, part, scope)
        if kind == "MatrixElement":
            return self._element(memo[part.parent], part, scope)
        if kind == "KroneckerDelta":
            left, right = (lift(memo[a]) for a in part.args[:2])
            return FUNCTIONS[np.where](FUNCTIONS[np.equal](left, right), 1, 0)
        if kind in MATRICES:
            return MATRICES[kind](self, part, [lift(memo[a]) for a in operands(part)])
        if is_matrix(part):
            if hasattr(part, "flat") and not hasattr(part, "as_coeff_mmul"):
                return self._stack([lift(memo[a]) for a in part.flat()], part.shape)
            raise refused(f"{kind} has no numerical form here", part)
        return self._scalar(part, memo)

    def _counted(self, position: int, scope: Scope) -> Node:
        """The numbers of an index, along its own axis."""
        one = scope[position]
        return _padded(arange(one.low, one.low + one.count), range(1, len(scope) - position))

    def _reduced(self, part: Any, scope: Scope, kind: str) -> Node:
        bound = limits_of(part)
        total = lift(self.value(part.function, scope + bound))
        for one in reversed(bound):
            rank = total.rank
            alone = rank == 0 or (core(total.shape)[-1] == 1 and one.count != 1)
            if rank and alone:
                total = squeeze(total, axes=(rank - 1,))
            if kind == "Sum":
                total = total * lift(one.count) if alone else sum_over(total, (rank - 1,))
            elif alone:
                total = FUNCTIONS[np.power](total, lift(one.count))
            else:
                total = FUNCTIONS[np.prod](total, axis=rank - 1)
        return total

    def _indexed(self, x: Node, indices: Sequence[Any], part: Any, scope: Scope) -> Node:
        """Slices where every index is affine in one in scope, each in another; else elements by number."""
        found = [None if indexed_within(e) else read_affine(e, scope, part) for e in indices]
        used = [a.terms[0][0] for a in found if a is not None and len(a.terms) == 1]
        if any(a is None or len(a.terms) > 1 for a in found) or len(set(used)) < len(used):
            return self._gathered(x, indices, found, part, scope)
        key: list[Any] = []
        backward: list[int] = []
        for affine in found:
            assert affine is not None
            if not affine.terms:
                key.append(affine.offset)
                continue
            ((_, factor),) = affine.terms
            low, high = affine.bounds()
            if factor < 0:
                backward.append(sum(isinstance(k, slice) for k in key))
            key.append(slice(low, high + 1, abs(factor)))
        y = getitem(x, tuple(key))
        if backward:
            y = FUNCTIONS[np.flip](y, axis=tuple(backward))
        places = [scope.index(one) for one in used]
        order = sorted(range(len(places)), key=lambda k: places[k])
        if order != sorted(order):
            y = permute(y, order)
        places.sort()
        if not places:
            return y
        axes = range(places[0], len(scope))
        return _padded(y, [p - places[0] for p in axes if p not in places])

    def _gathered(
        self, x: Node, indices: Sequence[Any], found: Sequence[Affine | None], part: Any, scope: Scope
    ) -> Node:
        key: list[Any] = []
        for expr, affine in zip(indices, found):
            if affine is not None and not affine.terms:
                key.append(affine.offset)
            elif affine is not None:
                key.append(self._number(affine, scope))
            else:
                key.append(self._integer(expr, part, scope))
        numbers = [k for k in key if isinstance(k, Node)]
        if len(numbers) < len(key):
            # A number beside arrays is an array of it: numpy would move the axes.
            key = [k if isinstance(k, Node) else numbers[0] * 0 + lift(k) for k in key]
        return getitem(x, tuple(key))

    def _number(self, affine: Affine, scope: Scope) -> Node:
        total = lift(affine.offset)
        for one, factor in affine.terms:
            counted = self._counted(scope.index(one), scope)
            term = counted if factor == 1 else counted * factor
            total = term if total.is_constant(0) else total + term
        return total

    def _integer(self, expr: Any, part: Any, scope: Scope) -> Node:
        """An index with integer arrays in it, `x[k[i] + 1]`."""
        if kind_of(expr) == "Indexed":
            return self._indexed(self.inputs[str(expr.base.label)], expr.indices, part, scope)
        affine = None if indexed_within(expr) else read_affine(expr, scope, part)
        if affine is not None:
            return self._number(affine, scope)
        if not (expr.is_Add or expr.is_Mul):
            raise refused(
                f"the index {expr} is not linear", part, expected="a multiple of an index, plus a number"
            )
        total, *rest = [self._integer(a, part, scope) for a in expr.args]
        for other in rest:
            total = total + other if expr.is_Add else total * other
        return total

    def _element(self, matrix: Node, part: Any, scope: Scope) -> Node:
        shape = core(matrix.shape)
        for expr, size in zip(part.indices, shape):
            affine = read_affine(expr, scope, part)
            bounds = None if affine is None else affine.bounds()
            if bounds is None or not is_nonnegative(bounds[0]) or not inside(size, bounds[1] + 1):
                raise refused(
                    f"the index {expr} is not known to be inside the matrix", part,
                    expected=f"from 0 to {size - 1}",
                    got="an unknown one" if bounds is None else f"{bounds[0]} to {bounds[1]}",
                )  # fmt: skip
        return self._indexed(matrix, part.indices, part, scope)


def _padded(x: Node, axes: Iterable[int]) -> Node:
    axes = tuple(axes)
    return expand_dims(x, axes=axes) if axes else x
