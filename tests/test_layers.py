"""The order of the layers: a file imports only from those above it in this list, or from its own."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import symgrad

PACKAGE = Path(symgrad.__file__).parent

# From what knows nothing to what knows everything. A name stands for a module, or a package with all in it.
LAYERS = (
    (
        "symgrad._version",
        "symgrad.errors",
        "symgrad.docstrings",
        "symgrad.kernels",
        "symgrad.identifiers",
        "symgrad.collection",
        "symgrad.locate",
    ),
    ("symgrad.dims",),
    ("symgrad.shapes", "symgrad.templates"),
    # Files and what is known of them, before there is anything to compute.
    ("symgrad.building.files", "symgrad.building.plan", "symgrad.building.digest"),
    ("symgrad.building.cache", "symgrad.building.dependencies", "symgrad.building.depfile"),
    ("symgrad.building.lock", "symgrad.building.outcome", "symgrad.building.freshness"),
    ("symgrad.building.write",),
    ("symgrad.text", "symgrad.flops"),
    ("symgrad.node",),
    ("symgrad.tree",),
    ("symgrad.borrowed",),
    ("symgrad.graph", "symgrad.spelling", "symgrad.options"),
    ("symgrad.rowwise",),
    ("symgrad.ops",),
    ("symgrad.blocks", "symgrad.rewrite"),
    ("symgrad.recording", "symgrad.array", "symgrad.inline"),
    ("symgrad.complex_array",),
    ("symgrad.meaning", "symgrad.portable", "symgrad.guard"),
    ("symgrad.trace", "symgrad.marking", "symgrad.control"),
    ("symgrad.transforms",),
    ("symgrad.frontends",),
    ("symgrad.pipeline", "symgrad.cost"),
    ("symgrad.program", "symgrad.schedule"),
    ("symgrad.lower",),
    ("symgrad.array_api",),
    ("symgrad.emit", "symgrad.commands.catalogue"),
    ("symgrad.draw", "symgrad.wrappers"),
    ("symgrad.module",),
    ("symgrad.verify",),
    ("symgrad.testing",),
    ("symgrad.building.specs",),
    ("symgrad.explain",),
    ("symgrad.building.generate",),
    ("symgrad.building",),
    ("symgrad.hooks.project",),
    ("symgrad.hooks",),
    ("symgrad.pytest_plugin",),
    ("symgrad",),
    ("symgrad.gallery",),
    ("symgrad.commands.report", "symgrad.commands.options"),
    ("symgrad.commands.running",),
    ("symgrad.commands",),
    ("symgrad.docs",),
    ("symgrad.__main__",),
)


def module_names() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = module_names()


def layer_of(name: str) -> int:
    """The layer whose name is the longest one that the module's starts with; `symgrad` is itself alone."""
    ranks = {prefix: rank for rank, layer in enumerate(LAYERS) for prefix in layer}
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in ranks and (prefix != "symgrad" or name == "symgrad"):
            return ranks[prefix]
    raise AssertionError(f"{name} is in no layer: add it to LAYERS")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and names of what a file imports, wherever in it it does; not what it imports for types alone."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node.lineno, inner if inner in MODULES else str(node.module)
        pending.extend(ast.iter_child_nodes(node))


def ours(path: Path) -> list[tuple[int, str]]:
    return [(line, name) for line, name in imports(path) if name.split(".")[0] == "symgrad"]


@pytest.mark.parametrize("name", MODULES)
def test_imports_only_from_lower_layers(name: str) -> None:
    rank = layer_of(name)
    wrong = [
        f"{MODULES[name].name}:{line} imports {other}"
        for line, other in ours(MODULES[name])
        if layer_of(other) > rank
    ]
    assert not wrong


def test_every_layer_exists() -> None:
    for layer in LAYERS:
        for name in layer:
            assert importlib.util.find_spec(name) is not None, name


def test_there_is_no_cycle() -> None:
    # `symgrad.ops` and its like import their own parts, which are allowed to import each other one way.
    edges = {name: sorted({other for _, other in ours(path)} - {name}) for name, path in MODULES.items()}
    done: set[str] = set()
    for root in edges:
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(root, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(name)
                continue
            assert name not in path, " -> ".join([*path[path.index(name) :], name])
            if name in done:
                continue
            path.append(name)
            stack.append((name, True))
            stack.extend((other, False) for other in edges.get(name, ()))


@pytest.mark.parametrize(
    "name", ["symgrad", "symgrad.commands.main", "symgrad.building.generate", "symgrad.commands.catalogue"]
)
def test_importing_does_not_import_sympy(name: str) -> None:
    program = f"import sys, {name}; print([m for m in ('sympy', 'mpmath', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
