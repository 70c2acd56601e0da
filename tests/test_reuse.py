"""Arrays of a tile that are written over: never one that is still needed, whoever else sees its memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symgrad as sg

Array = Any

itself = sg.custom(
    "itself", numpy="x", adjoint=lambda g, y, x: g, sympy=lambda x: x,
)  # fmt: skip


def block(f: sg.Function, **options: Any) -> str:
    """The text of the function for some of the rows."""
    text = sg.Module("m", {"f": f}, tiles=3, **options).source()
    return re.search(r"^def _f_(rows|elements)\w*\(.*?(?=^\S)", text + "\nend", re.M | re.S).group(0)


def test_a_dead_array_is_written_over() -> None:
    def f(x, y):
        a = np.exp(x) * y
        b = a + x
        return np.sum(b * b * np.sin(y))

    traced = sg.trace(f, x="n", y="n")
    text = block(traced)
    assert "    a += x\n    b = a" in text
    assert "Arrays that nothing needs any more are written over." in text
    assert not re.search(r"[-+*/]=", block(traced, without=("written_over",)))


#: Functions where writing over some operand would be wrong, and text that must not be there.
TRAPS: dict[str, tuple[Callable[..., Any], dict[str, str], str]] = {
    "needed later": (
        lambda x, y: (lambda a: np.sum((a + x) * np.cos(a) * a))(np.exp(x) * y), {"x": "n", "y": "n"}, "",
    ),
    "returned": (lambda x, y: (lambda a: (a, a + y))(np.exp(x) * y), {"x": "n", "y": "n"}, r"\ba \+="),
    "an argument": (lambda x, y: (x + y) * np.sin(x), {"x": "n", "y": "n"}, r"\b[xy] [-+*/]="),
    "seen through a view": (
        lambda X, y: (lambda a: (lambda v: np.sum((a + X) * v * v, axis=1) + v[:, 0])(a[:, ::-1]))(np.exp(X)),
        {"X": "n d", "y": "n"}, "",
    ),
    "passed on by an operation of the user": (
        lambda x, y: (lambda a: (lambda b: (a + x) * b * np.sin(b))(itself(a)))(np.exp(x) * y),
        {"x": "n", "y": "n"}, "",
    ),
    "of another shape": (
        lambda X, y: (lambda a: a[:, None] * X + np.sin(X))(np.exp(y) * y),
        {"X": "n d", "y": "n"}, r"\ba \*=",
    ),
    "integers": (lambda x, y: np.sum((x > 0) * 1 + (y > 0)) + np.sum(x * y), {"x": "n", "y": "n"}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_what_is_needed_stays(name: str) -> None:
    function, shapes, never = TRAPS[name]
    f = sg.trace(function, name="f", **shapes)
    functions = [f] if isinstance(f.result, tuple) else [f, sg.vjp(f)]
    rng = np.random.default_rng(0)
    for one in functions:
        if never:
            assert not re.search(never, block(one))
        given = [
            rng.normal(size=tuple({"n": 8, "d": 3}[size] for size in shape.split()))
            for shape, _ in one.inputs.values()
        ]
        before = [a.tobytes() for a in given]
        plain = sg.compile(one, tiles=3, without=("written_over",))(*given)
        ours = sg.compile(one, tiles=3)(*given)
        for a, b in zip(flat(ours), flat(plain), strict=True):
            assert a.tobytes() == b.tobytes()  # the very same operations
        assert [a.tobytes() for a in given] == before


def flat(value: Any) -> list[Array]:
    """The arrays in nested tuples."""
    if isinstance(value, tuple):
        return [array for part in value for array in flat(part)]
    return [np.asarray(value)]


def test_elements_of_arguments_that_broadcast() -> None:
    """In a scalar formula an array may have fewer elements than the result: it is not written over then."""
    f = sg.trace(lambda x, y: (np.exp(x) * 2 + y) / (1 + np.exp(x * y) * y), x="...", y="...")
    g = sg.value_and_grad(f)
    ours, plain = sg.compile(g, tiles=2), sg.compile(g, tiles=2, without=("written_over",))
    for x, y in ((np.ones((4, 1)), np.ones(3)), (0.5, np.ones(3)), (np.ones(3), 0.5), (1.0, 2.0)):
        for a, b in zip(flat(ours(x, y)), flat(plain(x, y)), strict=True):
            assert a.tobytes() == b.tobytes()
            assert a.shape == b.shape


def test_one_array_of_tables_is_worth_it():
    def f(x, means, Q):
        z = np.matmul(x - means[:, None, :], Q)
        return np.sum(np.log1p(np.sum(z**2, axis=2)))

    g = sg.value_and_grad(sg.trace(f, x="n 9", means="k 9", Q="k 9 9"), wrt=("means", "Q"))
    text = sg.Module("m", {"f": g}).source()
    assert "    z *= " in text and "einsum" in text
    ours, plain = sg.compile(g, tiles=2), sg.compile(g, tiles=2, without=("written_over",))
    rng = np.random.default_rng(0)
    given = rng.normal(size=(7, 9)), rng.normal(size=(3, 9)), rng.normal(size=(3, 9, 9))
    for one, other in zip(ours(*given)[1], plain(*given)[1]):
        np.testing.assert_array_equal(one, other)
