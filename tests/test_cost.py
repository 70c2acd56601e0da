"""Costs: flops as formulas, the cheap gradient, and prices of which only ratios matter."""

from __future__ import annotations

import functools
import operator
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad import gallery
from symgrad.building.specs import load
from symgrad.cost import NOMINAL, cost, derivative_cost, price
from symgrad.flops import Flops
from symgrad.node import OPS, Op
from symgrad.pipeline import prepare


def test_a_product_of_matrices_costs_its_multiplications() -> None:
    f = sg.trace(lambda A, B: A @ B, A="3 n", B="n 5")
    assert price(prepare(f)) == pytest.approx(0.25 * 3 * 5 * NOMINAL)
    g = sg.trace(lambda A, x: A @ x, A="3 n", x="n")
    assert price(prepare(g)) == pytest.approx(0.25 * 3 * NOMINAL)


def test_views_and_leaves_cost_nothing() -> None:
    f = prepare(sg.trace(lambda A: A.T, A="n d"))
    assert not cost(f).flops and cost(f).operations == 0
    assert price(f) == 0.25 * NOMINAL**2  # the copy that is returned


def test_some_functions_are_dearer_than_others() -> None:
    assert (
        price(prepare(sg.parse("sin(x)")))
        > price(prepare(sg.parse("exp(x)")))
        > price(prepare(sg.parse("x + y")))
    )


def test_derivatives_are_measured_in_evaluations_of_their_functions() -> None:
    f = sg.parse("sin(x)")
    value, gradient, both = map(prepare, (f, sg.grad(f, "x"), sg.value_and_grad(f, "x")))
    assert derivative_cost([(value, None)]) is None
    assert derivative_cost([(value, None), (gradient, value)]) == pytest.approx(1.0, rel=0.1)
    assert derivative_cost([(gradient, value), (both, value)]) == pytest.approx(1.5, rel=0.1)


def test_results_that_are_views_are_copied() -> None:
    f = sg.trace(lambda x: x.reshape(-1), x="n d")
    assert derivative_cost([(prepare(sg.vjp(f, "x")), prepare(f))]) == pytest.approx(2.0)


def flops(f: sg.Function) -> str:
    return cost(prepare(f)).flops.to_text(f.dims)


def test_flops_are_formulas_in_the_dimensions() -> None:
    f = sg.trace(lambda X, w: np.sum(np.exp(X @ w)), X="n d", w="d")
    assert flops(f) == "2 n d + 2 n"
    assert flops(sg.trace(lambda x: x[1:] - x[:-1], x="n+2")) == "n + 1"
    assert flops(sg.trace(lambda a, b: np.linalg.solve(a, b), a="n n", b="n k")) == "2/3 n**3 + 2 n**2 k"
    assert flops(sg.trace(lambda a: np.linalg.inv(a), a="m n n")) == "2 m n**3"
    assert flops(sg.trace(lambda x: np.sort(x), x="m n")) == "m n log2(n)"
    assert flops(sg.trace(lambda a, b: np.einsum("ij,jk,kl->il", a, b, b), a="n d", b="d d")) == "4 n d**2"
    assert flops(sg.trace(lambda x: x.reshape(-1)[::-1], x="n d")) == "0"


def test_flops_of_numbers_are_numbers() -> None:
    whole = cost(prepare(sg.trace(lambda a: a @ a, a="3 3"))).flops
    assert whole.to_text() == "54" and whole.at({}) == 54


def test_long_formulas_are_cut() -> None:
    sizes = [Flops({(name,): 1, (): 1}) for name in "abcdefgh"]
    text = functools.reduce(operator.mul, sizes).to_text()
    assert text.startswith("a b c d e f g h + ") and text.endswith(" + ...") and len(text) < 70


def test_what_does_not_depend_on_an_argument_is_not_counted() -> None:
    f = sg.trace(lambda x: x * np.sum(np.ones(3)), x="n")
    assert flops(f) == "n"


def test_the_note_compares_with_the_function_itself() -> None:
    f = sg.trace(lambda X, w: np.sum(np.tanh(X @ w)), name="f", X="n d", w="d")
    module = sg.Module(
        "m", {"f": f, "f_value_and_grad": sg.value_and_grad(f, "w"), "f_hess": sg.hessian(f, "w")}
    )
    assert module.costs["f"] == "Cost: 2 n d + 2 n flops."
    assert module.costs["f_value_and_grad"] == "Cost: 4 n d + 4 n flops, 2.0 times the 2 n d + 2 n of f."
    assert module.costs["f_hess"].endswith("; f_grad takes 4 n d + 3 n.")
    assert "    Cost: 2 n d + 2 n flops.\n" in module.source()
    assert sg.Module("m", {"g": sg.parse("x + y*x")}).costs["g"] == "Cost: 2 flops a point."


def declared() -> list[Op]:
    return [o for o in OPS.values() if o.operands and not o.elementwise and not o.view]


@pytest.mark.parametrize("operation", declared(), ids=lambda o: o.name)
def test_every_operation_that_is_not_elementwise_says_what_it_does(operation: Op) -> None:
    assert operation.flops is not None, "give the operation a rule: flops="


GALLERY = [
    (module, title)
    for path in sorted(Path(gallery.__file__).parent.glob("*.py"))
    if path.name != "__init__.py"
    for module in load(path)
    for title, f in module.functions.items()
    if f.origin is not None and f.origin.kind in ("grad", "value_and_grad", "vjp")
]


@pytest.mark.parametrize("module, title", GALLERY, ids=lambda v: v if isinstance(v, str) else v.name)
def test_gradients_are_cheap(module: sg.Module, title: str) -> None:
    """At most four times the flops of the function, however many arguments it has (Griewank and Walther)."""
    base = module.base(title)
    assert base is not None
    own, value = cost(module.prepared[title]).flops, cost(base).flops
    for size in (64, 4096):
        if value:
            assert own.at(dict.fromkeys(own.names, size)) <= 4 * value.at(dict.fromkeys(value.names, size))
