"""`scan`, `fori_loop`, `cond` and `checkpoint`: what users write inside traced functions.

Their bodies are ordinary functions, run once on stand-ins. What such a function takes from around it, and
everything that can be computed of that alone, becomes an operand of the loop or branch.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.array import as_node, wrap
from symgrad.errors import ShapeError, SymgradError, TraceError
from symgrad.graph import dependents, toposort, toposort_until
from symgrad.locate import user_line
from symgrad.node import Node, lift, rebuild
from symgrad.ops.branch import build_checkpoint, build_cond
from symgrad.ops.closures import Closure, close, is_literal
from symgrad.ops.comparison import not_equal
from symgrad.ops.leaves import cast, input_node
from symgrad.ops.loop import Loop, build_loop, row_shape
from symgrad.ops.selection import choose
from symgrad.ops.structure import broadcast_up
from symgrad.recording import finish, is_known, known_names, mark, stand_ins
from symgrad.shapes import Dim, Size, core, has_batch, shape_text

#: Views of all elements of an array.
LAYOUTS = ("transpose", "reshape", "expand_dims", "squeeze")

#: Numbers the bodies, so that the stand-ins of one are not those of another; no result shows them.
_BODIES = itertools.count()


# --- structures of the user's ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Structure:
    """A value of the user's taken apart: its leaves as nodes, and where they are."""

    value: Any
    nodes: list[Node]
    paths: list[str]

    def rebuild(self, nodes: Sequence[Node]) -> Any:
        """The same structure around other nodes."""
        return _put_together(self.value, iter(nodes))


def _taken_apart(value: Any, what: str) -> Structure:
    nodes: list[Node] = []
    paths: list[str] = []
    for path, leaf in _leaves(value, what):
        try:
            nodes.append(as_node(leaf))
        except SymgradError as error:
            raise TraceError(
                f"{path} is a {type(leaf).__name__}", where=user_line(),
                expected="an array, a number, or a tuple or dict of these",
            ) from error  # fmt: skip
        paths.append(path)
    return Structure(value, nodes, paths)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if hasattr(value, "_fields"):
        for key, child in zip(value._fields, value):
            yield from _leaves(child, f"{path}.{key}")
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, f"{path}[{key!r}]")
    elif isinstance(value, (tuple, list)):
        for key, child in enumerate(value):
            yield from _leaves(child, f"{path}[{key}]")
    else:
        yield path, value


def _put_together(value: Any, nodes: Iterator[Node]) -> Any:
    if value is None:
        return None
    if hasattr(value, "_fields"):
        return type(value)(*[_put_together(child, nodes) for child in value])
    if isinstance(value, dict):
        return {key: _put_together(child, nodes) for key, child in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_put_together(child, nodes) for child in value)
    return wrap(next(nodes))


# --- tracing a body --------------------------------------------------------------------------------------


def _prefix() -> str:
    """What the names of the stand-ins of one more body begin with."""
    return f"{next(_BODIES)} "


def _run(fn: Callable[..., Any], arguments: Sequence[Any], inputs: Sequence[Node]) -> Any:
    """The result of a body on stand-ins, whose names are noted."""
    with stand_ins(inputs):
        result = fn(*arguments)
        finish()
    return result


@dataclass(frozen=True)
class Captured:
    """What bodies take from around them: `inner` stands for `values` in the nodes that `new` gives."""

    new: Mapping[Node, Node]
    inner: list[Node]
    values: list[Node]


def _captured(outputs: Sequence[Node], inputs: Sequence[Node], prefix: str) -> Captured:
    """The values from around a body, and its nodes with stand-ins in their place.

    All that does not depend on `inputs` is computed once, outside, however it was written.
    """
    order = toposort(outputs)
    inside = dependents(order, inputs)
    outer: dict[Node, None] = {}
    for node in order:
        if node in inside:
            outer.update(dict.fromkeys([a for a in node.args if a not in inside]))
    outer.update(dict.fromkeys([node for node in outputs if node not in inside]))
    # Other layouts of a value are made inside, so that its adjoint is one sum.
    whole = toposort_until(outer, lambda node: node.op.name not in LAYOUTS)
    values = [node for node in whole if node.op.name not in LAYOUTS and not is_literal(node)]
    inner = [input_node(f"{prefix}k{i}", v.shape, v.dtype) for i, v in enumerate(values)]
    new = dict(zip(values, inner))
    for node in whole:
        if node not in new:
            new[node] = rebuild(node, [new[a] for a in node.args]) if node.op.name in LAYOUTS else node
    for node in order:
        if node in inside:
            new[node] = rebuild(node, [new[a] for a in node.args])
    return Captured(new, inner, values)


