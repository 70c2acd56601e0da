"""`to_sympy`: the exact value of every output element, as sympy expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symgrad.errors import SpecError
from symgrad.graph import Function
from symgrad.meaning import Meaning, Objects, expand
from symgrad.node import Node
from symgrad.tree import map_leaves


class SymbolicMeaning(Meaning):
    """Scalars are sympy expressions."""

    def number(self, value: Any) -> Any:
        import sympy as sp

        if isinstance(value, Fraction):
            return sp.Rational(value.numerator, value.denominator)
        if isinstance(value, float):
            if value != value:
                return sp.nan
            if value in (float("inf"), float("-inf")):
                return sp.oo if value > 0 else -sp.oo
            return sp.Rational(*value.as_integer_ratio())
        return sp.Integer(int(value))

    def apply(self, meaning: Callable[..., Any], *operands: Any) -> Any:
        import sympy as sp

        return sp.sympify(meaning(sp, *[sp.sympify(x) for x in operands]))

    def decide(self, meaning: Callable[..., Any], *operands: Any) -> Any:
        return self.apply(meaning, *operands)

    def max(self, operands: Sequence[Any]) -> Any:
        return self.apply(lambda sp, *xs: sp.Max(*xs), *operands)

    def min(self, operands: Sequence[Any]) -> Any:
        return self.apply(lambda sp, *xs: sp.Min(*xs), *operands)

    def stop(self, x: Objects) -> Objects:
        return x

    def plain(self, node: Node, array: Objects) -> Objects:
        """Conditions and integers that are not known stay expressions."""
        import sympy as sp

        entries = [sp.sympify(v) for v in array.ravel().tolist()]
        if node.dtype == "bool" and all(v in (sp.true, sp.false) for v in entries):
            return super().plain(node, self.objects([bool(v) for v in entries], array.shape))
        if node.dtype == "int64" and all(v.is_Integer for v in entries):
            return super().plain(node, self.objects([int(v) for v in entries], array.shape))
        return self.objects(entries, array.shape)


def to_sympy(f: Function, **sizes: int) -> Any:
    """The exact sympy value of every output element, for concrete sizes of the named dimensions.

    Element (i, j) of an argument `x` is the symbol `x_i_j`, a scalar or a `...` argument is `x`; all are
    real. A float in the function stands for exactly the number that it is. A scalar result is an
    expression, an array an `ImmutableDenseNDimArray`; several results keep their structure.

    Raises
    ------
    SpecError
        Where a size is missing, is not one of the function's, or an array is indexed by an unknown integer.
    """
    import sympy as sp

    unknown = [name for name in sizes if name not in f.dims]
    missing = [name for name in f.dims if name not in sizes]
    if unknown or missing:
        raise SpecError(
            f"to_sympy: sizes of {f.name} do not fit",
            expected=", ".join(f"{name}=..." for name in f.dims) or "no sizes",
            got=", ".join(f"{name}={size}" for name, size in sizes.items()) or "none",
        )
    meaning = SymbolicMeaning(sizes)
    inputs = {node: [_symbols(node, meaning)] for node in f.input_nodes}
    try:
        outputs = iter(expand(f, meaning, inputs))
    except (IndexError, TypeError) as error:
        if all(node.dtype == "float64" for node in f.input_nodes):
            raise
        raise SpecError(
            f"to_sympy: {f.name} uses an integer argument in a way that has no formula",
            got=str(error),
            hint="an index must be a number: make it a constant of the function",
        ) from error

    def finished(node: Node) -> Any:
        (array,) = next(outputs)
        if array.ndim == 0:
            return sp.sympify(array[()])
        return sp.ImmutableDenseNDimArray([sp.sympify(v) for v in array.ravel().tolist()], array.shape)

    return map_leaves(finished, f.result)


def _symbols(node: Node, meaning: Meaning) -> Objects:
    import sympy as sp

    assumption = {"int64": {"integer": True}, "float64": {"real": True}}.get(node.dtype)
    shape = meaning.shape(node.shape)
    names = ["_".join([node.name.replace(".", "_"), *map(str, index)]) for index in np.ndindex(*shape)]
    if assumption is None:
        raise SpecError(f"to_sympy: argument {node.name!r} is {node.dtype}, which has no symbol")
    return meaning.objects([sp.Symbol(name, **assumption) for name in names], shape)
