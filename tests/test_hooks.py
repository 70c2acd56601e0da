"""Sample projects that generate when they are built: wheels, source distributions, editable installs."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from installing import CHECKOUT, Environment, command, copy_of_checkout, environment

pytestmark = pytest.mark.slow

HATCH = """
[build-system]
requires = ["hatchling", "symgrad"]
build-backend = "hatchling.build"

[tool.hatch.build.hooks.symgrad]
"""
SETUPTOOLS = """
[build-system]
requires = ["setuptools>=64", "symgrad"]
build-backend = "setuptools.build_meta"
"""
PROJECT = """
[project]
name = "sample"
version = "1.0"
dependencies = ["numpy"]

[tool.symgrad]
specs = ["models/*.py"]
out = "src/sample/generated"
"""
SPEC = '''
import numpy as np
import symgrad as sg
from _shared import square


def loss(X, y, w):
    """Half the mean squared residual."""
    return np.mean(square(X @ w - y)) / 2


f = sg.trace(loss, X="n d", y="n", w="d")
squares = sg.Module("squares", {"loss": f, "loss_value_and_grad": sg.value_and_grad(f, wrt=("w",))})
'''
BACKENDS = {"hatchling": HATCH, "setuptools": SETUPTOOLS}

#: Runs where neither symgrad nor sympy is.
USE = """
import importlib.util, sys
for name in ("symgrad", "sympy", "jinja2", "click"):
    assert importlib.util.find_spec(name) is None, name
import numpy as np
from sample import fit
from sample.generated import squares
value, gradient = squares.loss_value_and_grad(np.eye(2), [1.0, 2.0], [3.0, 5.0])
assert value == 3.25 and gradient.w.tolist() == [1.0, 1.5], (value, gradient)
assert fit.slope() == [1.0, 1.5]
print(squares.__file__)
"""
FIT = """
import numpy as np

from sample.generated.squares import loss_value_and_grad


def slope():
    return loss_value_and_grad(np.eye(2), [1.0, 2.0], [3.0, 5.0])[1].w.tolist()
"""


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment in which the wheel of symgrad is installed, and what builds wheels is."""
    if not (CHECKOUT / "pyproject.toml").is_file():
        pytest.skip("not run from a checkout")
    for tool in ("pip", "build", "hatchling"):
        pytest.importorskip(tool)
    folder = tmp_path_factory.mktemp("builder")
    made = environment(folder / "venv", borrow=True)
    (folder / "checkout").mkdir()
    made.pip("install", "--force-reinstall", copy_of_checkout(folder / "checkout"), cwd=folder)
    return made


def project(folder: Path, backend: str, verify: bool = True) -> Path:
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "squares.py").write_text(SPEC)
    (folder / "models" / "_shared.py").write_text("def square(x):\n    return x * x\n")
    (folder / "src" / "sample").mkdir(parents=True)
    (folder / "src" / "sample" / "__init__.py").write_text("")
    (folder / "src" / "sample" / "fit.py").write_text(FIT)
    settings = PROJECT if verify else PROJECT + "verify = false\n"
    (folder / "pyproject.toml").write_text(settings + BACKENDS[backend])
    (folder / ".git").mkdir()  # hatchling reads .gitignore in a repository's folder
    (folder / ".gitignore").write_text("generated/\n")
    return folder


def build(builder: Environment, folder: Path, *kinds: str, fails: bool = False) -> str:
    cache = folder.parent / "cache"
    return command(
        builder.python, "-m", "build", "--no-isolation", *kinds, "--outdir", folder.parent / "dist", folder,
        cwd=folder.parent, fails=fails, SYMGRAD_CACHE_DIR=str(cache),
    )  # fmt: skip


def use(wheel: Path, folder: Path) -> Path:
    """Install a wheel where only numpy is, and call what it holds; return where the module lies."""
    bare = environment(folder / "bare", borrow=False)
    bare.pip("install", wheel, cwd=folder)
    return Path(command(bare.python, "-c", USE, cwd=folder).strip())


