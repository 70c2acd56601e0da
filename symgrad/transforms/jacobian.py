"""`jacobian` and `hessian`: the pullback, or the tangent map, for every row of an identity matrix at once.

One batched pass and no loop over rows. Tall Jacobians go forward, one seed for each element of the
argument, wide ones in reverse, one for each element of the output.
"""

from __future__ import annotations

from symgrad.errors import NotDifferentiableError, ShapeError
from symgrad.graph import Function, Origin
from symgrad.node import Node, lift
from symgrad.ops.creation import eye
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import broadcast_to, broadcast_up, permute, reshape_to
from symgrad.shapes import BATCH, Shape, concrete_size, has_batch, product, shape_text
from symgrad.transforms.batch import batched
from symgrad.transforms.forward import push
from symgrad.transforms.gradient import Wrt, derived, grad, structured, wrt_names, wrt_nodes
from symgrad.transforms.reverse import pullback
from symgrad.tree import leaves, map_leaves


def jacobian(f: Function, wrt: Wrt = None) -> Function:
    """All partial derivatives: of each output the shape, followed by the shape of the argument.

    Parameters
    ----------
    f
        A Function of float outputs. Of elementwise functions the partial derivatives are per point.
    wrt
        A parameter's name, a tuple of names, or None for every float parameter. One name: one array; else a
        NamedTuple with one field a name. Several outputs: their structure is outermost.

    Raises
    ------
    NotDifferentiableError
        For an output that is not a float.
    ShapeError
        For a function of both `...` and shaped arguments.
    """
    names = wrt_names(f, wrt)
    inputs = wrt_nodes(f, names)
    rows = [_row(f, output, inputs) for output in f.output_nodes]
    remaining = iter(rows)
    result = map_leaves(lambda _: structured(f, wrt, names, next(remaining)), f.result)
    bars: dict[Node, Node] = {}
    return derived(f, f"{f.name}_jacobian", result, bars, Origin("jacobian", f, names), (), f.result)


def hessian(f: Function, wrt: Wrt = None) -> Function:
    """Second partial derivatives of a scalar (or elementwise) function.

    One name in wrt: the argument's shape twice. A tuple or None: a NamedTuple of NamedTuples. See `grad`.
    """
    found = jacobian(grad(f, wrt), wrt)
    return derived(f, f"{f.name}_hessian", found.result, dict(found.bars), found.origin, (), f.result)  # type: ignore[arg-type]


def _row(f: Function, output: Node, inputs: list[Node]) -> list[Node]:
    """The derivatives of one output by each input."""
    if output.dtype != "float64":
        raise NotDifferentiableError(
            f"jacobian: an output of {f.name} has dtype {output.dtype}", expected="float64"
        )
    if f.has_batch:
        return _pointwise(f, output, inputs)
    if output.shape == ():
        found, _ = pullback([output], [lift(1.0)], inputs)
        return found
    columns = []
    for leaf in inputs:
        columns.append(_forward(output, leaf) if _is_tall(output, leaf) else _reverse(output, leaf))
    return columns


def _is_tall(output: Node, leaf: Node) -> bool:
    """Whether the output has more elements than the argument; reverse where sizes do not tell."""
    if leaf.shape == ():
        return True
    rows, columns = concrete_size(output.shape), concrete_size(leaf.shape)
    if rows is not None and columns is not None:
        return rows > columns
    return columns is not None and rows is None


def _identity(shape: Shape) -> tuple[Node, object]:
    """One seed for each element of an array of that shape, and their number."""
    size = product(shape)
    return reshape_to(eye(size=size), (size, *shape)), size


def _reverse(output: Node, leaf: Node) -> Node:
    ct = input_node("0ct", output.shape)
    (adjoint,), _ = pullback([output], [ct], [leaf])
    seeds, size = _identity(output.shape)
    rows = batched([adjoint], {ct: seeds}, size)[adjoint]  # type: ignore[arg-type]
    return reshape_to(rows, (*output.shape, *leaf.shape))


def _forward(output: Node, leaf: Node) -> Node:
    if leaf.shape == ():
        (tangent,) = push([output], [leaf], [lift(1.0)])
        return broadcast_up(tangent, output.shape)
    dot = input_node("0dot", leaf.shape)
    (tangent,) = push([output], [leaf], [dot])
    seeds, size = _identity(leaf.shape)
    columns = batched([tangent], {dot: seeds}, size)[tangent]  # type: ignore[arg-type]
    moved = permute(columns, (*range(1, columns.rank), 0))
    return reshape_to(moved, (*output.shape, *leaf.shape))


def _pointwise(f: Function, output: Node, inputs: list[Node]) -> list[Node]:
    """Per-point derivatives of an elementwise function: the tangent along 1 for each argument."""
    for leaf in [*inputs, *leaves([p.tree for p in f.parameters])]:
        if leaf.dtype == "float64" and leaf.shape != (BATCH,):
            raise ShapeError(
                f"jacobian: {f.name} has both '...' and shaped arguments",
                got=f"{leaf.name} {shape_text(leaf.shape)}",
                hint="name the dimensions of all arguments, or sg.vmap",
            )
    full = output.shape if has_batch(output.shape) else (BATCH, *output.shape)
    found = []
    for leaf in inputs:
        (tangent,) = push([output], [leaf], [broadcast_to(lift(1.0), shape=(BATCH,))])
        found.append(broadcast_up(tangent, full))
    return found
