"""Elementwise operations: every one of the registry against numpy and sympy, then the traps one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
from evaluate import evaluate

import symgrad.ops  # noqa: F401  (fills the registry)
from symgrad.errors import TraceError
from symgrad.graph import Function, Parameter
from symgrad.guard import guard
from symgrad.node import OPS, Node, Op, lift
from symgrad.ops.leaves import input_node
from symgrad.shapes import named, parse_shape
from symgrad.spelling import FUNCTIONS, METHODS, NAMES
from symgrad.transforms.reverse import pullback
from symgrad.verify import scalars
from symgrad.verify.formula import DIGITS

ELEMENTWISE = [record for record in OPS.values() if record.elementwise and record.operands]
FLOAT = [record for record in ELEMENTWISE if record.dtype(*[input_node("x", ())] * len(record.operands),
                                                          **record.defaults) == "float64"]  # fmt: skip
by_name = pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda record: record.name)
by_float = pytest.mark.parametrize("record", FLOAT, ids=lambda record: record.name)

EPS = np.finfo(float).eps
#: Rounding errors allowed, in units of what first-order analysis of one evaluation gives.
ROUNDINGS = 8


def dtypes(record: Op) -> Sequence[str]:
    if record.examples and "dtypes" in record.examples[0]:
        found: Sequence[str] = record.examples[0]["dtypes"]
        return found
    return ("float64",) * len(record.operands)


def node_of(record: Op, shape: str = "n") -> tuple[Node, list[Node]]:
    """The operation on inputs of one shape."""
    inputs = [
        input_node(name, parse_shape(shape), dtype) for name, dtype in zip(record.operands, dtypes(record))
    ]
    return record(*inputs, **record.defaults), inputs


def points(record: Op) -> list[np.ndarray[Any, Any]]:
    """One array for each operand: random numbers of its domain, then every combination of special ones."""
    rng = np.random.default_rng(len(record.name))
    columns = []
    special = [[v for v in record.special if math.isfinite(v)]] * len(record.operands)
    extra = list(itertools.product(*special))
    for position, (name, dtype) in enumerate(zip(record.operands, dtypes(record))):
        low, high = record.sample[name] if isinstance(record.sample, dict) else record.sample
        drawn = rng.uniform(low, high, 12) if dtype == "float64" else rng.integers(0, 2, 12) > 0
        columns.append(np.array([*drawn, *[point[position] for point in extra]]).astype(dtype))
    return columns


def quiet() -> Any:
    """Underflow to 0 or to a subnormal number is no error; all else is."""
    return np.errstate(all="raise", under="ignore")


def meaning(record: Op) -> Callable[..., Any]:
    assert record.sympy is not None
    rule, params = record.sympy, dict(record.defaults)
    return lambda sp, *operands: rule(sp, *operands, **params)


def exact(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    number = scalars.exact(float(value))
    number.literal = None  # a quantity that varies
    return number


def close(found: float, expected: Any) -> bool:
    if not mpmath.isfinite(expected.value):
        return True  # listed one by one below
    return (
        abs(mpmath.mpf(float(found)) - expected.value)
        <= ROUNDINGS * EPS * max(expected.bound, expected.size) + np.finfo(float).tiny
    )


def check(found: Any, expected: list[Any], columns: list[Any]) -> None:
    found = np.broadcast_to(found, (len(expected),))
    for i, number in enumerate(expected):
        point = [float(c[i]) for c in columns]
        assert close(found[i], number), (point, float(found[i]), float(number.value), number.bound)


# --- every operation ----------------------------------------------------------------------------------


#: Operations that numpy has too, computed here by a kernel of our own.
OWN_KERNEL = ("i0",)


@by_name
def test_text_is_numpy(record: Op) -> None:
    functions = [f for f, builder in FUNCTIONS.items() if builder is record]
    functions = functions or [getattr(np, record.name, None)]
    if functions[0] is None or record.params:
        pytest.skip("no numpy function of its own")
    node, inputs = node_of(record)
    columns = points(record)
    with np.errstate(all="ignore"):
        found, wanted = evaluate([node], dict(zip(inputs, columns)))[0], functions[0](*columns)
    if record.name in OWN_KERNEL:
        # numpy's is good to a few ulp, as ours is, and they round differently.
        np.testing.assert_allclose(found, wanted, rtol=8 * EPS, atol=0, strict=True)
    else:
        np.testing.assert_array_equal(found, wanted, strict=True)


@by_name
def test_text_has_its_meaning(record: Op) -> None:
    node, inputs = node_of(record)
    columns = points(record)
    with np.errstate(all="ignore"), mpmath.workdps(DIGITS):
        (found,) = evaluate([node], dict(zip(inputs, columns)))
        assert found.dtype == node.dtype
        if node.dtype != "float64":
            decided = [scalars.decide(meaning(record), *map(exact, row)) for row in zip(*columns)]
            kind = int if node.dtype == "int64" else bool
            assert [kind(v) for v in decided] == found.tolist()
            return
        check(found, [scalars.apply(meaning(record), *map(exact, row)) for row in zip(*columns)], columns)


@by_float
def test_adjoint_is_the_derivative(record: Op) -> None:
    node, inputs = node_of(record)
    columns = points(record)
    g = input_node("g", node.shape)
    for position, operand in enumerate(inputs):
        if operand.dtype != "float64":
            continue
        with mpmath.workdps(DIGITS):
            expected = []
            for row in zip(*columns):
                entries = [exact(v) for v in row]
                entries[position] = scalars.raised(entries[position], 1, 0)
                expected.append(scalars.tangent(scalars.apply(meaning(record), *entries), 1, 0))
        finite = [i for i, e in enumerate(expected) if mpmath.isfinite(e.value)]
        assert len(finite) >= 12
        chosen = [c[finite] for c in columns]
        (adjoint,), _ = pullback([node], [g], [operand])
        given = dict(zip(inputs, chosen))
        with quiet():
            (found,) = evaluate([adjoint], {**given, g: np.ones(len(finite))})
            (zero,) = evaluate([adjoint], {**given, g: np.zeros(len(finite))})
        with mpmath.workdps(DIGITS):
            check(found, [expected[i] for i in finite], chosen)
        assert not np.any(zero)


@by_float
def test_second_derivatives(record: Op) -> None:
    node, inputs = node_of(record)
    columns = [c[:12] for c in points(record)]
    ones = {input_node("g", node.shape): np.ones(12)}
    for i, j in itertools.product(range(len(inputs)), repeat=2):
        if inputs[i].dtype != "float64" or inputs[i].dtype != inputs[j].dtype:
            continue
        with mpmath.workdps(DIGITS):
            expected = []
            for row in zip(*columns):
                entries = [exact(v) for v in row]
                entries[i] = scalars.raised(entries[i], 1, 0)
                entries[j] = scalars.raised(entries[j], 2, 0)
                twice = scalars.tangent(scalars.apply(meaning(record), *entries), 2, 0)
                expected.append(scalars.tangent(twice, 1, 0))
        (g,) = ones
        (first,), _ = pullback([node], [g], [inputs[i]])
        (second,), _ = pullback([first], [g], [inputs[j]])
        with quiet():
            (found,) = evaluate([second], {**dict(zip(inputs, columns)), **ones})
        found = np.broadcast_to(found, (12,))
        for at, (value, number) in enumerate(zip(found, expected)):
            scale = max(number.bound, number.size, 1.0)
            assert abs(float(value) - float(number.value)) <= 100 * EPS * scale, (i, j, columns[i][at])


@by_float
@pytest.mark.parametrize("shape", [(), (4,), (0,), (2, 1, 3)], ids=str)
def test_float32_is_kept(record: Op, shape: tuple[int, ...]) -> None:
    node, inputs = node_of(record, "...")
    columns = points(record)
    values = {
        x: np.resize(c, shape).astype(np.float32) if x.dtype == "float64" else np.resize(c, shape)
        for x, c in zip(inputs, columns)
    }
    g = input_node("g", node.shape)
    values[g] = np.ones(shape, np.float32)
    floats = [x for x in inputs if x.dtype == "float64"]
    adjoints, _ = pullback([node], [g], floats)
    with np.errstate(all="ignore"):
        for found in evaluate([node, *adjoints], values):
            assert found.dtype == np.float32
            assert found.shape == shape or not found.shape


# --- spellings ----------------------------------------------------------------------------------------

X = input_node("x", parse_shape("n"))
Y = input_node("y", parse_shape("n"))
K = input_node("k", parse_shape("n"), "int64")
C = input_node("c", parse_shape("n"), "bool")
SKIPPED = {
    "gcd", "lcm", "frexp", "nextafter", "spacing", "isnat", "left_shift", "right_shift", "bitwise_count",
    "matmul", "matvec", "vecmat", "vecdot",
}  # fmt: skip


def test_every_ufunc_is_spelled() -> None:
    ufuncs = {v for v in vars(np).values() if isinstance(v, np.ufunc) and v.signature is None}
    assert sorted(u.__name__ for u in ufuncs if u not in FUNCTIONS and u.__name__ not in SKIPPED) == []


SPELLINGS: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = [
    ("clip", lambda x: METHODS["clip"](x, -0.5, 1), lambda x: x.clip(-0.5, 1)),
    ("clip above", lambda x: METHODS["clip"](x, None, 1), lambda x: x.clip(None, 1)),
    ("clip below", lambda x: METHODS["clip"](x, min=0.5), lambda x: np.maximum(x, 0.5)),
    ("clip nowhere", lambda x: FUNCTIONS[np.clip](x, None, None), lambda x: x),
    ("clip to arrays", lambda x: FUNCTIONS[np.clip](x, x - 1, 2), lambda x: np.clip(x, x - 1, 2)),
    ("clip the wrong way", lambda x: FUNCTIONS[np.clip](x, 1, -1), lambda x: np.clip(x, 1, -1)),
    ("round", lambda x: METHODS["round"](x), lambda x: x.round()),
    ("round to 2", lambda x: METHODS["round"](x, 2), lambda x: x.round(2)),
    ("around", lambda x: FUNCTIONS[np.around](x, 1), lambda x: np.around(x, 1)),
    ("fix", lambda x: FUNCTIONS[np.fix](x), np.fix),
    ("modf", lambda x: FUNCTIONS[np.modf](x)[0], lambda x: np.modf(x)[0]),
    ("divmod", lambda x: FUNCTIONS[np.divmod](x, 0.7)[1], lambda x: np.divmod(x, 0.7)[1]),
    ("ldexp", lambda x: FUNCTIONS[np.ldexp](x, 3), lambda x: np.ldexp(x, 3)),
    ("isclose", lambda x: FUNCTIONS[np.isclose](x, x + 1e-9), lambda x: np.isclose(x, x + 1e-9)),
    ("isposinf", lambda x: FUNCTIONS[np.isposinf](x), np.isposinf),
    ("nan_to_num", lambda x: FUNCTIONS[np.nan_to_num](x, nan=2.0), lambda x: np.nan_to_num(x, nan=2.0)),
    (
        "select",
        lambda x: FUNCTIONS[np.select]([OPS["greater"](x, 1), OPS["less"](x, 0)], [x, -x], 5),
        lambda x: np.select([x > 1, x < 0], [x, -x], 5),
    ),
    ("where", lambda x: FUNCTIONS[np.where](x, 1.0, 0.0), lambda x: np.where(x, 1.0, 0.0)),
    ("and", lambda x: FUNCTIONS[np.logical_and](x, OPS["less"](x, 1)), lambda x: np.logical_and(x, x < 1)),
    ("not", lambda x: FUNCTIONS[np.invert](OPS["less"](x, 1)), lambda x: ~(x < 1)),
    ("exp 1", lambda x: OPS["exp"](lift(1)) * x, lambda x: np.exp(1) * x),
    ("max of sizes", lambda x: OPS["maximum"](lift(named("n")), 3) * x, lambda x: 7 * x),
    ("relu", NAMES["relu"], lambda x: np.maximum(x, 0)),
    ("leaky_relu", lambda x: NAMES["leaky_relu"](x, 0.25), lambda x: np.where(x > 0, x, 0.25 * x)),
    ("elu", lambda x: NAMES["elu"](x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    ("softplus", NAMES["softplus"], lambda x: np.logaddexp(0, x)),
    ("log_sigmoid", NAMES["log_sigmoid"], lambda x: -np.logaddexp(0, -x)),
]


@pytest.mark.parametrize(("build", "function"), [s[1:] for s in SPELLINGS], ids=[s[0] for s in SPELLINGS])
def test_spellings(build: Callable[[Any], Any], function: Callable[[Any], Any]) -> None:
    x = np.array([-2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.25])
    (found,) = evaluate([build(X)], {X: x})
    np.testing.assert_array_equal(found, function(x), strict=True)
    (single,) = evaluate([build(X)], {X: x.astype(np.float32)})
    assert single.dtype == (np.float32 if found.dtype == np.float64 else found.dtype)


def test_integers() -> None:
    k = np.array([-3, 0, 2, 10])
    for build, expected in (
        (lambda: FUNCTIONS[np.floor](K), k),
        (lambda: METHODS["round"](K), k),
        (lambda: FUNCTIONS[np.power](K, 2), k * k),
        (lambda: FUNCTIONS[np.power](K, 40), k**40.0),
        (lambda: FUNCTIONS[np.sin](K), np.sin(k)),
        (lambda: OPS["mod"](K, 3), k % 3),
        (lambda: FUNCTIONS[np.where](OPS["greater"](K, 0), K, X), np.where(k > 0, k, 0.5)),
        (lambda: FUNCTIONS[np.where](C, K, 1.5), np.where(k > 0, k, 1.5)),
    ):
        node = build()
        (found,) = evaluate([node], {K: k, X: np.full(4, 0.5), C: k > 0})
        np.testing.assert_array_equal(found, expected, strict=True)
        assert found.dtype == node.dtype


def test_integer_to_negative_powers() -> None:
    k = np.array([-4, 1, 2])
    for p in (-1, -2, -3):
        (found,) = evaluate([FUNCTIONS[np.power](K, p)], {K: k})
        np.testing.assert_allclose(found, k.astype(float) ** p, rtol=1e-15)


def test_refusals() -> None:
    for call, text in (
        (lambda: FUNCTIONS[np.where](C), "np.where"),
        (lambda: FUNCTIONS[np.bitwise_and](X, C), "parentheses"),
        (lambda: FUNCTIONS[np.select]([C], []), "one choice"),
        (lambda: NAMES["elu"](X, X), "alpha"),
        (lambda: METHODS["round"](X, 1.5), "integer"),
        (lambda: FUNCTIONS[np.isclose](X, Y, equal_nan=True), "equal_nan"),
    ):
        with pytest.raises(TraceError, match=text):
            call()


# --- traps: first and second derivatives at points that go wrong ---------------------------------------

INF, NAN = math.inf, math.nan
np_ = {name: FUNCTIONS[getattr(np, name)] for name in (
    "where", "log", "sqrt", "exp", "hypot", "arctan2", "sinc", "arcsin", "arccos", "cbrt", "maximum", "power",
    "minimum", "clip", "floor", "ceil", "trunc", "rint", "sign", "fmax", "fmin", "remainder", "logaddexp",
    "expm1", "log1p", "arcsinh", "arccosh", "arctan", "tanh", "abs", "fmod", "copysign", "heaviside",
)}  # fmt: skip
greater = OPS["greater"]

Trap = tuple[Callable[..., Node], tuple[float, ...], tuple[float, ...]]
TRAPS: dict[str, Trap] = {
    "R1 sqrt at 0": (np_["sqrt"], (0.0,), (INF,)),
    "R6 hypot at 0": (np_["hypot"], (0.0, 0.0), (0.0, 0.0)),
    "R6 hypot of large": (np_["hypot"], (1e200, 1e200), (math.sqrt(0.5), math.sqrt(0.5))),
    "R7 arctan2 at 0": (np_["arctan2"], (0.0, 0.0), (0.0, 0.0)),
    "arctan2 of large": (np_["arctan2"], (1e200, 1e200), (0.5e-200, -0.5e-200)),
    "R8 sinc at 0": (np_["sinc"], (0.0,), (0.0,)),
    "R9 sinc near 0": (np_["sinc"], (1e-8,), (-(math.pi**2) / 3 * 1e-8,)),
    "R12 arcsin at 1": (np_["arcsin"], (1.0,), (INF,)),
    "R12 arccos at -1": (np_["arccos"], (-1.0,), (-INF,)),
    "R13 cbrt at 0": (np_["cbrt"], (0.0,), (INF,)),
    "R13 cbrt at -8": (np_["cbrt"], (-8.0,), (1 / 12,)),
    "arccosh of large": (np_["arccosh"], (1e200,), (1e-200,)),
    "arcsinh of large": (np_["arcsinh"], (-1e200,), (1e-200,)),
    "K1 abs at 0": (np_["abs"], (0.0,), (0.0,)),
    "K1 abs at -0": (np_["abs"], (-0.0,), (0.0,)),
    "K2 maximum tie": (np_["maximum"], (2.0, 2.0), (0.5, 0.5)),
    "K2 minimum tie": (np_["minimum"], (2.0, 2.0), (0.5, 0.5)),
    "K12 maximum of infinities": (np_["maximum"], (INF, INF), (0.5, 0.5)),
    "K4 maximum with 0": (lambda x: np_["maximum"](x, 0), (0.0,), (0.5,)),
    "K4 where": (lambda x: np_["where"](greater(x, 0), x, 0), (0.0,), (0.0,)),
    "K4 relu": (NAMES["relu"], (0.0,), (0.0,)),
    "K5 relu of both signs": (lambda x: NAMES["relu"](x) - NAMES["relu"](-x), (0.0,), (0.0,)),
    "K6 clip at the lower bound": (lambda x: np_["clip"](x, 0, 1), (0.0,), (0.5,)),
    "K6 clip at the upper bound": (lambda x: np_["clip"](x, 0, 1), (1.0,), (0.5,)),
    "clip within": (lambda x: np_["clip"](x, 0, 1), (0.5,), (1.0,)),
    "clip outside": (lambda x: np_["clip"](x, 0, 1), (2.0,), (0.0,)),
    "clip, equal bounds": (lambda x: np_["clip"](x, 1, 1), (1.0,), (0.25,)),
    "clip, a bound that varies": (lambda x, y: np_["clip"](x, None, y), (3.0, 1.0), (0.0, 1.0)),
    "K9 floor": (np_["floor"], (2.0,), (0.0,)),
    "K9 ceil": (np_["ceil"], (2.5,), (0.0,)),
    "K9 rint": (np_["rint"], (2.5,), (0.0,)),
    "K9 sign": (np_["sign"], (0.0,), (0.0,)),
    "K10 mod": (np_["remainder"], (7.0, 3.0), (1.0, -2.0)),
    "K10 mod of a negative": (np_["remainder"], (-7.0, 3.0), (1.0, 3.0)),
    "fmod of a negative": (np_["fmod"], (-7.0, 3.0), (1.0, 2.0)),
    "K13 fmax with nan": (np_["fmax"], (1.0, NAN), (1.0, 0.0)),
    "K13 fmin with nan": (np_["fmin"], (NAN, 1.0), (0.0, 1.0)),
    "fmax tie": (np_["fmax"], (1.0, 1.0), (0.5, 0.5)),
    "copysign": (np_["copysign"], (-2.0, -0.0), (1.0, 0.0)),
    "heaviside at 0": (np_["heaviside"], (0.0, 0.3), (0.0, 1.0)),
    "P1 0**0": (np_["power"], (0.0, 0.0), (0.0, 0.0)),
    "P1 0**1": (np_["power"], (0.0, 1.0), (1.0, 0.0)),
    "P1 0**2": (np_["power"], (0.0, 2.0), (0.0, 0.0)),
    "P1 0**0.5": (np_["power"], (0.0, 0.5), (INF, 0.0)),
    "P1 0**-1": (np_["power"], (0.0, -1.0), (-INF, -INF)),
    "P3 a negative base": (np_["power"], (-2.0, 3.0), (12.0, NAN)),
    "P3 a negative base, fixed exponent": (lambda x: np_["power"](x, 3), (-2.0,), (12.0,)),
    "P4 x**0": (lambda x: np_["power"](x, 0), (0.0,), (0.0,)),
    "P4 x**0.0": (lambda x: np_["power"](x, 0.0), (0.0,), (0.0,)),
    "P5 x**1.875": (lambda x: np_["power"](x, 1.875), (0.0,), (0.0,)),
    "x**0.5": (lambda x: np_["power"](x, 0.5), (4.0,), (0.25,)),
    "x**-0.5": (lambda x: np_["power"](x, -0.5), (4.0,), (-1 / 16,)),
    "x**-2": (lambda x: np_["power"](x, -2), (2.0,), (-0.25,)),
    "x**3 at 0": (lambda x: np_["power"](x, 3), (0.0,), (0.0,)),
    "x**1": (lambda x: np_["power"](x, 1), (0.0,), (1.0,)),
    "2**x": (lambda x: np_["power"](2, x), (3.0,), (8 * math.log(2),)),
    "0**x": (lambda x: np_["power"](0, x), (3.0,), (0.0,)),
    "E3 logaddexp": (lambda x: np_["logaddexp"](0, x), (1000.0,), (1.0,)),
    "E4 sigmoid at -1000": (NAMES["sigmoid"], (-1000.0,), (0.0,)),
    "E4 sigmoid at 1000": (NAMES["sigmoid"], (1000.0,), (0.0,)),
    "logaddexp with -inf": (np_["logaddexp"], (-INF, 1.0), (0.0, 1.0)),
    "E5 tanh at 1000": (np_["tanh"], (1000.0,), (0.0,)),
    "E7 expm1": (np_["expm1"], (1e-12,), (math.exp(1e-12),)),
    "elu far left": (NAMES["elu"], (-1000.0,), (0.0,)),
    "elu far right": (NAMES["elu"], (1000.0,), (1.0,)),
    "elu at 0": (NAMES["elu"], (0.0,), (1.0,)),
    "leaky_relu at 0": (lambda x: NAMES["leaky_relu"](x, 0.1), (0.0,), (0.1,)),
    "silu far left": (NAMES["silu"], (-1000.0,), (0.0,)),
    "softplus far left": (NAMES["softplus"], (-1000.0,), (0.0,)),
}


def gradient(build: Callable[..., Node], point: tuple[float, ...]) -> tuple[list[Node], dict[Node, Any]]:
    inputs = [input_node(name, parse_shape("n")) for name in "xy"[: len(point)]]
    g = input_node("g", parse_shape("n"))
    nodes, _ = pullback([build(*inputs)], [g], inputs)
    values = {x: np.array([v, v]) for x, v in zip(inputs, point)}
    return nodes, {**values, g: np.ones(2)}


@pytest.mark.parametrize(("build", "point", "expected"), TRAPS.values(), ids=TRAPS)
def test_traps(build: Callable[..., Node], point: tuple[float, ...], expected: tuple[float, ...]) -> None:
    nodes, values = gradient(build, point)
    for node, wanted in zip(nodes, expected):
        with quiet() if math.isfinite(wanted) else np.errstate(all="ignore"):
            (found,) = evaluate([node], values)
        np.testing.assert_allclose(found, np.full(2, wanted), rtol=4e-16, atol=0)


SECOND: dict[str, Trap] = {
    "R8 sinc at 0": (np_["sinc"], (0.0,), (-(math.pi**2) / 3,)),
    "R9 sinc near 0": (np_["sinc"], (1e-8,), (-(math.pi**2) / 3,)),
    "P6 x**2 at 0": (lambda x: np_["power"](x, 2), (0.0,), (2.0,)),
    "P6 x**3 at 0": (lambda x: np_["power"](x, 3), (0.0,), (0.0,)),
    "P6 x**y at (0, 0)": (np_["power"], (0.0, 0.0), (0.0, 0.0)),
    "P6 x**y at (0, 1)": (np_["power"], (0.0, 1.0), (0.0, 0.0)),
    "P6 x**y at (0, 2)": (np_["power"], (0.0, 2.0), (2.0, 0.0)),
    "relu": (NAMES["relu"], (0.0,), (0.0,)),
    "arctan2 at 0": (np_["arctan2"], (0.0, 0.0), (0.0, 0.0)),
    "sigmoid": (NAMES["sigmoid"], (1000.0,), (0.0,)),
}


@pytest.mark.parametrize(("build", "point", "expected"), SECOND.values(), ids=SECOND)
def test_second_derivative_traps(
    build: Callable[..., Node], point: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    firsts, values = gradient(build, point)
    g = input_node("g", parse_shape("n"))
    for first, x, wanted in zip(firsts, values, expected):
        (second,), _ = pullback([first], [g], [x])
        with quiet():
            (found,) = evaluate([second], values)
        np.testing.assert_allclose(np.broadcast_to(found, (2,)), np.full(2, wanted), rtol=1e-15, atol=0)


def test_sinc_derivatives_of_high_order() -> None:
    sinc_derivative = OPS["sinc_derivative"]
    x = np.array([0.0, 1e-8, 0.3, 0.6366, 0.64, 1.0, 2.5, -7.3])
    for order in range(1, 8):
        (found,) = evaluate([sinc_derivative(X, order=order)], {X: x})
        with mpmath.workdps(60):
            # f(t) = integral of cos(t u) over 0 < u < 1, differentiated under the integral.
            expected = [
                float(
                    mpmath.quad(
                        lambda u, v=v, n=order: (
                            (mpmath.pi * u) ** n
                            * mpmath.cos(mpmath.pi * u * mpmath.mpf(v) + n * mpmath.pi / 2)
                        ),
                        mpmath.linspace(0, 1, 9),
                    )
                )
                for v in x.tolist()
            ]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14 * math.pi**order)


def test_literal_powers_are_what_numpy_gives() -> None:
    """Python's own power of numbers raises, or is complex."""
    with np.errstate(all="ignore"):
        for base, exponent in ((10.0, 400), (0.0, -1), (-8.0, 0.5), (2, -1)):
            (found,) = evaluate([OPS["power"](base, exponent) * X], {X: np.ones(2)})
            np.testing.assert_array_equal(found, np.full(2, np.float_power(base, exponent)))


