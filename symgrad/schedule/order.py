"""In what order values are computed, and how long each of them stays in memory."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Container, Iterable, Sequence

from symgrad.flops import elements, nominal
from symgrad.graph import Function, toposort
from symgrad.node import Node
from symgrad.options import Options

#: Another order than the author's is taken where it keeps at most this part of the memory.
GAIN = 0.9
#: Operations above which none is looked for, and arrays below which.
MOST, FEWEST = 2000, 4


def order_of(function: Function, options: Options | None = None) -> tuple[list[Node], set[Node]]:
    """Needed nodes: the values of the primal and what they are made of first, then the adjoints.

    Each is computed right before what it is for, as the author wrote it. With options, the order is that of
    `short_lives` where this keeps markedly less in memory, unless they leave that out.
    """
    needed = function.nodes()
    ahead = set(needed)
    order = needed
    if function.primal:
        forward = toposort(node for node in function.primal if node in ahead)
        ahead = set(forward)
        order = forward + [node for node in needed if node not in ahead]
    if options is None or "short_lives" in options.without or len(order) > MOST:
        return order, ahead
    if sum(bool(node.shape and node.args) for node in order) < FEWEST:
        return order, ahead  # numbers take no memory to speak of
    other = short_lives(order, ahead, function.output_nodes)
    least, usual = (_most(nodes, function.output_nodes) for nodes in (other, order))
    return (other if least <= GAIN * usual else order), ahead


def short_lives(order: Sequence[Node], ahead: Container[Node], kept: Iterable[Node]) -> list[Node]:
    """The nodes in an order that is greedy for memory: next comes what takes least and gives up most.

    Of equals the first of `order`, which also says what comes `ahead` of all else; `kept` are never given up.
    """
    place = {node: i for i, node in enumerate(order)}
    operands = {node: list(dict.fromkeys(node.args)) for node in order}
    users: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for a in operands[node]:
            users[a].append(node)
    missing = {node: len(operands[node]) for node in order}
    waiting = {node: len(users[node]) for node in order}
    for node in kept:
        waiting[node] += 1

    def cost(node: Node) -> tuple[bool, float, int]:
        freed = sum(_size(a) for a in operands[node] if waiting[a] == 1)
        return node not in ahead, _size(node) - freed, place[node]

    ready = [cost(node) for node in order if not missing[node]]
    heapq.heapify(ready)
    found: dict[Node, None] = {}
    while ready:
        entry = heapq.heappop(ready)
        node = order[entry[2]]
        if node in found or entry != cost(node):
            continue  # done, or entered again since then
        found[node] = None
        for a in operands[node]:
            waiting[a] -= 1
            if waiting[a] == 1:  # whatever takes it now gives its memory up
                for user in users[a]:
                    if user not in found and not missing[user]:
                        heapq.heappush(ready, cost(user))
        for user in users[node]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, cost(user))
    return list(found)


def _size(node: Node) -> float:
    """The numbers that a node takes where every dimension is of middling size; none of what is given."""
    return 0.0 if node.op.view or not node.args else nominal(elements(node.shape))


def _most(order: Sequence[Node], kept: Iterable[Node]) -> float:
    """The most that is in memory at one time."""
    return max(_lives(order, kept, lambda node: False, _size)[2], default=0.0)


def most_alive(
    order: Sequence[Node],
    kept: Iterable[Node],
    given: Callable[[Node], bool],
    numbers: Callable[[Node], float],
) -> list[Node]:
    """The values that own memory when most of it is taken, each operation computed in turn.

    `kept` are never given up; what is `given` takes no memory of its own, and neither do views.
    """
    born, last, alive = _lives(order, kept, given, numbers)
    peak = alive.index(max(alive))
    return [node for node, i in born.items() if i <= peak <= last[node]]


def _lives(
    order: Sequence[Node],
    kept: Iterable[Node],
    given: Callable[[Node], bool],
    numbers: Callable[[Node], float],
) -> tuple[dict[Node, int], dict[Node, int], list[float]]:
    """When each value that owns memory comes and goes, and how much is taken at each step."""
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
    return born, last, list(itertools.accumulate(changes))
