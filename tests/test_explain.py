"""`symgrad explain`, and generated lines traced to the user's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import symgrad as sg
from symgrad.building.plan import gallery
from symgrad.building.specs import load
from symgrad.commands.main import cli
from symgrad.explain import derivation, render

HERE = Path(__file__)


def loss(X, y, w):
    z = X @ w
    data = np.mean(np.log(1 + np.exp(z)) - y * z)
    return data + np.sum(w**2)


f = sg.trace(loss, X="n d", y="n", w="d")
module = sg.Module("model", {"loss": f, "loss_value_and_grad": sg.value_and_grad(f, wrt="w")})


def line_of(text):
    return 1 + next(i for i, line in enumerate(HERE.read_text().splitlines()) if line.strip() == text)


def test_the_paths_that_meet_in_an_adjoint():
    found = {one.name: one for one in derivation(module, "loss_value_and_grad").sums}
    assert [path.through for path in found["z"].paths] == ["softplus(z)", "y * z"]
    assert [path.adds for path in found["z"].paths][1] == "g * y"
    assert [path.adds for path in found["w"].paths] == ["X.T @ g", "2 * g * w"]
    assert found["z"].line == f"test_explain.py:{line_of('z = X @ w')}" and found["z"].shape == "(n,)"


def test_the_rules_that_fired():
    told = derivation(module, "loss_value_and_grad")
    assert any("log" in rule.law and rule.times >= 1 for rule in told.stable)
    assert all(rule.law for rule in told.rewrites)
    assert told.chain[0].startswith("loss(X, y, w)") and told.chain[1] == "value_and_grad of loss by w"


def test_every_emitted_value_has_the_line_it_comes_from():
    z = f"test_explain.py:{line_of('z = X @ w')}"
    data = f"test_explain.py:{line_of('data = np.mean(np.log(1 + np.exp(z)) - y * z)')}"
    made = sg.Module("model", {"f": sg.value_and_grad(f, wrt="w")}, source_map=True, tiles=False)
    text = made.source()
    assert re.search(rf"z = X @ w +# \(n,\), {z}\n", text)
    assert re.search(rf"z_bar = .* # \(n,\), {z}\n", text) and re.search(rf"data = .*# {data}\n", text)
    assert made.load().f(np.ones((2, 1)), np.ones(2), np.ones(1))[1].shape == (1,)
    body = text[text.index("= _arguments(X, y, w)") :]
    for line in body[: body.index("\n\n\n")].split("\n"):
        if re.match(r" +\w+ = ", line) and "_arguments(" not in line:
            assert "test_explain.py:" in line, line


def test_without_being_asked_nothing_is_traced():
    assert "test_explain.py:" not in module.source()


@pytest.mark.parametrize("tiles", [True, 4])
def test_lines_in_the_parts_of_a_function_too(tiles):
    made = sg.Module("model", {"f": sg.value_and_grad(f, wrt="w")}, source_map=True, tiles=tiles)
    lines = [line for line in made.source().split("\n") if re.match(r" +z = ", line)]
    assert lines and all("test_explain.py:" in line for line in lines)


@pytest.mark.parametrize("path", gallery(), ids=lambda path: path.stem)
def test_everything_in_the_gallery_can_be_explained(path):
    for one in load(path)[:2]:
        for title in list(one.functions)[:4]:
            told = derivation(one, title)
            text = "\n".join(line for line, _ in render(told))
            assert title in text and told.source
            assert "np." not in "".join(p.adds for s in told.sums for p in s.paths)


def test_from_the_command_line():
    done = CliRunner().invoke(cli, ["explain", "worked_trace:y_value_and_grad"])
    assert done.exit_code == 0, done.output
    assert "x1_bar (...): sum over 2 paths" in done.output
    assert re.search(r"through v3 = log\(x1\) +adds g / x1", done.output)
    done = CliRunner().invoke(cli, ["explain", "worked_trace:y_value_and_grad", "--json"])
    assert {one["name"] for one in json.loads(done.output)["sums"]} >= {"x1", "x2", "v4"}


def test_names_that_there_are_not():
    done = CliRunner().invoke(cli, ["explain", "worked_trce:y_grad"])
    assert done.exit_code == 2 and "did you mean 'worked_trace'?" in done.output
    done = CliRunner().invoke(cli, ["explain", "worked_trace"])
    assert done.exit_code == 2 and "means 3 functions" in done.output
