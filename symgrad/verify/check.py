"""A generated function against the oracle, element by element.

Tolerance. Each expected value e comes with a bound b: the first-order bound on the rounding error of a
floating-point evaluation, in units of one relative rounding. It is the sum of the magnitudes that went into
e, so b is about |e| where nothing cancels and larger where something does. A value g passes where

    |g - e| <= rtol * max(|e|, b)

There is no absolute tolerance: a derivative of 1e-20 made of terms of that size must be right to as many
digits as one of 1. (Below the range of the format, `1e-300` and `1e-36`, everything counts as 0.) Every
element is compared; nothing is projected or averaged, so one wrong entry in a thousand fails.
"""

from __future__ import annotations

import warnings
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symgrad.errors import VerificationError
from symgrad.graph import Function
from symgrad.shapes import evaluate_shape, has_batch
from symgrad.tree import Record, Tree, is_leaf, leaves, map_leaves, paths
from symgrad.verify.loading import load
from symgrad.verify.oracle import compared, expected, is_defined, is_sparse
from symgrad.verify.points import Point, Sampler
from symgrad.verify.report import Report
from symgrad.verify.tiles import one_row_a_tile, tiled

RTOL = 1e-12
RTOL_FLOAT32 = 2e-5
#: Elements of wrt at one point; where there are more, each point takes the next ones of a random order.
DIRECTIONS = 200
#: Scalar operations of one evaluation above which fewer points are used.
HEAVY = 100_000

_FLOOR = {"float64": 1e-300, "float32": 1e-36}


def verify_function(
    function: Function,
    generated: Callable[..., Any],
    *,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    rtol: float = RTOL,
    outputs: Callable[[tuple[Any, ...]], bool] = lambda path: True,
) -> Report:
    """Compare a callable with what the Function should return, at random and special points.

    Parameters
    ----------
    function
        The Function that the callable was generated from; its `origin` says what it should compute.
    generated
        Takes the function's parameters in order.
    sizes
        Sizes of the named dimensions; small ones are chosen where they are not given.
    seed
        Of the random points.
    rtol
        Relative tolerance in float64, of the scale explained at the top of this module.
    outputs
        Which leaves of the result to compare, by their paths in it.
    """
    report = Report(function.name, () if function.origin is None else function.origin.wrt)
    check = _Check(function, generated, report, rtol, seed, outputs)
    try:
        sampler = Sampler(function, sizes, seed)
        wanted = 2 if check.cost(sampler.sizes) > HEAVY else 3
        good = 0
        for point in sampler.random(wanted):
            good += 1
            check.at(point, narrow=True)
        if good < 2:
            raise _Failed("no finite point found: the function is undefined wherever it was tried")
        check.weigh_evidence()
        for point in sampler.special():
            if wanted == 3 or point.label in ("zeros", "negative", "all sizes 1"):
                check.at(point, narrow=False)
        for point in sampler.random(20) if check.uncovered() else ():
            check.at(point, narrow=False)
            if not check.uncovered():
                break
    except _Failed as failed:
        report.failure = failed.reason
    except VerificationError as error:
        report.failure, report.worst = error.what, error.where or ""
        report.expected, report.got = error.expected or "", error.got or ""
    return report


def verify_at(
    function: Function,
    generated: Callable[..., Any],
    values: Mapping[str, list[Any]],
    *,
    sizes: Mapping[str, int],
    label: str = "given",
    rtol: float = RTOL,
) -> Report:
    """The same at one point of your choice, in float64.

    `values` has, by parameter name, an array for each leaf; `sizes` the size of each named dimension.
    """
    report = Report(function.name, () if function.origin is None else function.origin.wrt)
    check = _Check(function, generated, report, rtol, seed=0)
    try:
        check.at(Point(label, values, sizes, (1.0, 1.0)), narrow=False)
    except _Failed as failed:
        report.failure = failed.reason
    return report


