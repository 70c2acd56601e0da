"""Products that need no order of steps, moved out of loops and done for all steps at once.

    before   `x[t] @ W`, with W a constant: `x @ W` in front of the loop, and its rows in it
    after    sums of products, `W_bar += x[t].T @ z_bar`: `x.T @ z_bars` behind the loop, for all steps side
             by side; and stacks of products with a constant, `x_bar[t] = z_bar @ W.T`

One large product instead of many small ones, and no sum of large arrays in every step. Checkpointed loops
stay as they are: what goes out of a loop has to be kept for every step of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symgrad.graph import Function, substitute, toposort
from symgrad.node import OPS, Node, rebuild
from symgrad.ops.closures import has_closures, results
from symgrad.ops.leaves import input_node
from symgrad.ops.loop import Loop, build_loop, opened, stacked
from symgrad.ops.reduce import sum_over
from symgrad.ops.structure import permute, reshape_to
from symgrad.shapes import Shape, has_batch, product

_LAYOUTS = ("transpose", "expand_dims", "squeeze", "reshape")


def split_loops(f: Function) -> Function:
    """The function with products moved out of its loops."""
    if not has_closures(f):
        return f
    order = f.nodes()
    used: dict[Node, set[int]] = {}
    for node in order:
        if node.op.name == "result":
            used.setdefault(node.args[0], set()).add(node.position)
    new: dict[Node, Node] = {}
    for node in order:
        if node in new:
            continue
        args = [new[a] for a in node.args]
        if node.op.name != "scan" or node.checkpoint or any(has_batch(a.shape) for a in args):
            new[node] = rebuild(node, args)
            continue
        new[node] = node
        found = _split(opened(node, args), used.get(node, set()))
        new.update(zip(results(node), found))
    return f.map(new)


def _split(loop: Loop, used: set[int]) -> list[Node]:
    """The loop's results, computed with less inside it."""
    count, rows = len(loop.carries), len(loop.stacks)
    _move_before(loop)
    after = _After(loop)
    # Sums of matrices first: those of vectors move where what they add up is stacked for others.
    order = sorted(range(count), key=lambda i: -loop.carries[i].rank)
    found = {i: after.sums(i) for i in order if count + rows + i not in used}
    sums = [found.get(i) for i in range(count)]
    products = [after.product(x) for x in loop.stacks[:rows]]
    kept = [i for i, terms in enumerate(sums) if terms is None]
    stacks = [i for i, later in enumerate(products) if later is None]
    inits = list(loop.inits)
    loop.carries = [loop.carries[i] for i in kept]
    loop.inits = [loop.inits[i] for i in kept]
    loop.after = [loop.after[i] for i in kept]
    loop.stacks = [loop.stacks[i] for i in stacks] + after.further
    built = build_loop(loop)
    arrays = dict(zip(after.further, built.stacks[len(stacks) :]))
    arrays.update(zip(loop.rows, loop.sequences))
    own = dict(zip(kept, built.last))
    last = []
    for i, terms in enumerate(sums):
        total = own[i] if i in own else inits[i]
        for term in terms or ():
            total = OPS["add"](total, term(arrays))
        last.append(total)
    whole = dict(zip(stacks, built.stacks))
    stacked_ = [whole[i] if later is None else later(arrays) for i, later in enumerate(products)]
    histories = dict(zip(kept, built.histories))
    # A carry that is gone had no history that something used.
    return [*last, *stacked_, *[histories.get(i, inits[i]) for i in range(count)]]


# --- in front of a loop -------------------------------------------------------------------------------


def _move_before(loop: Loop) -> None:
    """Let the body read products of rows and constants from a sequence of them."""
    sequence = dict(zip(loop.rows, loop.sequences))
    new: dict[Node, Node] = {}
    for n in toposort([*loop.after, *loop.stacks]):
        whole: Node | None = None
        if n.op.name in ("matmat", "vecmat") and n.args[0] in sequence:
            constant = _outside(loop, n.args[1])
            if constant is not None and constant.rank == 2:
                whole = _rows_times(sequence[n.args[0]], constant)
        elif n.op.name == "matvec" and n.args[1] in sequence:
            constant = _outside(loop, n.args[0])
            if constant is not None and constant.rank == 2:
                whole = _rows_times(sequence[n.args[1]], permute(constant, (1, 0)))
        if whole is not None and whole.shape == stacked(n.shape, loop.length):
            new[n] = row = input_node(f"{len(loop.rows)} product", n.shape)
            loop.rows.append(row)
            loop.sequences.append(whole)
            if n in loop.names:
                loop.labels = {**loop.labels, row: loop.names[n]}
    if new:
        _replace(loop, new)


def _rows_times(x: Node, constant: Node) -> Node:
    """`x @ constant` for x of shape (n, k) or (n, m, k), as one product of matrices."""
    return reshape_to(OPS["matmat"](_flat(x), constant), (*x.shape[:-1], constant.shape[-1]))


def _flat(x: Node) -> Node:
    """The steps, and what is in front in each of them, as the rows of one matrix."""
    return reshape_to(x, (product(x.shape[:-1]), x.shape[-1]))


