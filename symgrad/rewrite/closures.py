"""Passes that know loops and branches: over their closures, over what is used of them, out of them.

Rules see one node and its operands, and to them an operation with closures is opaque. These passes go through
the closures, leave out the results, carries and operands that nothing uses, and move what does not change
from step to step in front of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace

from symgrad.graph import Function, dependents, substitute, toposort
from symgrad.node import Node, build, rebuild
from symgrad.ops.branch import build_checkpoint, build_cond
from symgrad.ops.closures import Closure, has_closures, is_literal, keep_outputs
from symgrad.ops.leaves import input_node
from symgrad.ops.loop import Loop, build_loop, opened


def in_closures(f: Function, change: Callable[[Function], Function]) -> Function:
    """The function with every closure replaced by what `change` makes of it; itself where that is nothing."""
    if not has_closures(f):
        return f
    order = f.nodes()
    changed: dict[Closure, Closure] = {}
    new: dict[Node, Node] = {}
    for node in order:
        args = [new[a] for a in node.args]
        if node.dtype != "results":
            new[node] = rebuild(node, args)
            continue
        params = []
        for value in node.params:
            if isinstance(value, Closure):
                if value not in changed:
                    changed[value] = Closure(change(value.function))
                value = changed[value]
            params.append(value)
        new[node] = build(node.op, tuple(args), tuple(params))
    return f if all(a is b for a, b in new.items()) else f.map(new)


# --- what is used -------------------------------------------------------------------------------------


def prune(f: Function) -> Function:
    """The function without results, carries and operands of loops and branches that nothing uses.

    What does not change from step to step is moved in front of its loop.
    """
    if not has_closures(f):
        return f
    order = f.nodes()
    live, used = _used(order, f.output_nodes)
    new: dict[Node, Node] = {}
    names: dict[Node, str] = {}
    for node in order:
        if node not in live or node.op.name == "result":
            continue
        if node.dtype != "results":
            new[node] = rebuild(node, [new[a] for a in node.args])
            continue
        new[node] = node
        # An operand that only dead carries use has no image, and no use.
        args = [new.get(a, a) for a in node.args]
        wanted = used[node]
        images = _loop(node, args, wanted, names) if node.op.name == "scan" else _branch(node, args, wanted)
        new.update(zip(wanted.values(), images))
    if all(a is b for a, b in new.items()):
        return f
    changed = f.map(new)
    return replace(changed, names={**names, **changed.names}) if names else changed


def _used(order: Sequence[Node], outputs: Sequence[Node]) -> tuple[set[Node], dict[Node, dict[int, Node]]]:
    """The nodes that outputs need, and for operations with closures the results among them, by position."""
    live = set(outputs)
    used: dict[Node, dict[int, Node]] = {}
    for node in reversed(order):
        if node not in live:
            continue
        if node.op.name == "result":
            used.setdefault(node.args[0], {})[node.position] = node
        if node.op.name == "scan":
            used[node] = dict(sorted(used[node].items()))
            loop = opened(node)
            kept, below = _needed(loop, used[node])
            operands = zip((*loop.carries, *loop.rows, *loop.inner), node.args)
            live.update([a for x, a in operands if x in kept or (x in below and x not in loop.carries)])
        elif node.dtype == "results":
            used[node] = dict(sorted(used[node].items()))
            live.update(node.args)
        else:
            live.update(node.args)
    return live, used


def _needed(loop: Loop, positions: Container[int]) -> tuple[set[Node], set[Node]]:
    """The carries that the results at these positions need, and all nodes of the body below them."""
    count, stacks = len(loop.carries), len(loop.stacks)
    kept = {c for i, c in enumerate(loop.carries) if i in positions or count + stacks + i in positions}
    roots = [x for i, x in enumerate(loop.stacks) if count + i in positions]
    while True:
        below = set(toposort([*roots, *[a for c, a in zip(loop.carries, loop.after) if c in kept]]))
        more = {c for c in loop.carries if c in below} - kept
        if not more:
            return kept, below
        kept |= more


def _loop(node: Node, args: Sequence[Node], wanted: Mapping[int, Node], names: dict[Node, str]) -> list[Node]:
    """The wanted results of a loop with only what they need."""
    loop = opened(node, args)
    count, stacks = len(loop.carries), len(loop.stacks)
    kept, _ = _needed(loop, wanted)
    chosen = [i for i, c in enumerate(loop.carries) if c in kept]
    rows = [i for i in range(stacks) if count + i in wanted]
    loop.inits = [loop.inits[i] for i in chosen]
    loop.after = [loop.after[i] for i in chosen]
    loop.carries = [loop.carries[i] for i in chosen]
    loop.stacks = [loop.stacks[i] for i in rows]
    _hoist(loop, names)
    built = build_loop(loop)
    found = dict(zip(chosen, built.last))
    found.update(zip([count + i for i in rows], built.stacks))
    found.update(zip([count + stacks + i for i in chosen], built.histories))
    return [found[position] for position in wanted]


def _branch(node: Node, args: Sequence[Node], wanted: Mapping[int, Node]) -> list[Node]:
    """The wanted results of a choice, or of a closure that is computed again."""
    closures = [keep_outputs(closure, list(wanted)) for closure in node.params]
    if node.op.name == "checkpoint":
        return build_checkpoint(closures[0], args)
    if args[0].op.name == "const":
        taken = closures[0] if args[0].value else closures[1]
        new = substitute(taken.outputs, dict(zip(taken.inputs, args[1:])))
        return [new[x] for x in taken.outputs]
    return build_cond(args[0], closures[0], closures[1], args[1:])


def _hoist(loop: Loop, names: dict[Node, str]) -> None:
    """Move what is computed of constants alone in front of the loop; views, which cost nothing, stay."""
    order = toposort([*loop.after, *loop.stacks])
    moving = dependents(order, [loop.index, *loop.carries, *loop.rows])
    inside = {n for n in order if n in moving or not n.args or n.op.view or is_literal(n)}
    inside.update([n for n in order if n.dtype == "results"])
    frontier = [a for n in order if n in inside for a in n.args if a not in inside]
    frontier += [n for n in (*loop.after, *loop.stacks) if n not in inside]
    if not frontier:
        return
    outer = substitute(frontier, dict(zip(loop.inner, loop.constants)))
    new: dict[Node, Node] = {}
    labels = dict(loop.labels)
    for n in dict.fromkeys(frontier):
        stand_in = new[n] = input_node(f"{len(loop.inner)} moved", n.shape, n.dtype)
        loop.inner.append(stand_in)
        loop.constants.append(outer[n])
        name = loop.names.get(n, "")
        labels[stand_in] = name
        if name:
            names[outer[n]] = name
    loop.labels = labels
    for n in order:
        if n not in new:
            new[n] = rebuild(n, [new[a] for a in n.args])
    for x in (*loop.carries, *loop.rows, *loop.inner, loop.index):
        new.setdefault(x, x)
    loop.after = [new[x] for x in loop.after]
    loop.stacks = [new[x] for x in loop.stacks]
    loop.names = {new[x]: name for x, name in loop.names.items() if x in new}
    loop.bars = {new[a]: new[p] for a, p in loop.bars.items() if a in new and p in new}
    loop.primal = [new[p] for p in loop.primal if p in new]
