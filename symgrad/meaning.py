"""What a function means, entry by entry: its DAG expanded to arrays of scalars.

Verification expands to exact numbers with derivatives, `to_sympy` to sympy expressions; both through the
`sympy` meaning of each operation and a `Meaning`, which says what a scalar is. Nothing here knows an
adjoint rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.errors import VerificationError
from symgrad.graph import Function, toposort
from symgrad.node import Node
from symgrad.shapes import BATCH, Shape, Size, evaluate, has_batch

Objects = np.ndarray[Any, Any]


class Meaning:
    """The `m` of an operation's meaning: sizes, and scalars of one kind.

    Arrays have no batch axes: a function of `...` arguments is expanded point by point.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = dict(sizes)

    # What a kind of scalar defines.

    def number(self, value: Any) -> Any:
        """The scalar of a Python number."""
        raise NotImplementedError

    def apply(self, meaning: Callable[..., Any], *scalars: Any) -> Any:
        """The scalar `meaning(sp, *symbols)` at these scalars."""
        raise NotImplementedError

    def decide(self, meaning: Callable[..., Any], *scalars: Any) -> Any:
        """The same for conditions and integers."""
        raise NotImplementedError

    def max(self, scalars: Sequence[Any]) -> Any:
        """The maximum; ties share its derivative evenly."""
        raise NotImplementedError

    def min(self, scalars: Sequence[Any]) -> Any:
        """The minimum; ties share its derivative evenly."""
        raise NotImplementedError

    def stop(self, x: Objects) -> Objects:
        """The same array as a constant: no derivative."""
        raise NotImplementedError

    def normwise(self, array: Objects) -> Objects:
        """The same matrix, known as well as floating point knows a matrix: by its largest entry.

        A factorisation computes the exact result for a matrix that differs from the given one by
        roundings of its norm, not of each entry: an entry that is exactly 0 comes out as 1e-16 beside
        others of size 1. Meanings of linear algebra, which are exact entry by entry, apply this to
        their operands and their result. No value changes, only the error bounds of scalars that have one.
        """
        return array

    def check(self, node: Node, values: Objects) -> None:
        """Look at the values of a node; raise to give up on them."""

    # What follows for all kinds.

    def size(self, size: Size) -> int:
        """The integer that a dimension is here."""
        return evaluate(size, self.sizes)

    def shape(self, shape: Shape) -> tuple[int, ...]:
        """The concrete shape, without `...`."""
        return tuple([evaluate(size, self.sizes) for size in shape if size is not BATCH])

    def literal(self, values: Objects) -> Objects:
        """Literal numbers as scalars; integers and truth values stay as they are."""
        if values.dtype.kind != "f":
            return values
        return self.objects([self.number(v) for v in values.ravel().tolist()], values.shape)

    def elementwise(self, meaning: Callable[..., Any], *arrays: Any) -> Objects:
        """`apply` entry by entry, operands broadcast together."""
        return self._mapped(self.apply, meaning, arrays)

    def _mapped(self, how: Callable[..., Any], meaning: Callable[..., Any], arrays: Any) -> Objects:
        operands = np.broadcast_arrays(*[np.asarray(a) for a in arrays])
        entries = zip(*[a.ravel().tolist() for a in operands])
        return self.objects([how(meaning, *entry) for entry in entries], operands[0].shape)

    def reduce(
        self, function: Callable[[list[Any]], Any], x: Objects, axes: Sequence[int], keepdims: bool = False
    ) -> Objects:
        """A function from a list of scalars to one scalar, along axes."""
        axes = tuple(axis % x.ndim for axis in axes)
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        shape = tuple(x.shape[axis] for axis in kept)
        inner = int(np.prod([x.shape[axis] for axis in axes], dtype=int))
        rows = np.transpose(x, (*kept, *axes)).reshape((int(np.prod(shape, dtype=int)), inner))
        values = self.objects([function(list(row)) for row in rows], shape)
        if keepdims:
            values = values.reshape(tuple(1 if i in axes else n for i, n in enumerate(x.shape)))
        return values

    def sum(self, scalars: Sequence[Any]) -> Any:
        """The sum; 0 for none."""
        total = self.number(0)
        for position, scalar in enumerate(scalars):
            total = scalar if position == 0 else total + scalar
        return total

    def prod(self, scalars: Sequence[Any]) -> Any:
        """The product; 1 for none."""
        total = self.number(1)
        for position, scalar in enumerate(scalars):
            total = scalar if position == 0 else total * scalar
        return total

    def order(self, x: Objects) -> Objects:
        """Positions that sort a vector by value; equal values keep their order."""
        return np.array(sorted(range(len(x)), key=lambda i: x[i]), dtype=np.int64)

    def run(self, function: Function, *arrays: Any) -> list[Objects]:
        """The outputs of another function, for a body that is called."""
        given = {node: [array] for node, array in zip(function.input_nodes, arrays)}
        return [points[0] for points in expand(function, self, given)]

    @staticmethod
    def objects(values: Sequence[Any], shape: tuple[int, ...]) -> Objects:
        """An object array of that shape from its entries."""
        flat = np.empty(len(values), dtype=object)
        for position, value in enumerate(values):
            flat[position] = value
        return flat.reshape(shape)

    def settle(self, node: Node, values: Any) -> Objects:
        """What a meaning returned, as the array that a node of this dtype has."""
        array = np.asarray(values)
        if node.dtype == "float64":
            if array.dtype != object or any(isinstance(v, (int, float, np.generic)) for v in array.flat):
                entries = array.ravel().tolist()
                array = self.objects([self._scalar(v) for v in entries], array.shape)
        elif array.dtype == object and node.dtype != "results":
            array = self.plain(node, array)
        return array

    def plain(self, node: Node, array: Objects) -> Objects:
        """Object entries of an integer or bool node as numpy's own."""
        return array.astype({"int64": np.int64, "bool": np.bool_}[node.dtype])

    def _scalar(self, value: Any) -> Any:
        value = value.item() if isinstance(value, np.generic) else value
        return self.number(value) if isinstance(value, (int, float)) else value


