"""The page that compares operations says of symgrad what its tables say."""

from __future__ import annotations

from pathlib import Path

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
