"""Sums of products over labels, as matrix products on the right axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from symgrad.blocks.places import Label, Labels, aligned
from symgrad.node import Node, lift
from symgrad.ops.matmul import dot, matmul, matvec, swap, vecmat
from symgrad.ops.reduce import sum_over
from symgrad.ops.structure import permute, reshape_to
from symgrad.shapes import Size, core, dim_names, evaluate, product

#: What a named dimension is taken to be where sizes are compared.
NOMINAL = 64

#: An array and the label of each of its axes.
Factor = tuple[Node, Labels]


def untransposed(node: Node, labels: Labels) -> Factor:
    """The same factor as the array that it is a transpose of: axes have names here, not an order."""
    while node.op.name == "transpose":
        labels = tuple([labels[node.axes.index(axis)] for axis in range(len(labels))])
        (node,) = node.args
    return node, labels


def times(a: Node, b: Node) -> Node:
    """The product, of literals as one: whole numbers would stay integers."""
    if a.op.name == b.op.name == "const":
        return lift(float(a.value) * float(b.value))
    return a * b


def multiplied(factors: Sequence[Factor], order: Sequence[Label]) -> Node:
    """The product of the factors, labels in that order, small ones first; labels of none are left out."""
    result: Factor | None = None
    for node, labels in sorted(factors, key=lambda factor: len(factor[1])):
        if result is None:
            result = node, labels
            continue
        both = [label for label in order if label in labels or label in result[1]]
        result = times(aligned(*result, both), aligned(node, labels, both)), tuple(both)
    assert result is not None
    return aligned(*result, order)


def contracted(factors: Sequence[Factor], output: Sequence[Label]) -> Factor:
    """The sum of the factors' product over all labels that are not in the output.

    Two factors at a time, those first whose product is smallest: what has the same labels is multiplied
    before anything is repeated along further ones.
    """
    left = list(factors)
    while len(left) > 1:
        pairs = [(i, j) for j in range(len(left)) for i in range(j)]
        i, j = min(pairs, key=lambda pair: _rank(left, pair, output))
        a, b = left[i], left[j]
        others = [x for k, (_, labels) in enumerate(left) if k not in (i, j) for x in labels]
        alive = [x for x in output if x in a[1] or x in b[1]]
        # Labels that are summed over later come first: rows of what is multiplied then.
        kept = [x for x in dict.fromkeys(others) if x not in alive and (x in a[1] or x in b[1])] + alive
        left = [factor for k, factor in enumerate(left) if k not in (i, j)] + [_pair(a, b, kept)]
    node, labels = _summed(left[0], output)
    order = [x for x in output if x in labels]
    return permute(node, [labels.index(x) for x in order]), tuple(order)


def _rank(factors: list[Factor], pair: tuple[int, int], output: Sequence[Label]) -> tuple[float, int, int]:
    """What decides which pair is multiplied first: the size of the result, then its place in the output."""
    i, j = pair
    labels = {**dict.fromkeys(factors[i][1]), **dict.fromkeys(factors[j][1])}
    others = {x for k, (_, own) in enumerate(factors) if k not in (i, j) for x in own}
    kept = [x for x in labels if x in others or x in output]
    # Of two matrices that a vector scales, the one that ends up on the right: X.T @ (s[:, None] * X).
    positions = [position for position, x in enumerate(output) if x in labels]
    gaps = positions[-1] - positions[0] + 1 - len(positions) if positions else 0
    return math.prod([_nominal(x.size) for x in kept]), gaps, -(positions[-1] if positions else 0)


def _nominal(size: Size) -> float:
    return max(1, evaluate(size, dict.fromkeys(dim_names(size), NOMINAL)))


def _summed(factor: Factor, kept: Sequence[Label]) -> Factor:
    node, labels = factor
    axes = [i for i, label in enumerate(labels) if label not in kept]
    return sum_over(node, axes), tuple([x for x in labels if x in kept])


def _pair(a: Factor, b: Factor, output: Sequence[Label]) -> Factor:
    """The sum of the product of two factors."""
    a, b = _summed(a, [*output, *b[1]]), _summed(b, [*output, *a[1]])
    inner = [x for x in a[1] if x in b[1] and x not in output]
    if not inner:
        order = _product_order(a[1], b[1], output)
        return multiplied([a, b], order), tuple(order)
    columns = [x for x in output if x in b[1] and x not in a[1]]
    if columns and output[0] in columns:
        a, b = b, a
    stack = [x for x in output if x in a[1] and x in b[1]]
    rows = [x for x in output if x in a[1] and x not in b[1]]
    columns = [x for x in output if x in b[1] and x not in a[1]]
    order = [*stack, *rows, *columns]
    left = _laid_out(a, stack, rows, inner)
    right = _laid_out(b, stack, inner, columns)
    if stack:
        return reshape_to(matmul(left, right), [x.size for x in order]), tuple(order)
    if rows and columns:
        result = matmul(left, right)
    elif rows:
        result = matvec(left, right)
    else:
        result = vecmat(left, right) if columns else dot(left, right)
    return reshape_to(result, [x.size for x in order]), tuple(order)


def _product_order(a: Labels, b: Labels, output: Sequence[Label]) -> list[Label]:
    """The order of the axes of a product entry by entry: that of the factor which has all of them."""
    for wide, other in ((a, b), (b, a)):
        if set(other) <= set(wide):
            return list(wide)
    return [x for x in output if x in a or x in b]


def _laid_out(factor: Factor, stack: list[Label], first: list[Label], second: list[Label]) -> Node:
    """The factor as a matrix, or a stack of them: labels of each group are one axis; no group, no axis."""
    node, labels = untransposed(*factor)
    if not stack and first and second and list(labels) == [*second, *first]:
        return swap(_laid_out((node, labels), stack, second, first))
    order = [*stack, *first, *second]
    node = permute(node, [labels.index(x) for x in order])
    shape = [x.size for x in stack]
    for group in (first, second):
        if group or stack:
            shape.append(product([x.size for x in group]))
    return node if tuple(shape) == core(node.shape) else reshape_to(node, shape)
