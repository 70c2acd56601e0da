"""What a function should return at a point, in 50 digits, from meanings and sympy alone.

A function that was written is expanded by the meaning of its operations. A function that a transform made
is not looked at: its `origin` says which derivative of which function it is, and that derivative is
computed here on its own. So `grad(grad(f))` is f at numbers that carry tangents of tangents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.errors import VerificationError
from symgrad.graph import Function
from symgrad.meaning import Meaning, Objects, expand
from symgrad.node import Node
from symgrad.shapes import BATCH, has_batch
from symgrad.tree import leaves
from symgrad.verify import scalars
from symgrad.verify.formula import DIGITS
from symgrad.verify.scalars import Number, number_of

_INFINITY = float("inf")

#: Values by parameter name: one array for each leaf of the parameter.
Values = Mapping[str, Sequence[Objects]]


class OutOfRange(Exception):
    """An intermediate value that float64 cannot hold, so that no float evaluation is expected to succeed."""


@dataclass(frozen=True)
class Leaf:
    """One output at one point of a batch: scalars, None where the derivative was not asked for.

    `summed` says that the output is a derivative that adds up over the points of a batch.
    """

    values: Objects
    summed: bool = False


class PointMeaning(Meaning):
    """Scalars are exact numbers, with tangents where derivatives are wanted."""

    #: Sizes of the largest and the smallest intermediate value met.
    largest = 1.0
    smallest = 1.0

    def number(self, value: Any) -> Any:
        return scalars.exact(value)

    def apply(self, meaning: Callable[..., Any], *operands: Any) -> Any:
        return scalars.apply(meaning, *operands)

    def decide(self, meaning: Callable[..., Any], *operands: Any) -> Any:
        return scalars.decide(meaning, *operands)

    def max(self, operands: Sequence[Any]) -> Any:
        return scalars.largest(operands)

    def min(self, operands: Sequence[Any]) -> Any:
        return scalars.smallest(operands)

    def stop(self, x: Objects) -> Objects:
        return self.objects([number_of(v) for v in x.ravel().tolist()], x.shape)

    def plain(self, node: Node, array: Objects) -> Objects:
        to = bool if node.dtype == "bool" else int
        entries = [scalars.value_of(v) if isinstance(v, scalars.Scalar) else v for v in array.flat]
        return super().plain(node, self.objects([to(v) for v in entries], array.shape))

    def check(self, node: Node, values: Objects) -> None:
        if node.dtype != "float64" or not node.args:
            return
        for scalar in values.ravel().tolist():
            number = number_of(scalar)
            if not number.value or number.value in (_INFINITY, -_INFINITY):
                continue
            self.largest = max(self.largest, number.size)
            self.smallest = min(self.smallest, number.size)
            if number.size > 1e290 or number.size < 1e-290:
                raise OutOfRange(f"{node.op.name} is {float(number.value)!r}")


def expected(
    function: Function,
    point: Mapping[str, Sequence[Any]],
    sizes: Mapping[str, int],
    chosen: Callable[[int], Sequence[int]] | None = None,
) -> list[Objects]:
    """The outputs at a point, one object array of `Number` for each leaf of the result.

    Parameters
    ----------
    function
        Written or derived; of any order.
    point
        For each parameter the numpy arrays of its leaves. They are taken exactly.
    sizes
        What each named dimension is.
    chosen
        For the outermost derivative: from the number of elements to those to differentiate by. Others are
        None in the result. None: all of them.

    A function of `...` arguments is evaluated for every point of the batch on its own; derivatives with
    respect to shaped arguments are summed over them.
    """
    import mpmath

    with mpmath.workdps(DIGITS):
        inputs = {
            name: [_exact(np.asarray(array)) for array in arrays] for name, arrays in point.items()
        }
        return _over_batch(function, inputs, sizes, chosen)


def _exact(array: Objects) -> Objects:
    if array.dtype.kind != "f":
        return array
    flat: Objects = np.empty(array.size, dtype=object)
    for position, value in enumerate(array.ravel().tolist()):
        flat[position] = scalars.exact(value)
        # An input is a quantity, not a number that the formula writes out.
        flat[position].literal = None
    return flat.reshape(array.shape)


def _over_batch(
    function: Function,
    inputs: Values,
    sizes: Mapping[str, int],
    chosen: Callable[[int], Sequence[int]] | None,
) -> list[Objects]:
    batch, points = _points(function, inputs)
    results = [evaluate(function, here, sizes, chosen) for here in points]
    counted = len(function.output_nodes)
    if any(len(result) != counted for result in results):
        raise VerificationError(
            f"{function.name} has another number of outputs than the derivative it comes from",
            expected=f"{len(results[0])}",
            got=f"{counted}",
        )
    return [
        _gathered(node, batch, [result[position] for result in results])
        for position, node in enumerate(function.output_nodes)
    ]


def _by_node(function: Function, inputs: Values) -> dict[Node, Objects]:
    return {
        leaf: array for p in function.parameters for leaf, array in zip(leaves(p.tree), inputs[p.name])
    }


def _points(function: Function, inputs: Values) -> tuple[tuple[int, ...], list[Values]]:
    """The shape of the batch, and the inputs at each of its points; shape () where there is none."""
    nodes = {p.name: leaves(p.tree) for p in function.parameters}
    heads = [
        array.shape[: array.ndim - node.rank]
        for name in nodes
        for node, array in zip(nodes[name], inputs[name])
        if has_batch(node.shape)
    ]
    batch = np.broadcast_shapes(*heads)

    def at(node: Node, array: Objects, index: tuple[int, ...]) -> Objects:
        if not has_batch(node.shape):
            return array
        whole = np.broadcast_to(array, batch + array.shape[array.ndim - node.rank :])
        return _entry(whole, index)

    return batch, [
        {name: [at(node, array, index) for node, array in zip(nodes[name], inputs[name])] for name in nodes}
        for index in np.ndindex(*batch)
    ]


def _entry(array: Objects, index: tuple[int, ...]) -> Objects:
    entry = array[index]
    if isinstance(entry, np.ndarray):
        return entry
    if array.dtype != object:
        return np.asarray(entry)
    return Meaning.objects([entry], ())


def _gathered(node: Node, batch: tuple[int, ...], parts: list[Leaf]) -> Objects:
    arrays = [_plain_numbers(part.values) for part in parts]
    if node.shape and node.shape[0] is BATCH:
        core = arrays[0].shape if arrays else ()
        out = np.empty((len(arrays), *core), dtype=arrays[0].dtype if arrays else object)
        for position, array in enumerate(arrays):
            out[position] = array if core else array[()]
        return out.reshape(batch + core)
    if not parts[0].summed:
        return arrays[0]
    total = arrays[0]
    for array in arrays[1:]:  # a direction is asked for at every point of the batch, or at none
        total = Meaning.objects(
            [None if a is None or b is None else a + b for a, b in zip(total.flat, array.flat)], total.shape
        )
    return total


def _plain_numbers(array: Objects) -> Objects:
    if array.dtype != object:
        return array
    return Meaning.objects([None if v is None else number_of(v) for v in array.flat], array.shape)


# --- one rule for each kind of origin ---------------------------------------------------------------

Rule = Callable[..., list[Leaf]]

#: kind of an Origin -> `(function, inputs, sizes, chosen)` to its outputs. A transform adds its own.
KINDS: dict[str, Rule] = {}


def kind(name: str) -> Callable[[Rule], Rule]:
    """Decorator: what functions of that origin should return."""

    def decorate(rule: Rule) -> Rule:
        KINDS[name] = rule
        return rule

    return decorate


def evaluate(
    function: Function,
    inputs: Values,
    sizes: Mapping[str, int],
    chosen: Callable[[int], Sequence[int]] | None = None,
) -> list[Leaf]:
    """The outputs of a function without batch, at scalars that may carry tangents themselves."""
    if function.origin is None:
        return [Leaf(array) for array in expand(function, PointMeaning(sizes), _by_node(function, inputs))]
    rule = KINDS.get(function.origin.kind)
    if rule is None:
        raise VerificationError(
            f"{function.name} comes from {function.origin.kind}, which verification does not know",
            expected=", ".join(sorted(KINDS)),
        )
    return rule(function, inputs, sizes, chosen)


class Differentiation:
    """A base function at inputs that vary in one direction for each element of wrt."""

    def __init__(
        self,
        function: Function,
        inputs: Values,
        sizes: Mapping[str, int],
        chosen: Callable[[int], Sequence[int]] | None = None,
    ) -> None:
        assert function.origin is not None
        self.base, self.wrt = function.origin.base, function.origin.wrt
        names = [p.name for p in self.base.parameters]
        total = sum(array.size for name in self.wrt for array in inputs[name])
        self.directions = frozenset(range(total) if chosen is None else chosen(total))
        given = [v for name in names for array in inputs[name] if array.dtype == object for v in array.flat]
        self.level = 1 + max(map(scalars.level_of, given), default=0)
        varied: dict[str, Sequence[Objects]] = {name: inputs[name] for name in names}
        self.places: list[Objects] = []
        start = 0
        for name in self.wrt:
            arrays = []
            for array in inputs[name]:
                place = np.arange(start, start + array.size).reshape(array.shape)
                start += array.size
                arrays.append(
                    Meaning.objects(
                        [
                            scalars.raised(x, self.level, d) if d in self.directions else x
                            for x, d in zip(array.flat, place.ravel().tolist())
                        ],
                        array.shape,
                    )
                )
                self.places.append(place)
            varied[name] = arrays
        self.outputs = evaluate(self.base, varied, sizes)

    def values(self) -> list[Leaf]:
        """The base function's outputs."""
        level = self.level
        return [
            leaf
            if leaf.values.dtype != object
            else Leaf(
                Meaning.objects([scalars._parts(v, level)[0] for v in leaf.values.flat], leaf.values.shape),
                leaf.summed,
            )
            for leaf in self.outputs
        ]

    def gradients(self, weights: Sequence[Objects]) -> list[Leaf]:
        """For each leaf of wrt, the derivative of the outputs' sum weighted by these arrays."""
        total: Any = scalars.exact(0)
        summed = False
        for weight, leaf, node in zip(weights, self.outputs, self.base.output_nodes):
            summed = summed or leaf.summed or has_batch(node.shape)
            for w, v in zip(weight.ravel().tolist(), leaf.values.ravel().tolist()):
                total = v * w + total
        return [
            Leaf(
                Meaning.objects(
                    [
                        scalars.tangent(total, self.level, d) if d in self.directions else None
                        for d in place.ravel().tolist()
                    ],
                    place.shape,
                ),
                summed,
            )
            for place in self.places
        ]


