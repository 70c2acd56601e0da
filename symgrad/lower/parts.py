"""Very long bodies in parts: private functions of some thousand statements each, called one after the other.

CPython compiles a function in 10 microseconds and 3.5 kilobytes a statement, up to some 200,000 statements;
then shorter functions begin to be worth the text that hands values from one to the next. A part takes what it
reads and returns what is read later. Values that the same parts read later travel together, in one tuple:
those of a forward part that its backward part needs are thousands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from symgrad.lower.body import Body
from symgrad.lower.layout import LINE, layout
from symgrad.lower.names import Names, identifiers
from symgrad.lower.wrap import assigned, call_lines
from symgrad.program import Block, Section, Statement

#: Statements that one function may have, and that a part has where it has more.
MOST, PART = 200_000, 5_000
#: So many values for the same readers are handed over one by one.
FEW = 8

_TARGETS = re.compile(r"\s*(?:for )?\(?([^\W\d]\w*(?:, [^\W\d]\w*)*)[,)]* (?:(?:[-+*/@&|]|//|\*\*)?= |in )")


class _Part:
    """Some statements in a row: what they read and write."""

    def __init__(self, title: str, statements: Sequence[Statement]) -> None:
        self.title = title
        self.statements = statements
        lines = [line for statement in statements for line in statement.lines]
        self.reads = identifiers(lines)
        #: Names in order of their first assignment.
        self.writes: dict[str, None] = {}
        for line in lines:
            found = _TARGETS.match(line)
            if found is not None:
                self.writes.update(dict.fromkeys(found.group(1).split(", ")))


def in_parts(
    name: str, body: Body, names: Names, outer: Iterable[str], result: str
) -> tuple[tuple[Section, ...], list[Block]]:
    """The sections of a function that calls its parts, and these.

    `outer` are the names that the function has from the start, `result` is the text of what it returns.
    """
    parts = _cut(body)
    readers = _readers(parts, result)
    writers = Counter(n for part in parts for n in part.writes)
    # Where a name is: in the function itself, or in a bundle; and in what order names are given to parts.
    bundles: dict[str, list[str]] = {}
    blocks: list[Block] = []
    sections: list[Section] = list(body.size_sections())
    place = {n: k for k, n in enumerate(dict.fromkeys(outer))}
    given = {n: n for n in place}
    for i, part in enumerate(parts):
        wanted = sorted([n for n in part.reads if n in given], key=place.__getitem__)
        single = [n for n in wanted if given[n] == n]
        packed = list(dict.fromkeys([given[n] for n in wanted if given[n] != n]))
        opened = [line for bundle in packed for line in _unpacked(bundles[bundle], bundle)]
        alone, together = _handed_on(part, i, writers, readers)
        returned = list(alone)
        for members in together:
            bundle = names.take("kept", count_from=1, bare=False)
            bundles[bundle] = members
            given.update(dict.fromkeys(members, bundle))
            returned.append(bundle)
        given.update({n: n for n in alone})
        for n in part.writes:
            place.setdefault(n, len(place))
        function = f"_{name}_part{i + 1}"
        parameters = single + packed
        blocks.append(
            Block(
                "\n".join(call_lines(f"def {function}(", parameters, "):", 0)),
                f"Part {i + 1} of {len(parts)} of {name}.",
                (
                    *((Section("", tuple(opened)),) if opened else ()),
                    Section(part.title, layout(part.statements)),
                ),
                ", ".join([*alone, *map(_tuple, together)]) + ("," if len(returned) == 1 else ""),
            )
        )
        title = part.title if not sections or part.title != sections[-1].title else ""
        call = assigned(returned, f"{function}(", parameters, ")")
        if title or not sections:
            sections.append(Section(title, tuple(call)))
        else:
            sections[-1] = Section(sections[-1].title, (*sections[-1].lines, *call))
    late = identifiers([result])
    last = list(dict.fromkeys(given[n] for n in sorted(late) if given.get(n, n) != n))
    if last:
        sections.append(Section("", tuple(line for b in last for line in _unpacked(bundles[b], b))))
    return tuple(sections), blocks


def _cut(body: Body) -> list[_Part]:
    forward = [s for n, s in body.statements if n in body.forward]
    backward = [s for n, s in body.statements if n not in body.forward]
    titles = ("Forward", body.backward_title()) if body.function.bars else ("", "")
    return [
        _Part(title, statements[k : k + PART])
        for title, statements in zip(titles, (forward, backward))
        for k in range(0, len(statements), PART)
    ]


def _readers(parts: Sequence[_Part], result: str) -> dict[str, tuple[int, ...]]:
    """For each name, the parts that read it; the function's result comes after all of them."""
    found: dict[str, tuple[int, ...]] = {}
    for i, reads in enumerate([*(part.reads for part in parts), identifiers([result])]):
        for n in reads:  # in any order: what comes of it is looked up by name
            found[n] = (*found.get(n, ()), i)
    return found


def _handed_on(
    part: _Part, i: int, writers: Mapping[str, int], readers: Mapping[str, tuple[int, ...]]
) -> tuple[list[str], list[list[str]]]:
    """What a part returns: values one by one, and groups of values that the same parts read."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for n in part.writes:
        later = tuple(k for k in readers.get(n, ()) if k > i)
        if later:
            groups.setdefault(later, []).append(n)
    alone: list[str] = []
    together: list[list[str]] = []
    for members in groups.values():
        # What is assigned in several parts is handed over by name, so that the newest value is read.
        moving = [n for n in members if writers[n] > 1]
        rest = [n for n in members if writers[n] == 1]
        alone += moving
        if len(rest) <= FEW:
            alone += rest
        else:
            together.append(rest)
    return alone, together


def _tuple(members: Sequence[str]) -> str:
    return "\n".join(["(", *_folded(members), ")"])


def _unpacked(members: Sequence[str], bundle: str) -> list[str]:
    return ["(", *_folded(members), f") = {bundle}"]


def _folded(members: Sequence[str]) -> list[str]:
    """Names with commas, as many on a line as fit: a tuple may have many thousands."""
    lines: list[str] = []
    line = "   "
    for name in members:
        if len(line) + len(name) + 2 > LINE - 8 and len(line) > 3:
            lines.append(line)
            line = "   "
        line = f"{line} {name},"
    return [*lines, line]
