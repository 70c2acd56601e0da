"""Statements of a function's body: which nodes get a name, in what order, as what text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import ClassVar

from symgrad.graph import Function
from symgrad.identifiers import printable
from symgrad.lower.environment import Env
from symgrad.lower.layout import WIDTH, layout
from symgrad.lower.names import Names
from symgrad.lower.stacks import Stacks
from symgrad.node import OPS, Node
from symgrad.ops.leaves import literal
from symgrad.program import Section, Statement
from symgrad.schedule.order import order_of
from symgrad.shapes import BATCH, Shape, Size, shape_text
from symgrad.text import ATOM, Text

#: Nesting at which an expression is split into named parts, well below CPython's limit of 200 parentheses.
DEPTH = 24
#: Length up to which a value without a name of its own is called after its operation and operand: `exp_z`.
SHORT_NAME = 14
#: Length up to which a view is written again rather than named: `X.T`, `c[:, None]`.
CHEAP = 20

_LEAVES = frozenset(["const", "dim", "input"])
_NUMBERS = frozenset(["const", "dim"])

#: Why a node gets a name: it has or needs one of its own, or is used more than once, or is the adjoint of one
#: that has a name, or both of these.
OWN, SHARED, ADJOINT, SHARED_ADJOINT = "own", "shared", "adjoint", "shared adjoint"

#: Operations with blocks and several results to what writes them: `(body, node) -> lines`.
LOWERINGS: dict[str, Callable[[Body, Node], list[str]]] = {}

_CONST = OPS["const"]
#: What numpy does with an array and a Python float in four fifths of the time that it takes with an integer.
_WITH_FLOATS = frozenset(OPS[name] for name in ("add", "sub", "mul", "div", "maximum", "minimum"))


def as_float(node: Node, text: Text) -> Text:
    """The text of an operand, that of a whole number with a point."""
    if node.op is not _CONST or type(node.value) is not int or float(node.value) != node.value:
        return text
    return literal(float(node.value))


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
        Names that nodes have in other parts of the function, and get here too; further ones are added. None
        where this is the whole of it so far, see `share_names`.
    rows
        A size and its name, for comments: that of the rows where this is a part that computes some of them.
    """

    #: Whether `write` has texts of its own for operations, not their numpy forms.
    writes: ClassVar[bool] = False

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
        self.named: dict[Node, str] = dict(arguments)
        self.statements: list[tuple[Node, Statement]] = []
        self.outputs = dict(zip(function.output_nodes, function.output_names))
        self.order, self.forward = order_of(function) if order is None else order
        self.wanted = set(wanted)
        self.called = called
        self.rows = rows
        #: The results that are used, by their position, of operations that have several.
        self.results: dict[Node, dict[int, Node]] = {}
        for node in [node for node in self.order if node.op.name == "result"]:
            self.results.setdefault(node.args[0], {})[node.position] = node
        self.stacks = Stacks()
        self.reasons = self._reasons(chain(self.outputs, self.wanted, function.names))

    def _reasons(self, own: Iterable[Node]) -> dict[Node, str]:
        """For each node that may get a name, why; `own` are those that get one in any case."""
        bars = self.function.bars
        found = dict.fromkeys(bars, ADJOINT)
        seen: set[Node] = set()
        for node in self.order:
            for operand in node.args:
                if operand in seen:
                    found[operand] = SHARED_ADJOINT if operand in bars else SHARED
                else:
                    seen.add(operand)
        found.update(dict.fromkeys(own, OWN))
        return found

    @cached_property
    def uses(self) -> Mapping[Node, int]:
        """How often each node is an operand."""
        return Counter(chain.from_iterable(node.args for node in self.order))

    def build(self, comments: bool = True) -> tuple[Section, ...]:
        """The sections, each with its statements as finished lines."""
        self.env.plain = not comments
        self.visit(self.order)
        if not comments:
            self.statements = [(n, Statement(s.lines)) for n, s in self.statements]
        return self.sections()

    def visit(self, nodes: Iterable[Node]) -> None:
        """Compute the nodes, operands before users, in further statements."""
        texts, reasons, env = self.text, self.reasons, self.env
        write = self.write if self.writes else None
        for node in nodes:
            if node in texts:
                continue
            if node.dtype == "results":
                # All its results get their names and texts with it.
                lines = LOWERINGS[node.op.name](self, node)
                self.statements.append((node, Statement(tuple(lines))))
                continue
            if node.op.statement is not None:
                self._assign(node, Text(""))
                continue
            args = node.args
            operands: Sequence[Text]
            if len(args) == 2:  # as nearly all have; there may be a million
                a, b = args
                left, right = operands = (texts[a], texts[b])
                deepest = left.depth if left.depth > right.depth else right.depth
            else:
                operands = [texts[a] for a in args]
                deepest = max([operand.depth for operand in operands], default=0)
            if write is None:
                if node.shape and node.op in _WITH_FLOATS:
                    operands = self._floats(node, operands)
                text = node.op.numpy(node, operands, env)
            else:
                text = write(node, operands)
            if deepest >= DEPTH or len(text.source) > WIDTH:
                text = self._shorter(node, text)
                deepest = max([texts[a].depth for a in args], default=0)
            if node in reasons and self._wants_name(node, text, reasons[node]):
                self._assign(node, text)
            else:
                text.depth = deepest + 1
                texts[node] = text

    def sections(self) -> tuple[Section, ...]:
        """The statements so far under their headings, after the sizes that they have names for."""
        return (*self.size_sections(), *self._sections())

    def size_sections(self) -> tuple[Section, ...]:
        """The sizes that have names, if there are any."""
        sizes = tuple(f"{name} = {text}" for name, text in self.env.sizes.values())
        return (Section("Sizes", sizes),) if sizes else ()

    def share_names(self) -> dict[Node, str]:
        """The names of nodes, for other parts of the function to take and to add to from now on."""
        if self.called is None:
            self.called = dict(self.named)
        return self.called

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
        if self.env.assigned is not None:
            self.env.assigned[name] = node
        self.text[node] = Text(name)

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

    def write(self, node: Node, operands: Sequence[Text]) -> Text:
        """Text of one operation."""
        if node.shape and node.op in _WITH_FLOATS:
            operands = self._floats(node, operands)
        return node.op.numpy(node, operands, self.env)

    def _floats(self, node: Node, operands: Sequence[Text]) -> Sequence[Text]:
        """The operands' texts with whole numbers as floats, where it is to run and not to be read."""
        if node.dtype != "float64" or self.env.plain:
            return operands
        return [as_float(a, text) for a, text in zip(node.args, operands)]

    def _shorter(self, node: Node, text: Text) -> Text:
        """The text of a node once operands too long or too deep for one line have names."""
        texts = self.text
        while len(text.source) > WIDTH or max([texts[a].depth for a in node.args], default=0) >= DEPTH:
            inlined = [
                a for a in dict.fromkeys(node.args) if a not in self.named and a.op.name not in _LEAVES
            ]
            longest = max(
                inlined, key=lambda a: (texts[a].depth >= DEPTH, len(texts[a].source)), default=None
            )
            if longest is None:
                break
            deep = texts[longest].depth >= DEPTH
            if not deep and (len(text.source) <= WIDTH or len(texts[longest].source) <= 12):
                break
            self._assign(longest, texts[longest])
            text = self.write(node, [texts[a] for a in node.args])
        return text

    def _wants_name(self, node: Node, text: Text, reason: str) -> bool:
        if node.op.name in _LEAVES:
            return False
        if reason == ADJOINT:
            return self.function.bars[node] in self.named
        return reason == OWN or not self._is_cheap(node, text)

    def _is_cheap(self, node: Node, text: Text) -> bool:
        """Views and signs of named things, shorter to write again than to name."""
        if len(text.source) > CHEAP:
            return False
        if node.op.view or (node.op.name == "neg" and not node.shape):
            return node.args[0] in self.named
        return all(a.op.name in _NUMBERS for a in node.args)

    def _assign(self, node: Node, text: Text) -> None:
        name = self._new_name(node) if self.called is None else self._name(node, self.called)
        statement = node.op.statement
        if statement is None:
            lines = (f"{name} = {text.source}",)
        else:
            lines = tuple(statement(node, name, [self.text[a] for a in node.args], self.env))
        comment = self._comment(node.shape) if node.shape else ""
        self.statements.append((node, Statement(lines, comment)))
        self.named[node] = name
        if self.env.assigned is not None:
            self.env.assigned[name] = node
        self.text[node] = Text(name, ATOM, text.weak and statement is None)

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

    def _name(self, node: Node, called: dict[Node, str]) -> str:
        name = called.get(node)
        if name is None:
            name = called[node] = self._new_name(node)
        return name

    def _new_name(self, node: Node) -> str:
        wish = "" if self.reasons.get(node) == SHARED else self.wish(node)
        if wish:
            return self.names.take(wish)
        if len(node.args) == 1 and node.args[0] in self.named:
            name = f"{node.op.name.strip('_')}_{self.named[node.args[0]]}"
            if len(name) <= SHORT_NAME:
                return self.names.take(name)
        return self.names.number("t")
