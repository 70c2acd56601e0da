"""Functions that are sums over rows, in three parts: the sums of some rows, their addition, the results.

What a caller divides, be it because data is larger than memory or on several machines, it can put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from symgrad.errors import SpecError
from symgrad.graph import Function, Parameter, substitute
from symgrad.lower.body import Body
from symgrad.lower.checks import Signature
from symgrad.lower.docs import described, safe
from symgrad.lower.results import result_text
from symgrad.lower.routine import Records, definition, routine, unpacking
from symgrad.lower.tiled import Tiled
from symgrad.lower.wrap import tuple_of
from symgrad.node import Node
from symgrad.ops.leaves import input_node
from symgrad.options import DEFAULT, Options
from symgrad.program import Checks, Routine
from symgrad.schedule.choose import choose_sum
from symgrad.schedule.order import order_of
from symgrad.schedule.plan import Plan
from symgrad.shapes import named
from symgrad.tree import Record, is_leaf, leaves, map_leaves


@dataclass
class Parts:
    """The further functions of one function, and the checks of one of them."""

    routines: tuple[Routine, ...]
    checks: Checks


class Partial:
    """Makes the functions for the parts of one function, whose plan is one loop that only adds up."""

    def __init__(
        self, name: str, function: Function, plan: Plan, sign: Callable[[Function], Signature],
        records: Records, helpers: dict[str, None], constants: dict[str, str], options: Options,
    ) -> None:  # fmt: skip
        self.name = name
        self.function = function
        self.plan = plan
        self.sign = sign
        self.records = records
        self.helpers = helpers
        self.constants = constants
        self.options = options
        self.total = named(str(plan.size))

    def build(self, checks: str) -> Parts:
        """The functions; `checks` checks the arguments of the function itself."""
        first = self._partial(checks)
        return Parts((first, self._add(), self._combine()), self._checks)

    def _partial(self, checks: str) -> Routine:
        """The sums over some of the rows."""
        signature = self.sign(self.function)
        key = str(self.plan.size)
        self.n = signature.dims[key]
        env = signature.env
        env.dims = dict(signature.dims)
        env.helpers, env.constants = {}, self.constants
        env.names, env.sizes = signature.names.copy(), {}
        rows = env.names.take("rows")
        signature.dims[key] = rows
        order = order_of(self.function, self.options)
        body = Body(self.function, env.names, signature.arguments, env, order=order)
        once = Plan(self.plan.size, self.plan.phases, [self.plan.stages[0], []])
        tiled = Tiled(self.name, body, once, self.options, extent=rows)
        sections = tiled.build()
        self.helpers.update(env.helpers)
        nodes = [node for node, _ in self.plan.phases[0].sums]
        title = "".join(word.capitalize() for word in self.name.split("_")) + "Sums"
        self.sums = Record(title, tuple(tiled.called[node] for node in nodes), tuple(nodes))
        doc = safe(f"Sums that {self.name} is made of.")
        self.hint = self.records.declare(self.sums, doc)
        result = result_text(self.sums, body, partial(self.records.declare, doc=doc))
        lines = [line for section in sections for line in section.lines]
        given = [p for p in self.function.parameters if self._has_rows(p.tree)]
        text = [
            f"Sums of {self.name} over some of the rows of {_listed([p.name for p in given])}.",
            "",
            f"Add those over other rows with {self.name}_add; those over all rows give",
            f"the results, with {self.name}_combine.",
            "",
            *self._parameters(self.function.parameters, rows),
            *self._returned("sums"),
        ]
        return Routine(
            name=f"{self.name}_partial",
            signature=definition(
                f"{self.name}_partial", [*_hinted(signature, self.function), f"{self.n}: int"], self.hint
            ),
            docstring=tuple(safe(line) for line in text),
            shortcut=(),
            unpack=unpacking(signature, checks, [*lines, result]),
            sections=sections,
            result=result,
        )

    def _add(self) -> Routine:
        """The sums over the rows of two."""
        kinds = [f"np.{kind}" for _, kind in self.plan.phases[0].sums]
        if set(kinds) == {"np.add"}:
            result = f"{self.hint}(*map(np.add, first, second))"
        else:
            result = (
                f"{self.hint}(*(f(a, b) for f, a, b in zip({tuple_of(kinds, inner=True)}, first, second)))"
            )
        text = [
            f"Sums of {self.name} over the rows of both.",
            "",
            "Parameters",
            "----------",
            f"first, second : {self.hint}",
            "",
            *self._returned("sums"),
        ]
        return Routine(
            name=f"{self.name}_add",
            signature=definition(
                f"{self.name}_add", [f"first: {self.hint}", f"second: {self.hint}"], self.hint
            ),
            docstring=tuple(safe(line) for line in text),
            shortcut=(),
            unpack="",
            sections=(),
            result=result,
        )

    def _combine(self) -> Routine:
        """The results, from the sums over all rows."""
        inputs = [
            input_node(f"sums.{field}", node.shape, node.dtype)
            for field, node in zip(self.sums.fields, self.sums.values)
        ]
        new = substitute(self.function.output_nodes, dict(zip(self.sums.values, inputs)))
        parameters = (
            Parameter("sums", Record(self.hint, self.sums.fields, tuple(inputs))),
            *(p for p in self.function.parameters if not self._has_rows(p.tree)),
        )
        function = replace(
            self.function.map(new), parameters=parameters, result_names=self.function.output_names
        )
        signature = self.sign(function)
        checks = f"_{self.name}_combine_arguments"
        self.helpers.update(signature.env.helpers)
        self._checks = signature.checks(checks)
        name = f"{self.name}_combine"
        made = routine(
            name, function, self.function, signature, checks, self.records, self.helpers, self.constants,
            replace(DEFAULT, tiles=False),
        )  # fmt: skip
        whole = [p for p in parameters if p.name != "sums"]
        text = [
            f"What {self.name} gives, from its sums over all rows.",
            "",
            "Parameters",
            "----------",
            f"sums : {self.hint}",
            *self._parameters(whole)[2:],
            "Returns",
            "-------",
            f"As {self.name}.",
        ]
        hinted = [f"sums: {self.hint}", *_hinted(signature, function)[1:], f"{self.n}: int"]
        return replace(
            made,
            signature=definition(name, hinted, made.signature.rpartition(" -> ")[2].removesuffix(":")),
            docstring=tuple(safe(line) for line in text),
        )

    def _has_rows(self, tree: object) -> bool:
        return any(self.total in leaf.shape for leaf in leaves(tree))

    def _parameters(self, parameters: Iterable[Parameter], rows: str = "") -> list[str]:
        """The section on parameters, those with rows having `rows` of them."""
        lines = ["Parameters", "----------"]

        def cut(leaf: Node) -> Node:
            shape = tuple([named(rows) if size == self.total else size for size in leaf.shape])
            return input_node(leaf.name, shape, leaf.dtype)

        for parameter in parameters:
            tree = map_leaves(cut, parameter.tree) if rows else parameter.tree
            lines += described(parameter.name, tree, "array_like", parameter.doc)
        return [*lines, f"{self.n} : int", "    The number of all rows.", ""]

    def _returned(self, name: str) -> list[str]:
        return ["Returns", "-------", f"{name} : {self.hint}"]


def _hinted(signature: Signature, function: Function) -> list[str]:
    """Parameters with their type hints."""
    return [
        f"{name}: {'ArrayLike' if is_leaf(parameter.tree) else 'Any'}"
        for name, parameter in zip(signature.parameters, function.parameters)
    ]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def in_parts(
    functions: Iterable[tuple[str, Function, str]], sign: Callable[[Function], Signature], records: Records,
    helpers: dict[str, None], constants: dict[str, str], options: Options,
) -> dict[str, Parts]:  # fmt: skip
    """The parts of those functions that are sums over rows, by name.

    Functions are given with their names and those of what checks their arguments.

    Raises
    ------
    SpecError
        Where there is no such function, or the name of a part is that of another function.
    """
    found: dict[str, Parts] = {}
    given = list(functions)
    for name, function, checks in given:
        plan = choose_sum(function, order_of(function, options)[0]) if not function.has_batch else None
        if plan is not None:
            maker = Partial(name, function, plan, sign, records, helpers, constants, options)
            found[name] = maker.build(checks)
    if not found:
        raise SpecError(
            "partial=True: no function of the module is a sum over the rows of its arguments",
            expected="a named size that is on one axis of arguments only and on none of the results",
            hint="np.sum or np.mean over that axis, or leave out partial=True",
        )
    taken = {name for name, _, _ in given}
    for name, parts in found.items():
        for part in parts.routines:
            if part.name in taken:
                raise SpecError(f"partial=True: {name} gets a function {part.name}, and there is one already")
    return found
