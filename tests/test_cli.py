"""The command line: what it writes, what it says, how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import symgrad as sg
from symgrad.building import plan, specs
from symgrad.commands.main import cli
from symgrad.node import OPS

SPEC = '''
import numpy as np
import symgrad as sg

def loss(X, y, w):
    return np.mean((X @ w - y) ** 2)

f = sg.trace(loss, X="n d", y="n", w="d")
{name} = sg.Module("{name}", {{"loss": f, "loss_grad": sg.grad(f, wrt="w")}}, doc="""Least squares.""")
'''

# A module whose text is not what its functions mean.
WRONG = """
import symgrad as sg

class Wrong(sg.Module):
    def source(self):
        return super().source().replace("np.sin", "np.cos")

f = sg.parse("sin(x) + y")
wrong = Wrong("wrong", {"f": f})
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="symgrad")


def succeeds(*arguments: str | Path) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def spec(folder: Path, name: str, text: str | None = None) -> Path:
    path = folder / f"{name}_spec.py"
    path.write_text(SPEC.format(name=name) if text is None else text, encoding="utf-8")
    return path


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    if not folder.exists():
        return {}
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.iterdir()) if p.is_file()}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_build_writes_verifies_and_prints_a_table(project: Path) -> None:
    result = succeeds("build", spec(project, "squares"), "--out", "made")
    assert sorted(contents(project / "made")) == ["squares.py", "squares.pyi"]
    for text in ("module", "functions", "ops", "adjoint/primal", "max error", "time", "squares", "ok"):
        assert text in result.stdout
    assert "2 of 2 files written to made" in result.stdout
    assert result.stderr == ""  # progress is for terminals
    module: dict[str, Any] = {"__name__": "squares"}
    exec((project / "made" / "squares.py").read_text(encoding="utf-8"), module)
    X, y, w = np.eye(2), np.array([1.0, 2.0]), np.array([3.0, 5.0])
    np.testing.assert_allclose(module["loss_grad"](X, y, w), [2.0, 3.0])


def test_building_again_touches_nothing(project: Path) -> None:
    path = spec(project, "squares")
    succeeds("build", path)
    before = contents(project / "generated")
    assert "0 of 2 files written to generated" in succeeds("build", path).stdout
    assert contents(project / "generated") == before


def test_a_spec_is_loaded_without_a_trace(project: Path) -> None:
    path = spec(project, "squares")
    before = list(sys.path)
    specs.load(path)
    assert sys.path == before
    assert [p.name for p in project.iterdir()] == [path.name]


def test_modules_come_in_order_of_definition(project: Path) -> None:
    text = "import symgrad as sg\nf = sg.parse('x')\n" + "".join(
        f"{name} = sg.Module('{name}', {{'f': f}})\n" for name in ("zeta", "alpha", "mu")
    )
    assert [m.name for m in specs.load(spec(project, "several", text))] == ["zeta", "alpha", "mu"]


def test_check_writes_nothing_and_lists_what_differs(project: Path) -> None:
    path = spec(project, "squares")
    missing = run("build", "--check", path)
    assert missing.exit_code == 1
    assert not (project / "generated").exists()
    succeeds("build", path)
    assert "up to date" in succeeds("build", "--check", path).stdout
    made = project / "generated" / "squares.py"
    made.write_text(made.read_text(encoding="utf-8") + "# by hand\n", encoding="utf-8")
    (project / "generated" / "squares.pyi").unlink()
    (project / "generated" / "old.py").write_text(made.read_text(encoding="utf-8"), encoding="utf-8")
    before = contents(project / "generated")
    result = run("build", "--check", path)
    assert result.exit_code == 1
    for kind, name in (("stale", "squares.py"), ("missing", "squares.pyi"), ("orphan", "old.py")):
        assert f"{kind}: {project / 'generated' / name}\n" in result.stdout
    assert "  -# by hand" in result.stdout
    assert contents(project / "generated") == before


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_build_that_fails_leaves_every_older_file(project: Path, jobs: str) -> None:
    paths = [spec(project, name) for name in ("first", "second", "third")]
    succeeds("build", *paths, "--jobs", jobs, "--no-verify")
    before = contents(project / "generated")
    paths[0].write_text(SPEC.format(name="first").replace("** 2", "** 4"))  # would change its module
    paths[1].write_text(SPEC.format(name="second") + "\n1 / 0\n")
    paths[2].write_text("def broken(:\n")
    result = run("build", *paths, "--jobs", jobs, "--no-verify")
    assert result.exit_code == 2
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert f"{paths[1]}:{len(paths[1].read_text().splitlines())}" in result.stderr
    assert f"{paths[2]}:1" in result.stderr
    assert "Traceback" not in result.output
    assert "nothing was written" in result.stdout
    assert contents(project / "generated") == before


