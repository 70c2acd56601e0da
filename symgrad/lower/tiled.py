"""A function whose rows are computed tile by tile: a private function for the rows, and what calls it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import replace

from symgrad.lower.body import Body
from symgrad.lower.environment import Env
from symgrad.lower.layout import layout
from symgrad.lower.names import identifiers
from symgrad.lower.reuse import OVER, written_over
from symgrad.lower.wrap import assigned, call_lines, indented, tuple_of
from symgrad.node import Node
from symgrad.options import Options
from symgrad.program import Block, Section
from symgrad.schedule.choose import FEWEST, footprint, least_rows
from symgrad.schedule.pairs import SEEN
from symgrad.schedule.plan import Phase, Plan
from symgrad.shapes import named

#: Width of the explanation above the loop.
COMMENT = 106
#: How many operations away from a name a sum is called after it.
NEAR = 4


class Tiled:
    """Lowers a function by its plan; `extent` is the name of the number of rows, that of all by default."""

    def __init__(self, name: str, main: Body, plan: Plan, options: Options, extent: str = "") -> None:
        self.name = name
        self.main = main
        self.plan = plan
        self.options = options
        self.function, self.names, self.env = main.function, main.names, main.env
        #: Names of values, the same in all parts of the function.
        self.called = main.share_names()
        self.n = extent or self.env.dims[str(plan.size)]
        self.tile, self.step, self.rows = (self.names.take(wish) for wish in ("tile", "step", "rows"))
        self.first, self.last = self.names.take("i"), self.names.take("j")
        self.blocks: list[Block] = []
        #: Names of rows of values that are there as a whole as well.
        self.some: dict[Node, str] = {}
        self._name_sums()

    def build(self) -> tuple[Section, ...]:
        """The sections of the function itself; `blocks` then holds the functions for its rows."""
        sections: list[Section] = []
        for i, stage in enumerate(self.plan.stages):
            self.main.statements.clear()
            self.main.visit(stage)
            loop = self._loop(i) if i < len(self.plan.phases) else None
            last = i == len(self.plan.phases)
            what = "sums" if any(phase.sums for phase in self.plan.phases[:i]) else "rows"
            title = "Once for all rows" if i == 0 else f"From the {what}" + ("" if last else " so far")
            lines = layout([statement for _, statement in self.main.statements])
            if lines:
                sections.append(Section(title, lines))
            if loop is not None:
                sections.append(loop)
        if self.env.sizes:
            sizes = tuple(f"{name} = {text}" for name, text in self.env.sizes.values())
            sections.insert(0, Section("Sizes", sizes))
        return tuple(sections)

    def _name_sums(self) -> None:
        """Call the sum that `loss` is made of, some operations later, `loss_sum`."""
        known = {**self.main.outputs, **self.function.names}
        sums = {node for phase in self.plan.phases for node, _ in phase.sums}
        for node, name in known.items():
            near = [node]
            for _ in range(NEAR):
                near = [a for b in near for a in b.args if a not in known and b not in sums]
                for a in near:
                    if a in sums and a not in self.called and a not in self.function.bars:
                        self.called[a] = self.names.take(f"{name}_sum")

    def _loop(self, i: int) -> Section:
        """The section that computes one phase, in one go or tile by tile."""
        phase = self.plan.phases[i]
        block, arguments, tiled = self._block(i, phase)
        for node, _ in (*phase.sums, *phase.stored):
            self.main.is_there(node, self.called[node])
        results = [self.called[node] for node, _ in (*phase.sums, *phase.stored)]
        alone = len(results) == 1 and bool(phase.stored)
        loop = [f"if {self.n} <= {self.step}:"]
        loop += indented(assigned(results, f"{block}(", arguments, ")", alone))
        loop += ["else:", *indented(self._tiles(phase, block, tiled))]
        if underflows(phase.order):
            loop = quiet(loop)
        lines = [*self._explanation(phase), f"{self.step} = {self._size(phase)}", *loop]
        return Section("", tuple(lines))

    def _tiles(self, phase: Phase, block: str, arguments: list[str]) -> list[str]:
        """Statements that go over the rows, tile by tile."""
        over = f"{loop_over(self.env, self.options)}("
        sums = [self.called[node] for node, _ in phase.sums]
        kinds = [f"np.{kind}" for _, kind in phase.sums]
        extent = [self.n, self.step, *([tuple_of(kinds, inner=True)] if {*kinds} - {"np.add"} else [])]
        if not phase.stored:
            call = f"lambda {self.first}, {self.last}: {block}({', '.join(arguments)})"
            return assigned(sums, over, [call, *extent], ")")
        lines = []
        for node, _ in phase.stored:
            kind = {"float64": self.env.dtype, "int64": "np.int64", "bool": "np.bool_"}[node.dtype]
            lines.append(f"{self.called[node]} = np.empty({self.env.shape(node.shape)}, {kind})")
        kept = [f"{self.called[node]}[{self._cut(axis)}]" for node, axis in phase.stored]
        targets = ["*sums", *kept] if sums else kept
        lines += ["", f"def {self.tile}({self.first}, {self.last}):"]
        lines += indented(assigned(targets, f"{block}(", arguments, ")", alone=len(targets) == 1))
        lines += [f"    return {'sums' if sums else '()'}", ""]
        extent.insert(0, self.tile)
        return lines + (assigned(sums, over, extent, ")") if sums else [f"{over}{', '.join(extent)})"])

    def _explanation(self, phase: Phase) -> list[str]:
        """Why tiles are allowed here, as a comment."""
        names = [self._named(node) for node, _ in phase.sources]
        terms = [f"each term of the sums over {self.n}"] if phase.sums else []
        terms += ["each row of the results"] if phase.stored else []
        need = f"needs one row of {_listed(names)} alone" if names else "stands alone"
        stays = "so that what is computed in between stays in cache"
        added = ", and their sums are added in pairs." if phase.sums else "."
        if self.plan.pairs is not None:
            need = f"needs the pairs of one row of {_listed(names)} alone" if names else "stands alone"
            if not any(self.plan.pairs in node.shape for node, _ in (*phase.sources, *phase.stored)):
                stays += f" and takes no {self.n} * {self.n} numbers"
            added = added.replace("in pairs", "two by two")
        text = f"{' and '.join(terms)} {need}: tiles of rows follow one another, {stays}{added}"
        return [f"# {line}" for line in textwrap.wrap(text[0].upper() + text[1:], COMMENT - 2)]

    def _size(self, phase: Phase) -> str:
        """Text of the number of rows of a tile."""
        if self.options.tiles is not True:
            return str(int(self.options.tiles))
        self.env.helper("_FREED")
        size = footprint(phase, self.plan.size, self.options).total
        if self.plan.pairs is not None:
            return f"{self.env.helper('_tile_pairs')}({self.env.dim(size)}, {self.n})"
        least = least_rows(phase, self.plan.size, self.options)
        sizes = f", least={least}" if least != FEWEST else ""
        return f"{self.env.helper('_tile_rows')}({self.env.dim(size)}{sizes})"

    def _block(self, i: int, phase: Phase) -> tuple[str, list[str], list[str]]:
        """Name of the function for some of the rows; its arguments for all of them, and for rows i to j."""
        rows = self.rows
        dims = {**self.env.dims, str(self.plan.size): rows}
        env = replace(self.env, dims=dims, sizes={}, quiet=underflows(phase.order))
        wanted = [node for node, _ in (*phase.sums, *phase.stored)]
        computed = set(phase.order)
        order = [node for node in self.main.order if node in computed]
        body = Body(
            self.function, self.names, {}, env, order=(order, self.main.forward), wanted=wanted,
            called=self.called, rows=(self.plan.size, named(rows)),
        )  # fmt: skip
        sources = self._sources(phase, order)
        for node in order:
            for a in node.args:
                if a in computed or a in body.text:
                    continue
                if a in sources:
                    body.is_there(a, sources[a])
                    continue
                body.text[a] = self.main.reference(a)
                if a in self.main.named:
                    body.named[a] = self.main.named[a]
        body.visit(order)
        reused = written_over(body, self.options)
        sections = body.sections()
        used = identifiers(line for section in sections for line in section.lines)
        own = {body.named[node] for node in order if node in body.named}
        first = [(sources[node], self._named(node), axis) for node, axis in phase.sources]
        inner = [name for name, _, _ in first]
        known = [*self.main.named.values(), *self.env.dims.values(), *(n for n, _ in self.env.sizes.values())]
        known += [self.env.dtype]
        others = [n for n in dict.fromkeys(known) if n in used and n not in own and n not in inner]
        parameters = [*inner, *others]
        cut = [*(f"{whole}[{self._cut(axis)}]" for _, whole, axis in first), *others]
        straight = [*(whole for _, whole, _ in first), *others]
        if rows in used and not first:
            parameters, straight = [rows, *others], [self.n, *others]
            cut = [f"{self.last} - {self.first}", *others]
        elif rows in used:
            name, _, axis = first[0]
            size = Section("", (f"{rows} = {f'len({name})' if axis == 0 else f'{name}.shape[{axis}]'}",))
            sections = (size, *sections)
        name = self._title(i)
        results = [self.called[node] for node in wanted]
        returned = results[0] if len(results) == 1 and phase.stored else tuple_of(results)
        signature = call_lines(f"def {name}(", parameters, "):", 0)
        self.blocks.append(
            Block("\n".join(signature), self._purpose(phase) + (OVER if reused else ""), sections, returned)
        )
        return name, straight, cut

    def _sources(self, phase: Phase, order: list[Node]) -> dict[Node, str]:
        """What values are called, in the function for some of the rows, that it gets these rows of."""
        sources = {node: self._named(node) for node, _ in phase.sources}
        there = {*order, *sources}
        whole = {a for node in order for a in node.args if a not in there}
        used = identifiers(self.main.reference(a).source for node in order for a in node.args if a in whole)
        for node, name in sources.items():
            if name in used:
                if node not in self.some:
                    self.some[node] = self.names.take(f"{name}_{self.rows}")
                sources[node] = self.some[node]
            used.add(name)
        return sources

    def _named(self, node: Node) -> str:
        """Name of a value whose rows are taken."""
        if node.op is SEEN:
            return self._named(node.args[0])
        if node not in self.main.named:
            self.main._assign(node, self.main.text[node])
        return self.main.named[node]

    def _cut(self, axis: int) -> str:
        """Subscript of the rows of a tile."""
        return ":, " * axis + f"{self.first}:{self.last}"

    def _title(self, i: int) -> str:
        suffix = "" if len(self.plan.phases) == 1 else f"_{i + 1}"
        return f"_{self.name}_rows{suffix}"

    def _purpose(self, phase: Phase) -> str:
        """The docstring."""
        what = ["terms of the sums"] if phase.sums else []
        what += ["rows of the results"] if phase.stored else []
        where = "" if len(self.plan.phases) == 1 else f", in pass {len(self.blocks) + 1} over them"
        some = "some of the rows" if self.plan.pairs is None else "some rows of pairs"
        return f"What {some} contribute{where}: {' and '.join(what)}."


def underflows(order: Iterable[Node]) -> bool:
    """Whether there are exponentials that may underflow to 0 without a warning."""
    return any(node.op.name == "decay" for node in order)


def quiet(lines: list[str]) -> list[str]:
    """The statements, with numpy told to let numbers underflow: once, for that takes longer in every tile."""
    return ['with np.errstate(under="ignore"):', *indented(lines)]


def loop_over(env: Env, options: Options) -> str:
    """Name of the loop over tiles that the options ask for."""
    if not options.threads:
        return env.helper("_over_tiles")
    env.helper("set_threads")
    return env.helper("_over_tiles_by_threads")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
