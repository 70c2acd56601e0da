"""`scan`: a loop as one operation, whose body is a closure.

Step t takes the carries, row t of every sequence and the constants to the next carries and to row t of every
stack:

    carries[t + 1], row[t] = closure(t, carries[t], sequences[t], constants)

Its results are, by position: the last carries; the stacks; and the history of each carry, row t of which is
the carry before step t. Histories are what a reversed loop reads, and only the results that something uses
are computed. A loop in reverse goes through the rows from the last to the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.flops import extent
from symgrad.graph import dependents, substitute, toposort
from symgrad.node import Node, lift, op
from symgrad.ops.closures import (
    CONTROL,
    Closure,
    Control,
    Differentiate,
    Each,
    Types,
    batch_of,
    batched_closure,
    close,
    is_literal,
    no_form,
    results,
    several,
)
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import broadcast_to, broadcast_up, expand_dims, head
from symgrad.shapes import Shape, Size, core, has_batch, shape_text


def stacked(shape: Shape, length: Size) -> Shape:
    """The shape of one row for each step: behind a leading `...`, in front of all else."""
    return (*head(shape), length, *core(shape))


def row_shape(shape: Shape) -> Shape:
    """The shape of one row."""
    return (*head(shape), *core(shape)[1:])


# --- the operation ------------------------------------------------------------------------------------


def _check(*args: Node, body: Closure, length: Size, carries: int, sequences: int, **flags: bool) -> Shape:
    for position, (operand, x) in enumerate(zip(args, body.inputs[1:], strict=True)):
        wanted = stacked(x.shape, length) if carries <= position < carries + sequences else x.shape
        if operand.shape != wanted or operand.dtype != x.dtype:
            raise ShapeError(
                f"scan: operand {position} does not fit its body",
                expected=f"{shape_text(wanted)} {x.dtype}",
                got=f"{shape_text(operand.shape)} {operand.dtype}",
            )
    for carry, after in zip(body.inputs[1 : 1 + carries], body.outputs):
        if carry.shape != after.shape or carry.dtype != after.dtype:
            raise ShapeError(
                "scan: a carry changes in its body",
                expected=f"{shape_text(carry.shape)} {carry.dtype}",
                got=f"{shape_text(after.shape)} {after.dtype}",
            )
    return batch_of(args)


def _types(node: Node) -> Types:
    carries = node.body.outputs[: node.carries]
    rows = node.body.outputs[node.carries :]
    return (
        *[(x.shape, x.dtype) for x in carries],
        *[(stacked(x.shape, node.length), x.dtype) for x in (*rows, *carries)],
    )


def steps(node: Node, length: int) -> Any:
    """The indices of the steps, in the order in which they are taken."""
    return range(length - 1, -1, -1) if node.reverse else range(length)


def _meaning(m: Any, node: Node, *arrays: Any) -> Any:
    """The steps, one after the other."""
    length, first = m.size(node.length), node.carries + node.sequences
    count = len(node.body.outputs) - node.carries
    carry, xs, constants = list(arrays[: node.carries]), arrays[node.carries : first], arrays[first:]
    rows: list[list[Any]] = [[None] * max(length, 0) for _ in range(count + node.carries)]
    for t in steps(node, length):
        slices = [x[t : t + 1].reshape(x.shape[1:]) for x in xs]
        before = carry
        after = m.run(node.body.function, np.array(t), *carry, *slices, *constants)
        carry = after[: node.carries]
        for row, value in zip(rows, (*after[node.carries :], *before)):
            row[t] = value
    found = [*carry]
    outputs = (*node.body.outputs[node.carries :], *node.body.outputs[: node.carries])
    for row, output in zip(rows, outputs):
        shape = (max(length, 0), *m.shape(output.shape))
        entries = [v for value in row for v in np.asarray(value).ravel().tolist()]
        whole = m.objects(entries, shape)
        found.append(whole if output.dtype == "float64" else m.plain(output, whole))
    out = np.empty((), object)
    out[()] = tuple(found)
    return out


def _reversed(g: Node, y: Node, position: int) -> Node:
    """One loop in reverse, over the histories of the carries, for all operands."""
    raise AssertionError("the driver asks for all operands at once")


scan = op(
    "scan", "operands", params="body length carries sequences reverse checkpoint",
    defaults={"reverse": False, "checkpoint": False},
    doc="A loop: carries go from step to step, through a closure that sees one row of each sequence.",
    shape=_check,
    dtype=several,
    numpy=no_form,
    statement=no_form,
    flops=lambda node: node.body.flops * extent(node.length),
    adjoint=_reversed,
    sympy=_meaning,
    variadic=True,
    examples=[{"shown": (
        "carry (d,), sequence (n, k) -> last (d,), stack (n, ...), history (n, d)",
        "for t in range(n): ...",
    )}],
)  # fmt: skip


# --- building one -------------------------------------------------------------------------------------


@dataclass
class Loop:
    """A loop to be built: its body as nodes over stand-ins for what changes from step to step.

    Attributes
    ----------
    index
        The stand-in for the number of the step.
    carries, inits, after
        For each carry its stand-in, its first value, and its next value.
    rows, sequences
        For each sequence the stand-in for a row, and the whole.
    inner, constants
        For each value that does not change, the stand-in for it inside, and the value.
    stacks
        What is stacked, a node of the body each.
    labels
        What stand-ins are called.
    """

    length: Size
    index: Node
    carries: list[Node]
    inits: list[Node]
    after: list[Node]
    rows: list[Node] = field(default_factory=list)
    sequences: list[Node] = field(default_factory=list)
    inner: list[Node] = field(default_factory=list)
    constants: list[Node] = field(default_factory=list)
    stacks: list[Node] = field(default_factory=list)
    reverse: bool = False
    checkpoint: bool = False
    labels: Mapping[Node, str] = field(default_factory=dict)
    names: Mapping[Node, str] = field(default_factory=dict)
    bars: Mapping[Node, Node] = field(default_factory=dict)
    primal: Sequence[Node] = ()


@dataclass
class Built:
    """The results of a loop, in the order in which they were asked for."""

    last: list[Node]
    stacks: list[Node]
    histories: list[Node]


def build_loop(loop: Loop) -> Built:
    """The loop as a node, and its results.

    Carries that never change become constants; literals move into the body; what the body does not use, or
    is given twice, is left out.
    """
    still = [c is after for c, after in zip(loop.carries, loop.after)]
    moving = [i for i, flag in enumerate(still) if not flag]
    inner = [*loop.inner, *[c for c, flag in zip(loop.carries, still) if flag]]
    constants = [*loop.constants, *[i for i, flag in zip(loop.inits, still) if flag]]
    # What stacks a carry is its history.
    stacked_ = [x for x in loop.stacks if x not in loop.carries]
    outputs = [*[loop.after[i] for i in moving], *stacked_]
    changing: list[tuple[Node, Node]] = []
    for row, whole in zip(loop.rows, loop.sequences):
        same = _repeated(whole)
        if same is None:
            changing.append((row, whole))
        else:
            inner.append(row)
            constants.append(same)
    simpler: dict[Node, Node] = {}
    first: dict[tuple[str, Node], Node] = {}
    for stand_in, value in zip(inner, constants):
        known = is_literal(value) and value.op.name != "array" and value.dtype == stand_in.dtype
        simpler[stand_in] = value if known else first.setdefault(("constant", value), stand_in)
    for stand_in, value in changing:
        simpler[stand_in] = first.setdefault(("row", value), stand_in)
    new = substitute([*outputs, *inner, *loop.rows], {a: b for a, b in simpler.items() if a is not b})
    outputs = [new[x] for x in outputs]
    used = set(toposort(outputs))
    rows = [(x, whole) for x, whole in changing if simpler[x] is x and x in used]
    fixed = [(x, value) for x, value in zip(inner, constants) if simpler[x] is x and x in used]
    carries = [loop.carries[i] for i in moving]
    inputs = [loop.index, *carries, *[x for x, _ in rows], *[x for x, _ in fixed]]
    closure = close(
        inputs,
        [loop.labels.get(x, "") for x in inputs],
        outputs,
        {new[node]: name for node, name in loop.names.items() if node in new},
        {new[a]: new[p] for a, p in loop.bars.items() if a in new and p in new},
        [new[p] for p in loop.primal if p in new],
    )
    operands = [loop.inits[i] for i in moving] + [w for _, w in rows] + [v for _, v in fixed]
    if not outputs:
        found = []
    else:
        found = results(scan(
            *operands, body=closure, length=loop.length, carries=len(moving), sequences=len(rows),
            reverse=loop.reverse, checkpoint=loop.checkpoint,
        ))  # fmt: skip
    place = {i: position for position, i in enumerate(moving)}
    rest = iter(found[len(moving) : len(moving) + len(stacked_)])
    last, histories = [], []
    for i, init in enumerate(loop.inits):
        if still[i]:
            last.append(init)
            whole = expand_dims(init, axes=(0,)) if init.shape else init
            histories.append(broadcast_to(whole, shape=stacked(init.shape, loop.length)))
        else:
            last.append(found[place[i]])
            histories.append(found[len(moving) + len(stacked_) + place[i]])
    of = dict(zip(loop.carries, histories))
    return Built(last, [of[x] if x in of else next(rest) for x in loop.stacks], histories)


def _repeated(whole: Node) -> Node | None:
    """The row of a sequence all of whose rows are the same one, where that is seen; else None."""
    if whole.op.name != "broadcast_to" or has_batch(whole.shape):
        return None
    shape, source = row_shape(whole.shape), whole.args[0]
    if source.rank < whole.rank:
        return broadcast_up(source, shape)
    while source.op.name in ("broadcast_to", "expand_dims"):
        source = source.args[0]
    return broadcast_up(source, shape) if source.op.name == "const" else None


def opened(node: Node, args: Sequence[Node] | None = None) -> Loop:
    """The loop that a node is, over the inputs of its closure, on these operands instead of its own."""
    closure, c, s = node.body, node.carries, node.sequences
    args = node.args if args is None else args
    inputs = closure.inputs
    return Loop(
        length=node.length,
        index=inputs[0],
        carries=list(inputs[1 : 1 + c]),
        inits=list(args[:c]),
        after=list(closure.outputs[:c]),
        rows=list(inputs[1 + c : 1 + c + s]),
        sequences=list(args[c : c + s]),
        inner=list(inputs[1 + c + s :]),
        constants=list(args[c + s :]),
        stacks=list(closure.outputs[c:]),
        reverse=node.reverse,
        checkpoint=node.checkpoint,
        labels=dict(zip(inputs, closure.labels)),
        names=closure.function.names,
        bars=closure.function.bars,
        primal=closure.function.primal,
    )


# --- the adjoint --------------------------------------------------------------------------------------


def _pullback(
    node: Node, cotangents: Mapping[int, Node], active: Sequence[bool], differentiate: Differentiate
) -> dict[int, Node]:
    """The reversed loop: from step to step it carries the adjoints of the carries and of the constants.

    Row t of a step's operands is what it was: the carries before it are in their histories.
    """
    loop = opened(node)
    count, stacks = len(loop.carries), len(loop.stacks)
    flags = dict(zip((*loop.carries, *loop.rows, *loop.inner), active))
    moving = _moving(loop, flags, cotangents)
    if not moving and not any(count <= p < count + stacks for p in cotangents):
        return {}
    primal = opened(node)  # of which the histories are operands of the reversed loop
    histories = results(node)[count + stacks :]
    bar = {c: input_node(f"{c.name} bar", c.shape) for c in moving}
    rows_bar: dict[Node, Node] = {}
    labels = dict(loop.labels)
    labels.update({b: _adjoint_label(labels[c]) for c, b in bar.items()})
    outputs = [loop.after[loop.carries.index(c)] for c in moving]
    seeds = [bar[c] for c in moving]
    added: dict[Node, Node] = {}
    for position, g in cotangents.items():
        if position < count:
            continue
        of_stack = position < count + stacks
        what = loop.stacks[position - count] if of_stack else loop.carries[position - count - stacks]
        if not of_stack and what not in bar:
            continue
        row = input_node(f"{position} row bar", what.shape)
        rows_bar[row] = broadcast_up(g, stacked(what.shape, loop.length))
        if of_stack:
            outputs.append(what)
            seeds.append(row)
        else:
            added[what] = row
    below = set(toposort(outputs))
    fixed = [x for x in loop.inner if flags[x] and x.dtype == "float64" and x in below]
    rows = [x for x in loop.rows if flags[x] and x.dtype == "float64" and x in below]
    adjoints, bars = differentiate(outputs, seeds, [*moving, *rows, *fixed])
    found = dict(zip([*moving, *rows, *fixed], adjoints))
    sums = {x: input_node(f"{x.name} sum", x.shape) for x in fixed}
    labels.update({s: _adjoint_label(labels[x]) for x, s in sums.items()})
    after = []
    for c in moving:
        total = found[c]
        if c in added:
            bars.pop(total, None)
            total = total + added[c]
        total = broadcast_up(total, c.shape)
        after.append(total)
        bars.setdefault(total, c)
    after += [sums[x] + found[x] for x in fixed]
    inits = [_seed(cotangents.get(loop.carries.index(c)), c.shape) for c in moving]
    inits += [_seed(None, x.shape) for x in fixed]
    built = build_loop(Loop(
        length=loop.length,
        index=loop.index,
        carries=[*bar.values(), *sums.values()],
        inits=inits,
        after=after,
        rows=[*loop.carries, *loop.rows, *rows_bar],
        sequences=[*histories, *loop.sequences, *rows_bar.values()],
        inner=loop.inner,
        constants=loop.constants,
        stacks=[broadcast_up(found[x], x.shape) for x in rows],
        reverse=not loop.reverse,
        checkpoint=loop.checkpoint,
        labels=labels,
        names=loop.names,
        bars={**loop.bars, **bars},
        primal=toposort([*primal.after, *primal.stacks]),
    ))  # fmt: skip
    contributions = {loop.carries.index(c): g for c, g in zip(moving, built.last)}
    contributions.update({count + loop.rows.index(x): g for x, g in zip(rows, built.stacks)})
    first = count + len(loop.rows)
    contributions.update({first + loop.inner.index(x): g for x, g in zip(fixed, built.last[len(moving) :])})
    return contributions


def _adjoint_label(label: str) -> str:
    """What the adjoint of a value is called; that of an adjoint, in a tangent, is the value's tangent."""
    if label.endswith("_bar"):
        return f"{label.removesuffix('_bar')}_dot"
    return f"{label}_bar" if label else ""