def test_a_module_that_does_not_verify_is_not_written(project: Path) -> None:
    good, wrong = spec(project, "squares"), spec(project, "wrong", WRONG)
    result = run("build", good, wrong, "--jobs", "1")
    assert result.exit_code == 1
    assert "FAILED" in result.stdout
    assert "wrong: f" in result.stderr
    assert not (project / "generated").exists()
    unchecked = succeeds("build", good, wrong, "--no-verify", "--jobs", "1")
    assert "not verified" in unchecked.stdout
    assert "np.cos" in (project / "generated" / "wrong.py").read_text(encoding="utf-8")


def test_a_wrong_spec_outranks_a_failed_verification(project: Path) -> None:
    wrong, broken = spec(project, "wrong", WRONG), spec(project, "broken", "import nowhere_to_be_found\n")
    result = run("build", wrong, broken, "--jobs", "1")
    assert result.exit_code == 2
    assert "wrong: f" in result.stderr
    assert "ModuleNotFoundError" in result.stderr
    assert f"{broken}:1" in result.stderr


def test_verify_checks_what_is_on_disk(project: Path) -> None:
    path = spec(project, "squares")
    missing = run("verify", path)
    assert missing.exit_code == 1
    assert "squares.py is missing" in missing.stderr
    succeeds("build", path)
    assert "ok" in succeeds("verify", path).stdout
    made = project / "generated" / "squares.py"
    text = made.read_text(encoding="utf-8")
    made.write_text(text.replace("X.T @", "2 * X.T @"), encoding="utf-8")
    assert made.read_text(encoding="utf-8") != text
    tampered = run("verify", path)
    assert tampered.exit_code == 1
    assert "squares: loss_grad" in tampered.stderr
    assert "made by:  squares.py:" in tampered.stderr
    assert "at point 'random 1 (plain)'" in tampered.stderr
    made.write_text("import nowhere_to_be_found\n", encoding="utf-8")
    assert "ModuleNotFoundError" in run("verify", path).stderr


BROKEN = {
    "no module": ("x = 1\n", "defines no module"),
    "no code": ("", "defines no module"),
    "syntax": ("x = 1\n\ndef f(:\n", ":3"),
    "exit": ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    "shape": ("import symgrad as sg\nsg.trace(lambda a, b: a + b, a='n', b='m')\n", "ShapeError"),
    "twice": (
        "import symgrad as sg\nf = sg.parse('x')\na, b = [sg.Module('a', {'f': f}) for _ in range(2)]\n",
        "two modules called 'a'",
    ),
    "name": ("import symgrad as sg\nsg.Module('../a', {'f': sg.parse('x')})\n", ":2"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_spec_that_is_wrong(project: Path, case: str) -> None:
    text, message = BROKEN[case]
    path = spec(project, "broken", text)
    result = run("build", path)
    assert result.exit_code == 2
    assert message in result.stderr
    assert str(path) in result.stderr
    assert "Traceback" not in result.output
    assert not (project / "generated").exists()


def test_two_specs_of_one_module(project: Path) -> None:
    first = spec(project, "squares")
    second = project / "again.py"
    second.write_text(first.read_text())
    result = run("build", first, second, "--no-verify", "--jobs", "1")
    assert result.exit_code == 2
    assert "module 'squares' is made by two specs" in result.stderr


def test_a_spec_that_is_not_there(project: Path) -> None:
    spec(project, "squares")
    result = run("build", "sqares_spec.py")
    assert result.exit_code == 2
    assert "did you mean squares_spec.py?" in result.stderr
    assert "is a folder" in run("build", ".").stderr


def test_configuration_is_that_of_the_nearest_pyproject(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "models").mkdir()
    (project / "deep" / "down").mkdir(parents=True)
    for name in ("one", "two"):
        spec(project / "models", name)
    (project / "pyproject.toml").write_text('[tool.symgrad]\nspecs = ["models/*.py"]\nout = "src/made"\n')
    monkeypatch.chdir(project / "deep" / "down")
    succeeds("build", "--no-verify", "--jobs", "1")
    assert sorted(contents(project / "src" / "made")) == ["one.py", "one.pyi", "two.py", "two.pyi"]
    succeeds("build", "--check", "--jobs", "1")
    (project / "models" / "two_spec.py").unlink()
    orphan = run("build", "--check")
    assert orphan.exit_code == 1
    assert f"orphan: {project / 'src' / 'made' / 'two.py'}\n" in orphan.stdout
    assert f"orphan: {project / 'src' / 'made' / 'two.pyi'}\n" in orphan.stdout


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('spec = ["a.py"]', "did you mean 'specs'?"),
        ('specs = "a.py"', "specs is not a list of patterns"),
        ("specs = []", "no specs"),
        ('specs = ["nowhere/*.py"]', "no spec matches 'nowhere/*.py'"),
        ('specs = ["/etc/*.py"]', "cannot read the pattern"),
        ("out = 3", "out is not a folder"),
        ("specs = [", "cannot read"),
    ],
)
def test_a_configuration_that_is_wrong(project: Path, table: str, message: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.symgrad]\n{table}\n")
    result = run("build")
    assert result.exit_code == 2
    assert message in result.stderr