@kind("grad")
def _grad(
    function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None
) -> list[Leaf]:
    problem = Differentiation(function, inputs, sizes, chosen)
    return problem.gradients([Meaning.objects([scalars.exact(1)], ())])


@kind("value_and_grad")
def _value_and_grad(
    function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None
) -> list[Leaf]:
    problem = Differentiation(function, inputs, sizes, chosen)
    return [*problem.values(), *problem.gradients([Meaning.objects([scalars.exact(1)], ())])]


@kind("vjp")
def _vjp(
    function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None
) -> list[Leaf]:
    problem = Differentiation(function, inputs, sizes, chosen)
    cotangent = function.parameters[-1].name
    return [*problem.values(), *problem.gradients(inputs[cotangent])]


def forward(
    function: Function, point: Mapping[str, Sequence[Any]], sizes: Mapping[str, int]
) -> tuple[float, float]:
    """Evaluate what a function is made of, without derivatives: whether and how well a point suits it.

    Returns the sizes of the largest and the smallest intermediate value.

    Raises
    ------
    OutOfRange
        Where a value is too large or too small for float64, or does not exist.
    """
    import mpmath

    while function.origin is not None:
        function = function.origin.base
    extremes = [1.0, 1.0]
    with mpmath.workdps(DIGITS):
        inputs = {p.name: [_exact(np.asarray(a)) for a in point[p.name]] for p in function.parameters}
        for here in _points(function, inputs)[1]:
            meaning = PointMeaning(sizes)
            for array in expand(function, meaning, _by_node(function, here)):
                if array.dtype == object and not all(is_defined(number_of(v)) for v in array.flat):
                    raise OutOfRange("an output is undefined")
            extremes = [max(extremes[0], meaning.largest), min(extremes[1], meaning.smallest)]
    return extremes[0], extremes[1]


def is_defined(number: Number) -> bool:
    """Whether a value exists and its error bound says something about it."""
    return bool(number.value == number.value) and number.bound < float("inf")
