"""The proof that a function works on rows of a named size apart, and the order of work that follows from it.

Every value is one of three things. A *row value* has the size `n` on one axis, and rows i to j of it follow
from rows i to j of other values and from values that are there as a whole: it can be computed tile by tile.
A *sum* is made of row values and no longer has rows: parts of it, from tiles, combine (by addition, as a
rule). All others are computed *whole*. A row value that needs a finished sum goes into a second loop over the
tiles (a phase), after the values that are computed whole in between (a stage).

    stage 0    whole     what does not depend on rows
    phase 0    tiles     row values, parts of sums
    stage 1    whole     what is made of the sums
    phase 1    tiles     row values that need those
    ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symgrad.graph import Function
from symgrad.node import Node
from symgrad.rowwise import Outcome, outcome, where
from symgrad.schedule.pairs import SEEN
from symgrad.shapes import Shape, Size, core, dim_names

#: Nanoseconds an element up to which a row value is computed again in a later phase rather than stored.
CHEAP = 0.4
#: How many values may be computed again for one.
AGAIN = 3


@dataclass
class Phase:
    """One loop over tiles of rows."""

    #: Values that a tile takes its rows of, with the axis of the rows, before what is computed of them.
    sources: list[tuple[Node, int]] = field(default_factory=list)
    #: What is computed for a tile, operands before users.
    order: list[Node] = field(default_factory=list)
    #: Parts of sums, with the ufunc that combines them.
    sums: list[tuple[Node, str]] = field(default_factory=list)
    #: Row values that are kept for all rows, with the axis of the rows.
    stored: list[tuple[Node, int]] = field(default_factory=list)


class _Work:
    """What is computed in each phase, what rows of it takes; which row values are kept; what is whole."""

    def __init__(self, count: int) -> None:
        self.computed: list[set[Node]] = [set() for _ in range(count)]
        self.sources: list[set[Node]] = [set() for _ in range(count)]
        self.stored: set[Node] = set()
        self.main: set[Node] = set()


@dataclass
class Plan:
    """The work of a function in phases; `stages[i]` is done before `phases[i]`, the last one after all."""

    size: Size
    phases: list[Phase]
    stages: list[list[Node]]
    #: Where rows are those of pairs, the size that `size` is another name of.
    pairs: Size | None = None


def plan(function: Function, order: Sequence[Node], n: Size, scatter: bool = False) -> Plan | None:
    """The plan for rows of size n; None where nothing can be computed by rows.

    `order` holds the function's nodes, operands before users. `scatter` says whether additions into a table
    are made of parts as well, each of the table's size, or of stored rows at once.
    """
    places = _Places(order, n, scatter)
    return places.schedule(function) if places.tiled else None


class _Places:
    """Where each value is computed, and from which stage on it is there as a whole."""

    def __init__(self, order: Sequence[Node], n: Size, scatter: bool) -> None:
        self.order = order
        self.n = n
        self.scatter = scatter
        (self._name,) = dim_names(n)
        self._axes: dict[Shape, tuple[bool, int | None]] = {}
        #: Row values and their phase.
        self.tiled: dict[Node, int] = {}
        #: Sums, their phase, and how their parts combine.
        self.sums: dict[Node, tuple[int, str]] = {}
        #: The stage at which a value is there as a whole, if it is asked for.
        self.whole: dict[Node, int] = {}
        #: How many operations computing a row value again takes; those that are stored instead have none.
        self.again: dict[Node, int] = {}
        #: For others that follow in few steps from a row value, that value, and the number of steps.
        self.root: dict[Node, Node] = {}
        self.steps: dict[Node, int] = {}
        for node in order:
            self._place(node)

    def axis(self, node: Node) -> tuple[bool, int | None]:
        """Whether the node has anything to do with n, and its one axis of rows."""
        shape = node.shape
        found = self._axes.get(shape)
        if found is None:
            has = any(self._name in dim_names(size) for size in core(shape) if not isinstance(size, int))
            found = self._axes[shape] = (has, where(node, self.n) if has else None)
        return found

    def _place(self, node: Node) -> None:
        has, axis = self.axis(node)
        if not node.args and (node.op.name == "input" or not has):
            self.whole[node] = 0
            return
        phase = after = 0
        about: list[int | None] = []
        touched, clear = has, True
        for a in node.args:
            inner, place = self.axis(a)
            about.append(place)
            touched = touched or inner
            clear = clear and (place is not None or not inner)
            ready = self.whole[a]
            after = max(after, ready)
            phase = max(phase, self.tiled.get(a, ready))
        if not touched:
            self.whole[node] = after
            return
        result = self._outcome(node, axis, about) if clear else None
        if result is None:
            self.whole[node] = after
        elif isinstance(result, str):
            self.sums[node] = (phase, result)
            self.whole[node] = phase + 1
        else:
            self.tiled[node] = phase
            self.whole[node] = after if node.op.view else phase + 1
            self._price(node)

    def _outcome(self, node: Node, axis: int | None, about: list[int | None]) -> Outcome:
        """What the node does with rows; for most, elementwise and of one shape, that is quick to see."""
        op = node.op
        if op.elementwise and not op.params and op.rows is None and op.statement is None and axis is not None:
            shape = node.shape
            if all(a.shape == shape or not a.shape for a in node.args):
                return axis
        result = outcome(node, about, self.n)
        if result == "scatter":
            return "add" if self.scatter else None
        return result

    def _price(self, node: Node) -> None:
        op = node.op
        price = op.price * (op.flops if isinstance(op.flops, int) else 1)
        light = op.view or op.name == "cast" or (op.elementwise and price <= CHEAP)
        inner = [a for a in node.args if a in self.tiled]
        if light and all(a in self.again for a in inner):
            count = sum(self.again[a] for a in inner) + (not node.op.view)
            if count <= AGAIN:
                self.again[node] = count
                return
        roots = {self.root.get(a, a) for a in inner if a not in self.again}
        if light and len(roots) == 1:
            count = sum(self.again.get(a, self.steps.get(a, 0)) for a in inner) + (not node.op.view)
            if count <= AGAIN:
                (self.root[node],) = roots
                self.steps[node] = count

    def schedule(self, function: Function) -> Plan:
        """What is needed of all this for the function's results."""
        count = max(0, *self.tiled.values(), *(phase for phase, _ in self.sums.values())) + 1
        phases = [Phase() for _ in range(count)]
        work = self._work(function, count)
        if self._read_less(function, work):
            work = self._work(function, count)
        computed, sources, stored, main = work.computed, work.sources, work.stored, work.main
        inputs = {node: i for i, node in enumerate(function.input_nodes)}
        index = {node: i for i, node in enumerate(self.order)}
        stages: list[list[Node]] = [[] for _ in range(count + 1)]
        for node in self.order:
            if node in main:
                stages[self.whole[node]].append(node)
            for phase, one in enumerate(phases):
                if node not in computed[phase]:
                    continue
                one.order.append(node)
                if node in self.sums:
                    one.sums.append((node, self.sums[node][1]))
                elif node in stored and self.tiled[node] == phase:
                    one.stored.append((node, self._rows(node)))
        for phase, one in enumerate(phases):
            ranked = sorted(sources[phase], key=lambda a: (*_rank(a, inputs), index[a]))
            one.sources = [(a, self._rows(a)) for a in ranked]
        return _compact(Plan(self.n, phases, stages))

    def _work(self, function: Function, count: int) -> _Work:
        """What is computed where, users before operands."""
        work = _Work(count)
        #: Where each value is needed: in which phases, and with None as a whole.
        needed: dict[Node, set[int | None]] = {node: {None} for node in function.output_nodes}
        for node in reversed(self.order):
            asked = needed.get(node)
            if asked is None:
                continue
            tiled = node in self.tiled
            phases = sorted(phase for phase in asked if phase is not None)
            whole = len(phases) < len(asked)
            here = []
            for phase in phases:
                if tiled and (phase == self.tiled[node] or self._waits(node, asked)):
                    here.append(phase)
                    continue
                whole = True
                if self.axis(node)[0]:
                    work.sources[phase].add(node)
            if whole and (node in self.sums or (tiled and not node.op.view)):
                here.append(self.sums[node][0] if node in self.sums else self.tiled[node])
                if tiled:
                    work.stored.add(node)
            elif whole:
                work.main.add(node)
                for a in node.args:
                    needed.setdefault(a, set()).add(None)
            for phase in here:
                work.computed[phase].add(node)
                for a in node.args:
                    needed.setdefault(a, set()).add(phase)
        return work

    def _waits(self, node: Node, asked: set[int | None]) -> bool:
        """Whether a row value is computed in a later phase than it could be, perhaps again."""
        if node.op.view or node in self.again:
            return True
        # Nothing else needs it: this takes no further memory where one operand is kept in its place.
        kept = {a for a in node.args if a in self.tiled and a not in self.again}
        return len(asked) == 1 and len(kept) <= 1

    def _read_less(self, function: Function, work: _Work) -> bool:
        """Compute values again that follow in few steps from one that is kept instead; whether any."""
        free = set(function.output_nodes)
        groups: dict[Node, int] = {}
        for node in self.order:
            if node in work.stored and node in self.root and node not in free:
                root = self.root[node]
                groups[root] = groups.get(root, 0) + 1
        gain = {root for root, count in groups.items() if count > (root not in work.stored)}
        found = {node: self.steps[node] for node, root in self.root.items() if root in gain}
        self.again.update(found)
        return bool(found)

    def _rows(self, node: Node) -> int:
        axis = self.axis(node)[1]
        assert axis is not None
        return axis


def _rank(node: Node, inputs: Mapping[Node, int]) -> tuple[bool, int]:
    """Arguments come first, in their order."""
    own = node.args[0] if node.op is SEEN else node
    return own not in inputs, inputs.get(own, 0)


def _compact(found: Plan) -> Plan:
    """The plan without phases that turned out to have nothing to do."""
    phases: list[Phase] = []
    stages: list[list[Node]] = [[]]
    for phase, stage in zip(found.phases, found.stages):
        stages[-1] += stage
        if phase.order:
            phases.append(phase)
            stages.append([])
    stages[-1] += found.stages[-1]
    return Plan(found.size, phases, stages)
