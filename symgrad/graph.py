"""Functions: a DAG with named inputs, outputs and what is known about its nodes.

Everything here iterates; a chain of a million nodes is ordinary input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from symgrad.errors import SpecError
from symgrad.node import Node, rebuild
from symgrad.shapes import BATCH, Shape, dim_names, has_batch, shape_text
from symgrad.tree import Tree, leaves, map_leaves, paths


def toposort(roots: Iterable[Node], known: Iterable[Node] = ()) -> list[Node]:
    """Every node below the roots once, operands before users, in depth-first order of the roots.

    `known` is the order below the first few of the roots, where it is at hand: it is gone on from there.
    """
    order = list(known)
    done = set(order)
    add, append = done.add, order.append
    # The nodes on the way down from a root, each in front of those of its operands that are still to be seen.
    way: list[Any] = []
    push, pop = way.append, way.pop
    for node in roots:
        if node in done:
            continue
        rest = iter(node.args)
        while True:
            for operand in rest:
                if operand not in done:
                    args = operand.args
                    if args:
                        push(node)
                        push(rest)
                        node, rest = operand, iter(args)
                        break
                    add(operand)
                    append(operand)
            else:
                add(node)
                append(node)
                if not way:
                    break
                rest, node = pop(), pop()
    return order


def toposort_until(roots: Iterable[Node], ends: Callable[[Node], bool]) -> list[Node]:
    """The same order, of nodes that are met without looking below one for which `ends` holds."""
    done: dict[Node, None] = {}
    stack = list(roots)
    stack.reverse()
    while stack:
        node = stack[-1]
        pending = [] if node in done or ends(node) else [a for a in node.args if a not in done]
        if pending:
            stack.extend(reversed(pending))
            continue
        done[node] = None
        stack.pop()
    return list(done)


def dependents(order: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes of a topological order that depend on any of the sources, sources included."""
    active = set(sources)
    for node in order:
        for operand in node.args:
            if operand in active:
                active.add(node)
                break
    return active


