"""The documentation: every block of Python in it runs and prints what it says; every page is there."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

import symgrad as sg

PAGES = Path(sg.__file__).parent / "docs" / "pages"
#: A block of Python, and what it prints where a block of text follows at once.
BLOCK = re.compile(r"```python[^\n]*\n(?P<code>.*?)```\n(?:\n```text\n(?P<printed>.*?)```)?", re.S)

pages = sorted(path for path in PAGES.rglob("*.md") if "```python" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", pages, ids=lambda page: page.stem)
def test_blocks_run_and_print_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    scope: dict = {"__name__": "page"}
    for match in BLOCK.finditer(text):
        line = text[: match.start()].count("\n") + 2
        code = "\n" * (line - 1) + match["code"]
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, page.name, "exec"), scope)
        printed = match["printed"]
        if printed is not None:
            assert out.getvalue().strip() == printed.strip(), f"{page.name}:{line}"
        else:
            assert not out.getvalue(), f"{page.name}:{line} prints, and nothing says what"


def test_every_page_is_in_the_contents_and_every_entry_is_a_page():
    listed = set(re.findall(r"\S+\.md\b", (PAGES.parent / "mkdocs.yml").read_text(encoding="utf-8")))
    assert listed == {str(path.relative_to(PAGES)) for path in PAGES.rglob("*.md")}


def test_links_between_pages_lead_somewhere():
    for page in PAGES.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            assert path.exists() or path.parent.name == "graphs", f"{page.name}: {target}"


def test_what_the_reference_names_exists():
    import importlib

    for page in (PAGES / "reference").glob("*.md"):
        for name in re.findall(r"^::: (\S+)", page.read_text(encoding="utf-8"), re.M):
            module, _, attribute = name.rpartition(".")
            try:
                found = getattr(importlib.import_module(module), attribute)
            except AttributeError:
                found = importlib.import_module(name)
            assert found.__doc__, name


def test_every_public_function_is_in_the_reference():
    text = "\n".join(path.read_text(encoding="utf-8") for path in (PAGES / "reference").glob("*.md"))
    for name in ("trace", "array", "from_sympy", "to_sympy", "parse", "custom", "as_written", "grad", "vjp",
                 "value_and_grad", "jvp", "hvp", "jacobian", "hessian", "vmap", "scan", "Module", "compile",
                 "flatten", "simplify"):  # fmt: skip
        assert re.search(rf"^::: \S+\.{name}$", text, re.M), name


def test_what_pages_take_from_the_program():
    from symgrad.docs.fill import commands, models, operations

    assert "## symgrad build" in commands() and "--check" in commands()
    assert "| `tanh(x)`" in operations() or "`tanh" in operations()
    text = models(PAGES / "gallery")
    assert text.count("## ") >= 18 and text.count("](gallery/") >= 12


def test_every_picture_of_the_gallery_is_there_and_of_a_model():
    pytest.importorskip("matplotlib")
    from symgrad.building.plan import gallery
    from symgrad.building.specs import load
    from symgrad.docs.fill import SEVERAL
    from symgrad.docs.pictures import __main__ as pictures

    drawn = {path.stem for path in (PAGES / "gallery").glob("*.png")}
    assert drawn == set(pictures.PICTURES)
    models = {module.name for path in gallery() for module in load(path)}
    assert drawn <= models | set(SEVERAL)
    assert len(drawn) >= 20
