"""numpy's functions that are made of others: value against numpy, gradient against the oracle."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import ShapeError, SpecError, TraceError
from symgrad.verify.check import verify_function
from symgrad.verify.points import Sampler

NEW = hasattr(np, "vecdot")
WINDOWS = np.lib.stride_tricks.sliding_window_view
TRAPEZOID = getattr(np, "trapezoid", None) or np.trapz  # type: ignore[attr-defined]

# (name, function of arrays, shapes of its arguments); a shape of integers is written "n:int64".
CASES: list[tuple[str, Callable[..., Any], tuple[str, ...]]] = [
    ("average", lambda x: np.average(x, axis=0), ("n d",)),
    ("average of all", lambda x, w: np.average(x, weights=np.exp(w)), ("n d", "n d")),
    ("average by a vector", lambda x, w: np.average(x, axis=1, weights=np.exp(w)), ("n 4 d", "4")),
    ("average kept", lambda x, w: np.average(x, 0, np.exp(w), keepdims=True), ("n d", "n")),
    ("average by literals", lambda x: np.average(x, weights=[1, 2, 3]), ("3",)),
    ("sum of some", lambda x: np.sum(x, axis=0, where=x > 0, initial=0.5), ("n d",)),
    ("sum with a start", lambda x, s: np.sum(x, initial=s), ("n d", "")),
    ("prod of some", lambda x: np.prod(x, axis=1, keepdims=True, initial=2.0, where=x < 1), ("n d",)),
    ("mean of some", lambda x: np.mean(x, axis=0, where=[[True], [False], [True]]), ("3 d",)),
    ("mean as floats", lambda x: np.mean(x > 0, dtype=float) * x, ("n",)),
    ("max of some", lambda x: np.max(x, axis=0, where=x < 1, initial=0.25), ("n d",)),
    ("max with a start", lambda x, s: np.max(x, initial=s) + np.max(x, axis=1, initial=0.1), ("n d", "")),
    ("min with a start", lambda x: np.min(x, axis=(0, 1), keepdims=True, initial=-0.1), ("n d",)),
    ("var of some", lambda x: np.var(x, axis=0, where=[[True], [False], [True], [True]], ddof=1), ("4 d",)),
    ("std of some", lambda x: np.std(x, where=np.arange(5) > 0), ("5",)),
    ("std about a mean", lambda x: np.std(x, axis=0, mean=np.mean(x, axis=0, keepdims=True)), ("4 d",)),
    ("var by fractions", lambda x: np.var(x, axis=0, ddof=0.5), ("4 d",)),
    ("any of some", lambda x: x * np.any(x > 9, 0, where=x < 8) + np.all(x > -9, where=x > -8), ("n d",)),
    ("average returned", lambda x, w: np.multiply(*np.average(x, 0, np.exp(w), True)), ("n d", "n")),
    ("average and count", lambda x: np.multiply(*np.average(x, axis=0, returned=True)), ("n d",)),
    ("average and weights", lambda x, w: np.add(*np.average(x, None, np.exp(w), True)), ("n", "n")),
    ("nansum of some", lambda x: np.nansum(x, axis=0, where=x > 0), ("n d",)),
    ("nanmax of some", lambda x: np.nanmax(x, axis=0, where=x < 1, initial=-3.0), ("n d",)),
    ("nanmean of some", lambda x: np.nanmean(x, axis=0, where=[[True], [False], [True]]), ("3 d",)),
    ("nanstd of some", lambda x: np.nanstd(x, where=np.arange(5) > 0), ("5",)),
    ("norm of order -1", lambda x: np.linalg.norm(x, -1, axis=0), ("3 d",)),
    ("norm of order -2.5", lambda x: np.linalg.norm(x, ord=-2.5, keepdims=True), ("4",)),
    ("nansum", lambda x: np.nansum(x, axis=0), ("n d",)),
    ("nanprod", lambda x: np.nanprod(x, axis=-1), ("n d",)),
    ("nanmean", lambda x: np.nanmean(x, axis=1, keepdims=True), ("n d",)),
    ("nanmax", lambda x: np.nanmax(x, axis=0), ("3 d",)),
    ("nanmin", lambda x: np.nanmin(x), ("n 2",)),
    ("nanvar", lambda x: np.nanvar(x, axis=0, ddof=1), ("4 d",)),
    ("nanstd", lambda x: np.nanstd(x, axis=-1), ("d 4",)),
    ("nancumsum", lambda x: np.nancumsum(x, axis=0), ("n d",)),
    ("nancumprod", lambda x: np.nancumprod(x), ("n",)),
    ("nanargmax", lambda x: x[np.nanargmax(x)], ("4",)),
    ("nanargmin", lambda x: np.take_along_axis(x, np.nanargmin(x, axis=1)[:, None], 1), ("3 4",)),
    ("median odd", lambda x: np.median(x), ("5",)),
    ("median even", lambda x: np.median(x, axis=0, keepdims=True), ("4 d",)),
    ("median symbolic", lambda x: np.median(x, axis=1), ("d n",)),
    ("median of axes", lambda x: np.median(x, axis=(0, 2)), ("3 2 2",)),
    ("quantile", lambda x: np.quantile(x, 0.3), ("5",)),
    ("quantile symbolic size", lambda x: np.quantile(x, 0.3, axis=0), ("n d",)),
    ("quantiles", lambda x: np.quantile(x, [0.1, 0.5, 1.0], axis=1, keepdims=True), ("3 4",)),
    ("quantile at an entry", lambda x: np.quantile(x, 0.25), ("5",)),
    ("quantile lower", lambda x: np.quantile(x, 0.3, method="lower"), ("5",)),
    ("quantile higher", lambda x: np.quantile(x, 0.3, method="higher"), ("n",)),
    ("quantile midpoint", lambda x: np.quantile(x, 0.3, method="midpoint"), ("5",)),
    ("quantile nearest", lambda x: np.quantile(x, 0.3, method="nearest"), ("4",)),
    ("quantile by q", lambda x, q: np.quantile(x, 1 / (1 + np.exp(q))), ("6", "")),
    ("quantile hazen of n", lambda x: np.quantile(x, [0.01, 0.4, 0.99], axis=0, method="hazen"), ("n d",)),
    ("quantile weibull by q", lambda x, q: np.quantile(x, 1 / (1 + np.exp(q)), method="weibull"), ("6", "")),
    ("percentile", lambda x: np.percentile(x, 40, axis=-1), ("d 4",)),
    ("percentiles", lambda x: np.percentile(x, np.array([20, 80])), ("n",)),
    ("nanmedian", lambda x: np.nanmedian(x, axis=0), ("5 d",)),
    ("nanquantile", lambda x: np.nanquantile(x, 0.4, axis=1, keepdims=True), ("d 5",)),
    ("nanpercentile", lambda x: np.nanpercentile(x, [30, 70]), ("5",)),
    ("gradient", lambda x: np.gradient(x), ("n+2",)),
    ("gradient edges", lambda x: np.gradient(x, 0.5, edge_order=2), ("5",)),
    ("gradient axis", lambda x: np.gradient(x, 2.0, axis=1), ("d 4",)),
    ("gradient axes", lambda x: np.gradient(x, 2.0, 0.5)[1] + np.gradient(x)[0], ("3 4",)),
    ("gradient uneven", lambda x: np.gradient(x, [0.0, 1.0, 1.5, 3.0]), ("4",)),
    ("gradient uneven edges", lambda x: np.gradient(x, [0.0, 1.0, 1.5, 3.0], axis=0, edge_order=2), ("4 d",)),
    ("trapezoid", lambda y: TRAPEZOID(y), ("n",)),
    ("trapezoid dx", lambda y: TRAPEZOID(y, dx=0.25, axis=0), ("n d",)),
    ("trapezoid x", lambda y, x: TRAPEZOID(y, x), ("d n", "n")),
    ("trapezoid x axis", lambda y, x: TRAPEZOID(y, x, axis=0), ("n d", "n")),
    ("interp", lambda x, fp: np.interp(x, [-1.0, 0.25, 0.75, 1.5], fp), ("n", "4")),
    ("interp ends", lambda x, fp: np.interp(x, [-1.0, 0.3, 1.5], fp, left=7.0, right=-2.0), ("n d", "3")),
    ("interp of literals", lambda x: np.interp(x, [-1.0, 0.3, 1.5], [1, 3, 2]), ("n d",)),
    ("interp knots", lambda x, g: np.interp(x, np.cumsum(np.exp(g)), np.cos(g)), ("n", "4")),
    ("interp around", lambda x, fp: np.interp(3 * x, [0.2, 1.4, 0.7], fp, period=2.0), ("n", "3")),
    ("searchsorted", lambda x: x * np.searchsorted([-1.0, 0.3, 0.7], x), ("n d",)),
    ("digitize", lambda x: x * np.digitize(x, [-1.0, 0.3, 0.7]), ("n",)),
    ("digitize down", lambda x: x * np.digitize(x, [0.7, 0.3, -1.0], right=True), ("n",)),
    ("piecewise", lambda x: np.piecewise(x, [x < 0, x > 1], [np.sin, lambda t: t**2, 3.0]), ("n d",)),
    ("piecewise rest", lambda x: np.piecewise(x, [x < 0], [lambda t, a: a * t], 2.0), ("n",)),
    ("unwrap", lambda x: np.unwrap(4 * x), ("n",)),
    ("unwrap axis", lambda x: np.unwrap(x, period=1.5, axis=0), ("n d",)),
    ("diff with ends", lambda x: np.diff(x, prepend=0.5, append=x[:, :1]), ("n d",)),
    ("diff twice with an end", lambda x, a: np.diff(x, n=2, axis=0, append=a), ("n d", "")),
    ("reshape by columns", lambda x: np.reshape(x, (4, -1), order="F") ** 2, ("4 d",)),
    ("ravel by columns", lambda x: np.cumsum(x.ravel(order="F")), ("n d",)),
    ("reshape to a quotient", lambda x: np.sum(x.reshape(2, -1), axis=1), ("2*n d",)),
    ("reshape to what divides", lambda x: np.cumsum(x.reshape(x.shape[0] * x.shape[1], -1), 0), ("n d 2",)),
    ("linspace of vectors", lambda a, b: np.linspace(a, b, 4, axis=-1), ("n", "n")),
    ("linspace to a vector", lambda b: np.linspace(0.5, b, 3, endpoint=False), ("n d",)),
    ("frexp", lambda x: np.frexp(x)[0] ** 2 + np.frexp(x)[1], ("n",)),
    ("polyint", lambda p: np.polyint(p, 2, [3.0, 4.0]), ("3",)),
    ("angle", lambda x: np.angle(x) + x * np.isreal(x) - np.iscomplex(x), ("n",)),
    ("pinv of a triangle", lambda x: np.linalg.pinv(x + 4 * np.eye(3), hermitian=True), ("3 3",)),
    ("lstsq squares", lambda a, b: np.linalg.lstsq(a, b, rcond=None)[1], ("4 2", "4 3")),
    ("lstsq values", lambda a, b: np.linalg.lstsq(a, b, rcond=None)[3], ("4 2", "4")),
    ("tensorinv", lambda x: np.linalg.tensorinv((x + 4 * np.eye(4)).reshape(4, 2, 2), ind=1), ("4 4",)),
    ("tensorsolve", lambda x, b: np.linalg.tensorsolve((x + np.eye(4)).reshape(2, 2, 4), b), ("4 4", "2 2")),
    ("tensorsolve axes", lambda x, b: np.linalg.tensorsolve(x + np.eye(2), b, axes=(0,)), ("2 2", "2")),
    ("einsum by lists", lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [0, 2]), ("n k", "k d")),
    ("einsum by lists and dots", lambda x: np.einsum(x, [0, ..., 0]), ("n d n",)),
    ("outer of sums", lambda x, y: np.add.outer(x, y) * np.maximum.outer(y, x).T, ("n", "d")),
    ("outer of matrices", lambda x, y: np.subtract.outer(x, y), ("n d", "k")),
    ("reduction of logaddexp", lambda x: np.logaddexp.reduce(x, 1) * np.logaddexp.reduce(x[0]), ("n d",)),
    ("array of scalars", lambda c, s, x: np.array([[c, -s], [s, c]]) @ x, ("", "", "2 n")),
    ("arithmetic of scalars", lambda x: np.array([x[0], 1.0, x[1] * x[0]]) ** 2 + np.arange(3), ("n+2",)),
    ("functions of scalars", lambda x: np.sum(np.exp(np.array([x[0], x[1]])) * x[:2]), ("n+2",)),
    ("attributes", lambda x: x.real + x.imag + x.conjugate() * x.flat[1] + x[0].item(1), ("n+1 2",)),
    ("divmod", lambda x: divmod(x, 0.7)[1] * divmod(5.0, x + 9)[0] + x % 2, ("n",)),
    ("lists", lambda x: np.where([True, False], x, [1.0, 2.0]) + np.add([1, 2], x).clip([0, 1], 2), ("n 2",)),
    ("ediff1d", lambda x: np.ediff1d(x, to_end=[1.0, 2.0], to_begin=0.5), ("n d",)),
    ("rot90", lambda x: np.rot90(x), ("n d",)),
    ("rot90 twice", lambda x: np.rot90(x, 2, axes=(1, 2)), ("n d 3",)),
    ("rot90 back", lambda x: np.rot90(x, -1, axes=(0, 2)), ("n d 3",)),
    ("cross", lambda x, y: np.cross(x, y), ("n 3", "n 3")),
    ("cross axes", lambda x, y: np.cross(x, y, axisa=0, axisc=0), ("3 n", "n 3")),
    ("cross axis", lambda x, y: np.cross(x, y, axis=0), ("3", "3")),
    ("meshgrid", lambda x, y: np.meshgrid(x, y)[0] * np.meshgrid(x, y)[1] ** 2, ("n", "d")),
    ("meshgrid ij", lambda x, y: np.multiply(*np.meshgrid(x, y, indexing="ij", sparse=True)), ("n", "d")),
    ("block", lambda x, y: np.block([[x, y], [y.T, np.eye(2)]]), ("3 3", "3 2")),
    ("block of vectors", lambda x: np.block([x, 1.0, x * x]), ("n",)),
    ("atleast_3d", lambda x: np.atleast_3d(x), ("n d",)),
    ("atleast_3d of a vector", lambda x: np.atleast_3d(x), ("n",)),
    ("append", lambda x, y: np.append(x, y), ("n d", "k")),
    ("append axis", lambda x, y: np.append(x, y, axis=0), ("n d", "k d")),
    ("delete", lambda x: np.delete(x, 1), ("n",)),
    ("delete last", lambda x: np.delete(x, -1, axis=1), ("n d",)),
    ("delete several", lambda x: np.delete(x, [0, 2], axis=0), ("4 d",)),
    ("delete slice", lambda x: np.delete(x, slice(0, 4, 2), axis=0), ("5",)),
    ("insert", lambda x, y: np.insert(x, 1, y), ("n", "")),
    ("insert row", lambda x, y: np.insert(x, 1, y, axis=0), ("n d", "d")),
    ("insert column", lambda x, y: np.insert(x, -1, y, axis=1), ("n d", "n")),
    ("insert several", lambda x, y: np.insert(x, 2, y), ("3", "2")),
    ("sliding windows", lambda x: WINDOWS(x, 2), ("n",)),
    ("sliding windows axis", lambda x: WINDOWS(x, 3, axis=0), ("4 d",)),
    ("sliding windows axes", lambda x: WINDOWS(x, (2, 3)), ("4 3",)),
    ("pad edge", lambda x: np.pad(x, (2, 1), mode="edge"), ("n",)),
    ("pad reflect", lambda x: np.pad(x, ((1, 1), (0, 2)), mode="reflect"), ("3 3",)),
    ("pad symmetric", lambda x: np.pad(x, ((2, 1), (1, 0)), mode="symmetric"), ("n+1 d",)),
    ("pad wrap", lambda x: np.pad(x, 2, mode="wrap"), ("n+1 d+1",)),
    ("pad far", lambda x: np.pad(x, 5, mode="reflect"), ("3",)),
    ("pad far wrap", lambda x: np.pad(x, (4, 7), mode="wrap"), ("3",)),
    ("pad mean", lambda x: np.pad(x, ((1, 2), (0, 1)), mode="mean"), ("n d",)),
    ("pad median", lambda x: np.pad(x, 1, mode="median"), ("3 d",)),
    ("pad maximum", lambda x: np.pad(x, ((0, 1), (2, 0)), mode="maximum"), ("3 d",)),
    ("pad minimum", lambda x: np.pad(x, (1, 2), mode="minimum"), ("4",)),
    ("pad ramp", lambda x: np.pad(x, ((2, 1), (0, 3)), mode="linear_ramp", end_values=(1.0, -2.0)), ("n d",)),
    ("pad odd", lambda x: np.pad(x, (2, 1), mode="reflect", reflect_type="odd"), ("n+2",)),
    ("pad odd symmetric", lambda x: np.pad(x, 1, mode="symmetric", reflect_type="odd"), ("n d",)),
    ("pad values", lambda x: np.pad(x, ((1, 2), (0, 1)), constant_values=((1, 2), (3, 4.5))), ("n d",)),
    ("repeat counts", lambda x: np.repeat(x, [2, 0, 3], axis=0), ("3 d",)),
    ("repeat counts flat", lambda x: x.repeat(np.array([1, 2, 0, 2])), ("2 2",)),
    ("take clip", lambda x: np.take(x, [7, -3, 1], mode="clip"), ("n",)),
    ("take wrap", lambda x: np.take(x, np.array([7, -3, 1]), axis=1, mode="wrap"), ("d n",)),
    ("compress", lambda x: np.compress([True, False, True], x, axis=0), ("3 d",)),
    ("extract", lambda x: np.extract([[True, False], [True, True]], x), ("2 2",)),
    ("choose", lambda i, x, y: np.choose(i, [x, y]), ("n:int64", "n", "n")),
    ("partition", lambda x: np.sum(np.partition(x, 2)[:2]), ("4",)),
    ("linspace", lambda a, b: np.linspace(a, b, 5), ("", "")),
    ("linspace open", lambda a, b: np.linspace(a, b, 4, endpoint=False), ("", "")),
    ("linalg.matrix_power free", lambda x: np.kron(x, x), ("2 2",)),
    ("polyval", lambda p, x: np.polyval(p, x), ("4", "n")),
    ("polymul", lambda p, q: np.polymul(p, q), ("3", "2")),
    ("polyadd", lambda p, q: np.polyadd(p, np.polysub(q, p * p)), ("3", "2")),
    ("polyder", lambda p: np.polyder(p, 2), ("5",)),
    ("vander", lambda x: np.vander(x, 4), ("n",)),
    ("vander up", lambda x: np.vander(x, increasing=True), ("3",)),
    ("cov", lambda x: np.cov(x), ("d 4",)),
    ("cov of two", lambda x, y: np.cov(x, y, bias=True), ("4", "4")),
    ("cov of columns", lambda x: np.cov(x, rowvar=False, ddof=0), ("4 d",)),
    ("corrcoef", lambda x, y: np.corrcoef(x, y), ("5", "5")),
    ("logspace", lambda a, b: np.logspace(a, b, 4, base=2.0), ("", "")),
    ("geomspace", lambda a, b: np.geomspace(np.exp(a), np.exp(b), 4), ("", "")),
    ("rollaxis", lambda x: np.rollaxis(x, 2), ("n d 3",)),
    ("rollaxis on", lambda x: np.rollaxis(x, 0, 2), ("n d 3",)),
    ("diagflat", lambda x: np.diagflat(x, 1), ("2 2",)),
    ("dsplit", lambda x: np.dsplit(x, 2)[1], ("n d 4",)),
    ("triangle", lambda x: x[np.triu_indices_from(x, 1)], ("3 3",)),
    ("isin", lambda x: np.where(np.isin(np.round(x), [0.0, 2.0]), x, 0.0), ("n d",)),
    ("allclose", lambda x: x * np.allclose(x, x + 1e-9) + np.array_equal(x, x) * x, ("n",)),
    ("real", lambda x: np.real(x) + np.imag(x), ("n",)),
    ("cross entropy", sg.cross_entropy, ("n 3", "n:int64")),
    ("cross entropy sum", lambda x, y: sg.cross_entropy(x, y, axis=0, reduction="sum"), ("3 n", "n:int64")),
    ("layer norm", sg.layer_norm, ("n 4", "4", "4")),
    ("layer norm plain", lambda x: sg.layer_norm(x, axis=(0, 1)), ("2 3",)),
    ("attention", sg.attention, ("n k", "m k", "m d")),
    ("attention of heads", sg.attention, ("2 n 3", "2 m 3", "2 m d")),
    ("attention masked", lambda q, v: sg.attention(q, q, v, np.tri(3) > 0), ("3 2", "3 2")),
    ("stop_gradient", lambda x: x * sg.stop_gradient(x), ("n",)),
]  # fmt: skip

CASES += [
    (f"quantile {method}", lambda x, m=method: np.quantile(x, [0.0, 0.3, 1.0], axis=0, method=m), ("6 d",))
    for method in (
        "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
        "weibull", "median_unbiased", "normal_unbiased",
    )
]  # fmt: skip
if NEW:
    CASES += [
        ("vecdot", lambda x, y: np.vecdot(x, y), ("n d", "n d")),
        ("linalg.vecdot", lambda x, y: np.linalg.vecdot(x, y, axis=0), ("n d", "n d")),
        ("linalg.matmul", lambda x, y: np.linalg.matmul(x, y), ("n k", "k d")),
        ("linalg.outer", lambda x, y: np.linalg.outer(x, y), ("n", "d")),
        ("linalg.diagonal", lambda x: np.linalg.diagonal(x, offset=1), ("d 3 3",)),
        ("linalg.trace", lambda x: np.linalg.trace(x), ("d 3 3",)),
        ("linalg.cross", lambda x, y: np.linalg.cross(x, y), ("n 3", "3")),
        ("linalg.tensordot", lambda x, y: np.linalg.tensordot(x, y, axes=1), ("n k", "k d")),
        ("matrix_transpose", lambda x: np.linalg.matrix_transpose(x) + np.matrix_transpose(x), ("2 n d",)),
    ]
if hasattr(np, "matvec"):
    CASES += [
        ("matvec", lambda a, x: np.matvec(a, x), ("2 n d", "d")),
        ("vecmat", lambda x, a: np.vecmat(x, a), ("2 n", "2 n d")),
    ]
if hasattr(np, "cumulative_sum"):
    CASES += [
        ("cumulative_sum", lambda x: np.cumulative_sum(x, axis=0, include_initial=True), ("n d",)),
        ("cumulative_prod", lambda x: np.cumulative_prod(x, include_initial=True), ("n",)),
    ]


def traced(function: Callable[..., Any], shapes: tuple[str, ...]) -> sg.Function:
    found: dict[str, Any] = {}
    for name, shape in zip(inspect.signature(function).parameters, shapes):
        text, _, dtype = shape.partition(":")
        found[name] = sg.array(text, dtype=dtype) if dtype else text
    return sg.trace(function, name="f", shapes=found)


def flat(result: Any) -> list[Any]:
    """Arrays of nested tuples and dicts."""
    parts = result.values() if isinstance(result, dict) else result if isinstance(result, tuple) else None
    return [result] if parts is None else [leaf for part in parts for leaf in flat(part)]


def strict(generated: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with numpy's warnings as errors where the answers are finite."""

    def call(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            result = generated(*args)
        if all(np.isfinite(part).all() for part in flat(result)):
            with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")
                generated(*args)
        return result

    return call


def floats(f: sg.Function) -> tuple[str, ...]:
    return tuple(p.name for p in f.parameters if p.tree.dtype == "float64")


IDS = [case[0] for case in CASES]


@pytest.mark.parametrize("name, function, shapes", CASES, ids=IDS)
def test_value_and_gradient(name, function, shapes):
    f = traced(function, shapes)
    pullback = sg.vjp(f, wrt=floats(f))
    verify_function(pullback, strict(sg.compile(pullback))).raise_for_failure()
    if name.startswith(("cross entropy", "layer norm", "attention", "stop")):
        return
    compiled = sg.compile(f)
    for point in Sampler(f, None, 1).random(2):
        args = [a for (a,) in point.values.values()]
        want, got = np.asarray(function(*args)), np.asarray(compiled(*args))
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


BATCHED = [
    "average", "average by a vector", "nanmean", "nanmax", "nanstd", "median odd", "median symbolic",
    "quantile", "quantiles", "nanmedian", "gradient", "gradient uneven", "trapezoid x", "digitize",
    "interp of literals",
    "piecewise", "unwrap", "ediff1d", "rot90", "cross", "meshgrid", "block", "delete", "insert row",
    "sliding windows axis", "pad edge", "pad reflect", "pad far", "pad values", "repeat counts", "take wrap",
    "choose", "cross entropy", "layer norm", "attention", "stop_gradient", "vecdot",
]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in BATCHED if name in IDS])
def test_under_a_batch(name):
    function, shapes = next(case[1:] for case in CASES if case[0] == name)
    batched = traced(function, tuple(f"... {shape}" for shape in shapes))
    single = sg.compile(traced(function, shapes))
    (point,) = Sampler(traced(function, shapes), None, 1).random(1)
    rows = [np.stack([a, a[..., ::-1]]) if a.ndim else np.stack([a, a]) for (a,) in point.values.values()]
    want = np.stack([single(*[r[i] for r in rows]) for i in range(2)])
    np.testing.assert_allclose(sg.compile(batched)(*rows), want, rtol=1e-12, atol=1e-14)
    pullback = sg.vjp(batched, wrt=floats(batched))
    verify_function(pullback, strict(sg.compile(pullback))).raise_for_failure()


