"""`x[key]` as numpy reads it: integers, slices, newaxis, ellipsis and integer arrays, mixed."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node
from symgrad.ops.gather import check_integers, gather, index_node
from symgrad.ops.indexing import FULL, Entry, index, integer_entry, slice_entry
from symgrad.ops.leaves import array_node
from symgrad.ops.rearrange import flip_
from symgrad.ops.structure import expand_dims, permute
from symgrad.shapes import BATCH, Dim, broadcast, core, rank, shape_text
from symgrad.spelling import spell


def getitem(x: Node, key: Any) -> Node:
    """`x[key]`.

    Raises
    ------
    ShapeError
        For too many indices, and for one that is known to be out of range.
    TraceError
        For a condition as an index: how many elements it picks is known only at run time.
    """
    if type(key) is int and len(x.shape) == 1 and x.shape[0] is not BATCH:
        return index(x, key=(integer_entry(key, x.shape[0], 0, x.shape),))
    parts = _expanded(x, _parts(key))
    entries: list[Entry] = []
    arrays: list[Node] = []
    places: list[int] = []  # of index arrays among what basic indexing leaves
    left = 0
    for part in parts:
        if part is None:
            continue
        axis = len(entries)
        size = core(x.shape)[axis]
        if isinstance(part, Node):
            entries.append(FULL)
            arrays.append(part)
            places.append(left)
            left += 1
        elif isinstance(part, slice):
            entries.append(_slice(part, size))
            left += 1
        else:
            entries.append(integer_entry(part, size, axis, x.shape))
    y = _basic(x, entries)
    if not arrays:
        new = [i for i, part in enumerate(p for p in parts if not _drops(p)) if part is None]
        return expand_dims(y, axes=tuple(new)) if new else y
    return _advanced(y, parts, arrays, places)


def _drops(part: Any) -> bool:
    return isinstance(part, (int, Dim))


def _parts(key: Any) -> list[Any]:
    """The key as a list of ints, dimensions, slices, None, Ellipsis and integer nodes."""
    parts: list[Any] = []
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, list):
            part = index_node(part)
        if isinstance(part, Node):
            parts.extend(_array_parts(part))
        elif part is None or part is Ellipsis or isinstance(part, (slice, Dim)):
            parts.append(part)
        elif isinstance(part, bool) or not hasattr(part, "__index__"):
            raise TraceError(
                f"indexing by {part!r}",
                expected="integers, slices, None, ... and arrays of integers",
                hint="np.where for a choice by a condition",
            )
        else:
            parts.append(operator.index(part))
    return parts


def _array_parts(part: Node) -> list[Any]:
    name = part.op.name
    if name == "array" and part.dtype == "bool":  # a mask of literals picks known elements
        return [array_node(places) for places in np.nonzero(part.value.array())]
    if name == "array" and not part.value.array().size:
        return [array_node(part.value.array().astype(np.int64))]
    check_integers("indexing", part)
    return [part.value] if name == "const" else [part.size] if name == "dim" else [part]


def _expanded(x: Node, parts: list[Any]) -> list[Any]:
    """One part for each axis, besides the None of new axes."""
    ellipses = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(ellipses) > 1:
        raise ShapeError("indexing: an index can only have one ellipsis ('...')")
    used = sum(1 for part in parts if part is not None and part is not Ellipsis)
    if used > x.rank:
        raise ShapeError(
            "indexing: too many indices",
            expected=f"at most {x.rank} for shape {shape_text(x.shape)}",
            got=f"{used}",
        )
    fill = [slice(None)] * (x.rank - used)
    if not ellipses:
        return parts + fill
    return parts[: ellipses[0]] + fill + parts[ellipses[0] + 1 :]


def _slice(part: slice, size: Any) -> Entry:
    bounds = [
        b if b is None or isinstance(b, (int, Dim)) else operator.index(b) for b in (part.start, part.stop)
    ]
    step = 1 if part.step is None else part.step
    if isinstance(step, Dim):
        raise ShapeError("indexing: the step of a slice is an integer", got=str(step))
    return slice_entry(bounds[0], bounds[1], operator.index(step), size)[0]


def _basic(x: Node, entries: list[Entry]) -> Node:
    reverse = ("slice", None, None, -1)
    if all(entry == FULL for entry in entries):
        return x
    if all(entry in (FULL, reverse) for entry in entries):
        return flip_(x, axes=tuple([i for i, entry in enumerate(entries) if entry == reverse]))
    return index(x, key=tuple(entries))


def _advanced(y: Node, parts: list[Any], arrays: list[Node], places: list[int]) -> Node:
    """Integer arrays applied to what basic indexing left, where numpy puts their axes.

    Those of neighbouring arrays and integers stay in place; apart from each other they come first.
    """
    spread = broadcast(*[a.shape for a in arrays], what="index arrays")
    picking = [i for i, part in enumerate(parts) if isinstance(part, (Node, int, Dim))]
    together = picking == list(range(picking[0], picking[-1] + 1))
    axis = places[0]
    if not together:
        others = [i for i in range(y.rank) if i not in places]
        y, axis = permute(y, [*places, *others]), 0
    out = gather(y, *arrays, axis=axis)
    # Where the new axes go: after the axes of the arrays where these come first.
    width = rank(spread)
    layout: list[str] = [] if together else ["array"] * width
    placed = not together
    for i, part in enumerate(parts):
        if part is None:
            layout.append("new")
        elif isinstance(part, slice):
            layout.append("kept")
        elif i in picking and not placed:
            layout.extend(["array"] * width)
            placed = True
    new = tuple([i for i, kind in enumerate(layout) if kind == "new"])
    return expand_dims(out, axes=new) if new else out


spell(getitem, method="__getitem__")
