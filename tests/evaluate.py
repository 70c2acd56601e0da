"""Values of nodes from the text of their numpy forms, one node at a time and without a generated module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symgrad import kernels
from symgrad.graph import toposort
from symgrad.lower.environment import Env
from symgrad.node import Node
from symgrad.shapes import BATCH, core, has_batch
from symgrad.shapes import evaluate as size_of
from symgrad.text import Text


def evaluate(nodes: Sequence[Node], values: Mapping[Node, Any]) -> list[Any]:
    """The values of `nodes` at those of the input nodes, by evaluating the text of every node below them.

    Sizes of dimensions come from the shapes of the arrays. Floats are float32 where every float array is.
    """
    given = {node: _input(node, value) for node, value in values.items()}
    floats = [v.dtype for n, v in given.items() if n.dtype == "float64"]
    dtype = np.float32 if floats and all(d == np.float32 for d in floats) else np.float64
    sizes, batch = _sizes(given)
    env = Env({name: f"size_{name}" for name in sizes})
    scope: dict[str, Any] = {"np": np, "dtype": dtype, "batch": batch, **kernels.namespace()}
    scope.update({f"size_{name}": size for name, size in sizes.items()})
    texts: dict[Node, Text] = {}
    for position, node in enumerate(toposort(nodes)):
        name = f"v{position}"
        if node.op.name == "input":
            scope[name], texts[node] = given[node], Text(name)
            continue
        operands = [texts[a] for a in node.args]
        if node.op.statement is not None:
            exec("\n".join(node.op.statement(node, name, operands, env)), scope)
            texts[node] = Text(name)
            continue
        text = node.op.numpy(node, operands, env)
        if text.weak:  # a Python number, which has to stay one where it meets an array
            texts[node] = text
        else:
            scope[name], texts[node] = eval(text.source, scope), Text(name)
    return [eval(texts[node].source, scope) for node in nodes]


def _input(node: Node, value: Any) -> Any:
    array = np.asarray(value)
    if node.dtype != "float64":
        array = array.astype(node.dtype)
    elif array.dtype.kind != "f":
        array = array.astype(np.float64)
    return array if array.ndim else array[()]


def _sizes(given: Mapping[Node, Any]) -> tuple[dict[str, int], tuple[int, ...]]:
    """Sizes of the named dimensions, and the shape that `...` stands for."""
    sizes: dict[str, int] = {}
    heads: list[tuple[int, ...]] = []
    for node, array in given.items():
        wanted = core(node.shape)
        split = array.ndim - len(wanted)
        for size, actual in zip(wanted, array.shape[split:]):
            if str(size).isidentifier():
                sizes.setdefault(str(size), actual)
        if has_batch(node.shape):
            heads.append(array.shape[:split])
    for node, array in given.items():
        expected = tuple(size_of(s, sizes) for s in node.shape if s is not BATCH)
        if array.shape[array.ndim - len(expected) :] != expected or (
            not has_batch(node.shape) and array.ndim != len(expected)
        ):
            raise ValueError(f"{node.name}: expected shape {expected}, got {array.shape}")
    return sizes, np.broadcast_shapes(*heads)