# --- points that are not regular ----------------------------------------------------------------------


def slope(function: Callable[..., Any], x: Any) -> Any:
    """Value and gradient of the sum at x, without warnings."""
    array = np.array(x, float)
    f = traced(lambda x: np.sum(function(x)), (" ".join(map(str, array.shape)),))
    both = sg.compile(sg.value_and_grad(f))
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        value, bar = both(array)
    return float(value), (bar if isinstance(bar, np.ndarray) else bar[0]).tolist()


@pytest.mark.parametrize(
    "function, expected",
    [
        (np.nansum, (4.0, [1.0, 0.0, 1.0])),
        (np.nanmean, (2.0, [0.5, 0.0, 0.5])),
        (np.nanprod, (3.0, [3.0, 0.0, 1.0])),
        (np.nanmax, (3.0, [0.0, 0.0, 1.0])),
        (np.nanmin, (1.0, [1.0, 0.0, 0.0])),
        (np.nanvar, (1.0, [-1.0, 0.0, 1.0])),
        (np.nanstd, (1.0, [-0.5, 0.0, 0.5])),
        (np.nancumsum, (6.0, [3.0, 0.0, 1.0])),
        (np.nanmedian, (2.0, [0.5, 0.0, 0.5])),
        (lambda x: np.nanquantile(x, 0.25), (1.5, [0.75, 0.0, 0.25])),
    ],
)
def test_W9_reductions_that_leave_out_nan(function, expected):
    assert slope(function, [1.0, np.nan, 3.0]) == expected


