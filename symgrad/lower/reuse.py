"""Arrays of a tile that nothing needs any more, written over: `t3 *= x` in place of a further array.

At the size of a tile an operation takes a tenth less time for it. The result keeps its own name, so that the
text reads on as before. What is written over was computed in the same function as a new array, is neither
returned nor seen through a view, has the shape and the float type of the result, and is not read afterwards.
"""

from __future__ import annotations

from symgrad.lower.body import Body, as_float
from symgrad.lower.names import identifiers
from symgrad.node import Node
from symgrad.options import Options
from symgrad.program import Statement
from symgrad.shapes import core, has_batch
from symgrad.text import keeps_scalars

#: What the docstring of such a function says of it.
OVER = "\n\n    Arrays that nothing needs any more are written over.\n    "
#: Fewer such places are not worth what they cost in legibility, unless each row is a table of its own.
MANY = 6
#: Operations that Python has an in-place form of, and whether operands may change places.
_IN_PLACE = {"add": ("+", True), "sub": ("-", False), "mul": ("*", True), "div": ("/", False)}
#: Products, whose results are new arrays.
_PRODUCTS = {"matvec", "matmat", "vecmat"}
#: Operations besides that keep no hold of their operands.
_READERS = _PRODUCTS | {
    "sum", "sum_by_ones", "dot", "max", "min", "top", "maximum", "minimum", "where", "decay", "sigmoid",
    "exp_below", "shares", "versine", "row_sums", "column_sums", "row_max",
}  # fmt: skip


def written_over(body: Body, options: Options) -> bool:
    """Let statements of a part of a function write over arrays no longer needed; whether any do."""
    if "written_over" in options.without:
        return False
    found = _Reuse(body).run()
    wide = any(_is_wide(body.statements[i][0]) for i in found)
    if len(found) < (MANY if options.tiles is True and not wide else 1):
        return False
    for i, statement in found.items():
        body.statements[i] = (body.statements[i][0], statement)
    return True


def _is_wide(node: Node) -> bool:
    """Whether the rows are tables with a side as long as some named dimension."""
    return node.rank > 2 and sum(not isinstance(size, int) for size in core(node.shape)) > 1


class _Reuse:
    def __init__(self, body: Body) -> None:
        self.body = body
        forward = [i for i, (node, _) in enumerate(body.statements) if node in body.forward]
        ahead = set(forward)
        #: Places of the statements in the order in which they will stand.
        self.order = forward + [i for i in range(len(body.statements)) if i not in ahead]
        self.users: dict[Node, list[Node]] = {}
        for node in body.order:
            for a in node.args:
                self.users.setdefault(a, []).append(node)
        self.inputs: dict[Node, frozenset[Node]] = {}

    def run(self) -> dict[int, Statement]:
        """Statements in other words, by their places."""
        body = self.body
        last: dict[str, int] = {}
        for step, i in enumerate(self.order):
            for name in identifiers(body.statements[i][1].lines):
                last[name] = step
        assigned = {node for node, _ in body.statements}
        kept = {*body.outputs, *body.wanted}
        found: dict[int, Statement] = {}
        for step, i in enumerate(self.order):
            node, statement = body.statements[i]
            for position in self._positions(node, statement):
                a = node.args[position]
                name = body.named.get(a, "")
                if a not in assigned or a in kept or last.get(name) != step or not self._fits(a, node):
                    continue
                sign = _IN_PLACE[node.op.name][0]
                b = node.args[1 - position]
                other = as_float(b, body.text[b]).source
                lines = (f"{name} {sign}= {other}", f"{body.named[node]} = {name}")
                found[i] = Statement(lines, statement.comment)
                break
        return found

    def _positions(self, node: Node, statement: Statement) -> tuple[int, ...]:
        """Operands that the statement might write its result over."""
        form = _IN_PLACE.get(node.op.name)
        if form is None or len(statement.lines) != 1 or not node.shape or node.dtype != "float64":
            return ()
        operands = [self.body.text[a] for a in node.args]
        plain = f"{self.body.named[node]} = {self.body.write(node, operands).source}"
        if statement.lines[0] != plain:
            return ()  # written before its operands got the names that they have now
        return (0, 1) if form[1] else (0,)

    def _fits(self, a: Node, node: Node) -> bool:
        """Whether the array is new, has the shape of the result, and nothing else has its memory."""
        if a.shape != node.shape or a.dtype != "float64" or not _is_new(a):
            return False
        if has_batch(a.shape) and self._batched(a) != self._batched(node):
            return False  # its elements may be fewer
        pending = [a]
        while pending:
            for user in self.users[pending.pop()]:
                if user.op.view and user not in self.body.named:
                    pending.append(user)
                elif user.op.view or not (_is_new(user) or _is_reader(user)):
                    return False
        return True

    def _batched(self, node: Node) -> frozenset[Node]:
        """The arguments whose shapes the batch of a value comes from."""
        if not self.inputs:
            for one in self.body.order:
                own = frozenset([one]) if one.op.name == "input" and has_batch(one.shape) else frozenset()
                self.inputs[one] = own.union(*[self.inputs.get(a, frozenset()) for a in one.args])
        return self.inputs[node]


def _is_reader(node: Node) -> bool:
    """Whether an operation keeps no hold of its operands; einsum of one may be a view of it."""
    return node.op.name in _READERS or (node.op.name == "einsum" and len(node.args) > 1)


def _is_new(node: Node) -> bool:
    """Whether the text of an operation gives an array of its own."""
    return (node.op.elementwise and keeps_scalars(node.op.numpy)) or node.op.name in _PRODUCTS
