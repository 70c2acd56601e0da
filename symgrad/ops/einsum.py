"""Einstein sums. What is one plain product is built as that; `einsum` is for the rest.

A sum arrives at the operation in a normal form: explicit output, no label twice in one operand, every label
of an operand in another operand or in the output, equal sizes for equal labels. Then the adjoint of an
operand is the einsum of the others with the adjoint of the result in its place.
"""

from __future__ import annotations

import functools
import string
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, SpecError, TraceError
from symgrad.flops import ONE, Flops, elements, extent
from symgrad.node import Node, op
from symgrad.ops.matmul import as_array, batch_of, dot, matmat, matvec, swap, together, vecmat
from symgrad.ops.structure import expand_dims, squeeze, transpose
from symgrad.rowwise import einsum_rows
from symgrad.shapes import Shape, Size, core, has_batch, shape_text
from symgrad.spelling import FUNCTIONS, spelled
from symgrad.text import Environment, Text

#: The size that a named dimension is taken to have in choosing an order.
NOMINAL = 64
LETTERS = string.ascii_lowercase + string.ascii_uppercase


def _split(subscripts: str) -> tuple[list[str], str]:
    inputs, output = subscripts.split("->")
    return inputs.split(","), output


# --- the operation ----------------------------------------------------------------------------------


def _shape(*operands: Node, subscripts: str) -> Shape:
    terms, output = _split(subscripts)
    sizes = _sizes(operands, terms)
    return batch_of(*operands) + tuple(sizes[label] for label in output)


def _text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    terms, output = _split(node.subscripts)
    terms = [("..." if has_batch(a.shape) else "") + term for a, term in zip(node.args, terms)]
    output = ("..." if has_batch(node.shape) else "") + output
    inner = ", ".join(operand.source for operand in operands)
    search = ", optimize=True" if _gains_by_order(node) else ""
    return Text(f'np.einsum("{",".join(terms)}->{output}", {inner}{search})')


def _gains_by_order(node: Node) -> bool:
    """Whether numpy's search for an order, some 10 us, can find a product of matrices in the sum."""
    terms, output = _split(node.subscripts)
    if len(terms) != 2:
        return True
    first, second = map(set, terms)
    return bool(first - second and second - first and (first & second).isdisjoint(output))


def _adjoint(g: Node, y: Node, position: int) -> Node:
    terms, output = _split(y.subscripts)
    operands = [g if i == position else a for i, a in enumerate(y.args)]
    inputs = [output if i == position else term for i, term in enumerate(terms)]
    return contract(operands, inputs, terms[position])


def _flops(node: Node) -> Flops:
    """A multiplication for each further operand, and an addition, for every choice of all labels."""
    total = ONE
    for dimension in _sizes(node.args, _split(node.subscripts)[0]).values():
        total = total * extent(dimension)
    points = elements(batch_of(*node.args))
    return points * total * max(1, len(node.args))


einsum = op(
    "einsum", "operands", params="subscripts", variadic=True,
    doc="Sum of products over the labels that are not in the output (Einstein's convention).",
    shape=_shape,
    numpy=_text,
    price=0.125,
    flops=_flops,
    adjoint=_adjoint,
    sympy=lambda m, node, *operands: np.einsum(node.subscripts, *operands),
    rows=einsum_rows,
    examples=[
        {"shapes": ("n d", "n d"), "subscripts": "ij,ij->"},
        {"shapes": ("m n d", "m d"), "subscripts": "bij,bj->bi"},
        {"shapes": ("n d", "d k", "k m"), "subscripts": "ij,jk,kl->il"},
        {"shapes": ("... n d", "n d"), "subscripts": "ij,ij->"},
    ],
)  # fmt: skip


# --- how users spell it -----------------------------------------------------------------------------


@spelled(np.einsum)
def numpy_einsum(
    subscripts: Any, *operands: Any, out: None = None, optimize: Any = False, **other: Any
) -> Node:
    """`np.einsum("ij,jk->ik", a, b)`.

    Axes may be lists of whole numbers too: `np.einsum(a, [0, 1], b, [1, 2], [0, 2])`. Raises SpecError for
    subscripts that cannot be read, ShapeError where they do not fit the operands.
    """
    if not isinstance(subscripts, str):
        subscripts, *operands = _lettered([subscripts, *operands])  # type: ignore[assignment]
    if out is not None or other:
        name = "out" if out is not None else next(iter(other))
        raise TraceError(f"np.einsum(..., {name}=...) is not supported", hint="leave it out")
    nodes = [as_array(x) for x in operands]
    terms, output = _read(subscripts, nodes)
    if terms == ["ii"] and output == "" and nodes[0].rank == 2:
        return FUNCTIONS[np.trace](nodes[0])  # type: ignore[no-any-return]
    return contract(nodes, terms, output)


