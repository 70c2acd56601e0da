"""Whether tiles of rows pay, over which size, and how many numbers a row of a tile keeps alive."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from symgrad.cost import NOMINAL, node_price
from symgrad.graph import Function
from symgrad.kernels.tiles import _tile_rows
from symgrad.node import Node
from symgrad.options import Options
from symgrad.schedule.order import most_alive, order_of
from symgrad.schedule.pairs import Paired, is_pair, paired
from symgrad.schedule.plan import Phase, Plan, plan
from symgrad.shapes import BATCH, Size, core, dim_names, evaluate, named, product
from symgrad.tree import leaves

_rows_of: Callable[[int], int] = _tile_rows

#: Temporary arrays that tiles have to save, less what they cost, for the code to be worth its length.
WORTH = 3.25
#: The same for a scalar formula, whose operations are often dear beside the memory that they need.
ELEMENTS = 6
#: What a further phase costs, in temporaries: the rows are read again.
PHASE = 2
#: Rows below which a dimension of known typical size is not worth tiles.
ROWS = 1024
#: The same for rows of pairs, each of which is as long again.
PAIRS = 256
#: Dimensions looked at, those that most values have first.
CANDIDATES = 3
#: And of those only what is on no fewer values than this part of the most.
RARE = 8
#: Nanoseconds that a call of numpy takes beside its work, about, where data push code out of the cache.
CALL = 1000
#: How many times as long the work of a tile has to take.
WORK = 10
#: Rows that a tile has whatever they take.
FEWEST = 512
#: Rows and numbers up to which a tile grows for that: more than a cache holds, which costs less than calls.
MOST_ROWS, MOST = 8192, 500_000
#: What it saves, in temporaries, to read an array again while it is in cache, where there is one loop.
AGAIN = 0.5
#: Rows make much more than they read where their largest array is so many times as large.
MUCH = 8
#: What it costs, in temporaries, to go through columns of arrays; for the choice among dimensions that pay.
APART = 0.25
#: Loops over the rows, beyond which the code is better left as it is.
PHASES = 3


def choose(function: Function, order: Sequence[Node], options: Options) -> Plan | None:
    """The plan to follow, None for the straight form; `order` has the operands before their users."""
    if options.tiles is False or function.has_batch or not function.dims:
        return None
    if options.partial:
        parts = choose_sum(function, order)
        if parts is not None:
            return parts
    counts = dict.fromkeys(function.dims, 0)
    names: dict[object, tuple[str, ...]] = {}
    for node in order:
        if node.shape not in names:
            names[node.shape] = tuple({name: None for size in node.shape for name in dim_names(size)})
        for name in names[node.shape]:
            counts[name] += 1
    forced = options.tiles is not True
    most = max(counts.values())
    best: Plan | None = None
    best_rank = -inf
    for name in sorted(counts, key=lambda d: -counts[d])[:CANDIDATES]:
        if not forced and (counts[name] < max(WORTH, most / RARE) or options.typical.get(name, ROWS) < ROWS):
            continue
        found = plan(function, order, named(name))
        if found is None or not found.phases or (len(found.phases) > PHASES and not forced):
            continue
        score = saved(function, found, options)
        rank = score - APART if strided(found) else score
        if rank > best_rank and (forced or score >= WORTH):
            best, best_rank = found, rank
    return best


def choose_pairs(
    function: Function, order: Sequence[Node], found: Plan | None, options: Options
) -> tuple[Paired, tuple[list[Node], set[Node]], Plan] | None:
    """The function with rows of pairs, its order and its plan, where that is better than the plan `found`."""
    if options.tiles is False or function.has_batch or "pairs" in options.without:
        return None
    if options.partial and found is not None:
        return None  # its parts follow that plan
    inside = _tiled(found) if found is not None else set()
    best = None
    best_score = 0.0
    if options.tiles is True:
        best_score = float(WORTH)
        # Sizes that come last in all arguments are those of features: there are fewer than there are pairs.
        if found is not None and any(core(leaf.shape)[:1] == (found.size,) for leaf in function.input_nodes):
            best_score = max(best_score, saved(function, found, options))
    for name in function.dims:
        n = named(name)
        pairs = [node for node in order if is_pair(node, n)]
        if inside.issuperset(pairs):
            continue  # there are none, or tiles of something else hold them already
        if options.tiles is True and options.typical.get(name, PAIRS) < PAIRS:
            continue
        made = paired(function, order, n)
        if made is None:
            continue
        other = order_of(made.function, options)
        apart = plan(made.function, other[0], made.rows)
        if apart is None or len(apart.phases) > (PHASES if options.tiles is True else len(order)):
            continue
        score = saved(made.function, apart, options)
        if score >= best_score and apart.phases:
            best, best_score = (made, other, replace(apart, pairs=n)), score
    return best


def _tiled(found: Plan) -> set[Node]:
    """The values that a plan never holds for all rows at once."""
    stored = {node for phase in found.phases for node, _ in phase.stored}
    some = {node for phase in found.phases for node in phase.order if found.size in node.shape}
    return some - stored


def choose_sum(function: Function, order: Sequence[Node]) -> Plan | None:
    """The plan of a function whose results are made of sums over rows of its arguments; None for others."""
    for name in function.dims:
        found = plan(function, order, named(name), scatter=True)
        if found is None or len(found.phases) != 1 or found.phases[0].stored:
            continue
        inputs = all(node.op.name == "input" for node, _ in found.phases[0].sources)
        whole = [node for stage in found.stages for node in stage if node.op.name != "input"]
        apart = all(name not in dim_names(size) for node in whole for size in core(node.shape))
        mixed = any(
            len({name in _names(leaf) for leaf in leaves(parameter.tree)}) > 1
            for parameter in function.parameters
        )
        if found.phases[0].sums and inputs and apart and not mixed:
            return found
    return None


def _names(node: Node) -> set[str]:
    return {name for size in core(node.shape) for name in dim_names(size)}


def choose_elements(function: Function, order: Sequence[Node], options: Options) -> int:
    """Numbers that an element of a scalar formula keeps in memory; 0 where tiles do not pay, or cannot be."""
    if options.tiles is False or not function.has_batch:
        return 0
    if any(node.shape != (BATCH,) for node in function.output_nodes):
        return 0
    work = [node for node in order if node.args]
    for node in order:
        apart = node.op.elementwise or not node.args or node.op.name in ("cast", "stop_gradient")
        if node.shape not in ((), (BATCH,)) or not apart or node.op.statement is not None:
            return 0
    results = set(function.output_nodes)
    kept = [node for node in work if node.shape and node not in results]
    if len(kept) < ELEMENTS and options.tiles is True:
        return 0
    batched = [node for node in function.input_nodes if node.shape]
    phase = Phase([(node, 0) for node in batched], work, [], [(node, 0) for node in results if node.args])
    alive = footprint(phase, BATCH, options).total
    assert isinstance(alive, int)
    return alive


def saved(function: Function, found: Plan, options: Options) -> float:
    """Temporaries of all rows that tiles save, counted in arrays of the largest, less what tiles cost."""
    results = set(function.output_nodes)
    gained = lost = largest = read = 0.0
    for node in itertools.chain(*found.stages):
        if is_pair(node, found.size):  # beside which single rows are nothing
            largest = max(largest, NOMINAL * _numbers(node, found, options))
    for phase in found.phases:
        read += sum(_numbers(node, found, options) for node, _ in phase.sources)
        kept = {node for node, _ in phase.stored}
        summed = {node for node, _ in phase.sums}
        sources = {node for node, _ in phase.sources}
        met: set[Node] = set()
        for node in phase.order:
            for a in dict.fromkeys(node.args):
                if a in sources and a in met and len(found.phases) == 1:
                    gained += AGAIN * _numbers(a, found, options)
                met.add(a)
            if node.op.view or node in summed:
                continue
            size = _numbers(node, found, options)
            largest = max(largest, size)
            if node not in kept:
                gained += size
            elif node not in results:
                lost += size
    score = (gained - lost) / max(largest, 1.0) - PHASE * (len(found.phases) - 1)
    # Where rows make much more than they read, what tiles save is most of what takes time.
    return score + 1 if largest >= MUCH * read else score


def strided(found: Plan) -> bool:
    """Whether tiles read or write arrays whose rows are not the first axis: rows that lie apart in memory."""
    return any(axis and node.rank > 1 for p in found.phases for node, axis in (*p.sources, *p.stored))


def _numbers(node: Node, found: Plan, options: Options) -> float:
    """Numbers in a row of the node, at typical sizes."""
    return float(_evaluate(row_size(node, found.size), options))


def _evaluate(size: Size, options: Options) -> int:
    return evaluate(size, {name: options.typical.get(name, NOMINAL) for name in dim_names(size)})


def row_size(node: Node, n: Any) -> Size:
    """Numbers in one row: the product of the other sizes."""
    total: Size = product([size for size in core(node.shape) if size != n])
    return total


@dataclass(frozen=True)
class Footprint:
    """Numbers that a row of a tile keeps in memory: those it reads, and the most that live at one time."""

    sources: Size
    temporaries: Size

    @property
    def total(self) -> Size:
        both: Size = self.sources + self.temporaries
        return both


def _has_pairs(node: Node) -> bool:
    """Whether two axes of the value have one named size."""
    sizes = [size for size in core(node.shape) if not isinstance(size, int)]
    return len(set(sizes)) < len(sizes)


def least_rows(phase: Phase, n: Any, options: Options) -> int:
    """Rows of a tile below which calls would take a larger part of the time than they should.

    They may be many where rows are narrow: a hundred operations on columns pay for a hundred calls. One that
    holds pairs is enough.
    """
    if any(_has_pairs(node) for node in phase.order):
        return 1
    total = footprint(phase, n, options).total
    if not isinstance(total, int):
        return FEWEST
    work = [node for node in phase.order if not node.op.view]
    nanoseconds = sum(map(node_price, work)) / NOMINAL
    wanted = min(WORK * CALL * len(work) / max(nanoseconds, 1.0), MOST / max(total, 1), MOST_ROWS)
    rows = 1 << math.floor(math.log2(max(wanted, 1.0)))
    return rows if rows > _rows_of(total) else FEWEST


def footprint(phase: Phase, n: Any, options: Options) -> Footprint:
    """What one row of a phase occupies; where most is alive is found at typical sizes."""
    summed = {node for node, _ in phase.sums}
    kept = [node for node, _ in phase.stored]

    def numbers(node: Node) -> float:
        return _evaluate(row_size(node, n), options)

    temporaries: Size = 0
    for node in most_alive(phase.order, kept, summed.__contains__, numbers):
        temporaries = temporaries + row_size(node, n)
    sources: Size = 0
    for node, _ in phase.sources:
        sources = sources + row_size(node, n)
    return Footprint(sources, temporaries)
