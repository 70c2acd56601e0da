"""Loops and branches as statements: `for`, `if`, and closures that are computed again.

A closure is written by a `Body` of its own, in the scope of the function that it stands in. The value that a
carry gets in a step is assigned to the carry's own name where nothing reads the old one afterwards, and
under a name of its own, to be moved at the end of the step, where something does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from symgrad.lower.body import CHEAP, LOWERINGS, WIDTH, Body, layout
from symgrad.lower.names import Names
from symgrad.node import Node
from symgrad.ops.closures import Closure
from symgrad.ops.indexing import increment, is_nonnegative
from symgrad.ops.loop import Loop, opened, row_shape, stacked
from symgrad.ops.structure import dtype_text, subscript
from symgrad.program import Statement
from symgrad.shapes import Shape, core, has_batch
from symgrad.text import ATOM, Text

_LITERALS = ("const", "dim")


@dataclass
class Scope:
    """Where a closure stands: what its inputs are there, and what names some of its values are to have."""

    names: Names
    texts: dict[Node, Text]
    #: What inputs are called, for the names of their adjoints.
    labels: dict[Node, str]
    #: Values that are assigned under given names.
    wanted: dict[Node, str] = field(default_factory=dict)
    #: Values that are added to a buffer in place: its name, and the value's other operand.
    sums: dict[Node, tuple[str, Node, str]] = field(default_factory=dict)
    #: Values that are written to a stack as soon as they are known: the targets.
    writes: dict[Node, list[str]] = field(default_factory=dict)


class ClosureBody(Body):
    """Builds the statements of a closure."""

    def __init__(self, outer: Body, closure: Closure, outputs: Sequence[Node], scope: Scope) -> None:
        function = replace(closure.function, result=tuple(outputs))
        super().__init__(function, scope.names, {}, outer.env)
        self.scope = scope
        self.outputs = {}
        #: Values that go to one place only, a sum or a stack, which the name would be that of.
        places = [*scope.writes, *[addend for _, addend, _ in scope.sums.values()]]
        self.passing = {x for x in places if places.count(x) + outputs.count(x) + self.uses.get(x, 0) <= 2}
        #: Values that go to a stack and are used besides.
        self.twice = {x for x in scope.writes if self.uses.get(x, 0) + outputs.count(x) > 1}
        for node, text in scope.texts.items():
            self.text[node] = text
            self.named[node] = scope.labels.get(node) or text.source
        for node in self.order:
            if node not in self.text:
                self._visit(node)
            for target in scope.writes.get(node, ()):
                line = f"{target} = {self.text[node].source}"
                self.statements.append((node, Statement((line,))))

    def _visit(self, node: Node) -> None:
        if node not in self.scope.sums:
            super()._visit(node)
            return
        name, addend, sign = self.scope.sums[node]
        operator, source = increment(self.text[addend])
        if sign == "-":
            operator, source = "-=", self.text[addend].source
        self.statements.append((node, Statement((f"{name} {operator} {source}",))))
        self.text[node] = Text(name)
        self.named[node] = name

    def _wants_name(self, node: Node, text: Text) -> bool:
        if node in self.scope.wanted or (node in self.twice and node.op.name not in _LITERALS):
            return True
        if node in self.passing and node not in self.function.names and len(text.source) <= WIDTH:
            return False
        return super()._wants_name(node, text)

    def _name(self, node: Node) -> str:
        return self.scope.wanted.get(node) or super()._name(node)


def _tokens(lines: Sequence[str]) -> set[str]:
    return {word for line in lines for word in re.findall(r"[^\W\d]\w*", re.sub(r"#.*", "", line))}


def _named_operand(outer: Body, node: Node, again: bool) -> Text:
    """Text of an operand; what is worth a name gets one, where the text is evaluated `again` and again."""
    text = outer.text[node]
    if node in outer.named or node.op.name in _LITERALS or text.source.isidentifier():
        return text
    view = node.op.view and node.args[0] in outer.named and len(text.source) <= CHEAP
    if again and not view:
        outer._assign(node, text)
    return outer.text[node]


def _solid(node: Node, text: Text, outer: Body) -> str:
    """The text as a value of the node's dtype: a Python number is none."""
    if not text.weak or node.shape:
        return text.source
    kind = {"float64": outer.env.dtype, "int64": "np.int64", "bool": "np.bool_"}[node.dtype]
    return f"{kind}({text.source})"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" if line else line for text in lines for line in text.split("\n")]


# --- for ------------------------------------------------------------------------------------------------


def lower_scan(outer: Body, node: Node) -> list[str]:
    """Lines of a loop: first values and empty stacks, then the steps."""
    return _ForLoop(outer, node).lines()


