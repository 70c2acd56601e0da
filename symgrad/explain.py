"""How a function of a module came about: as written, rewritten, differentiated path by path, and emitted."""

from __future__ import annotations

import inspect
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from symgrad.graph import Function, Parameter, dependents, substitute
from symgrad.lower.body import Body
from symgrad.lower.docs import mathematical
from symgrad.lower.environment import Env
from symgrad.lower.names import Names
from symgrad.lower.origins import Origins
from symgrad.module import Module
from symgrad.node import Node, lift
from symgrad.ops.leaves import input_node
from symgrad.ops.reduce import unbroadcast
from symgrad.rewrite import simplify, stabilize
from symgrad.rewrite.stable import STABLE
from symgrad.rewrite.table import RULES
from symgrad.shapes import shape_text
from symgrad.tree import leaves


@dataclass(frozen=True)
class Path:
    """One edge of the graph that was differentiated: its user, and what it adds to the adjoint."""

    through: str
    adds: str


@dataclass(frozen=True)
class Sum:
    """The adjoint of one value: the paths that meet in it, and where the value was written."""

    name: str
    shape: str
    line: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Firing:
    """A rule that fired, so many times."""

    name: str
    law: str
    times: int


@dataclass(frozen=True)
class Derivation:
    """Everything there is to tell about one function of a module."""

    module: str
    title: str
    chain: tuple[str, ...]
    written: tuple[tuple[str, str], ...]
    stable: tuple[Firing, ...]
    sums: tuple[Sum, ...]
    rewrites: tuple[Firing, ...]
    source: str
    notes: tuple[str, ...] = field(default=())


def derivation(module: Module, title: str) -> Derivation:
    """What happened to the function of that title on its way into the module."""
    function = module.functions[title]
    fired: Counter[str] = Counter()
    simplify(stabilize(function), fired)
    chain = [function]
    while chain[-1].origin is not None:
        chain.append(chain[-1].origin.base)
    mapped = Module(
        module.name, {title: function}, module.doc,
        **{name: getattr(module.options, name) for name in ("tiles", "threads", "without", "array_api")},
        typical=module.options.typical, source_map=True,
    )  # fmt: skip
    source = mapped.source()
    return Derivation(
        module=module.name,
        title=title,
        chain=tuple(_described(one) for one in reversed(chain)),
        written=tuple(_written(chain[-1])),
        stable=tuple(
            Firing(name, STABLE[name].law if name in STABLE else "", times)
            for name, times in sorted(module.rewrites[title].items())
        ),
        sums=tuple(_sums(chain[-2], chain[-1])) if len(chain) > 1 else (),
        rewrites=tuple(
            Firing(name, RULES[name].law if name in RULES else "", times)
            for name, times in sorted(fired.items(), key=lambda item: (-item[1], item[0]))
        ),
        source=_body(source, title),
        notes=tuple(_notes(chain)),
    )


def _described(function: Function) -> str:
    origin = function.origin
    if origin is None:
        first = " ".join(function.doc.partition("\n\n")[0].split())
        return f"{function.name}({', '.join(p.name for p in function.parameters)})" + (
            f": {first}" if first else ""
        )
    names = ", ".join(origin.wrt)
    return f"{origin.kind} of {origin.base.name}" + (f" by {names}" if names else "")


def _notes(chain: list[Function]) -> Iterator[str]:
    if len(chain) > 2:
        yield "The sums over paths are those of the first derivative; a further one differentiates all of it."


def _written(function: Function) -> Iterator[tuple[str, str]]:
    """The author's equations, and the line each comes from."""
    body = _lowered(function)
    origins = Origins(function)
    for node, statement in body.statements:
        yield mathematical("\n".join(statement.lines)), origins.line(node)


def _lowered(function: Function) -> Body:
    names = Names()
    arguments = {leaf: names.take(leaf.name.rpartition(".")[2]) for leaf in function.input_nodes}
    body = Body(function, names, arguments, Env({name: name for name in function.dims}))
    body.build(comments=False)
    return body


def _sums(derived: Function, base: Function) -> Iterator[Sum]:
    """For each named value, from the output back, what its users add to its adjoint."""
    origin = derived.origin
    assert origin is not None
    sources = [leaf for p in base.parameters if p.name in origin.wrt for leaf in leaves(p.tree)]
    order = base.nodes()
    active = dependents(order, sources)
    users: dict[Node, list[tuple[Node, int]]] = {}
    for node in order:
        if node in active and node.dtype == "float64":
            for position, operand in enumerate(node.args):
                if operand in active:
                    users.setdefault(operand, []).append((node, position))
    body = _lowered(base)
    origins = Origins(base)
    for node in reversed(order):
        name = body.named.get(node)
        if name is None and len(users.get(node, ())) < 2:
            continue
        paths = []
        for user, position in users.get(node, ()):
            part = _contribution(user, position)
            if part is not None:
                through = mathematical(body.text[user].source)
                if user in body.named and body.named[user] == body.text[user].source:
                    through = f"{through} = {mathematical(_formula(body, user))}"
                paths.append(Path(through, _text(unbroadcast(part, node.shape), body)))
        if paths:
            label = name or mathematical(body.text[node].source)
            yield Sum(label, shape_text(node.shape) if node.shape else "", origins.line(node), tuple(paths))


