"""The README's code runs, and the generated code that it shows is what is generated."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


def run(block: str) -> tuple[dict, str]:
    scope: dict = {"__name__": "readme"}
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block, "README.md", "exec"), scope)
    return scope, out.getvalue()


def test_the_module_shown_is_the_module_generated():
    spec, shown, *_ = BLOCKS
    scope, _ = run(spec)
    assert shown in scope["logistic"].source()


def test_the_hessian_shown_is_one_that_is_generated():
    shown = next(block for block in re.findall(r"```py\n(.*?)```", README, re.S) if "chain_hessian" in block)
    module = Path(__file__).parent.parent / "generated" / "rosenbrock.py"
    assert shown in module.read_text(encoding="utf-8")


def test_the_loop_shown_is_what_its_block_prints():
    (block,) = [block for block in BLOCKS if "sg.scan" in block]
    shown = next(block for block in re.findall(r"```py\n(.*?)```", README, re.S) if "a_bars" in block)
    _, printed = run(block)
    assert shown in printed


def test_the_other_blocks_run_and_print_what_they_say():
    for block in BLOCKS[2:]:
        _, printed = run(block)
        said = re.search(r"evaluates: (\[.*\])", block)
        if said:
            assert printed.strip() == said.group(1)
