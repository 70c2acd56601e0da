"""Shapes of a user's own operation that is not elementwise, declared as text."""

from __future__ import annotations

from typing import Any

from symgrad.errors import ShapeError, SpecError
from symgrad.node import Node
from symgrad.shapes import (
    Dim,
    Shape,
    dim_names,
    evaluate,
    has_batch,
    parse_shape,
    shape_text,
    substitute,
)


class Signature:
    """The shape rule of an operation that is not elementwise, from text such as `n d, d -> n`."""

    _SIZES = (3, 2, 4, 5)

    def __init__(self, name: str, text: str, count: int) -> None:
        left, arrow, right = text.partition("->")
        self.name, self.text = name, text
        self.inputs = [parse_shape(part, where=f"custom {name!r}") for part in left.split(",")]
        self.output = parse_shape(right, where=f"custom {name!r}")
        if not arrow or len(self.inputs) != count or any(map(has_batch, (*self.inputs, self.output))):
            raise SpecError(
                f"custom {name!r}: shape={text!r}",
                expected=f"{count} shapes separated by commas, '->' and the shape of the result",
            )
        names = dict.fromkeys(n for shape in self.inputs for size in shape for n in dim_names(size))
        sizes = {n: self._SIZES[i % 4] for i, n in enumerate(names)}
        self.examples = [tuple(evaluate(s, sizes) for s in shape) for shape in self.inputs]
        self.example_result = tuple(evaluate(s, sizes) for s in self.output)

    def rule(self, *operands: Node) -> Shape:
        """The shape of the result; ShapeError where operands do not have the declared shapes."""
        bound: dict[str, Any] = {}
        fits = all(not has_batch(x.shape) and len(x.shape) == len(s) for x, s in zip(operands, self.inputs))
        if fits:
            for x, shape in zip(operands, self.inputs):
                for actual, size in zip(x.shape, shape):
                    if isinstance(size, Dim) and str(size).isidentifier():
                        bound.setdefault(str(size), actual)
            wanted = [tuple([substitute(s, bound) for s in shape]) for shape in self.inputs]
            fits = wanted == [x.shape for x in operands]
        if not fits:
            raise ShapeError(
                f"{self.name}: operands do not have the declared shapes",
                expected=self.text,
                got=", ".join(shape_text(x.shape) for x in operands),
            )
        return tuple(substitute(s, bound) for s in self.output)
