"""A Python function run once on symbolic arrays: `trace`, and calling a Function inside a trace."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symgrad.array import Array, as_node, wrap
from symgrad.collection import uncollected
from symgrad.complex_array import ComplexArray
from symgrad.docstrings import split_sections
from symgrad.errors import SpecError, SymgradError, TraceError, did_you_mean
from symgrad.graph import Function, Parameter
from symgrad.guard import guard
from symgrad.inline import inline
from symgrad.locate import line_of
from symgrad.node import Node
from symgrad.ops.leaves import input_node
from symgrad.recording import recording
from symgrad.rewrite import stabilize
from symgrad.shapes import Shape, parse_shape
from symgrad.tree import Record, Tree, is_leaf, leaves, map_leaves

DTYPES = ("float64", "float32", "int64", "bool")


@dataclass(frozen=True)
class ArraySpec:
    """A shape with a dtype, made by `array`."""

    shape: Shape
    dtype: str = "float64"


def array(shape: str, dtype: Any = "float64") -> ArraySpec:
    """Shape and dtype of a parameter: `sg.array("n", dtype="int64")`.

    Raises SpecError for a dtype other than float64, float32, int64, bool.
    """
    name = np.dtype(dtype).name if not isinstance(dtype, str) else dtype
    name = {"float": "float64", "int": "int64"}.get(name, name)
    if name not in DTYPES:
        raise SpecError(
            f"dtype {name!r} is not supported", expected=", ".join(DTYPES), hint=did_you_mean(name, DTYPES)
        )
    return ArraySpec(parse_shape(shape), name)


@uncollected
def trace(
    fn: Callable[..., Any], /, *, name: str | None = None, shapes: Any = None, **kwargs: Any
) -> Function:
    """Run `fn` once on symbolic arrays and return what it computed as a `Function`.

    Parameters
    ----------
    fn
        An ordinary function of arrays that uses numpy and `symgrad`; Python `for` loops unroll.
    name
        Name of the result; that of `fn` by default.
    **shapes
        One shape a parameter: text such as `"n d"`, `""` for a scalar, `"..."` for an elementwise
        argument, an `array(...)` for another dtype, or a dict, tuple or NamedTuple of these. As one
        dict `shapes={...}` where a parameter of `fn` is itself called `name`. A parameter without a shape
        keeps its default value.

    Raises
    ------
    SpecError
        Missing or unknown names, and shapes that cannot be read.
    TraceError, ShapeError
        From the body of `fn`, with the line at which it happened.
    """
    signature = inspect.signature(fn)
    given = dict(kwargs)
    if shapes is not None:
        if isinstance(shapes, Mapping) and "shapes" not in signature.parameters:
            given.update(shapes)
        else:
            given["shapes"] = shapes
    title: str = name or str(getattr(fn, "__name__", "f"))
    if title == "<lambda>":
        title = "f"
    parameters = _parameters(signature, given, title)
    arguments = {p.name: map_leaves(wrap, p.tree) for p in parameters}
    originals = {key: _rebuild_user(given[key], arguments[key]) for key in arguments}
    with recording() as session:
        try:
            result = _called(fn, signature, originals)
        except TypeError as error:
            if isinstance(error, SymgradError) or "ufunc" not in str(error):
                raise
            raise TraceError(
                f"numpy cannot work on an array of symbolic scalars: {error}",
                where=line_of(error),
                hint="np.stack([a, b]) in place of np.array([a, b])",
            ) from error
        tree = _result(result, title)
    names = dict(session.names)
    if type(tree) is Node and tree.args:
        names.setdefault(tree, title)
    text, notes = split_sections(inspect.getdoc(fn) or "")
    written = Function(
        name=title,
        parameters=tuple(replace(p, doc=notes.get(p.name, "")) for p in parameters),
        result=tree,
        doc=text,
        names=names,
        lines=session.lines,
    )
    return guard(stabilize(written))


def _called(fn: Callable[..., Any], signature: inspect.Signature, values: dict[str, Any]) -> Any:
    """What the function returns; parameters in front of a `/` are passed by their place."""
    leading = [p for p in signature.parameters.values() if p.kind is p.POSITIONAL_ONLY]
    while leading and leading[-1].name not in values:
        leading.pop()
    by_name = {name: value for name, value in values.items() if name not in {p.name for p in leading}}
    return fn(*[values.get(p.name, p.default) for p in leading], **by_name)


def _parameters(signature: inspect.Signature, given: dict[str, Any], title: str) -> list[Parameter]:
    found: list[Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise SpecError(
                f"{title}: *{parameter.name} has no fixed names",
                hint="name every parameter, or pass one structure (a dict or tuple of shapes)",
            )
        if parameter.name in given:
            spec = given[parameter.name]
            where = f"{title}({parameter.name}=...)"
            tree = _inputs(spec, parameter.name, where)
            dtypes = {s.dtype for s in leaves(_specs(spec)) if isinstance(s, ArraySpec)}
            dtype = "float32" if dtypes == {"float32"} else "float64"
            found.append(Parameter(parameter.name, tree, dtype))
        elif parameter.default is parameter.empty:
            _unknown(signature, given, title)  # perhaps it is there under a misspelt name
            raise SpecError(
                f"{title}: no shape given for parameter {parameter.name!r}",
                expected=f"a shape for each of {', '.join(signature.parameters)}",
                hint=f'{parameter.name}="n" for a vector, {parameter.name}="" for a scalar',
            )
    _unknown(signature, given, title)
    return found


def _unknown(signature: inspect.Signature, given: dict[str, Any], title: str) -> None:
    for name in given:
        if name not in signature.parameters:
            raise SpecError(
                f"{title}: a shape for {name!r}, which is not a parameter",
                expected=", ".join(signature.parameters) or "no parameters",
                hint=did_you_mean(name, signature.parameters),
            )


def _specs(spec: Any) -> Tree:
    if hasattr(spec, "_fields"):
        return Record(type(spec).__name__, tuple(spec._fields), tuple(_specs(s) for s in spec))
    if isinstance(spec, dict):
        return {key: _specs(child) for key, child in spec.items()}
    if isinstance(spec, (tuple, list)):
        return tuple(_specs(child) for child in spec)
    return spec


def _inputs(spec: Any, name: str, where: str) -> Tree:
    spec = _specs(spec)
    if isinstance(spec, Record):
        values = tuple(_inputs(v, f"{name}.{k}", where) for k, v in zip(spec.fields, spec.values))
        return Record(spec.name, spec.fields, values)
    if isinstance(spec, dict):
        return {key: _inputs(child, f"{name}.{key}", where) for key, child in spec.items()}
    if isinstance(spec, tuple):
        return tuple(_inputs(child, f"{name}.{i}", where) for i, child in enumerate(spec))
    if isinstance(spec, str):
        spec = ArraySpec(parse_shape(spec, where=where))
    if not isinstance(spec, ArraySpec):
        raise SpecError(
            f"cannot read the shape {spec!r}", where=where,
            expected='text such as "n d", sg.array("n", dtype="int64"), or a dict or tuple of these',
        )  # fmt: skip
    dtype = "float64" if spec.dtype == "float32" else spec.dtype
    return input_node(name, spec.shape, dtype)


def _rebuild_user(spec: Any, tree: Tree) -> Any:
    """The user's own structure (a NamedTuple of his type, a list) around symbolic arrays."""
    if isinstance(tree, Record):
        return type(spec)(*(_rebuild_user(s, v) for s, v in zip(spec, tree.values)))
    if isinstance(tree, dict):
        return {key: _rebuild_user(spec[key], child) for key, child in tree.items()}
    if isinstance(tree, tuple):
        return type(spec)(_rebuild_user(s, v) for s, v in zip(spec, tree))
    return tree


