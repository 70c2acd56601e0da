"""Bodies of loops and branches, closed over nothing; and the results of operations that have several.

A `Closure` is the parameter of a control operation: a Function whose inputs are named by position, to which
every value from outside is an operand of the operation. The operation itself has the dtype "results", and
each of its results is a `result` node, so that the rest of the package goes on seeing one array a node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symgrad.flops import NOTHING, Flops
from symgrad.graph import Function, Parameter, substitute, toposort
from symgrad.node import DType, Node, op
from symgrad.ops.leaves import input_node
from symgrad.shapes import BATCH, Shape, has_batch
from symgrad.text import Environment, Text

#: Literals and sizes, which a closure holds itself.
LITERALS = ("const", "dim", "array")


def is_literal(node: Node) -> bool:
    """Whether a node is a literal, a size, or an array filled with one."""
    while node.op.name in ("broadcast_to", "expand_dims"):
        node = node.args[0]
    return node.op.name in LITERALS


#: `(outputs, cotangents, wrt) -> (adjoints, what each adjoint belongs to)`: the driver of reverse mode.
Differentiate = Callable[
    [Sequence[Node], Sequence[Node], Sequence[Node]], tuple[list[Node], dict[Node, Node]]
]
#: `(node of a closure, its operands on which some have a further leading ...)` to the node on them.
Each = Callable[[Node, tuple[Node, ...]], Node]


class Closure:
    """A Function as a parameter: equal to another of the same inputs, results and names."""

    __slots__ = ("_hash", "function", "inputs", "outputs")

    def __init__(self, function: Function) -> None:
        self.function = function
        self.inputs = tuple(function.input_nodes)
        self.outputs = tuple(function.output_nodes)
        self._hash = hash((self.inputs, self.outputs))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Closure)
            and self.inputs == other.inputs
            and self.outputs == other.outputs
            and self.labels == other.labels
            and self.function.names == other.function.names
            and self.function.bars == other.function.bars
        )

    @property
    def flops(self) -> Flops:
        """The arithmetic of one run of it."""
        nodes = self.function.nodes()
        return sum((node.op.work(node) for node in nodes if node.args), NOTHING)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the inputs are called."""
        return tuple([p.name for p in self.function.parameters])

    def __reduce__(self) -> Any:
        return Closure, (self.function,)

    def __repr__(self) -> str:
        return "{" + "; ".join(line.strip() for line in self.function.to_text().splitlines()) + "}"


def close(
    inputs: Sequence[Node],
    labels: Sequence[str],
    outputs: Sequence[Node],
    names: Mapping[Node, str] | None = None,
    bars: Mapping[Node, Node] | None = None,
    primal: Sequence[Node] = (),
) -> Closure:
    """The closure that computes `outputs` from `inputs`, which are all that they depend on."""
    fresh = [input_node(str(i), x.shape, x.dtype) for i, x in enumerate(inputs)]
    new = substitute(outputs, dict(zip(inputs, fresh)))
    function = Function(
        name="body",
        parameters=tuple([Parameter(label, node) for label, node in zip(labels, inputs)]),
        result=tuple(outputs),
        names={node: name for node, name in (names or {}).items() if node in new and node.args},
        bars={a: p for a, p in (bars or {}).items() if a in new and p in new},
        primal=tuple([p for p in primal if p in new]),
    )
    closed = function.map(new)
    return Closure(replace(closed, parameters=tuple(map(Parameter, labels, fresh))))


def batched_closure(closure: Closure, flags: Sequence[bool], each: Each) -> Closure:
    """The closure with a leading `...` on the flagged inputs."""
    inputs = [
        input_node(x.name, (BATCH, *x.shape) if flag and not has_batch(x.shape) else x.shape, x.dtype)
        for x, flag in zip(closure.inputs, flags)
    ]
    new = dict(zip(closure.inputs, inputs))
    for node in toposort(closure.outputs):
        if node not in new:
            new[node] = each(node, tuple([new[a] for a in node.args]))
    return replaced(closure, inputs, new)


def replaced(
    closure: Closure, inputs: Sequence[Node], new: Mapping[Node, Node], outputs: Sequence[Node] | None = None
) -> Closure:
    """The closure with nodes replaced and these inputs, and results where they are others; names follow."""
    function = closure.function.map(new)
    parameters = tuple([Parameter(label, node) for label, node in zip(closure.labels, inputs)])
    result = function.result if outputs is None else tuple(outputs)
    return Closure(replace(function, parameters=parameters, result=result))


def keep_outputs(closure: Closure, positions: Sequence[int]) -> Closure:
    """The closure with only the results at these positions."""
    if len(positions) == len(closure.outputs):
        return closure
    return Closure(replace(closure.function, result=tuple([closure.outputs[p] for p in positions])))


# --- results ------------------------------------------------------------------------------------------

#: Shape and dtype of every result of a node of dtype "results".
Types = tuple[tuple[Shape, DType], ...]


@dataclass(frozen=True)
class Control:
    """What graph transforms ask of an operation with closures and several results.

    Attributes
    ----------
    types
        Shapes and dtypes of its results.
    pullback
        `(node, cotangents by position of the result, active operands, differentiate)` to the contributions
        by position of the operand.
    batched
        `(node, operands, each)`: the operation with a leading `...` on some operands; `each` does the same to
        one node of the closure.
    sequences
        The positions of operands of which each step sees one row.
    stacked
        Whether the result at a position has one row for each step.
    """

    types: Callable[[Node], Types]
    pullback: Callable[[Node, Mapping[int, Node], Sequence[bool], Differentiate], dict[int, Node]]
    batched: Callable[[Node, Sequence[Node], Each], Node]
    sequences: Callable[[Node], range] = lambda node: range(0)
    stacked: Callable[[Node, int], bool] = lambda node, position: False


#: The operations whose parameters are closures, by name.
CONTROL: dict[str, Control] = {}


def results(node: Node) -> list[Node]:
    """All results of a node."""
    return [result(node, position=i) for i in range(len(CONTROL[node.op.name].types(node)))]


def closures_of(node: Node) -> list[Closure]:
    """The closures among the parameters of a node; none for nearly all of them."""
    return [value for value in node.params if isinstance(value, Closure)]


#: Whether a loop or a branch was ever made. Passes over millions of scalars need not look for one if not.
_MADE = [False]


def several(*args: Node, **params: Any) -> DType:
    """The dtype of an operation with several results."""
    _MADE[0] = True
    return "results"


def has_closures(f: Function) -> bool:
    """Whether there is a loop or a branch in the function."""
    return _MADE[0] and any(node.dtype == "results" for node in f.nodes())


def batch_of(args: Sequence[Node]) -> Shape:
    """The shape of an operation with several results: `...` where an operand has it."""
    return (BATCH,) if any(has_batch(a.shape) for a in args) else ()


def _result_shape(node: Node, position: int) -> Shape:
    return CONTROL[node.op.name].types(node)[position][0]


def _result_dtype(node: Node, position: int) -> DType:
    return CONTROL[node.op.name].types(node)[position][1]


def no_form(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    """The text of an operation that the lowering writes as lines of its own."""
    raise AssertionError("written as statements")


result = op(
    "result", "node", params="position",
    doc="One of the results of a loop or a branch.",
    shape=_result_shape,
    dtype=_result_dtype,
    numpy=no_form,
    flops=0,
    adjoint={"node": None},
    sympy=lambda m, node, values: values[()][node.position],
    examples=[{"shown": ("results -> the shape of one of them", "its name")}],
)  # fmt: skip
