"""Derivatives of what is built from nodes, against central differences and against the oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from evaluate import evaluate

from symgrad.graph import Function, Parameter
from symgrad.node import Node
from symgrad.ops.leaves import input_node
from symgrad.shapes import core, evaluate_shape, parse_shape
from symgrad.transforms.gradient import vjp
from symgrad.transforms.reverse import pullback
from symgrad.verify.oracle import expected

SIZES = {"n": 3, "d": 2, "k": 4, "m": 5}
BATCHES = (2,)
STEP = 1e-6


def symbols(*shapes: str) -> list[Node]:
    """Inputs a, b, c, ... of these shapes."""
    return [input_node("abcdefgh"[i], parse_shape(shape)) for i, shape in enumerate(shapes)]


def draw(node: Node, seed: int = 0, **sizes: int) -> np.ndarray:
    """Numbers for an input or a cotangent."""
    shape = evaluate_shape(node.shape, {**SIZES, **sizes}, BATCHES)
    return np.random.default_rng([seed, len(shape), *shape]).uniform(-2.0, 2.0, shape)


def close(actual: Any, wanted: Any, tolerance: float) -> None:
    """Same shape, and a difference small in terms of the largest entry."""
    actual, wanted = np.asarray(actual), np.asarray(wanted)
    assert actual.shape == wanted.shape
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=tolerance * scale)


def check(
    build: Callable[..., Node],
    *shapes: str,
    values: Mapping[int, Any] | None = None,
    reference: Callable[..., Any] | None = None,
    oracle: bool = True,
    second: bool = True,
    **sizes: int,
) -> Node:
    """Check the value of `build(*inputs)` against `reference` and the oracle, and its derivatives.

    The first derivatives are compared with central differences, element by element, and with the oracle; the
    second ones with differences of the first. Returns the node that was built.
    """
    nodes = symbols(*shapes)
    arrays = [np.asarray((values or {}).get(i, draw(x, i, **sizes))) for i, x in enumerate(nodes)]
    y = build(*nodes)
    (value,) = evaluate([y], dict(zip(nodes, arrays)))
    if reference is not None:
        close(value, reference(*arrays), 1e-12)
    ct = input_node("ct", y.shape)
    weight = draw(ct, 7, **sizes)
    gradients, _ = pullback([y], [ct], nodes)
    given = {**dict(zip(nodes, arrays)), ct: weight}
    _differences(y, gradients, nodes, given, weight)
    if oracle:
        _oracle(y, nodes, given, sizes)
    if second:
        for position, gradient in enumerate(gradients):
            if gradient.op.name == "broadcast_to" and gradient.args[0].is_constant():
                continue
            ct2 = input_node("ct2", gradient.shape)
            weight2 = draw(ct2, 9 + position, **sizes)
            again, _ = pullback([gradient], [ct2], [*nodes, ct])
            _differences(gradient, again, [*nodes, ct], {**given, ct2: weight2}, weight2)
    return y


def _differences(
    y: Node, gradients: Sequence[Node], nodes: Sequence[Node], given: Mapping[Node, Any], weight: Any
) -> None:
    actual = evaluate(gradients, given)
    for node, gradient in zip(nodes, actual):
        array = np.array(given[node], float)
        wanted = np.zeros_like(array)
        for index in np.ndindex(*array.shape):
            ends = []
            for sign in (1, -1):
                moved = array.copy()
                moved[index] += sign * STEP
                ends.append(np.sum(weight * evaluate([y], {**given, node: moved})[0]))
            wanted[index] = (ends[0] - ends[1]) / (2 * STEP)
        close(gradient, wanted, 1e-6)


def _oracle(y: Node, nodes: Sequence[Node], given: Mapping[Node, Any], sizes: Mapping[str, int]) -> None:
    function = Function("f", tuple(Parameter(x.name, x) for x in nodes), y)
    derived = vjp(function)
    point = {p.name: [given[next(x for x in given if x.name == p.name)]] for p in derived.parameters}
    wanted = expected(derived, point, {**SIZES, **sizes})
    actual = evaluate(derived.output_nodes, {leaf: point[leaf.name][0] for leaf in derived.input_nodes})
    for ours, theirs in zip(actual, wanted):
        numbers = np.array([float(v.value) for v in theirs.ravel()]).reshape(theirs.shape)
        close(np.broadcast_to(ours, numbers.shape), numbers, 1e-11)


def linear(build: Callable[[Node], Node], shape: str, **sizes: int) -> None:
    """The dot-product test of a linear map: <v, J u> = <J^T v, u>."""
    (x,) = symbols(shape)
    y = build(x)
    ct = input_node("ct", y.shape)
    u, v = draw(x, 1, **sizes), draw(ct, 2, **sizes)
    (gradient,), _ = pullback([y], [ct], [x])
    forward, backward = evaluate([y, gradient], {x: u, ct: v})
    left, right = np.sum(v * forward), np.sum(backward * u)
    assert abs(left - right) <= 1e-12 * max(1.0, np.sum(np.abs(v * forward)))
    assert core(gradient.shape) == core(x.shape)
