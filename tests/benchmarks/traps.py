"""Points at which the chain rule taken literally gives NaN, and what each tool makes of them.

The wanted gradients are the limits, or where there is none the members of the subdifferential that symgrad
documents: 0 for abs and norm at 0, equal shares for ties.
"""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from .peers import PEERS, autograd_library, jax_library
from .workload import Array


@dataclass(frozen=True)
class Trap:
    """A function of one argument, a point, and its gradient there."""

    name: str
    formula: Callable[[Any, Any], Any]
    point: float | tuple[float, ...]
    wanted: float | tuple[float, ...]

    @property
    def shape(self) -> str:
        """The shape of the argument."""
        return "" if isinstance(self.point, float) else "n"


TRAPS = (
    Trap("where(x > 0, log(x), 0) at 0", lambda np, x: np.where(x > 0, np.log(x), 0.0), 0.0, 0.0),
    Trap("sqrt(sum(x²)) at 0", lambda np, x: np.sqrt(np.sum(x**2)), (0.0, 0.0), (0.0, 0.0)),
    Trap("linalg.norm(x) at 0", lambda np, x: np.linalg.norm(x), (0.0, 0.0), (0.0, 0.0)),
    Trap("log(1 + exp(x)) at 1000", lambda np, x: np.log(1 + np.exp(x)), 1000.0, 1.0),
    Trap("log(sum(exp(x))) at [1000, 1000]", lambda np, x: np.log(np.sum(np.exp(x))),
         (1000.0, 1000.0), (0.5, 0.5)),
    Trap("1/(1 + exp(-x)) at -1000", lambda np, x: 1 / (1 + np.exp(-x)), -1000.0, 0.0),
    Trap("x[0] ** x[1] at [0, 2]", lambda np, x: x[0] ** x[1], (0.0, 2.0), (0.0, 0.0)),
    Trap("prod(x) at [0, 2, 3]", lambda np, x: np.prod(x), (0.0, 2.0, 3.0), (6.0, 0.0, 0.0)),
    Trap("abs(x) at 0", lambda np, x: np.abs(x), 0.0, 0.0),
    Trap("max(x) at [1, 1, 0]", lambda np, x: np.max(x), (1.0, 1.0, 0.0), (0.5, 0.5, 0.0)),
)  # fmt: skip


def symgrad_gradient(trap: Trap) -> Array:
    """By the generated module."""
    import symgrad as sg

    f = sg.trace(lambda x: trap.formula(np, x), name="trap", x=trap.shape)
    return np.asarray(sg.compile(sg.grad(f, wrt="x"))(trap.point))


def jax_gradient(trap: Trap) -> Array:
    """By jax.grad."""
    library = jax_library()
    import jax

    return np.asarray(jax.grad(lambda x: trap.formula(library.np, x))(library.np.asarray(trap.point)))


def autograd_gradient(trap: Trap) -> Array:
    """By autograd.grad."""
    import autograd

    library = autograd_library()
    return np.asarray(autograd.grad(lambda x: trap.formula(library.np, x))(np.asarray(trap.point)))


def sympy_gradient(trap: Trap) -> Array:
    """By diff and lambdify; a vector is an array of symbols."""
    import sympy

    def each(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: np.array([function(e) for e in x]) if isinstance(x, np.ndarray) else function(x)

    names = SimpleNamespace(
        exp=each(sympy.exp), log=each(sympy.log), sqrt=sympy.sqrt, abs=sympy.Abs,
        where=lambda condition, a, b: sympy.Piecewise((a, condition), (b, True)),
        sum=np.sum, prod=np.prod, max=lambda x: sympy.Max(*x),
        linalg=SimpleNamespace(norm=lambda x: sympy.sqrt(np.sum(x**2))),
    )  # fmt: skip
    symbols = [sympy.Symbol(f"x{i}", real=True) for i in range(np.size(trap.point))]
    value = trap.formula(names, np.array(symbols) if trap.shape else symbols[0])
    gradient = sympy.lambdify(symbols, [sympy.diff(value, s) for s in symbols], modules="numpy", cse=True)
    return np.array(gradient(*np.ravel(trap.point)), float).reshape(np.shape(trap.point))


def casadi_gradient(trap: Trap) -> Array:
    """By casadi's gradient of scalar symbols."""
    import casadi

    names = SimpleNamespace(
        exp=casadi.exp, log=casadi.log, sqrt=casadi.sqrt, abs=casadi.fabs, where=casadi.if_else,
        sum=casadi.sum1, prod=lambda x: functools.reduce(operator.mul, casadi.vertsplit(x)),
        max=casadi.mmax, linalg=SimpleNamespace(norm=casadi.norm_2),
    )  # fmt: skip
    x = casadi.SX.sym("x", np.size(trap.point))
    gradient = casadi.Function("gradient", [x], [casadi.gradient(trap.formula(names, x), x)])
    return np.array(gradient(np.ravel(trap.point))).reshape(np.shape(trap.point))


TOOLS: dict[str, Callable[[Trap], Array]] = {
    "jax.jit": jax_gradient,
    "autograd": autograd_gradient,
    "sympy": sympy_gradient,
    "casadi": casadi_gradient,
}


def verdict(gradient: Callable[[Trap], Array], trap: Trap) -> str:
    """`ok`, or what came instead."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = gradient(trap)
        except Exception as error:
            # A tool that cannot take the formula is a result too.
            return type(error).__name__
    if np.shape(found) == np.shape(trap.wanted) and np.allclose(found, trap.wanted, rtol=1e-9, atol=0.0):
        return "ok"
    return " ".join(f"{entry:.3g}" for entry in np.ravel(found)).replace("nan", "NaN")


def table(names: tuple[str, ...] | None = None) -> dict[str, dict[str, str]]:
    """Verdicts by trap and tool, symgrad first."""
    tools: dict[str, Callable[[Trap], Array]] = {"symgrad": symgrad_gradient}
    for name, gradient in TOOLS.items():
        if PEERS[name].version is not None and (names is None or name in names):
            tools[name] = gradient
    return {trap.name: {tool: verdict(g, trap) for tool, g in tools.items()} for trap in TRAPS}
