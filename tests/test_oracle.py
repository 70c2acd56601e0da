"""The oracle against sympy on whole expressions, and that planted errors are caught.

Graphs are built by hand from operations declared here, outside the registry, so that nothing but the
oracle is under test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symgrad.errors import SpecError, VerificationError
from symgrad.frontends.sympy_out import to_sympy
from symgrad.graph import Function, Origin, Parameter
from symgrad.node import Node, Op, build, floats, lift
from symgrad.ops import arithmetic as ar
from symgrad.ops.leaves import input_node
from symgrad.shapes import parse_shape
from symgrad.tree import Record
from symgrad.verify.check import verify_function, verify_module
from symgrad.verify.loading import load
from symgrad.verify.oracle import expected
from symgrad.verify.report import Report


def declare(name: str, operands: str, meaning: Any, **fields: Any) -> Op:
    """An operation that is in no registry."""
    record = replace(
        ar.add,
        name=name,
        operands=tuple(operands.split()),
        sympy=meaning,
        adjoint=dict.fromkeys(operands.split()),
        dtype=fields.pop("dtype", floats),
    )
    return replace(record, **fields)


def whole(function: Callable[..., Any]) -> Any:
    return lambda m, node, x: np.asarray(function(m, list(x.ravel())))


exp = declare("t_exp", "x", lambda sp, x: sp.exp(x))
log = declare("t_log", "x", lambda sp, x: sp.log(x))
sin = declare("t_sin", "x", lambda sp, x: sp.sin(x))
sinc = declare("t_sinc", "x", lambda sp, x: sp.sinc(x))
tanh = declare("t_tanh", "x", lambda sp, x: sp.tanh(x))
floor = declare("t_floor", "x", lambda sp, x: sp.floor(x))
mod = declare("t_mod", "x y", lambda sp, x, y: sp.Mod(x, y))
power = declare("t_power", "x y", lambda sp, x, y: x**y)
maximum = declare("t_maximum", "x y", lambda sp, x, y: sp.Max(x, y))
greater = declare("t_greater", "x y", lambda sp, x, y: x > y, dtype=lambda *a, **k: "bool")
where = declare("t_where", "c x y", lambda sp, c, x, y: sp.Piecewise((x, c), (y, True)))
total = declare("t_total", "x", whole(lambda m, xs: m.sum(xs)), shape=lambda x: ())
largest = declare("t_largest", "x", whole(lambda m, xs: m.max(xs)), shape=lambda x: ())
frozen = declare("t_frozen", "x", lambda m, node, x: m.stop(x), shape=lambda x: x.shape)
pick = declare(
    "t_pick", "x i", lambda m, node, x, i: x[i], shape=lambda x, i: i.shape, dtype=lambda x, i: "float64"
)
product = declare(
    "t_product", "a b", lambda m, node, a, b: np.dot(a, b), shape=lambda a, b: a.shape[:-1] + b.shape[1:]
)
entry = declare(
    "t_entry", "x", lambda m, node, x: np.asarray(x[node.params[0]]), params=("at",), shape=lambda x, at: ()
)


def n(record: Op, *args: Any, **params: Any) -> Node:
    return build(record, tuple(lift(a) for a in args), tuple(params[p] for p in record.params))


def function(result: Any, name: str = "f", **shapes: str) -> Function:
    parameters = tuple(Parameter(key, input_node(key, parse_shape(text))) for key, text in shapes.items())
    return Function(name, parameters, result)


def inputs(**shapes: str) -> list[Node]:
    return [input_node(key, parse_shape(text)) for key, text in shapes.items()]


def derived(kind: str, f: Function, *wrt: str, batch: bool = False) -> Function:
    """A Function of that origin; its own nodes do not matter to the oracle, their count and shapes do."""
    nodes = [f.parameter(name).tree for name in wrt]  # type: ignore[union-attr]
    if batch:
        nodes = [ar.add(node, f.result) if not node.rank else node for node in nodes]
    gradient: Any = nodes[0] if len(nodes) == 1 else Record("G", wrt, tuple(nodes))
    result = gradient if kind == "grad" else (f.result, gradient)
    return replace(f, name=f"{f.name}_{kind}", result=result, origin=Origin(kind, f, wrt))


def values(f: Function, sizes: Mapping[str, int] | None = None, **point: Any) -> list[Any]:
    """The oracle's values as float arrays."""
    arrays = {key: [np.asarray(v)] for key, v in point.items()}
    found = expected(f, arrays, sizes or {})
    return [np.array([float(v.value) for v in out.flat]).reshape(out.shape) for out in found]


