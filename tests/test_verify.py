"""From a numpy function to a verified module on disk; and that a wrong rule anywhere on the way is caught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symgrad as sg
import symgrad.transforms.reverse as reverse
from symgrad.graph import Function
from symgrad.module import Module
from symgrad.node import OPS, Node
from symgrad.trace import trace
from symgrad.transforms.gradient import grad, value_and_grad, vjp
from symgrad.verify.check import verify_function, verify_module
from symgrad.verify.report import Report


def ridge(X: Any, y: Any, w: Any, lam: Any) -> Any:
    residual = X @ w - y
    return np.sum(residual * residual) / X.shape[0] + lam * np.sum(w * w)


def share(x: Any, y: Any) -> Any:
    return np.sqrt(x * x + y * y + 1) / (np.abs(y) + 2) - x


def ridge_function() -> Function:
    return trace(ridge, X="n d", y="n", w="d", lam="")


def share_function() -> Function:
    return trace(share, x="...", y="...")


def reports(folder: Path, **functions: Function) -> list[Report]:
    return verify_module(Module("made", functions).write(folder), functions)


def test_generated_modules_agree_with_the_oracle(tmp_path: Path) -> None:
    f, g = ridge_function(), share_function()
    found = reports(
        tmp_path,
        loss=f,
        loss_grad=grad(f),
        loss_value_and_grad=value_and_grad(f, wrt=("w", "lam")),
        loss_vjp=vjp(f, wrt="X"),
        loss_second=grad(grad(f, wrt="lam"), wrt=("w", "lam")),
        share=g,
        share_grad=grad(g),
        share_third=grad(grad(grad(g, wrt="x"), wrt="y"), wrt=None),
    )
    assert [r.function for r in found if not r.ok] == [], [str(r.error()) for r in found if not r.ok]
    assert all(r.max_error < 1e-14 and r.max_error32 < 5e-6 and r.compared > 10 for r in found)


PLANTED: dict[str, tuple[str, str, Callable[..., Node | None] | None]] = {
    "wrong sign": ("sub", "b", lambda g, y, a, b: g),
    "forgotten operand": ("mul", "a", lambda g, y, a, b: g),
    "missing path": ("add", "a", None),
    "wrong by a millionth": ("div", "a", lambda g, y, a, b: g / b * 1.000001),
    "shifted": ("div", "b", lambda g, y, a, b: -g * y / (b + 1e-9)),
    "wrong at negative numbers": ("abs", "x", lambda g, y, x: g),
    "a factor 2": ("sqrt", "x", lambda g, y, x: g / y),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_wrong_rules_are_caught(name: str, tmp_path: Path) -> None:
    operation, edge, rule = PLANTED[name]
    record = OPS[operation]
    before = record.rules
    planted = [rule if operand == edge else one for operand, one in zip(record.operands, before)]
    object.__setattr__(record, "rules", tuple(planted))
    try:
        functions = {"share_grad": grad(share_function()), "loss_grad": grad(ridge_function())}
    finally:
        object.__setattr__(record, "rules", before)
    assert not all(r.ok for r in reports(tmp_path, **functions))


def test_a_driver_that_drops_paths_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse, "_sum", lambda parts: parts[0])
    assert not all(r.ok for r in reports(tmp_path, share_grad=grad(share_function())))


def test_a_verified_file_is_the_one_on_disk(tmp_path: Path) -> None:
    f = value_and_grad(ridge_function(), wrt="w")
    path = Module("made", {"loss": f}).write(tmp_path)
    source = path.read_text(encoding="utf-8")
    assert verify_module(path, {"loss": f})[0].ok
    spoiled = source.replace("w_bar = 2 * lam", "w_bar = 3 * lam")
    assert spoiled != source
    path.write_text(spoiled, encoding="utf-8")
    (report,) = verify_module(path, {"loss": f})
    assert not report.ok and "at point 'random 1" in str(report.error())


def test_sizes_hold_every_element_that_is_taken() -> None:
    f = grad(trace(lambda x: x[5] * x[0] + np.sum(x[1:]), x="n"))
    report = verify_function(f, sg.compile(f)).raise_for_failure()
    assert "all sizes 1" not in report.points