@pytest.mark.parametrize(
    "function, x, expected",
    [
        (lambda x: np.linalg.norm(x, -1), [0.0, 1.0, 2.0], (0.0, [0.0, 0.0, 0.0])),
        (lambda x: np.max(x, initial=2.0), [2.0, 1.0, 2.0], (2.0, [0.25, 0.0, 0.25])),
        (lambda x: np.max(x, initial=2.0), [], (2.0, [])),
        (lambda x: np.min(x, initial=2.0, where=x > 1), [0.0, 1.0], (2.0, [0.0, 0.0])),
        (lambda x: np.std(x, where=x < 5), [3.0, 3.0, 7.0], (0.0, [0.0, 0.0, 0.0])),
        (lambda x: np.sum(x, where=x < 5), [3.0, np.inf], (3.0, [1.0, 0.0])),
    ],
)
def test_masks_and_starting_values_at_hard_points(function, x, expected):
    assert slope(function, x) == expected


def test_nothing_but_nan_and_equal_entries():
    assert slope(np.nanstd, [0.1, np.nan, 0.1, 0.1]) == (0.0, [0.0, 0.0, 0.0, 0.0])
    for function in (np.nanmax, np.nanmedian):
        value, bar = slope(function, [np.nan, np.nan])
        assert np.isnan(value)
        assert bar == [0.0, 0.0]


