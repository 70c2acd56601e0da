"""Tracing: shapes, names, lines, structures, and the errors that users meet."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import symgrad as sg


def line_of(function, offset):
    return f"test_trace.py:{function.__code__.co_firstlineno + offset}"


def test_operators_methods_and_functions_build_one_graph():
    def f(X, w):
        a = (X @ w).sum()
        b = np.sum(np.matmul(X, w))
        return a - b

    graph = sg.trace(f, X="n d", w="d")
    assert graph.ops()["matvec"] == 1
    assert graph.dims == ("n", "d")
    assert graph.inputs == {"X": ("n d", "float64"), "w": ("d", "float64")}
    assert graph.outputs == {"f": ("", "float64")}


def test_local_names_are_kept_and_the_outer_name_wins():
    def helper(z):
        inner = np.tanh(z)
        return inner

    def f(x):
        hidden = helper(x * 2)
        return hidden.sum()

    names = set(sg.trace(f, x="n").names.values())
    assert "hidden" in names
    assert "inner" not in names


def test_reassigned_names_are_kept_each_time():
    def f(x):
        h = np.tanh(x)
        h = np.tanh(h)
        return h.sum()

    source = sg.Module("m", {"f": sg.trace(f, x="n")}).source()
    assert "h = np.tanh(x)" in source
    assert "h2 = np.tanh(h)" in source


def test_symbolic_sizes_take_part_in_arithmetic():
    def f(x):
        n = x.shape[0]
        assert x.reshape(n // 2, 2).shape[0] * 2 == n
        return x.sum() / n + np.sqrt(n) + 1 / n + n * 2

    g = sg.trace(f, x="2*k")
    x = np.arange(6.0)
    assert g(x) == pytest.approx(x.sum() / 6 + np.sqrt(6) + 1 / 6 + 12, rel=1e-15)


def test_a_size_does_not_widen_float32():
    value = sg.trace(lambda x: np.sum(x) * np.sqrt(x.shape[0]) / x.shape[0], x="n")
    result = value(np.ones(3, np.float32))
    assert result.dtype == np.float32


def test_numpy_constants_become_literals():
    kernel = np.array([1.0, -2.0, 1.0])
    f = sg.trace(lambda x: np.sum(x * kernel) + np.float64(2.0), x="3")
    assert f([1.0, 2.0, 4.0]) == 3.0
    assert "np.array([1.0, -2.0, 1.0], dtype)" in sg.Module("m", {"f": f}).source()


def test_integer_and_bool_inputs():
    f = sg.trace(
        lambda x, k, m: np.sum(np.where(m, x * k, 0.0)),
        x="n",
        k=sg.array("n", "int64"),
        m=sg.array("n", bool),
    )
    assert f([1.0, 2.0], [3, 4], [True, False]) == 3.0
    with pytest.raises(TypeError, match="k: expected integers, got dtype float64"):
        f([1.0, 2.0], [3.5, 4.0], [True, False])
    with pytest.raises(TypeError, match="m: expected booleans"):
        f([1.0, 2.0], [3, 4], [1.0, 0.0])


def test_structures_in_and_out():
    Pair = namedtuple("Pair", "a b")

    def f(params, xs, pair):
        return {"y": xs[0] @ params["W"] + params["b"], "z": (xs[1], pair.a - pair.b)}

    g = sg.trace(f, params={"W": "d", "b": ""}, xs=("n d", "3"), pair=Pair("k", "k"))
    out = g({"W": [1.0, 2.0], "b": 1.0}, ([[1.0, 1.0]], [1.0, 2.0, 3.0]), Pair([1.0], [3.0]))
    assert out["y"].tolist() == [4.0]
    assert out["z"][0].tolist() == [1.0, 2.0, 3.0]
    assert out["z"][1].tolist() == [-2.0]


def test_gradients_come_back_in_the_structure_of_the_parameter():
    def f(params, x):
        return np.sum((x @ params["W"] + params["b"]) ** 2)

    g = sg.grad(sg.trace(f, params={"W": "d h", "b": "h"}, x="n d"), wrt="params")
    W, b, x = np.ones((2, 3)), np.zeros(3), np.arange(4.0).reshape(2, 2)
    out = g({"W": W, "b": b}, x)
    assert set(out) == {"W", "b"}
    assert np.allclose(out["W"], x.T @ (2 * (x @ W + b)), rtol=1e-15)


def test_a_parameter_called_name_goes_into_shapes():
    g = sg.trace(lambda name, x: name * x, shapes={"name": "n", "x": "n"}, name="product")
    assert g.name == "product"
    assert g([2.0], [3.0]).tolist() == [6.0]


def test_defaults_are_constants():
    def f(x, scale=3.0):
        return scale * x

    assert sg.trace(f, x="")(2.0) == 6.0


def test_calling_a_function_inside_a_trace_inlines_it():
    square = sg.trace(lambda v: np.sum(v * v) / v.shape[0], v="k", name="square")
    f = sg.trace(lambda A: square(A[0]) + square(v=A[:, 1]), A="3 m")
    A = np.arange(6.0).reshape(3, 2)
    assert f(A) == pytest.approx((A[0] @ A[0]) / 2 + (A[:, 1] @ A[:, 1]) / 3, rel=1e-15)


def test_elementwise_functions_inline_on_shaped_arrays():
    s = sg.trace(lambda x, y: np.sin(x) * y, x="...", y="...")
    f = sg.trace(lambda A, b: np.sum(s(A, b)), A="n d", b="d")
    A, b = np.arange(6.0).reshape(3, 2), np.array([2.0, 3.0])
    assert f(A, b) == pytest.approx(np.sum(np.sin(A) * b), rel=1e-15)


@pytest.mark.parametrize(
    "body, inner",
    [
        (lambda x: x[0] * x[1] + x.sum() - np.max(x), "... 2"),
        (lambda x: x.T[0] @ x[:, 1] + np.cumsum(x, axis=0)[-1, 0], "... 3 2"),
        (lambda x: np.sum(np.concatenate([x, x * x])[1:] * np.transpose(x.reshape(1, 2))[0]), "... 2"),
    ],
)
def test_batched_functions_inline_on_shaped_arrays(body, inner):
    f = sg.trace(body, x=inner)
    shape = tuple(int(n) for n in inner.split()[1:])
    A = np.linspace(-1, 2, 4 * 5 * int(np.prod(shape))).reshape(4, 5, *shape)
    outer = sg.trace(lambda A: f(A) * 2, A=f"n m {inner[4:]}")
    expected = np.array([[body(A[i, j]) * 2 for j in range(5)] for i in range(4)])
    assert np.allclose(outer(A), expected, rtol=1e-13)
    assert np.allclose(f(A) * 2, expected, rtol=1e-13)


def test_gradients_of_mixed_functions_inline():
    f = sg.grad(sg.trace(lambda x, w: np.sin(x * w[0]) + w[1], x="...", w="2"), wrt="w")
    outer = sg.trace(lambda A, w: f(A, w), A="n m", w="2")
    A, w = np.linspace(-1, 2, 6).reshape(2, 3), np.array([0.5, 2.0])
    assert np.allclose(outer(A, w), [np.sum(np.cos(A * 0.5) * A), 6.0], rtol=1e-13)


def test_truth_of_a_symbolic_value_names_the_line():
    def f(x):
        if x > 0:
            return x
        return -x

    with pytest.raises(sg.TraceError) as info:
        sg.trace(f, x="")
    assert info.value.where == line_of(f, 1)
    assert "np.where" in str(info.value)
    assert isinstance(info.value, TypeError)


@pytest.mark.parametrize(
    "body, text",
    [
        (lambda x: np.apply_over_axes(np.sum, x, [0]), "np.apply_over_axes cannot be traced"),
        (lambda x: np.add(x, x, out=x), "cannot be written to"),
        (lambda x: float(x), "np.exp for math.exp"),
        (lambda x: list(iter(x)), "iteration over a symbolic dimension n"),
        (lambda x: np.asarray(x), "leave np.asarray(x) out"),
        (lambda x: x + 1j, "complex numbers are not supported"),
        (lambda x: range(x.shape[0]), "sg.fori_loop"),
        (lambda x: x if x.shape[0] > 3 else -x, "known only when the generated code runs"),
        (lambda x: None, "return the result"),
        (lambda x: "text", "returns a str"),
    ],
)
def test_what_cannot_be_traced_says_so(body, text):
    with pytest.raises(sg.TraceError) as info:
        sg.trace(body, x="n n")
    assert text in str(info.value)


def test_assignment_to_elements_is_refused_with_the_spellings_that_work():
    def f(x):
        x[0] = 1.0
        return x

    with pytest.raises(sg.TraceError, match=r"np\.where") as info:
        sg.trace(f, x="n")
    assert info.value.where == line_of(f, 1)


@pytest.mark.parametrize(
    "shapes, text",
    [
        ({}, "no shape given for parameter 'x'"),
        ({"x": "n", "y": "n"}, "a shape for 'y', which is not a parameter"),
        ({"x": "n +"}, "cannot read the dimension"),
        ({"x": "n d ..."}, "cannot read the shape"),
        ({"x": "__import__('os')"}, "cannot read the dimension"),
        ({"x": "-2"}, "a dimension is negative"),
        ({"x": 3}, "cannot read the shape 3"),
    ],
)
def test_bad_shapes_are_spec_errors(shapes, text):
    with pytest.raises(sg.SpecError) as info:
        sg.trace(lambda x: x, **shapes)
    assert text in str(info.value)


def test_shape_errors_come_at_once_with_the_line():
    def f(X, w):
        return X @ w

    with pytest.raises(sg.ShapeError) as info:
        sg.trace(f, X="n d", w="n")
    assert "matmul: inner dimensions differ: (n, d) @ (n,)" in str(info.value)
    assert info.value.where == line_of(f, 1)


def test_numbers_in_the_call_evaluate():
    f = sg.trace(lambda x, y: x * y, x="...", y="...")
    assert f(2, 3) == 6.0
    assert f([1.0, 2.0], y=3).tolist() == [3.0, 6.0]
    with pytest.raises(TypeError, match="missing a required argument"):
        f(1.0)


def test_a_function_is_immutable_and_pickles():
    import pickle

    f = sg.value_and_grad(sg.trace(lambda x: np.sum(np.sin(x) ** 2), x="n"), wrt="x")
    with pytest.raises(AttributeError):
        f.name = "other"
    g = pickle.loads(pickle.dumps(f))
    assert g.to_text() == f.to_text()
    assert g.output_nodes[0] is f.output_nodes[0]


def test_positional_parameters():
    def f(x, y=2.0, /, *, z):
        return x * y + z

    assert sg.trace(f, x="n", z="")(np.ones(2), 1.0).tolist() == [3.0, 3.0]
    assert sg.trace(f, y="", x="n", z="")(np.ones(2), 3.0, 1.0).tolist() == [4.0, 4.0]
    assert sg.trace(lambda a=3.0, x=2.0, /: a - x, x="n")(np.ones(2)).tolist() == [2.0, 2.0]
    assert sg.trace(np.cbrt, x="...")(8.0) == 2.0