def verify_module(module: str | Path | ModuleType, functions: Mapping[str, Function]) -> list[Report]:
    """Import a generated module from disk as a user would, and verify each of its functions."""
    if not isinstance(module, ModuleType):
        module = load(module)
    reports = []
    for name, function in functions.items():
        generated = getattr(module, name, None)
        if generated is None:
            report = Report(name, failure=f"the module {module.__name__} has no function {name!r}")
        else:
            report = verify_function(function, generated)
            report.function = name
        reports.append(report)
    return reports


class _Failed(Exception):
    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Check:
    """One function and callable, compared at one point after another."""

    def __init__(
        self,
        function: Function,
        generated: Callable[..., Any],
        report: Report,
        rtol: float,
        seed: int,
        outputs: Callable[[tuple[Any, ...]], bool] = lambda path: True,
    ) -> None:
        self.function = function
        self.generated = generated
        self.report = report
        self.rtol = rtol
        self.rng = np.random.default_rng([seed, 1])
        #: For each output, how many elements were compared sharply, bluntly, and not at all.
        self._evidence: dict[str, list[int]] = {}
        self._queues: dict[int, list[int]] = {}
        self._seen: dict[int, set[int]] = {}
        wanted = compared(function)
        step = len(function.output_nodes) // len(wanted) or 1
        #: For each output its name, its path and its node; None for one that is not compared.
        self.outputs = [
            (output_name(path), path, node) if outputs(path) else None
            for path, node in list(paths(function.result))[::step]
        ]

    def cost(self, sizes: Mapping[str, int]) -> int:
        """About how many scalar operations one evaluation takes."""
        base, directions = self.function, 1
        while base.origin is not None:
            varied = [p for p in base.origin.base.parameters if p.name in base.origin.wrt]
            base = base.origin.base
            count = sum(_count(leaf.shape, sizes) for p in varied for leaf in leaves(p.tree))
            directions *= 1 + min(count, DIRECTIONS)
        batch = 6 if base.is_elementwise else 2 if base.has_batch else 1
        return batch * directions * sum(_count(node.shape, sizes) for node in base.nodes() if node.args)

    def at(self, point: Point, narrow: bool) -> None:
        """Compare at a point in float64, and in float32 too where `narrow` and the values allow it."""
        wanted = expected(self.function, point.values, point.sizes, self._chosen)
        self.report.points.append(point.label)
        self._compare(point, wanted, "float64")
        floats = [a for arrays in point.values.values() for a in arrays if a.dtype.kind == "f"]
        if narrow and floats and point.fits_float32:
            self._compare(point, wanted, "float32")

    def _chosen(self, total: int) -> Sequence[int]:
        if total <= DIRECTIONS:
            return range(total)
        queue = self._queues.setdefault(total, [])
        taken: list[int] = []
        while len(taken) < DIRECTIONS:
            if not queue:
                queue.extend(self.rng.permutation(total).tolist())
            taken.append(queue.pop())
        seen = self._seen.setdefault(total, set())
        seen.update(taken)
        self.report.note = f"{len(seen)} of {total} directions, {DIRECTIONS} at each point"
        return sorted(set(taken))

    def weigh_evidence(self) -> None:
        """Fail where the comparisons so far say little about an output.

        Raises
        ------
        _Failed
            Where an output's true value exists at no point, or where so much cancels in it that the
            tolerance would accept a value with no correct digits.
        """
        for name in [output[0] for output in self.outputs if output is not None]:
            sharp, blunt, undefined = self._evidence.get(name, (0, 0, 0))
            if undefined and not sharp and not blunt:
                raise _Failed(f"{name}: no true value exists at any random point")
            if blunt and not sharp:
                raise _Failed(f"{name}: everything cancels, no digit of it can be checked")

    def uncovered(self) -> bool:
        """Whether there are elements of wrt that no point took."""
        return any(len(seen) < total for total, seen in self._seen.items())

    def _compare(self, point: Point, wanted: list[Any], dtype: str) -> None:
        self._compare_form(point, wanted, dtype)
        if tiled(self.generated):
            with one_row_a_tile(self.generated):
                self._compare_form(point, wanted, dtype)

    def _compare_form(self, point: Point, wanted: list[Any], dtype: str) -> None:
        self.report.arguments = point.values
        try:
            got = self._call(point, dtype)
        except np.linalg.LinAlgError as error:
            # numpy raises where others return nan, for a whole stack where one matrix is singular.
            numbers = [n for want in wanted if want.dtype == object for n in want.ravel().tolist()]
            if all(n is None or is_defined(n) for n in numbers):
                raise _raised(error, point) from error
            self.report.skipped += len(numbers)
            return
        if is_sparse(self.function):
            columns = columns_of(self.function, point.sizes, len(wanted))
            got = list(map(_scattered, got[::3], got[1::3], got[2::3], wanted, columns))
        for output, want, have in zip(self.outputs, wanted, got):
            if output is None:
                continue
            name, self.report.output, node = output
            where = f"{name} at point '{point.label}', {dtype}"
            self._same_kind(where, want, have, node.dtype if node.dtype != "float64" else dtype)
            if want.dtype != object:
                self.report.compared += want.size
                if not np.array_equal(want, have):
                    self._fail("a wrong value", where, str(want.tolist()), str(np.asarray(have).tolist()))
                continue
            flat = np.asarray(have).ravel().tolist()
            for position, (number, value) in enumerate(zip(want.ravel().tolist(), flat)):
                if number is None:
                    continue
                seen = self._evidence.setdefault(name, [0, 0, 0])
                if not is_defined(number) or number.size > (1e300 if dtype == "float64" else 1e30):
                    self.report.skipped += 1
                    seen[2] += 1
                    continue
                seen[self.rtol * number.bound > 0.1 * number.size and number.value != 0] += 1
                self._element(where, want.shape, position, number, value, dtype)

    def _element(
        self, where: str, shape: tuple[int, ...], position: int, number: Any, value: float, dtype: str
    ) -> None:
        import mpmath

        self.report.compared += 1
        scale = max(number.size, number.bound)
        if value != value or value in (float("inf"), -float("inf")):
            error = float("inf")
        else:
            with mpmath.workdps(50):
                difference = abs(float(number.value - mpmath.mpf(value)))
            error = 0.0 if difference <= _FLOOR[dtype] else difference / scale if scale else float("inf")
        worst = False
        if dtype == "float64":
            worst = error > self.report.max_error
            self.report.max_error = max(self.report.max_error, error)
            self.report.max_ulp = self.report.max_error * 2.0**52
        else:
            self.report.max_error32 = max(self.report.max_error32, error)
        failed = error > (self.rtol if dtype == "float64" else RTOL_FLOAT32)
        if worst or failed:
            index = tuple(int(i) for i in np.unravel_index(position, shape)) if shape else ()
            element = f"element {index} of {where}" if shape else where
            with mpmath.workdps(50):
                digits = mpmath.nstr(number.value, 20)
            if failed:
                self._fail("a wrong value", element, digits, repr(value))
            self.report.worst, self.report.expected, self.report.got = element, digits, repr(value)

    def _same_kind(self, where: str, want: Any, have: Any, dtype: str) -> None:
        array = np.asarray(have)
        if array.shape != want.shape:
            self._fail("a wrong shape", where, str(want.shape), str(array.shape))
        if array.dtype != np.dtype(dtype):
            self._fail("a wrong dtype", where, dtype, str(array.dtype))

    def _fail(self, reason: str, where: str, want: str, have: str) -> None:
        self.report.worst, self.report.expected, self.report.got = where, want, have
        raise _Failed(reason)

    def _call(self, point: Point, dtype: str) -> list[Any]:
        """The generated function's outputs, and that it left its arguments alone."""
        given: list[Any] = []

        def argument(array: Any) -> Any:
            given.append(array.astype(dtype) if array.dtype.kind == "f" else array.copy())
            return given[-1]

        arguments = []
        for parameter in self.function.parameters:
            remaining = iter(point.values[parameter.name])
            arguments.append(_python(map_leaves(lambda _, r=remaining: argument(next(r)), parameter.tree)))
        before = [array.copy() for array in given]
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = self.generated(*arguments)
        except np.linalg.LinAlgError:
            raise
        except Exception as error:
            raise _raised(error, point) from error
        got = _leaves_like(self.function.result, result)
        for array, old in zip(given, before):
            if not np.array_equal(array, old, equal_nan=True):
                raise _Failed(f"it changed an argument in place at point '{point.label}'")
            if any(isinstance(have, np.ndarray) and np.shares_memory(have, array) for have in got):
                raise _Failed(f"it returned a view of an argument at point '{point.label}'")
        return got