def _seed(cotangent: Node | None, shape: Shape) -> Node:
    return broadcast_up(lift(0.0) if cotangent is None else cotangent, shape)


def _moving(loop: Loop, flags: Mapping[Node, bool], cotangents: Mapping[int, Node]) -> list[Node]:
    """The carries that depend on an active operand, and that something with a cotangent depends on."""
    order = toposort([*loop.after, *loop.stacks])
    sources = [x for x, flag in flags.items() if flag]
    while True:
        reached = dependents(order, sources)
        further = [c for c, a in zip(loop.carries, loop.after) if a in reached and c not in sources]
        if not further:
            break
        sources += further
    active = {c for c in loop.carries if c in sources and c.dtype == "float64"}
    count, stacks = len(loop.carries), len(loop.stacks)
    found = {
        c
        for i, c in enumerate(loop.carries)
        if c in active and (i in cotangents or count + stacks + i in cotangents)
    }
    roots = [s for i, s in enumerate(loop.stacks) if count + i in cotangents]
    while True:
        wanted = set(toposort([*roots, *[a for c, a in zip(loop.carries, loop.after) if c in found]]))
        further_ = {c for c in active if c in wanted} - found
        if not further_:
            return [c for c in loop.carries if c in found]
        found |= further_


# --- under a batch ------------------------------------------------------------------------------------


