"""What a function costs: its arithmetic as a formula in the dimensions, and a rough price in nanoseconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from symgrad.flops import POINTS, Flops, elements
from symgrad.graph import Function
from symgrad.node import Node
from symgrad.shapes import Shape

#: The size that every named dimension is given, and the elements of a leading `...`.
NOMINAL = 64
#: A second size: where the ratio of two formulas is another one there, they grow differently.
LARGE = 4096


@dataclass(frozen=True)
class Cost:
    """What evaluating a function once takes. Only work that depends on an argument counts."""

    #: Steps of arithmetic, whatever the size of the arrays: what a scalar formula is measured by.
    operations: int
    flops: Flops

    def at(self, size: int) -> float:
        """The flops where every dimension has that size."""
        return self.flops.at(dict.fromkeys(self.flops.names, size))


def cost(function: Function) -> Cost:
    """The cost of a function in the form that is emitted."""
    operations = 0
    # Elements by shape first: formulas are added once a shape, for there may be a million scalars.
    counts: dict[Shape, int] = {}
    rest = Flops({})
    work = _work(function)
    tally = Counter(map(attrgetter("op", "shape"), work))
    for (op, shape), number in tally.items():
        if not op.view and op.operands and not callable(op.flops):
            each = 1 if op.flops is None else op.flops
            counts[shape] = counts.get(shape, 0) + each * number
            operations += number if each > 0 or op.elementwise else 0
    for node in work if any(callable(op.flops) for op, _ in tally) else ():
        if callable(node.op.flops) and node.args and not node.op.view:
            flops = node.op.flops(node)
            rest += flops
            operations += bool(flops)
    for shape, count in counts.items():
        rest += elements(shape) * count
    return Cost(operations, rest)


def ratio(derivative: Cost, base: Cost) -> float | None:
    """How many times the flops of the base; None where that depends on the dimensions, or there are none."""
    if not base.flops or not derivative.flops:
        return None
    nominal, large = (derivative.at(size) / base.at(size) for size in (NOMINAL, LARGE))
    return nominal if 0.6 < nominal / large < 1.6 else None


def cost_text(own: Cost, base: Cost | None, name: str, order: Iterable[str] = ()) -> str:
    """A sentence for people: `Cost: 4 n d + 9 n flops, 1.8 times the 2 n d + 5 n of loss.`

    `base` is what a derivative, and of a function called `name`, is compared with; `order` is that of the
    dimensions.
    """
    names = tuple(order)
    compared = () if base is None else (base,)
    a_point = all(POINTS in monomial for c in (own, *compared) for monomial in c.flops.terms)
    if own.flops:
        count = _flops(own, names, a_point)
        text = f"{count} flop{'' if count == '1' else 's'}{' a point' if a_point else ''}"
    else:
        text = "no arithmetic"
    if base is None or not base.flops:
        return f"Cost: {text}."
    times = ratio(own, base)
    value = _flops(base, names, a_point)
    if times is None:
        return f"Cost: {text}; {name} takes {value}."
    return f"Cost: {text}, {times:.1f} times the {value} of {name}."


def _flops(of: Cost, order: tuple[str, ...], a_point: bool) -> str:
    if not a_point:
        return of.flops.to_text(order)
    single = {}
    for monomial, count in of.flops.terms.items():
        left = list(monomial)
        left.remove(POINTS)
        single[tuple(left)] = count
    return Flops(single).to_text(order)


def derivative_cost(pairs: Iterable[tuple[Function, Function | None]]) -> float | None:
    """Price of all derivatives over that of what they are derivatives of, summed alike.

    Pairs of a function and what it is a derivative of, None for others, both in the form that is emitted. The
    result is None where there is no derivative, or nothing to compute.
    """
    derivatives = [(f, base) for f, base in pairs if base is not None]
    whole = math.fsum(price(base) for _, base in derivatives)
    return math.fsum(price(f) for f, _ in derivatives) / whole if whole else None


def price(function: Function) -> float:
    """Nanoseconds, about, that numpy takes with all dimensions `NOMINAL`, calls themselves not counted.

    A result that is a view of something is copied before it is returned.
    """
    work = _work(function)
    active = set(work)
    copied = [node for node in function.output_nodes if node in active and (node.op.view or not node.args)]
    return math.fsum(map(node_price, work)) + math.fsum(0.25 * _nominal(node.shape) for node in copied)


def node_price(node: Node) -> float:
    """Nanoseconds, about, that numpy takes for one node with all dimensions `NOMINAL`."""
    op = node.op
    if op.view or not node.args:
        return 0.0
    flops = op.work(node)
    moved = max(_nominal(x.shape) for x in (node, *node.args))
    # What moves data takes its time without any arithmetic.
    return op.price * max(flops.at(dict.fromkeys(flops.names, NOMINAL)), moved)


def _nominal(shape: Shape) -> float:
    whole = elements(shape)
    return max(1.0, whole.at(dict.fromkeys(whole.names, NOMINAL)))


def _work(function: Function) -> list[Node]:
    """The nodes that depend on an argument."""
    given = set(function.input_nodes)
    idle: set[Node] = set()  # literals and what is made of them: few
    found: list[Node] = []
    for node in function.nodes():
        for operand in node.args:
            if operand not in idle:
                found.append(node)
                break
        else:
            if node in given:
                found.append(node)
            else:
                idle.add(node)
    return found