def _outside(loop: Loop, x: Node) -> Node | None:
    """The value outside of what is a constant, or another layout of one, inside; else None."""
    source = x
    while source.op.name in _LAYOUTS:
        source = source.args[0]
    if source not in loop.inner:
        return None
    return substitute([x], {source: loop.constants[loop.inner.index(source)]})[x]


def _replace(loop: Loop, new: Mapping[Node, Node]) -> None:
    stand_ins = {x: x for x in (*loop.carries, *loop.rows, *loop.inner, loop.index)}
    image = substitute([*loop.after, *loop.stacks], {**stand_ins, **new})
    loop.after = [image[x] for x in loop.after]
    loop.stacks = [image[x] for x in loop.stacks]
    loop.names = {image[x]: name for x, name in loop.names.items() if x in image and x not in new}
    loop.bars = {image[a]: image[p] for a, p in loop.bars.items() if a in image and p in image}
    loop.primal = [image[p] for p in loop.primal if p in image]


# --- behind a loop ------------------------------------------------------------------------------------

#: What is computed of the stacks of a loop once it is done.
Later = Callable[[Mapping[Node, Node]], Node]


class _After:
    """What moves behind a loop, and the further stacks that this takes."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.further: list[Node] = []
        self.uses: dict[Node, int] = {}
        for n in toposort([*loop.after, *loop.stacks]):
            for a in n.args:
                self.uses[a] = self.uses.get(a, 0) + 1

    def sums(self, i: int) -> list[Later] | None:
        """The terms of a carry that only adds up products; None for others."""
        carry, after = self.loop.carries[i], self.loop.after[i]
        results = [*self.loop.after, *self.loop.stacks]
        if after.op.name != "add" or carry not in after.args or carry.rank not in (1, 2):
            return None
        alone = self.uses.get(carry, 0) == 1 and not self.uses.get(after, 0)
        if not alone or carry in results or results.count(after) != 1:
            return None
        pending = [after.args[1] if after.args[0] is carry else after.args[0]]
        terms: list[Later] = []
        before = len(self.further)
        while pending:
            term = pending.pop(0)
            if term.op.name == "add" and self.uses[term] == 1 and term.shape == carry.shape:
                pending[:0] = term.args
                continue
            later = self._contraction(term, carry.shape) if carry.rank == 2 else self._total(term)
            if later is None:  # what stays inside costs the sum in every step anyway
                del self.further[before:]
                return None
            terms.append(later)
        return terms

    def _contraction(self, term: Node, shape: Shape) -> Later | None:
        """The sum over all steps of `a.T @ b` or of an outer product, as one product of stacks."""
        if term.shape != shape or self.uses.get(term, 0) != 1:
            return None
        if term.op.name == "transpose":
            whole = self._contraction(term.args[0], (shape[1], shape[0]))
            return None if whole is None else lambda arrays: permute(whole(arrays), (1, 0))
        if term.op.name == "matmat" and term.args[0].op.name == "transpose":
            a, b = term.args[0].args[0], term.args[1]
            if not self._is_stacked(a) and not self._is_stacked(b):
                return None  # two stacks for one product
        elif term.op.name == "mul":
            pair = [x for x in term.args if x.op.name == "expand_dims" and x.axes == (1,) and x.rank == 2]
            others = [x for x in term.args if x.rank == 1]
            if len(pair) != 1 or len(others) != 1:
                return None
            a, b = pair[0].args[0], others[0]
        else:
            return None
        if not (self._stack(a) and self._stack(b)):
            return None

        def later(arrays: Mapping[Node, Node]) -> Node:
            left, right = (
                reshape_to(arrays[x], (product(arrays[x].shape[:-1]), x.shape[-1])) for x in (a, b)
            )
            return OPS["matmat"](permute(left, (1, 0)), right)

        return later

    def _total(self, term: Node) -> Later | None:
        """The sum over all steps of a vector, or of the rows of a matrix, that is stacked anyway."""
        if term.op.name == "sum" and term.axes == (0,) and not term.keepdims and term.args[0].rank == 2:
            source = term.args[0]
            if self._is_stacked(source) and self.uses.get(term, 0) == 1:
                return lambda arrays: sum_over(arrays[source], (0, 1))
        if self._is_stacked(term):
            return lambda arrays: sum_over(arrays[term], (0,))
        return None

    def product(self, x: Node) -> Later | None:
        """A stack of products with a constant, as one product of another stack; None for others."""
        if self.uses.get(x, 0) or self.loop.stacks.count(x) + self.loop.after.count(x) != 1:
            return None
        if x.op.name in ("matmat", "vecmat"):
            factor, constant = x.args[0], _outside(self.loop, x.args[1])
        elif x.op.name == "matvec":
            factor, constant = x.args[1], _outside(self.loop, x.args[0])
            constant = None if constant is None else permute(constant, (1, 0))
        else:
            return None
        if constant is None or constant.rank != 2 or factor in self.loop.rows or not self._stack(factor):
            return None
        whole = constant
        return lambda arrays: _rows_times(arrays[factor], whole)

    def _is_stacked(self, x: Node) -> bool:
        return x in self.loop.rows or x in self.further

    def _stack(self, x: Node) -> bool:
        """Have a value stacked, where it changes from step to step."""
        if not self._is_stacked(x):
            if x in self.loop.inner or x in self.loop.carries or not x.args:
                return False
            self.further.append(x)
        return True
