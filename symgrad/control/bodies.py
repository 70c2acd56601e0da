"""Bodies of loops and branches, run once on stand-ins; what they take from around them becomes an operand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.graph import dependents, toposort, toposort_until
from symgrad.node import Node, rebuild
from symgrad.ops.closures import is_literal
from symgrad.ops.leaves import input_node
from symgrad.recording import finish, stand_ins

#: Views of all elements of an array.
LAYOUTS = ("transpose", "reshape", "expand_dims", "squeeze")

#: Numbers the bodies, so that the stand-ins of one are not those of another; no result shows them.
_BODIES = itertools.count()


def fresh_prefix() -> str:
    """What the names of the stand-ins of one more body begin with."""
    return f"{next(_BODIES)} "


def run(fn: Callable[..., Any], arguments: Sequence[Any], inputs: Sequence[Node]) -> Any:
    """The result of a body on stand-ins, whose names are noted."""
    with stand_ins(inputs):
        result = fn(*arguments)
        finish()
    return result


@dataclass(frozen=True)
class Captured:
    """What bodies take from around them: `inner` stands for `values` in the nodes that `new` gives."""

    new: Mapping[Node, Node]
    inner: list[Node]
    values: list[Node]


def capture(outputs: Sequence[Node], inputs: Sequence[Node], prefix: str) -> Captured:
    """The values from around a body, and its nodes with stand-ins in their place.

    All that does not depend on `inputs` is computed once, outside, however it was written.
    """
    order = toposort(outputs)
    inside = dependents(order, inputs)
    outer: dict[Node, None] = {}
    for node in order:
        if node in inside:
            outer.update(dict.fromkeys([a for a in node.args if a not in inside]))
    outer.update(dict.fromkeys([node for node in outputs if node not in inside]))
    # Other layouts of a value are made inside, so that its adjoint is one sum.
    whole = toposort_until(outer, lambda node: node.op.name not in LAYOUTS)
    values = [node for node in whole if node.op.name not in LAYOUTS and not is_literal(node)]
    inner = [input_node(f"{prefix}k{i}", v.shape, v.dtype) for i, v in enumerate(values)]
    new = dict(zip(values, inner))
    for node in whole:
        if node not in new:
            new[node] = rebuild(node, [new[a] for a in node.args]) if node.op.name in LAYOUTS else node
    for node in order:
        if node in inside:
            new[node] = rebuild(node, [new[a] for a in node.args])
    return Captured(new, inner, values)


def label(node: Node, names: Mapping[Node, str]) -> str:
    """What a value from around a body is called there."""
    if node in names or node.op.name != "input" or node.name[:1].isdigit():
        return names.get(node, "")
    return str(node.name).rpartition(".")[2]
