"""Shapes: tuples of dimensions, read from text, broadcast, evaluated.

The first entry of a shape may be `BATCH`, the `...` of an elementwise argument: any number of leading
dimensions, the same ones everywhere in a function.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any, Final

from symgrad.dims import (
    Dim,
    Size,
    dim_names,
    dim_source,
    divide_exactly,
    evaluate,
    floor_divide,
    linear_in,
    named,
    product,
    substitute,
)
from symgrad.errors import ShapeError, SpecError

__all__ = [
    "BATCH",
    "Dim",
    "Shape",
    "Size",
    "broadcast",
    "concrete_size",
    "core",
    "dim_names",
    "dim_source",
    "divide_exactly",
    "evaluate",
    "evaluate_shape",
    "floor_divide",
    "has_batch",
    "linear_in",
    "named",
    "parse_dim",
    "parse_shape",
    "product",
    "rank",
    "shape_text",
    "substitute",
]


class _Batch:
    """The type of `BATCH`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "..."

    def __reduce__(self) -> str:
        return "BATCH"


BATCH: Final = _Batch()
Shape = tuple[Any, ...]


def evaluate_shape(shape: Shape, sizes: Mapping[str, int], batch: tuple[int, ...] = ()) -> tuple[int, ...]:
    """A concrete shape; `batch` stands for a leading `...`."""
    head = batch if has_batch(shape) else ()
    return head + tuple(evaluate(size, sizes) for size in core(shape))


def has_batch(shape: Shape) -> bool:
    """Whether the shape starts with `...`."""
    return bool(shape) and shape[0] is BATCH


def core(shape: Shape) -> Shape:
    """The shape without a leading `...`."""
    return shape[1:] if has_batch(shape) else shape


def rank(shape: Shape) -> int:
    """Number of dimensions, not counting a leading `...`."""
    return len(shape) - 1 if has_batch(shape) else len(shape)


def shape_text(shape: Shape) -> str:
    """`(n, d)` as people write it, with the comma that makes a tuple of one."""
    inner = ", ".join("..." if size is BATCH else str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 and shape[0] is not BATCH else f"({inner})"


def broadcast(*shapes: Shape, what: str = "operands") -> Shape:
    """The shape that numpy's broadcasting gives.

    Raises ShapeError where two dimensions differ and neither is the integer 1: a name might be 1 when
    the code runs, but a gradient that depends on such an accident is never what was meant.
    """
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        return shapes[0]
    batch = any(has_batch(s) for s in shapes)
    cores = [core(s) for s in shapes]
    out: list[Size] = []
    for position in range(1, max(map(len, cores)) + 1):
        size: Size = 1
        for one in cores:
            if position <= len(one) and one[-position] != 1 and one[-position] != size:
                if size != 1:
                    raise ShapeError(
                        f"{what}: shapes do not broadcast: " + " with ".join(shape_text(s) for s in shapes),
                        expected="dimensions that are equal, or 1",
                        got=f"{one[-position]} against {size} at axis -{position}",
                    )
                size = one[-position]
        out.append(size)
    return ((BATCH,) if batch else ()) + tuple(reversed(out))


_NODES = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.USub)


def parse_dim(text: str, *, where: str | None = None) -> Size:
    """A dimension from text such as `n`, `3`, `n+1`, `2*k`; never evaluated as Python."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        tree = None
    if tree is None or len(text) > 200:
        raise _bad_dim(text, where)
    return _from_ast(tree, text, where)


def _bad_dim(text: str, where: str | None) -> SpecError:
    return SpecError(
        f"cannot read the dimension {text!r}",
        where=where,
        expected="an integer, a name, or arithmetic of names such as n+1, 2*k, n//2",
        hint="separate dimensions by spaces and write no spaces inside one",
    )


def _from_ast(tree: ast.AST, text: str, where: str | None) -> Size:
    if isinstance(tree, ast.Constant) and type(tree.value) is int:
        return tree.value
    if isinstance(tree, ast.Name):
        return named(tree.id)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return -_from_ast(tree.operand, text, where)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, _NODES):
        left, right = _from_ast(tree.left, text, where), _from_ast(tree.right, text, where)
        if isinstance(tree.op, ast.Add):
            return left + right
        if isinstance(tree.op, ast.Sub):
            return left - right
        if isinstance(tree.op, ast.Mult):
            return left * right
        return floor_divide(left, right)
    raise _bad_dim(text, where)


def parse_shape(text: str, *, where: str | None = None) -> Shape:
    """A shape from text: dimensions separated by spaces, `""` a scalar, `"..."` first for a batch."""
    sizes: list[Any] = []
    for position, word in enumerate(text.split()):
        if word == "...":
            if position:
                raise SpecError(
                    f"cannot read the shape {text!r}", where=where, expected="'...' in front, if at all"
                )
            sizes.append(BATCH)
            continue
        size = parse_dim(word, where=where)
        if isinstance(size, int) and size < 0:
            raise SpecError(f"cannot read the shape {text!r}: a dimension is negative", where=where)
        sizes.append(size)
    return tuple(sizes)


def concrete_size(shape: Shape) -> int | None:
    """Number of elements where every dimension is an integer, else None."""
    if any(not isinstance(size, int) for size in shape):
        return None
    return math.prod(shape)
