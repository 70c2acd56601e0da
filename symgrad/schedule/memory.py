"""What a function takes in memory beside its arguments and results, as a formula in the named dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symgrad.flops import NOTHING, POINTS, Flops, elements, extent, nominal
from symgrad.graph import Function
from symgrad.kernels.tiles import _tile_pairs, _tile_rows
from symgrad.node import Node
from symgrad.options import Options
from symgrad.schedule.choose import footprint, least_rows
from symgrad.schedule.order import most_alive
from symgrad.schedule.plan import Plan
from symgrad.shapes import Shape

_rows_of: Callable[[int], int] = _tile_rows
#: Numbers that a tile takes where its rows are not too long, or too many calls are made for each.
NUMBERS = _rows_of(1)
_pairs_of: Callable[[int, int], int] = _tile_pairs
#: The same for tiles of pairs, and the rows that these have at least.
PAIRS = _pairs_of(1, 2**62), _pairs_of(2**62, 2**62)


def memory_text(
    function: Function, order: Sequence[Node], plan: Plan | None, alive: int, options: Options
) -> str:
    """A sentence for people: `Memory: about 3 n d + n numbers beside arguments and results.`

    `alive` is how many numbers an element of a scalar formula keeps, 0 where it has no tiles. Nothing is said
    where memory does not depend on a dimension.
    """
    tiled = plan is not None or alive > 0
    if not tiled and not function.dims and not function.has_batch:
        return ""
    results = set(function.output_nodes)
    total = NOTHING
    if alive == 0:
        whole = list(order) if plan is None else [node for stage in plan.stages for node in stage]
        stored = [] if plan is None else [node for phase in plan.phases for node, _ in phase.stored]
        for node in most_alive(whole, results, results.__contains__, _size):
            total += elements(_shape(node, plan))
        for node in stored:
            if node not in results:
                total += elements(_shape(node, plan))
    parts = [_numbers(total, function)] if total.names else []
    if tiled:
        parts.append(_tile(plan, options))
    return f"Memory: about {' and '.join(parts)} beside arguments and results." if parts else ""


def _shape(node: Node, plan: Plan | None) -> Shape:
    """The shape in sizes that have a name for people."""
    if plan is None or plan.pairs is None:
        return node.shape
    return tuple([plan.pairs if size == plan.size else size for size in node.shape])


def _size(node: Node) -> float:
    return nominal(elements(node.shape))


def _numbers(total: Flops, function: Function) -> str:
    if not all(POINTS in monomial for monomial in total.terms):
        return f"{total.to_text(function.dims)} numbers"
    one = {tuple(x for x in monomial if x != POINTS): count for monomial, count in total.terms.items()}
    return f"{Flops(one).to_text(function.dims)} numbers a point"


def _tile(plan: Plan | None, options: Options) -> str:
    """The size of the largest tile."""
    if options.tiles is not True:
        return f"tiles of {int(options.tiles)} rows"
    widest, most, rows = NOTHING, NUMBERS, 1
    if plan is not None:
        for phase in plan.phases:
            total = footprint(phase, plan.size, options).total
            widest = max(widest, extent(total), key=nominal)
            least = least_rows(phase, plan.size, options)
            rows = max(rows, least)
            if isinstance(total, int):
                most = max(most, total * least)
    if not widest.names:
        return f"tiles of {most:,} numbers"
    room = NUMBERS
    if plan is not None and plan.pairs is not None:
        room, rows = PAIRS
    count = "one row" if rows == 1 else f"{rows} rows"
    return f"tiles of {room:,} numbers or of {count} of {widest.to_text()}"
