"""The texts of errors, exactly: what, where, expected, got, what to try.

Cases are data, in `tests/errors/`: a title, a few lines that fail, and the text that they must fail with.
After a deliberate change `pytest tests/test_errors.py --update` writes the new texts; read the difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import symgrad as sg
from symgrad.commands.main import cli

FOLDER = Path(__file__).parent / "errors"


@dataclass(frozen=True)
class Case:
    """One case of a file."""

    file: Path
    title: str
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.stem}-{self.title}"


def cases(name: str) -> list[Case]:
    path = FOLDER / name
    found = []
    for block in re.split(r"^### ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        title, _, rest = block.partition("\n")
        code, _, text = rest.partition("\n---\n")
        found.append(Case(path, title.strip(), code.strip("\n"), text.strip("\n")))
    return found


def compare(case: Case, text: str, update: bool) -> None:
    if update and text != case.text:
        whole = case.file.read_text(encoding="utf-8")
        old = f"### {case.title}\n{case.code}\n---\n{case.text}\n"
        assert whole.count(old) == 1, f"write the case as a block of its own: {old}"
        case.file.write_text(
            whole.replace(old, f"### {case.title}\n{case.code}\n---\n{text}\n"), encoding="utf-8"
        )
        return
    assert text == case.text


def told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("case", cases("library.txt") + cases("generated.txt"), ids=str)
def test_errors_of_the_library(case: Case, update: bool) -> None:
    with pytest.raises(Exception) as caught:
        exec(compile(case.code, "case.py", "exec"), {"sg": sg, "np": np})
    compare(case, told(caught.value), update)


@pytest.mark.parametrize("case", cases("specs.txt"), ids=str)
def test_errors_of_specs(case: Case, update: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.py").write_text(case.code + "\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["build", "spec.py", "--no-verify", "--quiet"], prog_name="symgrad")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    compare(case, result.stderr.replace(f"{tmp_path}/", "").replace(str(tmp_path), ".").strip("\n"), update)


@pytest.mark.parametrize("case", cases("commands.txt"), ids=str)
def test_errors_of_the_command_line(
    case: Case, update: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first lines may write a pyproject.toml; the last one, after `$`, is the command."""
    monkeypatch.chdir(tmp_path)
    table, _, command = case.code.rpartition("$ symgrad")
    if table.strip():
        (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    import shlex

    result = CliRunner().invoke(cli, shlex.split(command), prog_name="symgrad")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    compare(case, result.stderr.replace(f"{tmp_path}/", "").replace(str(tmp_path), ".").strip("\n"), update)


def test_every_class_of_errors_is_held() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.txt"))
    for kind in ("ShapeError", "TraceError", "NotDifferentiableError", "SpecError", "VerificationError"):
        assert f"\n{kind}: " in texts