# --- agreement with sympy on whole expressions ------------------------------------------------------

X, Y, A = inputs(x="", y="", a="n")
SCALAR = {
    "quotient": ar.sqrt(X * X + Y * Y) / (X * 0.1 + ar.absolute(Y)),
    "nested": n(sin, n(exp, n(sin, X)) * Y),
    "powers": n(power, X, 3) * n(power, n(exp, Y), X),
    "kinks": n(maximum, X, Y) * ar.absolute(X - Y) + n(floor, X * 5) * Y + n(mod, Y, 3) * X,
    "choice": n(where, n(greater, X, Y), n(log, X), Y * Y),
    "saturating": n(tanh, X * Y) / (1 + n(tanh, Y)),
}


def exactly(expression: Any, **point: float) -> float:
    at = {sp.Symbol(key, real=True): sp.Rational(value) for key, value in point.items()}
    return float(sp.N(expression.subs(at).doit(), 30))


@pytest.mark.parametrize("name", SCALAR)
def test_derivatives_agree_with_sympy_on_the_whole_expression(name: str) -> None:
    f = function(SCALAR[name], x="", y="")
    expression = to_sympy(f)
    x, y = sp.symbols("x y", real=True)
    if name == "kinks":  # sympy leaves these unevaluated; away from the jumps they are constant
        expression = expression.subs({sp.floor(5 * x): 3, sp.Mod(y, 3): y})
    point = {"x": 0.71, "y": 0.37}
    first = derived("grad", f, "x", "y")
    fx, fy = values(first, **point)
    assert values(f, **point)[0] == pytest.approx(exactly(expression, **point), rel=1e-15)
    assert fx == pytest.approx(exactly(expression.diff(x), **point), rel=1e-15)
    assert fy == pytest.approx(exactly(expression.diff(y), **point), rel=1e-15)
    second = derived("grad", derived("grad", f, "x"), "y")
    assert values(second, **point)[0] == pytest.approx(exactly(expression.diff(x, y), **point), rel=1e-14)
    third = derived("grad", derived("grad", derived("grad", f, "x"), "y"), "x")
    assert values(third, **point)[0] == pytest.approx(
        exactly(expression.diff(x, y, x), **point), rel=1e-14, abs=1e-30
    )


def test_arrays_agree_with_sympy_on_the_whole_expression() -> None:
    X, w = inputs(X="n d", w="d")
    z = n(product, X, w)
    f = function(n(total, n(log, 1 + n(exp, z)) * z), X="n d", w="d")
    sizes = {"n": 3, "d": 2}
    expression = to_sympy(f, **sizes)
    rng = np.random.default_rng(1)
    point = {"X": rng.normal(size=(3, 2)), "w": rng.normal(size=2)}
    flat = {f"X_{i}_{j}": point["X"][i, j] for i in range(3) for j in range(2)}
    flat |= {f"w_{j}": point["w"][j] for j in range(2)}
    value, dX, dw = values(derived("value_and_grad", f, "X", "w"), sizes, **point)
    assert value == pytest.approx(exactly(expression, **flat))
    for name, array in (("X", dX), ("w", dw)):
        for index in np.ndindex(*array.shape):
            symbol = sp.Symbol("_".join([name, *map(str, index)]), real=True)
            assert array[index] == pytest.approx(exactly(expression.diff(symbol), **flat), rel=1e-14)