@pytest.mark.parametrize(
    "function, x, expected",
    [
        (np.median, [2.0, 2.0, 1.0], (2.0, [1.0, 0.0, 0.0])),
        (np.median, [3.0, 3.0, 1.0, 1.0], (2.0, [0.5, 0.0, 0.0, 0.5])),
        (lambda x: np.quantile(x, 1.0), [1.0, 3.0, 2.0], (3.0, [0.0, 1.0, 0.0])),
        (lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0]), [1.0, 2.0, -1.0], (6.0, [4.0, 4.0, 0.0])),
        (lambda x: sg.cross_entropy(x, 0), [1000.0, 1000.0], (np.log(2.0), [-0.5, 0.5])),
    ],
)
def test_K11_ties_and_knots(function, x, expected):
    value, bar = slope(function, x)
    assert value == pytest.approx(expected[0])
    assert bar == expected[1]


def test_median_of_a_nan_is_nan():
    for function in (np.median, lambda x: np.quantile(x, 0.2)):
        f = sg.compile(traced(lambda x, fn=function: fn(x), ("4",)))
        assert np.isnan(f(np.array([1.0, np.nan, 3.0, 4.0])))


def test_attention_to_nothing_is_zero():
    mask = np.array([[True, True], [False, False]])
    f = sg.trace(lambda q, v: sg.attention(q, q, v, mask), q="2 3", v="2 2", name="f")
    q, v = np.arange(6.0).reshape(2, 3), np.ones((2, 2))
    assert sg.compile(f)(q, v).tolist() == [[1.0, 1.0], [0.0, 0.0]]
    pullback = sg.compile(sg.vjp(f, wrt=("q", "v")))
    assert all(np.isfinite(part).all() for part in pullback(q, v, np.ones((2, 2)))[1])


