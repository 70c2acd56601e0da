"""A test file for a generated module: points, and the values that the oracle has there, as text.

The file needs numpy and pytest, neither symgrad nor sympy: it guards a module where it is used.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad._version import __version__
from symgrad.emit import environment
from symgrad.graph import Function
from symgrad.lower.docs import safe
from symgrad.tree import Record, Tree, is_leaf, map_leaves
from symgrad.verify.check import DIRECTIONS, columns_of
from symgrad.verify.oracle import expected, is_defined, is_sparse
from symgrad.verify.points import Point, Sampler

#: Special points that are listed beside a random one.
SPECIAL = ("whole numbers", "all sizes 1")


@dataclass(frozen=True)
class Case:
    """One function at one point, as text."""

    function: str
    point: str
    arguments: tuple[str, ...]
    #: Values, largest rounding bound, and columns of a sparse result.
    results: tuple[tuple[str, str, str], ...]


def tests_of(name: str, functions: Mapping[str, Function], module: str, spec: str, digest: str) -> str:
    """Text of the tests of a module.

    Parameters
    ----------
    name
        The module's name.
    functions
        Its functions, by the names they have there.
    module
        Where it lies, as seen from the folder of the tests.
    spec, digest
        What it was generated from.
    """
    records: dict[str, str] = {}
    cases = [
        _case(title, function, point, records)
        for title, function in functions.items()
        for point in _points(function)
    ]
    text: str = environment().get_template("test.py.jinja").render(
        name=name, version=__version__, spec=safe(spec), digest=digest[:15], module=json.dumps(module),
        cases=cases, records=list(records.values()),
    )  # fmt: skip
    return text.rstrip("\n") + "\n"


def _points(function: Function) -> Iterator[Point]:
    sampler = Sampler(function, None, seed=0)
    yield from sampler.random(1)
    for point in sampler.special():
        if point.label in SPECIAL:
            yield point


def _case(title: str, function: Function, point: Point, records: dict[str, str]) -> Case:
    wanted = expected(function, point.values, point.sizes, _chosen)
    columns: Sequence[int | None] = [None] * len(wanted)
    if is_sparse(function):
        columns = columns_of(function, point.sizes, len(wanted))
    arguments = []
    for parameter in function.parameters:
        remaining = iter(point.values[parameter.name])
        tree = map_leaves(lambda _, r=remaining: next(r), parameter.tree)
        arguments.append(_folded(_argument(tree, records)))
    return Case(title, point.label, tuple(arguments), tuple(map(_result, wanted, columns)))


def _chosen(total: int) -> Sequence[int]:
    return range(0, total, max(1, math.ceil(total / DIRECTIONS)))


def _argument(tree: Tree, records: dict[str, str]) -> str:
    if isinstance(tree, Record):
        records[tree.name] = f'{tree.name} = namedtuple("{tree.name}", {list(tree.fields)!r})'
        return f"{tree.name}({', '.join(_argument(value, records) for value in tree.values)})"
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {_argument(value, records)}" for key, value in tree.items()) + "}"
    if not is_leaf(tree):
        return "(" + "".join(f"{_argument(value, records)}, " for value in tree) + ")"
    return repr(np.asarray(tree).tolist())


def _result(want: Any, columns: int | None) -> tuple[str, str, str]:
    """The values of one output, the largest bound of them, and its columns where it is sparse."""
    if want.dtype != object:
        return _folded(repr(want.astype(float).tolist())), "0.0", repr(columns)
    bound, values = 0.0, []
    for number in want.ravel().tolist():
        known = number is not None and is_defined(number) and number.size < 1e300
        values.append(float(number.value) if known else math.nan)
        bound = max(bound, number.bound) if known else bound
    text = repr(np.array(values).reshape(want.shape).tolist()).replace("nan", "np.nan")
    return _folded(text), repr(float(bound)), repr(columns)


def _folded(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 90, break_long_words=False, break_on_hyphens=False))
