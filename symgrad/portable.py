"""Functions as plain data, for pickling: a list of node records instead of a deep structure."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from symgrad.graph import Function, Parameter, toposort
from symgrad.node import OPS, Node, build
from symgrad.ops.custom import CUSTOM
from symgrad.tree import map_leaves

#: Fields of a Function that hold nodes; each is written as positions in the list of records.
_TABLES = ("names", "lines")


def freeze(function: Function) -> dict[str, Any]:
    """The function as records `(operation, operand positions, params)` and positions."""
    roots: list[Node] = [*function.input_nodes, *function.output_nodes, *function.primal]
    roots += [*function.names, *function.lines, *function.bars, *function.bars.values()]
    order = toposort(roots)
    position = {node: i for i, node in enumerate(order)}
    data = {f.name: getattr(function, f.name) for f in fields(function)}
    data["records"] = [(n.op.name, tuple(position[a] for a in n.args), n.params) for n in order]
    data["parameters"] = [
        (p.name, map_leaves(position.__getitem__, p.tree), p.dtype, p.doc) for p in function.parameters
    ]
    data["result"] = map_leaves(position.__getitem__, function.result)
    for table in _TABLES:
        data[table] = {position[n]: text for n, text in data[table].items()}
    data["bars"] = {position[a]: position[p] for a, p in function.bars.items()}
    data["primal"] = [position[n] for n in function.primal]
    return data


def thaw(data: dict[str, Any]) -> Function:
    """The function again, its nodes interned with those that exist already."""
    data = dict(data)
    nodes: list[Node] = []
    for name, operands, params in data.pop("records"):
        operation = OPS[name] if name in OPS else CUSTOM[name]
        nodes.append(build(operation, tuple(nodes[i] for i in operands), params))
    data["parameters"] = tuple(
        Parameter(name, map_leaves(nodes.__getitem__, tree), dtype, doc)
        for name, tree, dtype, doc in data["parameters"]
    )
    data["result"] = map_leaves(nodes.__getitem__, data["result"])
    for table in _TABLES:
        data[table] = {nodes[i]: text for i, text in data[table].items()}
    data["bars"] = {nodes[a]: nodes[p] for a, p in data["bars"].items()}
    data["primal"] = tuple(nodes[i] for i in data["primal"])
    return Function(**data)


def _reduce(function: Function) -> Any:
    return thaw, (freeze(function),)


Function.__reduce__ = _reduce  # type: ignore[assignment,method-assign]
