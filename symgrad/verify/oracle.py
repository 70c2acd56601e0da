"""What a function should return at a point, in 50 digits, from meanings and sympy alone.

A function that was written is expanded by the meaning of its operations. A function that a transform made
is not looked at: its `origin` says which derivative of which function it is, and that derivative is
computed here on its own. So `grad(grad(f))` is f at numbers that carry tangents of tangents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.errors import VerificationError
from symgrad.graph import Function
from symgrad.meaning import Meaning, Objects, expand
from symgrad.node import Node
from symgrad.shapes import evaluate as evaluate_size
from symgrad.shapes import has_batch
from symgrad.tree import leaves
from symgrad.verify import scalars
from symgrad.verify.formula import DIGITS
from symgrad.verify.scalars import Number, number_of

_INFINITY = float("inf")

#: A value at every point of the batch, or one array for what has no `...`.
Spread = list[Objects]
#: Values by parameter name: one Spread for each leaf of the parameter.
Values = Mapping[str, Sequence[Spread]]


class OutOfRange(Exception):
    """An intermediate value that float64 cannot hold, so that no float evaluation is expected to succeed."""


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

    def normwise(self, array: Objects) -> Objects:
        return self.objects(scalars.normwise(array.ravel().tolist()), array.shape)

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

    Of a sparse Jacobian the whole array is returned, zeros too, for each triple of data, row and column.

    A function of `...` arguments is differentiated as the sum over the batch: its points are independent, so
    that is the partial derivative at each point for `...` arguments, and the sum for shaped ones.
    """
    import mpmath

    with mpmath.workdps(DIGITS):
        batch, inputs = _spread(function, point)
        if is_sparse(function):
            outputs = _jacobian(function, inputs, sizes, chosen)
        else:
            outputs = evaluate(function, inputs, sizes, chosen)
    nodes = compared(function)
    if len(outputs) != len(nodes):
        raise VerificationError(
            f"{function.name} has another number of outputs than the derivative it comes from",
            expected=f"{len(outputs)}",
            got=f"{len(nodes)}",
        )
    return [_gathered(node, batch, spread) for node, spread in zip(nodes, outputs)]


def is_sparse(function: Function) -> bool:
    """Whether a function returns data, row and column for each array that it is compared by."""
    return function.origin is not None and function.origin.kind == "sparse_jacobian"


def compared(function: Function) -> list[Node]:
    """The outputs to compare: of sparse results the data, which stand for the whole array."""
    return function.output_nodes[::3] if is_sparse(function) else function.output_nodes


def _spread(function: Function, point: Mapping[str, Sequence[Any]]) -> tuple[tuple[int, ...], Values]:
    """The shape of the batch, and the inputs as exact scalars at each of its points."""
    nodes = {p.name: leaves(p.tree) for p in function.parameters}
    arrays = {name: [_exact(np.asarray(array)) for array in point[name]] for name in nodes}
    heads = [
        array.shape[: array.ndim - node.rank]
        for name in nodes
        for node, array in zip(nodes[name], arrays[name])
        if has_batch(node.shape)
    ]
    batch = np.broadcast_shapes(*heads)

    def points(node: Node, array: Objects) -> Spread:
        if not has_batch(node.shape):
            return [array]
        core = array.shape[array.ndim - node.rank :]
        count = int(np.prod(batch, dtype=int))
        whole = np.broadcast_to(array, batch + core).reshape((count, *core))
        return [whole[i : i + 1].reshape(core) for i in range(len(whole))]

    return batch, {
        name: [points(node, array) for node, array in zip(nodes[name], arrays[name])] for name in nodes
    }


def _exact(array: Objects) -> Objects:
    if array.dtype.kind != "f":
        return array
    flat: Objects = np.empty(array.size, dtype=object)
    for position, value in enumerate(array.ravel().tolist()):
        flat[position] = scalars.exact(value)
        # An input is a quantity, not a number that the formula writes out.
        flat[position].literal = None
    return flat.reshape(array.shape)


def _gathered(node: Node, batch: tuple[int, ...], spread: Spread) -> Objects:
    if node.dtype == "float64":
        spread = [_each(lambda v: None if v is None else number_of(v), array) for array in spread]
    if not has_batch(node.shape):
        return spread[0]
    count = int(np.prod(batch, dtype=int))
    core = spread[0].shape if spread else ()
    rows = [spread[i % len(spread)].reshape((1, *core)) for i in range(count)]
    return np.concatenate(rows).reshape(batch + core) if rows else np.zeros(batch + core, object)


def _each(change: Callable[[Any], Any], array: Objects) -> Objects:
    return Meaning.objects([change(v) for v in array.ravel().tolist()], array.shape)


# --- one rule for each kind of origin ---------------------------------------------------------------

Rule = Callable[..., list[Spread]]

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
) -> list[Spread]:
    """The outputs of a function, at scalars that may carry tangents themselves."""
    if function.origin is None:
        return _expanded(function, inputs, PointMeaning(sizes))
    rule = KINDS.get(function.origin.kind)
    if rule is None:
        raise VerificationError(
            f"{function.name} comes from {function.origin.kind}, which verification does not know",
            expected=", ".join(sorted(KINDS)),
        )
    return rule(function, inputs, sizes, chosen)


