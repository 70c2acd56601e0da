"""Nested structures of leaves: tuples, dicts and records (what a NamedTuple is here).

Parameters and results of a Function are trees of nodes; transforms keep their structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Tree = Any


@dataclass(frozen=True)
class Record:
    """A NamedTuple: its type's name, its fields and their values."""

    name: str
    fields: tuple[str, ...]
    values: tuple[Tree, ...]


def leaves(tree: Tree) -> list[Any]:
    """The leaves from left to right."""
    return [leaf for _, leaf in paths(tree)]


def paths(tree: Tree, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Pairs of path and leaf: an index for a tuple, a key for a dict, a field for a record."""
    for key, child in children(tree):
        if is_leaf(child):
            yield (*prefix, key) if key is not None else prefix, child
        else:
            yield from paths(child, (*prefix, key))


def is_leaf(tree: Tree) -> bool:
    """Whether this is not a structure itself."""
    return not isinstance(tree, (tuple, list, dict, Record))


def children(tree: Tree) -> list[tuple[Any, Tree]]:
    """Keys and subtrees of one level; a bare leaf is its own only child, under the key None."""
    if isinstance(tree, Record):
        return list(zip(tree.fields, tree.values))
    if isinstance(tree, dict):
        return list(tree.items())
    if isinstance(tree, (tuple, list)):
        return list(enumerate(tree))
    return [(None, tree)]


def map_leaves(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """The tree with every leaf replaced by `function(leaf, ...)`; `others` have the same structure."""
    if isinstance(tree, Record):
        parts = zip(tree.values, *(other.values for other in others))
        return Record(tree.name, tree.fields, tuple(map_leaves(function, *part) for part in parts))
    if isinstance(tree, dict):
        return {
            key: map_leaves(function, child, *(other[key] for other in others)) for key, child in tree.items()
        }
    if isinstance(tree, (tuple, list)):
        return tuple(map_leaves(function, *part) for part in zip(tree, *others))
    return function(tree, *others)
