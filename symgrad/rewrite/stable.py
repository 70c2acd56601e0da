"""Stable forms: what overflows or cancels as textbooks write it, computed as numerical libraries do.

The rules of this family run on a function before it is differentiated, so that the derivative is that of the
stable form, and once more after. They look for what the user meant: `log(1 + exp(x))`, `log1p(exp(x))` and
`log(np.exp(x) + 1.0)` are one softplus. Where the form as written is accurate, the stable one agrees with it
to a few units in the last place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, MutableMapping
from dataclasses import replace

from symgrad.graph import Function
from symgrad.node import Node, build
from symgrad.ops.quotients import as_written
from symgrad.rewrite.closures import in_closures
from symgrad.rewrite.engine import conform
from symgrad.rewrite.table import Context, Rule

#: The family, by name; a rule that is declared earlier is tried first.
STABLE: dict[str, Rule] = {}
_BY_HEAD: dict[str, list[Rule]] = {}

#: Passes over a function, and firings on one node in a pass: what one rule makes, another may go on with.
PASSES = 6
FIRINGS = 8

Form = Callable[[Node], "Node | None"]


def stable(name: str, head: str, law: str, example: Callable[[], Node]) -> Callable[[Form], Form]:
    """Declare a rule: the decorated function takes a node of the operation `head` to its stable form.

    Several functions may be declared under one name: they are spellings of one law.
    """

    def decorate(function: Form) -> Form:
        key = name if name not in STABLE else f"{name}:{len(STABLE)}"

        def apply(node: Node, context: Context) -> Node | None:
            return function(node)

        STABLE[key] = one = Rule(name, law, (head,), apply, example=example)
        _BY_HEAD.setdefault(head, []).append(one)
        return function

    return decorate


def stabilize(f: Function) -> Function:
    """The function in stable forms, names and lines kept; `f.rewrites` counts which rules fired.

    >>> stabilize(f)                # before:  v = log(add(1, exp(x)))
                                    # after:   v = logaddexp(0, x)

    All that the operand of `as_written` is computed from stays as it is, and so does a derivative of what has
    such a mark, in which the form of the marked part goes on.
    """
    if _derives_from_marked(f):
        return f
    fired: Counter[str] = Counter()
    f = in_closures(f, stabilize)
    for _ in range(PASSES):
        new = _pass(f, fired)
        if all(node is image for node, image in new.items()):
            break
        f = f.map(new)
    return replace(f, rewrites=dict(Counter(f.rewrites) + fired)) if fired else f


def _derives_from_marked(f: Function) -> bool:
    while f.origin is not None:
        f = f.origin.base
        if f.origin is None:
            return any(node.op is as_written for node in f.nodes())
    return False


def _pass(f: Function, fired: MutableMapping[str, int]) -> dict[Node, Node]:
    order = f.nodes()
    kept: set[Node] = set()
    for node in reversed(order):
        if node in kept or node.op is as_written:
            kept.update(node.args)
    new: dict[Node, Node] = {}
    for node in order:
        image = node
        for a in node.args:
            if new[a] is not a:
                image = build(node.op, tuple([new[k] for k in node.args]), node.params)
                break
        rules = _BY_HEAD.get(image.op.name)
        new[node] = image if rules is None or node in kept else _rewritten(image, fired)
    return new


_CONTEXT = Context()


def _rewritten(node: Node, fired: MutableMapping[str, int]) -> Node:
    for _ in range(FIRINGS):
        for one in _BY_HEAD.get(node.op.name, ()):
            found = one.apply(node, _CONTEXT)
            found = conform(found, node) if found is not None else None
            if found is not None and found is not node:
                fired[one.name] = fired.get(one.name, 0) + 1
                node = found
                break
        else:
            break
    return node
