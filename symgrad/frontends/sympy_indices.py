"""What an expression of arrays has: indices in scope, sizes, and the arguments with their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from symgrad.errors import ShapeError, SpecError
from symgrad.node import Node
from symgrad.ops.indexing import is_nonnegative
from symgrad.ops.leaves import input_node
from symgrad.shapes import Shape, Size, core, dim_names, named, parse_shape, shape_text
from symgrad.trace import ArraySpec


@dataclass(frozen=True)
class Range:
    """An index in scope: the numbers from `low` to `low + count - 1`."""

    symbol: Any
    low: Size
    count: Size

    @property
    def high(self) -> Size:
        return self.low + self.count - 1


Scope = tuple[Range, ...]

#: Kinds whose presence makes an expression one of arrays, by class name.
_KINDS = frozenset({"Indexed", "IndexedBase", "Idx", "Sum", "Product", "MatrixElement"})
_REFUSED = {
    "Derivative": "carry it out first with .doit(), or differentiate the Function with sg.grad",
    "Integral": "carry it out first with .doit(), or replace it by a sum",
    "Limit": "carry it out first with .doit()",
    "Subs": "carry it out first with .doit()",
}


def has_arrays(roots: Sequence[Any]) -> bool:
    """Whether anything in the expressions is indexed, a sum or a matrix expression."""
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if kind_of(part) in _KINDS or is_matrix(part):
            return True
        stack.extend(part.args)
    return False


def _hash_all(roots: Sequence[Any]) -> None:
    """Hash every part after its operands: an expression caches its hash, and takes it by recursion."""
    seen: set[int] = set()
    stack = [(root, False) for root in roots]
    while stack:
        part, ready = stack.pop()
        if ready:
            hash(part)
        elif id(part) not in seen:
            seen.add(id(part))
            stack.append((part, True))
            stack.extend([(a, False) for a in part.args])


def kind_of(part: Any) -> str:
    return type(part).__name__


def is_matrix(part: Any) -> bool:
    return bool(getattr(part, "is_Matrix", False)) and hasattr(part, "as_explicit")


def refused(what: str, part: Any, **more: Any) -> SpecError:
    return SpecError(f"from_sympy: {what}", where=f"in {str(part)[:100]}", **more)


# --- sizes and indices --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Affine:
    """An index of the form `offset + sum of coefficient * index`."""

    offset: Size
    terms: tuple[tuple[Range, int], ...] = ()

    def bounds(self) -> tuple[Size, Size]:
        """The smallest and the largest value."""
        low = high = self.offset
        for one, factor in self.terms:
            ends = (one.low, one.high) if factor > 0 else (one.high, one.low)
            low, high = low + ends[0] * factor, high + ends[1] * factor
        return low, high


def read_affine(expr: Any, scope: Scope, part: Any) -> Affine | None:
    """The index as an affine function of those in scope; None where it is not one."""
    if expr.is_Integer:
        return Affine(int(expr))
    for one in reversed(scope):
        if one.symbol == expr:
            return Affine(0, ((one, 1),))
    if expr.is_Symbol:
        return Affine(named(expr.name))
    if kind_of(expr) == "Idx":
        raise refused(
            f"the index {expr} has no range", part, hint=f"Sum over it, or sp.Idx({str(expr)!r}, n)"
        )
    if not (expr.is_Add or expr.is_Mul or (expr.is_Pow and expr.exp.is_Integer and expr.exp > 0)):
        return None
    operands = [
        read_affine(a, scope, part) for a in ((expr.base,) * int(expr.exp) if expr.is_Pow else expr.args)
    ]
    total: Affine | None = operands[0]
    for other in operands[1:]:
        if total is None or other is None:
            return None
        total = _plus(total, other) if expr.is_Add else _times(total, other)
    return total


def _plus(a: Affine, b: Affine) -> Affine:
    factors = dict(a.terms)
    for one, factor in b.terms:
        factors[one] = factors.get(one, 0) + factor
    return Affine(a.offset + b.offset, tuple((r, c) for r, c in factors.items() if c))


def _times(a: Affine, b: Affine) -> Affine | None:
    if not a.terms:
        a, b = b, a
    if b.terms or (a.terms and not isinstance(b.offset, int)):
        return None
    factor = b.offset
    return Affine(a.offset * factor, tuple((r, c * factor) for r, c in a.terms))


def size_of(expr: Any, part: Any) -> Size:
    """A size or a bound: an integer, or integer arithmetic of names."""
    affine = read_affine(expr, (), part) if expr.is_finite is not False else None
    if affine is None:
        raise refused(
            f"{expr} is no size", part, expected="integers and symbols with + - * and integer powers"
        )
    return affine.offset


def limits_of(part: Any) -> Scope:
    """The indices that a Sum or Product binds; no bound depends on one, so that any order will do."""
    found: list[Range] = []
    for limit in part.limits:
        if len(limit) != 3:
            raise refused(f"{limit[0]} has no bounds", part, hint=f"({limit[0]}, 0, n - 1)")
        symbol, first, last = limit
        for one in part.limits:
            for bound in (first, last):
                if one[0] in bound.free_symbols:
                    raise refused(
                        f"the bound {bound} depends on the index {one[0]}",
                        part,
                        hint="sum over the whole range and choose with a Piecewise",
                    )
        low, high = size_of(first, part), size_of(last, part)
        count = high - low + 1
        if isinstance(count, int) and count < 0:
            raise refused(f"{symbol} goes from {low} down to {high}", part)
        found.append(Range(symbol, low, count))
    return tuple(found)


# --- what there is: arrays, sizes, indices -------------------------------------------------------------


@dataclass
class Survey:
    """What an expression is made of, found before anything is converted."""

    #: By name: the shape that the symbol itself has, where it has one.
    declared: dict[str, tuple[Size, ...] | None] = field(default_factory=dict)
    #: By name: for each axis, the sizes that indices need.
    needed: dict[str, list[list[Size]]] = field(default_factory=dict)
    integers: set[str] = field(default_factory=set)
    #: Scalars by name, and those whose smallest index is above 0.
    symbols: dict[str, Any] = field(default_factory=dict)
    lowest: dict[str, list[list[Size]]] = field(default_factory=dict)
    dims: dict[str, None] = field(default_factory=dict)
    free: dict[Any, Range] = field(default_factory=dict)
    #: Names in indices, which have to be sizes, and where they are.
    indices: dict[str, Any] = field(default_factory=dict)

    def scan(self, root: Any, scope: Scope) -> None:
        """Take note of everything below an expression, once for each scope it is in."""
        done: set[Any] = set()
        stack: list[tuple[Any, Scope]] = [(root, scope)]
        while stack:
            item = stack.pop()
            if item in done:
                continue
            done.add(item)
            part, inside = item
            kind = kind_of(part)
            if kind in _REFUSED:
                raise refused(f"{kind} has no numerical form here", part, hint=_REFUSED[kind])
            if kind in ("Sum", "Product"):
                bound = limits_of(part)
                for one in bound:
                    self._sizes(one.low, one.count)
                stack.append((part.function, inside + bound))
            elif kind == "Indexed":
                stack.extend(self._indexed(part, inside))
            elif kind == "MatrixElement":
                for index in part.indices:
                    self._index(index, inside, part)
                stack.append((part.parent, inside))
            elif kind == "MatrixSymbol":
                self._array(part.name, tuple(size_of(s, part) for s in part.shape), part)
            elif kind == "IndexedBase":
                raise refused(f"{part} without an index", part, hint=f"{part}[i], i = sp.Idx('i', n)")
            elif kind in ("ZeroMatrix", "OneMatrix", "Identity"):
                self._sizes(*[size_of(s, part) for s in part.shape])
            elif any(one.symbol == part for one in inside):
                continue
            elif kind == "Idx":
                self._index(part, inside, part)
            elif part.is_Symbol:
                self.symbols.setdefault(part.name, part)
            else:
                stack.extend([(a, inside) for a in operands(part)])

    def _sizes(self, *sizes: Size) -> None:
        for size in sizes:
            self.dims.update(dict.fromkeys(dim_names(size)))

    def _index(self, expr: Any, scope: Scope, part: Any) -> Affine | None:
        bound = {one.symbol for one in scope}
        for symbol in sorted(expr.free_symbols, key=str):
            if kind_of(symbol) == "Idx" and symbol not in bound and symbol.upper is not None:
                low, high = size_of(symbol.lower, part), size_of(symbol.upper, part)
                self.free.setdefault(symbol, Range(symbol, low, high - low + 1))
                self._sizes(low, high)
                return None  # another scan comes, with this index in scope
        affine = read_affine(expr, scope, part)
        if affine is not None:
            for dim in dim_names(affine.offset):
                self.indices.setdefault(dim, part)
        return affine

    def _array(self, name: str, shape: tuple[Size, ...] | None, part: Any) -> None:
        old = self.declared.get(name)
        if name in self.declared and old is not None and shape is not None and old != shape:
            raise refused(f"{name} has two shapes, {shape_text(old)} and {shape_text(shape)}", part)
        self.declared[name] = shape if shape is not None else old
        self._sizes(*(shape or ()))

    def _indexed(self, part: Any, scope: Scope) -> list[tuple[Any, Scope]]:
        name, indices = str(part.base.label), part.indices
        shape = part.base.shape
        self._array(name, None if shape is None else tuple(size_of(s, part) for s in shape), part)
        axes = self.needed.setdefault(name, [[] for _ in indices])
        lowest = self.lowest.setdefault(name, [[] for _ in indices])
        if len(axes) != len(indices):
            raise refused(f"{name} has {len(axes)} indices in one place, {len(indices)} in another", part)
        below = []
        for axis, expr in enumerate(indices):
            inner = indexed_within(expr)
            if inner:
                self.integers.update(str(a.base.label) for a in inner)
                below += [(a, scope) for a in inner]
                continue
            affine = self._index(expr, scope, part)
            if affine is None:
                continue
            low, high = affine.bounds()
            if not is_nonnegative(low):
                raise refused(
                    f"an index of {name} can be negative: it starts at {low}",
                    part,
                    hint="arrays count from 0",
                )
            axes[axis].append(high + 1)
            lowest[axis].append(low)
        return below

    def shape(self, name: str) -> tuple[Size, ...]:
        """The shape of an array: its own, or the one that its indices need."""
        declared = self.declared[name]
        if declared is not None:
            return declared
        shape: list[Size] = []
        for axis, sizes in enumerate(self.needed[name]):
            letters = " ".join("nmkpq"[: len(self.needed[name])])
            hint = f'{name}="{letters}", or sp.IndexedBase({name!r}, shape=...)'
            symbolic = [s for s in sizes if not isinstance(s, int)]
            top = next((s for s in symbolic if all(is_nonnegative(s - other) for other in symbolic)), None)
            if top is None:
                raise SpecError(f"from_sympy: the size of {name} along axis {axis} is unknown", hint=hint)
            if all(is_nonnegative(low - 1) for low in self.lowest[name][axis]):
                raise SpecError(
                    f"from_sympy: no index of {name} is 0 along axis {axis}; arrays count from 0",
                    expected=f"{name}[i] with i from 0 to n - 1, or {name}[i - 1] with i from 1 to n",
                    hint=f"where element 0 is really left out, give the shape: {hint}",
                )
            shape.append(top)
        return tuple(shape)

    def check(self, name: str, shape: Shape) -> None:
        """Raise SpecError for an index that is not known to be inside the shape.

        A number as an index of an array of symbolic size is left to the generated code, which raises.
        """
        for axis, (size, sizes) in enumerate(zip(core(shape), self.needed.get(name, ()))):
            for need in sizes:
                if not inside(size, need):
                    raise SpecError(
                        f"from_sympy: an index of {name} goes up to {need - 1} along axis {axis}",
                        expected=f"at most {size - 1}: shape {shape_text(shape)}, counted from 0",
                        hint="Sum(x[i], (i, 0, n - 1)) for an x of n elements",
                    )


def inside(size: Size, need: Size) -> bool:
    return is_nonnegative(size - need) or (isinstance(need, int) and not isinstance(size, int))


def indexed_within(expr: Any) -> list[Any]:
    if kind_of(expr) == "Indexed":
        return [expr]
    return [found for a in expr.args for found in indexed_within(a)] if kind_of(expr) != "Idx" else []


def operands(part: Any) -> Sequence[Any]:
    """The subexpressions that are values: not names, sizes, indices and bounds."""
    kind = kind_of(part)
    if kind in ("Sum", "Product", "Indexed", "MatrixSymbol", "ZeroMatrix", "OneMatrix", "Identity", "Idx"):
        return ()
    if kind == "MatrixElement":
        return (part.parent,)
    if kind == "MatPow":
        return (part.base,)
    if kind == "KroneckerDelta":
        return part.args[:2]  # type: ignore[no-any-return]
    if kind in ("Determinant", "Trace", "Transpose", "Adjoint", "Inverse"):
        return (part.arg,)
    if is_matrix(part) and hasattr(part, "flat") and not hasattr(part, "as_coeff_mmul"):
        return part.flat()  # type: ignore[no-any-return]
    return part.args  # type: ignore[no-any-return]


# --- arguments ----------------------------------------------------------------------------------------


def surveyed(roots: Sequence[Any]) -> tuple[Survey, list[Scope]]:
    """What there is in the expressions, and for each the indices that become axes of its result."""
    _hash_all(roots)
    scopes = []
    for root in roots:
        first = Survey()
        first.scan(root, ())
        while True:  # an index in the range of another one shows up on the next scan
            scope = tuple(first.free[s] for s in sorted(first.free, key=str))
            again = Survey(free=dict(first.free))
            again.scan(root, scope)
            if len(again.free) == len(scope):
                break
            first = again
        scopes.append(scope)
    survey = Survey()
    for root, scope in zip(roots, scopes):
        survey.scan(root, scope)
    for name, part in survey.indices.items():
        if name not in survey.dims:
            raise refused(
                f"the index {name} has no range", part,
                hint=f"Sum over it, or {name} = sp.Idx({name!r}, n) for an axis of the result",
            )  # fmt: skip
    for name in survey.declared:
        if name in survey.symbols:
            raise SpecError(f"from_sympy: {name!r} is a symbol and an array", hint="rename one of them")
        if name in survey.dims:
            raise SpecError(f"from_sympy: {name!r} is a size and an array", hint="rename one of them")
    return survey, scopes


def array_inputs(survey: Survey, names: Sequence[str], shapes: dict[str, Any]) -> dict[str, Node]:
    """Input nodes for these names, in their order."""
    inputs: dict[str, Node] = {}
    for name in names:
        if name in survey.dims:
            raise SpecError(
                f"from_sympy: {name!r} is a size", hint="leave it out: shapes tell it when the code runs"
            )
        spec = shapes.get(name)
        dtype = "int64" if name in survey.integers else "float64"
        if isinstance(spec, ArraySpec):
            shape, dtype = spec.shape, "float64" if spec.dtype == "float32" else spec.dtype
        elif spec is not None:
            shape = parse_shape(spec, where=f"{name}=...")
        elif name in survey.declared:
            shape = survey.shape(name)
        else:
            shape = ()
        if name in survey.declared:
            _check_declared(survey, name, shape)
            survey.check(name, shape)
        inputs[name] = input_node(name, shape, dtype)
    known = {d for x in inputs.values() for s in core(x.shape) for d in dim_names(s)}
    for dim in survey.dims:
        if dim not in known:
            raise SpecError(
                f"from_sympy: the size {dim!r} is not that of any argument",
                hint="give the symbol a number with .subs, or an array its shape",
            )
    return inputs


def _check_declared(survey: Survey, name: str, shape: Shape) -> None:
    declared = survey.declared[name]
    rank = len(declared) if declared is not None else len(survey.needed[name])
    given = core(shape)
    vector = declared is not None and rank == 2 and len(given) == 1 and 1 in declared
    if vector and declared is not None:
        declared = (declared[0],) if declared[1] == 1 else (declared[1],)
    if (declared is not None and given != declared) or (declared is None and len(given) != rank):
        raise ShapeError(
            f"from_sympy: the shape given for {name} is not that of the symbol",
            expected=f"{rank} dimensions" if declared is None else shape_text(declared),
            got=shape_text(shape),
        )