def test_matrix_derivatives_that_sympy_gets_wrong() -> None:
    """sympy's own matrix derivatives of these three are 0, without a word."""
    (S,) = inputs(S="2 2")
    (v,) = inputs(v="2")
    s = [[n(entry, S, at=(i, j)) for j in range(2)] for i in range(2)]
    determinant = s[0][0] * s[1][1] - s[0][1] * s[1][0]
    matrix, vector = np.array([[2.0, 0.5], [0.25, 1.5]]), np.array([0.3, -0.8])
    logdet = function(n(log, determinant), S="2 2")
    np.testing.assert_allclose(values(derived("grad", logdet, "S"), S=matrix)[0], np.linalg.inv(matrix).T)
    trace = function(n(exp, s[0][0] + s[1][1]), S="2 2")
    np.testing.assert_allclose(values(derived("grad", trace, "S"), S=matrix)[0], np.exp(3.5) * np.eye(2))
    square = function(n(sin, n(product, v, v)), v="2")
    np.testing.assert_allclose(
        values(derived("grad", square, "v"), v=vector)[0], 2 * vector * np.cos(vector @ vector)
    )


def test_vjp_weighs_the_outputs() -> None:
    (v,) = inputs(v="3")
    f = function(v * v * v, v="3")
    g = replace(derived("vjp", f, "v"), parameters=(*f.parameters, Parameter("ct", input_node("ct", (3,)))))
    vector, ct = np.array([1.0, 2.0, -3.0]), np.array([0.5, -1.0, 4.0])
    value, gradient = values(g, v=vector, ct=ct)
    np.testing.assert_array_equal(value, vector**3)
    np.testing.assert_array_equal(gradient, 3 * vector**2 * ct)


def test_jvp_and_hvp_move_along_a_direction() -> None:
    (v,) = inputs(v="3")
    dot = Parameter("v_dot", input_node("v_dot", (3,)))
    vector, direction = np.array([1.0, 2.0, -3.0]), np.array([0.5, -1.0, 4.0])
    f = function(v * v * v, v="3")
    g = replace(f, result=(v, v), parameters=(*f.parameters, dot), origin=Origin("jvp", f, ("v",)))
    value, tangent = values(g, v=vector, v_dot=direction)
    np.testing.assert_array_equal(value, vector**3)
    np.testing.assert_array_equal(tangent, 3 * vector**2 * direction)
    f = function(n(product, v, v) * n(total, v), v="3")
    h = replace(f, result=v, parameters=(*f.parameters, dot), origin=Origin("hvp", f, ("v",)))
    hessian = 2 * np.eye(3) * vector.sum() + 2 * (vector[:, None] + vector[None, :])
    np.testing.assert_allclose(values(h, v=vector, v_dot=direction)[0], hessian @ direction)


# --- conventions ------------------------------------------------------------------------------------


def gradient_of(result: Node, *wrt: str, **point: Any) -> list[Any]:
    shapes = {key: " ".join(map(str, np.shape(v))) for key, v in point.items()}
    return values(derived("grad", function(result, **shapes), *wrt), **point)


def test_conventions_at_kinks() -> None:
    assert gradient_of(ar.absolute(X), "x", x=0.0)[0] == 0
    assert gradient_of(ar.sign(X) * n(floor, X), "x", x=0.0)[0] == 0
    assert [float(g) for g in gradient_of(n(maximum, X, Y), "x", "y", x=1.0, y=1.0)] == [0.5, 0.5]
    assert gradient_of(n(mod, X, 3), "x", x=-7.0)[0] == 1
    (v,) = inputs(v="4")
    np.testing.assert_allclose(
        gradient_of(n(largest, v), "v", v=np.array([2.0, 1.0, 2.0, 2.0]))[0], [1 / 3, 0, 1 / 3, 1 / 3]
    )


