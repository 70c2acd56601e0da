"""One exponential for a value and its derivatives, where their stable forms each take one of their own.

    softplus(x), sigmoid(x), sigmoid(-x)    from  e = exp(-|x|)
    logsumexp(x), softmax(x)                from  e = exp(x - max(x)) and its sum

An exponential costs as much as three to ten additions, and adjoints meet the same one again and again. The
pass comes last: the rules know these functions by their names.
"""

from __future__ import annotations

from dataclasses import replace

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.ops.shared import decay, exp_below, logistic, shares, top
from symgrad.ops.structure import squeeze
from symgrad.rewrite.forms import negative


def share_exponentials(f: Function) -> Function:
    """The function with exponentials shared; itself where no two have one in common.

    Before: `softplus(z); sigmoid(z)`; after: `e = exp(-|z|); max(z, 0) + log1p(e); max(z >= 0, e) / (1 + e)`.
    """
    order = f.nodes()
    logistic_of, soft = _logistic_groups(order), _soft_groups(order)
    if not logistic_of and not soft:
        return f
    new: dict[Node, Node] = {}
    names: dict[Node, str] = {}
    for node in order:
        if node in logistic_of:
            base, flipped = logistic_of[node]
            new[node] = _from_decay(node, new[base], flipped)
            if base in f.names:
                function = "sigmoid" if node.op.name == "sigmoid" else "softplus"
                names[new[node]] = f"{function}_{'minus_' if flipped else ''}{f.names[base]}"
        elif node in soft:
            new[node] = _from_top(node, new[node.args[0]], f.names.get(node.args[0]), names)
        else:
            new[node] = rebuild(node, [new[a] for a in node.args])
    shared = f.map(new)
    return replace(shared, names={**names, **shared.names})


# --- softplus and the logistic function ---------------------------------------------------------------


def _logistic_groups(order: list[Node]) -> dict[Node, tuple[Node, bool]]:
    """For functions of x and -x that occur together: x, and whether they are of -x."""
    sides: dict[Node, tuple[Node, bool]] = {}
    groups: dict[Node, list[Node]] = {}
    arguments: dict[Node, Node] = {}
    for node in order:
        x = _argument(node)
        if x is not None:
            arguments[node] = x
            groups.setdefault(_side(x, sides)[0], []).append(node)
    return {node: sides[arguments[node]] for group in groups.values() if len(group) > 1 for node in group}


def _argument(node: Node) -> Node | None:
    """x where the node is sigmoid(x) or log(1 + exp(x))."""
    if node.op.name == "sigmoid":
        return node.args[0]
    if node.op.name == "logaddexp":
        for zero, x in (node.args, node.args[::-1]):
            if zero.is_constant(0) and x.op.name != "const":
                return x
    return None


def _side(x: Node, sides: dict[Node, tuple[Node, bool]]) -> tuple[Node, bool]:
    """The first met of x and -x, and whether x is the negative of it."""
    if x in sides:
        return sides[x]
    opposites = [negative(x)]
    if x.op.name == "sub":
        opposites.append(OPS["sub"](x.args[1], x.args[0]))
    known = next((o for o in opposites if o in sides), None)
    if known is not None:
        base, flipped = sides[known]
        sides[x] = base, not flipped
    elif x.op.name == "neg":
        # The operand is there before its negative.
        sides[x.args[0]], sides[x] = (x.args[0], False), (x.args[0], True)
    else:
        sides[x] = x, False
    return sides[x]


def _from_decay(node: Node, x: Node, flipped: bool) -> Node:
    e = decay(x)
    if node.op.name == "sigmoid":
        return logistic(x, e, flipped=flipped)
    return OPS["relu"](OPS["neg"](x) if flipped else x) + OPS["log1p"](e)


# --- logsumexp and softmax ----------------------------------------------------------------------------


def _soft_groups(order: list[Node]) -> set[Node]:
    """Soft maxima and their derivatives that are of one array along the same axes."""
    groups: dict[tuple[Node, tuple[int, ...]], list[Node]] = {}
    for node in order:
        if node.op.name in ("logsumexp", "softmax"):
            groups.setdefault((node.args[0], node.axes), []).append(node)
    return {node for group in groups.values() if len(group) > 1 for node in group}


def _from_top(node: Node, x: Node, name: str | None, names: dict[Node, str]) -> Node:
    largest = top(x, axes=node.axes)
    e = exp_below(x, largest)
    # The largest entry gives 1, so the total is less where all are -inf, or none is there.
    total = OPS["maximum"](OPS["sum"](e, axes=node.axes, keepdims=True), 1)
    if name is not None:
        names[e], names[total] = f"exp_{name}", f"sum_exp_{name}"
    if node.op.name == "softmax":
        return shares(e, total)
    value = largest + OPS["log"](total)
    return value if node.keepdims else squeeze(value, axes=node.axes)
