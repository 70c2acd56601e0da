"""`cond`, which evaluates one branch only, and `checkpoint`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from symgrad.array import as_node
from symgrad.control.bodies import fresh_prefix, label, run
from symgrad.control.structures import Structure, taken_apart
from symgrad.errors import ShapeError
from symgrad.graph import toposort_until
from symgrad.locate import user_line
from symgrad.node import Node, lift, rebuild
from symgrad.ops.branch import build_checkpoint, build_cond
from symgrad.ops.closures import Closure, close, is_literal
from symgrad.ops.comparison import not_equal
from symgrad.ops.leaves import cast, input_node
from symgrad.ops.selection import choose
from symgrad.ops.structure import broadcast_up
from symgrad.recording import is_known, known_names, mark
from symgrad.shapes import core, has_batch, shape_text


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """`true_fun(*operands) if pred else false_fun(*operands)`; only one of them is evaluated.

    Parameters
    ----------
    pred
        A scalar, true where it is not 0: the generated code has an `if`. An array, or a `...` argument,
        chooses entry by entry, and both branches are computed, as by `np.where`.
    true_fun, false_fun
        Functions of the operands that return the same structure, of the same shapes and dtypes.
    *operands
        Arrays, numbers, or structures of them.

    Raises
    ------
    ShapeError
        Where the results of the two branches differ in structure, shape or dtype.
    """
    condition = as_node(pred)
    if condition.dtype != "bool":
        condition = not_equal(condition, 0)
    if condition.op.name == "const":
        return (true_fun if condition.value else false_fun)(*operands)
    if condition.shape:
        return _selected(condition, true_fun(*operands), false_fun(*operands))
    inside = mark()
    given = [taken_apart(operand, f"operands[{i}]") for i, operand in enumerate(operands)]
    values = [node for one in given for node in one.nodes]
    prefix = fresh_prefix()
    inputs = [input_node(f"{prefix}{i}", v.shape, v.dtype) for i, v in enumerate(values)]
    found = []
    for fn in (true_fun, false_fun):
        remaining = iter(inputs)
        arguments = [one.rebuild([next(remaining) for _ in one.nodes]) for one in given]
        found.append(taken_apart(run(fn, arguments, inputs), "result"))
    then, other = found
    sides = _agreeing(then, other)
    closures, operands_ = _enclosed(sides, inputs, values, inside, prefix)
    return then.rebuild(build_cond(condition, closures[0], closures[1], operands_))


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, of whose inner values none is kept for the derivative: they are computed again.

    It takes and returns arrays, or structures of them, inside a traced function. The derivative costs one
    more evaluation of `fun`, and between value and derivative only the operands and results are in memory.
    """

    @functools.wraps(fun)
    def once(*args: Any, **kwargs: Any) -> Any:
        inside = mark()
        given = [taken_apart(value, f"argument {i}") for i, value in enumerate((*args, *kwargs.values()))]
        values = [node for one in given for node in one.nodes]
        prefix = fresh_prefix()
        inputs = [input_node(f"{prefix}{i}", v.shape, v.dtype) for i, v in enumerate(values)]
        remaining = iter(inputs)
        arguments = [one.rebuild([next(remaining) for _ in one.nodes]) for one in given]
        positional, named = arguments[: len(args)], dict(zip(kwargs, arguments[len(args) :]))
        found = taken_apart(run(lambda *a: fun(*a, **named), positional, inputs), "result")
        closures, operands = _enclosed([found.nodes], inputs, values, inside, prefix)
        return found.rebuild(build_checkpoint(closures[0], operands))

    return once


def _enclosed(
    sides: Sequence[Sequence[Node]], inputs: Sequence[Node], values: Sequence[Node], inside: int, prefix: str
) -> tuple[list[Closure], list[Node]]:
    """Blocks of the same operands for several lists of results, and these operands.

    What was known before `inside` is an operand; all else is computed in the closures.
    """
    outer: dict[Node, None] = {}
    order: list[Node] = []
    stand_in = set(inputs)
    for node in toposort_until(
        [x for side in sides for x in side], lambda x: x in stand_in or is_known(x, inside)
    ):
        if node not in stand_in and not is_literal(node) and (not node.args or is_known(node, inside)):
            outer[node] = None
        else:
            order.append(node)
    captured = list(outer)
    inner = [input_node(f"{prefix}k{i}", v.shape, v.dtype) for i, v in enumerate(captured)]
    new = dict(zip(captured, inner))
    for node in order:
        new[node] = node if node in stand_in else rebuild(node, [new.get(a, a) for a in node.args])
    names = known_names()
    labels = [names.get(x) or label(v, names) for x, v in zip(inputs, values)]
    labels += [label(v, names) for v in captured]
    own = {new[node]: name for node, name in names.items() if node in new}
    closures = [close([*inputs, *inner], labels, [new[x] for x in side], own) for side in sides]
    return closures, [*values, *captured]


def _agreeing(then: Structure, other: Structure) -> list[list[Node]]:
    """The results of two branches in the same shapes and dtypes.

    Raises ShapeError where they cannot have them; a number takes the dtype of the other branch.
    """
    if then.paths != other.paths:
        raise ShapeError(
            "cond: the branches return different structures",
            where=user_line(),
            expected=", ".join(then.paths) or "nothing",
            got=", ".join(other.paths) or "nothing",
        )
    sides: list[list[Node]] = [[], []]
    for path, a, b in zip(then.paths, then.nodes, other.nodes):
        if a.dtype != b.dtype:
            a, b = _as_float(a, b), _as_float(b, a)
        if a.dtype != b.dtype or (a.shape != b.shape and core(a.shape) != core(b.shape)):
            raise ShapeError(
                f"cond: {path} differs between the branches",
                where=user_line(),
                expected=f"{shape_text(a.shape)} {a.dtype}, as of the first",
                got=f"{shape_text(b.shape)} {b.dtype}",
            )
        shape = a.shape if has_batch(a.shape) else b.shape
        sides[0].append(broadcast_up(a, shape))
        sides[1].append(broadcast_up(b, shape))
    return sides


def _as_float(node: Node, like: Node) -> Node:
    if like.dtype != "float64" or node.op.name not in ("const", "dim") or node.dtype != "int64":
        return node
    return lift(float(node.value)) if node.op.name == "const" else cast(node, to="float64")


def _selected(condition: Node, then: Any, other: Any) -> Any:
    """The choice entry by entry, of two structures."""
    a, b = taken_apart(then, "result"), taken_apart(other, "result")
    if a.paths != b.paths:
        _agreeing(a, b)
    return a.rebuild([choose(condition, x, y) for x, y in zip(a.nodes, b.nodes)])