def _expanded(function: Function, inputs: Values, meaning: PointMeaning) -> list[Spread]:
    given = {
        leaf: spread for p in function.parameters for leaf, spread in zip(leaves(p.tree), inputs[p.name])
    }
    points = max((len(spread) for leaf, spread in given.items() if has_batch(leaf.shape)), default=1)
    # numpy watches the floating-point flags while it calls the scalars' own arithmetic.
    with np.errstate(all="ignore"):
        return expand(function, meaning, given, points)


def _new_level(inputs: Values) -> int:
    arrays = [a for spreads in inputs.values() for spread in spreads for a in spread]
    return 1 + max((scalars.level_of(v) for a in arrays for v in a.ravel().tolist()), default=0)


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
        self.base, wrt = function.origin.base, function.origin.wrt
        self.places: list[list[Any]] = []
        start = 0
        for spread in (spread for name in wrt for spread in inputs[name]):
            self.places.append([])
            for array in spread:
                self.places[-1].append(np.arange(start, start + array.size).reshape(array.shape))
                start += array.size
        self.directions = frozenset(range(start) if chosen is None else chosen(start))
        self.level = _new_level(inputs)
        places = iter(self.places)
        varied: dict[str, Sequence[Spread]] = {p.name: inputs[p.name] for p in self.base.parameters}
        for name in wrt:
            varied[name] = [list(map(self._raised, spread, next(places))) for spread in inputs[name]]
        self.outputs = evaluate(self.base, varied, sizes)

    def _raised(self, array: Objects, place: Any) -> Objects:
        entries = zip(array.ravel().tolist(), place.ravel().tolist())
        return Meaning.objects(
            [scalars.raised(x, self.level, d) if d in self.directions else x for x, d in entries], array.shape
        )

    def values(self) -> list[Spread]:
        """The base function's outputs."""
        return [[_each(lambda v: scalars.without(v, self.level), a) for a in s] for s in self.outputs]

    def gradients(self, weights: Sequence[Spread] | None = None) -> list[Spread]:
        """For each leaf of wrt, the derivative of the sum of all outputs, weighted by `weights` if given."""
        terms: list[Any] = []
        for position, spread in enumerate(self.outputs):
            for point, array in enumerate(spread):
                entries = array.ravel().tolist()
                if weights is not None:
                    weight = weights[position][point % len(weights[position])]
                    entries = [w * v for w, v in zip(weight.ravel().tolist(), entries)]
                terms += entries
        total: Any = scalars.total(terms)
        return [
            [
                _each(
                    lambda d: scalars.tangent(total, self.level, d) if d in self.directions else None, place
                )
                for place in places
            ]
            for places in self.places
        ]

    def summed(self, outputs: Spread) -> Objects:
        """An output summed over the points of the batch."""
        if len(outputs) == 1:
            return outputs[0]
        columns = zip(*[array.ravel().tolist() for array in outputs])
        return Meaning.objects([scalars.total(list(column)) for column in columns], outputs[0].shape)

    def table(self, output: Objects, place: Any) -> Objects:
        """Derivatives of every entry of an output by every element of one array of wrt."""
        directions = place.ravel().tolist()
        entries = [
            scalars.tangent(v, self.level, d) if d in self.directions else None
            for v in output.ravel().tolist()
            for d in directions
        ]
        return Meaning.objects(entries, output.shape + place.shape)


@kind("grad")
def _grad(function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None) -> list[Spread]:
    return Differentiation(function, inputs, sizes, chosen).gradients()


@kind("value_and_grad")
def _value_and_grad(
    function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None
) -> list[Spread]:
    problem = Differentiation(function, inputs, sizes, chosen)
    return [*problem.values(), *problem.gradients()]


@kind("vjp")
def _vjp(function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None) -> list[Spread]:
    problem = Differentiation(function, inputs, sizes, chosen)
    return [*problem.values(), *problem.gradients(inputs[function.parameters[-1].name])]


@kind("jvp")
def _jvp(function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None) -> list[Spread]:
    base, level, along = _along(function, inputs)
    outputs = evaluate(base, along, sizes)
    values = [[_each(lambda v: scalars.without(v, level), a) for a in spread] for spread in outputs]
    return [*values, *_tangents(outputs, level)]


@kind("hvp")
def _hvp(function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None) -> list[Spread]:
    # The derivative of the gradient in one direction.
    _, level, along = _along(function, inputs)
    return _tangents(Differentiation(function, along, sizes).gradients(), level)


