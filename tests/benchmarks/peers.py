"""The contenders: each turns a workload into a call without arguments, as its documentation says to.

A `prepare` does all that happens once (tracing, generating, compiling, moving data to where the tool wants
it); the call that it returns computes value and gradient, or the Hessian, and nothing of it is left pending.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from . import scalar_peers, torch_peer
from .contender import Contender, Peer, flat
from .pytensor_peer import pytensor_contender
from .workload import Library, Workload

# symgrad


def symgrad_function(workload: Workload) -> Any:
    """The workload as a symgrad Function."""
    import symgrad as sg

    formula = workload.formula(Library(np, sg.logsumexp, sg.relu))
    shapes: dict[str, Any] = dict(workload.shapes)
    shapes.update({name: sg.array(shapes[name], "int64") for name in workload.indices})
    return sg.trace(formula, name=workload.name, shapes=shapes)


def symgrad_derivative(workload: Workload) -> Any:
    """Its value and gradient, or its Hessian."""
    import symgrad as sg

    f = symgrad_function(workload)
    return sg.hessian(f, wrt=workload.wrt[0]) if workload.hessian else sg.value_and_grad(f, wrt=workload.wrt)


def symgrad(workload: Workload, name: str = "symgrad", **options: Any) -> Contender:
    """The generated function; `options` are those of `sg.compile`."""
    import symgrad as sg

    f = sg.compile(symgrad_derivative(workload), **options)
    return Contender(name, lambda: f(*workload.arguments), flat)


def symgrad_without(workload: Workload, technique: str) -> Contender:
    """The generated function without one technique: `tiles`, or one of `symgrad.options.TECHNIQUES`."""
    options: dict[str, Any] = {"tiles": False} if technique == "tiles" else {"without": (technique,)}
    return symgrad(workload, f"without {technique}", **options)


def techniques() -> list[str]:
    """What can be left out."""
    from symgrad.options import TECHNIQUES

    return ["tiles", *TECHNIQUES]


def by_hand(workload: Workload) -> Contender:
    """The same, written in numpy by hand."""
    return Contender("by hand", lambda: workload.by_hand(*workload.arguments), flat)


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

    f = workload.formula(library)
    if workload.hessian:
        transformed = jax.hessian(f, argnums=workload.positions[0])
    else:
        transformed = jax.value_and_grad(f, argnums=workload.positions)
    if workload.elementwise and np.ndim(workload.arguments[0]):
        transformed = jax.vmap(transformed)
    compiled = jax.jit(transformed)
    arguments = [jax.device_put(a) if np.ndim(a) else a for a in workload.arguments]
    return Contender("jax.jit", lambda: jax.block_until_ready(compiled(*arguments)), flat)


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

        return Contender("autograd", call, flat)
    if workload.hessian:
        hessian = autograd.hessian(f, workload.positions[0])
        return Contender("autograd", lambda: hessian(*arguments), flat)
    both = autograd.value_and_grad(f, workload.positions)
    return Contender("autograd", lambda: both(*arguments), flat)


PEERS = {
    "jax.jit": Peer("jax.jit", "jax", jax_contender),
    "autograd": Peer("autograd", "autograd", autograd_contender),
    "torch": Peer("torch", "torch", torch_peer.torch_contender),
    "casadi": Peer("casadi", "casadi", scalar_peers.casadi_contender),
    "pytensor": Peer("pytensor", "pytensor", pytensor_contender),
    "sympy": Peer("sympy", "sympy", scalar_peers.sympy_contender),
}


def contenders(workload: Workload, names: tuple[str, ...] | None = None) -> list[Contender]:
    """symgrad, the one by hand, and every installed peer (or those named) that takes the workload."""
    found = [symgrad(workload), by_hand(workload)]
    for peer in PEERS.values():
        if peer.version is None or (names is not None and peer.name not in names):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            contender = peer.prepare(workload)
        if contender is not None:
            found.append(contender)
    return found
