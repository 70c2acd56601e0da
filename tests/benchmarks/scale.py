"""How generation scales: time a node and memory from 1e3 to 1e6 nodes, and large formulas beside other tools.

`python -m tests.benchmarks.scale` prints three tables; each measurement is a process of its own, so that its
peak of memory is that of one function alone. Times are of the processor. casadi and sympy come with the extra
`bench`; a tool that is not there is left out.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from .scalar_formulas import COUNTS, FORMULAS

#: Sizes of the scaling table, in links of the chain: 43 nodes each once it is differentiated.
LINKS = (25, 250, 2_500, 25_000)
#: The size at which the chain is compared with casadi, and that at which it is with sympy.
LARGE, SMALL = 10_000, 40


def chain(n: int, q: Any, cos: Callable[[Any], Any], sin: Callable[[Any], Any]) -> Any:
    """Energy of a chain of n coupled links, 41 operations each with the gradient."""
    x = y = energy = 0
    for i in range(n):
        x = x + cos(q[i] * (1 + i) / n) * q[i - 1]
        y = y + sin(q[i]) * x
        energy = energy + (x - i) ** 2 + y**2 / (1 + x**2)
    return energy


class Clock:
    """Processor time of one stage after the other."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.process_time()

    def stage(self, name: str) -> None:
        """The time since the stage before."""
        now = time.process_time()
        self.stages[name] = now - self._last
        self._last = now


def peak() -> int:
    """Peak memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def of_symgrad(n: int) -> dict[str, Any]:
    """Trace, differentiate, rewrite and emit value and gradient of the chain; compile and run the text."""
    import symgrad as sg
    from symgrad.cost import cost
    from symgrad.module import execute

    warm = sg.trace(lambda q: chain(3, q, np.cos, np.sin), q="3")
    sg.Module("warm", {"f": sg.value_and_grad(warm, "q")}).source()  # tables and templates are read once
    before = peak()
    clock = Clock()
    f = sg.trace(lambda q: chain(n, q, np.cos, np.sin), name="chain", q=str(n))
    clock.stage("trace")
    g = sg.value_and_grad(f, "q")
    clock.stage("differentiate")
    module = sg.Module("chain", {"chain": g})
    prepared = module.prepared["chain"]
    clock.stage("rewrite")
    source = module.source()
    clock.stage("emit")
    made = peak()
    run = execute("chain", source).chain
    clock.stage("compile")
    value, gradient = run(np.linspace(0, 1, n))
    return {
        "stages": clock.stages, "nodes": len(g.nodes()), "operations": cost(prepared).operations,
        "memory": made - before, "text": len(source), "value": float(value), "norm": math.hypot(*gradient),
    }  # fmt: skip


def of_casadi(n: int) -> dict[str, Any]:
    """The same by casadi: expressions, their gradient, and C."""
    import casadi

    before = peak()
    clock = Clock()
    q = casadi.SX.sym("q", n)
    energy = chain(n, q, casadi.cos, casadi.sin)
    clock.stage("build")
    f = casadi.Function("chain", [q], [energy, casadi.gradient(energy, q)])
    clock.stage("gradient")
    generator = casadi.CodeGenerator("chain")
    generator.add(f)
    text = generator.dump()
    clock.stage("generate")
    value, gradient = f(np.linspace(0, 1, n))
    return {
        "stages": clock.stages, "operations": instructions(f), "memory": peak() - before, "text": len(text),
        "value": float(value), "norm": float(casadi.norm_2(gradient)),
    }  # fmt: skip


def of_sympy(n: int) -> dict[str, Any]:
    """Derivatives by sympy, common subexpressions of value and gradient, and their evaluation."""
    import sympy

    clock = Clock()
    q = sympy.symbols(f"q:{n}")
    energy = chain(n, q, sympy.cos, sympy.sin)
    gradient = [sympy.diff(energy, each) for each in q]
    clock.stage("differentiate")
    common, _ = sympy.cse([energy, *gradient])
    clock.stage("share")
    return {"stages": clock.stages, "operations": len(common), "memory": peak()}


def instructions(f: Any) -> int:
    """The instructions of a casadi function that are neither inputs, outputs nor constants."""
    import casadi

    idle = (casadi.OP_INPUT, casadi.OP_OUTPUT, casadi.OP_CONST)
    return sum(f.instruction_id(k) not in idle for k in range(f.n_instructions()))


TOOLS = {"symgrad": of_symgrad, "casadi": of_casadi, "sympy": of_sympy}


def apart(tool: str, n: int) -> dict[str, Any]:
    """A measurement in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--measure", f"{tool}:{n}"]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def scaling() -> Table:
    """Microseconds a node in each stage, and bytes a node, over three orders of magnitude."""
    table = Table(title="Generation of value and gradient of the chain", box=None)
    for heading in ("nodes", "trace", "differentiate", "rewrite", "emit", "us/node", "memory", "bytes/node"):
        table.add_column(heading, justify="right")
    for n in LINKS:
        found = apart("symgrad", n)
        stages = ("trace", "differentiate", "rewrite", "emit")
        each = [found["stages"][stage] / found["nodes"] * 1e6 for stage in stages]
        table.add_row(
            f"{found['nodes']:,}", *(f"{e:.1f}" for e in each), f"{sum(each):.1f}",
            f"{found['memory'] / 1e6:,.0f} MB", f"{found['memory'] / found['nodes']:,.0f}",
        )  # fmt: skip
    return table