@kind("jacobian")
def _jacobian(
    function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None
) -> list[Spread]:
    """For each output, for each leaf of wrt: the tangents of its entries, the output's shape first."""
    problem = Differentiation(function, inputs, sizes, chosen)
    assert function.origin is not None
    base = function.origin.base
    varied = [
        x for name in function.origin.wrt for p in base.parameters if p.name == name for x in leaves(p.tree)
    ]
    found = []
    for outputs in problem.outputs:
        for leaf, places in zip(varied, problem.places):
            if has_batch(leaf.shape):
                count = max(len(outputs), len(places))
                pairs = [(outputs[p % len(outputs)], places[p % len(places)]) for p in range(count)]
            else:  # of the sum over the batch
                pairs = [(problem.summed(outputs), places[0])]
            found.append([problem.table(output, place) for output, place in pairs])
    return found


@kind("sparse_jacobian")
def _sparse(function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None) -> list[Spread]:
    """Inside of another derivative: the data, rows and columns that its graph has."""
    return _expanded(function, inputs, PointMeaning(sizes))


@kind("flatten")
def _flatten(
    function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None
) -> list[Spread]:
    """The base function at the parts of the vector."""
    assert function.origin is not None
    return evaluate(function.origin.base, unflattened(function, inputs, sizes), sizes)


def unflattened(function: Function, inputs: Values, sizes: Mapping[str, int]) -> dict[str, Sequence[Spread]]:
    """The inputs of the function that a flattened one comes from."""
    assert function.origin is not None
    base, wrt = function.origin.base, function.origin.wrt
    ((vector,),) = inputs[function.parameters[0].name]
    found: dict[str, Sequence[Spread]] = {
        p.name: inputs[p.name] for p in base.parameters if p.name not in wrt
    }
    start = 0
    for parameter in (p for name in wrt for p in base.parameters if p.name == name):
        parts = []
        for leaf in leaves(parameter.tree):
            shape = tuple(evaluate_size(size, sizes) for size in leaf.shape)
            count = int(np.prod(shape, dtype=int))
            parts.append([vector[start : start + count].reshape(shape)])
            start += count
        found[parameter.name] = parts
    return found


@kind("vmap")
def _vmap(function: Function, inputs: Values, sizes: Mapping[str, int], chosen: Any = None) -> list[Spread]:
    """The base function at every index, one result on top of the other."""
    assert function.origin is not None
    base, over = function.origin.base, function.origin.wrt
    count = len(inputs[over[0]][0][0])
    rows = []
    for index in range(count):
        at = {
            name: [[_indexed(a, index) for a in spread] for spread in spreads] if name in over else spreads
            for name, spreads in inputs.items()
        }
        rows.append(evaluate(base, at, sizes))
    found = []
    for position, leaf in enumerate(function.output_nodes):
        shape = tuple(evaluate_size(size, sizes) for size in leaf.shape)
        values = [v for row in rows for v in row[position][0].ravel().tolist()]
        found.append([Meaning.objects(values, shape)])
    return found


def _indexed(array: Objects, index: int) -> Objects:
    """`array[index]`, an array also where it is a scalar."""
    return array[index : index + 1].reshape(array.shape[1:])


def _along(function: Function, inputs: Values) -> tuple[Function, int, Values]:
    """The base function, and its inputs moving in the one direction that `<name>_dot` give."""
    assert function.origin is not None
    base, wrt = function.origin.base, function.origin.wrt
    level = _new_level(inputs)

    def moving(array: Objects, dots: Objects) -> Objects:
        pairs = zip(array.ravel().tolist(), dots.ravel().tolist())
        return Meaning.objects([scalars.Dual(level, x, {0: dot}) for x, dot in pairs], array.shape)

    along: dict[str, Sequence[Spread]] = {p.name: inputs[p.name] for p in base.parameters}
    for name, extra in zip(wrt, function.parameters[len(base.parameters) :]):
        along[name] = [list(map(moving, *pair)) for pair in zip(inputs[name], inputs[extra.name])]
    return base, level, along


def _tangents(outputs: list[Spread], level: int) -> list[Spread]:
    return [[_each(lambda v: scalars.tangent(v, level, 0), a) for a in spread] for spread in outputs]


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

    chain = [function]
    while chain[-1].origin is not None and chain[-1].origin.kind != "vmap":
        chain.append(chain[-1].origin.base)
    outer = next((one for one in chain if one.origin is None or one.origin.kind in ("vmap", "flatten")), None)
    assert outer is not None
    meaning = PointMeaning(sizes)
    with mpmath.workdps(DIGITS):
        _, inputs = _spread(outer, point)
        for one in chain[chain.index(outer) :]:
            if one.origin is not None and one.origin.kind == "flatten":
                inputs = unflattened(one, inputs, sizes)
        function = chain[-1]
        if function.origin is not None:
            evaluate(function, inputs, sizes)
            return meaning.largest, meaning.smallest
        for array in (array for spread in _expanded(function, inputs, meaning) for array in spread):
            if array.dtype == object and not all(is_defined(number_of(v)) for v in array.ravel().tolist()):
                raise OutOfRange("an output is undefined")
    return meaning.largest, meaning.smallest


def is_defined(number: Number) -> bool:
    """Whether a value exists and its error bound says something about it."""
    return bool(number.value == number.value) and number.bound < float("inf")
