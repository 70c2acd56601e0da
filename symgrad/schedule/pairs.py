"""Functions of pairs: one of two axes of one size gets a name of its own, so that its rows are apart.

Distances, kernel matrices and attention make arrays of shape (n, n) from arrays of n rows. The proof of
`symgrad.schedule.plan` knows an axis by its size, and can tell none of the two from the other. Here the
function is written once more, with another name for the size of one of them: the rows of the pairs. A value
with one axis of size n is seen under that name where an operation needs it so, which costs nothing; and the
other way round, which takes a value whose rows are all there. The proof then holds as for any other size.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symgrad.errors import ShapeError
from symgrad.graph import Function, toposort
from symgrad.node import Node, Op, build, first, rebuild
from symgrad.rowwise import einsum_rows, is_free, matrix_rows, outcome
from symgrad.shapes import Shape, Size, core, dim_names, named

#: Operands of one operation up to which they are seen each in its own way.
MOST = 4
#: What it takes to look at rows of a value, to wait for all of its rows, and to do both.
LOOK, WAIT, BOTH = 1, 4, 9

#: The operand, some axis of which goes by another name: what has no effect on numbers has no text of its own.
SEEN = Op(
    "seen", ("x",), ("shape",), "x, an axis of which goes by another name.", lambda x, shape: shape, first,
    lambda node, operands, env: operands[0], {"x": None}, None, (0.0, 0.0), (), (), False, True, None, {},
    flops=0,
)  # fmt: skip


@dataclass(frozen=True)
class Paired:
    """A function whose pairs have rows of a size with a name of its own."""

    function: Function
    n: Size
    rows: Size
    #: What became of the nodes of the function that it was made of.
    new: Mapping[Node, Node]


def is_pair(node: Node, n: Size) -> bool:
    """Whether the node computes a value with two axes of size n."""
    return len(node.shape) > 1 and bool(node.args) and node.shape.count(n) > 1


def paired(function: Function, order: Sequence[Node], n: Size) -> Paired | None:
    """The function with rows of pairs; None where they cannot be told from columns everywhere."""
    labels = _Labels(n, named(f"{n}'"))
    for node in order:
        if not labels.place(node):
            return None
    new = _sunk(function, labels)
    return Paired(function.map(new), n, labels.rows, new)


class _Labels:
    """The values of a function, written once more in order, operands before users."""

    def __init__(self, n: Size, rows: Size) -> None:
        self.n = n
        self.rows = rows
        (self._name,) = dim_names(rows)
        self.new: dict[Node, Node] = {}
        #: Values that wait for all rows.
        self.late: set[Node] = set()

    def place(self, node: Node) -> bool:
        """Write the node again, on operands seen such that rows are told from columns; whether that works."""
        made = self._best(node) if node.args else node
        if made is not None:
            self.new[node] = made
        return made is not None

    def _best(self, node: Node) -> Node | None:
        best: Node | None = None
        for args in self._ways(node):
            born = not any(self._is_pair(a) for a in args)
            for made in _again(node, args, self.n, self.rows):
                if not self._fits(made):
                    continue
                # Of pairs that come into being the first axis is that of the rows, so that all agree.
                if not born or not self._is_pair(made) or self._rows_first(made):
                    return self._noted(made)
                best = best or made
        return None if best is None else self._noted(best)

    def _is_pair(self, node: Node) -> bool:
        return self.rows in node.shape and self.n in node.shape

    def _rows_first(self, node: Node) -> bool:
        return node.shape.index(self.rows) < node.shape.index(self.n)

    def _fits(self, node: Node) -> bool:
        """Whether no two axes have one name, nor does any other size have to do with rows."""
        for size in core(node.shape):
            if size != self.rows and self._name in dim_names(size):
                return False
        return node.shape.count(self.n) < 2 and node.shape.count(self.rows) < 2

    def _noted(self, node: Node) -> Node:
        ends = self.rows not in node.shape and any(self.rows in a.shape for a in node.args)
        if ends or any(a in self.late for a in node.args):
            self.late.add(node)
        return node

    def _ways(self, node: Node) -> Iterator[list[Node]]:
        """Operands for the node, the most natural first."""
        views = [self._views(self.new[a]) for a in node.args]
        if len(views) > MOST:
            ways = [tuple(v[0] for v in views), tuple(v[-1] for v in views)]
        else:
            ways = sorted(itertools.product(*views), key=lambda way: sum(cost for cost, _ in way))
        apart = _may_be_apart(node, self.n)
        for way in ways:
            args = [view for _, view in way]
            if apart or not any(self.rows in a.shape for a in args):
                yield args

    def _views(self, node: Node) -> list[tuple[int, Node]]:
        """The value itself, and with its one axis under the other name; what each costs."""
        found = [(0, node)]
        if self.rows not in node.shape:
            axes = [i for i, size in enumerate(node.shape) if size == self.n]
            if len(axes) == 1 or not node.args:
                cost = BOTH if node in self.late else LOOK
                found += [(cost, self._noted(_seen(node, axis, self.rows))) for axis in axes]
        elif self.n not in node.shape:
            found.append((WAIT, self._noted(_seen(node, node.shape.index(self.rows), self.n))))
        return found


def _may_be_apart(node: Node, n: Size) -> bool:
    """Whether the operation may work on rows apart."""
    return is_free(node, n) and (node.op.elementwise or node.op.rows is not None)


def _seen(node: Node, axis: int, size: Size) -> Node:
    """The value with another name for the size of an axis."""
    shape = (*node.shape[:axis], size, *node.shape[axis + 1 :])
    return node.args[0] if node.op is SEEN and node.args[0].shape == shape else build(SEEN, (node,), (shape,))


def _again(node: Node, args: Sequence[Node], n: Size, rows: Size) -> Iterator[Node]:
    """The operation on other operands, if they have shapes for it; a shape that it is told, in all ways."""
    params = [node.params]
    if "shape" in node.op.params:
        place = node.op.params.index("shape")
        shape: Shape = node.params[place]
        for axis, size in enumerate(shape):
            if size == n:
                other = (*shape[:axis], rows, *shape[axis + 1 :])
                params.append((*node.params[:place], other, *node.params[place + 1 :]))
    if not _agree(node, args, n, rows):
        return
    for one in params:
        with contextlib.suppress(ShapeError):
            yield build(node.op, tuple(args), one)


def _agree(node: Node, args: Sequence[Node], n: Size, rows: Size) -> bool:
    """Whether no axis is called n in one operand and rows in another, where the operation does not look."""
    if len(args) < 2 or node.op.elementwise or node.op.rows in (matrix_rows, einsum_rows):
        return True
    if not any(rows in a.shape for a in args):
        return True
    shapes = [core(a.shape) for a in args if core(a.shape)]
    if len({len(shape) for shape in shapes}) > 1:
        return False
    return not any(n in sizes and rows in sizes for sizes in zip(*shapes))


def _sunk(function: Function, labels: _Labels) -> dict[Node, Node]:
    """What became of each node; what only rows of are looked at is computed by rows as well."""
    n, rows = labels.n, labels.rows
    order = toposort(labels.new[node] for node in function.output_nodes)
    needed = {labels.new[node] for node in function.output_nodes}
    looked: dict[Node, set[int]] = {}
    #: Sums over n that may as well be sums over rows, and the large values that they are of.
    sums: dict[Node, Node] = {}
    summed: set[Node] = set()
    #: For the rows of a value the axis that each operand is seen by, and the rows that follow.
    sunk: dict[Node, tuple[tuple[int | None, ...], Node]] = {}
    for node in reversed(order):
        if node.op is SEEN and rows in node.shape:
            if node in needed:
                looked.setdefault(node.args[0], set()).add(node.shape.index(rows))
            continue
        axes = looked.get(node, set())
        if not axes and node in summed and node not in needed:
            axes = {node.shape.index(n)}
        found = None
        if len(axes) == 1 and node.args and node.op is not SEEN and (node.op.view or node not in needed):
            found = _by_rows(node, min(axes), n, rows)
        if found is not None:
            sunk[node] = found
            for a, axis in zip(node.args, found[0]):
                if axis is None:
                    needed.add(a)
                else:
                    looked.setdefault(a, set()).add(axis)
        elif axes:
            needed.add(node)
        if node in needed:
            total = _total(node, labels)
            if total is None:
                needed.update(node.args)
            else:
                sums[node] = total
                summed.update(node.args)
    whole: dict[Node, Node] = {}
    some: dict[Node, Node] = {}

    def look(node: Node, axis: int) -> Node:
        return some[node] if node in some else _seen(whole[node], axis, rows)

    for node in order:
        if node.op is SEEN and rows in node.shape:
            if node in needed:
                whole[node] = look(node.args[0], node.shape.index(rows))
            continue
        if node in sunk:
            ways, made = sunk[node]
            args = [whole[a] if axis is None else look(a, axis) for a, axis in zip(node.args, ways)]
            some[node] = rebuild(made, args)
        if node in sums and node.args[0] not in whole:
            whole[node] = rebuild(sums[node], [some[node.args[0]]])
        elif node in needed:
            whole[node] = rebuild(node, [whole[a] for a in node.args])
    known = {**some, **whole}
    return {node: known[made] for node, made in labels.new.items() if made in known}


def _total(node: Node, labels: _Labels) -> Node | None:
    """A sum over n of a value with further axes, that might be one over rows, as such."""
    if len(node.args) != 1 or node in labels.late or labels.n in node.shape:
        return None
    (a,) = node.args
    if labels.n not in a.shape or sum(not isinstance(size, int) for size in a.shape) < 2 or not a.args:
        return None
    axis = a.shape.index(labels.n)
    for made in _again(node, [_seen(a, axis, labels.rows)], labels.n, labels.rows):
        if isinstance(outcome(made, [axis], labels.rows), str):
            return made
    return None


def _by_rows(node: Node, axis: int, n: Size, rows: Size) -> tuple[tuple[int | None, ...], Node] | None:
    """Operands of which rows give the rows of a value, None for those that are needed as a whole."""
    if len(node.args) > MOST or any(rows in a.shape for a in node.args) or not _may_be_apart(node, n):
        return None
    wanted = _seen(node, axis, rows).shape
    views = [[None, *(i for i, size in enumerate(a.shape) if size == n)] for a in node.args]
    for ways in itertools.product(*views):
        args = [a if axis is None else _seen(a, axis, rows) for a, axis in zip(node.args, ways)]
        for made in _again(node, args, n, rows):
            if made.shape == wanted:
                return ways, made
    return None
