"""The rewrite engine: rules applied bottom up, to a fixpoint, in time linear in the nodes.

One pass goes through the function in topological order, rebuilds every node on rewritten operands and
applies the rules of its operation until none fires. Passes are repeated until nothing changes; after the
first, rules are tried only on what changed and a few steps above it, which is as far as they look.
"""

from __future__ import annotations

from collections.abc import Container, MutableMapping
from typing import Any

from symgrad.collection import uncollected
from symgrad.graph import Function
from symgrad.node import OPS, Node, Op, build, lift, rebuild
from symgrad.rewrite.closures import in_closures, prune
from symgrad.rewrite.kinds import kind
from symgrad.rewrite.literals import number
from symgrad.rewrite.pattern import COMMUTATIVE
from symgrad.rewrite.share import Shared
from symgrad.rewrite.table import Apply_, Context, candidates
from symgrad.shapes import Shape, core, has_batch

#: Rules fire at most so often on one node in one pass, and passes are repeated at most so often: laws
#: that undo each other end there instead of turning for ever.
FIRINGS = 30
PASSES = 12
#: New nodes below a replacement are rewritten at once where they are not more than these.
FRESH = 40
#: So many steps above a change rules are tried again.
ABOVE = 3

_CANDIDATES: dict[tuple[Any, ...], tuple[tuple[str, Apply_], ...]] = {}


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


#: Nodes that rules were tried on, with the operation that alone used each of them then.
Finished = dict[Node, Op | None]


class _Passes:
    """What passes over one function know of each other."""

    def __init__(self, trace: MutableMapping[str, int] | None) -> None:
        self._trace = trace
        self._shared = Shared()
        self._context = Context()
        self._finished: Finished = {}
        self._first = True

    def run(self, f: Function) -> dict[Node, Node] | None:
        """Every node of the function to its replacement, one pass of rules; None where nothing changes."""
        order = f.nodes()
        user, several = _users(f, order)
        context, shared, trace = self._context, self._shared, self._trace
        everything = self._first
        again = {} if everything else _near(order, self._again(order, user, several))
        context.known, context.several = user, several
        context.memo.clear()  # what was found out counted on other uses
        if not everything and not any(self._fires(node, user) for node in again):
            return None
        changed = False
        new: dict[Node, Node] = {}
        finished: Finished = {}
        for node in order:
            args = node.args
            if not args:
                new[node] = node
                finished[node] = None
                continue
            image = node
            for a in args:
                if new[a] is not a:
                    image = build(node.op, tuple([new[k] for k in args]), node.params)
                    break
            above = user[node]
            while above is not None and above.op is _NEG:
                above = user[above]
            if image not in finished and (everything or image is not node or node in again):
                context.user = above
                context.absorbs = above is not None and _absorbs(above, node)
                image = rewrite(image, context, finished, trace)
                if image.op in _SHARED:
                    image = shared(image)
            new[node] = image
            # As _role says, which is not called for every node; nor is it in _again.
            finished[image] = None if above is None else _ADD if above.op is _SUB else above.op
            if image is not node:
                changed = True
                if image in user or node in several:
                    several.add(image)
                user.setdefault(image, above)
        self._finished, self._first = finished, False
        return new if changed else None

    def _fires(self, node: Node, user: dict[Node, Node | None]) -> bool:
        """Whether a rule applies to the node as it is."""
        above = user[node]
        while above is not None and above.op is _NEG:
            above = user[above]
        self._context.user = above
        self._context.absorbs = above is not None and _absorbs(above, node)
        return rewrite(node, self._context, self._finished, None) is not node

    def _again(self, order: list[Node], user: dict[Node, Node | None], several: set[Node]) -> dict[Node, int]:
        """What rules have to look at once more, and how many steps above it they are tried as well.

        The pass before tried them on every node on its final operands. New since then are nodes that a
        replacement brought along unseen, those that lost users, which may be taken apart now (that counts
        for what is above them too), and those that something else uses than they were looked at for.
        """
        finished, before = self._finished, self._context.several
        again: dict[Node, int] = {}
        for node in order:
            if not node.args:
                continue
            if node not in finished or (node in before and node not in several):
                again[node] = 0
                continue
            above = user[node]
            while above is not None and above.op is _NEG:
                above = user[above]
            role = None if above is None else _ADD if above.op is _SUB else above.op
            if role is not finished[node]:
                again[node] = ABOVE
        return again