def _label(node: Node, names: Mapping[Node, str]) -> str:
    """What a value from around a body is called there."""
    if node in names or node.op.name != "input" or node.name[:1].isdigit():
        return names.get(node, "")
    return str(node.name).rpartition(".")[2]


def _key(path: str) -> str:
    """The last key of a path, where it is a name."""
    key = path.rpartition(".")[2] if "." in path else path.rpartition("[")[2].strip("]'")
    return key if "[" in path or ("." in path and key.isidentifier()) else ""


# --- loops -----------------------------------------------------------------------------------------------


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | Dim | None = None,
    reverse: bool = False,
    *,
    checkpoint: bool = False,
) -> tuple[Any, Any]:
    """A loop over the leading axis of arrays: `carry, ys[t] = f(carry, xs[t])` for every t.

    Parameters
    ----------
    f
        Takes the carry and one row of every array of `xs`, returns the next carry and what to stack. It is
        called once, on symbolic arrays.
    init
        The first carry: an array or a number, or a tuple, list, dict or NamedTuple of these.
    xs
        Arrays of one leading size, in a structure of that kind; None for a loop over nothing.
    length
        The number of steps, an integer or a symbolic size such as `X.shape[0]`; it may be left out where
        `xs` has arrays.
    reverse
        Go from the last row to the first; `ys` keeps the order of `xs`.
    checkpoint
        For the derivative keep only every sqrt(n)-th carry, and compute those between them again.

    Returns
    -------
    tuple
        The last carry in the structure of `init`, and `ys`: what f returned as its second result, with a
        leading axis; where that is None, None.

    Raises
    ------
    ShapeError
        For a carry that changes its structure, a shape or a dtype, with the leaf that does; for arrays of
        different leading sizes.
    TraceError
        For a body that does not return two results, or whose values are no arrays.
    """
    whole = _taken_apart(xs, "xs")
    size = _length(whole, length)
    rows_of = [row_shape(x.shape) for x in whole.nodes]
    prefix = _prefix()
    rows = [
        input_node(f"{prefix}x{i}", shape, x.dtype) for i, (shape, x) in enumerate(zip(rows_of, whole.nodes))
    ]
    index = input_node(f"{prefix}index", (), "int64")

    def body(carry: Any) -> tuple[Any, Any]:
        found = _run(f, (carry, whole.rebuild(rows)), rows)
        if not isinstance(found, tuple) or len(found) != 2:
            raise TraceError(
                "scan: the body returns the next carry and what to stack",
                where=user_line(),
                expected="a tuple of two; None as the second stacks nothing",
                got=type(found).__name__ + (f" of {len(found)}" if isinstance(found, tuple) else ""),
            )
        return found

    labels = {row: _key(path) for row, path in zip(rows, whole.paths)}
    return _looped("scan", body, init, prefix, size, index, rows, whole, labels, reverse, checkpoint)


def fori_loop(
    lower: int | Dim, upper: int | Dim, body_fun: Callable[[Any, Any], Any], init_val: Any, *,
    checkpoint: bool = False,
) -> Any:  # fmt: skip
    """`for i in range(lower, upper): val = body_fun(i, val)`, from `init_val`.

    Parameters
    ----------
    lower, upper
        Integers, or symbolic sizes such as `X.shape[0]`; where upper is not above lower there is no step.
    body_fun
        Takes the step's number, an integer scalar, and the value; returns the next value.
    init_val
        The first value: an array or a number, or a tuple, list, dict or NamedTuple of these.
    checkpoint
        For the derivative keep only every sqrt(n)-th value, and compute those between them again.

    Raises
    ------
    ShapeError
        For a value that changes its structure, a shape or a dtype, with the leaf that does.
    TraceError
        For bounds that are known only when the generated code runs.
    """
    low, high = _bound(lower, "lower"), _bound(upper, "upper")
    size = high - low
    if isinstance(size, int):
        size = max(size, 0)
    prefix = _prefix()
    index = input_node(f"{prefix}index", (), "int64")

    def body(carry: Any) -> tuple[Any, Any]:
        number = wrap(index) if low == 0 else wrap(index) + low
        return _run(body_fun, (number, carry), [index]), None

    empty = Structure(None, [], [])
    (last, _) = _looped("fori_loop", body, init_val, prefix, size, index, [], empty, {}, False, checkpoint)
    return last


