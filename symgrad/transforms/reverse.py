"""Reverse mode as an extension of the same graph.

The adjoint of a node is the sum, over the edges that leave it, of the user's adjoint times the partial
derivative of that edge (Griewank and Walther, Evaluating Derivatives, 2nd ed., chapter 3):

    v_i_bar = sum over j in next(i) of  v_j_bar * d v_j / d v_i

Every node is visited once, in reverse topological order, however many paths meet in it; only nodes on a
path between wrt and the outputs are visited at all.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from symgrad.graph import dependents, toposort
from symgrad.node import OPS, Node, build, lift
from symgrad.ops.closures import CONTROL
from symgrad.ops.indexing import assemble_contributions
from symgrad.ops.reduce import unbroadcast
from symgrad.ops.structure import broadcast_to


def pullback(
    outputs: Sequence[Node],
    cotangents: Sequence[Node],
    wrt: Sequence[Node],
    order: Sequence[Node] | None = None,
) -> tuple[list[Node], dict[Node, Node]]:
    """Adjoints of `wrt`, given the cotangents of `outputs` (of their shapes).

    Returns the adjoints, zeros where an output does not depend on that node, and for every adjoint made
    the primal node that it belongs to. `order` is the topological order of the outputs, where it is known.
    """
    if order is None:
        order = toposort(outputs)
    active = dependents(order, wrt)
    # One node, or a list of several: most nodes are used once.
    contributions: dict[Node, Node | list[Node]] = {}
    for output, cotangent in zip(outputs, cotangents):
        if output in active:
            _contribute(contributions, output, cotangent)
    adjoints: dict[Node, Node] = {}
    several = _results(order)
    for node in reversed(order):
        if several and node in several:
            for operand, part in _through_closure(node, several[node], adjoints, active):
                _contribute(contributions, operand, unbroadcast(part, operand.shape))
            continue
        parts = contributions.pop(node, None)
        if parts is None:
            continue
        g = adjoints[node] = _sum(parts) if isinstance(parts, list) else parts
        args = node.args
        minus = g.op is _NEG and node.op in _PASSING and _edges(args, active) == 1
        cotangent = g.args[0] if minus else g
        for position, operand in enumerate(args):
            if operand not in active or operand.dtype != "float64":
                continue
            partial = _partial(node, position, cotangent)
            if partial is None:
                continue
            if minus:
                partial = -partial
            if partial.shape != operand.shape:
                partial = unbroadcast(partial, operand.shape)
            _contribute(contributions, operand, partial)
    results = [adjoints[w] if w in adjoints else broadcast_to(lift(0.0), shape=w.shape) for w in wrt]
    bars: dict[Node, Node] = {}
    for primal, adjoint in adjoints.items():
        # Where one value is the adjoint of several nodes, it is called after an input among them.
        if adjoint not in bars or not primal.args:
            bars[adjoint] = primal
    return results, bars


def _edges(args: Sequence[Node], active: Container[Node]) -> int:
    """How many of the operands have an adjoint."""
    return sum([a in active and a.dtype == "float64" for a in args])


def _contribute(contributions: dict[Node, Node | list[Node]], node: Node, part: Node) -> None:
    """Note one of the terms that the adjoint of the node is the sum of."""
    known = contributions.get(node)
    if known is None:
        contributions[node] = part
    elif isinstance(known, list):
        known.append(part)
    else:
        contributions[node] = [known, part]


_NEG, _MUL, _CONST = OPS["neg"], OPS["mul"], OPS["const"]
_PLACED, _RESULT = OPS["index_adjoint"], OPS["result"]
#: Operations whose rules are products with g: a sign goes past them at once, to where a sum takes
#: it up, where one operand has an adjoint.
_PASSING = frozenset(OPS[name] for name in ("add", "sub", "neg", "mul", "div", "square", "sin", "cos", "exp"))


def _results(order: Sequence[Node]) -> dict[Node, list[Node]]:
    """For each operation with several results, those that are among the nodes."""
    found: dict[Node, list[Node]] = {}
    for node in order:
        if node.op is _RESULT:
            found.setdefault(node.args[0], []).append(node)
    return found


def _through_closure(
    node: Node, several: Sequence[Node], adjoints: Mapping[Node, Node], active: Container[Node]
) -> list[tuple[Node, Node]]:
    """Operands of a loop or a branch, and what its results contribute to them."""
    cotangents = {r.position: adjoints[r] for r in several if r in adjoints}
    if not cotangents or node not in active:
        return []
    flags = [a in active and a.dtype == "float64" for a in node.args]
    parts = CONTROL[node.op.name].pullback(node, cotangents, flags, pullback)
    return [(node.args[position], part) for position, part in parts.items()]


def _partial(node: Node, position: int, g: Node) -> Node | None:
    """The contribution of the edge from `node` to its operand at `position`."""
    op = node.op
    part: Any
    if op.variadic:
        part = op.adjoint(g, node, position)  # type: ignore[operator]
    else:
        rule = op.rules[position]
        if rule is None:
            return None
        part = rule(g, node, *node.args)
    if type(part) is not Node:
        if part is None:
            return None
        part = lift(part)
    if part.op is _MUL and part.args[1].op is _CONST:
        return build(_MUL, part.args[::-1])  # the number first, as people write it
    return part  # type: ignore[no-any-return]


def _sum(parts: list[Node]) -> Node:
    """Sum over several paths; contributions to elements of one array are put in place together."""
    placed = [p for p in parts if p.op is _PLACED]
    if len(placed) > 1:
        parts = [p for p in parts if p.op is not _PLACED]
        parts.append(assemble_contributions(placed))
    # A negative term is subtracted, so the sum begins with one that is not.
    first = next((i for i, part in enumerate(parts) if part.op is not _NEG), 0)
    total = parts[first]
    for part in parts[:first] + parts[first + 1 :]:
        total = total - part.args[0] if part.op is _NEG else total + part
    return total
