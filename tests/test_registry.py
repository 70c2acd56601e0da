"""Every operation of the registry, walked: declaring one is what writes its tests.

Each operation becomes a function of its own; its value, its pullback on every edge, its tangent and its
second derivatives are generated, run as a user would, and compared with sympy in 50 digits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.graph import Function, Parameter
from symgrad.node import OPS, Op
from symgrad.ops.leaves import input_node
from symgrad.shapes import BATCH, dim_names, named, parse_dim, parse_shape
from symgrad.verify.check import verify_function

LEAVES = ("const", "dim", "input", "array")


def parse_param(value: Any) -> Any:
    """Dimensions in an example's parameters are written as text."""
    if isinstance(value, tuple):
        return tuple(parse_param(v) for v in value)
    if isinstance(value, str) and value.isidentifier() and len(value) == 1:
        return parse_dim(value)
    return value


def functions(op: Op) -> Iterator[tuple[str, Function, Mapping[str, Any]]]:
    """One Function for each example of an operation; elementwise ones in three shapes."""
    if op.elementwise:
        names = op.operands
        count = len(names)
        patterns = [("...",) * count, ("n",) * count]
        if count > 1:
            patterns += [("n d", "d", "1")[:count], ("", "n 1", "1 d")[:count]]
        examples: list[dict[str, Any]] = [{"shapes": p} for p in patterns]
        kinds = getattr(op, "kinds", None)
        for example in op.examples:
            if "dtypes" in example:
                for one in examples:
                    one["dtypes"] = example["dtypes"]
        assert kinds is None or kinds
    else:
        examples = [dict(example) for example in op.examples]
    for example in examples:
        shapes = example.pop("shapes")
        dtypes = example.pop("dtypes", ())
        values = example.pop("values", {})
        inputs = []
        for position, shape in enumerate(shapes):
            dtype = dtypes[position] if position < len(dtypes) else "float64"
            inputs.append(input_node(f"x{position}", parse_shape(shape), dtype))
        params = {key: parse_param(value) for key, value in example.items()}
        node = op(*inputs, **params)
        title = f"{op.name}({', '.join(shapes)}{''.join(f', {k}={v}' for k, v in example.items())})"
        known = {d for leaf in inputs for s in leaf.shape if s is not BATCH for d in dim_names(s)}
        free = [d for s in node.shape if s is not BATCH for d in dim_names(s) if d not in known]
        # A size that only the result has comes with an argument of its own.
        inputs += [input_node(f"like_{d}", (named(d),)) for d in dict.fromkeys(free)]
        parameters = tuple(Parameter(leaf.name, leaf) for leaf in inputs)
        yield title, Function("f", parameters, node), values


CASES = [
    pytest.param(op, function, values, id=title)
    for op in OPS.values()
    if op.name not in LEAVES and not op.name.startswith("custom")
    for title, function, values in functions(op)
]


def differentiable(function: Function) -> tuple[str, ...]:
    """Float parameters with a rule on their edge."""
    node = function.result
    names = []
    for position, parameter in enumerate(function.parameters[: len(node.args)]):
        rule = node.op.adjoint if node.op.variadic else node.op.rule(position)
        if parameter.tree.dtype == "float64" and rule is not None:
            names.append(parameter.name)
    return tuple(names)


def strict(generated: Callable[..., Any]) -> Callable[..., Any]:
    """The same callable, which fails where numpy signals something about answers that are all finite."""

    def call(*args: Any) -> Any:
        try:
            with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")
                return generated(*args)
        except (FloatingPointError, RuntimeWarning):
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = generated(*args)
            flat = result if isinstance(result, tuple) else (result,)
            if all(np.isfinite(part).all() for item in flat for part in (item if isinstance(item, tuple) else (item,))):
                raise
            return result

    return call


def verified(function: Function) -> None:
    verify_function(function, strict(sg.compile(function))).raise_for_failure()


@pytest.mark.parametrize("op, function, values", CASES)
def test_value_and_every_edge(op, function, values):
    verified(function)
    if function.result.dtype != "float64":
        return
    wrt = differentiable(function)
    if wrt:
        verified(sg.vjp(function, wrt=wrt))
        verified(sg.jvp(function, wrt=wrt))


@pytest.mark.parametrize("op, function, values", CASES)
def test_second_order(op, function, values):
    wrt = differentiable(function) if function.result.dtype == "float64" else ()
    if not wrt:
        pytest.skip("no derivative")
    leaf = function.input_nodes
    total = function.result * function.result
    if not function.is_elementwise:
        axes = tuple(range(total.rank))
        total = OPS["sum"](total, axes=axes) if axes else total
        if function.has_batch and total.shape:
            total = OPS["sum_batch"](total)
    scalar = Function("f", function.parameters, total)
    assert leaf
    verified(sg.hvp(scalar, wrt=wrt))