def plural(name: str) -> str:
    """The name of a stack of values of that name."""
    return f"{name}s" if not name.endswith("s") else f"{name}_all"


class _ForLoop:
    """One loop being written."""

    def __init__(self, outer: Body, node: Node) -> None:
        self.outer, self.node = outer, node
        self.loop: Loop = opened(node)
        self.used = outer.results.get(node, {})
        loop = self.loop
        self.operands = {
            **{x: _named_operand(outer, v, False) for x, v in zip(loop.carries, loop.inits)},
            **{x: _named_operand(outer, v, True) for x, v in zip(loop.rows, loop.sequences)},
            **{x: _named_operand(outer, v, True) for x, v in zip(loop.inner, loop.constants)},
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
        own = self.outer.named.get(init, "")
        alike = own == label or (own.endswith("_bar") and label.endswith("_bar"))
        if own.isidentifier() and alike and self._is_ours(init):
            return own
        return self.outer.names.take(label or "carry")

    def _is_ours(self, init: Node) -> bool:
        """Whether nothing but this loop uses a first value, which can go on under its name."""
        return self.outer.uses.get(init, 0) == 1 and init not in self.outer.outputs

    def _shifted(self) -> dict[int, int]:
        loop = self.loop
        count, rows = len(loop.carries), len(loop.stacks)
        found: dict[int, int] = {}
        for i, (carry, after) in enumerate(zip(loop.carries, loop.after)):
            history = count + rows + i
            places = [count + j for j, x in enumerate(loop.stacks) if x is after and count + j in self.used]
            if history in self.used and places and carry.shape and is_nonnegative(loop.length):
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
                name = self.loop.names.get(value) or self.loop.labels.get(value, "") or value.op.name
                wish = plural(name.strip("_"))
            elif not wish:
                wish = plural(self.carry_names[position - count - rows])
            if position in self.shifted:
                found[position] = found[self.shifted[position]]
            else:
                found[position] = self.outer.names.take(wish)
        return found

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
        statements, moves = self._steps(sums)
        before = [*self._inits(sums), *self._empty_stacks()]
        count, rows = len(self.loop.carries), len(self.loop.stacks)
        inside: list[Statement] = []
        for position, name in self.stacks.items():
            if position >= count + rows and position not in self.shifted:
                i = position - count - rows
                target = self._row(name, self.loop.carries[i].shape)
                inside.append(Statement((f"{target} = {self.carry_names[i]}",)))
        inside += statements
        if moves:
            left, right = ", ".join(a for a, _ in moves), ", ".join(b for _, b in moves)
            inside.append(Statement((f"{left} = {right}",)))
        for position, result in self.used.items():
            name = self.carry_names[position] if position < count else self.stacks[position]
            if position in self.shifted or position in self.shifted.values():
                first = (position in self.shifted) is not self.loop.reverse
                whole = [":-1" if first else "1:", *[":" for _ in core(result.shape)[1:]]]
                self.outer.text[result] = Text(subscript(Text(name), whole, has_batch(result.shape)))
                self.outer.depth[result] = 0
                self.outer.offsets[result] = (name, 0 if first else 1)
            else:
                _put_down(self.outer, result, name)
            if position < count and self.loop.after[position] in sums:
                self.outer.owned.add(result)
        body = list(layout(inside)) or ["pass"]
        used = self.index in _tokens(body)
        return [*layout(before), self._header(used), *_indented(body)]

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
            if after in sums and carry.shape:
                source = f"np.zeros({self.outer.env.shape(carry.shape)}, {dtype_text(carry, self.outer.env)})"
                if not _is_zero(init):
                    source = f"np.array({text.source})"
                statements.append(Statement((f"{name} = {source}",)))
                continue
            source = _solid(init, text, self.outer)
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
            if self.uses.get(carry, 0) != 1 or self.uses.get(after, 0) or afters.count(after) != 1:
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
        body = self._block_body(apart, later, sums)
        direct = {x for x, name in after.items() if self._is_last_use(body, x, name)}
        names_then = names.copy()
        wanted = {x: name if x in direct else names_then.take(f"{name}_next") for x, name in after.items()}
        second = self._block_body(names_then, wanted, sums)
        if [n for n, _ in second.statements] != [n for n, _ in body.statements]:
            wanted, second = later, body  # other names, other line lengths: what was found need not hold
        moves = []
        for x, name in zip(self.loop.after, self.carry_names):
            source = _solid(x, second.text[x], self.outer)
            if source != name:
                moves.append((name, source))
        return [s for _, s in second.statements], moves

    def _is_last_use(self, body: ClosureBody, x: Node, old: str) -> bool:
        """Whether no line after the one that assigns x reads the old value, nor does a move at the end."""
        place = min(i for i, (n, _) in enumerate(body.statements) if n is x)
        behind = [line for _, s in body.statements[place + 1 :] for line in s.lines]
        kept = [body.text[y].source for y in self.loop.after if y not in body.scope.wanted]
        return old not in _tokens([*behind, *kept])

    def _block_body(
        self, names: Names, wanted: dict[Node, str], sums: dict[Node, tuple[str, Node, str]]
    ) -> ClosureBody:
        loop = self.loop
        texts = {loop.index: Text(self.index, ATOM, weak=True)}
        texts.update({c: Text(n, ATOM) for c, n in zip(loop.carries, self.carry_names)})
        texts.update({x: self.operands[x] for x in loop.inner})
        labels = {x: label for x, label in loop.labels.items() if label}
        bound = []
        for x, sequence in zip(loop.rows, loop.sequences):
            whole = self.operands[x]
            row, suffix = self._row(whole.inside(ATOM), x.shape), self.index
            if sequence in self.outer.offsets:
                stack, offset = self.outer.offsets[sequence]
                whole, suffix = Text(stack), "next" if offset else self.index
                row = self._row(stack, x.shape, f"{self.index} + 1" if offset else "")
            if self.uses.get(x, 0) > 1 or len(row) > CHEAP:
                wish = labels.get(x, "")
                if not wish or not names.is_free(wish):
                    base = wish or (whole.source if whole.source.isidentifier() else "row")
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


def _is_zero(node: Node) -> bool:
    while node.op.name in ("broadcast_to", "expand_dims"):
        node = node.args[0]
    return node.is_constant(0)


LOWERINGS["scan"] = lower_scan


# --- if -------------------------------------------------------------------------------------------------


def lower_cond(outer: Body, node: Node) -> list[str]:
    """Lines of a choice: each branch assigns all results."""
    condition = _named_operand(outer, node.args[0], False).source
    results = _result_names(outer, node)
    lines = [f"if {condition}:"]
    for closure, head in ((node.then, ""), (node.other, "else:")):
        lines += [head] if head else []
        statements, _ = _once(outer, node, closure, node.args[1:], results)
        lines += _indented(layout(statements) or ["pass"])
    for position, name in results.items():
        _put_down(outer, outer.results[node][position], name)
    return lines


def lower_checkpoint(outer: Body, node: Node) -> list[str]:
    """Lines of a closure of which only the results are kept."""
    results = _result_names(outer, node)
    statements, body = _once(outer, node, node.body, node.args, results)
    for position, name in results.items():
        _put_down(outer, outer.results[node][position], name)
    lines = list(layout(statements))
    inner = [
        body.named[x]
        for x, s in body.statements
        if x in body.named and x.shape and body.named[x] not in results.values() and x not in body.scope.texts
    ]
    inner = [name for name in dict.fromkeys(inner) if name in _tokens(lines)]
    if not inner:
        return lines
    note = "" if node.body.function.bars else "  # not kept: the derivative computes them again"
    return [*lines, f"del {', '.join(inner)}{note}"]


def _result_names(outer: Body, node: Node) -> dict[int, str]:
    """Names for the results that something uses, by position."""
    function = node.params[0].function
    found = {}
    for position, result in sorted(outer.results.get(node, {}).items()):
        wish = outer.wish(result) or function.names.get(function.output_nodes[position], "")
        found[position] = outer.names.take(wish or "chosen" if node.op.name == "cond" else wish or "result")
    return found


def _put_down(outer: Body, result: Node, name: str) -> None:
    """Let the result be known under its name, in this part of a function and in others."""
    outer.is_there(result, name)
    outer.called[result] = name


def _once(
    outer: Body, node: Node, closure: Closure, operands: Sequence[Node], results: Mapping[int, str]
) -> tuple[list[Statement], ClosureBody]:
    """Statements of a closure that runs once, and assigns its results to these names."""
    texts = {x: _named_operand(outer, v, True) for x, v in zip(closure.inputs, operands)}
    outputs = {p: closure.outputs[p] for p in results}
    wanted: dict[Node, str] = {}
    for p, x in outputs.items():
        if x.args and x.op.name != "result" and x not in wanted:
            wanted[x] = results[p]
    labels = {x: label for x, label in zip(closure.inputs, closure.labels) if label}
    scope = Scope(outer.names.inner(), texts, labels, wanted)
    body = ClosureBody(outer, closure, list(outputs.values()), scope)
    statements = [s for _, s in body.statements]
    for p, x in outputs.items():
        source = _solid(x, body.text[x], outer)
        if source != results[p]:
            statements.append(Statement((f"{results[p]} = {source}",), outer._comment(x.shape)))
    return statements, body


LOWERINGS["cond"] = lower_cond
LOWERINGS["checkpoint"] = lower_checkpoint
