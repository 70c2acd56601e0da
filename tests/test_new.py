"""`symgrad new` and `symgrad doctor`."""

from __future__ import annotations

import json
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from symgrad.commands import diagnosis
from symgrad.commands.main import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="symgrad")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_an_empty_folder_to_a_gradient(project: Path) -> None:
    written = run("new", "model")
    assert written.exit_code == 0
    assert written.stdout == (
        "wrote models/model.py\n"
        "wrote [tool.symgrad] into pyproject.toml\n"
        "next: edit models/model.py, then run `symgrad build`: it writes generated/model.py\n"
    )
    built = run("build", "--jobs", "1")
    assert built.exit_code == 0, built.output
    module: dict[str, Any] = {"__name__": "model"}
    exec((project / "generated" / "model.py").read_text(), module)
    value, gradient = module["loss_value_and_grad"](np.eye(2), [1.0, 2.0], [3.0, 5.0], 0.0, 0.0)
    assert value == 6.5
    np.testing.assert_allclose(gradient.w, [2.0, 3.0])
    assert run("build", "--check").exit_code == 0
    assert run("new", "other", "--quiet").output == ""
    assert run("build", "--jobs", "1", "--no-verify").exit_code == 0
    assert sorted(p.name for p in (project / "generated").glob("*.py")) == ["model.py", "other.py"]


def test_an_older_pyproject_keeps_what_it_says(project: Path) -> None:
    old = '[project]\nname = "thing"\nversion = "1"\n'
    (project / "pyproject.toml").write_text(old)
    (project / "src" / "thing").mkdir(parents=True)
    (project / "src" / "thing" / "__init__.py").write_text("")
    assert run("new", "model").exit_code == 0
    text = (project / "pyproject.toml").read_text()
    assert text.startswith(old)
    table = tomllib.loads(text)["tool"]["symgrad"]
    assert table == {"specs": ["models/*.py"], "out": "src/thing/generated"}


def test_a_table_that_is_there_is_followed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "pyproject.toml").write_text('[tool.symgrad]\nspecs = ["a/specs/*.py"]\nout = "made"\n')
    before = (project / "pyproject.toml").read_text()
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    result = run("new", "model")
    assert result.exit_code == 0
    assert (project / "a" / "specs" / "model.py").is_file()
    assert (project / "pyproject.toml").read_text() == before
    assert "it writes ../made/model.py" in result.stdout


def test_a_table_that_leads_elsewhere_is_left_and_told_of(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.symgrad]\nout = "made"\n')
    result = run("new", "model")
    assert 'add to [tool.symgrad] in pyproject.toml:\n    specs = ["models/*.py"]\n' in result.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my-model", "try:      symgrad new my_model"),
        ("2d", "try:      symgrad new model_2d"),
        ("class", "cannot be called 'class'"),
        ("_x", "without a leading underscore"),
        ("../x", "cannot be called '../x'"),
    ],
)
def test_names_that_no_module_can_have(project: Path, name: str, message: str) -> None:
    result = run("new", name)
    assert result.exit_code == 2
    assert message in result.stderr
    assert list(project.iterdir()) == []


def test_nothing_is_overwritten(project: Path) -> None:
    run("new", "model")
    (project / "models" / "model.py").write_text("mine\n")
    result = run("new", "model")
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert (project / "models" / "model.py").read_text() == "mine\n"


def test_doctor_finds_what_is_there(project: Path) -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.output
    for text in (
        "python",
        "templates",
        "sympy",
        metadata.version("numpy"),
        "cores usable",
        "symgrad new NAME",
    ):
        assert text in result.stdout
    run("new", "model")
    found = json.loads(run("doctor", "--json").stdout)
    assert [f["text"] for f in found if f["name"] == "specs"] == ["1: model.py"]
    assert {f["topic"] for f in found} >= {"symgrad", "requirements", "machine", "project"}


def test_doctor_fails_where_something_needed_is_missing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = [
        "numpy>=99",
        "nowhere-to-be-found>=1",
        'matplotlib>=99; extra == "draw"',
        'absent-too>=1.0; extra == "draw"',
        'pytest>=8; extra == "test"',
    ]
    monkeypatch.setattr(diagnosis.metadata, "requires", lambda name: requirements)
    result = run("doctor")
    assert result.exit_code == 1
    found = {f.name: (f.topic, f.ok, f.text) for f in diagnosis.findings(project)}
    assert found["numpy"][1] is False
    assert "too old" in found["numpy"][2]
    assert found["nowhere-to-be-found"] == ("requirements", False, "missing; install symgrad again")
    assert found["absent-too"] == ('extra "draw"', None, 'missing; pip install "symgrad[draw]"')
    assert "pytest" not in found


def test_doctor_tells_of_a_wrong_configuration(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.symgrad]\nspecs = ["nowhere/*.py"]\n')
    result = run("doctor")
    assert result.exit_code == 1
    assert "no spec matches" in result.stdout
