"""How operations act on rows: the entries of one axis, whose size has a name, on which they may work apart.

An operation declares a rule (`rows=` of `op`). It is asked when operands have a named size `n` on an axis
each, or none, and says where the rows of the result are, so that rows i to j of it follow from rows i to
j of those operands and the whole of the others; or that the result is made of results for groups of rows; or
that neither holds, which is also what an operation without a rule says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from symgrad.node import Node, RowRule
from symgrad.shapes import Size, core, dim_names, product

#: What a rule answers: the axis of the result that has the rows; the ufunc that combines results for groups
#: of rows, or "scatter" for an addition whose result is as large as a table, however few the rows; None.
Outcome = int | Literal["add", "scatter", "maximum", "minimum", "logical_or", "logical_and"] | None
#: For each operand the axis with the rows, counted without a leading `...`; None where it has none.
Axes = Sequence[int | None]


def where(node: Node, n: Size) -> int | None:
    """The one axis of the node of size n; None where no axis, or more than one, has to do with n."""
    (name,) = dim_names(n)
    found = [i for i, size in enumerate(core(node.shape)) if size == n]
    if len(found) != 1 or sum(name in dim_names(size) for size in core(node.shape)) != 1:
        return None
    return found[0]


def each_row(node: Node, axes: Axes, n: Size) -> Outcome:
    """The rule of what works on every row, whatever its axis."""
    return where(node, n)


def elementwise_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Operands broadcast together: those with rows have them on the same axis, counted from the end."""
    ends = {axis - a.rank for a, axis in zip(node.args, axes) if axis is not None}
    axis = where(node, n)
    return axis if axis is not None and ends == {axis - node.rank} else None


def spread_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """`broadcast_to`, which may be what makes the rows."""
    if axes[0] is None:
        return where(node, n)
    return elementwise_rows(node, axes, n)


def reshaped_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """The same elements in another shape: rows stay together where what is before their axis does."""
    before, after = axes[0], where(node, n)
    if before is None or after is None:
        return None
    same = product(core(node.args[0].shape)[:before]) == product(core(node.shape)[:after])
    return after if same else None


def along(node: Node) -> tuple[int, ...]:
    """The axes that the parameter `axis` or `axes` names."""
    value = node.axes if "axes" in node.op.params else node.axis
    return (value,) if isinstance(value, int) else tuple(value)


def other_axes(combine: Outcome = None) -> RowRule:
    """The rule of what works along axes: rows on another one stay; `combine` is for rows on these."""

    def rule(node: Node, axes: Axes, n: Size) -> Outcome:
        rank = max(a.rank for a in node.args)
        places = {axis + rank - a.rank for a, axis in zip(node.args, axes) if axis is not None}
        if len(places) != 1:
            return None
        if places & set(along(node)):
            return combine
        return where(node, n)

    return rule


def joined_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Arrays put together along an axis: rows on another one, the same in all of them."""
    if len(set(axes)) != 1:
        return None
    axis = where(node, n)
    return None if axis == node.axis else axis


def leading_axes(kept: int) -> RowRule:
    """The rule of what works on the last `kept` axes and leaves those in front, which operands share."""

    def rule(node: Node, axes: Axes, n: Size) -> Outcome:
        ends = {axis - a.rank for a, axis in zip(node.args, axes) if axis is not None}
        axis = where(node, n)
        return axis if axis is not None and all(end < -kept for end in ends) and len(ends) == 1 else None

    return rule


def contracted_rows(node: Node, labels: Sequence[str], output: str, axes: Axes) -> Outcome:
    """The rule of products that sum over labels: one label has the rows, and stays or is summed over."""
    found = {term[axis] for term, axis in zip(labels, axes) if axis is not None}
    if len(found) != 1:
        return None
    (label,) = found
    if any(axis is None and label in term for term, axis in zip(labels, axes)):
        return None  # an axis of size 1 against the rows
    return output.index(label) if label in output else "add"


def matrix_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Products of vectors, matrices and stacks of them."""
    letters = "abcdefghijklmnopqrstuvw"
    left, right = node.args
    stack = max(left.rank, right.rank) - 2
    heads = [letters[max(stack - (x.rank - 2), 0) : max(stack, 0)] for x in (left, right)]
    first = {1: "y"}.get(left.rank, heads[0] + "xy")
    second = {1: "y"}.get(right.rank, heads[1] + "yz")
    output = (letters[: max(stack, 0)]) + ("x" if left.rank > 1 else "") + ("z" if right.rank > 1 else "")
    return contracted_rows(node, (first, second), output, axes)


