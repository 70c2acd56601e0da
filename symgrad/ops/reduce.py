"""Sums: over axes, over the batch, and down to the shape of an operand; means.

`sum` is the transpose of a broadcast along axes, `sum_batch` of the broadcast along a leading `...`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.flops import each
from symgrad.node import OPS, DType, Node, lift, op
from symgrad.ops.leaves import operand
from symgrad.ops.structure import broadcast_up, expand_dims, head, normalize_axes
from symgrad.rowwise import other_axes
from symgrad.shapes import BATCH, Shape, core, has_batch, product, rank, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import ATOM, Environment, Text

# --- helpers shared by all reductions -----------------------------------------------------------------


def reduced_axes(what: str, x: Node, axis: Any) -> tuple[int, ...]:
    """The axes that `axis` means to numpy, ascending; None is all of them."""
    if axis is None:
        return tuple(range(x.rank))
    return tuple(sorted(normalize_axes(what, axis, x.rank, x.shape)))


def reduced_shape(x: Node, axes: tuple[int, ...], keepdims: bool, **params: Any) -> Shape:
    """The shape without these axes, or with size 1 there."""
    sizes = enumerate(core(x.shape))
    if keepdims:
        return head(x.shape) + tuple([1 if i in axes else size for i, size in sizes])
    return head(x.shape) + tuple([size for i, size in sizes if i not in axes])


def keep(g: Node, y: Node) -> Node:
    """`g`, of the shape of a reduction `y`, with the reduced axes put back as size 1."""
    return g if y.keepdims or not y.axes else expand_dims(g, axes=y.axes)


def reduction_arguments(node: Node, env: Environment) -> str:
    """Text of axis and keepdims as numpy's reductions take them; nothing for a full reduction."""
    operand = node.args[0]
    parts = []
    if len(node.axes) < operand.rank or has_batch(operand.shape):
        parts.append(f"axis={env.axes(operand, node.axes)}")
    if node.keepdims:
        parts.append("keepdims=True")
    return ", ".join(parts)


def axes_tuple(node: Node, env: Environment) -> str:
    """Text of the axes as kernels take them: a tuple, also of one."""
    axes = env.axes(node.args[0], node.axes)
    return axes if axes.startswith("(") else f"({axes},)"


def reduction(name: str) -> Any:
    """The form `x.name(axis=..., keepdims=...)`."""

    def form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
        return Text(f"{operands[0].inside(ATOM)}.{name}({reduction_arguments(node, env)})")

    return form


def refuse(what: str, **options: Any) -> None:
    """Raise TraceError for options of numpy's function that were given and have no meaning here."""
    for name, value in options.items():
        if value is not None and value is not np._NoValue:
            raise TraceError(
                f"{what}: {name}= is not supported", got=repr(value)[:60], hint=f"leave out {name}="
            )


def typed(what: str, x: Node, dtype: Any) -> Node:
    """The operand as numbers of the option `dtype=`, which may ask for floats; TraceError for others."""
    if dtype is None or dtype is np._NoValue:
        return x
    try:
        kind = np.dtype(dtype).name
    except TypeError:
        kind = ""
    if kind == "float64":
        return x if x.dtype == "float64" else OPS["cast"](x, to="float64")
    raise TraceError(
        f"{what}: dtype= can ask for float64 only",
        got=repr(dtype)[:60],
        hint="leave out dtype=: float32 arguments stay float32; x.astype(int) makes integers",
    )


def masked(x: Node, mask: Any, neutral: Any) -> Node:
    """The entries where the mask holds, and elsewhere a number that a reduction does not notice.

    The option `where=` of numpy's reductions; not given it is None, True, or numpy's own mark.
    """
    if mask is None or mask is True or mask is np._NoValue:
        return x
    return FUNCTIONS[np.where](mask, x, neutral)  # type: ignore[no-any-return]


# --- sum, sum_batch -----------------------------------------------------------------------------------


def _counts(x: Node, **params: Any) -> DType:
    return "float64" if x.dtype == "float64" else "int64"


