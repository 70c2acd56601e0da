"""Loops as `for` statements.

The value that a carry gets in a step is assigned to the carry's own name where nothing reads the old one
afterwards, and under a name of its own, to be moved at the end of the step, where something does.
"""

from __future__ import annotations

from collections.abc import Mapping

from symgrad.lower.body import CHEAP, LOWERINGS, Body
from symgrad.lower.closures import ClosureBody, Scope, indented, named_operand, put_down, solid, tokens
from symgrad.lower.layout import layout
from symgrad.lower.names import Names
from symgrad.node import Node
from symgrad.ops.indexing import FULL, is_nonnegative
from symgrad.ops.loop import Loop, opened, row_shape, stacked
from symgrad.ops.structure import dtype_text, subscript
from symgrad.program import Statement
from symgrad.shapes import Shape, core, has_batch
from symgrad.text import ATOM, Text


def lower_scan(outer: Body, node: Node) -> list[str]:
    """Lines of a loop: first values and empty stacks, then the steps."""
    for kind in LOOPS:
        if kind.suits(outer, node):
            return kind(outer, node).lines()
    raise AssertionError("a loop of another kind")


def plural(name: str) -> str:
    """The name of a stack of values of that name."""
    return f"{name}s" if not name.endswith("s") else f"{name}_all"


