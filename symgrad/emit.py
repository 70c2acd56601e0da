"""From Functions to the text of a module, through the Jinja templates.

Templates only lay out: everything they print is finished text of `symgrad.program`.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import itertools
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from symgrad._version import __version__
from symgrad.borrowed import ALIAS, SCIPY, borrowed
from symgrad.collection import uncollected
from symgrad.graph import Function
from symgrad.identifiers import identifier
from symgrad.kernels import imports, sources
from symgrad.lower.checks import Signature
from symgrad.lower.docs import safe
from symgrad.lower.partial import in_parts
from symgrad.lower.routine import Records, record_names, routine
from symgrad.options import DEFAULT, Options
from symgrad.program import Program, Routine
from symgrad.templates import template_folder

#: Lines of a spec that are digested at a time: few enough to stay in cache, of a function of any length.
LINES = 500


@functools.lru_cache(maxsize=1)
def environment() -> Any:
    """The Jinja environment: a variable that a template misses is an error."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder(), encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )


def render(template: str, program: Program) -> str:
    """The template filled in; runs of blank lines are cut to two, and the text ends in one newline."""
    text = environment().get_template(template).render(program=program)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    return text.strip("\n") + "\n"


@uncollected
def program(
    name: str,
    functions: Mapping[str, tuple[Function, Function]],
    doc: str,
    spec: str,
    options: Options = DEFAULT,
    costs: Mapping[str, str] | None = None,
) -> Program:
    """The Program of a module.

    Functions are given as pairs: as written, and simplified. `spec` says where they were written; `costs`
    what to note of each in its docstring.
    """
    exports = {title: identifier(title) for title in functions}
    taken = record_names(f for _, f in functions.values())
    helpers: dict[str, None] = {}
    constants: dict[str, str] = {}
    records = Records()
    stand_ins = borrowed(options.scipy)
    signatures = {t: _sign(taken, stand_ins, f) for t, (_, f) in functions.items()}
    shared: dict[tuple[object, ...], str] = {}
    checks = []
    several = len({s.key for s in signatures.values() if not s.alone}) > 1
    for title, signature in signatures.items():
        if signature.key not in shared:
            check = f"_{exports[title]}_arguments" if several else "_arguments"
            shared[signature.key] = check
            helpers.update(signature.env.helpers)
            if not signature.alone:
                checks.append(signature.checks(check))
    routines = [
        routine(
            exports[t],
            f,
            written,
            signatures[t],
            shared[signatures[t].key],
            records,
            helpers,
            constants,
            options,
        )
        for t, (written, f) in functions.items()
    ]
    noted = costs or {}
    routines = [_noted(one, noted[t]) if t in noted else one for t, one in zip(functions, routines)]
    if options.partial:
        given = [(exports[t], f, shared[signatures[t].key]) for t, (_, f) in functions.items()]
        parts = in_parts(
            given, functools.partial(_sign, taken, stand_ins), records, helpers, constants, options
        )
        checks += [part.checks for part in parts.values()]
        further = {r.name: parts[r.name].routines for r in routines if r.name in parts}
        routines = [one for r in routines for one in (r, *further.get(r.name, ()))]
    digest = _digest(functions, doc, options)
    settings = ["set_threads"] if "set_threads" in helpers else []
    foreign = [name for name in helpers if name in stand_ins]
    own = [name for name in helpers if name not in stand_ins]
    return Program(
        name=name,
        docstring=tuple(_docstring(name, doc, spec, digest, foreign)),
        exports=tuple(
            sorted([*(r.name for r in routines), *(r.name for r in records.types.values()), *settings])
        ),
        version=__version__,
        digest=f"sha256:{digest}",
        records=tuple(records.types.values()),
        routines=tuple(routines),
        checks=tuple(checks),
        constants=tuple(f"{name} = {_folded(text)}" for text, name in constants.items()),
        helpers=tuple(sources(own)),
        imports=tuple(_imports(routines, own)),
        settings=tuple(f"def {name}(count: int | None) -> None:" for name in settings),
        packages=(f"from scipy import special as {ALIAS}",) if foreign else (),
    )


def _sign(taken: Iterable[str], stand_ins: Mapping[str, str], function: Function) -> Signature:
    signature = Signature(function, taken)
    signature.env.stand_ins = stand_ins
    return signature


def _noted(one: Routine, note: str) -> Routine:
    """The routine with a note at the end of its docstring."""
    lines = [line for text in (note, one.memory) for line in textwrap.wrap(text, 96, break_long_words=False)]
    notes = ["", "Notes", "-----", *map(safe, lines)]
    return replace(one, docstring=(*one.docstring, *notes))


def _folded(source: str) -> str:
    """A long literal on lines of its own."""
    inner = source.removeprefix("np.array(").removesuffix(")")
    lines = textwrap.wrap(inner, 100, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
    return "\n".join(["np.array(", *lines, ")"])


def _imports(routines: list[Routine], helpers: Iterable[str]) -> list[str]:
    """Modules of the standard library that the text uses."""
    sections = [s for r in routines for s in (*r.sections, *(s for b in r.blocks for s in b.sections))]
    lines = [line for section in sections for line in section.lines]
    lines += [b.result for r in routines for b in r.blocks]
    found = imports(helpers)
    spoken = ["math"] if "math" not in found and any("math." in line for line in lines) else []
    return sorted([*found, *spoken])


def _docstring(name: str, doc: str, spec: str, digest: str, foreign: list[str]) -> list[str]:
    text = (inspect.cleandoc(doc) or f"Functions of {name}.").replace("\\", "\\\\").replace('"""', "'''")
    borrows = textwrap.wrap(f"Needs scipy: {', '.join(_spoken(foreign))}.", 100) if foreign else []
    return [
        *text.splitlines(),
        "",
        *borrows,
        *([""] if borrows else []),
        f"Generated by symgrad {__version__} from {spec} (sha256:{digest[:8]}).",
        "Do not edit: run `symgrad build` and commit the result.",
    ]


def _spoken(foreign: list[str]) -> list[str]:
    return [f"scipy.special.{SCIPY[name.removeprefix('_')]}" for name in foreign]


def _digest(functions: Mapping[str, tuple[Function, Function]], doc: str, options: Options) -> str:
    """SHA-256 of the spec: the functions as they were written, their names and texts, the options chosen."""
    digest = hashlib.sha256(doc.encode())
    digest.update(options.to_text().encode())
    for title, (written, _) in functions.items():
        digest.update(f"\n{title}\n{written.doc}".encode())
        lines = written.text_lines()
        while some := list(itertools.islice(lines, LINES)):
            digest.update("\n".join(["", *some]).encode())
        digest.update("".join(f"\n{p.name}: {p.doc}" for p in written.parameters if p.doc).encode())
    return digest.hexdigest()