# --- arrays of symbolic sizes -------------------------------------------------------------------------


def test_arrays_of_symbolic_sizes():
    def f(Z, y):
        n, k = Z.shape
        picked = Z[sg.arange(n), y]
        ramp = sg.arange(1, n + 1) + sg.arange(2 * n, 0, -2)
        return picked * ramp + np.sum(sg.eye(n, k, 1)) + sg.zeros((n,)) + sg.ones(n) * sg.full((n,), 2.0)

    f = sg.trace(f, Z="n k", y=sg.array("n", dtype="int64"))
    pullback = sg.vjp(f, wrt="Z")
    verify_function(pullback, strict(sg.compile(pullback))).raise_for_failure()
    Z, y = np.arange(12.0).reshape(4, 3), np.array([0, 2, 1, 1])
    want = Z[np.arange(4), y] * (np.arange(1, 5) + np.arange(8, 0, -2)) + np.eye(4, 3, 1).sum() + 2
    assert sg.compile(f)(Z, y).tolist() == want.tolist()
    assert sg.compile(f)(Z.astype(np.float32), y).dtype == np.float32


def test_numpy_hands_over_with_like():
    f = sg.trace(lambda x: x @ np.eye(x.shape[0], like=x) + np.tri(x.shape[0], like=x)[0], x="n")
    assert sg.compile(f)(np.array([1.0, 2.0])).tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: sg.arange(x.shape[0]) * 0.1,
        lambda x: (x > 0) * 1.5,
        lambda x: np.maximum(sg.arange(x.shape[0]), 0.5),
        lambda x: sg.arange(x.shape[0]) / 3 + 0.5 * np.argsort(x),
    ],
)
def test_a_literal_makes_integers_the_working_float(function):
    f = sg.compile(sg.trace(function, x="n", name="f"))
    x = np.array([0.5, -1.0, 2.0])
    assert f(x.astype(np.float32)).dtype == np.float32
    assert f(x).dtype == np.float64


