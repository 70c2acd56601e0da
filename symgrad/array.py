"""The symbolic array that a traced function sees: numpy's protocols around a node of the DAG."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np

from symgrad.errors import SymgradError, TraceError
from symgrad.graph import toposort
from symgrad.locate import user_line
from symgrad.node import Node, lift
from symgrad.ops.custom import install_symbolic
from symgrad.ops.layouts import install_calls
from symgrad.ops.leaves import array_node, operand
from symgrad.ops.refusals import no_attribute
from symgrad.ops.structure import expand_dims
from symgrad.recording import NAMED, record
from symgrad.shapes import Dim, core, product, shape_text
from symgrad.spelling import FUNCTIONS, METHODS, NAMES


class Array:
    """A symbolic array: operators, methods, indexing and numpy functions build the DAG."""

    __slots__ = ("node",)
    __array_priority__ = 1000
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def shape(self) -> tuple[Any, ...]:
        """Its dimensions, integers or symbolic ones; a leading `...` is not listed."""
        return core(self.node.shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions, not counting a leading `...`."""
        return self.node.rank

    @property
    def size(self) -> Any:
        """Number of elements."""
        return product(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64, int64 or bool."""
        return np.dtype(self.node.dtype)

    @property
    def T(self) -> Array:
        """The transposed array."""
        return invoke(FUNCTIONS[np.transpose], (self,), {})  # type: ignore[no-any-return]

    @property
    def mT(self) -> Array:
        """The array with its last two axes exchanged."""
        return invoke(FUNCTIONS[np.swapaxes], (self, -1, -2), {})  # type: ignore[no-any-return]

    @property
    def real(self) -> Array:
        """The array: everything here is real."""
        return self

    @property
    def imag(self) -> Array:
        """Zeros."""
        return invoke(FUNCTIONS[np.imag], (self,), {})  # type: ignore[no-any-return]

    @property
    def flat(self) -> Array:
        """The elements in reading order."""
        return invoke(FUNCTIONS[np.ravel], (self,), {})  # type: ignore[no-any-return]

    def item(self, *index: Any) -> Array:
        """The only element, or that at an index: one number counts in reading order."""
        if not index:
            return invoke(FUNCTIONS[np.reshape], (self, ()), {})  # type: ignore[no-any-return]
        key = index[0] if len(index) == 1 else index
        return (self if isinstance(key, tuple) else self.flat)[key]  # type: ignore[no-any-return]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if len(inputs) == 1 and method == "__call__" and not kwargs and type(inputs[0]) is Array:
            return _built(_builder(ufunc), (inputs[0].node,), sys._getframe(1))
        if any(type(x) is _COMPLEX[0] for x in inputs):
            return NotImplemented
        if kwargs.get("out") is not None:
            raise _refused(
                f"np.{ufunc.__name__}(..., out=...)",
                "a symbolic array cannot be written to",
                "assign the result to a name",
            )
        kwargs.pop("out", None)
        if method == "__call__":
            inputs = tuple([as_node(x) if isinstance(x, (list, tuple)) else x for x in inputs])
            return invoke(_builder(ufunc), inputs, _ufunc_keywords(ufunc, kwargs))
        if method == "outer":
            return invoke(_outer(ufunc), inputs, _ufunc_keywords(ufunc, kwargs))
        reduction = _REDUCTIONS.get((ufunc, method))
        if reduction is None:
            raise _refused(
                f"np.{ufunc.__name__}.{method}", "this method of a ufunc is not traced",
                {"at": "sg.scatter_add", "reduceat": "sg.segment_sum"}.get(
                    method, "np.sum, np.prod, np.max, np.min, sg.logsumexp, np.cumsum or np.cumprod"
                ),
            )  # fmt: skip
        if method in ("reduce", "accumulate"):
            kwargs.setdefault("axis", 0)
        builder = NAMES[reduction] if isinstance(reduction, str) else _builder(reduction)
        return invoke(builder, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if _COMPLEX[0] in types:
            return NotImplemented
        return invoke(_builder(function), args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.node.rank:
            # np.array([[c, -s], [s, c]]) holds the symbolic scalars as objects, and numpy's operators work on
            # it entry by entry; where it meets a symbolic array it becomes their stack.
            single = np.empty((), object)
            single[()] = self
            return single
        raise _refused(
            "np.array or np.asarray of a symbolic array that is no scalar",
            f"shape {shape_text(self.node.shape)}; a symbolic array has no numbers in it",
            "np.stack([a, b]) for np.array([a, b]), np.concatenate for np.r_ and np.c_; leave np.asarray(x) "
            "out: the generated code accepts anything that np.asarray accepts",
        )

    def __getattr__(self, name: str) -> Any:
        builder = METHODS.get(name)
        if builder is None and not self.node.rank and not name.startswith("_"):
            # numpy asks the entries of an array of objects for a method of the ufunc's name.
            builder = FUNCTIONS.get(getattr(np, name, None))
        if builder is None:
            raise no_attribute(name, METHODS)

        def method(*args: Any, **kwargs: Any) -> Any:
            return invoke(builder, (self, *args), kwargs)

        return method

    def __getitem__(self, key: Any) -> Any:
        if type(key) is int:
            return _built(METHODS["__getitem__"], (self.node, key), sys._getframe(1))
        return invoke(METHODS["__getitem__"], (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        raise _refused(
            "assignment to elements of a symbolic array",
            "arrays are values here, they do not change",
            "np.where(mask, new, old), np.concatenate, np.stack or sg.scatter_add",
        )

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a scalar")
        if not isinstance(self.shape[0], int):
            raise _refused(
                f"len() of a symbolic dimension {self.shape[0]}",
                "Python wants an integer from it",
                "X.shape[0], which may be any dimension and is one in the generated code",
            )
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a scalar")
        if not isinstance(self.shape[0], int):
            raise _refused(
                f"iteration over a symbolic dimension {self.shape[0]}",
                "its size is known only when the generated code runs",
                "whole-array numpy, or sg.scan / sg.fori_loop",
            )
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self) -> bool:
        if not self.shape and all(x.args or x.op.name in ("dim", "const") for x in toposort([self.node])):
            raise _refused(
                "Python or numpy asks for the value of a symbolic dimension",
                "it is known only when the generated code runs",
                "sg.arange(n) for np.arange(n); np.where(condition, a, b) for a choice",
            )
        raise _refused(
            "a symbolic value decides an `if`, `while`, `and`, `or` or `not`",
            "its truth is known only when the generated code runs",
            "np.where(condition, a, b) for a choice; & | ~ between conditions; np.clip for bounds",
        )

    def __float__(self) -> float:
        raise _refused(
            "float(...), int(...), math.* or an array of floats, of a symbolic value",
            "its value is known only when the generated code runs",
            "the numpy function, such as np.exp for math.exp; np.stack([a, b]) for np.array([a, b])",
        )

    def __round__(self, ndigits: int | None = None) -> Any:
        return invoke(FUNCTIONS[np.round], (self, ndigits or 0), {})

    __int__ = __float__
    __index__ = __float__
    __complex__ = __float__

    def __repr__(self) -> str:
        return f"<symbolic array of shape {shape_text(self.node.shape)}, {self.node.dtype}>"


_REDUCTIONS: dict[Any, Any] = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
    (np.logical_and, "reduce"): np.all,
    (np.logical_or, "reduce"): np.any,
    (np.bitwise_and, "reduce"): np.all,
    (np.bitwise_or, "reduce"): np.any,
    (np.fmax, "reduce"): np.nanmax,
    (np.fmin, "reduce"): np.nanmin,
    (np.logaddexp, "reduce"): "logsumexp",
}


def _outer(ufunc: Any) -> Callable[..., Any]:
    """The builder of all pairs: axes of size 1 behind those of the first operand."""
    builder = _builder(ufunc)

    def outer(a: Any, b: Any) -> Any:
        one, two = operand(a), operand(b)
        spread = expand_dims(one, axes=tuple(range(one.rank, one.rank + two.rank))) if two.rank else one
        return builder(spread, two)

    return outer


#: What keywords of every ufunc say where they say nothing, and what to do for what else they can say.
_UFUNC_KEYWORDS: dict[str, tuple[tuple[Any, ...], str]] = {
    "where": ((True,), "np.where(mask, result, other)"),
    "dtype": ((None,), "x.astype(...), or leave it out: the float type is that of the arguments"),
    "casting": (("same_kind",), "leave it out; x.astype(...) converts"),
    "order": (("K",), "leave it out: memory order is not part of a value"),
    "subok": ((True, False), "leave it out"),
    "signature": ((None,), "leave it out"),
}


def _ufunc_keywords(ufunc: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keywords without those that say nothing; raises TraceError for the others that numpy has."""
    rest = {}
    for name, value in kwargs.items():
        idle, hint = _UFUNC_KEYWORDS.get(name, ((), ""))
        if any(value is i or (isinstance(i, str) and value == i) for i in idle):
            continue
        if hint:
            what = f"np.{ufunc.__name__}(..., {name}=...) is not traced"
            raise _refused(what, f"{name}={value!r}"[:80], hint)
        rest[name] = value
    return rest


def _refused(what: str, got: str, hint: str) -> TraceError:
    return TraceError(what, where=user_line(), got=got, hint=hint)


def _builder(function: Any) -> Callable[..., Any]:
    builder = FUNCTIONS.get(function)
    if builder is not None:
        return builder
    name = _spelling(function)
    known = {_spelling(f): f for f in FUNCTIONS}
    close = difflib.get_close_matches(name, known, 3, 0.5)
    raise TraceError(
        f"{name} is not an operation symgrad knows",
        where=user_line(),
        hint=(f"{', '.join(close)}; or " if close else "") + "sg.custom for an operation of your own",
    )


def _spelling(function: Any) -> str:
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{getattr(function, '__name__', function)}"


def invoke(builder: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a builder on the nodes inside symbolic arrays; errors learn the user's line."""
    return _built(
        lambda: builder(*map(unwrap, args), **{k: unwrap(v) for k, v in kwargs.items()}), (), None, builder
    )


def _built(
    builder: Callable[..., Any], operands: tuple[Any, ...], caller: FrameType | None, named: Any = None
) -> Any:
    """What a builder makes of nodes and numbers, wrapped; the user's frame is looked for from `caller` on."""
    try:
        result = builder(*operands)
    except SymgradError as error:
        if error.where is None:
            error.where = user_line()
        raise
    except TypeError as error:
        title = getattr(named or builder, "__name__", named or builder)
        raise TraceError(f"{title}: {error}", where=user_line()) from error
    if type(result) is Node:
        record(result, caller)
        return Array(result)
    return wrap(result)


#: The symbolic complex array and the pair of nodes inside; they live in a layer above.
_COMPLEX: tuple[Any, Any] = (None, None)


def install_complex(array: Any, pair: Any) -> None:
    """Let results that are pairs of nodes become complex arrays."""
    global _COMPLEX
    _COMPLEX = (array, pair)


def wrap(value: Any) -> Any:
    """Nodes to symbolic arrays, in tuples and lists too."""
    if type(value) is _COMPLEX[1]:
        return _COMPLEX[0](value)
    if type(value) is Node:
        record(value)
        return Array(value)
    if isinstance(value, (tuple, list)):
        return type(value)(wrap(v) for v in value)
    return value


def unwrap(value: Any) -> Any:
    """Symbolic arrays to nodes; numpy arrays to literals; Python values as they are."""
    if type(value) is Array:
        return value.node
    if type(value) is _COMPLEX[0]:
        return value.pair
    if isinstance(value, np.generic):
        return unwrap(value.item())
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return unwrap(value.item())
        return operand(unwrap(value.tolist())) if value.dtype == object else array_node(value)
    if isinstance(value, list):
        return [unwrap(v) for v in value]
    if type(value) is tuple:
        return tuple(unwrap(v) for v in value)
    if isinstance(value, complex):
        raise TraceError("complex numbers are not supported", where=user_line(), got=repr(value))
    return value


def as_node(value: Any) -> Node:
    """A node for anything that can be an operand: symbolic, a number, a dimension, a numpy array."""
    return operand(unwrap(value))


def _operator(function: Any, reflected: bool) -> Callable[[Array, Any], Any]:
    def operate(self: Array, other: Any) -> Any:
        kind = type(other)
        if kind is Array or kind is int or kind is float:
            operand = other.node if kind is Array else other
            operands = (operand, self.node) if reflected else (self.node, operand)
            return _built(FUNCTIONS[function], operands, sys._getframe(1))
        if not isinstance(other, (Array, Dim, int, float, np.generic, np.ndarray, list)):
            if isinstance(other, complex):
                unwrap(other)
            return NotImplemented
        if isinstance(other, list):
            other = np.array(other)
        arguments = (other, self) if reflected else (self, other)
        return invoke(_builder(function), arguments, {})

    return operate


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power, "matmul": np.matmul,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "divmod": np.divmod,
}.items():  # fmt: skip
    setattr(Array, f"__{_name}__", _operator(_ufunc, reflected=False))
    setattr(Array, f"__r{_name}__", _operator(_ufunc, reflected=True))
for _name, _ufunc in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "eq": np.equal, "ne": np.not_equal,
}.items():  # fmt: skip
    setattr(Array, f"__{_name}__", _operator(_ufunc, reflected=False))
for _name, _ufunc in {
    "neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert
}.items():  # fmt: skip
    setattr(Array, f"__{_name}__", lambda self, _u=_ufunc: invoke(_builder(_u), (self,), {}))

NAMED.add(Array)
Dim.to_array = staticmethod(lambda size: Array(lift(size)))
install_symbolic(wrap, as_node, invoke, Array)
install_calls(lambda function, node, args, kwargs: as_node(function(wrap(node), *args, **kwargs)))