def expand(
    function: Function, meaning: Meaning, inputs: Mapping[Node, list[Objects]], points: int = 1
) -> list[list[Objects]]:
    """The outputs as arrays of scalars, for inputs as arrays of scalars.

    Every value is a list: an array for each point of the batch where the node has a `...`, else one array.

    Raises
    ------
    VerificationError
        Where an operation has no meaning, or one whose result has another shape than the node.
    """
    values: dict[Node, list[Objects]] = {}
    for node in toposort(function.output_nodes):
        if node.op.name == "input":
            values[node] = inputs[node]
            continue
        if node.op.sympy is None:
            raise VerificationError(
                f"{node.op.name} has no sympy meaning to verify against",
                where=function.lines.get(node),
                hint="give the operation a `sympy` meaning",
            )
        operands = [values[a] for a in node.args]
        spread = has_batch(node.shape)
        count = points if spread or any(has_batch(a.shape) for a in node.args) else 1
        results = [
            _once(function, meaning, node, [each[point % len(each)] for each in operands])
            for point in range(count)
        ]
        if count > 1 and not spread:  # an operation that loses the batch sums over it
            columns = zip(*[array.ravel().tolist() for array in results])
            results = [meaning.objects([meaning.sum(c) for c in columns], results[0].shape)]
        for array in results:
            meaning.check(node, array)
        values[node] = results
    return [values[node] for node in function.output_nodes]


def _once(function: Function, meaning: Meaning, node: Node, operands: list[Objects]) -> Objects:
    """The value of one node at one point of the batch."""
    rule = node.op.sympy
    assert rule is not None
    if node.op.elementwise and node.args:
        how = meaning.apply if node.dtype == "float64" else meaning.decide
        result: Any = meaning._mapped(how, _with_parameters(rule, node), operands)
    else:
        result = rule(meaning, node, *operands)
    array = meaning.settle(node, result)
    if node.dtype != "results" and array.shape != meaning.shape(node.shape):
        raise VerificationError(
            f"the sympy meaning of {node.op.name} has another shape than the operation",
            where=function.lines.get(node),
            expected=str(meaning.shape(node.shape)),
            got=str(array.shape),
        )
    return array


def _with_parameters(rule: Callable[..., Any], node: Node) -> Callable[..., Any]:
    """The meaning of an elementwise operation, with the node's parameters as keywords."""
    given = tuple(zip(node.op.params, node.params))
    return (lambda sp, *operands: rule(sp, *operands, **dict(given))) if given else rule