def columns_of(function: Function, sizes: Mapping[str, int], count: int) -> list[int]:
    """How many columns each of the `count` matrices has that a sparse Jacobian stands for.

    Each element of the argument is a column.
    """
    origin = function.origin
    assert origin is not None
    named = [p for name in origin.wrt for p in origin.base.parameters if p.name == name]
    widths = [_count(leaf.shape, sizes) for p in named for leaf in leaves(p.tree)]
    return [widths[i % len(widths)] for i in range(count)]


def _scattered(data: Any, row: Any, column: Any, like: Any, columns: int) -> Any:
    """The array that data, row and column stand for, in the shape of `like`; entries of one place add up."""
    data, row, column = (np.asarray(part) for part in (data, row, column))
    if row.dtype.kind != "i" or column.dtype.kind != "i" or not data.shape == row.shape == column.shape:
        raise _Failed("data, row and column are not of one length, or not integers")
    whole = np.zeros((like.size // max(columns, 1), columns), data.dtype)
    for places, size in ((row, whole.shape[0]), (column, columns)):
        if places.ndim != 1 or (places.size and not 0 <= places.min() <= places.max() < size):
            raise _Failed(f"rows or columns are not places from 0 to {size - 1}")
    np.add.at(whole, (row, column), data)
    return whole.reshape(like.shape)


def output_name(path: tuple[Any, ...]) -> str:
    """How a leaf of a result is called in reports: `result[1].w`."""
    return "result" + "".join(
        f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]" for key in path
    )


def _raised(error: Exception, point: Point) -> _Failed:
    return _Failed(f"it raised {type(error).__name__}: {error} at point '{point.label}'")


def _count(shape: Any, sizes: Mapping[str, int]) -> int:
    return int(np.prod(evaluate_shape(shape[1:] if has_batch(shape) else shape, sizes), dtype=int))


def _python(tree: Tree) -> Any:
    """A tree as users pass it: records are NamedTuples."""
    if isinstance(tree, Record):
        return namedtuple(tree.name, tree.fields)(*map(_python, tree.values))
    if isinstance(tree, dict):
        return {key: _python(child) for key, child in tree.items()}
    if isinstance(tree, (tuple, list)):
        return tuple(_python(child) for child in tree)
    return tree


def _leaves_like(tree: Tree, value: Any) -> list[Any]:
    """The leaves of what a function returned, by the structure that its result has."""
    if is_leaf(tree):
        return [value]
    try:
        if isinstance(tree, Record):
            parts = [(child, getattr(value, name)) for name, child in zip(tree.fields, tree.values)]
        elif isinstance(tree, dict):
            parts = [(child, value[key]) for key, child in tree.items()]
        else:
            if len(value) != len(tree):
                raise _Failed(f"it returned {len(value)} values instead of {len(tree)}")
            parts = list(zip(tree, value))
    except (AttributeError, KeyError, TypeError) as error:
        raise _Failed(f"it returned {type(value).__name__} of another structure: {error}") from error
    return [leaf for child, part in parts for leaf in _leaves_like(child, part)]
