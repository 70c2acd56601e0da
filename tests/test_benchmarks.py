"""The benchmarks run without the tools that they compare with, and compute what they should."""

from __future__ import annotations

import json

import numpy as np
import pytest
from benchmarks import peers, report, traps, workloads
from benchmarks.__main__ import run
from benchmarks.measure import Row, compare, distance, geometric_mean, lost


@pytest.fixture(scope="module")
def results():
    return run(quick=True, tools=())


def test_all_parts_run_without_peers(results):
    assert [row.name for row in results.rows] == list(workloads.ALL)
    for row in results.rows:
        assert set(row.seconds) - {"value"} == {"symgrad", "by hand"}
        assert ("value" in row.seconds) != row.name.startswith("hess")
        assert row.best_ratio is None
    assert set(results.cold) == {"import numpy", "symgrad", "import of the module"}


@pytest.mark.parametrize("name", [t.name for t in traps.TRAPS])
def test_symgrad_passes_the_traps(results, name):
    assert results.traps[name] == {"symgrad": "ok"}


def test_sympy_takes_all_traps():
    found = {name: verdicts["sympy"] for name, verdicts in traps.table(("sympy",)).items()}
    assert found["x[0] ** x[1] at [0, 2]"] != "ok"
    assert found["prod(x) at [0, 2, 3]"] == found["max(x) at [1, 1, 0]"] == "ok"
    assert not any("Error" in verdict for verdict in found.values())


def difference(f, arguments, position, step=1e-6):
    """Central difference of f along all-ones in one argument."""
    moved = [
        f(*(a + sign * step if i == position else a for i, a in enumerate(arguments))) for sign in (1, -1)
    ]
    return (moved[0] - moved[1]) / (2 * step)


@pytest.mark.parametrize("name", list(workloads.ALL))
def test_results_are_those_of_the_formula(name):
    workload = workloads.ALL[name](True)
    plain = workload.formula(
        workloads.Library(np, lambda x, axis: np.logaddexp.reduce(x, axis), lambda x: np.maximum(x, 0))
    )
    if workload.hessian:
        check_hessian(workload, plain)
        return
    contender = peers.symgrad(workload)
    value, *gradients = contender.arrays(contender.call())
    np.testing.assert_allclose(value, plain(*workload.arguments), rtol=1e-12)
    assert len(gradients) == len(workload.wrt)
    for position, gradient in zip(workload.positions, gradients):
        assert np.shape(gradient) == np.shape(workload.arguments[position])
        along_ones = gradient if workload.elementwise else np.sum(gradient)
        expected = difference(plain, workload.arguments, position)
        np.testing.assert_allclose(along_ones, expected, rtol=1e-6, atol=1e-6)


def check_hessian(workload, plain):
    """Central second differences of the plain formula along two random directions."""
    contender = peers.symgrad(workload)
    (matrix,) = contender.arrays(contender.call())
    (position,) = workload.positions
    x = workload.arguments[position]
    assert matrix.shape == x.shape * 2
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(2, *x.shape))

    def at(step):
        moved = [x + step if i == position else a for i, a in enumerate(workload.arguments)]
        return plain(*moved)

    h = 1e-3
    expected = (at(h * (u + v)) - at(h * (u - v)) - at(h * (v - u)) + at(-h * (u + v))) / (4 * h * h)
    np.testing.assert_allclose(np.tensordot(np.tensordot(matrix, v, x.ndim), u, x.ndim), expected, rtol=1e-4)


@pytest.mark.parametrize("name", list(workloads.ALL))
def test_sympy_agrees_where_it_takes_part(name):
    workload = workloads.ALL[name](True)
    contenders = peers.contenders(workload, ("sympy",))
    assert len(contenders) == (3 if workload.elementwise else 2)
    compare(contenders)


def test_a_contender_with_other_results_is_refused():
    right = peers.Contender("right", lambda: [1.0], lambda r: [np.asarray(a) for a in r])
    wrong = peers.Contender("wrong", lambda: [1.0 + 1e-6], lambda r: [np.asarray(a) for a in r])
    with pytest.raises(ArithmeticError, match="wrong and right differ by"):
        compare([right, wrong])
    assert distance([np.ones(3)], [np.ones((3, 1))]) == np.inf


def test_entries_that_are_not_finite_are_counted():
    result = [np.array([1.0, np.nan, np.inf]), np.float64(2.0)]
    assert lost(result) == 2
    assert distance(result, [np.array([1.0, 2.0, 3.0]), np.float64(1.0)]) == 1.0


def test_reports(results):
    rows = [
        Row(
            "fast", "a fast one",
            {"symgrad": 1e-3, "value": 5e-4, "by hand": 1e-3, "sympy": 4e-3, "casadi": 2e-3,
             "without tiles": 3e-3},
            peak=2**20, results=2**19,
        ),
        Row("slow", "a slow one", {"symgrad": 2e-6, "by hand": 2e-6, "sympy": 1e-6, "without tiles": 2e-6}),
    ]  # fmt: skip
    assert geometric_mean(rows) == pytest.approx(1.0)
    assert report.speed(rows) == [
        ["value and gradient", "symgrad", "by hand", "sympy", "casadi", "fastest peer / symgrad",
         "gradient / value", "peak memory"],
        ["a fast one", "1 ms", "1 ms (1x)", "4 ms (4x)", "2 ms (2x)", "2.00", "2.00", "0.5 MiB"],
        ["a slow one", "2 µs", "2 µs (1x)", "1 µs (0.5x)", "-", "0.50", "-", "0.0 KiB"],
        ["geometric mean", "", "1.00x", "", "", "1.00", "", ""],
    ]  # fmt: skip
    assert report.without(rows) == [
        ["times longer without", "tiles"], ["a fast one", "3.00"], ["a slow one", "1.00"]
    ]  # fmt: skip
    text = report.markdown(results)
    assert text.count("| --- |") == 3
    assert json.loads(report.as_json(results))["traps"] == results.traps


@pytest.mark.parametrize(
    "seconds, text", [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (9.996e-4, "1000 µs"), (4.5e-7, "450 ns")]
)
def test_durations(seconds, text):
    assert report.duration(seconds) == text
