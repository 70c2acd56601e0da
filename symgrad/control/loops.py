"""`scan` and `fori_loop`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.array import as_node, wrap
from symgrad.control.bodies import capture, fresh_prefix, label, run
from symgrad.control.structures import Structure, taken_apart
from symgrad.errors import ShapeError, TraceError
from symgrad.locate import user_line
from symgrad.node import Node, lift
from symgrad.ops.leaves import cast, input_node
from symgrad.ops.loop import Loop, build_loop, row_shape
from symgrad.ops.structure import broadcast_up
from symgrad.recording import known_names, stand_ins
from symgrad.shapes import Dim, Size, core, has_batch, shape_text


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
    whole = taken_apart(xs, "xs")
    size = _length(whole, length)
    rows_of = [row_shape(x.shape) for x in whole.nodes]
    prefix = fresh_prefix()
    rows = [
        input_node(f"{prefix}x{i}", shape, x.dtype) for i, (shape, x) in enumerate(zip(rows_of, whole.nodes))
    ]
    index = input_node(f"{prefix}index", (), "int64")

    def body(carry: Any) -> tuple[Any, Any]:
        found = run(f, (carry, whole.rebuild(rows)), rows)
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
    prefix = fresh_prefix()
    index = input_node(f"{prefix}index", (), "int64")

    def body(carry: Any) -> tuple[Any, Any]:
        number = wrap(index) if low == 0 else wrap(index) + low
        return run(body_fun, (number, carry), [index]), None

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
    first = taken_apart(init, "init")
    firsts = list(first.nodes)
    while True:
        carries = [input_node(f"{prefix}c{i}", x.shape, x.dtype) for i, x in enumerate(firsts)]
        with stand_ins(carries):
            after, row = body(first.rebuild(carries))
        then = taken_apart(after, "carry")
        _same_structure(what, first, then)
        wider = [_widened(what, path, a, b) for path, a, b in zip(first.paths, firsts, then.nodes)]
        if all(a is b for a, b in zip(wider, firsts)):
            break
        firsts = wider
    stacks = taken_apart(row, "ys")
    names = known_names()
    afters = [_conformed(x, c) for x, c in zip(then.nodes, carries)]
    outputs = [*afters, *stacks.nodes]
    captured = capture(outputs, [index, *carries, *rows], prefix)
    new = captured.new
    labels = dict(labels)
    labels.update({c: _key(path) for c, path in zip(carries, first.paths)})
    labels.update({node: names[node] for node in (index, *carries, *rows) if node in names})
    for c, x in zip(carries, afters):
        labels[c] = labels[c] or names.get(x, "")
    labels.update({k: label(v, names) for k, v in zip(captured.inner, captured.values)})
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


def _key(path: str) -> str:
    """The last key of a path, where it is a name."""
    key = path.rpartition(".")[2] if "." in path else path.rpartition("[")[2].strip("]'")
    return key if "[" in path or ("." in path and key.isidentifier()) else ""
