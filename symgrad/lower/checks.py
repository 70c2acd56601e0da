"""The argument checks of a generated function: conversion, dtypes, shapes, sizes of dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symgrad.errors import SpecError
from symgrad.graph import Function
from symgrad.identifiers import literal
from symgrad.lower.environment import Env
from symgrad.lower.layout import LINE
from symgrad.lower.names import Names
from symgrad.node import Node
from symgrad.program import Checks
from symgrad.shapes import BATCH, Dim, Size, core, dim_names, has_batch, linear_in, shape_text
from symgrad.tree import Record, Tree, children, is_leaf, leaves


class Signature:
    """Names of a function's parameters, inputs and dimensions in generated code.

    Functions with equal `key` share one checking function.
    """

    def __init__(self, function: Function, taken: Iterable[str]) -> None:
        self.function = function
        self.names = Names(taken)
        self.parameters = [self.names.take(p.name) for p in function.parameters]
        self.arguments: dict[Node, str] = {}
        self.unpacking: list[str] = []
        for parameter, name in zip(function.parameters, self.parameters):
            self._name_leaves(parameter.tree, name, parameter.name)
        #: Whether there are several arguments and all are elementwise floats: one line checks them.
        self.alone = (
            len(self.arguments) > 1
            and not self.unpacking
            and all(leaf.shape == (BATCH,) and leaf.dtype == "float64" for leaf in self.arguments)
        )
        self.dims = {name: self.names.take(name) for name in function.dims}
        self.env = Env(self.dims)
        self.lines = tuple(self._lines())

    @property
    def key(self) -> tuple[object, ...]:
        """What two functions must have in common to share their checks."""
        return (tuple(self.parameters), self.lines)

    @property
    def returns(self) -> tuple[str, ...]:
        """What the checks hand back, in order."""
        extra = ["batch"] if self.function.has_batch else []
        return (*self.arguments.values(), "dtype", *extra, *self.dims.values())

    def checks(self, name: str) -> Checks:
        """The checking function under the given name."""
        return Checks(name, tuple(self.parameters), self.lines, self.returns)

    def _name_leaves(self, tree: Tree, name: str, path: str) -> None:
        if is_leaf(tree):
            self.arguments[tree] = name
            return
        for key, child in children(tree):
            if isinstance(tree, Record):
                access = f"{name}.{key}"
            else:
                access = f"{name}[{literal(key) if isinstance(key, str) else repr(key)}]"
            wish = str(key) if isinstance(key, str) else f"{name}_{key}"
            origin = self.function.origin
            if origin is not None and origin.kind == "vjp" and origin.base.parameter(path) is None:
                wish += "_bar"  # a part of the cotangent
            own = self.names.take(wish)
            self.unpacking.append(f"{own} = {access}")
            self._name_leaves(child, own, path)

    def _lines(self) -> list[str]:
        lines = list(self.unpacking)
        if any(leaf.dtype == "float64" for leaf in self.arguments):
            lines.append(self.conversion(("dtype", "batch") if self.alone else ("dtype",)))
        else:
            lines.append("dtype = np.float64")
        for leaf, name in self.arguments.items():
            if leaf.dtype != "float64":
                kernel = self.env.helper("_integers" if leaf.dtype == "int64" else "_booleans")
                lines.append(f"{name} = {kernel}({literal(leaf.name)}, {name})")
        lines += self._shapes()
        if self.function.has_batch and not self.alone:
            lines += self._batch()
        return lines

    def conversion(self, further: Sequence[str]) -> str:
        """The line that converts the arguments of float type; `further` names what it gives besides them."""
        floats = [(leaf, name) for leaf, name in self.arguments.items() if leaf.dtype == "float64"]
        kernel = self.env.helper("_elementwise" if self.alone else "_floats")
        joined = ", ".join(name for _, name in floats) + ("," if len(floats) == 1 else "")
        labels = ", ".join(literal(leaf.name) for leaf, _ in floats) + ("," if len(floats) == 1 else "")
        narrow = [p for p in self.function.parameters if p.dtype == "float32"]
        wide = [p for p in self.function.parameters if p.dtype == "float64" and any(
            leaf.dtype == "float64" for leaf in leaves(p.tree))]  # fmt: skip
        only = ", np.float32" if narrow and not wide else ""
        targets = ", ".join([f"({joined})", *further])
        line = f"{targets} = {kernel}(({labels}), ({joined}){only})"
        if len(line) > LINE - 4:
            line = f"{targets} = {kernel}(\n    ({labels}),\n    ({joined}){only},\n)"
        return line

    def _shapes(self) -> list[str]:
        bound: dict[str, None] = {}
        lines: list[str] = []
        pending: list[tuple[Node, str]] = []
        for leaf, name in self.arguments.items():
            fresh = [s for s in core(leaf.shape) if _bare(s) and str(s) not in bound]
            if fresh:
                lines += self._bind(leaf, name, bound)
                if len(set(map(str, fresh))) == len(core(leaf.shape)):
                    continue
            pending.append((leaf, name))
        for leaf, name in pending:
            lines += self._solve(leaf, name, bound)
        for leaf, name in pending:
            lines += self._check(leaf, name)
        missing = [d for d in self.function.dims if d not in bound]
        if missing:
            raise SpecError(
                f"{self.function.name}: the size {missing[0]!r} does not follow from the arguments",
                expected="an argument with that dimension on its own, or an expression with one unknown name",
            )
        return lines

    def _bind(self, leaf: Node, name: str, bound: dict[str, None]) -> list[str]:
        lines = [self._rank_check(leaf, name)]
        targets = []
        for size in core(leaf.shape):
            if _bare(size) and str(size) not in bound:
                bound[str(size)] = None
                targets.append(self.dims[str(size)])
            else:
                targets.append("_")
        if targets.count("_") == 0 or len(targets) == 1:
            target = f"({targets[0]},)" if len(targets) == 1 else ", ".join(targets)
            tail = f"{name}.shape" + (f"[-{len(targets)}:]" if has_batch(leaf.shape) else "")
            lines.append(f"{target} = {tail}")
        else:
            for position, target in enumerate(targets):
                if target != "_":
                    lines.append(f"{target} = {name}.shape[{position - len(targets)}]")
        return lines

    def _solve(self, leaf: Node, name: str, bound: dict[str, None]) -> list[str]:
        lines: list[str] = []
        width = len(core(leaf.shape))
        for position, size in enumerate(core(leaf.shape)):
            unknown = [d for d in dim_names(size) if d not in bound]
            if len(unknown) != 1:
                continue
            solved = linear_in(size, unknown[0])
            if solved is None:
                continue
            factor, rest = solved
            if not lines:
                lines.append(self._rank_check(leaf, name))
            value = f"{name}.shape[{position - width}]"
            if rest != 0:
                text = self.env.dim(rest)
                value = f"{value} - {text if text.isalnum() else f'({text})'}"
                value = value if factor == 1 else f"({value})"
            if factor != 1:
                whole = self.env.dim(factor)
                # A factor of 0 leaves the size open: the check below tells whether 0 will do.
                value += f" // {whole}" if isinstance(factor, int) else f" // max({whole}, 1)"
            lines.append(f"{self.dims[unknown[0]]} = {value}")
            bound[unknown[0]] = None
        return lines

    def _error(self, leaf: Node, name: str) -> str:
        kernel = self.env.helper("_shape_error")
        dims = list(dict.fromkeys(d for s in core(leaf.shape) for d in dim_names(s)))
        sizes = ", ".join(f"{d}={self.dims[d]}" for d in dims if self.dims[d].isidentifier())
        return f'raise {kernel}({literal(leaf.name)}, {name}, "{shape_text(leaf.shape)}"' + (
            f", {sizes})" if sizes else ")"
        )

    def _rank_check(self, leaf: Node, name: str) -> str:
        kernel = self.env.helper("_shape_error")
        sign = "<" if has_batch(leaf.shape) else "!="
        count = len(core(leaf.shape))
        return (
            f"if {name}.ndim {sign} {count}:\n"
            f'    raise {kernel}({literal(leaf.name)}, {name}, "{shape_text(leaf.shape)}")'
        )

    def _check(self, leaf: Node, name: str) -> list[str]:
        width = len(core(leaf.shape))
        if has_batch(leaf.shape):
            if not width:
                return []
            wanted = self.env.shape(core(leaf.shape))
            return [f"if {name}.shape[-{width}:] != {wanted}:\n    {self._error(leaf, name)}"]
        return [f"if {name}.shape != {self.env.shape(leaf.shape)}:\n    {self._error(leaf, name)}"]

    def _batch(self) -> list[str]:
        """Lines that find the common batch shape and give every batched argument all of it."""
        batched = [(leaf, name) for leaf, name in self.arguments.items() if has_batch(leaf.shape)]
        heads = []
        for leaf, name in batched:
            width = len(core(leaf.shape))
            heads.append(f"{name}.shape" + (f"[:-{width}]" if width else ""))
        if len(batched) == 1:
            return [f"batch = {heads[0]}"]
        kernel = self.env.helper("_batch_shape")
        labels = ", ".join(literal(leaf.name) for leaf, _ in batched)
        lines = [f"batch = {kernel}(({labels}), ({', '.join(heads)}))"]
        if any(len(leaf.shape) > 1 for leaf, _ in batched):
            for leaf, name in batched:
                lines.append(f"{name} = np.broadcast_to({name}, {self.env.shape(leaf.shape)})")
        return lines


def _bare(size: Size) -> bool:
    return isinstance(size, Dim) and str(size).isidentifier()
