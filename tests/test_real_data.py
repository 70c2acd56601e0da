"""Models trained on real data with nothing but the checked-in generated modules.

Run with `-s`, or `python -m tests.realdata`, to see the table.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from realdata import runs
from realdata.generated import FOLDER, load

NETWORKS = {"two-layer": 0.95, "convnet": 0.97}
REGRESSIONS = [name for name in runs.ALL if name not in NETWORKS]


@functools.cache
def run(name):
    return runs.ALL[name](FOLDER)


@pytest.fixture(scope="module", autouse=True)
def table():
    yield
    print("\n" + runs.table([run(name) for name in runs.ALL]))


@pytest.mark.parametrize("name", NETWORKS)
def test_network_learns_what_hand_written_gradients_learn(name):
    done = run(name)
    ours, theirs = done.generated, done.reference
    assert len(ours.parameters) == len(theirs.parameters)
    for found, expected in zip(ours.parameters, theirs.parameters):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-8)
    assert ours.score >= theirs.score
    assert ours.score >= NETWORKS[name]


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression_finds_what_scikit_learn_finds(name):
    done = run(name)
    assert done.difference < 1e-6
    assert done.generated.loss == pytest.approx(done.reference.loss, rel=1e-9)
    assert done.generated.score == pytest.approx(done.reference.score, abs=1e-9)


@pytest.mark.parametrize("name", ["two_layer_network", "convnet", "linear_regression", "logistic_regression"])
def test_modules_are_generated(name):
    module = load(name)
    assert set(module.__symgrad__) >= {"version", "spec"}
    assert "import symgrad" not in (FOLDER / f"{name}.py").read_text(encoding="utf-8")
