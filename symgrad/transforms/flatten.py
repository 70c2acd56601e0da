"""`flatten`: a function of one vector in the place of some arguments, as optimisers want it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from symgrad.errors import ShapeError, SpecError
from symgrad.graph import Function, Origin, Parameter, substitute
from symgrad.node import Node
from symgrad.ops.indexing import index, integer_entry, slice_entry
from symgrad.ops.join import concatenate
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import reshape_to
from symgrad.shapes import Dim, Size, core, dim_names, has_batch, product, shape_text
from symgrad.transforms.gradient import (
    Wrt,
    fresh_name,
    structured,
    wrt_names,
    wrt_nodes,
    wrt_parameters,
)
from symgrad.tree import leaves


@dataclass(frozen=True, eq=False, repr=False)
class FlatFunction(Function):
    """A function of one vector; what transforms make of it keeps `pack` and `unpack`.

    Attributes
    ----------
    pack
        A Function of the arguments that the vector stands for, to the vector.
    unpack
        A Function of the vector to those arguments. Where its length alone does not tell their sizes, it
        takes the arguments that do as well.
    """

    pack: Function = field(kw_only=True)
    unpack: Function = field(kw_only=True)


def flatten(f: Function, wrt: Wrt = None) -> FlatFunction:
    """The same function of one vector `theta`, which holds the arguments of wrt one after the other.

    `theta` is the first parameter and f's others follow in their order, so that `scipy.optimize` takes the
    generated function and those as `args`. Arrays are in C order, structures from left to right.

    Parameters
    ----------
    f
        Any Function.
    wrt
        A parameter's name, a tuple of names, or None for every float parameter.

    Returns
    -------
    FlatFunction
        A Function with two more: `pack`, the vector of the arguments of wrt, and `unpack`, those arguments of
        a vector: one argument for one name, else a NamedTuple. Both can be called, and put in a Module.

    Raises
    ------
    ShapeError
        For a `...` argument in wrt, which has no length.
    SpecError
        Where two sizes of the arguments in wrt would have to follow from the one length of the vector.
    """
    names = wrt_names(f, wrt)
    inputs = wrt_nodes(f, names)
    for leaf in inputs:
        if has_batch(leaf.shape):
            raise ShapeError(
                f"flatten: {leaf.name!r} of {f.name} has shape {shape_text(leaf.shape)}, which has no length",
                expected="named or fixed dimensions",
            )
    lengths = [product(core(leaf.shape)) for leaf in inputs]
    title = fresh_name("theta", f)
    theta = input_node(title, (sum(lengths, start=0),))
    parts = sections(theta, inputs)
    others = tuple([p for p in f.parameters if p.name not in names])
    _check_sizes(f, inputs, others)
    new = substitute([*f.output_nodes, *f.primal, *f.bars, *f.bars.values()], dict(zip(inputs, parts)))
    moved = f.map(new)
    parameter = Parameter(title, theta, _dtype(f, names))
    labels = {part: leaf.name.replace(".", "_") for part, leaf in zip(parts, inputs) if part is not theta}
    tree = structured(f, wrt, names, parts, "Arguments")
    unpack = Function(
        f"{f.name}_unpack",
        (parameter, *_telling(theta, others)),
        tree,
        doc=f"The arguments {', '.join(names)} of {f.name} that {title} holds.",
        names=labels,
    )
    row = [reshape_to(leaf, (length,)) for leaf, length in zip(inputs, lengths)]
    pack = Function(
        f"{f.name}_pack",
        tuple(wrt_parameters(f, names)),
        concatenate(row, axis=0) if len(row) > 1 else row[0],
        doc=f"The arguments {', '.join(names)} of {f.name} as one vector, {title}.",
        result_names=(title,),
    )
    return FlatFunction(
        f.name,
        (parameter, *others),
        moved.result,
        doc=f.doc,
        names={**labels, **moved.names},
        bars=moved.bars,
        primal=moved.primal,
        origin=Origin("flatten", f, names),
        lines=moved.lines,
        result_names=f.output_names,
        rewrites=f.rewrites,
        pack=pack,
        unpack=unpack,
    )


def sections(theta: Node, inputs: Sequence[Node]) -> list[Node]:
    """The parts of a vector that hold the inputs, in their shapes."""
    (total,) = theta.shape
    found = []
    start: Size = 0
    for leaf in inputs:
        if not leaf.shape:
            part = index(theta, key=(integer_entry(start, total, 0, theta.shape),))
        else:
            stop = start + product(leaf.shape)
            first, last = (_near_end(bound, total) for bound in (start, stop))
            key = slice_entry(first, last, 1, total)[0]
            whole = start == 0 and stop == total
            part = reshape_to(theta if whole else index(theta, key=(key,)), leaf.shape)
        found.append(part)
        start = start + product(leaf.shape)
    return found


def _near_end(bound: Size, total: Size) -> Size | None:
    """A bound as people write it, -1 for n - 1, where it is a number of elements from the end."""
    distance = bound - total
    if isinstance(bound, int) or not isinstance(distance, int):
        return bound
    return distance or None


def _dtype(f: Function, names: Sequence[str]) -> str:
    kinds = {p.dtype for p in wrt_parameters(f, tuple(names))}
    return "float32" if kinds == {"float32"} else "float64"


def _dims(nodes: Sequence[Node]) -> list[str]:
    found = [d for node in nodes for size in core(node.shape) for d in dim_names(size)]
    return list(dict.fromkeys(found))


def _check_sizes(f: Function, inputs: Sequence[Node], others: Sequence[Parameter]) -> None:
    known = _dims([leaf for p in others for leaf in leaves(p.tree)])
    unknown = [d for d in _dims(inputs) if d not in known]
    total = sum([product(core(leaf.shape)) for leaf in inputs], start=0)
    terms = total.terms if isinstance(total, Dim) else ()
    if len(unknown) > 1 or any(atoms.count(d) > 1 for d in unknown for atoms, _ in terms):
        raise SpecError(
            f"flatten: sizes of {f.name} do not follow from the length of one vector: {', '.join(unknown)}",
            expected="at most one size that the other arguments do not have, and it in no square",
            hint=f"give {unknown[0]} as an integer in the shapes",
        )


def _telling(theta: Node, others: Sequence[Parameter]) -> list[Parameter]:
    """The other parameters that it takes to know all sizes but one of the vector's parts."""
    unknown = _dims([theta])
    found = []
    for parameter in others:
        if len(unknown) < 2:
            break
        own = _dims(leaves(parameter.tree))
        if any(d in unknown for d in own):
            found.append(parameter)
            unknown = [d for d in unknown if d not in own]
    return found
