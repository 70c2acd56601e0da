"""The pytest plugin: `pytest --symgrad` verifies the generated modules on disk, one item a function and wrt.

Which modules these are says `[tool.symgrad]` of the project, or `--symgrad-spec`. An item compares one
function with sympy; where its result has a field for each wrt, there is an item for each field. What an item
measured is in its `user_properties`, and so in the files of `--junitxml` and of plugins that write JSON.

The fixture `symgrad_verify` is `sg.testing.check` that leaves its figures there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from symgrad.building.plan import Plan
    from symgrad.graph import Function
    from symgrad.module import Module
    from symgrad.verify.report import Report

_PLAN = pytest.StashKey["Plan"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the command line."""
    group = parser.getgroup("symgrad")
    group.addoption(
        "--symgrad",
        action="store_true",
        help="verify generated modules against sympy, one item a function and wrt",
    )
    group.addoption(
        "--symgrad-spec",
        action="append",
        default=[],
        metavar="SPEC",
        help="a spec whose modules to verify, in place of those of [tool.symgrad]; may be repeated",
    )
    group.addoption("--symgrad-out", metavar="DIR", help="folder of the generated modules")


def pytest_configure(config: pytest.Config) -> None:
    """Find out which specs there are, where that is asked for."""
    if not config.getoption("symgrad"):
        return
    from symgrad.building.plan import plan
    from symgrad.errors import SpecError, SymgradError

    specs = config.getoption("symgrad_spec")
    try:
        # Specs that are named lie where pytest was called; the project is where its rootdir is.
        invoked = config.invocation_params.dir
        out = config.getoption("symgrad_out")
        config.stash[_PLAN] = plan(
            [invoked / spec for spec in specs], invoked / out if out else None, config.rootpath
        )
        if config.stash[_PLAN].is_gallery and not config.stash[_PLAN].out.is_dir():
            raise SpecError(
                "no specs",
                where=f"[tool.symgrad] of {config.rootpath / 'pyproject.toml'}",
                expected='specs = ["models/*.py"] and out = "generated", for example',
                hint="--symgrad-spec SPEC --symgrad-out DIR",
            )
    except SymgradError as error:
        raise pytest.UsageError(f"--symgrad: {error}") from error


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is verified."""
    plan = config.stash.get(_PLAN, None)
    return None if plan is None else f"symgrad: {len(plan.specs)} specs, modules in {plan.out}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """Collect a spec that is named on the command line, or met on the way."""
    plan = parent.config.stash.get(_PLAN, None)
    if plan is None or file_path.resolve() not in _resolved(plan):
        return None
    found: SpecFile = SpecFile.from_parent(parent, path=file_path)
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the items of specs that no argument leads to, unless an argument names a spec."""
    plan = config.stash.get(_PLAN, None)
    if plan is None:
        return
    collected = {item.path.resolve() for item in items if isinstance(item, FunctionItem)}
    named = {(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args}
    if named & _resolved(plan):
        return
    for spec in plan.specs:
        if spec.resolve() not in collected:
            items.extend(session.genitems(SpecFile.from_parent(session, path=spec)))


def _resolved(plan: Plan) -> set[Path]:
    return {spec.resolve() for spec in plan.specs}


class SpecFile(pytest.File):
    """A spec: collects its modules."""

    def collect(self) -> Iterator[ModuleCollector]:
        """Load the spec."""
        from symgrad.building.specs import load

        for module in load(self.path):
            yield ModuleCollector.from_parent(self, name=module.name, module=module)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A spec's error without the traceback through symgrad."""
        return _told(excinfo) or super().repr_failure(excinfo)  # a collector's has no style


class ModuleCollector(pytest.Collector):
    """A generated module: collects an item for each function and wrt."""

    def __init__(self, module: Module, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module
        self._reports: dict[str, Report] = {}

    @property
    def generated(self) -> Path:
        """Where the module lies."""
        return self.config.stash[_PLAN].out / f"{self.module.name}.py"

    @cached_property
    def source(self) -> str:
        """The text of the module."""
        from symgrad.errors import VerificationError

        if not self.generated.is_file():
            raise VerificationError(f"{self.generated} is missing", hint="`symgrad build` writes it")
        return self.generated.read_text(encoding="utf-8")

    @cached_property
    def imported(self) -> Any:
        """The module, imported as a user would."""
        from symgrad.verify.loading import load

        return load(self.generated) if self.source else None

    def report(self, title: str) -> Report:
        """What verification of one function found, of all of its outputs at once."""
        if title not in self._reports:
            self._reports[title] = self.verify(title, lambda path: True)
        return self._reports[title]

    def verify(self, title: str, outputs: Callable[[tuple[Any, ...]], bool]) -> Report:
        """Compare some outputs of one function."""
        from symgrad.errors import VerificationError
        from symgrad.verify.check import verify_function

        function = getattr(self.imported, title, None)
        if function is None:
            raise VerificationError(
                f"{self.generated} has no function {title!r}", hint="`symgrad build` writes it anew"
            )
        report = verify_function(self.module.functions[title], function, outputs=outputs)
        report.function = title
        return report

    def collect(self) -> Iterator[FunctionItem]:
        """One item a function and wrt."""
        for title, function in self.module.functions.items():
            for wrt in _items(function):
                name = f"{title}[{wrt}]" if wrt else title
                yield FunctionItem.from_parent(self, name=name, title=title, wrt=wrt)


class FunctionItem(pytest.Item):
    """One generated function, and the outputs of it that are derivatives by one wrt."""

    def __init__(self, title: str, wrt: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.title = title
        self.wrt = wrt

    def runtest(self) -> None:
        """Verify, and keep the figures."""
        from symgrad.errors import VerificationError
        from symgrad.verify.story import story

        owner: Any = self.parent
        report = owner.report(self.title)
        if not report.ok and self.wrt:
            # Something of the function is wrong: is it something of this wrt?
            field = _field_of(owner.module.functions[self.title])
            report = owner.verify(self.title, lambda path: field(path) in (None, self.wrt))
        _keep(self, report)
        if not report.ok:
            raise VerificationError(story(report, owner.source, owner.generated))
        if not report.compared:  # no evidence is no agreement
            raise VerificationError(f"{self.title}: no element could be compared at any point")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is wrong, without the traceback through symgrad."""
        return _told(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What pytest calls the item."""
        owner: Any = self.parent
        return self.path, None, f"{owner.module.name}.{self.name}"


def _told(excinfo: pytest.ExceptionInfo[BaseException]) -> str | None:
    from symgrad.errors import SymgradError

    error = excinfo.value
    return f"{type(error).__name__}: {error}" if isinstance(error, SymgradError) else None


def _items(function: Function) -> list[str]:
    """The wrt of each item of a function; an empty one where there is nothing to tell apart."""
    from symgrad.tree import paths

    if function.origin is None:
        return [""]
    field = _field_of(function)
    found = list(dict.fromkeys(name for path, _ in paths(function.result) if (name := field(path))))
    return found or [",".join(function.origin.wrt)]


def _field_of(function: Function) -> Callable[[tuple[Any, ...]], str | None]:
    """From the path of an output to the wrt that it is a derivative by, where the result has it by name."""
    from symgrad.tree import Record

    names = set(function.origin.wrt) if function.origin is not None else set()

    def field(path: tuple[Any, ...]) -> str | None:
        tree = function.result
        for key in path:
            if isinstance(tree, Record):
                if {name.rstrip("_") for name in tree.fields} <= {name.rstrip("_") for name in names}:
                    return str(key)
                tree = tree.values[tree.fields.index(key)]
            else:
                tree = tree[key]
        return None

    return field


def _keep(item: pytest.Item, report: Report) -> None:
    """The figures of a report, where pytest's own reports have them."""
    prefix = f"{report.function}." if any(name == "max_error" for name, _ in item.user_properties) else ""
    item.user_properties += [
        (f"{prefix}max_error", report.max_error),
        (f"{prefix}max_error32", report.max_error32),
        (f"{prefix}compared", report.compared),
        (f"{prefix}points", len(report.points)),
    ]


@pytest.fixture
def symgrad_verify(request: pytest.FixtureRequest) -> Callable[..., list[Report]]:
    """Check a function against sympy: `sg.testing.check`, with its figures in the test's properties.

    Examples
    --------
    def test_my_gradient(symgrad_verify):
        symgrad_verify(sg.grad(f, wrt="w"), my_gradient)
    """
    from symgrad.testing import check

    def verify(*args: Any, **kwargs: Any) -> list[Report]:
        reports = check(*args, **kwargs)
        for report in reports:
            _keep(request.node, report)
        return reports

    return verify
