"""The page that compares operations says of symgrad what its tables say."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symgrad
from symgrad.commands.comparison import MISSING, VALUE, YES, own_column, rows

PAGE = Path(symgrad.__file__).parent / "docs" / "pages" / "operations.md"


def page() -> dict[str, list[str]]:
    """Cells by function."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name.strip("`"): rest for name, *rest in cells}


def test_the_page_is_up_to_date() -> None:
    shown, own = page(), own_column()
    assert len(shown) > 350
    # Another numpy has other functions.
    assert {name: shown[name][0] for name in own if name in shown} == {n: own[n] for n in own if n in shown}
    assert {f"sg.{name}" for name in symgrad.spelling.NAMES} <= set(shown)


def test_each_kind_of_answer() -> None:
    own = own_column()
    assert own["np.tanh"] == own["np.sign"] == own["np.take_along_axis"] == own["np.linalg.det"] == YES
    assert own["np.argmax"] == own["np.less"] == own["np.searchsorted"] == VALUE
    assert own["np.unique"] == own["np.nonzero"] == MISSING


def test_what_the_others_have() -> None:
    for package in ("autograd", "jax"):
        pytest.importorskip(package)
    table = {row.name: row for row in rows()}
    assert table["np.tanh"][1:] == (YES, YES, YES)
    assert table["np.interp"].autograd == "no gradient"
    assert table["np.bincount"].symgrad == MISSING
    assert table["sg.norm_cdf"].jax == YES


def required(function: Any) -> int:
    """Number of arguments that a function of numpy wants at least."""
    if isinstance(function, np.ufunc):
        return function.nin
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return max(sum(p.default is p.empty for p in named), 1)


def test_every_other_function_fails_with_a_way_out() -> None:
    modules = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}
    for name in [name for name, supported in own_column().items() if supported == MISSING]:
        module, _, short = name.rpartition(".")
        function = getattr(modules[module], short)
        with pytest.raises(symgrad.SymgradError) as caught:
            symgrad.trace(lambda x, f=function: f(*[x] * required(f)), x="3 3", name="f")
        error = caught.value
        assert short in error.what or short in (error.got or ""), name
        assert error.where is not None and error.where.startswith("test_comparison.py:"), name
        assert error.hint, name
