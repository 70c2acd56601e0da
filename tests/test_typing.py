"""Generated modules for type checkers, for readers of documentation, and for editors."""

from __future__ import annotations

import importlib
import inspect
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.docstrings import split_sections

GENERATED = Path(__file__).parent.parent / "generated"

USE = """
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from two_layer_network import LossGradient, loss, loss_value_and_grad
from worked_trace import y_value_and_grad


Matrix = NDArray[np.float64]


def step(X: Matrix, y: NDArray[np.int64], W1: Matrix, W2: Matrix) -> float:
    value, gradient = loss_value_and_grad(X, y, W1, W2)
    taken: LossGradient = gradient
    W1 -= 0.1 * gradient.W1
    W2 -= 0.1 * taken.W2
    if gradient.W1.shape != W1.shape:
        raise ValueError
    return float(value) + float(loss([[1.0]], [0], [[1.0]], [[1.0]]))


def both() -> NDArray[np.floating[Any]]:
    value, slopes = y_value_and_grad([1.0, 2.0], 3)
    return value + slopes.x1
"""
WRONG = """
from two_layer_network import LossGradient, loss_value_and_grad

loss_value_and_grad(None, [0], 1.0)
LossGradient(1, 2).W3
"""
#: Enough to have records, several outputs, elementwise functions, loops over tiles and helpers.
CHECKED = ("two_layer_network", "worked_trace", "options", "logistic_regression")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in CHECKED:
        for suffix in (".py", ".pyi"):
            shutil.copy(GENERATED / f"{name}{suffix}", tmp_path)
    (tmp_path / "use.py").write_text(USE)
    (tmp_path / "wrong.py").write_text(WRONG)
    return tmp_path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of numpy, learnt once."""
    pytest.importorskip("mypy")
    return tmp_path_factory.mktemp("mypy")


def errors(cache: Path, folder: Path, *arguments: str) -> list[str]:
    strict = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}"]
    done = subprocess.run([*strict, *arguments], cwd=folder, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def only_what_is_wrong(found: list[str]) -> None:
    assert {line.partition(":")[0] for line in found} == {"wrong.py"}, found
    for text in ("None", "Missing positional argument", '"W3"'):
        assert any(text in line for line in found), (text, found)


@pytest.mark.slow
def test_mypy_accepts_modules_stubs_and_their_use(folder: Path, cache: Path) -> None:
    only_what_is_wrong(errors(cache, folder, "."))
    assert errors(cache, folder, *(f"{name}.py" for name in CHECKED)) == []
    # The hints in the modules say what the stubs say.
    for path in folder.glob("*.pyi"):
        path.unlink()
    only_what_is_wrong(errors(cache, folder, "."))


@pytest.mark.slow
def test_stubs_are_those_of_their_modules(folder: Path) -> None:
    pytest.importorskip("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", *CHECKED],
        cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_pyright_accepts_modules_stubs_and_their_use(folder: Path) -> None:
    command = shutil.which("pyright")
    if command is None:
        pytest.skip("pyright is not here")
    arguments = [command, "--pythonpath", sys.executable, "."]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if " - error: " in line]
    assert found
    assert all("wrong.py" in line for line in found), done.stdout
    assert any("W3" in line for line in found)


def test_the_package_itself_is_typed() -> None:
    assert (Path(sg.__file__).parent / "py.typed").is_file()


# --- docstrings -------------------------------------------------------------------------------------


@pytest.fixture
def documented(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Everything that the gallery's modules export, by its full name."""
    pytest.importorskip("numpydoc")
    monkeypatch.syspath_prepend(GENERATED)
    modules = [importlib.import_module(path.stem) for path in sorted(GENERATED.glob("*.py"))]
    return {f"{m.__name__}.{name}": getattr(m, name) for m in modules for name in m.__all__}


#: What numpydoc looks for and a generated docstring has only where its author wrote it: examples, further
#: text, descriptions; and rules about how a sentence begins, and that a single result has no name.
UNKNOWN = {"EX01", "SA01", "ES01", "PR07", "RT02", "RT03", "SS02", "SS05", "SS06"}