def substitute(roots: Iterable[Node], mapping: Mapping[Node, Node]) -> dict[Node, Node]:
    """Every node below the roots, mapped to itself with the given nodes replaced."""
    new = dict(mapping)
    for node in toposort(roots):
        if node not in new:
            new[node] = rebuild(node, [new[a] for a in node.args])
    return new


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function: its name, and a tree of input nodes (one node, as a rule)."""

    name: str
    tree: Tree
    dtype: str = "float64"
    doc: str = ""


@dataclass(frozen=True)
class Origin:
    """How a transform made a function: what verification differentiates on its own to check it."""

    kind: str
    base: Function
    wrt: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Function:
    """An immutable function of symbolic arrays.

    Attributes
    ----------
    name, doc
        What it is called, and a text for the docstring.
    parameters
        In the order of the call.
    result
        A tree of nodes.
    names
        The author's local names of nodes.
    bars
        For each adjoint, the primal node that it is the adjoint of.
    primal
        The nodes of the function that was differentiated first: what is computed forward.
    origin
        The transform that made this function, None for one that was written.
    lines
        For nodes, the line `file.py:12` of the user's source that made them.
    rewrites
        How often each rule for stable forms fired in it, and in what it is a derivative of.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: Tree
    doc: str = ""
    names: Mapping[Node, str] = field(default_factory=dict)
    bars: Mapping[Node, Node] = field(default_factory=dict)
    primal: tuple[Node, ...] = ()
    origin: Origin | None = None
    lines: Mapping[Node, str] = field(default_factory=dict)
    result_names: tuple[str, ...] = ()
    rewrites: Mapping[str, int] = field(default_factory=dict)

    @property
    def input_nodes(self) -> list[Node]:
        """Input nodes in order of the parameters, structures flattened."""
        return [leaf for p in self.parameters for leaf in leaves(p.tree)]

    @property
    def output_nodes(self) -> list[Node]:
        """Result nodes, structures flattened."""
        return leaves(self.result)

    @property
    def inputs(self) -> dict[str, tuple[str, str]]:
        """Names to shape text and dtype of the inputs."""
        return {leaf.name: (_plain(leaf), leaf.dtype) for leaf in self.input_nodes}

    @property
    def outputs(self) -> dict[str, tuple[str, str]]:
        """Names to shape text and dtype of the outputs."""
        return {name: (_plain(leaf), leaf.dtype) for name, leaf in zip(self.output_names, self.output_nodes)}

    @property
    def output_names(self) -> tuple[str, ...]:
        """One distinct name for every output."""
        found: list[str] = []
        for position, (path, node) in enumerate(paths(self.result)):
            name = ""
            if position < len(self.result_names):
                name = self.result_names[position]
            elif node.args:
                name = self.names.get(node, "")
            keys = [key for key in path if isinstance(key, str)]
            if not name and isinstance(self.result, Node):
                name = self.name
            if not name and keys:
                name = keys[-1] + ("_bar" if self._is_adjoint(path) else "")
            name = name or f"out{position}"
            while name in found:
                name += "_"
            found.append(name)
        return tuple(found)

    def _is_adjoint(self, path: tuple[Any, ...]) -> bool:
        """Whether the output at that path is the adjoint of an argument."""
        kind = None if self.origin is None else self.origin.kind
        return kind in ("grad", "hvp") or (kind in ("value_and_grad", "vjp") and path[0] == 1)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the symbolic dimensions, in order of appearance."""
        found: dict[str, None] = {}
        for leaf in self.input_nodes:
            for size in leaf.shape:
                if size is not BATCH:
                    found.update(dict.fromkeys(dim_names(size)))
        return tuple(found)

    @property
    def is_elementwise(self) -> bool:
        """Whether every float input is a `...` argument."""
        inputs = [leaf for leaf in self.input_nodes if leaf.dtype == "float64"]
        return bool(inputs) and all(leaf.shape == (BATCH,) for leaf in inputs)

    @property
    def has_batch(self) -> bool:
        """Whether any input has a leading `...`."""
        return any(has_batch(leaf.shape) for leaf in self.input_nodes)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name."""
        return next((p for p in self.parameters if p.name == name), None)

    def nodes(self) -> list[Node]:
        """All nodes, operands before users."""
        return list(self._order)

    @cached_property
    def _order(self) -> list[Node]:
        return toposort(self.output_nodes)

    def in_order(self, order: list[Node]) -> Function:
        """Itself, told the order of its nodes by who knows it already."""
        self.__dict__["_order"] = order
        return self

    def ops(self) -> dict[str, int]:
        """How often each operation occurs, by name; leaves are not counted, and steps of loops once."""
        counts: dict[str, int] = {}
        functions = [self]
        while functions:
            for node in functions.pop().nodes():
                if node.dtype == "results":
                    functions += [value.function for value in node.params if hasattr(value, "function")]
                if node.dtype == "results" or (node.args and node.op.name != "result"):
                    counts[node.op.name] = counts.get(node.op.name, 0) + 1
        return dict(sorted(counts.items()))

    def map(self, new: Mapping[Node, Node]) -> Function:
        """The function with every node replaced; side tables follow their nodes.

        `new` maps all nodes below the results; a note about a node it does not know is dropped.
        """
        bars: dict[Node, Node] = {}
        for adjoint, primal in zip(map(new.get, self.bars), map(new.get, self.bars.values())):
            if adjoint is not None and primal is not None:
                bars.setdefault(adjoint, primal)
        return replace(
            self,
            result=map_leaves(lambda leaf: new[leaf], self.result),
            names=_moved(self.names, new),
            lines=_moved(self.lines, new),
            bars=bars,
            primal=tuple([p for p in map(new.get, self.primal) if p is not None]),
        )

    def to_text(self) -> str:
        """One line per node, for reading and for tests."""
        return "\n".join(self.text_lines())

    def text_lines(self) -> Iterator[str]:
        """The lines of `to_text`, one after the other: of a large function they need not be there at once."""
        label: dict[Node, str] = {}
        names = self.names
        last: Shape | None = None
        shapes: dict[Shape, str] = {}
        shape = ""
        yield f"{self.name}({', '.join([p.name for p in self.parameters])}):"
        for count, node in enumerate(self._order):
            op, args = node.op, node.args
            if not args and op.name in ("const", "dim", "input"):
                label[node] = repr(node.params[0]) if op.name == "const" else str(node.params[0])
                continue
            own = label[node] = names.get(node) or f"v{count}"
            if node.shape is not last:
                last = node.shape
                shape = shapes.get(last) or shapes.setdefault(last, shape_text(last))
            if len(args) == 2 and not node.params:
                a, b = args
                yield f"  {own} = {op.name}({label[a]}, {label[b]})  # {shape}"
                continue
            params = [f"{k}={v}" for k, v in zip(op.params, node.params)]
            inner = ", ".join([*[label[a] for a in args], *params])
            yield f"  {own} = {op.name}({inner})  # {shape}"
        yield f"  return {', '.join([label[node] for node in self.output_nodes])}"

    #: Set by the layers above: calling a function, and how it prints.
    _call: ClassVar[Callable[..., Any] | None] = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        caller = type(self)._call
        if caller is None:
            raise TypeError("import symgrad to call a Function")
        return caller(self, *args, **kwargs)

    #: Set by the layer that writes mathematics: the equations of a function, none where they are too many.
    _equations: ClassVar[Callable[[Function], list[str]] | None] = None

    def __repr__(self) -> str:
        shapes = [f"{p.name}: {_declared(p.tree)}" for p in self.parameters]
        head = f"{self.name}({', '.join(shapes)})"
        writer = type(self)._equations
        lines = writer(self) if writer is not None else []
        if not lines:
            count = sum(self.ops().values())
            return f"<{head}, {count} operation{'s' if count != 1 else ''}>"
        return "\n".join([f"{head}:", *(f"    {line}" for line in lines)])

    #: Set by the layers that draw: what notebooks show, None where a function is too large for that.
    _latex: ClassVar[Callable[[Function], str | None] | None] = None
    _svg: ClassVar[Callable[[Function], str | None] | None] = None
    _html: ClassVar[Callable[[Function], str | None] | None] = None

    def _repr_html_(self) -> str | None:
        """Equations and picture together, None where there is no picture: a notebook shows one form alone."""
        writer = type(self)._html
        return None if writer is None else writer(self)

    def _repr_latex_(self) -> str | None:
        """The equations, as a notebook sets them."""
        writer = type(self)._latex
        return None if writer is None else writer(self)

    def _repr_svg_(self) -> str | None:
        """The graph as a picture, where `pip install "symgrad[draw]"` has brought what lays it out."""
        writer = type(self)._svg
        return None if writer is None else writer(self)


