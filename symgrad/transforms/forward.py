"""Forward mode by transposing twice: `jvp` and `hvp` need no derivative table of their own.

The pullback ct -> ct J is linear in ct. Transposing it, by the same adjoint rules, gives the map
x_dot -> J x_dot; the cotangent that stood in for ct leaves no trace in the result (Radul et al., You Only
Linearize Once, POPL 2023, take the opposite way round).
"""

from __future__ import annotations

from dataclasses import replace

from symgrad.errors import NotDifferentiableError
from symgrad.graph import Function, Origin, Parameter
from symgrad.node import Node
from symgrad.ops.leaves import input_node
from symgrad.transforms.gradient import (
    Wrt,
    derived,
    fresh_name,
    gradient_nodes,
    wrt_names,
    wrt_nodes,
    wrt_parameters,
)
from symgrad.transforms.reverse import pullback
from symgrad.tree import leaves, map_leaves


def jvp(f: Function, wrt: Wrt = None) -> Function:
    """The value, and the derivative along given tangents of the arguments.

    Parameters
    ----------
    f
        A Function whose outputs are floats, of any shape and number.
    wrt
        A parameter's name, a tuple of names, or None for every float parameter.

    Returns
    -------
    Function
        Takes f's arguments and, in wrt's order, `<name>_dot` of the shape of each; it returns
        `(value, tangent)`, the tangent in the structure and shapes of the output.

    Raises
    ------
    NotDifferentiableError
        Where an output, or an argument of wrt, is not a float.
    """
    names = wrt_names(f, wrt)
    for name, node in zip(f.output_names, f.output_nodes):
        if node.dtype != "float64":
            raise NotDifferentiableError(
                f"jvp: output {name} of {f.name} has dtype {node.dtype}", expected="float64"
            )
    extra = _tangents(f, names)
    dots = [leaf for p in extra for leaf in leaves(p.tree)]
    tangents = iter(push(f.output_nodes, wrt_nodes(f, names), dots))
    tangent = map_leaves(lambda _: next(tangents), f.result)
    titles = [*f.output_names, *(f"{name}_dot" for name in f.output_names)]
    pushed = derived(f, f"{f.name}_jvp", (f.result, tangent), {}, Origin("jvp", f, names), extra)
    return replace(pushed, result_names=tuple(titles))


def hvp(f: Function, wrt: Wrt = None) -> Function:
    """The Hessian of a scalar (or elementwise) function times a vector.

    Parameters
    ----------
    f, wrt
        As for `grad`.

    Returns
    -------
    Function
        Takes f's arguments and, in wrt's order, `<name>_dot`; it returns one array of the shape of each
        argument of wrt, structured as `grad` does. For elementwise functions the products are per point.

    Raises
    ------
    NotDifferentiableError, SpecError
        As `grad` does.
    """
    names = wrt_names(f, wrt)
    _, nodes, gradient, bars = gradient_nodes(f, wrt, "hvp")
    extra = _tangents(f, names)
    dots = [leaf for p in extra for leaf in leaves(p.tree)]
    products = iter(push(nodes, wrt_nodes(f, names), dots))
    result = map_leaves(lambda _: next(products), gradient)
    return derived(f, f"{f.name}_hvp", result, bars, Origin("hvp", f, names), extra)


def _tangents(f: Function, names: tuple[str, ...]) -> tuple[Parameter, ...]:
    extra = []
    for parameter in wrt_parameters(f, names):
        name = fresh_name(f"{parameter.name}_dot", f)
        tree = map_leaves(
            lambda leaf, old=parameter.name, new=name: input_node(leaf.name.replace(old, new, 1), leaf.shape),
            parameter.tree,
        )
        extra.append(Parameter(name, tree, parameter.dtype))
    return tuple(extra)


def push(outputs: list[Node], wrt: list[Node], tangents: list[Node]) -> list[Node]:
    """Tangents of the outputs, given those of wrt; zeros where an output does not depend on wrt."""
    stand_ins = [input_node(f"{i}", o.shape) for i, o in enumerate(outputs)]
    adjoints, _ = pullback(outputs, stand_ins, wrt)
    results, _ = pullback(adjoints, tangents, stand_ins)
    return results
