"""A Function applied to nodes: its inputs replaced, its symbolic dimensions bound to theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from symgrad.errors import ShapeError
from symgrad.graph import Function, toposort
from symgrad.node import OPS, Node, build
from symgrad.ops.closures import CONTROL, Closure, replaced
from symgrad.ops.einsum import LETTERS
from symgrad.ops.indexing import FULL
from symgrad.ops.leaves import cast
from symgrad.ops.reduce import sum_over
from symgrad.ops.structure import broadcast_up, expand_dims, permute, squeeze
from symgrad.shapes import (
    BATCH,
    Dim,
    Shape,
    Size,
    broadcast,
    core,
    dim_names,
    divide_exactly,
    has_batch,
    linear_in,
    shape_text,
    substitute,
)
from symgrad.tree import Tree, leaves, map_leaves


def inline(function: Function, arguments: Sequence[Tree]) -> Tree:
    """The function's result on these arguments, one tree of nodes a parameter.

    Raises ShapeError where an argument's shape does not match the declared one.
    """
    mapping: dict[Node, Node] = {}
    sizes: dict[str, Size] = {}
    batches: list[Shape] = []
    for parameter, tree in zip(function.parameters, arguments):
        for leaf, node in zip(leaves(parameter.tree), leaves(tree)):
            batches.append(_unify(function, leaf, node, sizes))
            mapping[leaf] = node if node.dtype == leaf.dtype else cast(node, to=leaf.dtype)
    _solve(mapping, sizes)
    _check(function, mapping, sizes)
    batch = broadcast(*batches, what=function.name) if batches else ()
    _rebuild_all(function.output_nodes, mapping, sizes, batch)
    return map_leaves(lambda leaf: mapping[leaf], function.result)


def bind_batch_of(root: Node, mapping: dict[Node, Node], batch: Shape) -> None:
    """Add to the mapping a node, and what it is made of, with dimensions in the place of their `...`."""
    stack = [root]
    while stack:
        node = stack[-1]
        missing = [a for a in node.args if a not in mapping]
        if node in mapping or not missing:
            stack.pop()
            if node not in mapping:
                mapping[node] = _rebuilt(node, tuple([mapping[a] for a in node.args]), {}, batch)
        stack.extend(missing if node not in mapping else ())


def _rebuild_all(
    roots: Iterable[Node], mapping: dict[Node, Node], sizes: dict[str, Size], batch: Shape
) -> None:
    for node in toposort(roots):
        if node not in mapping:
            mapping[node] = _rebuilt(node, tuple([mapping[a] for a in node.args]), sizes, batch)


def _unify(function: Function, leaf: Node, node: Node, sizes: dict[str, Size]) -> Shape:
    wanted = core(leaf.shape)
    given = node.shape
    if has_batch(leaf.shape):
        split = len(given) - len(wanted)
        if split >= 0:
            head, given = given[:split], given[split:]
        else:
            raise _mismatch(function, leaf, node)
    else:
        head = ()
    if len(given) != len(wanted) or (has_batch(given) and not has_batch(wanted)):
        raise _mismatch(function, leaf, node)
    for size, actual in zip(wanted, given):
        if isinstance(size, Dim) and len(size.terms) == 1:
            ((atoms, factor),) = size.terms
            if len(atoms) == 1 and factor == 1 and isinstance(atoms[0], str):
                sizes.setdefault(atoms[0], actual)
    return head


def _solve(mapping: dict[Node, Node], sizes: dict[str, Size]) -> None:
    """Add sizes that follow from a dimension with one unknown name, such as d from an argument of d + 1."""
    for leaf, node in mapping.items():
        wanted = core(leaf.shape)
        for size, actual in zip(wanted, node.shape[len(node.shape) - len(wanted) :]):
            unknown = [name for name in dim_names(size) if name not in sizes]
            found = linear_in(size, unknown[0]) if len(unknown) == 1 else None
            if found is not None:
                factor, rest = (substitute(part, sizes) for part in found)
                value = divide_exactly(actual - rest, factor)
                if value is not None:
                    sizes[unknown[0]] = value


def _check(function: Function, mapping: dict[Node, Node], sizes: dict[str, Size]) -> None:
    for leaf, node in mapping.items():
        wanted = tuple(substitute(size, sizes) for size in core(leaf.shape))
        given = node.shape[len(node.shape) - len(wanted) :]
        if wanted != given:
            raise _mismatch(function, leaf, node)


def _mismatch(function: Function, leaf: Node, node: Node) -> ShapeError:
    return ShapeError(
        f"{function.name}: argument {leaf.name!r} has the wrong shape",
        expected=shape_text(leaf.shape),
        got=shape_text(node.shape),
    )


def _rebuilt(node: Node, args: tuple[Node, ...], sizes: dict[str, Size], batch: Shape) -> Node:
    """The node on its new operands, where dimensions may stand for the `...` that it had."""
    if node.dtype == "results":
        return _rebuilt_control(node, args, sizes, batch)
    if node.op.name == "result":
        return _rebuilt_result(node, args[0], batch)
    if node.op.name == "sum_batch" and not has_batch(batch):
        whole = broadcast_up(args[0], (*batch, *(_bind(node.shape, sizes, batch))))
        return sum_over(whole, range(len(batch)))
    params = tuple(_bind(value, sizes, batch) for value in node.params)
    if node.op.name == "einsum":
        return build(node.op, args, (_relabelled(node, args, params[0]),))
    if not node.op.elementwise:
        for old, new in zip(node.args, args):
            # Axes are counted without the `...`, so they move back by the dimensions it became.
            if has_batch(old.shape) and new.rank > old.rank:
                extra = new.rank - old.rank
                if node.op.name in _VECTORS and (node.op.name not in _SYSTEMS or node.args[1].rank == 1):
                    return _VECTORS[node.op.name](*_vectors(node, args))
                if node.op.name in ("matmat", *_SYSTEMS):
                    args = _aligned(node.args, args)
                params = tuple(map(lambda n, v: _moved(node.op.name, n, v, extra), node.op.params, params))
                break
    return build(node.op, args, params)


def _aligned(old: Sequence[Node], new: Sequence[Node]) -> tuple[Node, ...]:
    """Operands of a product of stacks: behind the dimensions that a `...` became, axes for missing ones."""
    top = max(a.rank for a in old)
    found = []
    for before, after in zip(old, new):
        extra, missing = after.rank - before.rank, top - before.rank
        places = tuple(range(extra, extra + missing))
        found.append(expand_dims(after, axes=places) if extra and missing else after)
    return tuple(found)


def _relabelled(node: Node, args: Sequence[Node], subscripts: str) -> str:
    """Subscripts with further labels for the dimensions that a `...` became."""
    extra = max((new.rank - old.rank for old, new in zip(node.args, args)), default=0)
    if not extra:
        return subscripts
    terms, _, result = subscripts.partition("->")
    labels = "".join([x for x in LETTERS if x not in subscripts][:extra])
    if len(labels) < extra:
        raise ShapeError("np.einsum: there are not enough letters for a further dimension", got=subscripts)
    new_terms = [
        labels[extra - (new.rank - old.rank) :] + term
        for old, new, term in zip(node.args, args, terms.split(","))
    ]
    return f"{','.join(new_terms)}->{labels}{result}"


def _vectors(node: Node, args: Sequence[Node]) -> tuple[Node, ...]:
    """Operands of which one is a vector to each matrix of a stack that the other may be."""
    if node.op.name not in ("matvec", "vecmat"):
        return tuple(args)
    place = 1 if node.op.name == "matvec" else 0
    vector, matrix = args[place], node.args[1 - place]
    extra, missing = vector.rank - 1, matrix.rank - 2
    if extra and missing:
        vector = expand_dims(vector, axes=tuple(range(extra, extra + missing)))
    return (args[0], vector) if place else (vector, args[1])


def _rebuilt_control(node: Node, args: tuple[Node, ...], sizes: dict[str, Size], batch: Shape) -> Node:
    """A loop or a branch: its blocks on the new dimensions, rows of sequences still in front of all else."""
    operands = [broadcast_up(a, _bind(old.shape, sizes, batch)) for a, old in zip(args, node.args)]
    for position in CONTROL[node.op.name].sequences(node):
        if has_batch(node.args[position].shape) and not has_batch(batch):
            x, width = operands[position], len(batch)
            operands[position] = permute(x, (width, *range(width), *range(width + 1, x.rank)))
    params = tuple(
        _rebuilt_closure(value, sizes, batch) if isinstance(value, Closure) else _bind(value, sizes, batch)
        for value in node.params
    )
    return build(node.op, tuple(operands), params)


def _rebuilt_closure(closure: Closure, sizes: dict[str, Size], batch: Shape) -> Closure:
    new = {x: _rebuilt(x, (), sizes, batch) for x in closure.inputs}
    _rebuild_all(closure.outputs, new, sizes, batch)
    # What does not depend on the batch at run time is repeated along it, as the block's types say.
    full = [broadcast_up(new[x], _bind(x.shape, sizes, batch)) for x in closure.outputs]
    return replaced(closure, [new[x] for x in closure.inputs], new, full)


def _rebuilt_result(node: Node, source: Node, batch: Shape) -> Node:
    found = build(node.op, (source,), node.params)
    stacked = CONTROL[source.op.name].stacked(source, node.position)
    if not stacked or not has_batch(node.shape) or has_batch(batch):
        return found
    width = len(batch)
    return permute(found, (*range(1, width + 1), 0, *range(width + 1, found.rank)))


def _stacked_matvec(a: Node, x: Node) -> Node:
    if a.rank == 2:
        return OPS["matmat"](x, OPS["transpose"](a, axes=(1, 0)))  # rows of x, all at once
    y = OPS["matmat"](a, expand_dims(x, axes=(x.rank,)))
    return squeeze(y, axes=(y.rank - 1,))


def _stacked_vecmat(x: Node, a: Node) -> Node:
    if a.rank == 2:
        return OPS["matmat"](x, a)
    y = OPS["matmat"](expand_dims(x, axes=(x.rank - 1,)), a)
    return squeeze(y, axes=(y.rank - 2,))


def _stacked_dot(a: Node, b: Node) -> Node:
    y = a * b
    return sum_over(y, (y.rank - 1,))


def _stacked_solve(a: Node, b: Node) -> Node:
    x = OPS["solve"](a, expand_dims(b, axes=(b.rank,)))
    return squeeze(x, axes=(x.rank - 1,))


#: Products with vectors, and systems that one is the right-hand side of, as those of stacks of them.
_VECTORS = {
    "dot": _stacked_dot,
    "matvec": _stacked_matvec,
    "vecmat": _stacked_vecmat,
    "solve": _stacked_solve,
    "solve_triangular": _stacked_solve,
}
_SYSTEMS = ("solve", "solve_triangular")


def _moved(operation: str, parameter: str, value: Any, extra: int) -> Any:
    """A parameter that counts axes, with `extra` further axes in front."""
    if parameter == "axis":
        return value + extra
    if parameter == "axes":
        moved = tuple(axis + extra for axis in value)
        return (*range(extra), *moved) if operation == "transpose" else moved
    if parameter == "key":
        return (FULL,) * extra + value
    if parameter == "keys":
        return tuple((FULL,) * extra + key for key in value)
    if parameter == "widths":
        return ((0, 0),) * extra + value
    return value


def _bind(value: Any, sizes: dict[str, Size], batch: Shape) -> Any:
    if isinstance(value, Dim):
        return substitute(value, sizes)
    if type(value) is tuple:
        bound: list[Any] = []
        for entry in value:
            if entry is BATCH:
                bound.extend(batch)
            else:
                bound.append(_bind(entry, sizes, batch))
        return tuple(bound)
    return value
