"""What a picture of a function holds: a box for each value that has a name, arrows for what it is made of.

The boxes are the statements of the generated code, so that a picture and the module show the same thing: what
is written inside another expression there stands inside a box here, and literals, sizes and views never get
boxes of their own.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from symgrad.draw.terms import terms
from symgrad.graph import Function, dependents
from symgrad.lower.body import Body
from symgrad.lower.docs import mathematical
from symgrad.lower.environment import Env
from symgrad.lower.names import Names
from symgrad.lower.origins import Origins
from symgrad.node import Node
from symgrad.pipeline import prepare
from symgrad.shapes import BATCH, shape_text

#: Characters of a formula on one line of a box, and lines after which it is cut.
WIDTH = 36
LINES = 10
#: Uses above which an argument has no arrows: its name in the formulas says as much as a fan across the page.
FAN = 6


@dataclass(frozen=True)
class Box:
    """One value: its name, the formula it is computed by, its shape, and what it is to the function.

    `role` is one of input, forward, output, adjoint, gradient, tangent; `paths` counts the edges of the
    differentiated graph whose contributions the adjoint adds up, 0 where they are not known.
    """

    key: str
    name: str
    formula: tuple[str, ...]
    shape: str
    role: str
    paths: int = 0
    line: str = ""
    #: For an argument whose arrows are left out, in how many formulas it is used.
    uses: int = 0

    @property
    def derivative(self) -> bool:
        """Whether it belongs to the derivative: the other side of the picture."""
        return self.role in ("adjoint", "gradient", "tangent")


@dataclass(frozen=True)
class Arrow:
    """One value used in the formula of another: `role` is forward, adjoint, or reuse (across)."""

    tail: str
    head: str
    shape: str
    role: str


@dataclass(frozen=True)
class Picture:
    """Boxes and arrows, and the pairs of a value and its adjoint, which stand side by side."""

    title: str
    subtitle: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    pairs: tuple[tuple[str, str], ...]
    #: Title of the derivative's side.
    derivative: str = "Adjoints"
    #: Whether the derivative runs from the output back to the inputs.
    reverse: bool = True


def picture(function: Function, title: str | None = None) -> Picture:
    """The picture of a function as it will be emitted."""
    ready = prepare(function)
    names = Names()
    arguments = {leaf: names.take(leaf.name.rpartition(".")[2]) for leaf in ready.input_nodes}
    body = Body(ready, names, arguments, Env({name: name for name in ready.dims}))
    body.build(comments=False)
    origins = Origins(ready)
    counted = path_counts(function)
    outputs = set(ready.output_nodes)
    kind = None if function.origin is None else function.origin.kind
    used = _used(body, ready.output_nodes)

    boxes: list[Box] = []
    keys: dict[Node, str] = {}

    def add(node: Node, name: str, text: str, role: str) -> None:
        keys[node] = f"b{len(boxes)}"
        primal = ready.bars.get(node)
        paths = counted.get(body.named.get(primal, ""), 0) if primal is not None else 0
        shape = "" if node.shape in ((), (BATCH,)) else shape_text(node.shape)
        if node.shape == (BATCH,) and role == "input":
            shape = "any shape"
        lines = _wrapped(text, split=paths > 1)
        boxes.append(Box(keys[node], name, lines, shape, role, paths, origins.line(node) if text else ""))

    for leaf, name in arguments.items():
        if leaf in used:
            add(leaf, name, "", "input")
    derived = kind not in (None, "vmap") and bool(ready.primal)
    for node, statement in body.statements:
        first, *rest = map(mathematical, statement.lines)
        text = "\n".join([first.partition(" = ")[2], *rest])
        # A loop or a branch is one box, called after its results.
        results = body.results[node].values() if node.dtype == "results" else (node,)
        if node.dtype == "results":
            text = "\n".join(_gist([first, *rest]))
        returned = any(one in outputs for one in results)
        if node in body.forward or not derived:
            role = "output" if returned else "forward"
        else:
            role = "tangent" if kind == "jvp" else "gradient" if returned else "adjoint"
        called = [body.named[one] for one in results if one in body.named]
        joined = ", ".join(dict.fromkeys(called))
        add(node, textwrap.shorten(joined, WIDTH, placeholder=" …"), text, role)
    for node, name in body.outputs.items():
        if node not in keys and node.op.name != "result":  # a literal, such as the 0 that a derivative can be
            add(node, name, mathematical(body.text[node].source), "gradient" if derived else "output")

    operands = {node: _operands(node, keys) for node in keys}
    uses = Counter(operand for below in operands.values() for operand in below)
    fans = {leaf for leaf in arguments if uses[leaf] > FAN}
    for position, leaf in enumerate(leaf for leaf in arguments if leaf in used):
        if leaf in fans:
            boxes[position] = replace(boxes[position], uses=uses[leaf])
    by_key = {box.key: box for box in boxes}
    arrows = []
    for node, key in keys.items():
        for operand in operands[node]:
            if operand in fans:
                continue
            tail, head = by_key[keys[operand]], by_key[key]
            role = "adjoint" if tail.derivative else "reuse" if head.derivative else "forward"
            arrows.append(Arrow(tail.key, key, tail.shape if tail.shape != "any shape" else "", role))
    pairs = [
        (keys[primal], keys[node])
        for node, primal in ready.bars.items()
        if node in keys and primal in keys and by_key[keys[node]].derivative
    ]
    return Picture(
        title=title or function.name,
        subtitle=" ".join(function.doc.partition("\n\n")[0].split()) if function.origin is None else "",
        boxes=tuple(boxes),
        arrows=tuple(arrows),
        pairs=tuple(pairs),
        derivative="Tangents" if kind == "jvp" else "Adjoints",
        reverse=kind != "jvp",
    )


def path_counts(function: Function) -> dict[str, int]:
    """For each named value of the function that was differentiated, how many paths leave it."""
    origin = function.origin
    if origin is None:
        return {}
    base = origin.base
    wrt = {p.name for p in base.parameters if p.name in origin.wrt}
    sources = [leaf for leaf in base.input_nodes if leaf.name.partition(".")[0] in wrt]
    order = base.nodes()
    active = dependents(order, sources)
    counts: dict[Node, int] = {}
    for node in order:
        if node in active and node.dtype == "float64":
            for position, operand in enumerate(node.args):
                if operand in active and node.op.rule(position) is not None:
                    counts[operand] = counts.get(operand, 0) + 1
    named = {leaf: leaf.name.rpartition(".")[2] for leaf in base.input_nodes} | dict(base.names)
    return {named[node]: count for node, count in counts.items() if node in named}


def _used(body: Body, outputs: Iterable[Node]) -> set[Node]:
    return {operand for node in body.order for operand in node.args} | set(outputs)


def _gist(lines: list[str]) -> list[str]:
    """The lines of a loop without comments, and without those that make room for what it stores."""
    bare = [re.sub(r"\s+# .*", "", line) for line in lines]
    return [line for line in bare if line.strip() and not re.fullmatch(r"\w+ = empty\(.*\)", line.strip())]


def _operands(node: Node, keys: dict[Node, str]) -> list[Node]:
    """The nearest values below a node that have boxes, in the order of its formula."""
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = list(reversed(node.args))
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        if current in keys:
            found[current] = None
        else:
            stack.extend(reversed(current.args))
    return list(found)


def _wrapped(text: str, split: bool) -> tuple[str, ...]:
    """The formula on a few short lines; a sum over paths has each of its terms on a line of its own."""
    if not text:
        return ()
    lines: list[str] = []
    for term in terms(text) if split else text.split("\n"):
        depth = term[: len(term) - len(term.lstrip())]
        wrapped = textwrap.wrap(
            term.strip(),
            WIDTH,
            initial_indent=depth,
            subsequent_indent=f"{depth}    ",
            break_long_words=False,
        )
        lines += wrapped
    return tuple(lines if len(lines) <= LINES else [*lines[: LINES - 1], "    …"])
