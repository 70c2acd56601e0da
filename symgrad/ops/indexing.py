"""Basic indexing, by integers and slices, and its transpose: a value put in its place among zeros.

A key is a tuple with one entry an axis: an integer (or a dimension), or `("slice", start, stop, step)`.
Keys are canonical, so that two spellings of one element are one node. Sizes of slices are computed for
symbolic dimensions too: a slice such as `x[:5]` of `n` elements has 5, and where `n` may be less than that
the generated code checks.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.flops import NOTHING, Flops, elements
from symgrad.node import Node, Op, first, op
from symgrad.ops.structure import dtype_text, head, solid, subscript
from symgrad.rowwise import indexed_rows, placed_rows
from symgrad.shapes import Dim, Shape, Size, core, floor_divide, has_batch, shape_text
from symgrad.text import UNARY, Environment, Text

Entry = Any
Key = tuple[Entry, ...]

#: The slice that takes everything.
FULL: Entry = ("slice", None, None, 1)


def is_nonnegative(size: Size) -> bool:
    """Whether a size is at least 0 whatever non-negative sizes its names have."""
    if isinstance(size, int):
        return size >= 0
    return all(coefficient >= 0 for _, coefficient in size.terms)


def _from_end(bound: Size, size: Size) -> tuple[Size, bool]:
    """A bound counted from the front, and whether it was given from the end."""
    if isinstance(bound, int):
        return (size + bound, True) if bound < 0 else (bound, False)
    # Of mixed signs, such as n - 1: what grows fastest decides.
    return (size + bound, True) if bound.terms[0][1] < 0 else (bound, False)


def slice_entry(start: Size | None, stop: Size | None, step: int, size: Size) -> tuple[Entry, Size, bool]:
    """The canonical entry, the number of elements, and whether that number has to be checked at run time.

    Raises ShapeError for a step of 0.
    """
    if step == 0:
        raise ShapeError("indexing: the step of a slice cannot be 0")
    if isinstance(size, int) and not isinstance(start, Dim) and not isinstance(stop, Dim):
        return (*_known_slice(slice(start, stop, step), size), False)
    checked = False
    begin, end = (size - 1, -1) if step < 0 else (0, size)
    if start is not None:
        begin, relative = _from_end(start, size)
        if step > 0 and is_nonnegative(begin - size):
            begin = size
        # From the end it must not fall off the front; at a negative step, not off the end.
        room = begin if relative else size - 1 - begin if step < 0 else 0
        checked = not is_nonnegative(room)
    if stop is not None:
        end, relative = _from_end(stop, size)
        if step > 0 and is_nonnegative(end - size):
            end = size
        if relative == (step < 0):
            checked = checked or not is_nonnegative(end + 1 if relative else size - end)
    span: Size = end - begin if step > 0 else begin - end
    count = span if abs(step) == 1 else floor_divide(span + (abs(step) - 1), abs(step))
    if is_nonnegative(-count):
        return ("slice", 0, 0, 1), 0, False
    whole = begin == 0 if step > 0 else begin == size - 1
    last = end == size if step > 0 else end == -1
    return ("slice", None if whole else start, None if last else stop, step), count, checked


def _known_slice(given: slice, size: int) -> tuple[Entry, int]:
    start, stop, step = given.indices(size)
    count = len(range(start, stop, step))
    if count == 0:
        return ("slice", 0, 0, 1) if size else FULL, 0
    if count == 1:
        step = 1
    if step > 0:
        stop = start + (count - 1) * step + 1
        after = start + count * step
        return ("slice", start or None, None if after >= size else stop, step), count
    last = start + (count - 1) * step
    return ("slice", None if start == size - 1 else start, None if last + step < 0 else last - 1, step), count


def integer_entry(position: Size, size: Size, axis: int, shape: Shape) -> Entry:
    """The canonical entry of one position; ShapeError where it is known to be out of range."""
    if isinstance(size, int) and isinstance(position, int):
        if not -size <= position < size:
            raise ShapeError(
                f"indexing: index {position} is out of bounds",
                expected=f"an index from {-size} to {size - 1}" if size else "no index: the axis is empty",
                got=f"axis {axis} of shape {shape_text(shape)}",
            )
        return position % size
    from_end = position - size
    return from_end if isinstance(from_end, int) and from_end < 0 else position


def indexed_shape(x: Node, key: Key) -> Shape:
    """The shape of `x[key]`."""
    return head(x.shape) + _taken(core(x.shape), key)


def _taken(sizes: Shape, key: Key) -> Shape:
    if len(key) != len(sizes):
        raise ShapeError(
            "indexing: one entry is needed for each axis", expected=f"{len(sizes)}", got=f"{len(key)}"
        )
    slices = [(entry, size) for entry, size in zip(key, sizes) if isinstance(entry, tuple)]
    return tuple([slice_entry(start, stop, step, size)[1] for (_, start, stop, step), size in slices])


def key_entries(key: Key, env: Environment) -> list[str]:
    """Python text of each entry of a key."""
    texts = []
    for entry in key:
        if not isinstance(entry, tuple):
            texts.append(env.dim(entry))
            continue
        start, stop, step = ("" if bound is None else env.dim(bound) for bound in entry[1:])
        texts.append(f"{start}:{stop}" if step == "1" else f"{start}:{stop}:{step}")
    return texts


def numpy_key(m: Any, key: Key) -> tuple[Any, ...]:
    """The key with sizes as integers, for numpy to index with."""
    sized = [
        tuple([bound if bound is None else m.size(bound) for bound in entry[1:]])
        if isinstance(entry, tuple)
        else m.size(entry)
        for entry in key
    ]
    return tuple([slice(*entry) if isinstance(entry, tuple) else entry for entry in sized])


# --- index <-> index_adjoint --------------------------------------------------------------------------


def _index_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    (x,), (operand,) = operands, node.args
    source = subscript(x, key_entries(node.key, env), has_batch(operand.shape))
    slices = [(e, size) for e, size in zip(node.key, core(operand.shape)) if isinstance(e, tuple)]
    checks = [slice_entry(start, stop, step, size)[2] for (_, start, stop, step), size in slices]
    if any(checks):
        return Text(f"{env.helper('_expect_shape')}({source}, {env.shape(core(node.shape))})")
    return Text(source)


def _index_meaning(m: Any, node: Node, x: Any) -> Any:
    out = np.empty(m.shape(node.shape), x.dtype)
    out[...] = x[numpy_key(m, node.key)]
    return out


index = op(
    "index", "x", params="key",
    doc="Elements picked by integers and slices.",
    shape=indexed_shape,
    dtype=first,
    numpy=_index_text,
    adjoint={"x": lambda g, y, x: index_adjoint(g, key=y.key, shape=x.shape)},
    sympy=_index_meaning,
    view=True,
    rows=indexed_rows,
    examples=[
        {"shapes": ("3",), "key": (1,)},
        {"shapes": ("n",), "key": (-1,)},
        {"shapes": ("n d",), "key": (0, FULL)},
        {"shapes": ("n d",), "key": (FULL, -1)},
        {"shapes": ("n+1",), "key": (("slice", 1, None, 1),)},
        {"shapes": ("5 4",), "key": (("slice", None, None, 2), ("slice", None, None, -1))},
        {"shapes": ("5",), "key": (("slice", 0, 0, 1),)},
    ],
)  # fmt: skip


def _placed_shape(g: Node, key: Key, shape: Shape) -> Shape:
    wanted = _taken(core(shape), key)
    if core(g.shape) != wanted or (has_batch(g.shape) and not has_batch(shape)):
        raise ShapeError(
            "indexing: the value does not fit where it is put",
            expected=shape_text(head(shape) + wanted),
            got=shape_text(g.shape),
        )
    return shape


def _whole_key(key: Key, shape: Shape, env: Environment) -> str:
    """Text of the key between brackets, with `...` in front under a batch."""
    return subscript(Text(""), key_entries(key, env), has_batch(shape))[1:-1]


def _place_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    value = solid(node.args[0], operands[0], env)
    if not node.args[0].shape and not operands[0].weak:
        # numpy 1 may have made a float64 of a float32 scalar.
        value = Text(f"np.asarray({value.source}, {dtype_text(node.args[0], env)})")
    key = f"np.s_[{_whole_key(node.key, node.shape, env)}]"
    return Text(f"{env.helper('_place')}({value.source}, {key}, {env.shape(node.shape)})")


def _place_meaning(m: Any, node: Node, g: Any) -> Any:
    out = np.zeros(m.shape(node.shape), object)
    out[numpy_key(m, node.key)] = g if np.ndim(g) else g[()]
    return out


index_adjoint: Op = op(
    "index_adjoint", "g", params="key shape",
    doc="The value in its place in an array of zeros: the transpose of indexing.",
    shape=_placed_shape,
    dtype=first,
    numpy=_place_text,
    flops=0,
    adjoint={"g": lambda g, y, x: index(g, key=y.key)},
    sympy=_place_meaning,
    rows=placed_rows,
    examples=[
        {"shapes": ("",), "key": (1,), "shape": (3,)},
        {"shapes": ("d",), "key": (0, FULL), "shape": ("n", "d")},
        {"shapes": ("3 4",), "key": (("slice", None, None, 2), ("slice", None, None, -1)), "shape": (5, 4)},
    ],
)  # fmt: skip


# --- assemble: many contributions to one array --------------------------------------------------------


def _assembled_shape(*values: Node, keys: tuple[Key, ...], shape: Shape) -> Shape:
    for value, key in zip(values, keys):
        _placed_shape(value, key, shape)
    return shape


def _covers(node: Node) -> bool:
    """Whether the keys are 0, 1, ..., n-1 of a vector, each once."""
    whole = len(node.shape) == 1 and not has_batch(node.shape) and len(node.keys) == node.shape[0]
    return whole and node.keys == tuple([(i,) for i in range(node.shape[0])])


def _assemble_lines(node: Node, target: str, operands: Sequence[Text], env: Environment) -> list[str]:
    if _covers(node):
        inner = ", ".join(operand.source for operand in operands)
        line = f"{target} = np.array([{inner}], {dtype_text(node, env)})"
        if len(line) <= 96:
            return [line]
        rows = [f"    {operand.source}," for operand in operands]
        return [f"{target} = np.array([", *rows, f"], {dtype_text(node, env)})"]
    make = "empty" if _fills(node) else "zeros"
    lines = [f"{target} = np.{make}({env.shape(node.shape)}, {dtype_text(node, env)})"]
    # What is apart from all before it is set; others may meet, and add.
    for key, operand, fresh in zip(node.keys, operands, _come_first(node.keys)):
        sign, source = ("=", operand.source) if fresh else increment(operand)
        lines.append(f"{target}[{_whole_key(key, node.shape, env)}] {sign} {source}")
    return lines


def _interval(entry: Entry, size: Size) -> tuple[int, int] | None:
    """First and last place of an entry, None where they depend on a size or there is a step."""
    if isinstance(entry, int):
        return (entry, entry) if entry >= 0 else None
    if not isinstance(entry, tuple) or entry[3] != 1:
        return None
    start = 0 if entry[1] is None else entry[1]
    stop = size if entry[2] is None else entry[2]
    if not isinstance(start, int) or start < 0:
        return None
    if not isinstance(stop, int):
        return (start, 2**62) if entry[2] is None else None
    return (start, stop - 1) if stop >= 0 else None


def _are_apart(one: Key, other: Key) -> bool:
    """Whether two keys are sure to have no element in common, whatever the sizes."""
    for a, b in zip(one, other):
        first, second = _interval(a, 2**62), _interval(b, 2**62)
        if first is not None and second is not None and (first[1] < second[0] or second[1] < first[0]):
            return True
    return False


#: Up to so many keys are compared each with each.
_FEW = 32


def _come_first(keys: Sequence[Key]) -> list[bool]:
    """For each key, whether it is sure to have no element in common with those before it."""
    if all(isinstance(entry, int) and entry >= 0 for key in keys for entry in key):
        places = {key: i for i, key in reversed(list(enumerate(keys)))}
        return [places[key] == i for i, key in enumerate(keys)]
    if len(keys) <= _FEW:
        return [all(_are_apart(key, other) for other in keys[:i]) for i, key in enumerate(keys)]
    # Along one axis for all others: there may be many thousands.
    first = [False] * len(keys)
    for axis in range(min(map(len, keys))):
        taken: list[tuple[int, int]] = []  # in order, apart from each other
        for i, key in enumerate(keys):
            place = _interval(key[axis], 2**62)
            if place is None:
                break
            at = bisect(taken, place)
            before = at > 0 and taken[at - 1][1] >= place[0]
            after = at < len(taken) and taken[at][0] <= place[1]
            if before or after:
                break
            taken.insert(at, place)
            first[i] = True
    return first


def _fills(node: Node) -> bool:
    """Whether the parts are sure to fill the array: whole but for one axis, which they share among them."""
    sizes = core(node.shape)
    axes = {axis for key in node.keys for axis, entry in enumerate(key) if entry != FULL}
    if len(axes) != 1:
        return False
    (axis,) = axes
    size, found = sizes[axis], [_interval(key[axis], sizes[axis]) for key in node.keys]
    if not isinstance(size, int) or any(part is None for part in found):
        return False
    places = [place for part in found if part is not None for place in range(part[0], part[1] + 1)]
    return sorted(places) == list(range(size))


def increment(operand: Text) -> tuple[str, str]:
    """Operator and text that add the operand: `-= a` for `-a`."""
    if operand.precedence == UNARY and operand.source.startswith("-"):
        return "-=", operand.source[1:]
    return "+=", operand.source


def _no_form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    raise AssertionError("written as statements")


def _assembled_flops(node: Node) -> Flops:
    """An addition for every element that is not the first one in its place."""
    total = NOTHING
    for part, fresh in zip(node.args, _come_first(node.keys)):
        if not fresh:
            total += elements(part.shape)
    return total


def _assemble_meaning(m: Any, node: Node, *values: Any) -> Any:
    out = np.zeros(m.shape(node.shape), object)
    for key, value in zip(node.keys, values):
        at = numpy_key(m, key)
        out[at] = out[at] + (value if np.ndim(value) else value[()])
    return out


assemble = op(
    "assemble", "parts", params="keys shape",
    doc="Zeros to which each part is added in its place: the adjoint of an array of which parts are used.",
    shape=_assembled_shape,
    dtype=lambda *parts, keys, shape: parts[0].dtype,
    numpy=_no_form,
    statement=_assemble_lines,
    flops=_assembled_flops,
    adjoint=lambda g, y, position: index(g, key=y.keys[position]),
    sympy=_assemble_meaning,
    variadic=True,
    rows=placed_rows,
    examples=[
        {"shapes": ("", ""), "keys": ((0,), (2,)), "shape": (3,)},
        {"shapes": ("", "", ""), "keys": ((0,), (1,), (2,)), "shape": (3,)},
        {"shapes": ("2", "3"), "keys": ((("slice", 1, 3, 1),), (FULL,)), "shape": (3,)},
    ],
)  # fmt: skip


def assemble_contributions(parts: Sequence[Node]) -> Node:
    """The sum of `index_adjoint` nodes of one shape, put together in one array.

    Integer keys go in ascending order, whatever the order of the paths they come from.
    """
    keys = [part.key for part in parts]
    order = list(range(len(parts)))
    if all(isinstance(entry, int) for key in keys for entry in key):
        order.sort(key=lambda i: keys[i])
    return assemble(
        *[parts[i].args[0] for i in order], keys=tuple([keys[i] for i in order]), shape=parts[0].shape
    )