class ForLoop:
    """One loop being written."""

    @staticmethod
    def suits(outer: Body, node: Node) -> bool:
        """Whether the loop can be written this way."""
        return True

    def __init__(self, outer: Body, node: Node) -> None:
        self.outer, self.node = outer, node
        self.loop: Loop = opened(node)
        self.used = outer.results.get(node, {})
        loop = self.loop
        self.operands = {
            **{x: named_operand(outer, v, False) for x, v in zip(loop.carries, loop.inits)},
            **{
                x: named_operand(outer, v, not _start(v) and v not in outer.stacks.offsets)
                for x, v in zip(loop.rows, loop.sequences)
                if v not in outer.stacks.kept
            },
            **{x: named_operand(outer, v, True) for x, v in zip(loop.inner, loop.constants)},
        }
        self.uses = self._uses()
        self.carry_names = [self._carry_name(i) for i in range(len(loop.carries))]
        #: Positions of histories to those of stacks of the same carry a step later: one array of n + 1 rows.
        self.shifted = self._shifted()
        self.stacks = self._stack_names()
        self.scope_names = outer.names.inner()
        self.index = self._index_name()

    def _uses(self) -> dict[Node, int]:
        """How often each value of the closure is used in it."""
        body = self.node.body.function
        uses: dict[Node, int] = {}
        for n in body.nodes():
            for a in n.args:
                uses[a] = uses.get(a, 0) + 1
        return uses

    def _carry_name(self, i: int) -> str:
        label = self.loop.labels.get(self.loop.carries[i], "")
        result = self.used.get(i)
        if not label and result is not None:
            label = self.outer.wish(result)
        init = self.loop.inits[i]
        own = self.operands[self.loop.carries[i]].source
        alike = own == label or (own.endswith("_bar") and label.endswith("_bar"))
        if own.isidentifier() and alike and self._is_ours(init):
            return own
        return self.outer.names.take(label or "carry")

    def _is_ours(self, init: Node) -> bool:
        """Whether nothing but this loop uses a first value, which can go on under its name."""
        if not init.args and isinstance(self.outer, ClosureBody):
            return False  # a carry of the loop around, say, which may be read again
        return self.outer.uses.get(init, 0) == 1 and init not in self.outer.function.output_nodes

    def _shifted(self) -> dict[int, int]:
        loop = self.loop
        count, rows = len(loop.carries), len(loop.stacks)
        found: dict[int, int] = {}
        for i, after in enumerate(loop.after):
            history = count + rows + i
            places = [count + j for j, x in enumerate(loop.stacks) if x is after and count + j in self.used]
            # Two carries of the same next value began differently.
            places = [p for p in places if p not in found.values()]
            if history in self.used and places and is_nonnegative(loop.length):
                found[history] = places[0]
        return found

    def _stack_names(self) -> dict[int, str]:
        """The names of the stacks that something uses, by position of the result."""
        count, rows = len(self.loop.carries), len(self.loop.stacks)
        found: dict[int, str] = {}
        for position, result in sorted(self.used.items()):
            if position < count:
                continue
            wish = self.outer.wish(result)
            if not wish and position < count + rows:
                value = self.loop.stacks[position - count]
                wish = plural(self._called(value).strip("_"))
            elif not wish:
                wish = plural(self.carry_names[position - count - rows])
            if wish in self.carry_names:
                wish = plural(wish)
            if position in self.shifted:
                found[position] = found[self.shifted[position]]
            else:
                found[position] = self.outer.names.take(wish)
        return found

    def _called(self, value: Node) -> str:
        """What a value of the body is called: as its author did, as an adjoint, after its operation."""
        names = {**self.loop.labels, **self.loop.names}
        primal = names.get(self.loop.bars.get(value, value), "")
        return names.get(value) or (f"{primal}_bar" if primal else value.op.name)

    def _index_name(self) -> str:
        label = self.loop.labels.get(self.loop.index, "")
        wishes = [label] if label else []
        for wish in (*wishes, "t", "i", "j", "k", "s"):
            if self.scope_names.is_free(wish):
                return self.scope_names.take(wish)
        return self.scope_names.take("t")

    def lines(self) -> list[str]:
        """Everything, and the results' names put down."""
        sums = self._sums()
        inside = self._inside(sums)
        before = [*self._inits(sums), *self._empty_stacks()]
        for position, result in self.used.items():
            self._put_down(position, result)
            if position < len(self.carry_names) and self.loop.after[position] in sums:
                self.outer.stacks.owned.add(result)
        used = self.index in tokens(inside)
        return [*layout(before), self._header(used), *indented(inside)]

    def _inside(self, sums: dict[Node, tuple[str, Node, str]]) -> list[str]:
        """Lines of one step."""
        count, rows = len(self.loop.carries), len(self.loop.stacks)
        statements: list[Statement] = []
        for position, name in self.stacks.items():
            if position >= count + rows and position not in self.shifted:
                i = position - count - rows
                target = self._row(name, self.loop.carries[i].shape)
                statements.append(Statement((f"{target} = {self.carry_names[i]}",)))
        steps, moves = self._steps(sums)
        statements += steps
        if moves:
            left, right = ", ".join(a for a, _ in moves), ", ".join(b for _, b in moves)
            statements.append(Statement((f"{left} = {right}",)))
        return list(layout(statements)) or ["pass"]

    def _put_down(self, position: int, result: Node) -> None:
        """Let the body around know a result."""
        name = self.carry_names[position] if position < len(self.carry_names) else self.stacks[position]
        if position in self.shifted or position in self.shifted.values():
            first = (position in self.shifted) is not self.loop.reverse
            whole = [":-1" if first else "1:", *[":" for _ in core(result.shape)[1:]]]
            self.outer.text[result] = Text(subscript(Text(name), whole, has_batch(result.shape)))
            self.outer.stacks.offsets[result] = (name, 0 if first else 1)
        else:
            put_down(self.outer, result, name)

    def _header(self, used: bool) -> str:
        size = self.outer.env.dim(self.loop.length)
        steps = f"range({size})"
        if self.loop.reverse and used:
            steps = f"reversed({steps})"
        return f"for {self.index if used else '_'} in {steps}:"

    def _row(self, stack: str, shape: Shape, at: str = "") -> str:
        """Text of one row of a stack, of entries of that shape: the row of the step, or another."""
        entries = [at or self.index, *[":" for _ in core(shape)]]
        return subscript(Text(stack), entries, has_batch(shape))

    def _inits(self, sums: Mapping[Node, tuple[str, Node, str]]) -> list[Statement]:
        statements = []
        for carry, init, after, name in zip(
            self.loop.carries, self.loop.inits, self.loop.after, self.carry_names
        ):
            text = self.operands[carry]
            if after in sums and carry.shape and not self.outer.env.plain:
                source = f"np.zeros({self.outer.env.shape(carry.shape)}, {dtype_text(carry, self.outer.env)})"
                if not _is_zero(init):
                    source = f"np.array({text.source})"
                statements.append(Statement((f"{name} = {source}",)))
                continue
            source = solid(init, text, self.outer)
            if source != name:
                statements.append(Statement((f"{name} = {source}",), self.outer._comment(carry.shape)))
        return statements

    def _empty_stacks(self) -> list[Statement]:
        """Stacks to be filled, one row a step."""
        env = self.outer.env
        statements = []
        for position, name in self.stacks.items():
            result = self.used[position]
            if position in self.shifted:
                carry = self.loop.carries[position - len(self.loop.carries) - len(self.loop.stacks)]
                first = env.dim(self.loop.length) if self.loop.reverse else "0"
                row = self._row(name, carry.shape, first)
                at = self.carry_names[self.loop.carries.index(carry)]
                statements.append(Statement((f"{row} = {at}",)))
                continue
            if env.plain:
                continue
            shape = env.shape(result.shape)
            if position in self.shifted.values():
                shape = env.shape(stacked(row_shape(result.shape), self.loop.length + 1))
            if len(result.shape) == 1:
                shape = shape[1:-2]
            if not is_nonnegative(self.loop.length):
                shape = f"np.maximum({shape}, 0)"  # such as n - 1 rows where n is 0
            statements.append(Statement((f"{name} = np.empty({shape}, {dtype_text(result, env)})",)))
        return statements

    def _sums(self) -> dict[Node, tuple[str, Node, str]]:
        """Next values that are the old one and something more: they are added up in place."""
        found: dict[Node, tuple[str, Node, str]] = {}
        afters = [*self.loop.after, *self.loop.stacks]
        for carry, init, after, name in zip(
            self.loop.carries, self.loop.inits, self.loop.after, self.carry_names
        ):
            if after.op.name not in ("add", "sub") or carry not in after.args:
                continue
            alone = self.uses.get(carry, 0) == 1 and not self.uses.get(after, 0)
            if not alone or afters.count(after) != 1 or carry in afters:
                continue
            if after.op.name == "sub" and after.args[1] is carry:
                continue
            if has_batch(carry.shape) and not _is_zero(init):
                continue
            other = after.args[1] if after.args[0] is carry else after.args[0]
            found[after] = (name, other, "-" if after.op.name == "sub" else "+")
        return found

    def _steps(
        self, sums: dict[Node, tuple[str, Node, str]]
    ) -> tuple[list[Statement], list[tuple[str, str]]]:
        """Statements of one step, and what is moved at its end, as pairs of a name and a value."""
        after: dict[Node, str] = {}
        for x, name in zip(self.loop.after, self.carry_names):
            # What an inner loop results in has its name from there.
            if x.args and x not in sums and x not in after and x.op.name != "result":
                after[x] = name
        names = self.scope_names
        apart = names.copy()
        later = {x: apart.take(f"{name}_next") for x, name in after.items()}
        body = self._body(apart, later, sums)
        direct = {x for x, name in after.items() if self._is_last_use(body, x, name)}
        names_then = names.copy()
        wanted = {x: name if x in direct else names_then.take(f"{name}_next") for x, name in after.items()}
        second = self._body(names_then, wanted, sums)
        if [n for n, _ in second.statements] != [n for n, _ in body.statements]:
            wanted, second = later, body  # other names, other line lengths: what was found need not hold
        moves = []
        for x, name in zip(self.loop.after, self.carry_names):
            source = solid(x, second.text[x], self.outer)
            if source != name:
                moves.append((name, source))
        return [s for _, s in second.statements], moves

    def _is_last_use(self, body: ClosureBody, x: Node, old: str) -> bool:
        """Whether no line after the one that assigns x reads the old value, nor does a move at the end."""
        place = min(i for i, (n, _) in enumerate(body.statements) if n is x)
        behind = [line for _, s in body.statements[place + 1 :] for line in s.lines]
        kept = [body.text[y].source for y in self.loop.after if y not in body.scope.wanted]
        return old not in tokens([*behind, *kept])

    def _row_of(self, x: Node, sequence: Node) -> tuple[str, str, str]:
        """Text of the row of a sequence, of the sequence, and what the row's name ends in."""
        start = _start(sequence)
        if start and sequence.args[0] in self.outer.named and sequence not in self.outer.named:
            whole = self.outer.text[sequence.args[0]].inside(ATOM)
            return self._row(whole, x.shape, f"{self.index} + {start}"), whole, self.index
        if sequence in self.outer.stacks.offsets:
            stack, offset = self.outer.stacks.offsets[sequence]
            row = self._row(stack, x.shape, f"{self.index} + 1" if offset else "")
            return row, stack, "next" if offset else self.index
        whole = self.operands[x].inside(ATOM)
        return self._row(whole, x.shape), whole, self.index

    def _body(
        self, names: Names, wanted: dict[Node, str], sums: dict[Node, tuple[str, Node, str]]
    ) -> ClosureBody:
        loop = self.loop
        texts = {loop.index: Text(self.index, ATOM, weak=True)}
        texts.update({c: Text(n, ATOM) for c, n in zip(loop.carries, self.carry_names)})
        texts.update({x: self.operands[x] for x in loop.inner})
        labels = {x: label for x, label in loop.labels.items() if label}
        bound = []
        for x, sequence in zip(loop.rows, loop.sequences):
            row, whole, suffix = self._row_of(x, sequence)
            if self.uses.get(x, 0) > 1 or len(row) > CHEAP:
                wish = labels.get(x, "")
                if not wish or not names.is_free(wish):
                    base = wish or (whole if whole.isidentifier() else "row")
                    wish = f"{base}_{suffix}"
                name = names.take(wish)
                bound.append((x, Statement((f"{name} = {row}",), self.outer._comment(x.shape))))
                row = name
            texts[x] = Text(row, ATOM)
        count = len(loop.carries)
        writes: dict[Node, list[str]] = {}
        for position, name in self.stacks.items():
            if position < count + len(loop.stacks):
                value = loop.stacks[position - count]
                later = position in self.shifted.values() and not loop.reverse
                at = f"{self.index} + 1" if later else ""
                writes.setdefault(value, []).append(self._row(name, value.shape, at))
        outputs = [*writes, *loop.after]
        scope = Scope(names, texts, labels, wanted, sums, writes)
        body = ClosureBody(self.outer, self.node.body, outputs, scope)
        body.statements[:0] = bound
        return body


def _start(sequence: Node) -> int:
    """c where a sequence is `x[c:]`, whose row t is row t + c of x; else 0."""
    if sequence.op.name != "index" or has_batch(sequence.shape):
        return 0
    first, *rest = sequence.key
    if not isinstance(first, tuple) or any(entry != FULL for entry in rest):
        return 0
    _, start, stop, step = first
    return start if type(start) is int and start > 0 and stop is None and step == 1 else 0


def _is_zero(node: Node) -> bool:
    while node.op.name in ("broadcast_to", "expand_dims"):
        node = node.args[0]
    return node.is_constant(0)


#: The ways to write a loop; the first that suits is taken.
LOOPS: list[type[ForLoop]] = [ForLoop]

LOWERINGS["scan"] = lower_scan