def einsum_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """`einsum`, by its labels."""
    terms, output = node.subscripts.split("->")
    labels = terms.split(",")
    if "." in node.subscripts or any(len(set(term)) < len(term) for term in labels):
        return None
    return contracted_rows(node, labels, output, axes)


def gathered_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Elements picked by indices: rows of indices from a whole table, or rows that are not picked along."""
    table, *indices = axes
    if table is None:
        return where(node, n)
    if any(axis is not None for axis in indices):
        return None
    picked = node.axis <= table < node.axis + len(indices)
    return None if picked else where(node, n)


def scattered_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Values added at indices: rows of values that bring their indices along add up, other rows stay."""
    values, *indices = axes
    if values is None:
        return None
    count = max(i.rank for i in node.args[1:])
    if node.axis <= values < node.axis + count:
        # Indices of less rank than the values' part broadcast; only those with the rows may differ by row.
        ends = {axis - i.rank for i, axis in zip(node.args[1:], indices) if axis is not None}
        return "scatter" if ends == {values - node.axis - count} else None
    return where(node, n) if all(axis is None for axis in indices) else None


#: The entry of a key that takes an axis as it is.
_FULL = ("slice", None, None, 1)


def indexed_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Basic indexing: the rows' axis is taken as it is."""
    (axis,) = axes
    return where(node, n) if axis is not None and node.key[axis] == _FULL else None


def placed_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Values put in their places among zeros: each fills the rows' axis."""
    keys = node.keys if "keys" in node.op.params else (node.key,)
    place = where(node, n)
    if place is None or any(key[place] != _FULL for key in keys):
        return None
    # Where an integer takes an axis away, the value has one axis less in front of the rows.
    wanted = [sum(isinstance(entry, tuple) for entry in key[:place]) for key in keys]
    return place if wanted == list(axes) else None


def padded_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Borders along other axes."""
    return None if axes[0] is None or node.widths[axes[0]] != (0, 0) else where(node, n)


def windowed_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Windows over the last axes; rows in front of them stay."""
    operand = node.args[0]
    count = len(node.window) if node.op.name == "sliding_windows" else 2 * len(node.sizes)
    return where(node, n) if axes[0] is not None and axes[0] < operand.rank - count else None


def embedded_rows(node: Node, axes: Axes, n: Size) -> Outcome:
    """Parts put in places: rows that are one label, all along one axis and along no other."""
    axis = where(node, n)
    (name,) = dim_names(n)
    if axis is None:
        return None
    for part, (sizes, spots), rows in zip(node.args, node.places, axes):
        label, start, step = spots[axis - node.rank + len(spots)]
        if label is None or (start, step) != (0, 1) or sizes[label] != n:
            return None
        elsewhere = [*[size for i, size in enumerate(sizes) if i != label], *[first for _, first, _ in spots]]
        if any(name in dim_names(size) for size in elsewhere):
            return None
        if sum(other == label for other, _, _ in spots) > 1:
            return None
        if rows is not None and rows - part.rank != label - len(sizes):
            return None
    return axis


def outcome(node: Node, axes: Axes, n: Size) -> Outcome:
    """What an operation does with rows, see the module's docstring; never wrong, None where unsure."""
    rule = node.op.rows or (elementwise_rows if node.op.elementwise and node.op.statement is None else None)
    if rule is None or not is_free(node, n):
        return None
    found: Outcome = rule(node, axes, n)
    if isinstance(found, int) and where(node, n) != found:
        return None
    (name,) = dim_names(n)
    if isinstance(found, str) and any(name in dim_names(size) for size in core(node.shape)):
        return None
    return found


def is_free(node: Node, n: Size) -> bool:
    """Whether no parameter has to do with n, but for the shape of the result."""
    (name,) = dim_names(n)
    return not any(
        _mentions(value, name)
        for key, value in zip(node.op.params, node.params)
        if key not in ("shape", "places")
    )


def _mentions(value: Any, name: str) -> bool:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, tuple):
            stack.extend(one)
        elif hasattr(one, "terms") and name in dim_names(one):
            return True
    return False
