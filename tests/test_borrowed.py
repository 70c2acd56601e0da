"""Special functions taken from scipy where a spec asks for it, and nothing else changed by that."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.array import invoke
from symgrad.borrowed import SCIPY
from symgrad.node import OPS
from symgrad.verify.check import verify_function

pytest.importorskip("scipy.special")


def loss(x: Any, y: Any) -> Any:
    return np.sum(sg.gammaln(x) + sg.xlogy(x, y) + sg.norm_logcdf(x) * sg.gelu(y))


def traced() -> sg.Function:
    return sg.value_and_grad(sg.trace(loss, x="n", y="n"))


def imported(source: str) -> list[str]:
    """Modules that a text imports outside `if TYPE_CHECKING`."""
    found = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Import):
            found += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            found.append(str(statement.module))
    return found


def functions(source: str) -> dict[str, str]:
    """Source text of each function of a module."""
    return {f.name: ast.unparse(f) for f in ast.parse(source).body if isinstance(f, ast.FunctionDef)}


def test_nothing_comes_from_scipy_unless_asked() -> None:
    source = sg.Module("m", {"loss": traced()}).source()
    assert "scipy" not in source
    assert sg.Module("m", {"loss": traced()}, scipy=False).source() == source


def test_all_that_scipy_has() -> None:
    own, borrowing = (sg.Module("m", {"loss": traced()}, scipy=choice).source() for choice in (False, True))
    assert [m for m in imported(borrowing) if m not in imported(own)] == ["scipy"]
    assert "Needs scipy: scipy.special.gammaln" in borrowing
    assert "_special.gammaln(x)" in borrowing and "_special.log_ndtr(x)" in borrowing
    was, now = functions(own), functions(borrowing)
    assert {"_gammaln", "_digamma", "_xlogy", "_norm_logcdf"} <= set(was) - set(now)
    # What scipy does not have travels along, and all other functions are the same text.
    assert {"_gelu", "_norm_hazard"} <= set(now)
    for title in set(was) & set(now):
        renamed = now[title]
        for kernel, name in SCIPY.items():
            renamed = renamed.replace(f"_special.{name}(", f"_{kernel}(")
        assert renamed == was[title]


def test_chosen_functions_alone() -> None:
    for choice in ("gammaln", ("gammaln",), ["gammaln", "gammaln"]):
        source = sg.Module("m", {"loss": traced()}, scipy=choice).source()
        assert "_special.gammaln(x)" in source and source.count("_special.") == 1
        assert {"_xlogy", "_digamma", "_norm_logcdf"} <= set(functions(source))


def test_unused_choices_leave_no_import() -> None:
    f = sg.trace(lambda x: np.sum(np.sin(x)), x="n", name="f")
    assert "scipy" not in sg.Module("m", {"f": f}, scipy=True).source()


def test_the_choice_is_part_of_the_spec() -> None:
    texts = [sg.Module("m", {"loss": traced()}, scipy=c).source() for c in (False, True, ("xlogy",))]
    assert len({text.partition('"spec": "')[2][:71] for text in texts}) == 3


def test_values_and_derivatives_are_verified() -> None:
    f = traced()
    generated = sg.compile(f, scipy=True)
    verify_function(f, generated).raise_for_failure()
    x, y = np.linspace(0.3, 4, 7), np.linspace(0.5, 2, 7)
    own, borrowed = sg.compile(f)(x, y), generated(x, y)
    assert borrowed[0] == pytest.approx(own[0], rel=1e-13)
    np.testing.assert_allclose(borrowed[1].x, own[1].x, rtol=1e-12)
    small = generated(x.astype(np.float32), y.astype(np.float32))
    assert small[0].dtype == small[1].x.dtype == np.float32


@pytest.mark.parametrize("name", SCIPY)
def test_each_means_the_same(name: str) -> None:
    op = OPS[name]
    names = ["x", "y"][: len(op.operands)]
    f = sg.trace(_function(op, len(names)), name="f", shapes=dict.fromkeys(names, "..."))
    points = np.linspace(0.05, 0.95, 13) if name == "erfinv" else np.linspace(0.1, 6, 25)
    arguments = [points * (1 + 0.1 * i) for i in range(len(names))]
    if name in ("erf", "erfc", "norm_cdf", "norm_logcdf", "i0", "i1", "j0", "j1", "iv", "jv", "sigmoid"):
        arguments = [np.concatenate([-a, a, [0.0]]) for a in arguments]
    own, borrowed = sg.compile(f), sg.compile(f, scipy=(name,))
    with np.errstate(all="raise"):
        # Next to a zero an error of one rounding of what is subtracted counts.
        np.testing.assert_allclose(borrowed(*arguments), own(*arguments), rtol=2e-13, atol=3e-15)
        assert borrowed(*[a.astype(np.float32) for a in arguments]).dtype == np.float32
        assert isinstance(borrowed(*[0.5] * len(arguments)), np.float64)
    assert borrowed(*[np.zeros((0, 2))] * len(arguments)).shape == (0, 2)


def _function(op: Any, count: int) -> Callable[..., Any]:
    if count == 2:
        return lambda x, y: invoke(op, (x, y), {})
    return lambda x: invoke(op, (x,), {})


@pytest.mark.parametrize(
    ("choice", "message"),
    [(("gamaln",), "did you mean 'gammaln'"), (("sin",), "cannot come from scipy"), ((3,), "3 cannot come")],
)
def test_names_that_scipy_has_not(choice: Any, message: str) -> None:
    with pytest.raises(sg.SpecError, match=message):
        sg.Module("m", {"loss": traced()}, scipy=choice)
