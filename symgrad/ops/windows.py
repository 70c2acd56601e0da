"""Sliding windows and their transpose, the sum of windows back in place; constant borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.flops import each
from symgrad.node import Node, Op, first, op
from symgrad.ops.leaves import literal
from symgrad.ops.structure import head
from symgrad.rowwise import padded_rows, windowed_rows
from symgrad.shapes import Shape, Size, core, floor_divide, has_batch, shape_text
from symgrad.spelling import METHODS
from symgrad.text import Environment, Text

Steps = tuple[int, ...]


def positions(size: Size, window: Size, stride: int, dilation: int) -> Size:
    """How many windows fit along an axis."""
    return floor_divide(size - dilation * (window - 1) - 1, stride) + 1


def _windows_shape(x: Node, window: Shape, stride: Steps, dilation: Steps) -> Shape:
    sizes = core(x.shape)
    split = len(sizes) - len(window)
    if split < 0:
        raise ShapeError(f"windows over {len(window)} axes of an array of shape {shape_text(x.shape)}")
    counts = tuple(map(positions, sizes[split:], window, stride, dilation))
    for size, k, count in zip(sizes[split:], window, counts):
        if isinstance(count, int) and count <= 0:
            raise ShapeError(
                f"a window of {k} does not fit into an axis of {size}", got=f"shape {shape_text(x.shape)}"
            )
    return head(x.shape) + sizes[:split] + window + counts


def _steps(node: Node) -> str:
    """Text of stride and dilation, where they are not 1."""
    text = ""
    for name in ("stride", "dilation"):
        steps = getattr(node, name)
        if set(steps) != {1}:
            text += f", {name}={steps[0] if len(set(steps)) == 1 else steps!r}"
    return text


def _windows_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    helper = env.helper("_windows")
    return Text(f"{helper}({operands[0].source}, {env.shape(node.window)}{_steps(node)})")


def _fold_shape(x: Node, sizes: Shape, stride: Steps, dilation: Steps) -> Shape:
    whole, count = core(x.shape), len(sizes)
    lead, window, counts = whole[: -2 * count], whole[-2 * count : -count], whole[-count:]
    expected = tuple(map(positions, sizes, window, stride, dilation))
    if counts != expected:
        raise ShapeError(
            f"windows do not come from axes of {shape_text(sizes)}",
            expected=f"positions {shape_text(expected)}",
            got=shape_text(counts),
        )
    return head(x.shape) + lead + sizes


def _fold_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    helper = env.helper("_fold_windows")
    return Text(f"{helper}({operands[0].source}, {env.shape(node.sizes)}{_steps(node)})")


def _places(node: Node, sizes: Sequence[int], window: Sequence[int]) -> Any:
    """Index of every window of a concrete array, by its offset."""
    counts = [(s - d * (k - 1) - 1) // t + 1 for s, k, t, d in zip(sizes, window, node.stride, node.dilation)]
    for offset in np.ndindex(*window):
        starts = [o * d for o, d in zip(offset, node.dilation)]
        yield offset, np.ix_(*[[a + s * i for i in range(n)] for a, s, n in zip(starts, node.stride, counts)])


def _windows_meaning(m: Any, node: Node, x: Any) -> Any:
    result = np.empty(m.shape(node.shape), object)
    window = m.shape(node.window)
    count = len(window)
    for lead in np.ndindex(*x.shape[: x.ndim - count]):
        for offset, place in _places(node, x.shape[x.ndim - count :], window):
            result[lead + offset] = x[lead][place]
    return result


def _fold_meaning(m: Any, node: Node, x: Any) -> Any:
    sizes = m.shape(node.sizes)
    count = len(sizes)
    result = np.full(m.shape(node.shape), m.number(0), object)
    for lead in np.ndindex(*x.shape[: x.ndim - 2 * count]):
        for offset, place in _places(node, sizes, x.shape[x.ndim - 2 * count : x.ndim - count]):
            result[lead][place] += x[lead + offset]
    return result


sliding_windows: Op = op(
    "sliding_windows", "x", params="window stride dilation",
    doc="Windows over the last axes: new axes of offsets within the window, then those of positions.",
    shape=_windows_shape,
    dtype=first,
    numpy=_windows_text,
    adjoint={
        "x": lambda g, y, x: fold_windows(
            g, sizes=core(x.shape)[-len(y.window) :], stride=y.stride, dilation=y.dilation
        ),
    },
    sympy=_windows_meaning,
    view=True,
    rows=windowed_rows,
    examples=[
        {"shapes": ("5",), "window": (2,), "stride": (1,), "dilation": (1,)},
        {"shapes": ("d 5",), "window": (3,), "stride": (2,), "dilation": (1,)},
        {"shapes": ("d 6 5",), "window": (2, 3), "stride": (2, 1), "dilation": (2, 1)},
    ],
)  # fmt: skip

fold_windows: Op = op(
    "fold_windows", "x", params="sizes stride dilation",
    doc="The sum of windows put back where they were taken from; sizes are those of the axes that result.",
    shape=_fold_shape,
    dtype=first,
    numpy=_fold_text,
    flops=each(1),
    adjoint={
        "x": lambda g, y, x: sliding_windows(
            g, window=core(x.shape)[-2 * len(y.sizes) : -len(y.sizes)], stride=y.stride, dilation=y.dilation
        ),
    },
    sympy=_fold_meaning,
    rows=windowed_rows,
    examples=[
        {"shapes": ("2 4",), "sizes": (5,), "stride": (1,), "dilation": (1,)},
        {"shapes": ("d 2 2 2 3",), "sizes": (5, 6), "stride": (2, 1), "dilation": (2, 3)},
    ],
)  # fmt: skip


# --- constant borders -------------------------------------------------------------------------------

Widths = tuple[tuple[Size, Size], ...]


def _pad_shape(x: Node, widths: Widths, value: float) -> Shape:
    sizes = core(x.shape)
    if len(widths) != len(sizes):
        raise ShapeError(f"np.pad: {len(widths)} pairs of widths for an array of shape {shape_text(x.shape)}")
    return head(x.shape) + tuple([before + size + after for size, (before, after) in zip(sizes, widths)])


def _pad_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    widths = ", ".join(f"({env.dim(before)}, {env.dim(after)})" for before, after in node.widths)
    widths = f"({widths},)" if len(node.widths) == 1 else f"({widths})"
    value = literal(node.value).source
    if has_batch(node.shape):
        last = f", {value}" if node.value else ""
        return Text(f"{env.helper('_pad_core')}({operands[0].source}, {widths}{last})")
    last = f", constant_values={value}" if node.value else ""
    return Text(f"np.pad({operands[0].source}, {widths}{last})")


def _pad_meaning(m: Any, node: Node, x: Any) -> Any:
    number = m.number(node.value) if x.dtype == object else node.value
    result = np.full(m.shape(node.shape), number, x.dtype)
    starts = [m.size(before) for before, _ in node.widths]
    result[tuple(slice(start, start + size) for start, size in zip(starts, x.shape))] = x
    return result


def _pad_adjoint(g: Node, y: Node, x: Node) -> Node:
    inside = [slice(before, before + size) for size, (before, _) in zip(core(x.shape), y.widths)]
    return METHODS["__getitem__"](g, tuple(inside))  # type: ignore[no-any-return]


pad: Op = op(
    "pad", "x", params="widths value", defaults={"value": 0},
    doc="Borders of a constant, so many entries before and after along every axis.",
    shape=_pad_shape,
    dtype=first,
    numpy=_pad_text,
    flops=0,
    adjoint={"x": _pad_adjoint},
    sympy=_pad_meaning,
    rows=padded_rows,
    examples=[
        {"shapes": ("n",), "widths": ((1, 2),)},
        {"shapes": ("n d",), "widths": ((0, 0), (2, 1)), "value": 1.5},
        {"shapes": ("... n",), "widths": ((1, 1),)},
    ],
)  # fmt: skip
