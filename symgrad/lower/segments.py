"""Checkpointed loops: of n steps only every sqrt(n)-th carry is kept, and a segment at a time computed again.

A loop whose histories later loops read goes over its steps in segments, and keeps its carries where a segment
begins. A loop that reads such a history goes over the same segments; in each it first takes the steps of the
other loop again, from the carries that were kept, and then its own. Both cost memory for about 2 sqrt(n)
carries instead of n, and one more evaluation of the loop (Griewank and Walther, Evaluating Derivatives,
2nd ed., section 12.2).
"""

from __future__ import annotations

import copy
import math

from symgrad.graph import toposort
from symgrad.lower.body import Body
from symgrad.lower.closures import indented, tokens
from symgrad.lower.layout import layout
from symgrad.lower.loops import LOOPS, ForLoop
from symgrad.node import Node
from symgrad.ops.indexing import is_nonnegative
from symgrad.ops.loop import opened
from symgrad.ops.structure import dtype_text
from symgrad.program import Statement
from symgrad.text import Text


class SegmentedLoop(ForLoop):
    """A loop that keeps some of its carries only, or that reads those of such a loop."""

    @staticmethod
    def suits(outer: Body, node: Node) -> bool:
        """Whether the loop has to keep carries, or to compute those of another again."""
        return bool(_spared(outer, node) or _read(outer, node))

    def __init__(self, outer: Body, node: Node) -> None:
        self.keeps: dict[Node, str] = {}
        #: Histories that are computed again, segment by segment, and what they are called here.
        self.buffers: dict[Node, str] = {}
        #: Positions of the results that are histories of which not every row is kept.
        self.spared = _spared(outer, node)
        super().__init__(outer, node)
        names = self.scope_names
        self.first, self.last = names.take("first"), names.take("last")
        self.prelude: list[str] = []
        self.stride = self._stride()
        needed = self._needed()
        for carry, name in zip(self.loop.carries, self.carry_names):
            if carry in needed:
                self.keeps[carry] = outer.names.take(f"{name}_kept")
        for history in _read(outer, node):
            source, carry = outer.stacks.kept[history]
            label = source.carry_names[source.loop.carries.index(carry)]
            self.buffers[history] = names.take(f"{label}s")

    def _stride(self) -> str:
        """Text of the number of steps of a segment."""
        env, length = self.outer.env, self.loop.length
        known = self.outer.stacks.strides.get(length)
        if known is None and isinstance(length, int):
            known = str(max(1, math.isqrt(length)))
        if known is None:
            known = self.outer.names.take("stride")
            self.prelude.append(f"{known} = max(1, math.isqrt({env.dim(length)}))")
        self.outer.stacks.strides[length] = known
        return known

    def _needed(self) -> list[Node]:
        """The carries without which the histories that are read cannot be computed again."""
        count, rows = len(self.loop.carries), len(self.loop.stacks)
        found = [c for i, c in enumerate(self.loop.carries) if count + rows + i in self.spared]
        while True:
            below = set(toposort([a for c, a in zip(self.loop.carries, self.loop.after) if c in found]))
            more = [c for c in self.loop.carries if c in below and c not in found]
            if not more:
                return found
            found += more

    def _shifted(self) -> dict[int, int]:
        return {} if self.spared else super()._shifted()

    def _stack_names(self) -> dict[int, str]:
        everything = self.used
        self.used = {p: r for p, r in everything.items() if p not in self.spared}
        found = super()._stack_names()
        self.used = everything
        return found

    def _put_down(self, position: int, result: Node) -> None:
        if position in self.spared:
            carry = self.loop.carries[position - len(self.loop.carries) - len(self.loop.stacks)]
            self.outer.stacks.kept[result] = (self, carry)
            self.outer.text[result] = Text("")  # nowhere as a whole
        else:
            super()._put_down(position, result)

    def _row_of(self, x: Node, sequence: Node) -> tuple[str, str, str]:
        if sequence in self.buffers:
            name = self.buffers[sequence]
            return self._row(name, x.shape, f"{self.index} - {self.first}"), name, self.index
        return super()._row_of(x, sequence)

    def lines(self) -> list[str]:
        """The segments: what is kept of each, what is computed again, and the steps."""
        sums = self._sums()
        steps = self._inside(sums)
        env, length = self.outer.env, self.outer.env.dim(self.loop.length)
        before = [*self._inits(sums), *self._empty_stacks()]
        for carry, name in self.keeps.items():
            count = f"({length} + {self.stride} - 1) // {self.stride}"
            shape = self._sized(carry, count)
            before.append(Statement((f"{name} = np.empty({shape}, {dtype_text(carry, env)})",)))
        for history, name in self.buffers.items():
            _, carry = self.outer.stacks.kept[history]
            shape = self._sized(carry, self.stride)
            before.append(Statement((f"{name} = np.empty({shape}, {dtype_text(carry, env)})",)))
        inside = [f"{self.last} = min({self.first} + {self.stride}, {length})"]
        at = f"{self.first} // {self.stride}"
        for carry, name in self.keeps.items():
            own = self.carry_names[self.loop.carries.index(carry)]
            inside.append(f"{self._row(name, carry.shape, at)} = {own}")
        inside += self._again()
        inside += [self._over(steps, self.loop.reverse), *indented(steps)]
        for position, result in self.used.items():
            self._put_down(position, result)
            if position < len(self.carry_names) and self.loop.after[position] in sums:
                self.outer.stacks.owned.add(result)
        segments = f"range(0, {length}, {self.stride})"
        segments = f"reversed({segments})" if self.loop.reverse else segments
        return [*self.prelude, *layout(before), *self._note(), f"for {self.first} in {segments}:",
                *indented(inside)]  # fmt: skip

    def _note(self) -> list[str]:
        if self.keeps and not self.buffers:
            names = _listed([self.carry_names[self.loop.carries.index(c)] for c in self.keeps])
            return [f"# Of {names} the value before every {self.stride}-th step is kept, for the derivative."]
        return []

    def _sized(self, carry: Node, count: str) -> str:
        """Text of the shape of so many rows of a carry."""
        shape = self.outer.env.shape(carry.shape)
        if not carry.shape:
            return count
        head, plus, tail = shape.rpartition(" + ")
        if shape == self.outer.env.batch:
            return f"{shape} + ({count},)"
        return f"{head}{plus}({count}, {tail[1:].replace(',)', ')')}"

    def _over(self, steps: list[str], reverse: bool) -> str:
        span = f"range({self.first}, {self.last})"
        used = self.index in tokens(steps)
        span = f"reversed({span})" if reverse and used else span
        return f"for {self.index if used else '_'} in {span}:"

    def _again(self) -> list[str]:
        """Lines that take the steps of other loops in this segment again, those first that others read."""
        lines: list[str] = []
        for source in dict.fromkeys([self.outer.stacks.kept[h][0] for h in self.buffers]):
            lines += self._restored(source)
        return lines

    def _restored(self, source: SegmentedLoop) -> list[str]:
        kept = list(source.keeps)
        places = [source.loop.carries.index(c) for c in kept]
        again = copy.copy(source)
        again.loop = opened(source.node)
        again.loop.carries = kept
        again.loop.after = [source.loop.after[i] for i in places]
        again.loop.inits = [source.loop.inits[i] for i in places]
        again.loop.stacks = []
        again.stacks, again.shifted, again.keeps = {}, {}, {}
        again.scope_names = self.scope_names.inner()
        again.carry_names = [again.scope_names.take(source.carry_names[i]) for i in places]
        again.index, again.first, again.last = self.index, self.first, self.last
        again.buffers = self.buffers
        lines = [
            f"{own} = {self._row(source.keeps[c], c.shape, f'{self.first} // {self.stride}')}"
            for c, own in zip(kept, again.carry_names)
        ]
        steps = [
            f"{self._row(name, carry.shape, f'{self.index} - {self.first}')} = "
            f"{again.carry_names[kept.index(carry)]}"
            for history, name in self.buffers.items()
            for owner, carry in [self.outer.stacks.kept[history]]
            if owner is source
        ]
        steps += again._inside({})
        return [*lines, self._over(steps, source.loop.reverse), *indented(steps)]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _spared(outer: Body, node: Node) -> set[int]:
    """Positions of the histories of a checkpointed loop that only loops over the same steps read, by rows."""
    if not node.checkpoint or not is_nonnegative(node.length):
        return set()
    first = len(node.body.outputs)
    histories = {
        r: p for p, r in outer.results.get(node, {}).items() if p >= first and r not in outer.outputs
    }
    for user in outer.order if histories else ():
        for position, a in enumerate(user.args):
            if a in histories and not (
                user.op.name == "scan"
                and user.length == node.length
                and user.carries <= position < user.carries + user.sequences
            ):
                del histories[a]
    return set(histories.values())


def _read(outer: Body, node: Node) -> list[Node]:
    """The histories of which only some rows are kept that a loop needs: those it reads, and theirs."""
    kept = outer.stacks.kept
    pending = [a for a in node.args if a in kept]
    found: set[Node] = set()
    while pending:
        history = pending.pop()
        if history not in found:
            found.add(history)
            pending += [a for a in kept[history][0].node.args if a in kept]
    # In the order of their loops, of which a later one may read what an earlier one computes.
    return [history for history in kept if history in found]


LOOPS.insert(0, SegmentedLoop)