def _result(value: Any, title: str) -> Tree:
    if hasattr(value, "_fields"):
        values = tuple(_result(v, title) for v in value)
        return Record(type(value).__name__, tuple(value._fields), values)
    if isinstance(value, dict):
        return {key: _result(child, title) for key, child in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(_result(child, title) for child in value)
    if isinstance(value, ComplexArray):
        raise TraceError(f"{title} returns complex numbers", hint="return z.real, z.imag")
    if value is None:
        raise TraceError(f"{title} returns None", hint="return the result")
    try:
        return as_node(value)
    except SymgradError as error:
        raise TraceError(
            f"{title} returns a {type(value).__name__}",
            expected="an array, a number, or a tuple or dict of these",
        ) from error


def call(function: Function, *args: Any, **kwargs: Any) -> Any:
    """What calling a Function does: inline it on symbolic values, evaluate it on numbers."""
    bound = bind(function, args, kwargs)
    everything = [leaf for value in bound for leaf in leaves(_specs(value))]
    if any(isinstance(leaf, (Array, Node)) for leaf in everything):
        nodes = [
            map_leaves(lambda _, v: as_node(v), p.tree, _specs(value))
            if not is_leaf(p.tree)
            else as_node(value)
            for p, value in zip(function.parameters, bound)
        ]
        return _to_user(inline(function, nodes))
    if _COMPILE is None:
        raise TraceError("evaluation needs the emitter; import symgrad")
    return _COMPILE(function)(*bound)


_COMPILE: Callable[[Function], Callable[..., Any]] | None = None


def install_compiler(compiler: Callable[[Function], Callable[..., Any]]) -> None:
    """Let calls on numbers evaluate through `compiler`, which lives in a layer above."""
    global _COMPILE
    _COMPILE = compiler


def _to_user(tree: Tree) -> Any:
    if isinstance(tree, Record):
        from collections import namedtuple

        kind = namedtuple(tree.name, tree.fields)  # type: ignore[misc]
        return kind(*(_to_user(v) for v in tree.values))
    if isinstance(tree, dict):
        return {key: _to_user(child) for key, child in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_to_user(child) for child in tree)
    return wrap(tree)


def bind(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Arguments in the order of the parameters.

    Raises TypeError as Python does for wrong numbers or names of arguments.
    """
    parameters = [
        inspect.Parameter(_identifier(p.name, i), inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for i, p in enumerate(function.parameters)
    ]
    renamed = {p.name: q.name for p, q in zip(function.parameters, parameters)}
    try:
        bound = inspect.Signature(parameters).bind(*args, **{renamed.get(k, k): v for k, v in kwargs.items()})
    except TypeError as error:
        raise TypeError(f"{function.name}(): {error}") from None
    return [bound.arguments[p.name] for p in parameters]


def _identifier(name: str, position: int) -> str:
    import keyword

    return name if name.isidentifier() and not keyword.iskeyword(name) else f"argument_{position}"


Function._call = staticmethod(call)
