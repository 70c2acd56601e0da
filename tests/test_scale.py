"""Large and deep functions: work in proportion to their nodes, counted and not timed; no recursion."""

from __future__ import annotations

import gc
import math
import pickle
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from benchmarks.scale import chain

import symgrad as sg
from symgrad import node
from symgrad.collection import MANY, uncollected
from symgrad.ops.leaves import input_node
from symgrad.pipeline import prepare
from symgrad.transforms import gradient


def energy(n: int) -> sg.Function:
    return sg.trace(lambda q: chain(n, q, np.cos, np.sin), name="energy", q=str(n))


def calls(work: Callable[[], Any]) -> int:
    """How many calls there are of functions, those written in C among them."""
    count = 0

    def each(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(each)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


STAGES: dict[str, Callable[[sg.Function], Any]] = {
    "trace": lambda f: energy(f.input_nodes[0].shape[0]),
    "differentiate": lambda f: sg.value_and_grad(f, "q"),
    "rewrite": lambda f: prepare(sg.value_and_grad(f, "q")),
    "emit": lambda f: sg.Module("m", {"g": sg.value_and_grad(f, "q")}).source(),
    "text": lambda f: f.to_text(),
    "pickle": lambda f: pickle.loads(pickle.dumps(f)),
    "count": lambda f: f.ops(),
}


@pytest.mark.parametrize("stage", STAGES)
def test_steps_grow_with_the_nodes(stage: str) -> None:
    """Twice the size takes twice the steps, but for a part that is fixed."""
    small, middle, large = (energy(n) for n in (10, 30, 70))
    STAGES[stage](small)  # tables that are filled once
    few, more, most = (calls(lambda f=f: STAGES[stage](f)) for f in (small, middle, large))
    assert most - more < 1.15 * 2 * (more - few)


def test_a_deep_chain_needs_no_deep_stack() -> None:
    depth = 3 * sys.getrecursionlimit()

    def deep(x: Any) -> Any:
        y = x
        for _ in range(depth):
            y = np.sin(y) * x
        return y

    f = sg.trace(deep, x="")
    assert len(f.nodes()) > 2 * depth
    g = sg.value_and_grad(f, "x")
    assert pickle.loads(pickle.dumps(f)).to_text() == f.to_text()
    assert f.to_text().count("\n") > 2 * depth
    assert "operations" in repr(f)
    value, slope = sg.compile(g)(0.9)
    wanted, grown = 0.9, 1.0
    for _ in range(depth):
        wanted, grown = math.sin(wanted) * 0.9, math.cos(wanted) * grown * 0.9 + math.sin(wanted)
    assert value == pytest.approx(wanted, rel=1e-9) and slope == pytest.approx(grown, rel=1e-9)


def test_right_at_size() -> None:
    """Value and gradient of the chain against differences along random directions."""
    n = 300
    q = np.linspace(0.0, 1.0, n)
    value, gradient = sg.compile(sg.value_and_grad(energy(n), "q"))(q)
    assert value == pytest.approx(chain(n, q, np.cos, np.sin), rel=1e-12)
    step = 1e-20j * np.cos(np.arange(n))  # no digits are lost along the imaginary axis
    assert gradient @ step.imag == pytest.approx(chain(n, q + step, np.cos, np.sin).imag, rel=1e-11)


def test_adjoints_of_many_slices_are_put_in_place_in_linear_time() -> None:
    def windows(n: int) -> sg.Function:
        return sg.trace(
            lambda x: sum((np.sum(x[2 * i : 2 * i + 3]) ** 2 for i in range(n)), 0.0), x=str(2 * n + 1)
        )

    small, middle, large = (sg.grad(windows(n), "x") for n in (40, 120, 280))
    sg.Module("m", {"g": small}).source()  # tables that are filled once
    few, more, most = (calls(lambda f=f: sg.Module("m", {"g": f}).source()) for f in (small, middle, large))
    assert most - more < 1.15 * 2 * (more - few)
    x = np.linspace(-1, 1, 81)
    sums = np.add(np.add(x[:-2:2], x[1:-1:2]), x[2::2])
    wanted = np.zeros(81)
    for shift in range(3):
        wanted[shift : shift + 79 : 2] += 2 * sums
    assert sg.compile(small)(x) == pytest.approx(wanted, rel=1e-13)


def test_parts_apart_from_each_other_are_set_and_others_added() -> None:
    """As well for more parts than are compared each with each."""
    n = 50
    apart = sg.trace(lambda x: sum((np.sum(x[2 * i : 2 * i + 2]) ** 2 for i in range(n)), 0.0), x=str(2 * n))
    source = sg.Module("m", {"g": sg.grad(apart, "x")}).source()
    assert "np.zeros" not in source and "+=" not in source.partition("# Adjoints")[2].partition("return")[0]
    x = np.linspace(-1, 1, 2 * n)
    assert sg.compile(sg.grad(apart, "x"))(x) == pytest.approx(2 * np.repeat(x[::2] + x[1::2], 2), rel=1e-13)


@pytest.mark.parametrize("frozen", [False, True])
def test_what_was_made_is_not_collected_at_once(frozen: bool) -> None:
    """Many new objects are counted as old when collections go on; what the user froze stays frozen."""
    collections: list[int] = []

    def each(phase: str, about: dict[str, int]) -> None:
        collections.append(about["generation"])

    work = uncollected(lambda: [[] for _ in range(2 * MANY)])
    gc.collect()
    if frozen:
        gc.freeze()
    gc.callbacks.append(each)
    try:
        made = work()
        held = gc.get_freeze_count()
        further: list[list[int]] = [[] for _ in range(20)]
        seen = list(collections)
    finally:
        gc.callbacks.remove(each)
        gc.unfreeze()
    assert gc.isenabled()
    assert len(made) == 2 * MANY and len(further) == 20
    assert (len(seen) > 0, held > 1_000) == (frozen, frozen)


def test_nodes_that_are_gone_leave_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are many; those that are there stay in them, and what is built again is the same node."""
    op = node.OPS["hypot"]
    monkeypatch.setattr(node, "_TABLES", [op.nodes])
    monkeypatch.setattr(node, "_ENTRIES", 0)
    monkeypatch.setattr(node, "_MOST", 10**6)
    x, numbers = input_node("x", ()), [node.lift(i) for i in range(2000)]
    kept = [op(x, number) for number in numbers[:500]]
    for number in numbers[500:]:
        op(x, number)
    assert len(op.nodes) >= 2000
    node._sweep()
    assert all(entry() is not None for entry in op.nodes.values())
    for number in numbers[500:600]:
        op(x, number)
    node._sweep()
    assert sum(entry() is None for entry in op.nodes.values()) == 100
    assert [op(x, number) for number in numbers[:500]] == kept


def test_large_functions_are_simplified_before_they_are_differentiated() -> None:
    def chain(q: Any, steps: int) -> Any:
        y = q[0]
        for i in range(steps):
            y = np.sin(q[0] * (1 + i) / steps) + y * q[1] / (1 + y**2)
        return y

    large = sg.trace(lambda q: chain(q, 2_500), name="f", q="2")
    assert len(large.nodes()) > gradient.LARGE
    made = sg.value_and_grad(large, "q")
    assert made.origin is not None and made.origin.base is large
    literals = sum(node.op.name == "mul" and node.args[1].is_constant() for node in made.nodes())
    assert literals == 0  # the numbers of q * (1 + i) / steps have met
    small = sg.value_and_grad(sg.trace(lambda q: chain(q, 20), name="f", q="2"), "q")
    assert any(node.op.name == "mul" and node.args[1].is_constant() for node in small.nodes())
    q = np.array([0.3, 0.4])
    value, got = sg.compile(made)(q)
    step = 1e-6
    around = [
        sg.compile(large)(q + step * np.eye(2)[i]) - sg.compile(large)(q - step * np.eye(2)[i])
        for i in (0, 1)
    ]
    np.testing.assert_allclose(got, np.array(around) / (2 * step), rtol=1e-6)
    assert value == sg.compile(large)(q)