def test_a_branch_not_taken_contributes_nothing() -> None:
    taken = n(where, n(greater, X, 0), n(log, X), 0 * X)
    assert gradient_of(taken, "x", x=0.0)[0] == 0
    assert gradient_of(taken, "x", x=-1.0)[0] == 0
    assert gradient_of(n(maximum, n(log, X), Y), "x", "y", x=1e-300, y=1.0)[1] == 1


def test_fixed_exponents_are_right_at_zero() -> None:
    assert gradient_of(n(power, X, 2), "x", x=0.0)[0] == 0
    assert gradient_of(n(power, X, 0), "x", x=0.0)[0] == 0
    assert gradient_of(n(power, X, 1), "x", x=0.0)[0] == 1
    assert gradient_of(n(power, X, Y), "x", x=0.0, y=2.0)[0] == 0
    assert gradient_of(n(power, X, Y), "x", x=-2.0, y=3.0)[0] == 12


def test_removable_singularities_to_any_order() -> None:
    f = function(n(sinc, X), x="")
    for order, derivative in enumerate([1, 0, -1 / 3, 0, 1 / 5]):
        assert values(f, x=0.0)[0] == pytest.approx(derivative, abs=1e-20), order
        f = derived("grad", f, "x")


def test_single_points_are_limits_or_conventions() -> None:
    quotient = declare("t_quotient", "a b", lambda sp, a, b: sp.Piecewise((0, sp.Eq(b, 0)), (a / b, True)))
    assert gradient_of(n(quotient, X, Y), "x", "y", x=2.0, y=0.0) == [0, 0]
    assert gradient_of(n(quotient, X, Y), "x", "y", x=2.0, y=4.0) == [0.25, -0.125]
    entropy = declare("t_entropy", "x", lambda sp, x: sp.Piecewise((0, sp.Eq(x, 0)), (x * sp.log(x), True)))
    root = declare("t_root", "x", lambda sp, x: sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3))
    for steep in (entropy, root):
        assert np.isnan(gradient_of(n(steep, X), "x", x=0.0)[0])


def test_matrices_are_known_in_norm() -> None:
    matrix = declare("t_matrix", "x", lambda m, node, x: m.normwise(x), shape=lambda x: x.shape)
    (v,) = inputs(v="3")
    point = {"v": [np.array([3.0, 0.0, -5.0])]}
    f = function(n(matrix, v * v), v="3")
    assert [x.bound for x in expected(f, point, {})[0]] == [25.0] * 3
    whole = function(n(total, n(matrix, v * v)), v="3")
    (slopes,) = expected(derived("grad", whole, "v"), point, {})
    assert [float(x.value) for x in slopes] == [6, 0, -10]
    assert slopes[2].bound >= 30  # of three entries, two of which do not depend on v[2]


def test_parameters_of_elementwise_operations_reach_their_meaning() -> None:
    leaky = declare("t_leaky", "x", lambda sp, x, slope: sp.Max(x, slope * x), params=("slope",))
    for slope in (0.25, 0.5):
        assert gradient_of(n(leaky, X, slope=slope), "x", x=-1.0)[0] == slope


def test_a_stopped_value_is_a_constant() -> None:
    assert gradient_of(n(frozen, X) * X, "x", x=3.0)[0] == 3


def test_the_undefined_is_nan() -> None:
    assert np.isnan(gradient_of(n(log, X), "x", x=0.0)[0])
    assert np.isnan(values(function(ar.sqrt(X), x=""), x=-1.0)[0])


# --- batches ----------------------------------------------------------------------------------------


def test_elementwise_functions_have_a_derivative_per_element() -> None:
    x, y = inputs(x="...", y="...")
    f = function(n(sin, x * y), x="...", y="...")
    g = derived("grad", f, "x", "y", batch=True)
    a, b = np.arange(6.0).reshape(2, 3), np.array([[1.0], [2.0]])
    dx, dy = values(g, x=a, y=b)
    np.testing.assert_allclose(dx, b * np.cos(a * b))
    np.testing.assert_allclose(dy, a * np.cos(a * b))
    assert dy.shape == (2, 3)


