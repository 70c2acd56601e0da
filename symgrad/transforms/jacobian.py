"""`jacobian` and `hessian`: the pullback, or the tangent map, for all rows of an identity matrix at once.

The map is linear in its seed. The identity goes through it as blocks (`symgrad.blocks`): factors over labels,
with the places of their entries. So a diagonal stays a diagonal, a band a band, rows picked by an index rows
picked by it, and a Gram matrix comes out as one product; the zeros in between are never computed. Sparse
results are the same blocks, their entries computed one by one; where blocks are too many for that, products
with coloured seeds find them together (`symgrad.transforms.colours`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from symgrad.blocks.block import Block, identity
from symgrad.blocks.coordinates import coordinates
from symgrad.blocks.dense import dense
from symgrad.errors import NotDifferentiableError, ShapeError, SpecError
from symgrad.graph import Function, Origin, Parameter, toposort
from symgrad.node import Node, lift
from symgrad.ops.leaves import input_node
from symgrad.ops.reduce import sum_batch
from symgrad.ops.structure import broadcast_up, permute
from symgrad.rewrite import simplify
from symgrad.shapes import BATCH, Shape, Size, core, divide_exactly, has_batch, product
from symgrad.transforms.carry import carried
from symgrad.transforms.colours import separated
from symgrad.transforms.forward import push
from symgrad.transforms.gradient import Wrt, derived, grad, structured, wrt_names, wrt_nodes
from symgrad.transforms.reverse import pullback
from symgrad.tree import Tree, leaves, map_leaves

Mode = Literal["auto", "forward", "reverse"]


def jacobian(f: Function, wrt: Wrt = None, sparse: bool = False, mode: Mode = "auto") -> Function:
    """All partial derivatives: of each output the shape, followed by the shape of the argument.

    Parameters
    ----------
    f
        A Function of float outputs. Of elementwise functions the partial derivatives are per point. Where f
        has `...` and shaped arguments, those by `...` arguments are too, with the batch in front; those by
        shaped ones are of the sum over the batch.
    wrt
        A parameter's name, a tuple of names, or None for every float parameter. One name: one array; else a
        NamedTuple with one field a name. Several outputs: their structure is outermost.
    sparse
        Return `(data, row, col)` in the place of each array: the structural nonzeros, output and argument
        flattened, as `scipy.sparse.coo_array((data, (row, col)), shape)` takes them. Entries of one place,
        which arrays of indices can give, add up.
    mode
        `"forward"` carries the identity of the argument through the tangent map, `"reverse"` that of the
        output through the pullback. `"auto"` goes forward where the output is larger: by its number of
        elements where that is known or a multiple of the other, else by how many named dimensions it has.

    Returns
    -------
    Function
        Takes f's arguments and returns the Jacobian.

    Raises
    ------
    NotDifferentiableError
        For an output that is not a float.
    ShapeError
        For `...` arguments where `sparse`, or where an operation mixes the entries of arrays with a batch.
    SpecError
        For another mode.
    """
    if mode not in ("auto", "forward", "reverse"):
        raise SpecError(f"jacobian: mode={mode!r}", expected="'auto', 'forward' or 'reverse'")
    names = wrt_names(f, wrt)
    inputs = wrt_nodes(f, names)
    if sparse and f.has_batch:
        raise ShapeError(
            f"jacobian: {f.name} has '...' arguments, which have no rows and columns",
            hint="name all dimensions, or leave out sparse=True: the result is per point",
        )
    rows = _Rows(f, sparse, mode)
    table: list[list[Node]] = []
    for position, output in enumerate(f.output_nodes):
        # A Hessian is symmetric: what is below its diagonal is there already.
        known = position if _is_gradient(f, names) else 0
        mirrored = [_mirrored(table[i][position], inputs[i], inputs[position]) for i in range(known)]
        table.append([*mirrored, *rows.of(output, inputs[known:])])
    found = iter(table)
    result = map_leaves(lambda _: _placed(structured(f, wrt, names, next(found))), f.result)
    origin = Origin("sparse_jacobian" if sparse else "jacobian", f, names)
    new = derived(f, f"{f.name}_jacobian", result, {}, origin)
    return replace(
        new,
        names={**rows.names, **f.names},
        lines={**rows.lines, **f.lines},
        bars=rows.bars,
        primal=rows.primal,
        result_names=_titles(f, inputs) if sparse else (),
    )


def _is_gradient(f: Function, names: tuple[str, ...]) -> bool:
    """Whether the outputs are the derivatives of one scalar by these arguments, one output a leaf."""
    origin = f.origin
    return origin is not None and origin.kind == "grad" and origin.wrt == names and not f.has_batch


def _mirrored(found: Node, first: Node, second: Node) -> Node:
    """The derivative by the first argument of that by the second, of which this is the other way round."""
    if isinstance(found, _Coordinates):
        data, row, column = found.parts
        return _Coordinates((data, column, row))  # type: ignore[return-value]
    split, rank = len(first.shape), len(first.shape) + len(second.shape)
    return permute(found, [*range(split, rank), *range(split)])


def _titles(f: Function, inputs: list[Node]) -> tuple[str, ...]:
    """Names of data, row and column of each array of a sparse result."""
    found = []
    for name in f.output_names:
        for leaf in inputs:
            parts = [name] * (len(f.output_names) > 1) + [leaf.name] * (len(inputs) > 1)
            found += ["_".join([*parts, what]) for what in ("data", "row", "col")]
    return tuple(found)


def hessian(f: Function, wrt: Wrt = None, sparse: bool = False, mode: Mode = "auto") -> Function:
    """Second partial derivatives of a scalar (or elementwise) function: the Jacobian of its gradient.

    Parameters
    ----------
    f, wrt
        As for `grad`.
    sparse, mode
        As for `jacobian`.

    Returns
    -------
    Function
        Takes f's arguments. One name in wrt: the result has the argument's shape twice. A tuple or None: a
        NamedTuple of NamedTuples.

    Raises
    ------
    NotDifferentiableError, SpecError
        As `grad` does.
    """
    found = jacobian(grad(f, wrt), wrt, sparse, mode)
    return replace(found, name=f"{f.name}_hessian")


class _Coordinates:
    """Data, row and column of one array, a leaf until the structure around it is there."""

    def __init__(self, parts: tuple[Node, Node, Node]) -> None:
        self.parts = parts


def _placed(tree: Tree) -> Tree:
    """Coordinates as tuples in the structure of the gradients."""
    return map_leaves(lambda leaf: leaf.parts if isinstance(leaf, _Coordinates) else leaf, tree)


class _Rows:
    """The derivatives of one output after the other, and what is noted about their nodes."""

    def __init__(self, f: Function, sparse: bool, mode: Mode) -> None:
        self.f = f
        self.sparse = sparse
        self.mode = mode
        self.names = dict(f.names)
        self.lines = dict(f.lines)
        self.bars = dict(f.bars)
        self.primal = f.primal or tuple(toposort(leaves(f.result)))

    def of(self, output: Node, inputs: list[Node]) -> list[Node]:
        """The derivatives of an output by each of these inputs."""
        if output.dtype != "float64":
            raise NotDifferentiableError(
                f"jacobian: an output of {self.f.name} has dtype {output.dtype}", expected="float64"
            )
        backward = [i for i, leaf in enumerate(inputs) if self._goes_back(output, leaf)]
        found = dict(zip(backward, self._reverse(output, [inputs[i] for i in backward])))
        for i, leaf in enumerate(inputs):
            if i not in found:
                found[i] = self._forward(output, leaf)
        return [found[i] for i in range(len(inputs))]

    def _goes_back(self, output: Node, leaf: Node) -> bool:
        if has_batch(leaf.shape) and not has_batch(output.shape):
            return True  # a tangent of a sum over the batch is a sum itself: only the adjoint is per point
        if self.mode != "auto":
            return self.mode == "reverse"
        return not is_larger(product(core(output.shape)), product(core(leaf.shape)))

    def _reverse(self, output: Node, inputs: list[Node]) -> list[Node]:
        if not inputs:
            return []
        ct = input_node("0ct", output.shape)
        adjoints, _ = pullback([output], [ct], inputs)
        if not core(output.shape) and not self.sparse:
            one = broadcast_up(lift(1.0), output.shape)
            adjoints, _ = pullback([output], [one], inputs)
            return [broadcast_up(a, _head(leaf, core(leaf.shape))) for a, leaf in zip(adjoints, inputs)]
        roots = self._simple(adjoints, ct)
        if self.sparse:
            blocks = [separated(root, ct, seed_first=True) for root in roots]
        else:
            seeds = {ct: [identity(output.shape, seed_first=True)]}
            blocks = carried(roots, seeds, output.shape)
        return [self._array(one, output, leaf) for one, leaf in zip(blocks, inputs)]

    def _forward(self, output: Node, leaf: Node) -> Node:
        if not core(leaf.shape) and not self.sparse:
            (tangent,) = push([output], [leaf], [broadcast_up(lift(1.0), leaf.shape)])
            if has_batch(output.shape) and not has_batch(leaf.shape):
                return sum_batch(broadcast_up(tangent, output.shape))
            return broadcast_up(tangent, _head(leaf, core(output.shape)))
        dot = input_node("0dot", leaf.shape)
        (tangent,) = push([output], [leaf], [dot])
        if has_batch(tangent.shape) and not has_batch(leaf.shape):
            tangent = sum_batch(tangent)
        (root,) = self._simple([tangent], dot)
        if self.sparse:
            return self._array(separated(root, dot, seed_first=False), output, leaf)
        (blocks,) = carried([root], {dot: [identity(leaf.shape, seed_first=False)]}, leaf.shape)
        return self._array(blocks, output, leaf)

    def _simple(self, roots: list[Node], seed: Node) -> list[Node]:
        """The linear map simplified; names and lines go with its nodes."""
        parameters = (*self.f.parameters, Parameter("0seed", seed))
        primal = self.f.primal or tuple(toposort(leaves(self.f.result)))
        linear = replace(self.f, parameters=parameters, result=tuple(roots), primal=primal)
        linear = simplify(linear)
        self.names.update(linear.names)
        self.lines.update(linear.lines)
        self.bars.update(linear.bars)
        self.primal = tuple(dict.fromkeys((*self.primal, *linear.primal)))
        return linear.output_nodes

    def _array(self, blocks: Sequence[Block], output: Node, leaf: Node) -> Node:
        if self.sparse:
            return _Coordinates(coordinates(blocks, output.shape, leaf.shape))  # type: ignore[return-value]
        return dense(blocks, _head(leaf, (*core(output.shape), *core(leaf.shape))))


def _head(leaf: Node, sizes: Shape) -> Shape:
    """The shape of a derivative by an input: a batch in front where that has one."""
    return (BATCH, *sizes) if has_batch(leaf.shape) else sizes


def is_larger(one: Size, other: Size) -> bool:
    """Whether an array of the first number of elements counts as larger than one of the second."""
    if other == 1 or (isinstance(one, int) and isinstance(other, int)):
        return other == 1 or one > other
    quotient = divide_exactly(one, other)
    if quotient is not None:
        return quotient != 1
    return _degree(one) > _degree(other)


def _degree(size: Size) -> int:
    return 0 if isinstance(size, int) else max(len(monomial) for monomial, _ in size.terms)
