"""Calls with Python floats go through `math`: the same numbers as for arrays, infinities and nan included."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels import namespace
from symgrad.lower.plain import KERNELS, PLAIN
from symgrad.node import OPS, lift
from symgrad.ops.leaves import input_node

POINTS = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.7, 1e-300, 30.0, 800.0, -800.0, 1e200, -1e200)
SINGULAR = (float("inf"), float("-inf"), float("nan"))

FORMULAS = {
    "quotient": lambda x, y: (x - y) / (x * y) - x**2 * y,
    "powers": lambda x, y: x**y + x**0.5 + x**3 - y**-2 + x**4,
    "logarithms": lambda x, y: np.log(x) + np.log1p(y) * np.log2(x) - np.log10(y),
    "exponentials": lambda x, y: np.exp(x) - np.expm1(y) * np.sqrt(x),
    "angles": lambda x, y: np.sin(x) * np.cos(y) + np.tan(x * y) + np.arctan2(x, y) - np.arctan(x),
    "inverses": lambda x, y: np.arcsin(x) + np.arccos(y) + np.arcsinh(x) + np.arccosh(y) + np.arctanh(x),
    "hyperbolic": lambda x, y: np.sinh(x) + np.cosh(y) * np.tanh(x) + np.hypot(x, y),
    "kinks": lambda x, y: abs(x) * np.sign(y) + sg.relu(x) - np.maximum(y, 1.0) + np.minimum(-2, x),
    "branches": lambda x, y: np.where(x > y, x - 1, np.where(x <= 2, 3 * y, x)) + np.where(x == y, y, 2.0),
    "logistic": lambda x, y: sg.sigmoid(x) * y + np.logaddexp(0.0, y) + sg.softplus(x),
    "extremes": lambda x, y: np.maximum(x, y) * np.minimum(x, 2 * y) + np.clip(x, -2, 3),
    "sums": lambda x, y: np.logaddexp(x, y) + sg.elu(x, 0.5) - sg.relu(x * y),
    "normal": lambda x, y: x * sg.norm_cdf(y) - sg.norm_pdf(x) + sg.erf(x) * sg.erfc(y),
    "entropies": lambda x, y: sg.xlogy(x, y) + sg.xlogy(y, y) + sg.xlogy(abs(x), 1 + y**2),
    "rest": lambda x, y: np.mod(x, y) + np.exp2(x) + np.deg2rad(y) + np.copysign(x, y),
    "versine": lambda x, y: (1 - np.cos(x + y)) * y,
}


def flat(result):
    return [x for part in result for x in flat(part)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("derivative", [False, True])
def test_floats_give_what_arrays_give(name, derivative):
    f = sg.trace(FORMULAS[name], name="f", x="...", y="...")
    f = sg.value_and_grad(f) if derivative else f
    assert "_f_of_floats(" in sg.Module("m", {"f": f}).source()
    g = sg.compile(f)
    with np.errstate(all="ignore"):
        for x, y in itertools.product(POINTS + SINGULAR, repeat=2):
            got = g(x, y)
            want = g(np.array([x]), np.array([y]))
            scalars = [np.float64(part[0]) for part in flat(want)]
            for a, b in zip(flat(got), scalars):
                assert type(a) is np.float64
                np.testing.assert_allclose(a, b, rtol=1e-11, err_msg=f"{name} at {x}, {y}")


#: `logistic` has a value only of x and exp(-|x|) together; sigmoid and softplus above have it in them.
ALONE = [OPS[name] for name in (*PLAIN, *KERNELS) if name not in ("broadcast_to", "logistic", "cast")]
PARAMETERS = {"clip": {"low": -1.5, "high": 2}, "elu": {"alpha": 0.7}}


@pytest.mark.parametrize("op", ALONE, ids=str)
def test_every_operation(op):
    """Each on its own, at its special points; results of truth values go through a choice."""
    leaves = [input_node(f"x{i}", (sg.shapes.BATCH,)) for i in range(len(op.operands))]
    operands = list(leaves)
    if op.name == "where" or op.name.startswith("logical"):
        operands[0] = OPS["greater"](leaves[0], 0)
    if op.name in ("logical_and", "logical_or"):
        operands[1] = OPS["less"](leaves[1], 0.5)
    node = op(*operands, **PARAMETERS.get(op.name, {}))
    node = OPS["where"](node, leaves[0], lift(2.5)) if node.dtype == "bool" else node
    f = sg.graph.Function("f", tuple(sg.graph.Parameter(x.name, x) for x in leaves), node)
    g = sg.compile(f)
    special = (*op.special, 0.0, -0.0, 1.0, -1.5, 0.3, 700.0, *SINGULAR)
    with np.errstate(all="ignore"):
        for point in itertools.product(special, repeat=len(leaves)):
            got, want = g(*point), g(*[np.array([x]) for x in point])[0]
            assert type(got) is np.float64
            # numpy's and the C library's functions are each within a few ulp.
            np.testing.assert_allclose(got, want, rtol=4e-15, atol=0, err_msg=str(point))


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_of_floats_are_accurate(name):
    """Within the 4 ulp that the operations promise, against mpmath."""
    mp = pytest.importorskip("mpmath")
    exact = {
        "gaussian": lambda x: mp.exp(-x * x),
        "norm_pdf": lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi),
        "norm_pdf_slope": lambda x: -x * mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi),
        "norm_cdf": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2,
    }
    kernel = namespace()[KERNELS[name]]
    with mp.workdps(40):
        for x in np.concatenate([s * np.linspace(-1, 1, 101) for s in (1.0, 3.0, 12.0, 37.2)]).tolist():
            wanted = exact[name](mp.mpf(x))
            if abs(wanted) > 1e-300:
                assert abs(kernel(x) - wanted) <= 4 * np.spacing(abs(float(wanted))), x


def test_a_negative_base_gives_nan_and_no_complex_number():
    g = sg.compile(sg.trace(lambda x, y: x**y, name="f", x="...", y="..."))
    with np.errstate(invalid="ignore"):
        assert np.isnan(g(-8.0, 1 / 3))


def test_numpy_warns_where_math_raises():
    g = sg.compile(sg.trace(lambda x, y: x / y, name="f", x="...", y="..."))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert g(1.0, 0.0) == np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert g(1.0, 4.0) == 0.25


def test_numbers_of_other_types_go_the_same_way():
    f = sg.trace(lambda x, y: np.sin(x) * y + y**2, name="f", x="...", y="...")
    module = sg.Module("m", {"f": f, "g": sg.value_and_grad(f)}).load()
    called = []
    for name in ("_f_of_floats", "_g_of_floats"):
        floats = getattr(module, name)
        setattr(module, name, lambda *a, floats=floats, name=name: called.append(name) or floats(*a))
    kinds = (float, int, np.float64, np.int64)
    for x, y in itertools.product((kind(3) for kind in kinds), repeat=2):
        assert repr(module.f(x, y)) == repr(module.f(3.0, 3.0))
        value, gradient = module.g(x=x, y=y)
        assert repr((value, *gradient)) == repr((module.f(3.0, 3.0), *module.g(3.0, 3.0)[1]))
        assert type(gradient) is module.FGradient
    assert len(called) == 5 * len(kinds) ** 2
    # What is no number of double precision does not.
    module.f(np.ones(3), 2.0)
    assert type(module.f(np.float32(1), np.float32(2))) is np.float32
    module.f(True, np.array(2.0))
    assert len(called) == 5 * len(kinds) ** 2


def test_integers_become_the_nearest_floats():
    f = sg.compile(sg.trace(lambda x, y: x + y, name="f", x="...", y="..."))
    for k in (2**53 + 1, -(2**63), 2**64 - 1):
        assert f(k, 0) == np.asarray(k).astype(np.float64) == float(k)
    with pytest.raises(TypeError, match="x: expected real numbers"):
        f(10**400, 0)


def test_zeros_keep_their_signs_and_nan_is_one():
    f = sg.compile(sg.trace(lambda x, y: (x * y, x, -y), name="f", x="...", y="..."))
    product, x, y = f(-0.0, 2.0)
    assert np.signbit(product) and np.signbit(x) and np.signbit(y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in SINGULAR:
            np.testing.assert_array_equal(f(value, 1.0), (value, value, -1.0))


def test_nested_results():
    def f(x, y):
        return {"a": x + y, "b": (x * y,)}, x - y

    f = sg.trace(f, x="...", y="...")
    (named, difference) = sg.compile(f)(3, 2.0)
    assert named == {"a": 5.0, "b": (6.0,)} and difference == 1.0
    gradient = sg.compile(sg.grad(sg.trace(lambda x, y: x * y, name="f", x="...", y="..."), wrt=("y",)))(3, 2)
    assert gradient._fields == ("y",) and gradient.y == 3.0 and type(gradient.y) is np.float64


@pytest.mark.parametrize("value", [2, True, np.float64(2.0), np.array(2.0), np.float32(2.0), [2.0]])
def test_other_arguments(value):
    g = sg.compile(sg.trace(lambda x, y: x * y, name="f", x="...", y="..."))
    assert np.all(g(value, 3.0) == np.multiply(value, 3.0))
    with pytest.raises(TypeError):
        g("2", 3.0)


@pytest.mark.parametrize(
    "f",
    [
        sg.trace(lambda x: np.sum(x), name="f", x="n"),
        sg.trace(lambda x, y: np.floor(x) * y, name="f", x="...", y="..."),
        sg.trace(lambda x: sg.gammaln(x), name="f", x="..."),
        sg.trace(lambda x: x + 1, name="f", x=sg.array("...", "float32")),
        sg.trace(lambda x, k: x + k, name="f", x="...", k=sg.array("...", "int64")),
        sg.trace(lambda p: p["a"] + p["b"], name="f", p={"a": "...", "b": "..."}),
    ],
)
def test_functions_without_such_a_body(f):
    assert "_of_floats" not in sg.Module("m", {"f": f}).source()


def test_it_can_be_left_out():
    f = sg.trace(lambda x: np.sin(x), name="f", x="...")
    assert "math" not in sg.Module("m", {"f": f}, without=("plain_floats",)).source()
    assert "import math" in sg.Module("m", {"f": f}).source()


def test_names_that_the_module_uses_are_kept_apart():
    f = sg.trace(lambda math, np_, float_: math * np_ + float_, name="f",
                 shapes={"math": "...", "np_": "...", "float_": "..."})  # fmt: skip
    assert sg.compile(f)(2.0, 3.0, 4.0) == 10.0


@pytest.mark.parametrize("name", ["type", "float", "max", "min", "abs", "math", "ValueError"])
def test_arguments_called_as_what_the_body_calls(name):
    sp = pytest.importorskip("sympy")
    x = sp.Symbol(name, real=True)
    f = sg.from_sympy(abs(x) * sp.exp(x) + sp.Max(x, 1) - sp.Min(x, 3))
    expected = abs(2.5) * np.exp(2.5) + 2.5 - 2.5
    np.testing.assert_allclose(sg.compile(f)(2.5), expected, rtol=1e-15)