def test_shaped_arguments_are_summed_over_the_batch() -> None:
    x, w = inputs(x="...", w="2")
    f = function(x * n(total, w * w), x="...", w="2")
    batch, weights = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0])
    value, dx, dw = values(derived("value_and_grad", f, "x", "w"), x=batch, w=weights)
    np.testing.assert_array_equal(value, 34 * batch)
    np.testing.assert_array_equal(dx, [34, 34, 34])
    np.testing.assert_array_equal(dw, [42, 70])


# --- to_sympy ---------------------------------------------------------------------------------------


def test_to_sympy_is_exact_and_keeps_structure() -> None:
    x, v = inputs(x="", v="n")
    f = function({"a": x / 3 + 0.1, "b": (v * x, n(largest, v))}, x="", v="n")
    found = to_sympy(f, n=2)
    sx, v0, v1 = sp.symbols("x v_0 v_1", real=True)
    assert found["a"] == sx / 3 + sp.Rational(0.1)
    assert found["b"] == (sp.ImmutableDenseNDimArray([v0 * sx, v1 * sx]), sp.Max(v0, v1))


def test_to_sympy_names_the_sizes_it_lacks() -> None:
    f = function(n(total, A), a="n")
    with pytest.raises(SpecError, match="sizes of f do not fit"):
        to_sympy(f)
    with pytest.raises(SpecError, match="sizes of f do not fit"):
        to_sympy(f, n=2, k=3)


def test_long_chains_do_not_recurse() -> None:
    node = X
    for _ in range(20_000):
        node = ar.neg(node) + 0
    f = function(node, x="")
    assert gradient_of(node, "x", x=0.5)[0] == 1
    assert to_sympy(f) == sp.Symbol("x", real=True)


# --- verify_function --------------------------------------------------------------------------------


def logistic() -> tuple[Function, Callable[..., Any]]:
    X, w = inputs(X="n d", w="d")
    f = function(n(total, n(log, 1 + n(exp, n(product, X, w)))), X="n d", w="d")

    def generated(X: Any, w: Any) -> Any:
        sigmoid = 1 / (1 + np.exp(-(X @ w)))
        value = np.sum(np.logaddexp(np.zeros((), X.dtype), X @ w))
        return value, (np.outer(sigmoid, w), X.T @ sigmoid)

    g = derived("value_and_grad", f, "X", "w")
    return replace(g, result=(f.result, (f.parameters[0].tree, f.parameters[1].tree))), generated


def test_a_right_function_passes_in_both_precisions() -> None:
    g, generated = logistic()
    report = verify_function(g, generated)
    assert report.ok, report.error()
    assert report.wrt == ("X", "w")
    assert 0 < report.max_error < 1e-14 and 0 < report.max_error32 < 1e-5
    assert {"zeros", "negative", "tiny", "all sizes 1"} <= set(report.points)
    assert report.compared > 50 and report.max_ulp < 100


def test_two_runs_give_the_same_report() -> None:
    g, generated = logistic()
    assert verify_function(g, generated) == verify_function(g, generated)


def test_an_error_names_point_element_and_digits() -> None:
    g, generated = logistic()

    def wrong(X: Any, w: Any) -> Any:
        value, (dX, dw) = generated(X, w)
        dw[-1] *= 1 + 1e-9
        return value, (dX, dw)

    report = verify_function(g, wrong)
    assert not report.ok
    with pytest.raises(VerificationError, match="f_value_and_grad \\(wrt X, w\\): a wrong value") as caught:
        report.raise_for_failure()
    assert "element (1,) of result[1][1] at point 'random 1 (plain)', float64" in str(caught.value)
    assert len(report.expected) > 18 and report.expected[:7] == report.got[:7]