def comparison(sympy: bool) -> Table:
    """The chain by symgrad and by the others, in one run."""
    table = Table(title="The chain, beside other tools", box=None)
    for heading in ("links", "tool", "stages", "seconds", "times symgrad's", "operations", "memory", "text"):
        table.add_column(heading, justify="left" if heading in ("tool", "stages") else "right")
    for n, other in ((LARGE, "casadi"), (SMALL, "casadi"), *([(SMALL, "sympy")] if sympy else [])):
        if find_spec(other) is None:
            continue
        ours, theirs = apart("symgrad", n), apart(other, n)
        compiled = ours["stages"].pop("compile")
        own = sum(ours["stages"].values())
        if "value" in theirs:
            assert math.isclose(ours["value"], theirs["value"], rel_tol=1e-9), (ours, theirs)
            assert math.isclose(ours["norm"], theirs["norm"], rel_tol=1e-9), (ours, theirs)
        for tool, found in (("symgrad", ours), (other, theirs)):
            seconds = sum(found["stages"].values())
            table.add_row(
                f"{n:,}", tool, " + ".join(f"{s} {t:.2f}" for s, t in found["stages"].items()),
                f"{seconds:.3f}", f"{seconds / own:.2f}", f"{found['operations']:,}",
                f"{found['memory'] / 1e6:,.0f} MB", f"{found.get('text', 0) / 1e6:.1f} MB",
            )  # fmt: skip
        table.add_row("", "", f"and {compiled:.2f} to compile symgrad's text")
    return table


def counts() -> Table:
    """Operations of scalar formulas, by symgrad and by casadi now, and the numbers that tests hold."""
    import symgrad as sg
    from symgrad.cost import cost
    from symgrad.pipeline import prepare

    table = Table(title="Operations of value and gradient", box=None)
    for heading in ("formula", "size", "symgrad", "of the value", "casadi", "at most"):
        table.add_column(heading, justify="left" if heading == "formula" else "right")
    for name, by_size in COUNTS.items():
        for n, most in by_size.items():
            f = sg.trace(lambda x, name=name: FORMULAS[name](x, np), name=name, x=str(n))
            own, value = (cost(prepare(g)).operations for g in (sg.value_and_grad(f, "x"), f))
            theirs = "-"
            if find_spec("casadi") is not None:
                import casadi

                x = casadi.SX.sym("x", n)
                y = FORMULAS[name](x, casadi)
                theirs = str(instructions(casadi.Function("f", [x], [y, casadi.gradient(y, x)])))
            table.add_row(name, str(n), str(own), f"{own / value:.2f} times", theirs, str(most))
    return table


@click.command()
@click.option("--sympy/--no-sympy", default=False, help="Also sympy, which takes most of a minute.")
@click.option("--measure", hidden=True, metavar="TOOL:LINKS")
def main(sympy: bool, measure: str | None) -> None:
    """Measure how generation scales."""
    if measure is not None:
        tool, _, links = measure.partition(":")
        print(json.dumps(TOOLS[tool](int(links))))
        return
    console = Console()
    console.print(counts())
    console.print(scaling())
    console.print(comparison(sympy))


if __name__ == "__main__":
    main()
