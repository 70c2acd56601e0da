"""Functions cut into parts compute the same bits as in one piece, whatever the statements in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from benchmarks.scale import chain

import symgrad as sg
from symgrad.lower import parts
from symgrad.tree import leaves


def network(x: Any, y: Any, w: Any, b: Any) -> Any:
    z = np.tanh(x @ w + b)
    return np.sum(np.where(z > 0, z - y, z * y) ** 2) + np.sum(z[1:] * z[:-1]) / x.shape[0]


def repeated(x: Any, h: Any) -> Any:
    def step(carry: Any, row: Any) -> Any:
        new = np.tanh(carry * row + 0.5)
        return new, new * new

    last, rows = sg.scan(step, h, x)
    return np.sum(last) + np.sum(rows)


def chosen(x: Any) -> Any:
    y = np.sin(x)
    return sg.cond(np.sum(y) > 0, lambda: np.sum(np.exp(y)), lambda: np.sum(y * y))


def sized(x: Any, y: Any) -> Any:
    z = sg.zeros((2 * x.shape[0] * y.shape[0] + 3 * x.shape[0],)) + x[0]
    u = np.exp(z) * y[0]
    return u, u + z, np.sum(u) / z.shape[0]


X, Y, W, B = (
    np.cos(np.arange(size)).reshape(shape) for size, shape in ((12, (4, 3)), (8, (4, 2)), (6, (3, 2)), (2, 2))
)

CASES: dict[str, tuple[Callable[[], sg.Function], tuple[Any, ...]]] = {
    "chain": (
        lambda: sg.value_and_grad(sg.trace(lambda q: chain(9, q, np.cos, np.sin), name="chain", q="9"), "q"),
        (np.linspace(0, 1, 9),),
    ),
    "network": (
        lambda: sg.value_and_grad(sg.trace(network, x="n d", y="n h", w="d h", b="h")), (X, Y, W, B),
    ),
    "scan": (lambda: sg.value_and_grad(sg.trace(repeated, x="n k", h="k")), (Y, B)),
    "cond": (lambda: sg.value_and_grad(sg.trace(chosen, x="n"), "x"), (B,)),
    "points": (
        lambda: sg.grad(sg.parse("exp(sin(x)*y)/(1 + x**2*y**2) + cos(x*y)**2")),
        (X.astype(np.float32), B[0]),
    ),
    "sizes": (lambda: sg.trace(sized, x="first_dimension", y="second_dimension"), (B, B)),
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_parts_compute_the_same(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make, arguments = CASES[name]
    options = {"tiles": False, "without": ("plain_floats",)}
    whole = sg.Module("whole", {"f": make()}, **options)
    wanted = whole.load().f(*arguments)
    monkeypatch.setattr(parts, "MOST", 0)
    monkeypatch.setattr(parts, "PART", size)
    cut = sg.Module("cut", {"f": make()}, **options)
    assert "_f_part2(" in cut.source() and "_f_part" not in whole.source()
    found = cut.load().f(*arguments)
    pairs = list(zip(flat(found), flat(wanted), strict=True))
    assert pairs and all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


def flat(result: Any) -> list[Any]:
    return [np.asarray(leaf) for leaf in leaves(tuple(result) if hasattr(result, "_fields") else result)]


def test_parts_hand_over_in_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only one part reads later is one tuple, however much it is."""
    monkeypatch.setattr(parts, "MOST", 100)
    monkeypatch.setattr(parts, "PART", 40)
    f = sg.value_and_grad(sg.trace(lambda q: chain(30, q, np.cos, np.sin), name="chain", q="30"), "q")
    source = sg.Module("m", {"f": f}).source()
    assert source.count("def _f_part") == 11
    assert "kept1, kept2 = _f_part1(q)" in source and ") = kept2" in source


def test_short_functions_stay_whole() -> None:
    assert parts.MOST > 100_000
