"""The contenders: each turns a workload into a call without arguments, as its documentation says to.

A `prepare` does all that happens once (tracing, generating, compiling, moving data to where the tool wants
it); the call that it returns computes value and gradient, and nothing of it is left pending.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .workloads import Array, Library, Workload

Call = Callable[[], Any]


@dataclass(frozen=True)
class Contender:
    """A workload, ready to be called; `arrays` makes numpy arrays of a result: value, then gradients."""

    name: str
    call: Call
    arrays: Callable[[Any], list[Array]]


@dataclass(frozen=True)
class Peer:
    """A tool: the package it needs, and how it takes a workload (None: not what it is for)."""

    name: str
    package: str
    prepare: Callable[[Workload], Contender | None]

    @property
    def version(self) -> str | None:
        """The installed version, None without one."""
        if importlib.util.find_spec(self.package) is None:
            return None
        return importlib.metadata.version(self.package)


def _flat(result: Any) -> list[Array]:
    """`(value, gradients)` as a flat list."""
    value, gradients = result
    return [np.asarray(value), *(np.asarray(g) for g in gradients)]


# symgrad


def symgrad_function(workload: Workload) -> Any:
    """The workload as a symgrad Function."""
    import symgrad as sg

    formula = workload.formula(Library(np, sg.logsumexp, sg.relu))
    return sg.trace(formula, name=workload.name, shapes=workload.shapes)


def symgrad(workload: Workload) -> Contender:
    """The generated value and gradient."""
    import symgrad as sg

    f = sg.compile(sg.value_and_grad(symgrad_function(workload), wrt=workload.wrt))
    return Contender("symgrad", lambda: f(*workload.arguments), _flat)


def symgrad_value(workload: Workload) -> Contender:
    """The generated value alone, for the ratio of gradient to value."""
    import symgrad as sg

    f = sg.compile(symgrad_function(workload))
    return Contender("value", lambda: f(*workload.arguments), lambda value: [np.asarray(value)])


# jax: jit of value_and_grad in double precision; vmap makes partial derivatives of a scalar formula. The data
# is on the device before the clock starts.


def jax_library() -> Library:
    """jax's names; double precision is switched on."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return Library(jax.numpy, jax.scipy.special.logsumexp, jax.nn.relu)


def jax_contender(workload: Workload) -> Contender:
    """`jax.jit(jax.value_and_grad(f))`."""
    library = jax_library()
    import jax

    transformed = jax.value_and_grad(workload.formula(library), argnums=workload.positions)
    if workload.elementwise and np.ndim(workload.arguments[0]):
        transformed = jax.vmap(transformed)
    compiled = jax.jit(transformed)
    arguments = [jax.device_put(a) if np.ndim(a) else a for a in workload.arguments]
    return Contender("jax.jit", lambda: jax.block_until_ready(compiled(*arguments)), _flat)


# autograd


def autograd_library() -> Library:
    """autograd's names."""
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    return Library(anp, logsumexp, lambda x: anp.maximum(x, 0.0))


def autograd_contender(workload: Workload) -> Contender:
    """`value_and_grad`, or for partial derivatives the pullback of ones."""
    import autograd

    f = workload.formula(autograd_library())
    arguments = workload.arguments
    if workload.elementwise and np.ndim(arguments[0]):

        def call() -> Any:
            pullback, value = autograd.make_vjp(f, workload.positions)(*arguments)
            return value, pullback(np.ones_like(value))

        return Contender("autograd", call, _flat)
    both = autograd.value_and_grad(f, workload.positions)
    return Contender("autograd", lambda: both(*arguments), _flat)


# sympy: diff, then lambdify with common subexpressions taken out


def sympy_contender(workload: Workload) -> Contender | None:
    """`lambdify([f, *partials], cse=True)`, for scalar formulas."""
    if not workload.elementwise:
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


PEERS = {
    "jax.jit": Peer("jax.jit", "jax", jax_contender),
    "autograd": Peer("autograd", "autograd", autograd_contender),
    "sympy": Peer("sympy", "sympy", sympy_contender),
    "casadi": Peer("casadi", "casadi", casadi_contender),
}


def contenders(workload: Workload, names: tuple[str, ...] | None = None) -> list[Contender]:
    """symgrad, and every installed peer (or those named) that takes the workload."""
    found = [symgrad(workload)]
    for peer in PEERS.values():
        if peer.version is None or (names is not None and peer.name not in names):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            contender = peer.prepare(workload)
        if contender is not None:
            found.append(contender)
    return found
