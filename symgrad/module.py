"""`Module`: a set of functions under one name, as source text, a stub and files; and `compile`."""

from __future__ import annotations

import builtins
import functools
import keyword
import linecache
import os
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symgrad._version import __version__
from symgrad.borrowed import names_of
from symgrad.building.files import write_text
from symgrad.collection import uncollected
from symgrad.cost import cost, cost_text
from symgrad.emit import program, render
from symgrad.errors import SpecError
from symgrad.graph import Function, require_function
from symgrad.identifiers import BUILTINS, identifier
from symgrad.locate import user_frame
from symgrad.lower.docs import formulas
from symgrad.lower.source_map import with_lines
from symgrad.options import Options, plain
from symgrad.pipeline import prepare
from symgrad.program import Program
from symgrad.rewrite import stabilize

if TYPE_CHECKING:
    from symgrad.wrappers.base import Wrapper

#: Nodes from which on a function is not prepared again just to be compared with.
LARGE = 2_000


class Module:
    """A standalone numpy module to be: a name, and functions by name.

    Parameters
    ----------
    name
        The module's name, and that of its files.
    functions
        Functions by the names they get.
    doc
        Text of the module's docstring.
    typical, tiles, threads, partial, without, scipy, array_api, source_map
        How the functions are emitted, see `symgrad.options.Options`.

    wrappers
        Files of their own beside the module, such as `sg.wrappers.torch()`; see `symgrad.wrappers`.

    Raises
    ------
    SpecError
        For a name that no module or function can have, or two that become one; for an option out of range.
    """

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Function],
        doc: str = "",
        *,
        typical: Mapping[str, int] | None = None,
        tiles: bool | int = True,
        threads: bool = False,
        partial: bool = False,
        without: Iterable[str] = (),
        scipy: bool | str | Iterable[str] = False,
        array_api: bool = False,
        wrappers: Iterable[Wrapper] = (),
        source_map: bool = False,
    ) -> None:
        if not name.isidentifier() or identifier(name) != name or keyword.iskeyword(name):
            raise SpecError(
                f"a module cannot be called {name!r}",
                expected="a Python identifier without a leading underscore",
            )
        if not functions:
            raise SpecError(f"module {name!r} has no functions")
        for title, function in functions.items():
            if not isinstance(function, Function):
                raise SpecError(
                    f"module {name!r}: {title!r} is a {type(function).__name__}",
                    expected="a symgrad Function",
                    hint="sg.trace(fn, ...) makes one of a Python function",
                )
            if not title.isidentifier() or identifier(title) != title or _is_taken(title):
                raise SpecError(
                    f"module {name!r}: a function cannot be called {title!r}",
                    expected="an identifier without a leading underscore, no keyword, builtin or `np`",
                )
        self.name = name
        self.functions = dict(functions)
        self.doc = doc
        options = Options(
            dict(typical or {}), tiles, threads, partial, tuple(without), names_of(scipy), array_api,
            source_map,
        )  # fmt: skip
        self.options = plain(options) if array_api else options
        self.wrappers = tuple(wrappers)
        frame = user_frame()
        filename = os.path.basename(frame.f_code.co_filename) if frame is not None else ""
        self._bases: dict[int, Function] = {}
        #: The file that the module is specified in, without its folder.
        self.spec = filename if filename.endswith(".py") else "a session"

    @functools.cached_property
    def prepared(self) -> dict[str, Function]:
        """The functions in the form that is emitted."""
        return {title: prepare(f, self.options) for title, f in self.functions.items()}

    def base(self, title: str) -> Function | None:
        """What a function of the module is a derivative of, in the form that is emitted; None for others."""
        origin = self.functions[title].origin
        if origin is None:
            return None
        for other, function in self.functions.items():
            if function is origin.base:
                return self.prepared[other]
        if len(origin.base.nodes()) > LARGE and origin.kind in ("value_and_grad", "vjp", "jvp"):
            # It is computed along with its derivative: spare the time to prepare it on its own.
            return replace(self.prepared[title], result=self.prepared[title].result[0], name=origin.base.name)
        key = id(origin.base)  # which the module's own function keeps alive
        if key not in self._bases:
            self._bases[key] = prepare(origin.base, self.options)
        return self._bases[key]

    @functools.cached_property
    def costs(self) -> dict[str, str]:
        """For each function a sentence: its flops as a formula, compared with those of its base."""
        found = {}
        for title, function in self.prepared.items():
            base = self.base(title)
            compared = None if base is None else cost(base)
            found[title] = cost_text(cost(function), compared, base.name if base else "", function.dims)
        return found

    @functools.cached_property
    def program(self) -> Program:
        """The module as finished text, before layout."""
        pairs = {title: (f, self.prepared[title]) for title, f in self.functions.items()}
        made = program(self.name, pairs, self.doc, self.spec, self.options, self.costs)
        if self.options.array_api:
            from symgrad.array_api.program import in_standard

            made = in_standard(made, self.prepared)
        return with_lines(made) if self.options.source_map else made

    @functools.cached_property
    def rewrites(self) -> dict[str, Counter[str]]:
        """For each function, how often each rule for stable forms fired in it and in what it derives from."""
        return {title: Counter(stabilize(f).rewrites) for title, f in self.functions.items()}

    @uncollected
    def source(self) -> str:
        """The whole standalone module."""
        template = "array_api.py.jinja" if self.options.array_api else "module.py.jinja"
        return render(template, self.program)

    def stub(self) -> str:
        """Its type stub, the text of the `.pyi`."""
        template = "array_api.pyi.jinja" if self.options.array_api else "module.pyi.jinja"
        return render(template, self.program)

    def files(self) -> dict[str, str]:
        """File names and texts: the module, its stub, and the wrappers that go beside it."""
        texts = {f"{self.name}.py": self.source(), f"{self.name}.pyi": self.stub()}
        for wrapper in self.wrappers:
            from symgrad.wrappers.base import render as wrapped

            digest = self.program.digest.partition(":")[2]
            texts[f"{self.name}_{wrapper.suffix}.py"] = wrapped(wrapper, self, __version__, digest)
        return texts

    def write(self, folder: str | Path) -> Path:
        """Write module and stub into a folder, each whole or not at all; unchanged files stay untouched.

        Returns the path of the module.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for filename, text in self.files().items():
            write_text(folder / filename, text)
        return folder / f"{self.name}.py"

    def load(self) -> types.ModuleType:
        """The module, executed in memory from its own source."""
        return execute(self.name, self.source())

    def __repr__(self) -> str:
        return f"Module({self.name!r}, {list(self.functions)})"


def _is_taken(title: str) -> bool:
    """Whether a function of that name would hide what the module itself calls."""
    return keyword.iskeyword(title) or title in BUILTINS or title in _CALLED


#: What generated modules call by these names.
_CALLED = ("np", "math", "os", "threading", "set_threads", "__debug__")


def execute(name: str, source: str) -> types.ModuleType:
    """A module object from the text of a generated module; tracebacks show its lines."""
    module = types.ModuleType(name)
    filename = f"<symgrad {name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    module.__file__ = filename
    exec(builtins.compile(source, filename, "exec"), module.__dict__)
    return module


def compile(
    function: Function,
    *,
    typical: Mapping[str, int] | None = None,
    tiles: bool | int = True,
    threads: bool = False,
    without: Iterable[str] = (),
    scipy: bool | str | Iterable[str] = False,
) -> Callable[..., Any]:
    """The generated source of one function, executed in memory, as a callable.

    Parameters
    ----------
    function
        Written or derived.
    typical, tiles, threads, without, scipy
        As for `Module`.

    Returns
    -------
    callable
        Takes the function's arguments in their order, as numbers and arrays.

    Raises
    ------
    SpecError
        For what is no Function, or an option out of range.
    """
    require_function(function, "compile")
    options = Options(dict(typical or {}), tiles, threads, without=tuple(without), scipy=names_of(scipy))
    key = (id(function), options.to_text())
    cached: Callable[..., Any] | None = _COMPILED.get(key, (None, None))[1]
    if cached is None:
        title = identifier(function.name)
        title = title + "_" if _is_taken(title) else title
        module = Module(
            f"{title}_module", {title: function}, typical=typical, tiles=tiles, threads=threads,
            without=options.without, scipy=options.scipy,
        ).load()  # fmt: skip
        cached = getattr(module, title)
        # The function is kept beside its callable, so that its id cannot be given to another.
        _COMPILED[key] = (function, cached)
        while len(_COMPILED) > 256:
            _COMPILED.pop(next(iter(_COMPILED)))
    return cached


def _equations(function: Function) -> list[str]:
    """Equations for people: of what was written as written, of what was derived as it will be emitted."""
    if len(function.nodes()) > 500:
        return []
    return formulas(function if function.origin is None else prepare(function))


def _latex(function: Function) -> str | None:
    from symgrad.draw.notebook import repr_latex

    return repr_latex(function)


def _svg(function: Function) -> str | None:
    from symgrad.draw.notebook import repr_svg

    return repr_svg(function)


def _html(function: Function) -> str | None:
    from symgrad.draw.notebook import repr_html

    return repr_html(function)


Function._equations = staticmethod(_equations)
Function._latex = staticmethod(_latex)
Function._svg = staticmethod(_svg)
Function._html = staticmethod(_html)

_COMPILED: dict[tuple[int, str], tuple[Function, Callable[..., Any]]] = {}