def _moved(notes: Mapping[Node, str], new: Mapping[Node, Node]) -> dict[Node, str]:
    """The notes on what nodes became: the first one where several became the same."""
    found: dict[Node, str] = {}
    for node, note in zip(map(new.get, notes), notes.values()):
        if node is not None:
            found.setdefault(node, note)
    return found


def _declared(tree: Tree) -> str:
    """The shape of a parameter as it was declared."""
    if isinstance(tree, Node):
        return f'"{_plain(tree)}"'
    return "{" + ", ".join(f"{leaf.name.partition('.')[2]}: {_declared(leaf)}" for leaf in leaves(tree)) + "}"


def _plain(leaf: Node) -> str:
    return " ".join("..." if size is BATCH else str(size).replace(" ", "") for size in leaf.shape)


def require_function(f: Any, what: str) -> None:
    """Refuse what is no Function where a user should have given one.

    Raises
    ------
    SpecError
        For a Python function, which has not been traced, and for anything else.
    """
    if not isinstance(f, Function):
        raise SpecError(
            f"{what} of what is no symgrad Function",
            expected="what sg.trace, sg.from_sympy, sg.parse or another transform returns",
            got=type(f).__name__,
            hint='sg.trace(f, x="n d") first, with a shape for each parameter' if callable(f) else None,
        )
