"""Rules applied to functions bottom up, to a fixpoint, in time linear in the nodes.

One pass goes through the function in topological order, rebuilds every node on rewritten operands and
applies the rules of its operation until none fires. Passes are repeated until nothing changes; after the
first, rules are tried only on what changed and a few steps above it, which is as far as they look.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from symgrad.collection import uncollected
from symgrad.graph import Function
from symgrad.node import OPS, Node, build
from symgrad.rewrite.closures import in_closures, prune
from symgrad.rewrite.engine import Finished, rewrite
from symgrad.rewrite.pattern import COMMUTATIVE
from symgrad.rewrite.share import Shared
from symgrad.rewrite.table import Context

#: Passes are repeated at most so often: laws that undo each other end there instead of turning for ever.
PASSES = 12
#: So many steps above a change rules are tried again.
ABOVE = 3

_NEG, _ADD, _SUB = OPS["neg"], OPS["add"], OPS["sub"]
_SHARED = frozenset(OPS[name] for name in COMMUTATIVE)


@uncollected
def simplify(f: Function, trace: MutableMapping[str, int] | None = None) -> Function:
    """The function with every rewrite of the table applied; the same values, computed with less.

    >>> simplify(f)                 # before:  v = add(mul(x, 1), mul(x, 2))
                                    # after:   v = mul(3, x)

    Parameters
    ----------
    f
        Any Function; names and notes follow their nodes.
    trace
        A Counter, say: told how often every rule fired.

    Returns
    -------
    Function
        With the same arguments and results.
    """
    f = prune(in_closures(f, lambda body: simplify(body, trace)))
    passes = _Passes(trace)
    for _ in range(PASSES):
        new = passes.run(f)
        if new is None:
            break
        f = f.map(new)
    pruned = prune(f)
    return f if pruned is f else in_closures(pruned, lambda body: simplify(body, trace))


class _Passes:
    """What passes over one function know of each other."""

    def __init__(self, trace: MutableMapping[str, int] | None) -> None:
        self._trace = trace
        self._shared = Shared()
        self._context = Context()
        self._finished: Finished | None = None

    def run(self, f: Function) -> dict[Node, Node] | None:
        """Every node of the function to its replacement, one pass of rules; None where nothing changes."""
        order = f.nodes()
        user, several = _users(f, order)
        context, shared, trace = self._context, self._shared, self._trace
        again = None if self._finished is None else self._again(order, user, several, self._finished)
        context.known, context.several = user, several
        context.memo.clear()  # what was found out counted on other uses
        if again is not None and not any(self._fires(node, user) for node in again):
            return None
        changed = False
        new: dict[Node, Node] = {}
        finished: Finished = {}
        for node in order:
            args = node.args
            if not args:
                new[node] = node
                continue
            image = node
            if len(args) == 2:
                a, b = args
                c, d = new[a], new[b]
                if c is not a or d is not b:
                    image = build(node.op, (c, d), node.params)
            else:
                for a in args:
                    if new[a] is not a:
                        image = build(node.op, tuple([new[k] for k in args]), node.params)
                        break
            above = user[node]
            while above is not None and above.op is _NEG:
                above = user[above]
            if image not in finished and (again is None or image is not node or node in again):
                context.user = above
                context.absorbs = above is not None and (above.op is _ADD or _absorbs(above, node))
                image = rewrite(image, context, finished, trace)
                if image.op in _SHARED:
                    image = shared(image)
            new[node] = image
            # As `role` says, which is not called for every node; nor is it in _again.
            finished[image] = None if above is None else _ADD if above.op is _SUB else above.op
            if image is not node:
                changed = True
                if image in user or node in several:
                    several.add(image)
                user.setdefault(image, above)
        self._finished = finished
        return new if changed else None

    def _fires(self, node: Node, user: Users) -> bool:
        """Whether a rule applies to the node as it is."""
        assert self._finished is not None
        above = user[node]
        while above is not None and above.op is _NEG:
            above = user[above]
        self._context.user = above
        self._context.absorbs = above is not None and _absorbs(above, node)
        return rewrite(node, self._context, self._finished, None) is not node

    def _again(
        self, order: list[Node], user: Users, several: set[Node], finished: Finished
    ) -> dict[Node, int]:
        """What rules have to look at once more, and what is up to ABOVE steps above, with the steps left.

        The pass before tried them on every node on its final operands. New since then are nodes that a
        replacement brought along unseen, those that lost users, which may be taken apart now (that counts
        for what is above them too), and those that something else uses than they were looked at for.
        """
        before = self._context.several
        again: dict[Node, int] = {}
        for node in order:
            if not node.args:
                continue
            steps = -1
            if node not in finished or (node in before and node not in several):
                steps = ABOVE
            else:
                above = user[node]
                while above is not None and above.op is _NEG:
                    above = user[above]
                role = None if above is None else _ADD if above.op is _SUB else above.op
                if role is not finished[node]:
                    steps = 0
            if again and steps < ABOVE:
                for a in node.args:
                    if a in again and again[a] > steps:
                        steps = again[a] - 1
            if steps >= 0:
                again[node] = steps
        return again


#: What alone uses each node; None where that is no single operation.
Users = dict[Node, Node | None]


def _users(f: Function, order: list[Node]) -> tuple[Users, set[Node]]:
    """What alone uses each node, and the nodes that are used several times."""
    user: Users = {}
    several: set[Node] = set()
    for node in order:
        for operand in node.args:
            if operand in user:
                several.add(operand)
                user[operand] = None
            else:
                user[operand] = node
    for node in f.output_nodes:
        if node in user:
            several.add(node)
        user[node] = None
    return user, several


def _absorbs(user: Node, node: Node) -> bool:
    """Whether the only user takes up a sign of the node: `c + -x`, `c - -x`, but not `-x - c`."""
    op = user.op
    return op is _ADD or (op is _SUB and user.args[0] is not node)
