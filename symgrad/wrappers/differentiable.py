"""Functions of a module as functions that torch and jax differentiate through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symgrad.errors import SpecError
from symgrad.graph import Function
from symgrad.identifiers import identifier
from symgrad.lower.names import Names
from symgrad.shapes import BATCH, dim_source, has_batch
from symgrad.tree import is_leaf
from symgrad.wrappers.base import Beside

#: Names that the files use themselves.
RESERVED = (
    "cast", "ct", "ctx", "found", "gradient", "inputs", "jax", "jnp", "result", "saved", "shapes", "torch",
    "value", "wrt",
)  # fmt: skip


@dataclass(frozen=True)
class Differentiable:
    """One function to wrap: the value under its own name, the derivative under another.

    `derivative` is the module's value and gradient, or where `pullback` says so its vjp; `value` computes the
    value alone, None where the module has no function for that. `shape` is Python text of the result's shape,
    whose dimensions `sizes` binds, pairs of a name and where it is read.
    """

    name: str
    value: str | None
    derivative: str
    pullback: bool
    parameters: tuple[str, ...]
    floats: tuple[str, ...]
    wrt: tuple[str, ...]
    constants: tuple[str, ...]
    elementwise: bool
    several: bool
    doc: str
    shape: str
    sizes: tuple[tuple[str, str], ...]

    @property
    def arguments(self) -> str:
        """The parameters, as arguments of a call."""
        return ", ".join(self.parameters)

    @property
    def inputs(self) -> str:
        """The parameters as a tuple."""
        return displayed(self.parameters)

    @property
    def names(self) -> str:
        """The parameters' names as a tuple of texts."""
        return displayed(f'"{name}"' for name in self.parameters)

    @property
    def wrt_inputs(self) -> str:
        """What it is differentiated by, as a tuple."""
        return displayed(self.wrt)

    @property
    def wrt_names(self) -> str:
        """The names of what it is differentiated by, as a tuple of texts."""
        return displayed(f'"{name}"' for name in self.wrt)

    @property
    def kind(self) -> str:
        """Name of a class for it."""
        return "_" + "".join(word.capitalize() for word in self.name.split("_"))


def displayed(entries: Iterable[str]) -> str:
    """A tuple of these, as Python writes it."""
    listed = list(entries)
    return f"({listed[0]},)" if len(listed) == 1 else f"({', '.join(listed)})"


@dataclass(frozen=True)
class Framework:
    """A wrapper of every function that the module has a derivative of."""

    suffix: str

    @property
    def template(self) -> str:
        """Name of the template."""
        return f"wrappers/{self.suffix}.py.jinja"

    def variables(self, module: Beside) -> Mapping[str, Any]:
        """The functions of the module that can be wrapped."""
        found: dict[str, Differentiable] = {}
        for title, function in module.functions.items():
            one = _differentiable(title, function, module.functions)
            if one is not None:
                found.setdefault(one.name, one)
        if not found:
            raise SpecError(
                f"module {module.name!r} has nothing to wrap for {self.suffix}",
                expected="a value_and_grad, or a vjp and its function, of one result and of arrays",
                hint="add sg.value_and_grad(f, wrt=...) to the module",
            )
        return {"functions": [found[name] for name in sorted(found)]}


def torch() -> Framework:
    """A file `<module>_torch.py` with a `torch.autograd.Function` for every function with a gradient.

    Each is called like the function itself, with tensors; they are computed by numpy, on the CPU. A tensor
    that requires a gradient where the module has none is an error.
    """
    return Framework("torch")


def jax() -> Framework:
    """A file `<module>_jax.py` with a `jax.custom_vjp` for every function with a gradient.

    They can be compiled and differentiated once by jax, which calls back to numpy on the host.
    """
    return Framework("jax")


def _differentiable(
    title: str, function: Function, functions: Mapping[str, Function]
) -> Differentiable | None:
    origin = function.origin
    if origin is None or origin.kind not in ("value_and_grad", "vjp"):
        return None
    base = origin.base
    if not all(is_leaf(p.tree) for p in base.parameters) or len(base.output_nodes) != 1:
        return None
    if not is_leaf(base.result):
        return None
    value = next((name for name, other in functions.items() if other is base), None)
    pullback = origin.kind == "vjp"
    if pullback and value is None:
        return None
    names = Names(RESERVED)
    local = {p.name: names.take(p.name) for p in base.parameters}
    parameters = tuple(local.values())
    floats = tuple(local[p.name] for p in base.parameters if is_leaf(p.tree) and p.tree.dtype == "float64")
    wrt = tuple(local[name] for name in origin.wrt)
    gradient = function.result[1] if isinstance(function.result, tuple) else None
    sizes = _sizes(base, parameters)
    if sizes is None:
        return None
    (output,) = base.output_nodes
    known = dict(sizes)
    core = [size for size in output.shape if size is not BATCH]
    inner = ", ".join(dim_source(size, {name: name for name in known}, " * ") for size in core)
    shape = f"({inner},)" if len(core) == 1 else f"({inner})"
    if has_batch(output.shape):
        if core or not base.is_elementwise:
            return None
        shapes = ", ".join(f"jnp.shape({name})" for name in parameters)
        shape = f"jnp.broadcast_shapes({shapes})"
    elif base.has_batch:
        return None
    return Differentiable(
        name=value or identifier(base.name),
        value=value,
        derivative=title,
        pullback=pullback,
        parameters=parameters,
        floats=floats,
        wrt=wrt,
        constants=tuple(name for name in floats if name not in wrt),
        elementwise=base.is_elementwise,
        several=gradient is not None and not is_leaf(gradient),
        doc=" ".join(base.doc.partition("\n\n")[0].split()) or f"{base.name}.",
        shape=shape,
        sizes=tuple((name, where) for name, where in sizes if name in inner),
    )


def _sizes(base: Function, parameters: tuple[str, ...]) -> list[tuple[str, str]] | None:
    """Each named dimension and where it is read; None where one is never a size of its own."""
    found: dict[str, str] = {}
    for name, leaf in zip(parameters, base.input_nodes):
        for axis, size in enumerate(leaf.shape):
            if size is not BATCH and str(size) in base.dims:
                found.setdefault(str(size), f"jnp.shape({name})[{axis}]")
    return list(found.items()) if set(found) >= set(base.dims) else None
