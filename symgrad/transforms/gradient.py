"""`grad`, `value_and_grad` and `vjp`: Function to Function, by one pullback."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from symgrad.collection import uncollected
from symgrad.errors import NotDifferentiableError, SpecError
from symgrad.graph import Function, Origin, Parameter, require_function, toposort
from symgrad.identifiers import identifier
from symgrad.node import Node, lift
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import broadcast_to
from symgrad.rewrite import simplify
from symgrad.shapes import BATCH, shape_text
from symgrad.transforms.reverse import pullback
from symgrad.tree import Record, Tree, leaves, map_leaves

#: Functions of so many nodes are simplified before they are differentiated, which saves a fifth of all work.
LARGE = 10_000

Wrt = str | tuple[str, ...] | list[str] | None


@uncollected
def grad(f: Function, wrt: Wrt = None) -> Function:
    """Gradient of a scalar (or elementwise) function.

    Parameters
    ----------
    f
        A Function with one output: a scalar, or of shape `...`.
    wrt
        A parameter's name, a tuple of names, or None for every float parameter. One name: the result has
        that argument's shape. A tuple or None: a NamedTuple with one field a name.

    Returns
    -------
    Function
        Takes f's arguments and returns the gradient.

    Raises
    ------
    NotDifferentiableError
        Where the output is not a scalar, or an argument of wrt is not a float.
    SpecError
        For a name that f does not have.
    """
    origin = Origin("grad", f, wrt_names(f, wrt))
    f = _simple_if_large(f)
    _, _, gradient, bars = gradient_nodes(f, wrt, "grad")
    return derived(f, f"{f.name}_grad", gradient, bars, origin)


@uncollected
def value_and_grad(f: Function, wrt: Wrt = None) -> Function:
    """The value and the gradient, sharing what they can.

    Parameters
    ----------
    f, wrt
        As for `grad`.

    Returns
    -------
    Function
        Takes f's arguments and returns `(value, gradient)`.

    Raises
    ------
    NotDifferentiableError, SpecError
        As `grad` does.
    """
    origin = Origin("value_and_grad", f, wrt_names(f, wrt))
    f = _simple_if_large(f)
    value, _, gradient, bars = gradient_nodes(f, wrt, "value_and_grad")
    return derived(f, f"{f.name}_value_and_grad", (value, gradient), bars, origin)


@uncollected
def vjp(f: Function, wrt: Wrt = None) -> Function:
    """The value and the pullback of a cotangent.

    Parameters
    ----------
    f
        A Function whose outputs are floats, of any shape and number.
    wrt
        A parameter's name, a tuple of names, or None for every float parameter.

    Returns
    -------
    Function
        Takes f's arguments and `ct`, which has the structure and shapes of the output, and returns
        `(value, pullback)`; the pullback is `ct` times the Jacobian, structured as `grad` does.

    Raises
    ------
    NotDifferentiableError
        Where an output, or an argument of wrt, is not a float.
    SpecError
        For a name that f does not have.
    """
    names = wrt_names(f, wrt)
    outputs = f.output_nodes
    for node in outputs:
        if node.dtype != "float64":
            raise NotDifferentiableError(
                f"vjp: an output of {f.name} has dtype {node.dtype}", expected="float64"
            )
    name = fresh_name("ct", f)
    paths = iter(f.output_names)
    single = isinstance(f.result, Node)
    tree = map_leaves(
        lambda leaf: input_node(name if single else f"{name}.{next(paths)}", leaf.shape), f.result
    )
    gradients, bars = pullback(outputs, leaves(tree), wrt_nodes(f, names), f.nodes())
    gradient = structured(f, wrt, names, gradients)
    return derived(
        f, f"{f.name}_vjp", (f.result, gradient), bars, Origin("vjp", f, names),
        (Parameter(name, tree),),
    )  # fmt: skip


def _simple_if_large(f: Function) -> Function:
    """A large function simplified first: adjoints made of what stays are not built a second time."""
    return f if len(f.nodes()) < LARGE else simplify(f)


def fresh_name(name: str, f: Function) -> str:
    """A name for a further parameter that f does not have."""
    while f.parameter(name) is not None:
        name += "_"
    return name


def gradient_nodes(f: Function, wrt: Wrt, what: str) -> tuple[Node, list[Node], Tree, dict[Node, Node]]:
    """The value, the adjoints of wrt as a list and in their structure, and what each adjoint belongs to."""
    names = wrt_names(f, wrt)
    value = _scalar_output(f, what)
    seed = lift(1.0) if not value.shape else broadcast_to(lift(1.0), shape=value.shape)
    gradients, bars = pullback([value], [seed], wrt_nodes(f, names), f.nodes())
    return value, gradients, structured(f, wrt, names, gradients), bars


def _scalar_output(f: Function, what: str) -> Node:
    outputs = f.output_nodes
    hint = (
        f"np.sum(...) or np.mean(...) of it in {f.name} for a scalar; sg.vjp({f.name}) to weigh the outputs "
        f"with a cotangent; sg.jacobian({f.name}) for all derivatives"
    )
    if len(outputs) != 1:
        raise NotDifferentiableError(
            f"{what}: {f.name} has {len(outputs)} outputs, a gradient is of one scalar",
            expected="one output of shape ()",
            got=", ".join(f"{n} {shape_text(o.shape)}" for n, o in zip(f.output_names, outputs)),
            hint=hint,
        )
    (output,) = outputs
    if output.shape not in ((), (BATCH,)):
        raise NotDifferentiableError(
            f"{what}: the output of {f.name} is not a scalar",
            expected="shape (), or '...' for an elementwise function",
            got=shape_text(output.shape),
            hint=hint,
        )
    if output.dtype != "float64":
        raise NotDifferentiableError(
            f"{what}: the output of {f.name} has dtype {output.dtype}, which has no derivative",
            expected="float64",
        )
    return output


def wrt_names(f: Function, wrt: Wrt) -> tuple[str, ...]:
    """The names in wrt, checked: known, distinct, of float parameters."""
    require_function(f, "a derivative")
    known = [p.name for p in f.parameters]
    if wrt is None:
        names = tuple(p.name for p in f.parameters if all(x.dtype == "float64" for x in leaves(p.tree)))
        if not names:
            raise NotDifferentiableError(f"{f.name} has no float parameter to differentiate by")
        return names
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    for position, name in enumerate(names):
        if name not in known:
            plain = {k.lower(): k for k in known}
            close = [plain[k] for k in difflib.get_close_matches(str(name).lower(), plain, 1)]
            raise SpecError(
                f"wrt: {f.name} has no parameter {name!r}",
                expected=", ".join(known),
                hint=f"did you mean {close[0]!r}?" if close else None,
            )
        if name in names[:position]:
            raise SpecError(f"wrt: {name!r} is named twice")
        parameter = f.parameter(name)
        assert parameter is not None
        for leaf in leaves(parameter.tree):
            if leaf.dtype != "float64":
                raise NotDifferentiableError(
                    f"wrt: {leaf.name!r} of {f.name} has dtype {leaf.dtype}, which has no derivative",
                    expected="a float parameter",
                    hint="declare it as a float, or leave it out of wrt",
                )
    if not names:
        raise SpecError("wrt: no name given", expected=", ".join(known))
    return names


def wrt_nodes(f: Function, names: tuple[str, ...]) -> list[Node]:
    """Input nodes of these parameters, structures flattened."""
    return [leaf for p in wrt_parameters(f, names) for leaf in leaves(p.tree)]


def wrt_parameters(f: Function, names: tuple[str, ...]) -> list[Parameter]:
    """The parameters of these names, in the order of the names."""
    return [p for name in names for p in f.parameters if p.name == name]


def structured(
    f: Function, wrt: Wrt, names: tuple[str, ...], gradients: list[Node], what: str = "Gradient"
) -> Tree:
    """Gradients in the structure of the parameters they belong to."""
    remaining = iter(gradients)
    trees = [map_leaves(lambda _: next(remaining), p.tree) for p in wrt_parameters(f, names)]
    if isinstance(wrt, str):
        return trees[0]
    title = "".join(word.capitalize() for word in identifier(f.name).split("_")) or "F"
    return Record(f"{title}{what}", field_names(names), tuple(trees))


def field_names(names: Sequence[str]) -> tuple[str, ...]:
    """Distinct names that a NamedTuple's fields can have, one for each of these."""
    found: list[str] = []
    for name in names:
        field = field_name(name)
        while field in found:
            field += "_"
        found.append(field)
    return tuple(found)


def field_name(name: str) -> str:
    """A name that a NamedTuple's field can have: trailing underscore where Python takes it itself."""
    import keyword

    clean = identifier(name)
    if keyword.iskeyword(clean) or clean in ("count", "index"):
        clean += "_"
    return clean


def derived(
    f: Function, name: str, result: Tree, bars: dict[Node, Node], origin: Origin,
    extra: tuple[Parameter, ...] = (),
) -> Function:  # fmt: skip
    """What a transform makes of f: another result, further parameters, a note of how it came about."""
    order = f.nodes()
    made = replace(
        f,
        name=name,
        parameters=f.parameters + extra,
        result=result,
        bars={**f.bars, **bars},
        primal=f.primal or tuple(order),
        origin=origin,
        result_names=(),
    )
    outputs, values = made.output_nodes, f.output_nodes
    if outputs[: len(values)] == values:
        made.in_order(toposort(outputs, order))
    return made
