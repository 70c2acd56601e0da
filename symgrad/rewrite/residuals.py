"""What a loop computes and a later one computes again, kept in a stack instead.

A reversed loop starts each step from the carries before it, of which the loop keeps the history, and computes
again what it needs of the step: that is how its graph is made. Here the parts that cost more than a read from
memory are kept as well. What is cheap, a sum or a product of what is there, is still computed again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symgrad.graph import Function, dependents, substitute, toposort, toposort_until
from symgrad.node import Node, rebuild
from symgrad.ops.closures import has_closures, results
from symgrad.ops.leaves import input_node
from symgrad.ops.loop import Built, Loop, build_loop, opened
from symgrad.shapes import Shape, core, dim_names, evaluate_shape

#: Entrywise operations that are computed again: none is much slower than reading their result.
CHEAP = frozenset({
    "add", "sub", "mul", "neg", "div", "square", "abs", "sign", "where", "maximum", "minimum", "clip", "cast",
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
    "logical_not", "stop_gradient",
})  # fmt: skip
#: The size of every named dimension, where two sizes are compared.
NOMINAL = 64
#: A value is kept where it has at most so many times the elements of what the loop goes over.
TIMES = 4


@dataclass
class _Plan:
    """What is to change: per loop further stacks, and in its body the nodes that are read from stacks."""

    kept: dict[Node, dict[Node, None]] = field(default_factory=dict)
    reads: dict[Node, list[tuple[Node, Node, Node]]] = field(default_factory=dict)


def keep_residuals(f: Function) -> Function:
    """The function with values that two loops compute kept in stacks by the first; not in checkpointed loops.

    Before: `for t: a = h @ U; h = tanh(a)` and in the reversed loop the same; after: the values of tanh are
    stacked, and the reversed loop reads them.
    """
    if not has_closures(f):
        return f
    order = f.nodes()
    loops = [node for node in order if node.op.name == "scan"]
    if len(loops) < 2:
        return f
    plan = _Plan()
    for node in loops:
        _look(node, plan)
    return _applied(f, order, plan) if plan.reads else f


def _look(node: Node, plan: _Plan) -> None:
    """Note what the loop could read from stacks of the loops whose rows it goes over."""
    loop = opened(node)
    order = toposort([*loop.after, *loop.stacks])
    found: dict[Node, tuple[Node, Node, bool]] = {}
    for source in dict.fromkeys([s.args[0] for s in loop.sequences if s.op.name == "result"]):
        if source.op.name == "scan" and source.length == node.length and not source.checkpoint:
            for n, (image, is_dear) in _again(loop, order, source).items():
                found.setdefault(n, (source, image, is_dear))
    for n in _chosen(loop, order, found):
        source, image, _ = found[n]
        plan.kept.setdefault(source, {})[image] = None
        plan.reads.setdefault(node, []).append((n, source, image))


def _chosen(loop: Loop, order: Sequence[Node], found: Mapping[Node, tuple[Node, Node, bool]]) -> list[Node]:
    """The nodes to read from stacks: dear ones that are used, and cheap ones that would need more of them."""
    outputs = (*loop.after, *loop.stacks)
    asked = dict.fromkeys([*outputs, *[a for n in order if n not in found for a in n.args]])
    dear: dict[Node, None] = {}
    cheap = []
    for n in asked:
        while n in found and n.op.view:
            n = n.args[0]
        if n in found and found[n][2]:
            dear[n] = None
        elif n in found:
            cheap.append(n)
    chosen = dict(dear)
    place = {n: i for i, n in enumerate(order)}
    for n in sorted(dict.fromkeys(cheap), key=place.__getitem__):
        below = toposort_until([n], lambda x: x not in found or x in chosen or found[x][2])
        if any(x in found and found[x][2] and x not in chosen for x in below):
            chosen[n] = None
    return [n for n in order if n in chosen]


def _again(loop: Loop, order: Sequence[Node], source: Node) -> dict[Node, tuple[Node, bool]]:
    """Nodes of a body that another loop computes as well, to its nodes and whether they are dear."""
    first = opened(source)
    inside = set(toposort([*first.after, *first.stacks]))
    varying = dependents(toposort([*first.after, *first.stacks]), [first.index, *first.carries, *first.rows])
    count = len(first.carries)
    outputs = [*first.carries, *first.stacks, *first.carries]
    image: dict[Node, Node] = {loop.index: first.index}
    known = dict(zip((*first.sequences, *first.constants), (*first.rows, *first.inner)))
    for x, value in zip((*loop.rows, *loop.inner), (*loop.sequences, *loop.constants)):
        if value.op.name == "result" and value.args[0] is source and value.position >= count:
            image[x] = outputs[value.position]
        elif value in known:
            image[x] = known[value]
    limit = TIMES * sum(_elements(x.shape) for x in (*first.carries, *first.rows, *first.stacks))
    found: dict[Node, tuple[Node, bool]] = {}
    for n in order:
        if n in image:
            continue
        if not n.args:
            if n.op.name != "input":
                image[n] = n
            continue
        if not all(a in image for a in n.args):
            continue
        same = rebuild(n, [image[a] for a in n.args])
        if same in inside:
            image[n] = same
            if same in varying and n.dtype != "results" and _elements(n.shape) <= limit:
                found[n] = same, not n.op.view and n.op.name not in CHEAP
    return found


def _elements(shape: Shape) -> int:
    names = {name: NOMINAL for size in core(shape) for name in dim_names(size)}
    return math.prod(max(1, n) for n in evaluate_shape(shape, names, (NOMINAL,)))


def _applied(f: Function, order: Sequence[Node], plan: _Plan) -> Function:
    new: dict[Node, Node] = {}
    stacks: dict[tuple[Node, Node], Node] = {}
    for node in order:
        if node in new:
            continue
        args = [new[a] for a in node.args]
        if node not in plan.kept and node not in plan.reads:
            new[node] = rebuild(node, args)
            continue
        loop = opened(node, args)
        rows = len(loop.stacks)
        kept = list(plan.kept.get(node, ()))
        loop.stacks += kept
        loop.names = {**{x: _called(loop, x) for x in kept}, **loop.names}
        _read(loop, {n: stacks[source, image] for n, source, image in plan.reads.get(node, ())})
        built: Built = build_loop(loop)
        new[node] = node
        found = [*built.last, *built.stacks[:rows], *built.histories]
        new.update(zip(results(node), found))
        stacks.update(zip([(node, image) for image in kept], built.stacks[rows:]))
    return f.map(new)


def _called(loop: Loop, n: Node) -> str:
    """A name for a value without one: `tanh_c`, `A_P` of a product, `gain_T` of what `gain` is a view of."""
    names = {**loop.labels, **loop.names}
    operands = [names.get(a, "") for a in n.args]
    if len(operands) == 1 and operands[0]:
        return f"{n.op.name.strip('_')}_{operands[0]}"
    if n.op.name in ("matmat", "matvec", "vecmat", "dot") and all(operands):
        return "_".join(operands)
    for view, name in loop.names.items():
        if view.op.name == "transpose" and view.args[0] is n:
            return f"{name}_T"
    return n.op.name.strip("_")


def _read(loop: Loop, reads: Mapping[Node, Node]) -> None:
    """Let the body take nodes from rows of stacks."""
    new: dict[Node, Node] = {}
    labels = dict(loop.labels)
    for i, (n, stack) in enumerate(reads.items()):
        new[n] = row = input_node(f"{i} kept", n.shape, n.dtype)
        loop.rows.append(row)
        loop.sequences.append(stack)
        labels[row] = loop.names.get(n) or _called(loop, n)
    if not new:
        return
    stack_inputs = {x: x for x in (*loop.carries, *loop.rows, *loop.inner, loop.index)}
    image = substitute([*loop.after, *loop.stacks], {**stack_inputs, **new})
    loop.after = [image[x] for x in loop.after]
    loop.stacks = [image[x] for x in loop.stacks]
    loop.labels = labels
    left = set(toposort([*loop.after, *loop.stacks]))
    names = {image[x]: name for x, name in loop.names.items() if image.get(x) in left and x not in new}
    for adjoint, primal in loop.bars.items():
        # What is no longer computed here still names its adjoint.
        if image.get(adjoint) in left and image.get(primal) not in left and primal in loop.names:
            names.setdefault(image[adjoint], f"{loop.names[primal]}_bar")
    loop.names = names
    loop.bars = {image[a]: image[p] for a, p in loop.bars.items() if a in image and p in image}
    loop.primal = [image[p] for p in loop.primal if p in image]
