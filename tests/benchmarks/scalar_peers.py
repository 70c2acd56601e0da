"""sympy and casadi, which take scalar formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from .contender import Contender
from .workload import Array, Library, Workload

# sympy: diff, then lambdify with common subexpressions taken out


def sympy_contender(workload: Workload) -> Contender | None:
    """`lambdify([f, *partials], cse=True)`, for scalar formulas."""
    if not workload.elementwise or workload.hessian:
        return None
    import sympy

    symbols = sympy.symbols(list(workload.shapes), real=True)
    value = workload.formula(Library(sympy, None, None))(*symbols)  # type: ignore[arg-type]
    partials = [sympy.diff(value, symbols[i]) for i in workload.positions]
    modules = "numpy" if np.ndim(workload.arguments[0]) else "math"
    f = sympy.lambdify(symbols, [value, *partials], modules=modules, cse=True)
    return Contender("sympy", lambda: f(*workload.arguments), lambda r: [np.asarray(a) for a in r])


# casadi: one call through its buffer interface, which does not allocate; many points through map


def casadi_contender(workload: Workload) -> Contender | None:
    """A casadi `Function` of scalar symbols, for scalar formulas of few points."""
    arguments = workload.arguments
    if not workload.elementwise or np.size(arguments[0]) > 1000:
        return None
    import casadi

    symbols = [casadi.SX.sym(name) for name in workload.shapes]
    value = workload.formula(Library(casadi, None, None))(*symbols)  # type: ignore[arg-type]
    vector = casadi.vertcat(*(symbols[i] for i in workload.positions))
    gradient = casadi.gradient(value, vector)
    f = casadi.Function(workload.name, [casadi.vertcat(*symbols)], [casadi.vertcat(value, gradient)])
    columns = np.asfortranarray(np.stack(arguments))
    if np.ndim(arguments[0]):
        mapped = f.map(len(arguments[0]))
        return Contender("casadi", lambda: mapped(columns), lambda r: list(np.asarray(r)))
    buffer, evaluate = f.buffer()
    result = np.zeros(1 + len(workload.positions))
    buffer.set_arg(0, columns.data)
    buffer.set_res(0, result.data)

    def call(alive: Any = (f, buffer, columns)) -> Array:
        # The buffer holds addresses only: what they belong to has to stay.
        evaluate()
        return result

    return Contender("casadi", call, list)