def spoiled(change: Callable[[Any, Any, Any], Any]) -> Report:
    g, generated = logistic()

    def wrong(X: Any, w: Any) -> Any:
        value, (dX, dw) = generated(X, w)
        return value, (dX, change(X, w, dw))

    return verify_function(g, wrong)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda X, w, dw: -dw, "a wrong value"),
        (lambda X, w, dw: dw * 0, "a wrong value"),
        (lambda X, w, dw: dw + X[0] * 1e-9, "a wrong value"),
        (lambda X, w, dw: X.T.copy(), "a wrong shape"),
        (lambda X, w, dw: np.broadcast_to(dw, (3, 2)), "a wrong shape"),
        (lambda X, w, dw: dw.astype(np.float64), "a wrong dtype"),
        (lambda X, w, dw: w, "view of an argument"),
        (lambda X, w, dw: (w.__iadd__(1), dw)[1], "changed an argument"),
        (lambda X, w, dw: dw.no_such_method(), "it raised AttributeError"),
        (lambda X, w, dw: dw * np.nan, "a wrong value"),
    ],
)
def test_planted_errors_are_caught(change: Callable[[Any, Any, Any], Any], reason: str) -> None:
    report = spoiled(change)
    assert not report.ok
    assert reason in str(report.failure)


def test_one_wrong_entry_in_a_thousand_is_caught() -> None:
    (v,) = inputs(v="n")
    g = derived("grad", function(n(total, n(sin, v)), v="n"), "v")

    def generated(v: Any) -> Any:
        gradient = np.cos(v)
        gradient[737 % len(v)] *= factor
        return gradient

    factor = 1.0
    report = verify_function(g, generated, sizes={"n": 1000})
    assert report.ok and report.note == "1000 of 1000 directions, 200 at each point"
    factor = 1.0001
    report = verify_function(g, generated, sizes={"n": 1000})
    assert "element (737,) of result" in report.worst and not report.ok


@pytest.mark.parametrize("scale", [1e-8, 1e-30, 1e-200])
def test_small_gradients_must_be_as_right_as_large_ones(scale: float) -> None:
    (v,) = inputs(v="3")
    g = derived("grad", function(n(total, n(exp, v) * scale), v="3"), "v")
    factor = np.array([1.0, 10.0, 1.0])
    assert verify_function(g, lambda v: np.exp(v) * v.dtype.type(scale)).ok
    report = verify_function(g, lambda v: (np.exp(v) * scale * factor).astype(v.dtype))
    assert "element (1,)" in report.worst and report.failure == "a wrong value"


def test_missing_path_and_unsummed_broadcast_are_caught() -> None:
    g = derived("grad", function((X + Y) * (Y + 1), x="", y=""), "y")
    assert verify_function(g, lambda x, y: x + 2 * y + 1).ok
    assert not verify_function(g, lambda x, y: x + y).ok
    b, v = inputs(b="", v="n")
    h = derived("grad", function(n(total, b * v), b="", v="n"), "b")
    assert verify_function(h, lambda b, v: np.sum(v)).ok
    assert "wrong shape" in str(verify_function(h, lambda b, v: v.copy()).failure)
    assert not verify_function(h, lambda b, v: v[0]).ok


def test_points_are_found_where_the_function_is_defined() -> None:
    (v,) = inputs(v="n")
    g = derived("grad", function(n(total, n(log, v) + n(log, 1 - v)), v="n"), "v")
    report = verify_function(g, lambda v: 1 / v - 1 / (1 - v))
    assert report.ok, report.error()
    assert "(unit)" in report.points[0]
    nowhere = derived("grad", function(n(total, n(log, -1 - v * v)), v="n"), "v")
    assert "no finite point" in str(verify_function(nowhere, lambda v: v).failure)


