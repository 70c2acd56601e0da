"""Diagonals, bands and slices written into zeros, and their transpose: what a closed Jacobian is made of.

A part has an axis for each of its labels, or broadcasts to that. Along each axis of the result its entries
are at `start + step * label`, or at `start` alone; one label on two axes is a diagonal, with a start on one
of them a band.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.flops import NOTHING, elements
from symgrad.node import Node, Op, first, floats, op
from symgrad.ops.indexing import Entry, increment, key_entries, slice_entry
from symgrad.ops.structure import dtype_text, head, subscript
from symgrad.rowwise import each_row, embedded_rows
from symgrad.shapes import BATCH, Shape, Size, broadcast, core, shape_text
from symgrad.text import ATOM, Environment, Text

#: One axis: the number of a label, or None, and start and step.
Spot = tuple[int | None, Size, int]
#: One part: the sizes of its labels, and a spot for each of the last axes of the result.
Spots = tuple[tuple[Size, ...], tuple[Spot, ...]]


def _near_end(bound: Size, size: Size) -> Size | None:
    distance = bound - size
    if isinstance(bound, int) or not isinstance(distance, int) or distance > 0:
        return bound
    return distance or None


def key_of(part: Spots, shape: Shape) -> tuple[Entry, ...]:
    """The slices and integers that a part takes up along the last axes of an array of that shape."""
    sizes, spots = part
    whole = core(shape)[-len(spots) :] if spots else ()
    key: list[Entry] = []
    for (label, start, step), size in zip(spots, whole):
        if label is None:
            near = _near_end(start, size)
            key.append(start if near is None else near)
        else:
            stop = start + sizes[label] * step
            key.append(slice_entry(_near_end(start, size), _near_end(stop, size), step, size)[0])
    return tuple(key)


def _subscripts(part: Spots, lead: bool) -> str:
    """`iris->irs`: the axes that the slices leave, to one axis a label; empty where they are that already."""
    sizes, spots = part
    letters = "ijklmnopqrstuvwxyzabcdefgh"
    left = "".join(letters[label] for label, _, _ in spots if label is not None)
    wanted = letters[: len(sizes)]
    if left == wanted:
        return ""
    front = "..." if lead else ""
    return f"{front}{left}->{front}{wanted}"


def _view(target: Text, part: Spots, shape: Shape, env: Environment) -> str:
    """Text of the entries of a part as a view of the array."""
    lead = len(shape) > len(part[1])
    entries = key_entries(key_of(part, shape), env)
    if any(entry != ":" for entry in entries):
        target = Text(subscript(target, entries, lead))
    subscripts = _subscripts(part, lead)
    return f'np.einsum("{subscripts}", {target.source})' if subscripts else target.source


def _embed_shape(*parts: Node, places: tuple[Spots, ...], shape: Shape) -> Shape:
    for part, (sizes, spots) in zip(parts, places):
        lead = shape[: len(shape) - len(spots)]
        if len(lead) + len(spots) != len(shape) or broadcast(part.shape, (*lead, *sizes)) != (*lead, *sizes):
            raise ShapeError(
                "a block does not fit where it is put",
                expected=shape_text((*lead, *sizes)),
                got=shape_text(part.shape),
            )
    return shape


def _apart(one: Spots, other: Spots) -> bool:
    """Whether two parts have no entry in common: apart along an axis, or on different diagonals of two."""
    pairs = list(zip(one[1], other[1]))
    for spot, twin in pairs:
        (start, stop), (begin, end) = _range(one, spot), _range(other, twin)
        if is_positive(start - end + 1) or is_positive(begin - stop + 1):
            return True
    for i, ((a, s, p), (b, t, q)) in enumerate(pairs):
        for (c, u, v), (d, w, z) in pairs[i + 1 :]:
            diagonals = a == c and b == d and a is not None and b is not None and p == q == v == z
            gap = (s - u) - (t - w)
            if diagonals and isinstance(gap, int) and gap:
                return True
    return False


def _range(part: Spots, spot: Spot) -> tuple[Size, Size]:
    """The first position of a spot, and that after the last."""
    label, start, step = spot
    return start, start + 1 if label is None else start + step * (part[0][label] - 1) + 1


def is_positive(size: Size) -> bool:
    """Whether a size is known to be at least 1."""
    return isinstance(size, int) and size > 0


def _embed_lines(node: Node, target: str, operands: Sequence[Text], env: Environment) -> list[str]:
    start = 1 if _is_whole(node.args[0], node) else 0
    if start:
        lines = [f"{target} = {_owned(node.args[0], operands[0])}"]
    else:
        lines = [f"{target} = np.zeros({env.shape(node.shape)}, {dtype_text(node, env)})"]
    for position, (part, operand) in enumerate(zip(node.places, operands)):
        if position < start:
            continue
        view = _view(Text(target, ATOM), part, node.shape, env)
        if "(" in view or "[" not in view:
            view = f"{view}[...]"
        alone = all(_apart(part, earlier) for earlier in node.places[:position])
        sign, source = ("=", operand.source) if alone else increment(operand)
        lines.append(f"{view} {sign} {source}")
    return lines


def _is_whole(part: Node, node: Node) -> bool:
    """Whether a part is all of the result, entry by entry in order."""
    sizes, spots = node.places[node.args.index(part)]
    return part.shape == node.shape and spots == tuple([(i, 0, 1) for i in range(len(sizes))])


#: Operations whose numpy form always makes an array of its own.
_FRESH = ("add", "sub", "mul", "div", "matmat", "square")


def _owned(part: Node, operand: Text) -> str:
    """Text of an array that nothing else refers to."""
    if operand.source.isidentifier() or part.op.name not in _FRESH:
        return f"{operand.inside(ATOM)}.copy()"
    return operand.source


def _no_form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    raise AssertionError("written as statements")


def _positions(m: Any, part: Spots) -> tuple[Any, ...]:
    sizes = m.shape(part[0])
    grid = np.indices(sizes)
    flat = grid.reshape(len(sizes), -1) if sizes else grid.reshape(0, 1)
    return tuple(
        [
            m.size(start) + step * flat[label] if label is not None else np.full(flat.shape[1], m.size(start))
            for label, start, step in part[1]
        ]
    )


def _embed_meaning(m: Any, node: Node, *parts: Any) -> Any:
    out = np.full(m.shape(node.shape), m.number(0), object)
    for part, place in zip(parts, node.places):
        lead = out.shape[: out.ndim - len(place[1])]
        values = np.broadcast_to(part, lead + m.shape(place[0]))
        values = values.reshape((*lead, int(np.prod(m.shape(place[0]), dtype=int))))
        at = (..., *_positions(m, place))
        out[at] = out[at] + values
    return out


def _extract_meaning(m: Any, node: Node, x: Any) -> Any:
    out = np.empty(m.shape(node.shape), object)
    picked = x[(..., *_positions(m, node.place))]
    out[...] = picked.reshape(out.shape)
    return out


def _extract_shape(x: Node, place: Spots) -> Shape:
    return head(x.shape) + core(x.shape)[: x.rank - len(place[1])] + place[0]


def _extract_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(_view(operands[0], node.place, node.args[0].shape, env))


def _part_adjoint(g: Node, y: Node, position: int) -> Node:
    return extract(g, place=y.places[position])


_BAND: Spots = ((3,), ((0, 1, 1), (0, 0, 1)))

embed = op(
    "embed", "parts", params="places shape",
    doc="Zeros to which parts are added along diagonals, bands and slices.",
    shape=_embed_shape,
    dtype=floats,
    numpy=_no_form,
    statement=_embed_lines,
    flops=lambda node: sum((elements(part.shape) for part in node.args[1:]), NOTHING),
    adjoint=_part_adjoint,
    sympy=_embed_meaning,
    variadic=True,
    rows=embedded_rows,
    examples=[
        {"shapes": ("3", "3"), "places": (_BAND, ((3,), ((0, 0, 1), (0, 1, 1)))), "shape": (4, 4)},
        {"shapes": ("4", "2 2"), "shape": (4, 4),
         "places": (((4,), ((0, 0, 1), (0, 0, 1))), ((2, 2), ((0, 0, 2), (1, 1, 1))))},
        {"shapes": ("2 3",), "shape": (4, 2, 4, 3),
         "places": (((4, 2, 3), ((0, 0, 1), (1, 0, 1), (0, 0, 1), (2, 0, 1))),)},
        {"shapes": ("2", ""), "shape": (2, 3),
         "places": (((2,), ((0, 0, 1), (None, 1, 1))), ((), ((None, 0, 1), (None, 2, 1))))},
        {"shapes": ("... 3",), "places": (_BAND,), "shape": (BATCH, 4, 4)},
    ],
)  # fmt: skip

extract: Op = op(
    "extract", "x", params="place",
    doc="The entries along diagonals, bands and slices.",
    shape=_extract_shape,
    dtype=first,
    numpy=_extract_text,
    adjoint={"x": lambda g, y, x: embed(g, places=(y.place,), shape=x.shape)},
    sympy=_extract_meaning,
    view=True,
    examples=[
        {"shapes": ("4 4",), "place": _BAND},
        {"shapes": ("4 2 4 3",), "place": ((4, 2, 3), ((0, 0, 1), (1, 0, 1), (0, 0, 1), (2, 0, 1)))},
        {"shapes": ("... 4 4",), "place": _BAND},
    ],
)  # fmt: skip


def _position_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"{env.helper('_positions')}({operands[0].source}, {env.dim(node.size)})")


def _position_meaning(m: Any, node: Node, index: Any) -> Any:
    size = m.size(node.size)
    values = np.asarray(index)
    if values.size and (values.min() < -size or values.max() >= size):
        raise IndexError(f"index out of range for size {size}")
    return values % max(size, 1)


position_ = op(
    "position", "index", params="size",
    doc="Indices of an axis counted from its start; one out of range raises IndexError.",
    shape=lambda index, size: index.shape,
    dtype=first,
    numpy=_position_text,
    flops=0,
    adjoint={"index": None},
    sympy=_position_meaning,
    rows=each_row,
    examples=[{"shapes": ("4",), "dtypes": ("int64",), "values": {0: np.array([0, -3, 2, -1])}, "size": 3}],
)  # fmt: skip


def position_of(index: Node, size: Size) -> Node:
    """The index counted from the start of an axis of that size; itself where it is known to be."""
    if index.op.name in ("position", "arange"):
        return index
    if index.op.name == "array" and isinstance(size, int) and (index.value.array() >= 0).all():
        return index
    return position_(index, size=size)