def _bound(value: Any, what: str) -> Size:
    node = as_node(value)
    if node.op.name == "dim":
        return node.size  # type: ignore[no-any-return]
    if node.op.name == "const" and type(node.value) is int:
        return node.value
    raise TraceError(
        f"fori_loop: {what} is known only when the generated code runs",
        where=user_line(),
        expected="an integer, or a symbolic size such as X.shape[0] or n - 1",
        got=f"{node.dtype} of shape {shape_text(node.shape)}"
        if node.op.name != "const"
        else repr(node.value),
        hint="loop up to a bound that is known, and use sg.cond or np.where on the step's number inside",
    )


def _length(xs: Structure, length: Any) -> Size:
    """The number of steps, on which all agree."""
    found = None if length is None else _bound_of_scan(length)
    source = "length"
    for path, x in zip(xs.paths, xs.nodes):
        if not x.rank:
            raise ShapeError(
                f"scan: {path} is a scalar and has no leading axis to loop over", where=user_line(),
                got=shape_text(x.shape),
            )  # fmt: skip
        size = core(x.shape)[0]
        if found is None:
            found, source = size, path
        elif found != size:
            raise ShapeError(
                f"scan: {path} has another leading size than {source}",
                where=user_line(),
                expected=str(found),
                got=f"{size}, of {shape_text(x.shape)}",
            )
    if found is None:
        raise ShapeError(
            "scan: the number of steps is not known", where=user_line(),
            expected="arrays in xs, or length=",
        )  # fmt: skip
    return found


def _bound_of_scan(length: Any) -> Size:
    try:
        return _bound(length, "length")
    except TraceError as error:
        raise TraceError(
            "scan: length is known only when the generated code runs", where=error.where,
            expected=error.expected, got=error.got,
        ) from None  # fmt: skip


def _looped(
    what: str,
    body: Callable[[Any], tuple[Any, Any]],
    init: Any,
    prefix: str,
    length: Size,
    index: Node,
    rows: list[Node],
    xs: Structure,
    labels: dict[Node, str],
    reverse: bool,
    checkpoint: bool,
) -> tuple[Any, Any]:
    first = _taken_apart(init, "init")
    firsts = list(first.nodes)
    while True:
        carries = [input_node(f"{prefix}c{i}", x.shape, x.dtype) for i, x in enumerate(firsts)]
        with stand_ins(carries):
            after, row = body(first.rebuild(carries))
        then = _taken_apart(after, "carry")
        _same_structure(what, first, then)
        wider = [_widened(what, path, a, b) for path, a, b in zip(first.paths, firsts, then.nodes)]
        if all(a is b for a, b in zip(wider, firsts)):
            break
        firsts = wider
    stacks = _taken_apart(row, "ys")
    names = known_names()
    afters = [_conformed(x, c) for x, c in zip(then.nodes, carries)]
    outputs = [*afters, *stacks.nodes]
    captured = _captured(outputs, [index, *carries, *rows], prefix)
    new = captured.new
    labels = dict(labels)
    labels.update({c: _key(path) for c, path in zip(carries, first.paths)})
    labels.update({node: names[node] for node in (index, *carries, *rows) if node in names})
    for c, x in zip(carries, afters):
        labels[c] = labels[c] or names.get(x, "")
    labels.update({k: _label(v, names) for k, v in zip(captured.inner, captured.values)})
    built = build_loop(Loop(
        length=length,
        index=index,
        carries=carries,
        inits=firsts,
        after=[new[x] for x in afters],
        rows=rows,
        sequences=xs.nodes,
        inner=captured.inner,
        constants=captured.values,
        stacks=[new[x] for x in stacks.nodes],
        reverse=reverse,
        checkpoint=checkpoint,
        labels=labels,
        names={new[node]: name for node, name in names.items() if node in new},
    ))  # fmt: skip
    return first.rebuild(built.last), stacks.rebuild(built.stacks)