sum_ = op(
    "sum", "x", params="axes keepdims", defaults={"keepdims": False},
    doc="Sum over axes.",
    shape=reduced_shape,
    dtype=_counts,
    numpy=reduction("sum"),
    flops=each(1),
    adjoint={"x": lambda g, y, x: broadcast_up(keep(g, y), x.shape)},
    # numpy's own sum of two truth values is one again.
    sympy=lambda m, node, x: m.reduce(
        m.sum, x.astype(int) if x.dtype == bool else x, node.axes, node.keepdims
    ),
    rows=other_axes("add"),
    examples=[
        {"shapes": ("n",), "axes": (0,)},
        {"shapes": ("n d",), "dtypes": ("bool",), "axes": (0,)},
        {"shapes": ("n d",), "axes": (1,)},
        {"shapes": ("n d",), "axes": (0,), "keepdims": True},
        {"shapes": ("2 n d",), "axes": (0, 2)},
    ],
)  # fmt: skip


def _unbatched(x: Node) -> Shape:
    if not has_batch(x.shape):
        raise ShapeError(
            "sum over a batch: there is none", expected="a shape with a leading ...", got=shape_text(x.shape)
        )
    return core(x.shape)


def _sum_batch_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    # An operand may have less than the batch's shape, where other arguments widen the batch.
    full = f"np.broadcast_to({operands[0].source}, {env.shape(node.args[0].shape)})"
    if not node.shape:
        return Text(f"{full}.sum()")
    return Text(f"{full}.sum(axis=tuple(range(len({env.shape((BATCH,))}))))")


sum_batch = op(
    "sum_batch", "x",
    doc="Sum over the leading batch dimensions `...`.",
    shape=_unbatched,
    dtype=_counts,
    numpy=_sum_batch_text,
    flops=each(1),
    adjoint={"x": lambda g, y, x: broadcast_up(g, x.shape)},
    # At one point of the batch; whoever evaluates adds up the points.
    sympy=lambda m, node, x: x,
    examples=[{"shapes": ("...",)}, {"shapes": ("... n",)}],
)  # fmt: skip


def sum_over(x: Node, axes: Sequence[int], keepdims: bool = False) -> Node:
    """The sum over axes; `x` itself over none."""
    return sum_(x, axes=tuple(axes), keepdims=keepdims) if axes else x


def unbroadcast(g: Node, shape: Shape) -> Node:
    """`g` in the given shape: summed where it was broadcast from it, repeated where it broadcasts to it.

    Leading axes are summed away, axes of size 1 are summed and kept, a batch that `shape` does not have
    is summed over. Returns `g` itself where it has the shape already.
    """
    if g.shape == shape:
        return g
    extra = g.rank - rank(shape)
    if extra > 0:
        g = sum_over(g, range(extra))
    sizes = core(shape)
    offset = len(sizes) - g.rank
    ones = [i for i, size in enumerate(core(g.shape)) if sizes[i + offset] == 1 and size != 1]
    g = sum_over(g, ones, keepdims=True)
    if has_batch(g.shape) and not has_batch(shape):
        g = sum_batch(g)
    return broadcast_up(g, shape)


# --- numpy's spellings --------------------------------------------------------------------------------


@spelled(np.sum, method="sum")
def sum(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = None, where: Any = None,
) -> Node:  # fmt: skip
    """`np.sum`."""
    refuse("np.sum", out=out)
    a = typed("np.sum", lift(a), dtype)
    a = masked(a, where, False if a.dtype == "bool" else 0)
    axes = reduced_axes("np.sum", a, axis)
    total = sum_over(a, axes, keepdims is not np._NoValue and bool(keepdims)) if axes else a
    if initial is not None and initial is not np._NoValue:
        return total + lift(initial)
    return a * 1 if a.dtype == "bool" and not axes else total


@spelled(np.mean, method="mean")
def mean(
    a: Node, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None
) -> Node:
    """`np.mean`: the sum over the number of elements."""
    refuse("np.mean", out=out)
    a = typed("np.mean", lift(a), dtype)
    axes = reduced_axes("np.mean", a, axis)
    kept = keepdims is not np._NoValue and bool(keepdims)
    return sum_over(masked(a, where, 0), axes, kept) / counted(a, axes, kept, where)


def counted(x: Node, axes: Sequence[int], keepdims: bool, mask: Any = None) -> Node:
    """How many elements there are along axes; with a mask, those where it holds."""
    if mask is None or mask is True or mask is np._NoValue:
        return lift(count_of(x, axes))
    return sum_over(broadcast_up(OPS["cast"](operand(mask), to="int64"), x.shape), axes, keepdims)


def count_of(x: Node, axes: Sequence[int]) -> Any:
    """Number of elements along axes."""
    sizes = core(x.shape)
    return product([sizes[axis] for axis in axes])
