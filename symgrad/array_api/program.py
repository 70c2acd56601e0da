"""A module's Program in the array API standard, from its Program in numpy."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from symgrad.array_api.translate import Untranslatable, translated
from symgrad.errors import SpecError
from symgrad.graph import Function
from symgrad.kernels import Kernel, definitions
from symgrad.lower.environment import Env
from symgrad.lower.layout import layout
from symgrad.node import Node
from symgrad.program import Checks, Program, RecordType, Routine, Statement
from symgrad.shapes import core, dim_names
from symgrad.text import Text

NOTE = "For arrays of numpy 2, torch, jax, cupy and whatever else has the array API (2024.12)."
#: Helpers that every module needs.
_ALWAYS = ("_namespace",)


def in_standard(program: Program, functions: Mapping[str, Function]) -> Program:
    """The program with every statement and helper in the standard.

    `functions` are those that the program was lowered from.

    Raises
    ------
    SpecError
        Where a function has an operation that the standard lacks; it names the operation and its line.
    """
    helpers = dict.fromkeys(_ALWAYS)
    translate = _Translation(helpers, _free(program))
    checks = []
    for check in program.checks:
        checks.append(_checks(check, translate))
    routines = []
    for routine, function in zip(program.routines, functions.values()):
        try:
            routines.append(_routine(routine, translate))
        except Untranslatable as lack:
            raise _refusal(program.name, routine.name, function, str(lack)) from None
    if program.constants:
        raise SpecError(
            f"module {program.name!r}: literal arrays cannot be emitted for the array API",
            hint="pass the array as an argument",
        )
    names = dict.fromkeys(
        name
        for text in (
            *(line for c in checks for line in c.lines),
            *(line for r in routines for line in (r.unpack, *_texts(r))),
        )
        for name in re.findall(r"\b_[a-z]\w*", text)
        if name in _kernels()
    )
    sources = _closure([*helpers, *names])
    return replace(
        program,
        docstring=(
            *program.docstring[:-2],
            NOTE,
            "",
            *program.docstring[-2:],
        ),
        records=tuple(_record(record) for record in program.records),
        routines=tuple(routines),
        checks=tuple(checks),
        helpers=tuple(sources),
        imports=tuple(_imports(sources, routines)),
    )


class _Translation:
    """Translates text, remembering the helpers that it calls."""

    def __init__(self, helpers: dict[str, None], names: tuple[str, str]) -> None:
        self._helpers = helpers
        self.xp, self.device = names

    def __call__(self, text: str, arrays: bool = True) -> str:
        new, helpers = translated(text, _kernels(), self.xp, self.device, arrays)
        self._helpers.update(helpers)
        return new

    def uses_namespace(self, texts: Iterable[str]) -> bool:
        """Whether any of the texts needs `xp` or the device."""
        words = re.compile(rf"\b({self.xp}|{self.device})\b")
        return any(words.search(text) for text in texts)


def _free(program: Program) -> tuple[str, str]:
    """Names of the namespace and of the device that nothing in the module has."""
    texts = [line for r in program.routines for line in (r.unpack, *_texts(r))]
    texts += [line for c in program.checks for line in c.lines]
    taken = set(re.findall(r"\w+", "\n".join(texts)))
    found = []
    for name in ("xp", "device"):
        while name in taken:
            name += "_"
        found.append(name)
    return found[0], found[1]


def _checks(checks: Checks, translate: _Translation) -> Checks:
    wide = map(_of_any_width, checks.lines)
    lines = [part for line in wide for part in translate(line, arrays=False).split("\n")]
    if translate.uses_namespace(lines):
        converted = ("_floats(", "_elementwise(")
        place = next((i + 1 for i, line in enumerate(lines) if any(c in line for c in converted)), 0)
        lines.insert(place, _opening(checks.returns, translate))
    return replace(checks, lines=tuple(lines))


def _of_any_width(line: str) -> str:
    """A line that converts arguments, without the float type: that of the arrays is the one to keep."""
    return re.sub(r", np\.float32(?=,?\s*\)$)", "", line)


def _opening(names: Iterable[str], translate: _Translation) -> str:
    arrays = [name for name in names if name != "_"]
    return f"{translate.xp}, {translate.device} = _namespace({arrays[0]})"


def _routine(routine: Routine, translate: _Translation) -> Routine:
    sections = [replace(s, lines=_statements(s.lines, translate)) for s in routine.sections]
    result = translate(routine.result)
    if isinstance(ast.parse(result, mode="eval").body, ast.Tuple) and result.startswith("("):
        result = result[1:-1]  # a tuple that is returned needs none
    unpack = _of_any_width(routine.unpack)
    if translate.uses_namespace([result, *(line for s in sections for line in s.lines)]):
        targets = re.findall(r"\w+", unpack.partition(" = ")[0])
        unpack = f"{unpack}\n{_opening(targets, translate)}"
    plain = replace(routine, signature=_hints(routine.signature), unpack=unpack, result=result)
    return replace(plain, sections=tuple(sections))


def _texts(routine: Routine) -> list[str]:
    return [routine.result, *(line for section in routine.sections for line in section.lines)]


def _statements(lines: tuple[str, ...], translate: _Translation) -> tuple[str, ...]:
    """The lines of a section, each statement translated and its comment kept."""
    text = "\n".join(lines) + "\n"
    comments = {
        token.start[0]: token
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    statements: list[Statement] = []
    for statement in ast.parse(text).body:
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        above = comments.get(first - 1)
        if above is not None and above.line[: above.start[1]].strip():
            above = None  # it trails the statement before
        token = above or comments.get(last)
        comment = "" if token is None else token.string.removeprefix("# ")
        source = ast.get_source_segment(text, statement) or ""
        statements.append(Statement(tuple(translate(source).split("\n")), comment))
    return layout(statements)


def _hints(signature: str) -> str:
    text = re.sub(r"NDArray\[np\.\w+(\[Any\])?\]|np\.(floating\[Any\]|int64|bool_)", "Any", signature)
    return text.replace("ArrayLike", "Any")


def _record(record: RecordType) -> RecordType:
    return replace(record, fields=tuple((name, _hints(hint), note) for name, hint, note in record.fields))


def _refusal(module: str, title: str, function: Function, lack: str) -> SpecError:
    """The error that names the operation, and the line it is on."""
    from symgrad.lower.origins import Origins

    culprit = next((node for node in function.nodes() if node.args and not _translates(node, lack)), None)
    what = f"operation {culprit.op.name!r}" if culprit is not None else lack
    where = f"module {module}, function {title}"
    if culprit is not None and Origins(function).line(culprit):
        where += f", from {Origins(function).line(culprit)}"
    return SpecError(
        f"{what} cannot be emitted for the array API: the standard has nothing for {lack}",
        where=where,
        hint="leave this function out of the module with array_api=True, or spell it with other operations",
    )


def _translates(node: Node, lack: str) -> bool:
    """Whether the text of one node alone is free of what cannot be translated."""
    if node.dtype == "results":
        return False  # stacks are filled row by row, and arrays of the standard need not be writable
    if node.op.statement is not None or node.op.name == "result":
        return True
    names = sorted({name for a in (node, *node.args) for size in core(a.shape) for name in dim_names(size)})
    env = Env({name: name for name in names})
    try:
        text = node.op.numpy(node, [Text(f"a{i}") for i in range(len(node.args))], env)
        translated(text.source, _kernels())
    except Untranslatable as found:
        return str(found) != lack
    except AssertionError:  # an operation without a text of its own
        return True
    return True


@functools.lru_cache(maxsize=1)
def _kernels() -> dict[str, Kernel]:
    text = (Path(__file__).parent / "kernels.py").read_text(encoding="utf-8")
    return dict(definitions(text))


def _closure(names: Iterable[str]) -> list[str]:
    """Sources of the helpers and of all that they use, in the order of their file."""
    known = _kernels()
    pending, wanted = list(names), set(names)
    while pending:
        for name in known[pending.pop()].reads:
            if name in known and name not in wanted:
                wanted.add(name)
                pending.append(name)
    return [kernel.source for name, kernel in known.items() if name in wanted]


def _imports(sources: list[str], routines: list[Routine]) -> list[str]:
    text = "\n".join([*sources, *(line for routine in routines for line in _texts(routine))])
    return [name for name in ("itertools", "math") if re.search(rf"\b{name}\.", text)]