def test_selection_drops_what_is_not_finite() -> None:
    """W7: the adjoint of a select is a select; 0 * inf would be nan."""
    c = OPS["greater"](X, 0)
    g = input_node("g", parse_shape("n"))
    for y in (OPS["where"](c, X, 0), NAMES["relu"](X), np_["maximum"](X, 0), np_["clip"](X, 0, 1)):
        (x_bar,), _ = pullback([y], [g], [X])
        (found,) = evaluate([x_bar], {X: np.array([-1.0, -2.0]), g: np.array([INF, NAN])})
        np.testing.assert_array_equal(found, np.zeros(2))


BRANCHES: dict[str, tuple[Callable[[Node], Node], Callable[[Node], Node], tuple[float, ...]]] = {
    "W1 log": (np_["log"], lambda x: greater(x, 0), (0.0, -1.0)),
    "W2 sqrt": (np_["sqrt"], lambda x: greater(x, 0), (0.0, -3.0)),
    "W3 1/x": (lambda x: 1 / x, lambda x: greater(x, 0), (0.0, -3.0)),
    "W4 exp": (np_["exp"], lambda x: OPS["less"](x, 500), (1000.0, INF)),
    "x**1.5": (lambda x: np_["power"](x, 1.5), lambda x: greater(x, 0), (0.0, -1.0)),
    "x**x": (lambda x: np_["power"](x, x), lambda x: greater(x, 0), (0.0, -1.0, -0.5)),
    "arcsin": (np_["arcsin"], lambda x: OPS["less"](np_["abs"](x), 1), (1.0, -1.0, 3.0)),
    "arccosh": (np_["arccosh"], lambda x: greater(x, 1), (1.0, -5.0)),
    "log1p": (np_["log1p"], lambda x: greater(x, -1), (-1.0, -5.0)),
    "mod": (lambda x: np_["remainder"](1, x), lambda x: greater(x, 0), (0.0, -1.0)),
}


@pytest.mark.parametrize(("branch", "taken", "points"), BRANCHES.values(), ids=BRANCHES)
def test_branches_not_taken(
    branch: Callable[[Node], Node], taken: Callable[[Node], Node], points: tuple[float, ...]
) -> None:
    """Neither a nan nor a warning, of the first and of the second derivative (W6, W10)."""
    f = guard(Function("f", (Parameter("x", X),), np_["where"](taken(X), branch(X), 0)))
    g = input_node("g", parse_shape("n"))
    (first,), _ = pullback(f.output_nodes, [g], [X])
    (second,), _ = pullback([first], [g], [X])
    values = {X: np.array(points), g: np.ones(len(points))}
    with quiet():
        for found in evaluate([*f.output_nodes, first, second], values):
            np.testing.assert_array_equal(found, np.zeros(len(points)))
