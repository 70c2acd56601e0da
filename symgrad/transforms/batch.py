"""`vmap`: a function for every index of a new leading dimension.

Every operation works under a leading `...`. So the graph is rebuilt with `...` in front of the mapped inputs,
and then the dimension is bound to it, which moves axes back where they are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from symgrad.errors import ShapeError, SpecError
from symgrad.graph import Function, Origin, Parameter, require_function, toposort
from symgrad.guard import guard
from symgrad.inline import bind_batch_of
from symgrad.node import DType, Node, build
from symgrad.ops.branch import checkpoint, cond, selected
from symgrad.ops.closures import CONTROL, Closure, batched_closure
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import broadcast_up, expand_dims
from symgrad.shapes import BATCH, Shape, Size, has_batch, parse_dim
from symgrad.transforms.stacks import STACKED
from symgrad.tree import leaves, map_leaves


def vmap(f: Function, over: Mapping[str, Any]) -> Function:
    """The function for every index of a new leading dimension of some arguments.

    Parameters
    ----------
    f
        A Function without `...` arguments, which have their batch already.
    over
        For each mapped parameter, the new dimension: `{"x": "m"}`. All name the same one.

    Returns
    -------
    Function
        Its mapped arguments, and all results, have shape `(m, ...)`.

    Raises
    ------
    SpecError
        For unknown names, and for more than one dimension.
    ShapeError
        For a function of `...` arguments, or an operation that cannot be batched.
    """
    require_function(f, "vmap")
    sizes = {parse_dim(str(size), where=f"vmap(over={name}=...)") for name, size in over.items()}
    if len(sizes) != 1:
        raise SpecError("vmap: over names one new dimension", got=", ".join(sorted(map(str, over.values()))))
    for name in over:
        if f.parameter(name) is None:
            raise SpecError(
                f"vmap: {f.name} has no parameter {name!r}", expected=", ".join(p.name for p in f.parameters)
            )
    if f.has_batch:
        raise ShapeError(
            f"vmap: {f.name} has '...' arguments",
            hint="call it with arrays that have a further leading dimension",
        )
    (size,) = sizes
    inner: dict[Node, Node] = {}
    parameters = []
    for parameter in f.parameters:
        tree = parameter.tree
        if parameter.name in over:
            mapped = {leaf: input_node(leaf.name, (size, *leaf.shape), leaf.dtype) for leaf in leaves(tree)}
            inner.update(mapped)
            tree = map_leaves(lambda leaf, m=mapped: m[leaf], tree)
        parameters.append(Parameter(parameter.name, tree, parameter.dtype, parameter.doc))
    new = batched(f.output_nodes, inner, size)
    result = map_leaves(lambda leaf: new[leaf], f.result)
    origin = Origin("vmap", f, tuple(over))
    mapped_f = replace(f, name=f"{f.name}_vmap", parameters=tuple(parameters), result=result, origin=origin)
    names = {new[node]: name for node, name in f.names.items() if node in new}
    bars = {new[a]: new[p] for a, p in f.bars.items() if a in new and p in new}
    lines = {new[node]: line for node, line in f.lines.items() if node in new}
    primal = tuple(new[p] for p in f.primal if p in new)
    return replace(mapped_f, names=names, bars=bars, lines=lines, primal=primal)


def batched(
    roots: Iterable[Node], mapped: Mapping[Node, Node], size: Size, front: Shape = ()
) -> dict[Node, Node]:
    """Every node below the roots for each index of a new leading dimension.

    `mapped` gives nodes of shape `(*front, size, *shape)` for those that vary; the results all have those
    dimensions. The front is empty, or the `...` of nodes that stand for some without.
    """
    roots = list(roots)
    new: dict[Node, Node] = {}
    bound: dict[Node, Node] = {}

    def stands_for(outer: Node, shape: Shape, dtype: DType) -> Node:
        # A position names the stand-in: no input can have it, and it never reaches the result.
        stand_in = input_node(f"{len(bound)}", (BATCH, *shape), dtype)
        bound[stand_in] = outer
        return stand_in

    for leaf, outer in mapped.items():
        new[leaf] = stands_for(outer, leaf.shape, leaf.dtype)
    for node in toposort(roots):
        if node in new:
            continue
        args = tuple([new[a] for a in node.args])
        if not any(has_batch(a.shape) for a in args):
            new[node] = bound[node] = node
            continue
        rule = STACKED.get(node.op.name, _as_others)
        stacked = rule(node, [bound[a] for a in args], [has_batch(a.shape) for a in args], size)
        if stacked is not None:
            new[node] = stands_for(stacked, node.shape, node.dtype)
        else:
            new[node] = _with_batch(node, args)
            bind_batch_of(new[node], bound, (*front, size))
    found = {node: bound[other] for node, other in new.items()}
    for root in roots:
        if found[root].shape != (*front, size, *root.shape):
            found[root] = broadcast_up(found[root], (*front, size, *root.shape))
    return found


def _as_others(node: Node, operands: Sequence[Node], varies: Sequence[bool], size: Size) -> None:
    """Nothing special: an operation that works under a leading `...`."""


#: Operations whose index has axes of its own.
_INDEXED = ("gather", "scatter_add")
#: Parameters that count axes.
_PLACES = {"axis", "axes", "keys"}


def _with_batch(node: Node, args: tuple[Node, ...]) -> Node:
    if not any(has_batch(a.shape) for a in args):
        return node
    if node.dtype == "results":
        return _control(node, args)
    params = tuple(
        (BATCH, *value) if name == "shape" and not has_batch(value) else value
        for name, value in zip(node.op.params, node.params)
    )
    if node.op.name == "broadcast_to":
        return broadcast_up(args[0], params[0])
    if node.op.name == "embed":  # its parts have an axis a label, or fewer where there is no batch
        args = tuple(
            expand_dims(a, axes=tuple(range(len(sizes) - a.rank))) if a.rank < len(sizes) else a
            for a, (sizes, _) in zip(args, node.places)
        )
    if len(args) > 1 and node.op.name not in _INDEXED and _PLACES & set(node.op.params):
        # One count of axes serves all operands, so all of them get the new dimension.
        args = tuple(a if has_batch(a.shape) else broadcast_up(a, (BATCH, *a.shape)) for a in args)
    try:
        return build(node.op, args, params)
    except ShapeError:
        whole = tuple(
            a if has_batch(a.shape) or a.dtype != "float64" else broadcast_up(a, (BATCH, *a.shape))
            for a in args
        )
        if whole == args:
            raise
        return build(node.op, whole, params)


def _control(node: Node, args: tuple[Node, ...]) -> Node:
    """A loop or a branch; a choice that differs along the batch becomes one entry by entry."""
    if node.op is not cond or not has_batch(args[0].shape):
        return CONTROL[node.op.name].batched(node, args, _with_batch)
    both = selected(node)
    flags = [has_batch(a.shape) for a in args]
    body = batched_closure(Closure(guard(both.function)), flags, _with_batch)
    return checkpoint(*args, body=body)
