"""Operations for every index of a new dimension where a leading `...` cannot say it.

An array of indices picks in the same place of every array that a `...` stands for. Where the index itself
varies with the new dimension, that dimension gets an index of its own, which counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from symgrad.node import OPS, Node, build
from symgrad.ops.reduce import sum_over
from symgrad.ops.structure import broadcast_up, expand_dims, permute
from symgrad.shapes import Size, broadcast, core
from symgrad.spelling import FUNCTIONS, NAMES

#: `(node, operands, which of them have the new dimension, the dimension) -> node`, None for no need of it.
Rule = Callable[[Node, Sequence[Node], Sequence[bool], Size], "Node | None"]


def _indices(
    node: Node, operands: Sequence[Node], varies: Sequence[bool], size: Size
) -> tuple[list[Node], int]:
    """All indices, that of the new dimension first, and the number of axes they have besides it."""
    rank = max(i.rank for i in node.args[1:])
    found = []
    for index, new in zip(operands[1:], varies[1:]):
        missing = rank - (index.rank - new)
        found.append(expand_dims(index, axes=tuple(range(1, 1 + missing))) if new and missing else index)
    count = NAMES["arange"](size)
    return [expand_dims(count, axes=tuple(range(1, 1 + rank))) if rank else count, *found], rank


def _gather(node: Node, operands: Sequence[Node], varies: Sequence[bool], size: Size) -> Node | None:
    if not any(varies[1:]):
        return None
    axis = node.axis
    if not varies[0]:
        # Many indices into one array: the new dimension is one more axis of the index.
        indices, _ = _indices(node, operands, varies, size)
        picked = build(node.op, (operands[0], *indices[1:]), (axis,))
    else:
        indices, _ = _indices(node, operands, varies, size)
        picked = build(node.op, (_behind(operands[0], axis), *indices), (axis,))
    return _in_front(picked, axis)


def _scatter(node: Node, operands: Sequence[Node], varies: Sequence[bool], size: Size) -> Node | None:
    if not any(varies[1:]):
        return None
    axis = node.axis
    values = operands[0] if varies[0] else broadcast_up(operands[0], (size, *operands[0].shape))
    indices, rank = _indices(node, operands, varies, size)
    spread = broadcast(*[i.shape for i in indices])
    assert len(spread) == rank + 1
    indices = [broadcast_up(i, spread) for i in indices]
    added = build(node.op, (_behind(values, axis), *indices), (axis, (size, *node.sizes)))
    return _in_front(added, axis)


def _behind(x: Node, axis: int) -> Node:
    """The first axis moved behind the `axis` ones after it."""
    return permute(x, [*range(1, axis + 1), 0, *range(axis + 1, x.rank)])


def _in_front(x: Node, axis: int) -> Node:
    """An axis moved to the front."""
    return permute(x, [axis, *[i for i in range(x.rank) if i != axis]])


def _searchsorted(node: Node, operands: Sequence[Node], varies: Sequence[bool], size: Size) -> Node | None:
    """How many entries are below, by comparison: numpy searches one vector at a time."""
    if not varies[0]:
        return None
    edges, values = operands
    rank = node.args[1].rank
    edges = expand_dims(edges, axes=tuple(range(1, 1 + rank))) if rank else edges
    before = np.less if node.side == "left" else np.less_equal
    below = FUNCTIONS[before](edges, expand_dims(values, axes=(values.rank,)))
    return sum_over(below, (len(core(below.shape)) - 1,))


#: By the name of the operation.
STACKED: dict[str, Rule] = {"gather": _gather, "scatter_add": _scatter, "searchsorted": _searchsorted}
assert STACKED.keys() <= OPS.keys()
