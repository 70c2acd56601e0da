"""One generated function, from a Function: its body, its result, its hints."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from symgrad.graph import Function
from symgrad.lower import parts
from symgrad.lower.body import Body
from symgrad.lower.checks import Signature
from symgrad.lower.docs import docstring, kind_of, safe
from symgrad.lower.elements import Elements
from symgrad.lower.floats import plain_block
from symgrad.lower.layout import LINE
from symgrad.lower.names import mentioned
from symgrad.lower.origins import Origins
from symgrad.lower.results import numbers_text, result_text
from symgrad.lower.tiled import Tiled
from symgrad.options import DEFAULT, Options
from symgrad.program import Block, RecordType, Routine
from symgrad.schedule.choose import choose, choose_elements, choose_pairs
from symgrad.schedule.memory import memory_text
from symgrad.schedule.order import order_of
from symgrad.tree import Record, Tree, children, is_leaf


class Records:
    """The NamedTuples of a module; equal ones are shared, others of one name are numbered."""

    def __init__(self) -> None:
        self.types: dict[tuple[object, ...], RecordType] = {}
        self._names: dict[str, int] = {}

    def declare(self, record: Record, doc: str) -> str:
        """Name of the type for this record."""
        fields = tuple(
            (field, hint(value, self, doc), kind_of(value, lambda inner: self.declare(inner, doc)))
            for field, value in zip(record.fields, record.values)
        )
        key = (record.name, fields)
        if key not in self.types:
            count = self._names[record.name] = self._names.get(record.name, 0) + 1
            name = record.name if count == 1 else f"{record.name}{count}"
            self.types[key] = RecordType(name, doc, fields)
        return self.types[key].name


def record_names(functions: Iterable[Function]) -> list[str]:
    """Names that the module's records may get, for locals to keep away from."""
    found: list[str] = []
    for function in functions:
        stack = [function.result]
        while stack:
            tree = stack.pop()
            if isinstance(tree, Record):
                found.append(tree.name)
            if not is_leaf(tree):
                stack.extend(child for _, child in children(tree))
    return [*found, *(f"{name}{number}" for name in found for number in range(2, len(found) + 1))]


def hint(tree: Tree, records: Records, doc: str) -> str:
    """Type hint of a result."""
    if isinstance(tree, Record):
        return records.declare(tree, doc)
    if isinstance(tree, dict):
        return "dict[str, Any]"
    if not is_leaf(tree):
        return f"tuple[{', '.join(hint(child, records, doc) for _, child in children(tree)) or '()'}]"
    kind = {"float64": "floating[Any]", "int64": "int64", "bool": "bool_"}[tree.dtype]
    if tree.shape == ():
        return f"np.{kind}"
    return f"NDArray[np.{kind}]"


def routine(
    name: str, function: Function, written: Function, signature: Signature, checks: str, records: Records,
    helpers: dict[str, None], constants: dict[str, str], options: Options = DEFAULT,
) -> Routine:  # fmt: skip
    """Lower `function` (simplified); `written` is the one the author gave, for the docstring."""
    env = signature.env
    env.helpers, env.constants = {}, constants
    names = signature.names.copy()
    env.names, env.sizes, env.assigned = names, {}, {} if options.source_map else None
    order = order_of(function, options)
    plan = choose(function, order[0], options)
    pairs = choose_pairs(function, order[0], plan, options)
    work, same = function, None
    if pairs is not None:
        rewritten, order, plan = pairs
        work, same = rewritten.function, (rewritten.rows, rewritten.n)
        env.dims = {**env.dims, str(rewritten.rows): env.dims[str(rewritten.n)]}
    body = Body(work, names, signature.arguments, env, order=order, rows=same)
    blocks: list[Block] = []
    alive = choose_elements(function, order[0], options) if plan is None else 0
    if plan is not None:
        tiled = Tiled(name, body, plan, options)
        sections, blocks = tiled.build(), tiled.blocks
    elif alive:
        elements = Elements(name, body, alive, options)
        sections, blocks = elements.build(), elements.blocks
    else:
        sections = body.build()
    doc = _record_doc(written)
    new = None if pairs is None else pairs[0].new
    result = result_text(function.result, body, partial(records.declare, doc=doc), new)
    if plan is None and not alive and len(body.statements) > parts.MOST:
        outer = [*signature.parameters, *signature.returns, *(size for size, _ in env.sizes.values())]
        sections, blocks = parts.in_parts(name, body, names, outer, result)
    helpers.update(env.helpers)
    lines = [line for section in sections for line in section.lines]
    unpack = unpacking(signature, checks, [*lines, result])
    parameters = [
        f"{name}: {'ArrayLike' if is_leaf(parameter.tree) else 'Any'}"
        for name, parameter in zip(signature.parameters, function.parameters)
    ]
    shortcut: tuple[str, ...] = ()
    if "plain_floats" not in options.without:
        write = partial(numbers_text, function.result, declare=partial(records.declare, doc=doc))
        plain = plain_block(name, function, signature, helpers, write)
        if plain is not None:
            shortcut, block = plain
            blocks.append(block)
    return Routine(
        name=name,
        signature=definition(name, parameters, hint(function.result, records, _record_doc(written))),
        docstring=docstring(name, written, lambda record: records.declare(record, doc)),
        shortcut=shortcut,
        unpack=unpack,
        sections=sections,
        result=result,
        blocks=tuple(blocks),
        memory=memory_text(work, order[0], plan, alive, options),
        origins=_origins(function, body) if options.source_map else (),
    )


def _origins(function: Function, body: Body) -> tuple[tuple[str, str], ...]:
    """The values that have names, and the lines of the user's source that they come from."""
    origins = Origins(function)
    named = {**(body.env.assigned or {}), **{name: node for node, name in body.named.items() if node.args}}
    found = {name: origins.line(node) for name, node in named.items()}
    return tuple((name, line) for name, line in found.items() if line)


def unpacking(signature: Signature, checks: str, lines: Iterable[str]) -> str:
    """The call of the checks, its results named where the lines use them and `_` elsewhere."""
    used = mentioned(signature.returns, lines)
    if signature.alone:
        return signature.conversion([name if name in used else "_" for name in ("dtype", "batch")])
    names = [name if name in used or name in signature.parameters else "_" for name in signature.returns]
    targets = f"({names[0]},)" if len(names) == 1 else ", ".join(names)
    arguments = ", ".join(signature.parameters)
    line = f"{targets} = {checks}({arguments})"
    return line if len(line) <= LINE - 4 else f"{targets} = {checks}(\n    {arguments}\n)"


def definition(name: str, parameters: list[str], result: str) -> str:
    """`def name(...) -> result:` on one line, or a parameter a line where that is too long."""
    line = f"def {name}({', '.join(parameters)}) -> {result}:"
    if len(line) <= 100:
        return line
    return "\n".join([f"def {name}(", *(f"    {p}," for p in parameters), f") -> {result}:"])


def _record_doc(function: Function) -> str:
    root = function
    while root.origin is not None:
        root = root.origin.base
    if root is function:
        return safe(f"What {function.name} returns.")
    return safe(f"Gradient of {root.name}, one field an argument.")
