"""The expression DAG: one interned node class, and operations as records in a registry.

Two nodes with the same operation, operands and parameters are the same object, so common
subexpressions are shared from the start and `is` compares structure. Names and notes are side tables
of a `Function`, never fields of a node: interning would make two authors' names collide.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal
from weakref import ref

from symgrad.errors import TraceError
from symgrad.flops import NOTHING, Flops, elements
from symgrad.flops import Rule as FlopRule
from symgrad.shapes import BATCH, Dim, Shape, broadcast, rank, shape_text
from symgrad.text import Form

#: "results" is that of an operation with several results, which `result` nodes pick from.
DType = Literal["float64", "int64", "bool", "results"]

#: Every operation by name, in order of declaration.
OPS: dict[str, Op] = {}

#: The interned nodes of every operation; how many entries they have, and may have before the dead are swept.
_TABLES: list[dict[Any, ref[Node]]] = []
_ENTRIES, _MOST = 0, 100_000
_LOCK = threading.Lock()


class Node:
    """One value of the DAG: an operation applied to operands.

    `shape` is a tuple of `int` and `Dim`, `dtype` one of float64 (the working float type, which is
    float32 at run time where every float argument is), int64, bool. A parameter of the operation is an
    attribute: `node.axes`. Arithmetic operators build further nodes.
    """

    __slots__ = ("__weakref__", "args", "dtype", "op", "params", "shape")

    op: Op
    args: tuple[Node, ...]
    params: tuple[Any, ...]
    shape: Shape
    dtype: DType

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @property
    def rank(self) -> int:
        """Number of dimensions, not counting a leading `...`."""
        return rank(self.shape)

    def is_constant(self, value: object = None) -> bool:
        """Whether this is a literal, and the given one where a value is given."""
        if self.op.name != "const":
            return False
        own = self.params[0]
        return value is None or (own == value and not isinstance(own, bool))

    def __repr__(self) -> str:
        inner = ", ".join(
            a.op.name if a.args else str(a.params[0]) if a.params else a.op.name for a in self.args
        )
        params = ", ".join(f"{k}={v}" for k, v in zip(self.op.params, self.params))
        joined = ", ".join(part for part in (inner, params) if part)
        return f"<{self.op.name}({joined}) {shape_text(self.shape)} {self.dtype}>"

    def __reduce__(self) -> Any:
        raise TypeError("a Node is pickled with its Function, never alone")

    def __add__(self, other: Operand) -> Node:
        return build(OPS["add"], (self, other if type(other) is Node else lift(other)))

    def __radd__(self, other: Operand) -> Node:
        return build(OPS["add"], (lift(other), self))

    def __sub__(self, other: Operand) -> Node:
        return build(OPS["sub"], (self, other if type(other) is Node else lift(other)))

    def __rsub__(self, other: Operand) -> Node:
        return build(OPS["sub"], (lift(other), self))

    def __mul__(self, other: Operand) -> Node:
        return build(OPS["mul"], (self, other if type(other) is Node else lift(other)))

    def __rmul__(self, other: Operand) -> Node:
        return build(OPS["mul"], (lift(other), self))

    def __truediv__(self, other: Operand) -> Node:
        return build(OPS["div"], (self, other if type(other) is Node else lift(other)))

    def __rtruediv__(self, other: Operand) -> Node:
        return build(OPS["div"], (lift(other), self))

    def __pow__(self, other: Operand) -> Node:
        return build(OPS["power"], (self, other if type(other) is Node else lift(other)))

    def __rpow__(self, other: Operand) -> Node:
        return build(OPS["power"], (lift(other), self))

    def __neg__(self) -> Node:
        return build(OPS["neg"], (self,))


Operand = Node | int | float | Fraction | Dim
ShapeRule = Callable[..., Shape]
AdjointRule = Callable[..., Node | None]
#: See `symgrad.rowwise`.
RowRule = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Op:
    """One operation: everything symgrad knows of it. See `op` for the fields."""

    name: str
    operands: tuple[str, ...]
    params: tuple[str, ...]
    doc: str
    shape: ShapeRule
    dtype: Callable[..., DType]
    numpy: Form
    adjoint: Mapping[str, AdjointRule | None] | AdjointRule
    sympy: Callable[..., Any] | None
    sample: tuple[float, float] | Mapping[str, tuple[float, float]]
    examples: tuple[Mapping[str, Any], ...]
    special: tuple[float, ...]
    variadic: bool
    view: bool
    statement: Any
    safe: Mapping[str, float]
    rows: RowRule | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    flops: FlopRule | None = None
    price: float = 0.25
    #: Its interned nodes, by their operands and parameters.
    nodes: dict[Any, ref[Node]] = field(default_factory=dict, init=False, repr=False)

    #: Whether operands of several dtypes meet in it, entry by entry, in floats where one of them is one.
    mixes: bool = field(init=False, repr=False)

    #: The adjoint rules of its edges, in order; empty for variadic operations.
    rules: tuple[AdjointRule | None, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _TABLES.append(self.nodes)
        mixes = self.shape is elementwise and (self.dtype is promotes or self.dtype is floats)
        object.__setattr__(self, "mixes", mixes)
        rules = () if callable(self.adjoint) else tuple([self.adjoint[name] for name in self.operands])
        object.__setattr__(self, "rules", rules)

    @property
    def elementwise(self) -> bool:
        """Whether operands broadcast together and the result is computed entry by entry."""
        return self.shape is elementwise

    def work(self, node: Node) -> Flops:
        """The arithmetic that a node of this operation does; see `symgrad.flops`."""
        if self.view or self.flops == 0:
            return NOTHING
        if self.flops is None:
            return elements(node.shape)
        return elements(node.shape) * self.flops if isinstance(self.flops, int) else self.flops(node)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *operands: Operand, **params: Any) -> Node:
        """The node for these operands, checked; Python numbers and dimensions become leaves."""
        args: tuple[Any, ...] = operands
        for x in operands:
            if type(x) is not Node:
                args = tuple([lift(x) for x in operands])
                break
        for name in params:
            if name not in self.params:
                raise _unknown(self, params)
        if not self.params:
            return build(self, args)
        values = [params[p] if p in params else self.defaults[p] for p in self.params]
        return build(self, args, tuple(values))

    def rule(self, position: int) -> AdjointRule | None:
        """The adjoint rule of the edge to operand `position`; None where the edge has no derivative."""
        return self.adjoint if callable(self.adjoint) else self.rules[position]


def build(op: Op, args: tuple[Node, ...], params: tuple[Any, ...] = ()) -> Node:
    """The interned node; on first meeting it, promote and check its operands."""
    # By what operands are, not by what they are equal to. A number takes less room than a tuple of them; its
    # parts are moved so that their lowest bits, which are zero, do not all become those of its hash.
    key: Any
    if params:
        key = _literal_key(params[0]) if op.name == "const" else (params, *map(id, args))
    elif len(args) == 2:
        a, b = args
        key = id(a) << 118 | id(b)
    elif len(args) == 1:
        key = id(args[0]) >> 4
    else:
        key = tuple(map(id, args))
    table = op.nodes
    entry = table.get(key)
    if entry is not None:
        node = entry()
        if node is not None:
            return node
    shape: Shape
    dtype: DType
    plain = op.mixes
    if plain:
        # Float scalars that are computed, as most operands in large formulas are, are seen to here.
        for a in args:
            if a.shape or a.dtype != "float64" or not a.args:
                plain = _are_scalar_floats(args)
                break
    if plain:
        shape, dtype = (), "float64"
    elif op.shape is elementwise:
        promoted = _promote(op, args)
        if promoted is not args:
            # Keep the caller's key pointing at the node too would hold nothing alive: look up again.
            return build(op, promoted, params)
        shape = broadcast(*[a.shape for a in args], what=op.name) if len(args) > 1 else args[0].shape
        dtype = op.dtype(*args, **dict(zip(op.params, params)))
    else:
        named = dict(zip(op.params, params))
        shape = op.shape(*args, **named)
        dtype = op.dtype(*args, **named)
    made = Node()
    made.op = op
    made.args = args
    made.params = params
    made.shape = shape
    made.dtype = dtype
    new = ref(made)
    found = table.setdefault(key, new)  # in one step
    if found is not new:
        return _instead(table, key, made)
    global _ENTRIES
    _ENTRIES += 1
    if _ENTRIES > _MOST:
        _sweep()
    return made


def _instead(table: dict[Any, ref[Node]], key: Any, made: Node) -> Node:
    """The node that another thread has made meanwhile; the one made here in place of one that is gone."""
    with _LOCK:
        entry = table.get(key)
        node = None if entry is None else entry()
        if node is not None:
            return node
        table[key] = ref(made)
    return made


def _sweep() -> None:
    """Drop the entries of nodes that are gone, where these are a quarter of all or more.

    A sample tells: while a function grows, nearly all are there, and to look at each of them again and again
    is a tenth of the work of making them. At the next look, half of the entries at most are of nodes that are
    gone.
    """
    global _ENTRIES, _MOST
    with _LOCK:
        sample = [entry for table in _TABLES for entry in list(table.values())[::64]]
        if 4 * sum([entry() is None for entry in sample]) < len(sample):
            _MOST = _ENTRIES * 3 // 2
            return
        alive = 0
        for table in _TABLES:
            for key in [key for key, entry in table.copy().items() if entry() is None]:
                del table[key]
            alive += len(table)
        _ENTRIES, _MOST = alive, max(100_000, 2 * alive)


def _are_scalar_floats(args: tuple[Node, ...]) -> bool:
    """Whether all operands are float scalars, or literals and sizes beside one: they stay as they are."""
    solid = False
    for a in args:
        if a.shape:
            return False
        name = a.op.name
        if a.args or name == "input":
            if a.dtype != "float64":
                return False
            solid = True
        elif name == "const":
            value = a.params[0]
            if value is True or value is False or (type(value) is float and value.is_integer()):
                return False
        elif name != "dim":
            return False
    return solid


def rebuild(node: Node, args: Sequence[Node]) -> Node:
    """The same operation on other operands; the node itself where nothing changed."""
    for a, b in zip(args, node.args):
        if a is not b:
            return build(node.op, tuple(args), node.params)
    return node


def _literal_key(value: Any) -> tuple[type, Any]:
    # 1, 1.0 and True, and 0.0 and -0.0, are equal to Python and different to numpy, nor is nan to itself.
    kind = type(value)
    if kind is Fraction:
        return kind, value.as_integer_ratio()  # hashed and compared in a fifth of the time
    return kind, value if kind is int or (value and value == value) else repr(value)


def lift(value: Any) -> Node:
    """A leaf for a Python number or a dimension; a Node stays as it is.

    Raises TraceError for anything else, complex numbers among them.
    """
    kind = type(value)
    if kind is Node:
        return value  # type: ignore[no-any-return]
    if kind is Dim:
        return build(OPS["dim"], (), (value,))
    if kind is float or kind is int or kind is bool or kind is Fraction:
        if kind is int and not -(2**63) <= value < 2**63:
            value = _as_double(value)
        return build(OPS["const"], (), (value,))
    raise TraceError(
        f"{type(value).__name__} cannot be part of an expression",
        expected="a symbolic array, an int, a float or a dimension",
        got=repr(value)[:60],
    )


def _as_double(value: int) -> float:
    """An integer that int64 cannot hold, as the float that stands for it in the generated code."""
    try:
        return float(value)
    except OverflowError:
        raise TraceError(
            "an integer larger than any float64",
            got=f"an integer of {value.bit_length()} bits",
            hint="float('inf') for infinity; else scale the formula",
        ) from None


def _unknown(op: Op, params: Mapping[str, Any]) -> TraceError:
    """The error for a keyword that an operation does not have."""
    name = next(name for name in params if name not in op.params)
    return TraceError(
        f"{op.name}: keyword {name}= is not supported",
        expected=", ".join(op.params) or "no keywords",
        got=f"{name}={params[name]!r}"[:80],
        hint="leave it out",
    )


# --- shape and dtype rules shared by every family ---------------------------------------------------


def elementwise(*args: Node, **params: Any) -> Shape:
    """Operands broadcast together as in numpy."""
    return broadcast(*[a.shape for a in args])


def promotes(*args: Node, **params: Any) -> DType:
    """float64 where any operand is; else int64 where any is; else bool."""
    kinds = {a.dtype for a in args}
    return "float64" if "float64" in kinds else "int64" if "int64" in kinds else "bool"


def floats(*args: Node, **params: Any) -> DType:
    """Always a float, as division and exp give."""
    return "float64"


def integers(*args: Node, **params: Any) -> DType:
    """Always int64."""
    return "int64"


def booleans(*args: Node, **params: Any) -> DType:
    """Always bool."""
    return "bool"


def first(*args: Node, **params: Any) -> DType:
    """The dtype of the first operand."""
    return args[0].dtype


def _promote(op: Op, args: tuple[Node, ...]) -> tuple[Node, ...]:
    """Operands with integer arrays made floats where a float meets them, and batches aligned.

    Literals and sizes stay Python numbers, which take the dtype of what they meet; a whole float
    literal becomes an int, so that `2.0 * x` and `2 * x` are one node.
    """
    out = args
    if op.dtype is floats or (op.dtype is promotes and len(args) > 1):
        solid = any(a.dtype == "float64" and a.op.name != "const" for a in args)
        if not solid and any(a.dtype == "float64" for a in args):
            # A float literal makes integers the working float, where numpy would make them float64.
            solid = any(a.dtype != "float64" and a.op.name not in ("const", "dim") for a in args)
        if solid or op.dtype is floats:
            out = tuple([_as_float(a, solid) for a in args])
    if any(a.shape and a.shape[0] is BATCH for a in out):
        ranks = [a.rank for a in out]
        top = max(ranks)
        if any(r < top and a.shape and a.shape[0] is BATCH for r, a in zip(ranks, out)):
            out = tuple(
                [
                    OPS["expand_dims"](a, axes=tuple(range(top - r)))
                    if r < top and a.shape and a.shape[0] is BATCH
                    else a
                    for r, a in zip(ranks, out)
                ]
            )
    return args if all(map(lambda a, b: a is b, args, out)) else out


def _as_float(node: Node, solid: bool) -> Node:
    name = node.op.name
    if name == "const":
        value = node.params[0]
        if isinstance(value, bool):
            return lift(int(value))
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
        return lift(int(value)) if solid and whole and str(value) != "-0.0" else node
    if node.dtype == "float64" or name == "dim":
        return node
    return OPS["cast"](node, to="float64")


# --- the registry -----------------------------------------------------------------------------------


def op(
    name: str,
    operands: str,
    *,
    doc: str,
    numpy: Form,
    adjoint: Mapping[str, AdjointRule | None] | AdjointRule,
    sympy: Callable[..., Any] | None,
    shape: ShapeRule = elementwise,
    dtype: Callable[..., DType] = promotes,
    params: str = "",
    defaults: Mapping[str, Any] | None = None,
    sample: tuple[float, float] | Mapping[str, tuple[float, float]] = (-2.0, 2.0),
    special: tuple[float, ...] = (),
    examples: Sequence[Mapping[str, Any]] = (),
    variadic: bool = False,
    view: bool = False,
    statement: Any = None,
    safe: Mapping[str, float] | None = None,
    flops: FlopRule | None = None,
    price: float = 0.25,
    rows: RowRule | None = None,
) -> Op:
    """Declare an operation; its tests, its line in `symgrad ops` and its derivative follow from this.

    Parameters
    ----------
    name, operands, params
        Its name; the names of its operands and of its parameters, separated by spaces.
    doc
        One sentence.
    shape, dtype
        Rules from operands (and parameters by keyword) to the result's; `elementwise` broadcasts.
    numpy
        Text of the operands to text of the result, see `symgrad.text`.
    adjoint
        One entry an edge: `lambda g, y, *operands: contribution`, where `g` is the adjoint of the
        output `y`; None says on purpose that the edge has no derivative. A contribution may have the
        broadcast shape: the driver sums it down. A variadic operation gives one function
        `(g, y, position) -> contribution`.
    sympy
        Meaning, for verification. Elementwise: `lambda sp, *symbols: expression`. Others:
        `lambda m, node, *arrays: array` on numpy object arrays of scalars that know + - * /; `m` is the
        evaluation at work (`m.shape(s)`, `m.size(d)`, `m.apply(lambda sp, a, b: sp.Max(a, b), x, y)`).
    sample, special, examples
        Tested domain (one interval, or one an operand), further points to test at, and for operations
        that are not elementwise the calls to test: `{"shapes": ("n d",), "axes": (0,)}`.
    view
        Whether numpy's result may share memory with its first operand.
    safe
        For operands at which the value or the derivative can be infinite or undefined: a number where both
        are fine. A branch of `where` that is not taken is computed there, so that nothing leaks from it.
    statement
        For operations that need lines of their own: `(node, target, operands, env) -> list of lines`.
    flops
        The arithmetic that it does: so much for each element of the result, or a function from the node to a
        formula (see `symgrad.flops`). One an element where it is not given; none for a view.
    price
        Nanoseconds that numpy takes for one flop of it, data in cache; an addition takes 0.25.
    rows
        How it acts on rows, see `symgrad.rowwise`; elementwise operations need no rule.

    Raises
    ------
    TypeError
        At import: a duplicate name, an empty doc, a missing or unknown edge.
    """
    names = tuple(operands.split())
    if name in OPS:
        raise TypeError(f"operation {name!r} is declared twice")
    if not doc.strip():
        raise TypeError(f"operation {name!r} has no doc")
    if not variadic and isinstance(adjoint, Mapping) and set(adjoint) != set(names):
        raise TypeError(f"operation {name!r}: adjoint rules for {set(adjoint)}, operands are {names}")
    if variadic is not callable(adjoint):
        raise TypeError(f"operation {name!r}: variadic operations give one adjoint function, others a dict")
    if shape is not elementwise and names and not examples:
        raise TypeError(f"operation {name!r} is not elementwise and gives no examples to test")
    if safe and not set(safe) <= set(names):
        raise TypeError(f"operation {name!r}: safe points for {set(safe)}, operands are {names}")
    record = Op(
        name, names, tuple(params.split()), doc, shape, dtype, numpy, adjoint, sympy, sample,
        tuple(examples), special, variadic, view, statement, dict(safe or {}), rows, dict(defaults or {}),
        flops, price,
    )  # fmt: skip
    OPS[name] = record
    for parameter in record.params:
        if not hasattr(Node, parameter):
            setattr(Node, parameter, _parameter(parameter))
    return record


def _parameter(name: str) -> property:
    """An attribute of nodes whose operation has this parameter.

    With a `__getattr__` instead, Python would find every other attribute of a node several times slower.
    """

    def value(node: Node) -> Any:
        try:
            return node.params[node.op.params.index(name)]
        except ValueError:
            raise AttributeError(f"{node.op.name} has no parameter {name!r}") from None

    return property(value)
