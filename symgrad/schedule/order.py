"""In what order values are computed, and how long each of them stays in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from symgrad.graph import Function, toposort
from symgrad.node import Node


def order_of(function: Function) -> tuple[list[Node], set[Node]]:
    """Needed nodes: the values of the primal and what they are made of first, then the adjoints."""
    needed = function.nodes()
    if not function.primal:
        return needed, set(needed)
    wanted = set(needed)
    forward = toposort(node for node in function.primal if node in wanted)
    ahead = set(forward)
    return forward + [node for node in needed if node not in ahead], ahead


def most_alive(
    order: Sequence[Node],
    kept: Iterable[Node],
    given: Callable[[Node], bool],
    numbers: Callable[[Node], float],
) -> list[Node]:
    """The values that own memory when most of it is taken, each operation computed in turn.

    `kept` are never given up; what is `given` takes no memory of its own, and neither do views.
    """
    born: dict[Node, int] = {}
    last: dict[Node, int] = {}
    root: dict[Node, Node] = {}
    for i, node in enumerate(order):
        root[node] = root.get(node.args[0], node.args[0]) if node.op.view and node.args else node
        if root[node] is node and node.args and not given(node):
            born[node] = i
        for a in (node, *node.args):
            last[root.get(a, a)] = i
    for node in kept:
        last[root.get(node, node)] = len(order)
    changes = [0.0] * (len(order) + 2)
    for node, i in born.items():
        size = numbers(node)
        changes[i] += size
        changes[last[node] + 1] -= size
    alive = list(itertools.accumulate(changes))
    peak = alive.index(max(alive))
    return [node for node, i in born.items() if i <= peak <= last[node]]
