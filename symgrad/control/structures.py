"""What users hand to loops and branches, taken apart into nodes and put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.array import as_node, wrap
from symgrad.errors import SymgradError, TraceError
from symgrad.locate import user_line
from symgrad.node import Node


@dataclass(frozen=True)
class Structure:
    """A value of the user's taken apart: its leaves as nodes, and where they are."""

    value: Any
    nodes: list[Node]
    paths: list[str]

    def rebuild(self, nodes: Sequence[Node]) -> Any:
        """The same structure around other nodes."""
        return _put_together(self.value, iter(nodes))


def taken_apart(value: Any, what: str) -> Structure:
    nodes: list[Node] = []
    paths: list[str] = []
    for path, leaf in _leaves(value, what):
        try:
            nodes.append(as_node(leaf))
        except SymgradError as error:
            raise TraceError(
                f"{path} is a {type(leaf).__name__}", where=user_line(),
                expected="an array, a number, or a tuple or dict of these",
            ) from error  # fmt: skip
        paths.append(path)
    return Structure(value, nodes, paths)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if hasattr(value, "_fields"):
        for key, child in zip(value._fields, value):
            yield from _leaves(child, f"{path}.{key}")
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, f"{path}[{key!r}]")
    elif isinstance(value, (tuple, list)):
        for key, child in enumerate(value):
            yield from _leaves(child, f"{path}[{key}]")
    else:
        yield path, value


def _put_together(value: Any, nodes: Iterator[Node]) -> Any:
    if value is None:
        return None
    if hasattr(value, "_fields"):
        return type(value)(*[_put_together(child, nodes) for child in value])
    if isinstance(value, dict):
        return {key: _put_together(child, nodes) for key, child in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_put_together(child, nodes) for child in value)
    return wrap(next(nodes))
