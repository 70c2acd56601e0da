"""Points to verify at: sizes of the named dimensions, and numbers for every input.

Random points come from the first of several ranges in which the function is defined. Special points are
listed, never left to chance: zeros, whole numbers (ties and kinks), negative, tiny and large numbers,
and all dimensions 1. They are about the arguments of the function that was written: cotangents and tangents
stay random, for a cotangent of 0 hides any finite slope and makes nan of an infinite one. Every number is
a float32, so that the same point serves both precisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.errors import SymgradError
from symgrad.graph import Function
from symgrad.node import Node
from symgrad.shapes import BATCH, core, evaluate, has_batch
from symgrad.tree import leaves
from symgrad.verify.oracle import OutOfRange, forward

Array = np.ndarray[Any, Any]

#: Ranges to draw from, in the order they are tried. `definite` makes square matrices positive definite.
RANGES: tuple[tuple[str, float, float], ...] = (
    ("plain", -2.0, 2.0),
    ("positive", 0.1, 2.0),
    ("unit", 0.05, 0.95),
    ("definite", -1.0, 1.0),
    ("above one", 1.1, 3.0),
)
_SIZES = (3, 2, 4, 5)


@dataclass(frozen=True)
class Point:
    """Where to evaluate: `values` has, by parameter name, one array for each leaf."""

    label: str
    values: Mapping[str, list[Array]]
    sizes: Mapping[str, int]
    #: Sizes of the largest and smallest intermediate values of the function that is differentiated.
    extremes: tuple[float, float]

    @property
    def fits_float32(self) -> bool:
        """Whether float32 holds all intermediate values with room for their derivatives."""
        return self.extremes[0] < 1e12 and self.extremes[1] > 1e-12


class Sampler:
    """Draws points for one function, the same ones on every run."""

    def __init__(self, function: Function, sizes: Mapping[str, int] | None, seed: int) -> None:
        self.function = function
        self.rng = np.random.default_rng(seed)
        self.sizes = dict(sizes) if sizes is not None else small_sizes(function)
        self.fixed = sizes is not None
        #: Parameters that transforms added, other than the vector that stands for some.
        self.directions = set(_directions(function))
        self._drawn = 0
        self._tops: dict[Node, int] = {}
        self._range: tuple[str, float, float] | None = None

    def random(self, count: int) -> Iterator[Point]:
        """Up to that many points where the function is defined."""
        found = 0
        for attempt in range(20 * count):
            span = self._range or RANGES[attempt % len(RANGES)]
            mixed = attempt >= 4 * len(RANGES)
            point = self._draw(f"random {self._drawn + 1} ({span[0]})", span, self.sizes, mixed=mixed)
            if point is None:
                continue
            # Stay with a range that worked: where it fails, as for the sign of a determinant, try again.
            self._range = None if mixed else span
            found += 1
            self._drawn += 1
            yield point
            if found == count:
                return

    def special(self) -> Iterator[Point]:
        """The listed points at which the function is defined."""
        for label, low, high in (
            ("zeros", 0.0, 0.0),
            ("whole numbers", -2.0, 2.0),
            ("negative", -2.0, -0.1),
            ("tiny", -(2.0**-19), 2.0**-19),
            ("large", -32.0, 32.0),
        ):
            point = self._draw(label, (label, low, high), self.sizes)
            if point is not None:
                yield point
        if not self.fixed and (self.function.dims or self.function.has_batch):
            ones = dict.fromkeys(self.sizes, 1)
            if _fits(self.function, ones):
                for span in (self._range, *RANGES):
                    point = span and self._draw("all sizes 1", span, ones)
                    if point:
                        yield point
                        break

    def _draw(
        self, label: str, span: tuple[str, float, float], sizes: Mapping[str, int], mixed: bool = False
    ) -> Point | None:
        values: dict[str, list[Array]] = {}
        batches = _batches(self.function, lone=label == "all sizes 1")
        for parameter in self.function.parameters:
            if mixed:
                span = RANGES[int(self.rng.integers(len(RANGES)))]
            own = RANGES[0] if parameter.name in self.directions else span
            values[parameter.name] = [
                self._fill(leaf, own, sizes, next(batches) if has_batch(leaf.shape) else ())
                for leaf in leaves(parameter.tree)
            ]
        try:
            extremes = forward(self.function, values, sizes)
        except OutOfRange:
            return None
        return Point(label, values, sizes, extremes)

    def _fill(
        self, leaf: Node, span: tuple[str, float, float], sizes: Mapping[str, int], batch: tuple[int, ...]
    ) -> Array:
        shape = batch + tuple(evaluate(size, sizes) for size in core(leaf.shape))
        label, low, high = span
        if leaf.dtype == "bool":
            return self.rng.integers(0, 2, shape).astype(np.bool_)
        if leaf.dtype == "int64":
            top = self._top(leaf, sizes)
            return np.asarray(self.rng.integers(0, max(top, 1), shape), dtype=np.int64)
        if label == "whole numbers":
            values = self.rng.integers(int(low), int(high), shape, endpoint=True).astype(np.float64)
        else:
            values = self.rng.uniform(low, high, shape)
        if label == "definite" and len(shape) >= 2 and shape[-1] == shape[-2]:
            values = values @ np.swapaxes(values, -1, -2) + np.eye(shape[-1])
        return np.asarray(values, dtype=np.float32).astype(np.float64)

    def _top(self, leaf: Node, sizes: Mapping[str, int]) -> int:
        """One more than the largest integer an input may hold: found by asking its meaning for less.

        Indices out of range raise IndexError in the expansion; sizes of the function are the candidates.
        """
        known = self._tops.get(leaf) if sizes == self.sizes else None
        if known is not None:
            return known
        tops = {min(size, 6) for size in _all_sizes(self.function, sizes)}
        result = 1
        for top in sorted(tops | {2}, reverse=True):
            if top >= 1 and self._accepts(leaf, top - 1, sizes):
                result = top
                break
        if sizes == self.sizes:
            self._tops[leaf] = result
        return result

    def _accepts(self, leaf: Node, value: int, sizes: Mapping[str, int]) -> bool:
        values: dict[str, list[Array]] = {}
        for parameter in self.function.parameters:
            arrays = []
            for other in leaves(parameter.tree):
                shape = tuple(evaluate(size, sizes) for size in core(other.shape))
                fill: Any = value if other is leaf else 0 if other.dtype != "float64" else 0.5
                arrays.append(np.full(shape, fill, dtype=other.dtype))
            values[parameter.name] = arrays
        try:
            forward(self.function, values, sizes)
        except IndexError:
            return False
        except OutOfRange:
            return True
        return True


def _directions(function: Function) -> list[str]:
    known: list[str] = []
    base = function
    while base.origin is not None:
        if base.origin.kind == "flatten":
            known.append(base.parameters[0].name)
        base = base.origin.base
    known += [p.name for p in base.parameters]
    return [p.name for p in function.parameters if p.name not in known]


def small_sizes(function: Function) -> dict[str, int]:
    """Small, different sizes of the named dimensions that leave no array of the function empty."""
    for extra in range(12):
        sizes = {name: _SIZES[i % len(_SIZES)] + extra for i, name in enumerate(function.dims)}
        if _fits(function, sizes):
            return sizes
    return {name: _SIZES[i % len(_SIZES)] for i, name in enumerate(function.dims)}


def _fits(function: Function, sizes: Mapping[str, int]) -> bool:
    """Whether no array of the function is empty, and no element is taken from beyond the end of one."""
    base = function
    while base.origin is not None:
        base = base.origin.base
    try:
        return all(size >= 1 for size in _all_sizes(function, sizes)) and all(
            -evaluate(size, sizes) <= evaluate(entry, sizes) < evaluate(size, sizes)
            for node in base.nodes()
            if node.op.name == "index"
            for entry, size in zip(node.key, core(node.args[0].shape))
            if not isinstance(entry, tuple)
        )
    except (SymgradError, ZeroDivisionError):
        return False


def _all_sizes(function: Function, sizes: Mapping[str, int]) -> list[int]:
    return [evaluate(size, sizes) for node in function.nodes() for size in node.shape if size is not BATCH]


def _batches(function: Function, lone: bool) -> Iterator[tuple[int, ...]]:
    """Leading shapes for `...` arguments, different ones that broadcast together."""
    if lone:
        cycle: tuple[tuple[int, ...], ...] = ((), (1,))
    elif function.is_elementwise:
        cycle = ((2, 3), (3,), (2, 1))
    else:
        cycle = ((2,), (2,), (1,))
    position = 0
    while True:
        yield cycle[position % len(cycle)]
        position += 1