@pytest.mark.parametrize(
    ("backend", "kinds"), [("hatchling", ("--wheel",)), ("hatchling", ()), ("setuptools", ())]
)
def test_a_wheel_holds_what_was_generated_and_runs_on_numpy_alone(
    builder: Environment, backend: str, kinds: tuple[str, ...], tmp_path: Path
) -> None:
    build(builder, project(tmp_path / "sample", backend), *kinds)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    held_by_wheel = zipfile.ZipFile(wheel)
    names = held_by_wheel.namelist()
    assert len(names) == len(set(names))
    modules = [name for name in names if ".dist-info/" not in name]
    assert sorted(modules) == [
        "sample/__init__.py", "sample/fit.py", "sample/generated/squares.py", "sample/generated/squares.pyi",
    ]  # fmt: skip
    metadata = held_by_wheel.read("sample-1.0.dist-info/METADATA").decode()
    assert [line for line in metadata.splitlines() if line.startswith("Requires-Dist")] == [
        "Requires-Dist: numpy"
    ]
    assert use(wheel, tmp_path).parent.parent.parent.name == "site-packages"
    if not kinds:
        (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            held = {name.partition("/")[2] for name in archive.getnames()}
        assert {"models/squares.py", "models/_shared.py", "src/sample/generated/squares.py"} <= held


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_editable_install_finds_modules_where_they_are_generated(
    builder: Environment, backend: str, tmp_path: Path
) -> None:
    folder = project(tmp_path / "sample", backend, verify=False)
    script = (
        "import build, sys\n"
        "made = build.ProjectBuilder(sys.argv[1]).build('editable', sys.argv[2])\n"
        "print('made', made)\n"
    )
    printed = command(builder.python, "-c", script, folder, tmp_path, cwd=tmp_path)
    wheel = Path(printed.rpartition("made ")[2].strip())
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("squares.py")]
    assert use(wheel, tmp_path) == folder / "src" / "sample" / "generated" / "squares.py"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_package_of_generated_modules_alone(builder: Environment, backend: str, tmp_path: Path) -> None:
    folder = project(tmp_path / "sample", backend)
    shutil.rmtree(folder / "src")
    (folder / "pyproject.toml").write_text(
        PROJECT.replace("src/sample/generated", "src/sample") + "verify = false\n" + BACKENDS[backend]
    )
    build(builder, folder, "--wheel")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert sorted(names) == ["sample/squares.py", "sample/squares.pyi"]


@pytest.mark.parametrize(
    ("backend", "wrong"),
    [
        ("hatchling", "spec"),
        ("hatchling", "verification"),
        ("setuptools", "spec"),
        ("setuptools", "verification"),
        ("setuptools", "out"),
    ],
)
def test_a_project_that_cannot_be_generated_is_not_built(
    builder: Environment, backend: str, wrong: str, tmp_path: Path
) -> None:
    folder = project(tmp_path / "sample", backend)
    spec = folder / "models" / "squares.py"
    if wrong == "spec":
        spec.write_text(SPEC + "\n1 / 0\n")
        expected = ("ZeroDivisionError: division by zero", f"squares.py:{len(SPEC.splitlines()) + 2}")
    elif wrong == "out":
        (folder / "pyproject.toml").write_text(PROJECT.replace("src/", "../elsewhere/") + BACKENDS[backend])
        expected = ("generated modules would lie outside the project",)
    else:
        spec.write_text(
            SPEC.replace("sg.Module(", "Wrong(").replace(
                "\n\ndef",
                "\n\nclass Wrong(sg.Module):\n    def source(self):\n"
                '        return super().source().replace("X.T @", "2 * X.T @")\n\n\ndef',
                1,
            )
        )
        expected = ("loss_value_and_grad", "a wrong value")
    printed = build(builder, folder, "--wheel", fails=True)
    for text in expected:
        assert text in printed
    assert not list((tmp_path / "dist").glob("*.whl"))
    assert not (folder / "src" / "sample" / "generated").exists()


def test_a_hook_without_specs_says_what_it_wants(builder: Environment, tmp_path: Path) -> None:
    folder = project(tmp_path / "sample", "hatchling")
    (folder / "pyproject.toml").write_text(PROJECT.partition("[tool.symgrad]")[0] + HATCH)
    printed = build(builder, folder, "--wheel", fails=True)
    assert "symgrad: no specs" in printed
    assert "[tool.symgrad]" in printed
    (folder / "pyproject.toml").write_text(
        PROJECT.partition("[tool.symgrad]")[0]
        + HATCH
        + 'specs = ["models/*.py"]\nout = "src/sample/generated"\nverify = false\n'
    )
    build(builder, folder, "--wheel")


def test_setuptools_leaves_projects_without_specs_alone(builder: Environment, tmp_path: Path) -> None:
    folder = project(tmp_path / "sample", "setuptools")
    (folder / "pyproject.toml").write_text(PROJECT.partition("[tool.symgrad]")[0] + SETUPTOOLS)
    (folder / "src" / "sample" / "fit.py").unlink()
    build(builder, folder, "--wheel")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "generated" in name]