def test_without_specs_and_configuration_it_is_the_gallery(project: Path) -> None:
    found = plan.plan(cwd=project)
    assert found.specs == plan.gallery()
    assert found.out == project / "generated"
    (project / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert plan.plan(cwd=project).specs == plan.gallery()


def test_json_is_one_document_whatever_a_spec_prints(project: Path) -> None:
    good = spec(project, "squares", SPEC.format(name="squares") + "print('hello from the spec')\n")
    document = json.loads(succeeds("build", good, "--json").stdout)
    (one,) = document["specs"]
    assert document["status"] == 0
    assert one["modules"][0]["name"] == "squares"
    assert one["modules"][0]["max_error"] < 1e-12
    assert sorted(Path(p).name for p in document["written"]) == ["squares.py", "squares.pyi"]
    broken = run("build", spec(project, "broken", "1 / 0\n"), "--json")
    assert broken.exit_code == 2
    assert json.loads(broken.stdout)["specs"][0]["error"]["what"] == "ZeroDivisionError: division by zero"
    (project / "generated" / "squares.pyi").unlink()
    check = run("build", "--check", good, "--json")
    assert check.exit_code == 1
    assert [d["kind"] for d in json.loads(check.stdout)["differences"]] == ["missing"]


def test_quiet_is_quiet_where_nothing_is_wrong(project: Path) -> None:
    path = spec(project, "squares")
    for arguments in (("build", path), ("build", "--check", path), ("verify", path)):
        assert succeeds(*arguments, "--quiet").output == ""


def test_grad_prints_a_module() -> None:
    source = succeeds("grad", "sin(cos(x))").stdout
    module: dict[str, Any] = {"__name__": "f"}
    exec(source, module)
    found = module["f_grad"]([1, 2, 3])
    np.testing.assert_allclose(found, [-0.7216062, -0.831692, -0.07743199], rtol=1e-6)
    assert source.endswith("\n")
    assert not source.endswith("\n\n")


def test_grad_by_some_of_the_symbols() -> None:
    module: dict[str, Any] = {"__name__": "f"}
    exec(succeeds("grad", "x*y*z", "--wrt", "x", "--wrt", "z", "--name", "volume").stdout, module)
    gradient = module["volume_grad"](2.0, 3.0, 5.0)
    assert (gradient.x, gradient.z) == (15.0, 6.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sin(x",), "'(' is never closed"),
        (('__import__("os").getpid()',), "no part of a formula"),
        (("3 + 4",), "no symbol to differentiate by"),
        (("sin(alpha)", "--wrt", "alpa"), "did you mean 'alpha'?"),
        (("sin(x)", "--name", "not a name"), "cannot be called 'not a name'"),
    ],
)
def test_grad_of_what_cannot_be(arguments: tuple[str, ...], message: str) -> None:
    result = run("grad", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_ops_prints_every_operation() -> None:
    lines = succeeds("ops").stdout.split("\n")
    for name in OPS:
        assert any(line.startswith(f"{name}(") for line in lines), name
    entries = json.loads(succeeds("ops", "--json").stdout)
    assert [entry["name"] for entry in entries] == list(OPS)
    for entry in entries:
        op = OPS[entry["name"]]
        if op.operands:
            assert entry["shapes"], op
            assert entry["numpy"], op
            assert entry["adjoint"], op
            assert entry["domain"], op
        for rule in entry["adjoint"].values():
            assert rule is None or rule.strip()


def test_ops_prints_one_operation_as_it_is_declared() -> None:
    assert succeeds("ops", "div").stdout == (
        "div(a, b)\n"
        "            Quotient.\n"
        "    called  np.divide\n"
        "    shape   operands broadcast\n"
        "    numpy   a / b\n"
        "    a_bar   += g / b\n"
        "    b_bar   += -times(g / b, y)\n"
        "    tested  a in [-2, 2], b in [0.5, 2]\n"
        "\n"
    )
    assert succeeds("ops", "numpy.sqrt").stdout.startswith("sqrt(x)\n")


def test_ops_of_a_name_that_nothing_has() -> None:
    result = run("ops", "sqtr")
    assert result.exit_code == 2
    assert "did you mean sqrt?" in result.stderr


def test_show_prints_the_graph(project: Path) -> None:
    path = spec(project, "squares")
    everything = succeeds("show", path).stdout
    assert everything.startswith("loss(X, y, w):\n")
    assert "\n\nloss_grad(X, y, w):\n" in everything
    one = succeeds("show", f"{path}:squares:loss_grad").stdout
    assert everything.endswith(one)
    result = run("show", f"{path}:squares:los")
    assert result.exit_code == 2
    assert "did you mean 'loss'?" in result.stderr
    succeeds("show", path, "-o", "graph.txt")
    assert (project / "graph.txt").read_text(encoding="utf-8") == everything


@pytest.mark.parametrize(
    "arguments", [(), ("biuld",), ("build", "--chekc"), ("build", "--jobs", "0"), ("grad",), ("show", "x.py")]
)
def test_wrong_usage(project: Path, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    if arguments == ("biuld",):
        assert "did you mean 'build'?" in result.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(project: Path) -> None:
    (project / "made").mkdir(mode=0o500)
    result = run("build", spec(project, "squares"), "--no-verify", "--out", "made")
    assert result.exit_code == 2
    assert "PermissionError" in result.stderr


def test_a_file_where_the_folder_should_be(project: Path) -> None:
    (project / "made").write_text("")
    result = run("build", spec(project, "squares"), "--no-verify", "--out", "made")
    assert result.exit_code == 2
    assert "Error" in result.stderr
    assert "Traceback" not in result.output


def shell(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "symgrad", *map(str, arguments)],
        capture_output=True, encoding="utf-8", env={**os.environ, **environment},
    )  # fmt: skip


def test_output_survives_an_encoding_that_lacks_its_characters(project: Path) -> None:
    path = spec(
        project, "greek", SPEC.format(name="greek").replace("Least squares.", "Least squares: ½ ‖α‖².")
    )
    plain = {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "",
        "PYTHONPATH": str(Path(sg.__file__).parents[1]),
    }
    built = shell("build", path, "--no-verify", **plain)
    assert built.returncode == 0, built.stderr
    made = (project / "generated" / "greek.py").read_bytes()
    assert "½ ‖α‖²".encode() in made
    assert b"\r" not in made
    printed = shell("grad", "sin(α)", **plain)
    assert printed.returncode == 0, printed.stderr
    assert "α" in printed.stdout  # a module is UTF-8 wherever it goes
    path.write_text("raise ValueError('α')\n", encoding="utf-8")
    failed = shell("build", path, **plain)
    assert failed.returncode == 2
    assert "\\u03b1" in failed.stderr


def test_colour_is_for_terminals_and_for_who_asks(project: Path) -> None:
    path = spec(project, "squares")
    forced = {
        "FORCE_COLOR": "1",
        "NO_COLOR": "",
        "TERM": "xterm",
        "PYTHONPATH": str(Path(sg.__file__).parents[1]),
    }
    assert "\x1b[" in shell("build", path, "--no-verify", **forced).stdout
    assert "\x1b[" not in shell("build", path, "--no-verify", "--no-color", **forced).stdout
    assert "\x1b[" not in succeeds("build", path, "--no-verify").stdout