def _batched(node: Node, args: Sequence[Node], each: Each) -> Node:
    """The loop of which some operands have a further leading `...`."""
    flags = [False, *[has_batch(a.shape) for a in args]]
    while True:
        closure = batched_closure(node.body, flags, each)
        grown = [has_batch(x.shape) for x in closure.outputs[: node.carries]]
        if all(flag or not grows for flag, grows in zip(flags[1:], grown)):
            break
        flags[1 : 1 + node.carries] = [a or b for a, b in zip(flags[1:], grown)]
    carries = closure.inputs[1 : 1 + node.carries]
    outputs = [broadcast_up(x, carry.shape) for x, carry in zip(closure.outputs, carries)]
    outputs += closure.outputs[node.carries :]
    f = closure.function
    fitted = close(closure.inputs, closure.labels, outputs, f.names, f.bars, f.primal)
    operands = [broadcast_up(a, x.shape) for a, x in zip(args, carries)]
    return scan(*operands, *args[node.carries :], **{**_params(node), "body": fitted})


def _params(node: Node) -> dict[str, Any]:
    return dict(zip(node.op.params, node.params))


CONTROL["scan"] = Control(
    types=_types,
    pullback=_pullback,
    batched=_batched,
    sequences=lambda node: range(node.carries, node.carries + node.sequences),
    stacked=lambda node, position: position >= node.carries,
)
