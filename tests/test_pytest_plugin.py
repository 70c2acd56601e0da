"""`pytest --symgrad`, its fixture, and sg.testing.check."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from importlib import metadata
from pathlib import Path

import mpmath  # noqa: F401
import numpy as np
import pytest
import sympy  # noqa: F401  (what an inner pytest imports first is forgotten with it, and imported again by the next)

import symgrad as sg
import symgrad.testing
from symgrad.errors import SpecError, VerificationError
from symgrad.verify.blame import blamed

SPEC = """
import numpy as np
import symgrad as sg

def loss(x, w, b):
    z = x * w + b
    return np.mean(z**2)

f = sg.trace(loss, x="n", w="", b="")
squares = sg.Module("squares", {
    "loss": f,
    "loss_grad": sg.grad(f, wrt="w"),
    "loss_value_and_grad": sg.value_and_grad(f, wrt=("w", "b")),
    "loss_jvp": sg.jvp(f, wrt=("w", "b")),
})
"""
ITEMS = [
    "loss", "loss_grad[w]", "loss_value_and_grad[w]", "loss_value_and_grad[b]", "loss_jvp[w,b]",
]  # fmt: skip

#: The plugin is there by itself where symgrad is installed, and has to be named where it is only on the path.
INSTALLED = any(entry.value == "symgrad.pytest_plugin" for entry in metadata.entry_points(group="pytest11"))


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # pytest repeats whole failures in its summary where it takes itself to run in continuous integration.
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    (pytester.path / "models").mkdir()
    (pytester.path / "models" / "squares_spec.py").write_text(SPEC)
    (pytester.path / "pyproject.toml").write_text('[tool.symgrad]\nspecs = ["models/*.py"]\nout = "made"\n')
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "test_other.py").write_text("def test_other():\n    pass\n")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    named = () if INSTALLED else ("-p", "symgrad.pytest_plugin")
    # Without hypothesis, which each inner run would import anew.
    others = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    return project.runpytest_inprocess(*named, *others, *arguments)


def build(project: pytest.Pytester, replace: tuple[str, str] = ("", "")) -> Path:
    from symgrad.building.specs import load

    (module,) = load(project.path / "models" / "squares_spec.py")
    path = module.write(project.path / "made")
    text = path.read_text()
    assert replace[0] in text
    path.write_text(text.replace(*replace))
    return path


def test_one_item_a_function_and_wrt(project: pytest.Pytester) -> None:
    build(project)
    result = run(project, "--symgrad", "--collect-only", "-q")
    listed = [line for line in result.outlines if "squares" in line]
    assert listed == [f"models/squares_spec.py::squares::{item}" for item in ITEMS]
    assert "tests/test_other.py::test_other" in result.outlines
    spec = project.path / "models" / "squares_spec.py"
    spec.write_text(SPEC.replace("})", '    "curvature": sg.hessian(f, wrt=("w", "b")),\n})'))
    result = run(project, "--symgrad", "--collect-only", "-q", "-k", "curvature")
    assert [line.partition("::")[2] for line in result.outlines if "::" in line] == [
        "squares::curvature[w]",
        "squares::curvature[b]",
    ]


def test_what_agrees_passes(project: pytest.Pytester) -> None:
    build(project)
    result = run(project, "--symgrad", "-v")
    result.assert_outcomes(passed=1 + len(ITEMS))
    result.stdout.fnmatch_lines([f"symgrad: 1 specs, modules in {project.path / 'made'}"])


def test_without_the_option_nothing_is_collected(project: pytest.Pytester) -> None:
    run(project).assert_outcomes(passed=1)


def test_a_failure_tells_all(project: pytest.Pytester) -> None:
    path = build(project, ("w_bar = (z_bar * x)", "w_bar = (1.25 * z_bar * x)"))
    lines = path.read_text().splitlines()
    number = max(i for i, line in enumerate(lines, 1) if "w_bar = (1.25" in line)
    result = run(project, "--symgrad", "-k", "loss_value_and_grad")
    result.assert_outcomes(passed=1, failed=1)
    shown = result.stdout.str()
    assert "FAILED models/squares_spec.py::squares::loss_value_and_grad[w]" in shown
    assert "loss_value_and_grad (wrt w, b): a wrong value" in shown
    assert "where:    result[1].w at point 'random 1 (plain)', float64" in shown
    assert f"made by:  {path}:{number}\n      w_bar = (1.25 * z_bar * x).sum()" in shown
    digits = [
        line.split()[1] for line in shown.splitlines() if line.strip().startswith(("expected:", "got:"))
    ]
    assert len(digits) == 2
    assert float(digits[1]) == pytest.approx(1.25 * float(digits[0]), rel=1e-14)
    assert len(digits[0]) > 18
    assert "      x = [" in shown
    assert "Traceback" not in shown


def test_modules_that_are_missing_or_old_fail(project: pytest.Pytester) -> None:
    result = run(project, "--symgrad")
    result.assert_outcomes(passed=1, failed=len(ITEMS))
    assert "squares.py is missing" in result.stdout.str()
    build(project, ("def loss_grad(", "def old_name("))
    result = run(project, "--symgrad", "-k", "loss_grad")
    result.assert_outcomes(failed=1)
    assert "has no function 'loss_grad'" in result.stdout.str()


def test_a_spec_that_does_not_load_is_an_error(project: pytest.Pytester) -> None:
    (project.path / "models" / "squares_spec.py").write_text("1 / 0\n")
    result = run(project, "--symgrad")
    assert result.ret != 0
    assert "SpecError: ZeroDivisionError: division by zero" in result.stdout.str()
    assert "squares_spec.py:1" in result.stdout.str()


def test_items_are_chosen_as_others_are(project: pytest.Pytester) -> None:
    build(project)
    name = "models/squares_spec.py::squares::loss_grad[w]"
    run(project, "--symgrad", name).assert_outcomes(passed=1)
    for arguments, count in ((["models"], 5), (["tests/test_other.py"], 6), (["-k", "value_and"], 2)):
        result = run(project, "--symgrad", "--collect-only", "-q", *arguments)
        assert len([line for line in result.outlines if "::" in line]) == count


def test_specs_can_be_named(project: pytest.Pytester) -> None:
    build(project)
    (project.path / "pyproject.toml").write_text("")
    result = run(project, "--symgrad")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no specs" in result.stderr.str()
    named = ("--symgrad-spec", "models/squares_spec.py", "--symgrad-out", "made")
    run(project, "--symgrad", *named, "-k", "loss_grad").assert_outcomes(passed=1)
    wrong = run(project, "--symgrad", "--symgrad-spec", "models/square_spec.py")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    assert "squares_spec.py?" in wrong.stderr.str()


def test_figures_are_in_the_reports_of_pytest(project: pytest.Pytester) -> None:
    build(project)
    (project.path / "tests" / "test_own.py").write_text(
        "import numpy as np, symgrad as sg\n"
        "def test_own(symgrad_verify):\n"
        "    f = sg.trace(lambda x: np.sum(np.sin(x)), x='n')\n"
        "    (report,) = symgrad_verify(sg.grad(f, 'x'), np.cos)\n"
        "    assert report.ok\n"
    )
    done = run(project, "--symgrad", "--junitxml=report.xml", "-k", "value_and or own")
    done.assert_outcomes(passed=3)
    cases = {
        case.get("name"): case for case in ElementTree.parse(project.path / "report.xml").iter("testcase")
    }
    for name in ("loss_value_and_grad[b]", "test_own"):
        figures = {p.get("name"): float(p.get("value", "nan")) for p in cases[name].iter("property")}
        assert figures["max_error"] < 1e-12
        assert figures["compared"] > 10


# --- sg.testing -------------------------------------------------------------------------------------


def test_check_verifies_a_python_function_what_is_generated_and_its_pullback() -> None:
    reports = sg.testing.check(lambda x, y: np.sum(np.tanh(x) * y), x="n", y="n")
    assert [report.function for report in reports] == ["f", "f", "f_vjp"]
    assert all(report.ok and report.max_error < 1e-13 for report in reports)
    f = sg.trace(lambda x: np.sum(x > 0), x="n")
    assert len(sg.testing.check(f)) == 1  # no derivative
    assert len(sg.testing.check(sg.grad(sg.parse("x**3"), "x"))) == 1


def test_check_finds_what_tracing_does_not_see() -> None:
    calls = []

    def fickle(x):
        calls.append(0)
        return np.sum(x) * len(calls)

    with pytest.raises(VerificationError, match="a wrong value"):
        sg.testing.check(fickle, x="n")


def test_check_of_an_implementation_of_ones_own() -> None:
    f = sg.trace(lambda X, w: np.sum((X @ w) ** 2), X="n d", w="d")
    (report,) = sg.testing.check(sg.grad(f, "w"), lambda X, w: 2 * X.T @ (X @ w))
    assert report.ok
    with pytest.raises(VerificationError) as caught:
        sg.testing.check(sg.grad(f, "w"), lambda X, w: 2 * X.T @ (X @ w) + 1e-9)
    assert "element (0,) of result at point" in str(caught.value)
    assert "w = [" in str(caught.value)


def test_check_refuses_what_it_cannot_check() -> None:
    with pytest.raises(SpecError, match="needs a function"):
        sg.testing.check(3)
    with pytest.raises(SpecError, match="traced already"):
        sg.testing.check(sg.parse("x"), x="n")


# --- the line that made it --------------------------------------------------------------------------

TEXT = '''
class Pair(NamedTuple):
    """Two."""

    a: int
    b_: int


def f(x, out):
    y = x + 1
    z, w = g(y)
    np.add(y, z, out=y)
    w[0] = (
        3
    )
    for i in range(3):
        z = z * i
    if x:
        return x
    return dtype(y), Pair(z.copy(), b_=np.asarray(w)), {"k": x * 2, "l": x}
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((0,), (12, "np.add(y, z, out=y)")),
        ((1, "a"), (17, "z = z * i")),
        ((1, "b"), (13, "w[0] = (\n    3\n)")),
        ((2, "k"), (20, 'return dtype(y), Pair(z.copy(), b_=np.asarray(w)), {"k": x * 2, "l": x}')),
        ((5,), (20, 'return dtype(y), Pair(z.copy(), b_=np.asarray(w)), {"k": x * 2, "l": x}')),
    ],
)
def test_the_line_that_made_an_element(path: tuple[int | str, ...], line: tuple[int, str]) -> None:
    found = blamed(TEXT, "f", path)
    assert found is not None
    assert (found.number, found.text) == line


def test_a_line_in_the_function_of_one_tile() -> None:
    text = (
        "def f(x):\n    if n < step:\n        a, b = _f_rows(x)\n    else:\n"
        "        a, b = _over_tiles(lambda i, j: _f_rows(x[i:j]), n, step)\n    return a, T(b)\n\n\n"
        "def _f_rows(x):\n    a = x.sum()\n    b = (x * x).sum()\n    return a, b\n\n\n"
        "def _over_tiles(rows, n, step):\n    parts = rows(0, n)\n    return tuple(parts)\n"
    )
    found = blamed(text, "f", (0,))
    assert found is not None
    assert (found.number, found.text) == (10, "a = x.sum()")


def test_no_line_where_there_is_none() -> None:
    assert blamed("def f(:", "f", ()) is None
    assert blamed("x = 1", "f", ()) is None
    assert blamed("def f():\n    pass\n", "f", ()) is None