def test_a_singular_matrix_may_raise_only_where_nothing_is_defined() -> None:
    (v,) = inputs(v="")

    def raising(derivative: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def generated(v: Any) -> Any:
            if v == 0:
                raise np.linalg.LinAlgError("Singular matrix")
            return derivative(v)

        return generated

    steep = derived("grad", function(n(ar.sqrt, v * v), v=""), "v")
    assert verify_function(steep, raising(np.sign)).ok
    assert "zeros" in verify_function(steep, raising(np.sign)).points
    smooth = derived("grad", function(v * v, v=""), "v")
    assert "LinAlgError" in str(verify_function(smooth, raising(lambda v: 2 * v)).failure)


def test_cotangents_stay_random_at_special_points() -> None:
    (v,) = inputs(v="3")
    f = function(v * v * v, v="3")
    ct = Parameter("ct", input_node("ct", (3,)))
    g = replace(derived("vjp", f, "v"), parameters=(*f.parameters, ct))
    seen: list[Any] = []

    def generated(v: Any, ct: Any) -> Any:
        seen.append((v, ct))
        return v**3, 3 * v**2 * ct

    assert verify_function(g, generated).ok
    assert any(not v.any() for v, ct in seen)
    assert all(ct.all() for v, ct in seen)


def test_no_evidence_is_a_failure() -> None:
    (v,) = inputs(v="2")
    flat = derived("grad", function(n(total, (v + 1e20) - v), v="2"), "v")
    assert verify_function(flat, lambda v: 0 * v).ok  # exactly 0, whatever cancels
    lost = derived("grad", function(n(total, n(sin, v) * 1e-30 + (n(exp, v) - n(exp, v))), v="2"), "v")
    assert "no digit of it can be checked" in str(verify_function(lost, lambda v: 0 * v).failure)
    never = derived("grad", function(n(total, ar.sqrt(v * 0)), v="2"), "v")
    assert "no true value exists" in str(verify_function(never, lambda v: 0 * v).failure)


def test_indices_are_drawn_in_range() -> None:
    (v,) = inputs(v="4")
    i = input_node("i", parse_shape("k"), "int64")
    f = Function("f", (Parameter("v", v), Parameter("i", i)), n(total, n(pick, v, i)))
    drawn: list[int] = []

    def generated(v: Any, i: Any) -> Any:
        drawn.extend(i.tolist())
        gradient = np.zeros_like(v)
        np.add.at(gradient, i, 1)
        return gradient

    assert verify_function(derived("grad", f, "v"), generated).ok
    assert set(drawn) == {0, 1, 2, 3}


def test_structures_of_parameters_and_results() -> None:
    a, b = inputs(**{"p.a": "2", "p.b": ""})
    f = Function("f", (Parameter("p", {"a": a, "b": b}),), n(total, a * b))
    g = replace(f, name="g", result={"a": a, "b": b}, origin=Origin("grad", f, ("p",)))
    assert verify_function(g, lambda p: {"a": p["b"] * np.ones_like(p["a"]), "b": np.sum(p["a"])}).ok
    report = verify_function(g, lambda p: (p["a"], p["b"]))
    assert "another structure" in str(report.failure)


def test_an_unknown_origin_is_an_error_not_a_pass() -> None:
    f = function(X * X, x="")
    report = verify_function(replace(f, origin=Origin("guess", f, ("x",))), lambda x: 2 * x)
    assert not report.ok and "which verification does not know" in str(report.failure)


def test_modules_are_imported_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    g = derived("grad", function(X * X, x=""), "x")
    path.write_text("def f_grad(x):\n    return 2 * x\n")
    (good, missing) = verify_module(path, {"f_grad": g, "other": g})
    assert good.ok and good.function == "f_grad"
    assert "no function 'other'" in str(missing.failure)
    path.write_text("def f_grad(x):\n    return 3 * x\n")  # the same size, within the same second
    assert load(path).f_grad(1.0) == 3
    assert not verify_module(path, {"f_grad": g})[0].ok
    assert not list(tmp_path.glob("__pycache__"))
    with pytest.raises(VerificationError):
        load(tmp_path / "absent.py")
