"""How operations act on rows, walked: what a rule says of an operation is what tiles of one row compute.

Each size in an operation's examples becomes the number of rows in turn. Where its rule lets rows go apart, or
be summed up in parts, results of tiles of one, two and all rows agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from test_registry import LEAVES, parse_param

import symgrad as sg
from symgrad.errors import SymgradError
from symgrad.graph import Function, Parameter
from symgrad.lower import routine
from symgrad.node import OPS, Node, Op
from symgrad.ops.leaves import input_node
from symgrad.rowwise import outcome, where
from symgrad.schedule.plan import plan
from symgrad.shapes import dim_names, evaluate_shape, named, parse_shape

SIZES = {"n": 3, "d": 2, "k": 4, "m": 5}


def variants(op: Op) -> Iterator[tuple[Node, list[Node], int, dict[int, Any]]]:
    """The operation with one of its sizes called r: the node, its inputs, the size, given values."""
    examples: list[dict[str, Any]] = [dict(one) for one in op.examples]
    if op.elementwise:
        count = len(op.operands)
        # The rule of all of them is one: operands of different ranks, rows on every axis of them.
        shapes = [("n d", "d", "1", "d")[:count], ("n 1", "1 d", "d")[:count]]
        examples = [{**dict(op.examples[0] if op.examples else {}), "shapes": one} for one in shapes]
    for example in examples:
        shapes = [one.split() for one in example.pop("shapes")]
        if any("..." in one for one in shapes):
            continue
        dtypes = example.pop("dtypes", ())
        given = example.pop("values", {})
        for size in dict.fromkeys(word for one in shapes for word in one):
            if not size.isidentifier() and not size.isdigit():
                continue
            value = int(size) if size.isdigit() else SIZES[size]

            def renamed(one: Any, size: str = size) -> Any:
                if isinstance(one, tuple):
                    return tuple(map(renamed, one))
                return "r" if one == size else one

            inputs = []
            for position, words in enumerate(shapes):
                dtype = dtypes[position] if position < len(dtypes) else "float64"
                inputs.append(input_node(f"x{position}", parse_shape(" ".join(map(renamed, words))), dtype))
            try:
                params = {key: parse_param(renamed(one)) for key, one in example.items()}
                node = op(*inputs, **params)
            except (SymgradError, TypeError):
                continue  # that size has to be the number that it is
            yield node, inputs, value, given


def apart(node: Node) -> bool:
    """Whether the rule lets rows r of the operands go apart, or be summed in parts."""
    r = named("r")
    axes = [where(a, r) for a in node.args]
    about = [any("r" in dim_names(s) for s in a.shape) for a in node.args]
    if any(has and axis is None for has, axis in zip(about, axes)):
        return False
    return any(about) and outcome(node, axes, r) is not None


def made(node: Node, inputs: list[Node]) -> Function:
    """A function whose result, and whose operands as far as they are numbers, are computed by rows too."""
    known = {d for leaf in inputs for s in leaf.shape for d in dim_names(s)}
    free = dict.fromkeys(d for s in node.shape for d in dim_names(s) if d not in known)
    inputs = [*inputs, *(input_node(f"like_{d}", (named(d),)) for d in free)]
    result = OPS["arctan"](node) if node.dtype == "float64" else node
    return Function("f", tuple(Parameter(leaf.name, leaf) for leaf in inputs), result)


def cases() -> Iterator[Any]:
    for op in OPS.values():
        if op.name in LEAVES or not op.operands or op.name.startswith("custom"):
            continue
        for node, inputs, value, given in variants(op):
            function = made(node, inputs)
            if apart(node):
                yield pytest.param(op, function, value, given, id=f"{node!r}"[:100])
            elif not op.elementwise and value == SIZES["n"]:
                rows = sg.vmap(function, over={p.name: "q" for p in function.parameters})
                if any(one.op is op for one in rows.nodes()):
                    yield pytest.param(op, rows, value, given, id=f"rows of {node!r}"[:100])


def by_hand() -> Iterator[Any]:
    """Of operations whose examples have no size to vary."""
    x = input_node("x", parse_shape("r 6"))
    split = OPS["reshape"](x, shape=parse_shape("r 2 3"))
    yield pytest.param(OPS["reshape"], made(OPS["sin"](split), [x]), 5, {}, id="reshape")
    y = OPS["transpose"](OPS["sin"](split), axes=(1, 0, 2))
    yield pytest.param(
        OPS["reshape"],
        made(OPS["reshape"](y, shape=parse_shape("2 r 3 1")), [x]),
        5,
        {},
        id="reshape in front",
    )
    parts = sg.grad(sg.trace(lambda x: np.sum(np.sin(x[:, 0]) * x[:, 1] ** 2 + x[:, 0] * x[:, 3]), x="r 5"))
    assert "assemble" in parts.ops()
    yield pytest.param(OPS["assemble"], parts, 5, {}, id="assemble")


CASES = [*cases(), *by_hand()]


def draw(op: Op, leaf: Node, position: int, sizes: dict[str, int], rng: np.random.Generator) -> Any:
    shape = evaluate_shape(leaf.shape, sizes)
    if leaf.dtype == "bool":
        return rng.uniform(size=shape) > 0.5
    if leaf.dtype == "int64":
        return rng.integers(0, 2, shape)
    sample = op.sample
    if not isinstance(sample, tuple):
        sample = sample.get(op.operands[min(position, len(op.operands) - 1)], (-2.0, 2.0))
    return rng.uniform(*sample, shape)


@pytest.mark.parametrize("op, function, value, given", CASES)
def test_rows_go_apart(
    op: Op, function: Function, value: int, given: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {**SIZES, "r": value, "q": 4}
    rng = np.random.default_rng(0)
    arguments = []
    for i, leaf in enumerate(function.input_nodes):
        shape = evaluate_shape(leaf.shape, sizes)
        fits = i in given and np.shape(given[i]) == shape[len(shape) - np.ndim(given[i]) :]
        arguments.append(np.broadcast_to(given[i], shape) if fits else draw(op, leaf, i, sizes, rng))
    name = "q" if "q" in function.dims else "r"
    with np.errstate(all="ignore"):
        wanted = sg.Module("m", {"f": function}, tiles=False).load().f(*arguments)
        monkeypatch.setattr(
            routine, "choose", lambda f, order, options: plan(f, order, named(name), scatter=True)
        )
        for tile in (1, 2, 5):
            got = sg.Module("m", {"f": function}, tiles=tile).load().f(*arguments)
            assert (np.shape(got), np.asarray(got).dtype) == (np.shape(wanted), np.asarray(wanted).dtype)
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)


def test_every_rule_is_seen_at_work() -> None:
    seen = {case.values[0].name for case in CASES}
    missing = {op.name for op in OPS.values() if op.rows is not None and op.name not in LEAVES} - seen
    assert missing <= {"embed"}  # the closed forms of Jacobians hold its rows
