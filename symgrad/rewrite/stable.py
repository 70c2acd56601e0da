"""Stable forms: what overflows or cancels as textbooks write it, computed as numerical libraries do.

The rules of this family run on a function before it is differentiated, so that the derivative is that of the
stable form, and once more after. They look for what the user meant: `log(1 + exp(x))`, `log1p(exp(x))` and
`log(np.exp(x) + 1.0)` are one softplus. Where the form as written is accurate, the stable one agrees with it
to a few units in the last place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import replace
from typing import NamedTuple

from symgrad.graph import Function
from symgrad.node import Node, Op, build
from symgrad.ops.quotients import as_written
from symgrad.rewrite.closures import in_closures
from symgrad.rewrite.engine import conform
from symgrad.rewrite.table import Context, Rule

#: The family, by name; a rule that is declared earlier is tried first.
STABLE: dict[str, Rule] = {}

#: Passes over a function, and firings on one node in a pass: what one rule makes, another may go on with.
PASSES = 6
FIRINGS = 8

Form = Callable[[Node], "Node | None"]


class _Form(NamedTuple):
    """One spelling of a law: the operation it is looked for at, and those one of which it has in it."""

    name: str
    head: str
    needs: frozenset[str]
    function: Form


_FORMS: list[_Form] = []
#: The forms to try, by the operation at their head.
_Forms = dict[str, list[_Form]]


def stable(
    name: str, head: str, law: str, example: Callable[[], Node], needs: Iterable[str] = ()
) -> Callable[[Form], Form]:
    """Declare a rule: the decorated function takes a node of the operation `head` to its stable form.

    Several functions may be declared under one name: they are spellings of one law. A rule that `needs`
    operations is tried in functions that have one of them: ask for those as well that other rules make
    them of.
    """

    def decorate(function: Form) -> Form:
        key = name if name not in STABLE else f"{name}:{len(STABLE)}"

        def apply(node: Node, context: Context) -> Node | None:
            return function(node)

        STABLE[key] = one = Rule(name, law, (head,), apply, example=example)
        _FORMS.append(_Form(one.name, head, frozenset(needs), function))
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
        if new is None:
            break
        f = f.map(new)
    return replace(f, rewrites=dict(Counter(f.rewrites) + fired)) if fired else f


def _derives_from_marked(f: Function) -> bool:
    while f.origin is not None:
        f = f.origin.base
        if f.origin is None:
            return any(node.op is as_written for node in f.nodes())
    return False


def _pass(f: Function, fired: MutableMapping[str, int]) -> dict[Node, Node] | None:
    """Every node of the function to its replacement; None where nothing changes."""
    order = f.nodes()
    present = {node.op for node in order}
    kept: set[Node] = set()
    if as_written in present:
        for node in reversed(order):
            if node in kept or node.op is as_written:
                kept.update(node.args)
    forms = _forms(present)
    changed: dict[Node, Node] = {}
    for node in order:
        image = node
        if changed:
            for a in node.args:
                if a in changed:
                    image = build(node.op, tuple([changed.get(k, k) for k in node.args]), node.params)
                    break
        if image.op.name in forms and node not in kept:
            image = _rewritten(image, forms, fired)
        if image is not node:
            changed[node] = image
    return {node: changed.get(node, node) for node in order} if changed else None


def _forms(present: Iterable[Op]) -> _Forms:
    """Those that a function of the given operations may have, in order of declaration."""
    names = {op.name for op in present}
    found: _Forms = {}
    for one in _FORMS:
        if not one.needs or not one.needs.isdisjoint(names):
            found.setdefault(one.head, []).append(one)
    return found


def _rewritten(node: Node, forms: _Forms, fired: MutableMapping[str, int]) -> Node:
    for _ in range(FIRINGS):
        for one in forms.get(node.op.name, ()):
            found = one.function(node)
            found = conform(found, node) if found is not None else None
            if found is not None and found is not node:
                fired[one.name] = fired.get(one.name, 0) + 1
                node = found
                break
        else:
            break
    return node