def _lettered(arguments: Sequence[Any]) -> list[Any]:
    """`a, [0, 1], b, [1, 2], [0, 2]` as subscripts and operands."""
    operands, lists = list(arguments[::2]), list(arguments[1::2])
    output = operands.pop() if len(operands) > len(lists) > 0 else None
    terms = []
    for axes in [*lists, *([output] if output is not None else [])]:
        axes = axes.value.array().tolist() if isinstance(axes, Node) and axes.op.name == "array" else axes
        if not isinstance(axes, (list, tuple)) or not all(
            axis is Ellipsis or (isinstance(axis, int) and 0 <= axis < len(LETTERS)) for axis in axes
        ):
            raise SpecError(
                "np.einsum: cannot read the lists of axes",
                expected="operands and lists of whole numbers by turns, or subscripts as text",
                got=repr(axes)[:60],
                hint='np.einsum("ij,jk->ik", a, b)',
            )
        terms.append("".join("..." if axis is Ellipsis else LETTERS[axis] for axis in axes))
    arrow = f"->{terms.pop()}" if output is not None else ""
    return [",".join(terms) + arrow, *operands]


def _read(subscripts: str, operands: Sequence[Node]) -> tuple[list[str], str]:
    """Terms and output with a letter for every axis: `...` spelled out, the output made explicit."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    plain = [term.replace("...", "", 1) for term in [*terms, right]]
    if any(label not in LETTERS for term in plain for label in term):
        raise SpecError(
            f"np.einsum: cannot read the subscripts {subscripts!r}",
            expected="letters, commas, at most one '...' an operand, and '->' in front of the output",
        )
    if len(terms) != len(operands):
        raise SpecError(f"np.einsum: {subscripts!r} has {len(terms)} operands, {len(operands)} were given")
    used = {label for term in plain for label in term}
    free = [label for label in LETTERS if label not in used]
    hidden = [node.rank - len(bare) for node, bare in zip(operands, plain)]
    for term, node, count in zip(terms, operands, hidden):
        if count < 0 or (count > 0 and "..." not in term):
            raise ShapeError(
                f"np.einsum: {term!r} does not fit an operand of shape {shape_text(node.shape)}",
                expected=f"one label for each of the {node.rank} axes",
            )
    widest = max([h for h, term in zip(hidden, terms) if "..." in term], default=0)
    if widest > len(free):
        raise SpecError("np.einsum: more axes than there are letters")
    rest = "".join(free[:widest])
    spelled_out = [t.replace("...", rest[widest - h :]) for t, h in zip(terms, hidden)]
    if not arrow:
        counts = "".join(plain[:-1])
        return spelled_out, rest + "".join(sorted(x for x in used if counts.count(x) == 1))
    if widest and "..." not in right:
        raise ShapeError(
            f"np.einsum: {subscripts!r} leaves out the axes of '...' from the output", hint="add '...' to it"
        )
    output = right.replace("...", rest)
    known = "".join(spelled_out)
    for label in output:
        if label not in known or output.count(label) > 1:
            problem = "twice in the output" if label in known else "in the output alone"
            raise SpecError(f"np.einsum: {subscripts!r} has the label {label!r} {problem}")
    return spelled_out, output


def _sizes(operands: Sequence[Node], terms: Sequence[str]) -> dict[str, Size]:
    """The size of every label; 1 gives way to another size, as in broadcasting."""
    sizes: dict[str, Size] = {}
    for node, term in zip(operands, terms):
        for label, size in zip(term, core(node.shape)):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                shapes = ", ".join(shape_text(a.shape) for a in operands)
                raise ShapeError(
                    f"np.einsum: the label {label!r} has two sizes: {known} and {size}",
                    got=f"{','.join(terms)} for shapes {shapes}",
                )
    return sizes


def contract(operands: Sequence[Node], terms: Sequence[str], output: str) -> Node:
    """The sum of products over labels that are not in the output, as plain operations where one will do."""
    sizes = _sizes(operands, terms)
    factors = [_distinct(node, term, sizes) for node, term in zip(operands, terms)]
    factors = [
        _summed(node, term, output + "".join(t for j, (_, t) in enumerate(factors) if j != i))
        for i, (node, term) in enumerate(factors)
    ]
    scalars = [node for node, term in factors if not term]
    factors = [(node, term) for node, term in factors if term]
    if not factors:
        return functools.reduce(lambda a, b: a * b, scalars)
    result = _contracted(factors, output)
    for scalar in scalars:
        result = result * scalar
    return result


def _distinct(x: Node, term: str, sizes: dict[str, Size]) -> tuple[Node, str]:
    """Diagonals in place of repeated labels; axes of size 1 dropped where the label is longer elsewhere."""
    while len(set(term)) < len(term):
        label = next(label for label in term if term.count(label) > 1)
        i = term.index(label)
        j = term.index(label, i + 1)
        if core(x.shape)[i] != core(x.shape)[j]:
            raise ShapeError(
                f"np.einsum: the label {label!r} is twice in {term!r}, on axes of two sizes",
                got=shape_text(x.shape),
            )
        x = FUNCTIONS[np.diagonal](x, axis1=i, axis2=j)
        term = term[:i] + term[i + 1 : j] + term[j + 1 :] + label
    axes = [i for i, size in enumerate(core(x.shape)) if size == 1 and sizes[term[i]] != 1]
    if axes:
        x = squeeze(x, axes=tuple(axes))
    return x, "".join(label for i, label in enumerate(term) if i not in axes)


def _summed(x: Node, term: str, elsewhere: str) -> tuple[Node, str]:
    """The operand summed over labels that nothing else has."""
    axes = tuple(i for i, label in enumerate(term) if label not in elsewhere)
    if not axes:
        return x, term
    total = FUNCTIONS[np.sum](x, axis=axes)
    return total, "".join(label for label in term if label in elsewhere)


def _contracted(factors: Sequence[tuple[Node, str]], output: str) -> Node:
    if all(label in output for _, term in factors for label in term):
        aligned = [_aligned(x, term, output) for x, term in factors]
        return functools.reduce(lambda a, b: a * b, aligned)
    if len(factors) > 2:
        nodes, terms = zip(*_joined(factors, output))
        return contract(nodes, terms, output)
    first, second = factors
    plain = _plain(first, second, output) or _plain(second, first, output)
    if plain is not None:
        return plain
    subscripts = f"{first[1]},{second[1]}->{output}"
    return einsum(*together(first[0], second[0]), subscripts=subscripts)


def _joined(factors: Sequence[tuple[Node, str]], output: str) -> list[tuple[Node, str]]:
    """The factors with those two contracted that take the fewest products, at sizes of NOMINAL by default.

    The greedy order of numpy's own `einsum_path`, found once and not in every call.
    """
    sizes = _sizes([x for x, _ in factors], [term for _, term in factors])
    count = {label: n if isinstance(n, int) else NOMINAL for label, n in sizes.items()}
    best: tuple[int, int] | None = None
    pair = (0, 1, "")
    for i, (_, s) in enumerate(factors):
        for j in range(i + 1, len(factors)):
            t = factors[j][1]
            elsewhere = output + "".join(term for k, (_, term) in enumerate(factors) if k not in (i, j))
            kept = "".join(label for label in dict.fromkeys(s + t) if label in elsewhere)
            cost = prod(count[label] for label in {*s, *t}), prod(count[label] for label in kept)
            if best is None or cost < best:
                best, pair = cost, (i, j, kept)
    i, j, kept = pair
    both = contract([factors[i][0], factors[j][0]], [factors[i][1], factors[j][1]], kept)
    return [(both, kept) if k == i else factor for k, factor in enumerate(factors) if k != j]


def _ordered(x: Node, term: str, wanted: str) -> Node:
    """The operand with its axes in the order of `wanted`."""
    if term == wanted:
        return x
    if len(term) > 1 and term == wanted[:-2] + wanted[-1] + wanted[-2]:
        return swap(x)
    return transpose(x, axes=tuple(term.index(label) for label in wanted))


def _aligned(x: Node, term: str, output: str) -> Node:
    """The operand with an axis for each label of the output, those it lacks of size 1; none in front."""
    x = _ordered(x, term, "".join(label for label in output if label in term))
    first = min(output.index(label) for label in term)
    missing = [i - first for i, label in enumerate(output) if label not in term and i > first]
    return expand_dims(x, axes=tuple(missing)) if missing else x


def _plain(left: tuple[Node, str], right: tuple[Node, str], output: str) -> Node | None:
    """`left @ right` with axes exchanged as needed, where that is all there is to do; else None."""
    (a, s), (b, t) = left, right
    summed = [label for label in s if label not in output]
    if len(summed) != 1:
        return None
    (k,) = summed
    stack = "".join(label for label in output if label in s and label in t)
    rows = "".join(label for label in output if label in s and label not in t)
    columns = "".join(label for label in output if label in t and label not in s)
    a, b = together(a, b)
    if not stack and not rows and not columns:
        return dot(a, b)
    if output != stack + rows + columns or len(columns) > 1:
        return None
    if not stack and not columns:
        if s == k + rows and len(rows) == 1:
            return vecmat(b, a)
        if len(rows) > 1 and has_batch(b.shape):
            return None
        return matvec(_ordered(a, s, rows + k), b)
    if not columns or not rows:
        return None
    if len(rows) > 1 and (stack or has_batch(b.shape)):
        return None
    return matmat(_ordered(a, s, stack + rows + k), _ordered(b, t, stack + k + columns))
