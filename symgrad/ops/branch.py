"""`cond` and `checkpoint`: closures that run once, one of two or the only one there is.

    results = then(operands) if condition else other(operands)
    results = closure(operands)

Their adjoints are the same operation with the pullbacks of the closures, which compute again what they need
of the values inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.flops import nominal
from symgrad.graph import substitute, toposort
from symgrad.node import OPS, Node, op
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
from symgrad.ops.structure import broadcast_up
from symgrad.shapes import BATCH, Shape, has_batch, shape_text

# --- the operations -----------------------------------------------------------------------------------


def _check_operands(what: str, args: Sequence[Node], closure: Closure) -> None:
    for position, (operand, x) in enumerate(zip(args, closure.inputs, strict=True)):
        if operand.shape != x.shape or operand.dtype != x.dtype:
            raise ShapeError(
                f"{what}: operand {position} does not fit its body",
                expected=f"{shape_text(x.shape)} {x.dtype}",
                got=f"{shape_text(operand.shape)} {operand.dtype}",
            )


def _check_branches(*args: Node, then: Closure, other: Closure) -> Shape:
    if args[0].shape or args[0].dtype != "bool":
        raise ShapeError("cond: the condition is one truth value", got=shape_text(args[0].shape))
    for closure in (then, other):
        _check_operands("cond", args[1:], closure)
    if [(x.shape, x.dtype) for x in then.outputs] != [(x.shape, x.dtype) for x in other.outputs]:
        raise ShapeError("cond: the results of the two branches differ in shape or dtype")
    return batch_of(args)


def _check_body(*args: Node, body: Closure) -> Shape:
    _check_operands("checkpoint", args, body)
    return batch_of(args)


def _types(node: Node) -> Types:
    return tuple([(x.shape, x.dtype) for x in node.params[0].outputs])


def _as_results(values: Sequence[Any]) -> Any:
    out = np.empty((), object)
    out[()] = tuple(values)
    return out


def _chosen(m: Any, node: Node, condition: Any, *operands: Any) -> Any:
    taken = condition.item() if isinstance(condition, np.ndarray) else condition
    if isinstance(taken, (bool, np.bool_)):
        return _as_results(m.run((node.then if taken else node.other).function, *operands))
    # A condition that is not known is part of the formula.
    pairs = zip(m.run(node.then.function, *operands), m.run(node.other.function, *operands))
    choose = OPS["where"].sympy
    return _as_results([m.elementwise(choose, condition, a, b) for a, b in pairs])


def _same_choice(g: Node, y: Node, position: int) -> Node:
    """The same choice, between the pullbacks of the branches, for all operands."""
    raise AssertionError("the driver asks for all operands at once")


def _computed_again(g: Node, y: Node, position: int) -> Node:
    """The closure once more, and its pullback, for all operands."""
    raise AssertionError("the driver asks for all operands at once")


cond = op(
    "cond", "operands", params="then other",
    doc="The results of one of two closures, whichever the condition, the first operand, says.",
    shape=_check_branches,
    dtype=several,
    numpy=no_form,
    statement=no_form,
    flops=lambda node: max(node.then.flops, node.other.flops, key=nominal),
    adjoint=_same_choice,
    sympy=_chosen,
    variadic=True,
    examples=[{"shown": ("condition (), operands (n,) -> results (n,)", "if condition: ... else: ...")}],
)  # fmt: skip

checkpoint = op(
    "checkpoint", "operands", params="body",
    doc="The results of a closure of which nothing inside is kept: its derivative computes it again.",
    shape=_check_body,
    dtype=several,
    numpy=no_form,
    statement=no_form,
    flops=lambda node: node.body.flops,
    adjoint=_computed_again,
    sympy=lambda m, node, *operands: _as_results(m.run(node.body.function, *operands)),
    variadic=True,
    examples=[{"shown": ("operands (n,) -> results (n,)", "...; del ...")}],
)  # fmt: skip


# --- building them ------------------------------------------------------------------------------------


def build_cond(condition: Node, then: Closure, other: Closure, operands: Sequence[Node]) -> list[Node]:
    """The results of a choice. Literals move into the branches; what neither uses is left out."""
    (then, other), kept = _closed([then, other], operands)
    return results(cond(condition, *kept, then=then, other=other))


def build_checkpoint(closure: Closure, operands: Sequence[Node]) -> list[Node]:
    """The results of a closure that is computed again. Literals move into it; what is not used, out."""
    (closure,), kept = _closed([closure], operands)
    return results(checkpoint(*kept, body=closure))


def _closed(closures: Sequence[Closure], operands: Sequence[Node]) -> tuple[list[Closure], list[Node]]:
    """The closures with only the operands that they use and do not hold themselves, and these."""
    used = [set(toposort(closure.outputs)) for closure in closures]
    kept = [
        i for i, value in enumerate(operands)
        if any(closure.inputs[i] in below for closure, below in zip(closures, used))
        and not _moves_inside(value, closures[0].inputs[i])
    ]  # fmt: skip
    return [_only(closure, kept, operands) for closure in closures], [operands[i] for i in kept]


def _moves_inside(value: Node, x: Node) -> bool:
    return is_literal(value) and value.op.name != "array" and value.dtype == x.dtype


def _only(closure: Closure, kept: Sequence[int], operands: Sequence[Node]) -> Closure:
    """The closure with only these inputs, and literals in the place of others."""
    function = closure.function
    literals = {x: v for x, v in zip(closure.inputs, operands) if _moves_inside(v, x)}
    new = substitute(closure.outputs, literals) if literals else {}
    return close(
        [closure.inputs[i] for i in kept],
        [closure.labels[i] for i in kept],
        [new.get(x, x) for x in closure.outputs],
        {new.get(x, x): name for x, name in function.names.items()},
        {new.get(a, a): new.get(p, p) for a, p in function.bars.items()},
        [new.get(p, p) for p in function.primal],
    )


# --- their adjoints -----------------------------------------------------------------------------------


def _pulled(
    closures: Sequence[Closure],
    cotangents: Mapping[int, Node],
    wrt: Sequence[int],
    differentiate: Differentiate,
) -> list[Closure]:
    """The pullback of each closure: of its operands and the cotangents, to the adjoints of these operands."""
    pulled = []
    for closure in closures:
        seeds = [input_node(f"{p} bar", closure.outputs[p].shape) for p in cotangents]
        outputs = [closure.outputs[p] for p in cotangents]
        xs = [closure.inputs[i] for i in wrt]
        adjoints, bars = differentiate(outputs, seeds, xs)
        function = closure.function
        labels = [f"{function.names[x]}_bar" if x in function.names else "" for x in outputs]
        found = [broadcast_up(g, x.shape) for g, x in zip(adjoints, xs)]
        names = dict(function.names)
        for g, i in zip(found, wrt):
            if closure.labels[i] and g not in names:
                names[g] = f"{closure.labels[i]}_bar"
        pulled.append(
            close(
                [*closure.inputs, *seeds],
                [*closure.labels, *labels],
                found,
                names,
                {**function.bars, **bars},
                toposort(outputs),
            )
        )
    return pulled


def _wrt(closures: Sequence[Closure], cotangents: Mapping[int, Node], active: Sequence[bool]) -> list[int]:
    """The positions of active operands that results with a cotangent depend on."""
    below = set(toposort([closure.outputs[p] for closure in closures for p in cotangents]))
    return [i for i, flag in enumerate(active) if flag and any(b.inputs[i] in below for b in closures)]


def _seeds(node: Node, cotangents: Mapping[int, Node]) -> list[Node]:
    types = _types(node)
    return [broadcast_up(g, types[p][0]) for p, g in cotangents.items()]


def _cond_pullback(
    node: Node, cotangents: Mapping[int, Node], active: Sequence[bool], differentiate: Differentiate
) -> dict[int, Node]:
    closures = (node.then, node.other)
    wrt = _wrt(closures, cotangents, active[1:])
    if not wrt:
        return {}
    then, other = _pulled(closures, cotangents, wrt, differentiate)
    found = build_cond(node.args[0], then, other, [*node.args[1:], *_seeds(node, cotangents)])
    return {1 + i: g for i, g in zip(wrt, found)}


def _checkpoint_pullback(
    node: Node, cotangents: Mapping[int, Node], active: Sequence[bool], differentiate: Differentiate
) -> dict[int, Node]:
    wrt = _wrt([node.body], cotangents, active)
    if not wrt:
        return {}
    (closure,) = _pulled([node.body], cotangents, wrt, differentiate)
    return dict(zip(wrt, build_checkpoint(closure, [*node.args, *_seeds(node, cotangents)])))


# --- under a batch ------------------------------------------------------------------------------------


def selected(node: Node) -> Closure:
    """Both branches of a choice, and the selection between them, as one closure of all its operands."""
    condition = input_node("condition", (), "bool")
    names: dict[Node, str] = {}
    inputs = [input_node(f"{i} in", x.shape, x.dtype) for i, x in enumerate(node.then.inputs)]
    branches = []
    for closure in (node.then, node.other):
        new = substitute(closure.outputs, dict(zip(closure.inputs, inputs)))
        for x, name in closure.function.names.items():
            names.setdefault(new.get(x, x), name)
        branches.append([new[x] for x in closure.outputs])
    outputs = [
        a if a is b else broadcast_up(OPS["where"](condition, a, b), a.shape) for a, b in zip(*branches)
    ]
    return close([condition, *inputs], ["", *node.then.labels], outputs, names)


def _cond_batched(node: Node, args: Sequence[Node], each: Each) -> Node:
    flags = [has_batch(a.shape) for a in args[1:]]
    closures = [batched_closure(closure, flags, each) for closure in (node.then, node.other)]
    shapes = [
        (BATCH, *a.shape) if any(has_batch(x.shape) for x in (a, b)) and not has_batch(a.shape) else a.shape
        for a, b in zip(closures[0].outputs, closures[1].outputs)
    ]
    then, other = (_fitted(closure, shapes) for closure in closures)
    return cond(*args, then=then, other=other)


def _fitted(closure: Closure, shapes: Sequence[Shape]) -> Closure:
    """The closure with its results in these shapes."""
    outputs = [broadcast_up(x, shape) for x, shape in zip(closure.outputs, shapes)]
    f = closure.function
    return close(closure.inputs, closure.labels, outputs, f.names, f.bars, f.primal)


def _checkpoint_batched(node: Node, args: Sequence[Node], each: Each) -> Node:
    return checkpoint(*args, body=batched_closure(node.body, [has_batch(a.shape) for a in args], each))


CONTROL["cond"] = Control(types=_types, pullback=_cond_pullback, batched=_cond_batched)
CONTROL["checkpoint"] = Control(types=_types, pullback=_checkpoint_pullback, batched=_checkpoint_batched)