def test_docstrings_are_as_numpydoc_wants_them(documented: dict[str, Any]) -> None:
    from numpydoc.docscrape import FunctionDoc
    from numpydoc.validate import validate

    for title, thing in documented.items():
        # The parameters of a NamedTuple are its fields, and those its attributes.
        known = UNKNOWN if inspect.isfunction(thing) else {*UNKNOWN, "PR01"}
        found = [error for error in validate(title)["errors"] if error[0] not in known]
        assert not found, (title, found)
        if inspect.isfunction(thing):
            doc = FunctionDoc(thing)
            assert [p.name for p in doc["Parameters"]] == list(inspect.signature(thing).parameters), title
            assert doc["Returns"], title


PUBLIC = (
    "trace", "array", "from_sympy", "to_sympy", "parse", "grad", "value_and_grad", "vjp", "jvp", "jacobian",
    "hessian", "hvp", "vmap", "flatten", "simplify", "compile", "testing.check",
)  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_what_users_call_documents_its_parameters(name: str) -> None:
    pytest.importorskip("numpydoc")
    from numpydoc.validate import validate

    found = [code for code, _ in validate(f"symgrad.{name}")["errors"]]
    assert not {"PR01", "PR02", "PR03", "RT01", "GL08"} & set(found), found


#: Roles and directives of Sphinx, which docutils alone lacks; and `|w|`, which authors write for a norm.
NOT_MINE = ("Unknown interpreted text role", "Unknown directive", "substitution_reference")


def test_docstrings_are_restructured_text(documented: dict[str, Any]) -> None:
    import docutils.core
    from numpydoc.docscrape_sphinx import SphinxClassDoc, SphinxFunctionDoc

    for title, thing in documented.items():
        kind = SphinxFunctionDoc if inspect.isfunction(thing) else SphinxClassDoc
        text = str(kind(thing, config={"show_class_members": False}))
        stream = io.StringIO()
        docutils.core.publish_doctree(text, settings_overrides={"report_level": 2, "warning_stream": stream})
        warnings = [line for line in stream.getvalue().splitlines() if "(WARNING" in line or "(ERROR" in line]
        warnings = [line for line in warnings if not any(known in line for known in NOT_MINE)]
        assert not warnings, (title, warnings, text)


SECTIONS = """Loss of a model.

It is a mean.

Parameters
----------
X : array_like, shape (n, d)
    The design matrix,
    one row a sample.
y, w : array_like
    Vectors.
b

Returns
-------
float
    The loss.

Notes
-----
See the book.
"""


def test_sections_of_a_docstring() -> None:
    text, described = split_sections(SECTIONS)
    assert text == "Loss of a model.\n\nIt is a mean.\n\n\nSee the book."
    assert described == {"X": "The design matrix, one row a sample.", "y": "Vectors.", "w": "Vectors."}
    assert split_sections("Short.") == ("Short.", {})
    assert split_sections("") == ("", {})


def test_what_a_user_says_of_parameters_is_in_every_derivative() -> None:
    def loss(X: Any, y: Any, w: Any, b: Any) -> Any:
        return np.mean((X @ w + b - y) ** 2)

    loss.__doc__ = SECTIONS
    f = sg.trace(loss, X="n d", y="n", w="d", b="")
    source = sg.Module("m", {"loss": f, "loss_grad": sg.grad(f, wrt="w")}).source()
    assert (
        source.count("    X : array_like, shape (n, d)\n        The design matrix, one row a sample.\n") == 2
    )
    assert source.count("    Returns\n    -------\n") == 2
    assert "See the book." in source
    assert "float\n        The loss." not in source


def test_the_type_named_in_a_docstring_is_the_type_returned() -> None:
    f = sg.trace(lambda w, b: np.sum(w**2) * b**3, w="n", b="", name="loss")
    both = sg.Module("m", {"g": sg.grad(f), "h": sg.hessian(f)})
    source = both.source()
    module = both.load()
    name = type(module.h(np.ones(2), 1.0)).__name__
    assert f"hessian : {name}\n        - w : " in source
    assert f") -> {name}:" in source.replace("def h(w: ArrayLike, b: ArrayLike", "")