CURVED = [
    "average of all", "nanvar", "nanstd", "nanprod", "nancumprod", "quantile by q", "interp knots",
    "gradient", "cross", "cross entropy", "layer norm", "attention", "stop_gradient", "piecewise",
]  # fmt: skip


@pytest.mark.parametrize("name", CURVED)
def test_second_order(name):
    function, shapes = next(case[1:] for case in CASES if case[0] == name)
    total = lambda **args: np.sum(np.square(function(*args.values())))  # noqa: E731
    total.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    f = traced(total, shapes)
    second = sg.hvp(f, wrt=floats(f))
    verify_function(second, strict(sg.compile(second))).raise_for_failure()


def test_missing_attributes_are_found_out_by_hasattr():
    def f(x):
        assert not hasattr(x, "tolist") and not hasattr(x, "shpae") and hasattr(x, "sum")
        return x

    sg.trace(f, x="n")


def test_errors_of_numpy_itself_say_the_line():
    with pytest.raises(TraceError) as caught:
        sg.trace(lambda x: np.linalg.inv(np.array([[x[0], 1.0], [2.0, x[1]]])), x="2")
    assert caught.value.where.startswith("test_breadth.py:")


@pytest.mark.parametrize(
    "function, hint",
    [
        (lambda x: np.arange(x.shape[0]), r"sg\.arange"),
        (lambda x: np.zeros((x.shape[0],)), r"sg\.zeros"),
        (lambda x: np.eye(x.shape[0]), r"sg\.eye"),
        (lambda x: len(x), r"X\.shape\[0\]"),
        (lambda x: np.unique(x), r"sg\.segment_sum"),
        (lambda x: np.nonzero(x), r"np\.where"),
        (lambda x: np.put_along_axis(x, np.array([0]), 1.0, 0), r"sg\.scatter_add"),
        (lambda x: np.compress(x > 0, x), r"np\.where"),
        (lambda x: np.quantile(x, 0.5, method="inverted_cdf"), "fixed size(.|\n)*hazen"),
        (lambda x: np.quantile(x, 0.5, method="average"), "linear"),
        (lambda x: np.gcd(x, 2), "bits"),
        (lambda x: np.nextafter(x, 2), "floating-point"),
        (lambda x: np.array([x, x]), r"np\.stack"),
        (lambda x: np.sin(np.array([x[0], 1.0])), r"np\.stack"),
        (lambda x: np.add.at(x, [0], 1.0), r"sg\.scatter_add"),
        (lambda x: np.add.reduceat(x, [0, 1]), r"sg\.segment_sum"),
        (lambda x: x.sort(), r"np\.sort"),
        (lambda x: x.view(), "memory"),
        (lambda x: x.rehsape(2), "'reshape' exists"),
        (lambda x: np.einsum(x, "i"), "lists of axes"),
        (lambda x: np.insert(x, [0, 1], 1.0), "fixed size"),
        (lambda x: np.pad(x, 1, mode="empty"), "reflect"),
        (lambda x: np.pad(x, 1, mode="mean", stat_length=2), "concatenate"),
        (lambda x: np.repeat(x, [1, 2]), "fixed size"),
        (lambda x: np.average(x, weights=[1.0, 2.0]), "weights"),
        (lambda x: sg.cross_entropy(x, x), "integers"),
        (lambda x: np.max(x, where=x > 0), "initial="),
        (lambda x: np.sum(x, dtype=np.float32), "dtype"),
    ],
)
def test_refused_with_a_way_out(function, hint):
    with pytest.raises((TraceError, ShapeError, SpecError), match=hint):
        sg.trace(function, x="n")


def test_statistics_names_of_the_logistic_function() -> None:
    f = sg.trace(lambda p: sg.logit(p), p="...")
    for p in (1e-300, 0.25, 0.75):
        assert f(p) == pytest.approx(math.log(p) - math.log1p(-p), rel=1e-14)
        assert sg.grad(f, "p")(p) == pytest.approx(1 / (p * (1 - p)), rel=1e-14)
    g = sg.trace(lambda x: (sg.expit(x), sg.log_expit(x)), x="...")
    assert g(-1000.0) == (0.0, -1000.0)
    assert g(0.0)[0] == 0.5