def _same_structure(what: str, first: Structure, then: Structure) -> None:
    wanted = [path.replace("init", "carry", 1) for path in first.paths]
    if wanted != then.paths:
        raise ShapeError(
            f"{what}: the carry that the body returns has another structure than init",
            where=user_line(),
            expected=", ".join(wanted) or "nothing",
            got=", ".join(then.paths) or "nothing",
        )


def _widened(what: str, path: str, first: Node, then: Node) -> Node:
    """The first value with the shape and dtype of the next where it can have them; it may be a number.

    Raises ShapeError where it cannot.
    """
    path = path.replace("init", "carry", 1)
    if first.dtype != then.dtype and not (first.dtype == "float64" and then.op.name in ("const", "dim")):
        number = first
        while number.op.name == "broadcast_to":
            number = number.args[0]
        if number.op.name not in ("const", "dim") or then.dtype != "float64" or number.dtype == "bool":
            raise ShapeError(
                f"{what}: {path} changes its dtype in the body",
                where=user_line(),
                expected=f"{first.dtype}, as in init",
                got=then.dtype,
                hint="start from a float, 0.0 or x.astype(float)" if then.dtype == "float64" else None,
            )
        first = broadcast_up(
            cast(number, to="float64") if number.op.name == "dim" else lift(float(number.value)), first.shape
        )
    if first.shape == then.shape or then.op.name in ("const", "dim"):
        return first
    if has_batch(then.shape) and not has_batch(first.shape) and core(then.shape) == first.shape:
        return broadcast_up(first, then.shape)
    if has_batch(first.shape) and core(first.shape) == then.shape:
        return first
    raise ShapeError(
        f"{what}: {path} changes its shape in the body",
        where=user_line(),
        expected=f"{shape_text(first.shape)}, as in init",
        got=shape_text(then.shape),
        hint="start from an array of the final shape, such as np.zeros(shape)",
    )


def _conformed(node: Node, like: Node) -> Node:
    """A next value as its carry wants it: a number in the carry's dtype and shape."""
    if node.dtype != like.dtype:
        node = lift(float(node.value)) if node.op.name == "const" else cast(node, to=like.dtype)
    return broadcast_up(node, like.shape)


# --- branches --------------------------------------------------------------------------------------------


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
    given = [_taken_apart(operand, f"operands[{i}]") for i, operand in enumerate(operands)]
    values = [node for one in given for node in one.nodes]
    prefix = _prefix()
    inputs = [input_node(f"{prefix}{i}", v.shape, v.dtype) for i, v in enumerate(values)]
    found = []
    for fn in (true_fun, false_fun):
        remaining = iter(inputs)
        arguments = [one.rebuild([next(remaining) for _ in one.nodes]) for one in given]
        found.append(_taken_apart(_run(fn, arguments, inputs), "result"))
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
        given = [_taken_apart(value, f"argument {i}") for i, value in enumerate((*args, *kwargs.values()))]
        values = [node for one in given for node in one.nodes]
        prefix = _prefix()
        inputs = [input_node(f"{prefix}{i}", v.shape, v.dtype) for i, v in enumerate(values)]
        remaining = iter(inputs)
        arguments = [one.rebuild([next(remaining) for _ in one.nodes]) for one in given]
        positional, named = arguments[: len(args)], dict(zip(kwargs, arguments[len(args) :]))
        found = _taken_apart(_run(lambda *a: fun(*a, **named), positional, inputs), "result")
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
    labels = [names.get(x) or _label(v, names) for x, v in zip(inputs, values)]
    labels += [_label(v, names) for v in captured]
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
    a, b = _taken_apart(then, "result"), _taken_apart(other, "result")
    if a.paths != b.paths:
        _agreeing(a, b)
    return a.rebuild([choose(condition, x, y) for x, y in zip(a.nodes, b.nodes)])