def _near(order: list[Node], found: dict[Node, int]) -> dict[Node, int]:
    """The nodes found, and those above them up to ABOVE steps, in order, each with the number of steps."""
    near: dict[Node, int] = {}
    if not found:
        return near
    for node in order:
        distance = found.get(node, ABOVE + 1)
        for a in node.args:
            if a in near and near[a] < distance - 1:
                distance = near[a] + 1
        if distance <= ABOVE:
            near[node] = distance
    return near


def _users(f: Function, order: list[Node]) -> tuple[dict[Node, Node | None], set[Node]]:
    """What alone uses each node, None where that is no single operation, and the nodes with several uses."""
    user: dict[Node, Node | None] = {}
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


_NEG, _ADD, _SUB = OPS["neg"], OPS["add"], OPS["sub"]
_SHARED = frozenset(OPS[name] for name in COMMUTATIVE)


def _role(user: Node | None) -> Op | None:
    """What rules ask of the only user of a node: its operation, + and - being one."""
    return None if user is None else _ADD if user.op is _SUB else user.op


def _absorbs(user: Node, node: Node) -> bool:
    """Whether the only user takes up a sign of the node: `c + -x`, `c - -x`, but not `-x - c`."""
    op = user.op
    return op is _ADD or (op is _SUB and user.args[0] is not node)


def rewrite(
    node: Node, context: Context, finished: Finished, trace: MutableMapping[str, int] | None, depth: int = 0
) -> Node:
    """The node after rules were applied at its top until none fires, and to what they made below it."""
    for _ in range(FIRINGS):
        args = node.args
        signature: tuple[Any, ...]
        if len(args) == 2:
            a, b = args
            signature = (node.op, kind(a), kind(b), a is b)
        elif len(args) == 1:
            signature = (node.op, kind(args[0]))
        elif len(args) == 3:
            signature = (node.op, kind(args[0]), kind(args[1]), kind(args[2]))
        else:
            signature = (node.op, frozenset([a.op for a in args]))
        rules = _CANDIDATES.get(signature)
        if rules is None:
            rules = _CANDIDATES[signature] = candidates(node)
        for name, apply in rules:
            found = apply(node, context)
            if found is None or found is node:
                continue
            if found.shape != node.shape or found.dtype != node.dtype:
                found = conform(found, node)
                if found is None or found is node:
                    continue
            if trace is not None:
                trace[name] = trace.get(name, 0) + 1
            node = found if depth else _inside(found, context, finished, trace)
            break
        else:
            return node
        if node in finished:
            return node
    return node


def _inside(root: Node, context: Context, finished: Finished, trace: MutableMapping[str, int] | None) -> Node:
    """The rules applied to the few nodes that a replacement has made below its top."""
    fresh: dict[Node, Node] = {}
    frontier = [root]
    while frontier:
        node = frontier.pop()
        for operand in node.args:
            if operand.args and operand not in finished and operand not in fresh:
                fresh[operand] = node
                frontier.append(operand)
        if len(fresh) > FRESH:
            return root  # the next pass comes by
    if not fresh:
        return root
    user, absorbs = context.user, context.absorbs
    new: dict[Node, Node] = {}
    for node in _ordered(root, fresh):
        image = rebuild(node, [new.get(a, a) for a in node.args])
        if node is root:
            context.user, context.absorbs = user, absorbs
            return image
        context.user = fresh[node]
        context.absorbs = False
        new[node] = found = rewrite(image, context, finished, trace, depth=1)
        if found is image:
            finished[image] = _role(fresh[node])
    return root


def _ordered(root: Node, fresh: Container[Node]) -> list[Node]:
    """The root and the fresh nodes below it, operands first."""
    order: list[Node] = []
    done: set[Node] = set()
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if ready:
            done.add(node)
            order.append(node)
            continue
        stack.append((node, True))
        stack.extend((a, False) for a in node.args if a in fresh)
    return order


def conform(new: Node, old: Node) -> Node | None:
    """The replacement with the shape and dtype of what it replaces, or None where it cannot have them."""
    if new.dtype != old.dtype:
        value = number(new)
        if value is not None and old.dtype == "float64":
            new = lift(float(value))
        elif old.dtype == "bool" or new.dtype == "float64":
            return None
        else:
            new = OPS["cast"](new, to=old.dtype)
    if new.shape != old.shape:
        if not widens(new.shape, old.shape):
            return None
        new = OPS["broadcast_to"](new, shape=old.shape)
    return new


def widens(small: Shape, large: Shape) -> bool:
    """Whether an array of the first shape broadcasts to the second."""
    if has_batch(small) and (not has_batch(large) or len(small) != len(large)):
        return False
    inner, outer = core(small), core(large)
    if len(inner) > len(outer):
        return False
    return all(a == b or a == 1 for a, b in zip(reversed(inner), reversed(outer)))