def _formula(body: Body, node: Node) -> str:
    """The right side of the statement that computes a named value."""
    statement = next((s for n, s in body.statements if n is node), None)
    return " ".join(statement.lines).partition(" = ")[2] if statement is not None else body.text[node].source


def _contribution(user: Node, position: int) -> Node | None:
    """What an edge adds, `g` the adjoint of its user."""
    rule = user.op.rule(position)
    if rule is None:
        return None
    g = input_node("g", user.shape)
    part = rule(g, user, position) if user.op.variadic else rule(g, user, *user.args)
    return None if part is None else lift(part)


def _text(part: Node, body: Body) -> str:
    """A contribution as text, in which named values stand under their names."""
    stand_ins = {node: input_node(name, node.shape, node.dtype) for node, name in body.named.items()}
    known = {node: leaf for node, leaf in stand_ins.items() if node is not part}
    (root,) = [substitute([part], known)[part]]
    inputs = [node for node in Function("c", (), root).nodes() if node.op.name == "input"]
    parameters = tuple(Parameter(leaf.name, leaf) for leaf in inputs)
    function = simplify(Function("c", parameters, root, result_names=("c",)))
    (root,) = function.output_nodes
    names = Names()
    arguments = {leaf: names.take(leaf.name) for leaf in inputs}
    env = Env({**body.env.dims, **{name: name for name in function.dims}})
    own = Body(function, names, arguments, env)
    own.build(comments=False)
    lines = [mathematical("\n".join(statement.lines)) for _, statement in own.statements]
    if not lines:
        return mathematical(own.text[root].source)
    *before, last = lines
    last = last.partition(" = ")[2] if "\n" not in last else last
    return "; ".join([last, *(f"where {line}" for line in before)]) if before else last


def _body(source: str, title: str) -> str:
    """The lines of one function of a module after its docstring, and of the parts that it is made of."""
    lines = source.split("\n")
    found: list[str] = []
    inside = False
    for line in lines:
        if line.startswith(("def ", "class ")):
            name = line.split("(")[0].removeprefix("def ")
            inside = name == title or (name.startswith(f"_{title}_") and not name.endswith("_arguments"))
        if inside:
            found.append(line)
    text = "\n".join(found).rstrip()
    head, _, rest = text.partition('"""')
    _, _, rest = rest.partition('"""')
    return textwrap.dedent(rest.strip("\n")) if rest.strip() else inspect.cleandoc(head)


def render(found: Derivation) -> Iterator[tuple[str, str]]:
    """The derivation as lines, each with the name of a style: heading, code, note or empty."""
    yield f"{found.module}.{found.title}", "heading"
    for count, step in enumerate(found.chain):
        yield f"{'  ' * count}{step}", ""
    yield "", ""
    yield "As written", "heading"
    yield from _columns([(text, line) for text, line in found.written])
    if found.stable:
        yield "", ""
        yield "Stable forms", "heading"
        yield from _fired(found.stable)
    if found.sums:
        yield "", ""
        yield (
            "Adjoints: for each value, what every path through a user adds (g is the user's adjoint)",
            "heading",
        )
        for one in found.sums:
            count = len(one.paths)
            what = f"sum over {count} paths" if count > 1 else "one path"
            yield from _columns([(f"{one.name}_bar {one.shape}".rstrip() + f": {what}", one.line)])
            width = max(len(path.through) for path in one.paths)
            for path in one.paths:
                through = path.through if len(path.through) <= 48 else path.through[:47] + "…"
                yield f"      through {through:<{min(width, 48)}}  adds {path.adds}", "code"
    for note in found.notes:
        yield f"  {note}", "note"
    if found.rewrites:
        yield "", ""
        yield "Rewrites", "heading"
        yield from _fired(found.rewrites)
    yield "", ""
    yield "As emitted, with the line of the spec that each value comes from", "heading"
    for line in found.source.split("\n"):
        yield f"  {line}".rstrip(), "code"


def _fired(rules: tuple[Firing, ...]) -> Iterator[tuple[str, str]]:
    width = max(len(rule.name) for rule in rules)
    for rule in rules:
        yield f"  {rule.times:>3} x {rule.name:<{width}}  {rule.law}".rstrip(), "code"


def _columns(rows: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    width = max((len(part) for text, _ in rows for part in text.split("\n")), default=0)
    for text, line in rows:
        *before, last = text.split("\n")
        for part in before:
            yield f"  {part}", "code"
        yield f"  {last:<{min(width, 76)}}  {line}".rstrip(), "code"
