"""Polynomials by their coefficients, highest power first; Vandermonde matrices; covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, lift
from symgrad.ops.join import along, as_array, concatenate, stack
from symgrad.ops.leaves import cast
from symgrad.ops.matmul import matmul
from symgrad.ops.reduce import refuse, sum_over
from symgrad.ops.structure import broadcast_up, expand_dims, permute, reshape_to
from symgrad.shapes import core, shape_text
from symgrad.spelling import FUNCTIONS, spelled


def _coefficients(what: str, p: Any) -> list[Node]:
    """The coefficients one by one, of which there is a fixed number."""
    node = as_array(p)
    node = node if node.rank else expand_dims(node, axes=(0,))
    size = core(node.shape)[0]
    if node.rank != 1 or not isinstance(size, int):
        raise ShapeError(f"{what}: expected a fixed number of coefficients", got=shape_text(node.shape))
    return [along(node, i, 0) for i in range(size)]


@spelled(np.polyval)
def polyval(p: Any, x: Any) -> Node:
    """`np.polyval`, by Horner's rule."""
    at = as_array(x)
    value: Node = lift(0.0)
    for position, coefficient in enumerate(_coefficients("np.polyval", p)):
        value = value * at + coefficient if position else coefficient
    return value if value.rank >= at.rank else broadcast_up(value, at.shape)


@spelled(np.polymul)
def polymul(a1: Any, a2: Any) -> Node:
    """`np.polymul`."""
    product: Node = FUNCTIONS[np.convolve](as_array(a1), as_array(a2))
    return product


@spelled(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Node:
    """`np.polyadd`."""
    a, b = _coefficients("np.polyadd", a1), _coefficients("np.polyadd", a2)
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    extra = len(long) - len(short)
    return stack([*long[:extra], *[one + two for one, two in zip(long[extra:], short)]])


@spelled(np.polysub)
def polysub(a1: Any, a2: Any) -> Node:
    """`np.polysub`."""
    return polyadd(a1, -as_array(a2))


@spelled(np.polyder)
def polyder(p: Any, m: int = 1) -> Node:
    """`np.polyder`: coefficients of a derivative."""
    values = _coefficients("np.polyder", p)
    for _ in range(m):
        top = len(values) - 1
        values = [value * (top - i) for i, value in enumerate(values[:-1])]
    return stack(values) if values else broadcast_up(lift(0.0), (0,))


@spelled(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Node:
    """`np.polyint`: coefficients of an antiderivative, with constants of integration `k`."""
    values = _coefficients("np.polyint", p)
    constants = [0.0] * m if k is None else list(k) if isinstance(k, (list, tuple)) else [k] * m
    for constant in constants[:m]:
        top = len(values)
        values = [value / (top - i) for i, value in enumerate(values)] + [lift(constant)]
    return stack(values)


@spelled(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Node:
    """`np.vander`: powers of a vector, highest first."""
    node = as_array(x)
    count = core(node.shape)[0] if N is None else N
    if node.rank != 1 or not isinstance(count, int):
        raise ShapeError("np.vander: the number of columns has to be fixed", got=str(count))
    one: Node = FUNCTIONS[np.ones_like](node)
    columns = [one, node][:count]
    for power in range(2, count):
        columns.append(node**power)
    return stack(columns if increasing else columns[::-1], axis=1)


# --- covariances --------------------------------------------------------------------------------------


def _variables(m: Any, y: Any, rowvar: bool) -> Node:
    """Variables as rows, observations as columns."""
    x = _rows(as_array(m), rowvar)
    return x if y is None else concatenate([x, _rows(as_array(y), rowvar)], axis=0)


def _rows(x: Node, rowvar: bool) -> Node:
    if x.rank > 2 or not x.rank:
        raise ShapeError("np.cov: expected a vector or a matrix", got=shape_text(x.shape))
    x = x if x.dtype == "float64" else cast(x, to="float64")
    if x.rank == 1:
        return expand_dims(x, axes=(0,))
    return x if rowvar else permute(x, (1, 0))


@spelled(np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Node:  # fmt: skip
    """`np.cov`."""
    refuse("np.cov", fweights=fweights, aweights=aweights, dtype=dtype)
    x = _variables(m, y, rowvar)
    count = core(x.shape)[1]
    freedom = count - ((0 if bias else 1) if ddof is None else ddof)
    centred = x - sum_over(x, (1,), True) / lift(count)
    found = matmul(centred, permute(centred, (1, 0))) / lift(freedom)
    return reshape_to(found, ()) if core(found.shape) == (1, 1) else found


@spelled(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Node:
    """`np.corrcoef`."""
    refuse("np.corrcoef", dtype=dtype)
    c = cov(x, y, rowvar)
    if not c.rank:
        return c / c
    spread: Node = FUNCTIONS[np.sqrt](FUNCTIONS[np.diagonal](c))
    return c / expand_dims(spread, axes=(1,)) / expand_dims(spread, axes=(0,))


# --- ramps --------------------------------------------------------------------------------------------


def _exponents(what: str, start: Any, stop: Any, num: Any, endpoint: bool, dtype: Any) -> Node:
    if dtype is not None:
        raise TraceError(f"{what}: dtype= is not supported", hint="leave out dtype=")
    exponents: Node = FUNCTIONS[np.linspace](start, stop, num, endpoint)
    return exponents


@spelled(np.logspace)
def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
    axis: int = 0,
) -> Node:  # fmt: skip
    """`np.logspace` between symbolic exponents."""
    power: Node = FUNCTIONS[np.power](
        lift(base), _exponents("np.logspace", start, stop, num, endpoint, dtype)
    )
    return power


@spelled(np.geomspace)
def geomspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Node:
    """`np.geomspace` between positive bounds."""
    low, high = (FUNCTIONS[np.log](lift(bound)) for bound in (start, stop))
    power: Node = FUNCTIONS[np.exp](_exponents("np.geomspace", low, high, num, endpoint, dtype))
    return power
