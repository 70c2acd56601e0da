"""Both kinds of installation hold what the generator needs, and nothing else of the checkout."""

from __future__ import annotations

import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from installing import CHECKOUT, command, copy_of_checkout, environment

from symgrad._version import __version__
from symgrad.commands.main import cli
from symgrad.errors import SymgradError
from symgrad.templates import template_folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (CHECKOUT / "pyproject.toml").is_file():
        pytest.skip("not run from a checkout")
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    return copy_of_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["editable", "wheel"])
def test_an_installation_finds_its_templates(kind: str, checkout: Path, tmp_path: Path) -> None:
    made = environment(tmp_path / "venv", borrow=True)
    made.pip("install", "--force-reinstall", *(["-e"] if kind == "editable" else []), checkout, cwd=tmp_path)
    found = command(
        made.python,
        "-c",
        "import symgrad.templates as t; print(t.__file__); print(t.template_folder())",
        cwd=tmp_path,
    )
    module, folder = map(Path, found.splitlines())
    home = checkout if kind == "editable" else made.packages
    assert module == home / "symgrad" / "templates.py"
    assert folder == (checkout / "templates" if kind == "editable" else home / "symgrad" / "templates")
    # An editable install holds no copy of anything, which would go stale.
    assert (made.packages / "symgrad").exists() is (kind == "wheel")
    script = made.scripts / "symgrad"
    assert command(script, "--version", cwd=tmp_path).split()[-1] == __version__
    assert "def f_grad(x" in command(script, "grad", "sin(cos(x))", cwd=tmp_path)


@pytest.mark.slow
def test_what_a_wheel_holds(checkout: Path, tmp_path: Path) -> None:
    command(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
        "--wheel-dir", tmp_path, checkout, cwd=tmp_path,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"symgrad-{__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert "symgrad/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"symgrad", f"symgrad-{__version__}.dist-info"}
    here = {p.relative_to(checkout).as_posix() for p in checkout.glob("symgrad/**/*.py")}
    here |= {f"symgrad/{p.relative_to(checkout).as_posix()}" for p in checkout.glob("templates/**/*.jinja")}
    docs = {name for name in here if name.startswith("symgrad/docs/")}  # made in a checkout, and read online
    assert here - docs <= set(names)
    assert docs.isdisjoint(names)


def test_missing_templates_are_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symgrad.templates.__file__", str(tmp_path / "symgrad" / "templates.py"))
    with pytest.raises(SymgradError, match="templates of symgrad are missing"):
        template_folder()


def test_command_line_dependencies_are_two() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {requirement.split(">")[0] for requirement in project["dependencies"]}
    assert names == {"sympy", "numpy", "jinja2", "click", "rich"}


def test_the_pre_commit_hook_runs_a_command_that_there_is() -> None:
    text = (CHECKOUT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    (entry,) = [line.partition(":")[2].split() for line in text.splitlines() if "entry:" in line]
    assert entry[0] == "symgrad"
    assert CliRunner().invoke(cli, [*entry[1:], "--help"]).exit_code == 0
