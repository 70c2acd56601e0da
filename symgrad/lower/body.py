"""Statements of a function's body: which nodes get a name, in what order, as what text."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from symgrad.graph import Function
from symgrad.identifiers import printable
from symgrad.lower.names import Names
from symgrad.lower.stacks import Stacks
from symgrad.node import Node
from symgrad.program import Section, Statement
from symgrad.schedule.order import order_of
from symgrad.shapes import BATCH, Shape, Size, core, dim_source, has_batch, shape_text
from symgrad.text import ATOM, Text

#: Width at which an expression is split into named parts.
WIDTH = 88
#: Length of a line of the module, where comments go above their statement.
LINE = 110
#: Nesting at which it is split, well below CPython's limit of 200 parentheses.
DEPTH = 24
#: Column of trailing comments, where the statement is shorter.
COMMENT = 60

#: Length of a size's text above which it is computed once, under a name.
LONG_SIZE = 20

#: Length up to which a value without a name of its own is called after its operation and operand: `exp_z`.
SHORT_NAME = 14
#: Length up to which a view is written again rather than named: `X.T`, `c[:, None]`.
CHEAP = 20

_LEAVES = ("const", "dim", "input")
_NUMBERS = ("const", "dim")


@dataclass
class Env:
    """What the text of one node may ask of the function it stands in (`symgrad.text.Environment`)."""

    dims: dict[str, str]
    dtype: str = "dtype"
    batch: str = "batch"
    helpers: dict[str, None] = field(default_factory=dict)
    #: Kernels to functions of other packages that the spec asked for in their place.
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    #: Texts of the module's constants to their names; shared by its functions.
    constants: dict[str, str] = field(default_factory=dict)
    #: Long sizes that got a name of their own, where `names` hands them out, and their texts.
    names: Names | None = None
    sizes: dict[Size, tuple[str, str]] = field(default_factory=dict)
    #: Whether the text is to be read, not run: without comments and without memory.
    plain: bool = False
    #: Every value that got a name, in parts of the function too: what a source map is made of.
    assigned: dict[str, Node] = field(default_factory=dict)

    def dim(self, size: Size) -> str:
        """Python text of a dimension; a long one becomes a local variable."""
        if size in self.sizes:
            return self.sizes[size][0]
        text = dim_source(size, self.dims, " * ")
        if self.names is None or len(text) <= LONG_SIZE:
            return text
        name = self.names.take("size", count_from=1, bare=False)
        self.sizes[size] = (name, text)
        return name

    def shape(self, shape: Shape) -> str:
        """Python text of a shape, a tuple; a leading `...` becomes the batch shape."""
        inner = ", ".join(self.dim(size) for size in core(shape))
        text = f"({inner},)" if len(core(shape)) == 1 else f"({inner})"
        if not has_batch(shape):
            return text
        return self.batch if len(shape) == 1 else f"{self.batch} + {text}"

    def axes(self, node: Node, axes: Sequence[int]) -> str:
        """Text of axes of `node`, counted from the end where it has a leading `...`."""
        if has_batch(node.shape):
            axes = [axis - node.rank for axis in axes]
        return str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))})"

    def constant(self, source: str) -> str:
        """Name of a constant of the module, one for each text."""
        return self.constants.setdefault(source, f"_CONSTANT_{len(self.constants) + 1}")

    def helper(self, name: str) -> str:
        """Name of a kernel that the module then carries along, or of what stands for it."""
        self.helpers[name] = None
        return self.stand_ins.get(name, name)


#: Operations with blocks and several results to what writes them: `(body, node) -> lines`.
LOWERINGS: dict[str, Callable[[Body, Node], list[str]]] = {}


class Body:
    """Builds the statements of one function, or of a part of it.

    Parameters
    ----------
    function, names, arguments, env
        The function; where names come from; the nodes that are there from the start, with their names; what
        expressions may ask.
    order
        The nodes to compute and which of them count as forward, see `order_of`; by default all.
    wanted
        Nodes that get a name besides the function's outputs.
    called
        Names that nodes have in other parts of the function, and get here too; further ones are added.
    rows
        The size of the rows and its name, for comments, where this is a part that computes some of them.
    """

    def __init__(
        self,
        function: Function,
        names: Names,
        arguments: Mapping[Node, str],
        env: Env,
        *,
        order: tuple[list[Node], Container[Node]] | None = None,
        wanted: Iterable[Node] = (),
        called: dict[Node, str] | None = None,
        rows: tuple[Size, Size] | None = None,
    ) -> None:
        self.function = function
        self.names = names
        self.env = env
        self.text: dict[Node, Text] = {node: Text(name) for node, name in arguments.items()}
        self.depth: dict[Node, int] = {}
        self.named: dict[Node, str] = dict(arguments)
        self.statements: list[tuple[Node, Statement]] = []
        self.outputs = dict(zip(function.output_nodes, function.output_names))
        self.order, self.forward = order_of(function) if order is None else order
        self.wanted = set(wanted)
        self.called = dict(arguments) if called is None else called
        self.rows = rows
        self.uses: dict[Node, int] = {}
        uses = self.uses
        #: The results that are used, by their position, of operations that have several.
        self.results: dict[Node, dict[int, Node]] = {}
        self.stacks = Stacks()
        for node in self.order:
            for operand in node.args:
                uses[operand] = uses.get(operand, 0) + 1
            if node.op.name == "result":
                self.results.setdefault(node.args[0], {})[node.position] = node

    def build(self, comments: bool = True) -> tuple[Section, ...]:
        """The sections, each with its statements as finished lines."""
        self.env.plain = not comments
        self.visit(self.order)
        if not comments:
            self.statements = [(n, Statement(s.lines)) for n, s in self.statements]
        return self.sections()

    def visit(self, nodes: Iterable[Node]) -> None:
        """Compute the nodes, operands before users, in further statements."""
        for node in nodes:
            if node not in self.text:
                self._visit(node)

    def sections(self) -> tuple[Section, ...]:
        """The statements so far under their headings, after the sizes that they have names for."""
        return (*self.size_sections(), *self._sections())

    def size_sections(self) -> tuple[Section, ...]:
        """The sizes that have names, if there are any."""
        sizes = tuple(f"{name} = {text}" for name, text in self.env.sizes.values())
        return (Section("Sizes", sizes),) if sizes else ()

    def reference(self, node: Node) -> Text:
        """Text by which another part of the function reads the node: a name, or something as short."""
        text = self.text[node]
        if node in self.named or node.op.name in _LEAVES or self._is_cheap(node, text):
            return text
        self._assign(node, text)
        return self.text[node]

    def is_there(self, node: Node, name: str) -> None:
        """Take the node as computed, under that name."""
        self.named[node] = name
        self.env.assigned[name] = node
        self.text[node] = Text(name)
        self.depth[node] = 0

    def _sections(self) -> tuple[Section, ...]:
        forward = [s for n, s in self.statements if n in self.forward]
        backward = [s for n, s in self.statements if n not in self.forward]
        if not self.function.bars:
            return (Section("", layout(forward + backward)),) if self.statements else ()
        sections = []
        if forward:
            sections.append(Section("Forward", layout(forward)))
        if backward:
            sections.append(Section(self.backward_title(), layout(backward)))
        return tuple(sections)

    def backward_title(self) -> str:
        """The heading of the adjoints."""
        base = self.function
        while base.origin is not None:
            base = base.origin.base
        return f"Adjoints, from output to inputs: v_bar = d {printable(base.name)} / d v"

    def _visit(self, node: Node) -> None:
        if node.dtype == "results":
            # All its results get their names and texts with it.
            lines = LOWERINGS[node.op.name](self, node)
            self.statements.append((node, Statement(tuple(lines))))
            return
        text = self._render(node)
        if self._wants_name(node, text):
            self._assign(node, text)
        else:
            self.text[node] = text
            self.depth[node] = self._deepest(node) + 1 if node.args else 1

    def _deepest(self, node: Node) -> int:
        """How deep the texts of its operands nest."""
        deepest, depth = 0, self.depth
        for a in node.args:
            below = depth.get(a, 0)
            if below > deepest:
                deepest = below
        return deepest

    def write(self, node: Node, operands: list[Text]) -> Text:
        """Text of one operation."""
        return node.op.numpy(node, operands, self.env)

    def _render(self, node: Node) -> Text:
        """Text of a node; operands too long or too deep for one line get names first."""
        if node.op.statement is not None:
            return Text("")
        texts = self.text
        while True:
            text = self.write(node, [texts[a] for a in node.args])
            if len(text.source) <= WIDTH and (not node.args or self._deepest(node) < DEPTH):
                return text
            inlined = [
                a for a in dict.fromkeys(node.args) if a not in self.named and a.op.name not in _LEAVES
            ]
            deep = any(self.depth.get(a, 0) >= DEPTH for a in inlined)
            if not inlined or (len(text.source) <= WIDTH and not deep):
                return text
            longest = max(inlined, key=lambda a: (self.depth.get(a, 0) >= DEPTH, len(self.text[a].source)))
            if len(self.text[longest].source) <= 12 and not deep:
                return text
            self._assign(longest, self.text[longest])

    def _wants_name(self, node: Node, text: Text) -> bool:
        op = node.op
        if op.name in _LEAVES:
            return False
        if op.statement is not None or node in self.outputs or node in self.wanted:
            return True
        if node in self.function.names:
            return True
        if self.uses.get(node, 0) > 1:
            return not self._is_cheap(node, text)
        primal = self.function.bars.get(node)
        return primal is not None and primal in self.named

    def _is_cheap(self, node: Node, text: Text) -> bool:
        """Views and signs of named things, shorter to write again than to name."""
        if node.op.view or (node.op.name == "neg" and not node.shape):
            return node.args[0] in self.named and len(text.source) <= CHEAP
        for a in node.args:
            if a.op.name not in _NUMBERS:
                return False
        return len(text.source) <= CHEAP

    def _assign(self, node: Node, text: Text) -> None:
        name = self._name(node)
        if node.op.statement is not None:
            operands = [self.text[a] for a in node.args]
            lines = tuple(node.op.statement(node, name, operands, self.env))
        else:
            lines = (f"{name} = {text.source}",)
        self.statements.append((node, Statement(lines, self._comment(node.shape))))
        self.named[node] = name
        self.env.assigned[name] = node
        self.text[node] = Text(name, ATOM, text.weak and bool(text.source))
        self.depth[node] = 0

    def _comment(self, shape: Shape) -> str:
        """The shape as a trailing comment; none for scalars and plain elementwise values."""
        if not shape or shape == (BATCH,) or self.env.plain:
            return ""
        if self.rows is not None:
            shape = tuple([self.rows[1] if size == self.rows[0] else size for size in shape])
        if not self.env.sizes:
            return shape_text(shape)
        named = [self.env.sizes[size][0] if size in self.env.sizes else str(size) for size in shape]
        return f"({', '.join(named)}{',' if len(shape) == 1 else ''})"

    def wish(self, node: Node) -> str:
        """What a value would best be called: as its author did, as an adjoint, as a result; else nothing."""
        own = self.function.names.get(node)
        if own:
            return own
        primal = self.function.bars.get(node)
        if primal is not None and primal in self.named:
            return self.named[primal].rstrip("_") + "_bar"
        return self.outputs.get(node, "")

    def _name(self, node: Node) -> str:
        name = self.called.get(node)
        if name is None:
            name = self.called[node] = self._new_name(node)
        return name

    def _new_name(self, node: Node) -> str:
        wish = self.wish(node)
        if wish:
            return self.names.take(wish)
        if len(node.args) == 1 and node.args[0] in self.named:
            name = f"{node.op.name.strip('_')}_{self.named[node.args[0]]}"
            if len(name) <= SHORT_NAME:
                return self.names.take(name)
        return self.names.take("t", count_from=1, bare=False)


def layout(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Statements as lines, trailing comments in one column."""
    commented = [len(s.lines[-1]) for s in statements if s.comment]
    fitting = [width for width in commented if width <= COMMENT]
    column = max(fitting, default=0) + 2
    lines: list[str] = []
    for statement in statements:
        *before, last = statement.lines
        if statement.comment and len(last) + len(statement.comment) + 8 > LINE:
            lines.append(f"# {statement.comment}")
            lines.extend(statement.lines)
            continue
        lines.extend(before)
        if statement.comment:
            gap = max(column - len(last), 2)
            last = f"{last}{' ' * gap}# {statement.comment}"
        lines.append(last)
    return tuple(lines)
