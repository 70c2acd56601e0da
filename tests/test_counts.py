"""Operations of scalar formulas, value and gradient together: no more than the best of other tools need."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.scalar_formulas import COUNTS, FORMULAS

import symgrad as sg
from symgrad.cost import cost
from symgrad.pipeline import prepare

CASES = [(name, size, most) for name, by_size in COUNTS.items() for size, most in by_size.items()]


def traced(name: str, size: int) -> sg.Function:
    return sg.trace(lambda x: FORMULAS[name](x, np), name=name, x=str(size))


@pytest.mark.parametrize("name, size, most", CASES)
def test_operations(name: str, size: int, most: int) -> None:
    f = traced(name, size)
    value, both = cost(prepare(f)), cost(prepare(sg.value_and_grad(f, "x")))
    assert both.operations <= most
    assert both.operations <= 4 * value.operations


@pytest.mark.parametrize("name, size", [(name, min(sizes)) for name, sizes in COUNTS.items()])
def test_what_was_counted_is_right(name: str, size: int) -> None:
    x = np.linspace(0.05, 0.06, size) if name == "helmholtz" else np.linspace(-1.0, 1.2, size) ** 3
    value, gradient = sg.compile(sg.value_and_grad(traced(name, size), "x"))(x)
    formula = FORMULAS[name]
    assert value == pytest.approx(formula(x, np), rel=1e-13)
    # By a step of 1e-30 along the imaginary axis, which loses no digits.
    steps = np.eye(size) * 1e-30j
    assert gradient == pytest.approx([formula(x + step, np).imag / 1e-30 for step in steps], rel=1e-12)
