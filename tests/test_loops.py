"""Loops, branches and checkpoints: values and derivatives against 50 digits and against unrolled loops.

Every function here is verified as the gallery is: generated, run, and compared with its meaning expanded to
scalars, at sizes that include 1; and the loops at 0 steps by hand.
"""

from __future__ import annotations

import inspect
import pickle
import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest

import symgrad as sg
from symgrad.verify.check import verify_function


def verified(function):
    verify_function(function, sg.compile(function)).raise_for_failure()


def source(function):
    """The body of a generated function."""
    text = sg.Module("m", {"function": function}).source()
    return text.split("def function(")[1].split('"""', 2)[2].split("\ndef ")[0]


# --- what is looped over ---------------------------------------------------------------------------------


def rnn(x, h, W, U):
    def step(h, x):
        a = x @ W + h @ U
        h = np.tanh(a)
        return h, np.sum(h**2)

    h, s = sg.scan(step, h, x)
    return np.sum(s) + np.sum(h)


def several(x, p, A):
    """Carries of several dtypes in a dict, a stack in a tuple, from the last row to the first."""

    def step(c, x):
        v = c["v"] - x * np.sin(c["p"]) + A @ c["v"]
        return {"p": c["p"] + v, "v": v, "k": c["k"] + 1}, (c["p"] * c["k"], c["v"])

    c, (a, b) = sg.scan(step, {"p": p, "v": 2 * p, "k": 0}, x, reverse=True)
    return np.sum(c["p"] * c["v"]) + np.sum(a) + np.sum(b**2) + c["k"]


def powers(x, X):
    """A loop over a symbolic number of steps, from a first step that is not 0."""
    return sg.fori_loop(1, X.shape[0] + 1, lambda i, v: v * np.cos(v * i) + X[0, 0] / (i + 1.0), x)


def nested(x, h):
    def outer(h, row):
        def inner(c, e):
            return np.sin(c * e) + h, c

        c, cs = sg.scan(inner, h, row)
        return c * h, np.sum(cs)

    h, s = sg.scan(outer, h, x)
    return h + np.sum(s)


def branching(x, h):
    def step(h, x):
        h = sg.cond(x > h, lambda h: h + np.sin(x), lambda h: h * x, h)
        return h, None

    return sg.scan(step, h, x)[0]


def constant_slope(x, W):
    def step(h, x):
        h = np.tanh(W * h + x) + sg.stop_gradient(h * x)
        return h, h

    return np.sum(sg.scan(step, 0, x)[1] ** 2)


def recomputed(x, W):
    @sg.checkpoint
    def layer(x, W):
        z = x @ W
        return np.tanh(z) * z

    return np.sum(layer(layer(x, W), W) ** 2)


def chosen(x, a, p):
    z = np.exp(x)

    def yes(x):
        u = np.sin(x) * a
        return u * u, np.sum(x)

    def no(x):
        return x**2, a * 2.0

    y, s = sg.cond(p > 0, yes, no, x)
    return np.sum(y * z) + s


CASES = {
    "rnn": (sg.trace(rnn, x="n k", h="d", W="k d", U="d d"), None, {"x": "m", "U": "m"}),
    "several": (sg.trace(several, x="n", p="d", A="d d"), None, {"p": "m"}),
    "powers": (sg.trace(powers, x="", X="n d"), "x", {"x": "m"}),
    "nested": (sg.trace(nested, x="n m", h=""), None, {"x": "k"}),
    "branching": (sg.trace(branching, x="n", h=""), None, {"x": "m"}),
    "constant_slope": (sg.trace(constant_slope, x="n", W=""), None, {"W": "m"}),
    "recomputed": (sg.trace(recomputed, x="n d", W="d d"), None, {"x": "m"}),
    "chosen": (sg.trace(chosen, x="n", a="", p=""), ("x", "a"), {"p": "m", "a": "m"}),
}


@pytest.mark.parametrize("name", CASES)
def test_value_gradient_tangent_and_second_order(name):
    f, wrt, over = CASES[name]
    verified(f)
    verified(sg.value_and_grad(f, wrt))
    verified(sg.jvp(f, wrt))
    verified(sg.hvp(f, wrt))
    verified(sg.vmap(f, over))
    verified(sg.vmap(sg.grad(f, wrt), over))


@pytest.mark.parametrize("name", ["powers", "nested", "chosen"])
def test_hessians(name):
    f, wrt, _ = CASES[name]
    verified(sg.hessian(f, wrt))
    verified(sg.jacobian(sg.grad(f, wrt), wrt))


def test_third_order():
    f = sg.trace(lambda x, w: sg.fori_loop(0, 3, lambda i, v: np.sin(v * w) + i, x), x="", w="")
    verified(sg.grad(sg.grad(sg.grad(f, "w"), "w"), "x"))


def test_a_gradient_along_a_loop_of_gradients():
    """Loops around derivatives of functions with loops."""
    inner = sg.trace(lambda v, a: sg.fori_loop(0, 2, lambda i, s: np.sin(s) * a, v), v="", a="")
    slope = sg.grad(inner, "v")
    f = sg.trace(lambda x, a: sg.scan(lambda c, x: (c + slope(x * c, a), None), 1.0, x)[0], x="n", a="")
    verified(sg.value_and_grad(f))
    verified(sg.hvp(f))


def test_elementwise_arguments_in_loops():
    def pair(x):
        return sg.fori_loop(1, 5, lambda i, v: (v[0] * np.cos(v[1] * i), v[0]), (x, x**2))

    f = sg.trace(pair, x="...")
    for function in (f, sg.vjp(f), sg.jvp(f), sg.jacobian(f)):
        verified(function)
    # A sequence under a batch; the first carry, a number, takes the shape of the next.
    g = sg.trace(lambda x, w: sg.scan(lambda c, x: (np.sin(c + x * w), c), 0.0, x)[1], x="... n", w="")
    for function in (g, sg.vjp(g)):
        verified(function)


def test_dot_product_of_tangent_and_cotangent():
    f = sg.trace(
        lambda x, h, W: sg.scan(lambda h, x: (np.tanh(W @ h + x),) * 2, h, x)[1], x="n d", h="d", W="d d"
    )
    rng = np.random.default_rng(0)
    at = [rng.normal(size=s) for s in ((7, 3), (3,), (3, 3))]
    along = [rng.normal(size=a.shape) for a in at]
    ct = rng.normal(size=(7, 3))
    _, tangent = sg.compile(sg.jvp(f))(*at, *along)
    _, back = sg.compile(sg.vjp(f))(*at, ct)
    assert np.sum(ct * tangent) == pytest.approx(sum(np.sum(a * b) for a, b in zip(along, back)), rel=1e-12)


# --- numbers of steps ------------------------------------------------------------------------------------


def test_no_step_and_one_step():
    f = sg.trace(rnn, x="n k", h="d", W="k d", U="d d")
    value_and_grad = sg.compile(sg.value_and_grad(f))
    h, W, U = np.array([1.0, 2.0]), np.ones((3, 2)), np.eye(2)
    value, gradient = value_and_grad(np.empty((0, 3)), h, W, U)
    assert value == 3.0 and gradient.x.shape == (0, 3)
    assert np.array_equal(gradient.h, [1.0, 1.0])
    assert not gradient.W.any() and not gradient.U.any()
    x = np.array([[0.1, -0.2, 0.3]])
    value, gradient = value_and_grad(x, h, W, U)
    y = np.tanh(x[0] @ W + h @ U)
    assert value == pytest.approx(np.sum(y**2) + np.sum(y), rel=1e-14)
    np.testing.assert_allclose(gradient.h, (2 * y + 1) * (1 - y**2), rtol=1e-13)


def test_results_of_no_step_are_no_views_of_arguments():
    f = sg.trace(lambda x, h: sg.scan(lambda h, x: (h * x, None), h, x)[0], x="n", h="d")
    h = np.ones(3)
    last = sg.compile(f)(np.empty(0), h)
    last[:] = 7
    assert np.array_equal(h, np.ones(3))


def test_an_empty_range_takes_no_step():
    f = sg.trace(lambda x: sg.fori_loop(3, 1, lambda i, v: v * 2, x), x="")
    assert sg.compile(f)(5.0) == 5.0
    g = sg.trace(lambda x: np.sum(sg.fori_loop(2, x.shape[0], lambda i, v: np.sin(v) * i, x)), x="n")
    for n in (0, 1, 2, 3):
        x = np.linspace(0.5, 1.0, n)
        value, gradient = sg.compile(sg.value_and_grad(g, "x"))(x)
        assert value == pytest.approx(np.sum(x if n < 3 else 2 * np.sin(x)), rel=1e-14)
        np.testing.assert_allclose(gradient, np.ones(n) if n < 3 else 2 * np.cos(x), rtol=1e-14)


def test_float32_stays_float32():
    f = sg.trace(several, x="n", p="d", A="d d")
    args = [np.array(a, np.float32) for a in ([0.5, 0.25], [1, 2], [[0.5, 0], [0.25, 0.5]])]
    value, gradient = sg.compile(sg.value_and_grad(f))(*args)
    assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in gradient)


# --- loops that are written as Python's ------------------------------------------------------------------


def test_a_python_loop_unrolls_to_the_same_numbers():
    def unrolled(x, h, W, U):
        total = 0
        for t in range(4):
            h = np.tanh(x[t] @ W + h @ U)
            total = total + np.sum(h**2)
        return total + np.sum(h)

    shapes = {"x": "4 k", "h": "d", "W": "k d", "U": "d d"}
    f, g = sg.trace(rnn, **shapes), sg.trace(unrolled, **shapes)
    assert "scan" in f.ops() and "scan" not in g.ops()
    assert "for " in source(f) and "for " not in source(g)
    rng = np.random.default_rng(1)
    at = [rng.normal(size=s) for s in ((4, 3), (2,), (3, 2), (2, 2))]
    for transform in (sg.value_and_grad, sg.hvp):
        more = at if transform is sg.hvp else []
        got, wanted = sg.compile(transform(f))(*at, *more), sg.compile(transform(g))(*at, *more)
        for a, b in zip(flat(got), flat(wanted)):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert sg.to_sympy(sg.trace(constant_slope, x="2", W="")) == sg.to_sympy(CASES["constant_slope"][0], n=2)


def flat(result):
    return [a for part in result for a in flat(part)] if isinstance(result, tuple) else [np.asarray(result)]


# --- memory ----------------------------------------------------------------------------------------------


def checkpointed(fn):
    """The same function with every scan in it checkpointed."""
    scan = sg.scan

    def run(*args, **kwargs):
        sg.scan = lambda *a, **k: scan(*a, **k, checkpoint=True)
        try:
            return fn(*args, **kwargs)
        finally:
            sg.scan = scan

    run.__signature__ = inspect.signature(fn)
    return run


@pytest.mark.parametrize(
    "fn, shapes",
    [
        (rnn, {"x": "n k", "h": "d", "W": "k d", "U": "d d"}),
        (several, {"x": "n", "p": "d", "A": "d d"}),
        (nested, {"x": "n m", "h": ""}),
        (constant_slope, {"x": "n", "W": ""}),
    ],
)
def test_checkpointed_loops_give_the_same_numbers(fn, shapes):
    plain, sparing = sg.trace(fn, **shapes), sg.trace(checkpointed(fn), **shapes)
    assert "math.isqrt" in source(sg.grad(sparing)) and "math.isqrt" not in source(sg.grad(plain))
    rng = np.random.default_rng(2)
    names = {"k": 3, "m": 5, "d": 2}
    for n in (0, 1, 2, 3, 4, 8, 9, 10, 26):
        sizes = {**names, "n": n}
        at = [rng.uniform(-1, 1, [sizes[s] for s in shape.split()]) for shape in shapes.values()]
        for transform, more in ((sg.value_and_grad, []), (sg.hvp, at), (sg.jvp, at)):
            got, wanted = (sg.compile(transform(f))(*at, *more) for f in (sparing, plain))
            for a, b in zip(flat(got), flat(wanted)):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_a_checkpointed_loop_keeps_few_carries():
    def peak(checkpoint):
        def run(x, h):
            return np.sum(sg.scan(lambda h, x: (np.sin(h + x), None), h, x, checkpoint=checkpoint)[0])

        gradient = sg.compile(sg.grad(sg.trace(run, x="n", h="d"), "h"))
        x, h = np.zeros(1600), np.ones(500)
        gradient(x, h)
        tracemalloc.start()
        gradient(x, h)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    # Of 1600 carries (twice: the cosine is read besides) 40 and once more 40 are there at a time.
    assert peak(checkpoint=False) > 1600 * 500 * 8
    assert peak(checkpoint=True) < 100 * 500 * 8


# --- structures ------------------------------------------------------------------------------------------


class State(NamedTuple):
    position: object
    velocity: object


def test_carries_and_stacks_keep_their_structure():
    def run(x, p):
        def step(state, rows):
            a, b = rows["a"], rows["b"]
            new = State(state.position + a * state.velocity, state.velocity - b * np.sin(state.position))
            return new, {"energy": new.velocity**2, "none": None, "at": (state.position,)}

        last, ys = sg.scan(step, State(p, 0.0), {"a": x, "b": x**2})
        assert isinstance(last, State) and ys["none"] is None and isinstance(ys["at"], tuple)
        return last.position, ys["energy"], ys["at"][0]

    f = sg.trace(run, x="n", p="")
    verified(f)
    text = source(sg.vjp(f, "p"))
    assert "position" in text and "velocity_bar" in text


def test_derivatives_and_names_survive_pickling():
    f = sg.value_and_grad(CASES["branching"][0])
    again = pickle.loads(pickle.dumps(f))
    assert sg.Module("m", {"f": again}).source() == sg.Module("m", {"f": f}).source()


# --- how it reads ----------------------------------------------------------------------------------------


def test_the_generated_loops():
    text = source(sg.value_and_grad(CASES["rnn"][0]))
    for line in (
        "    for t in range(n):",
        "        hs[t + 1] = h",
        "    for t in reversed(range(n)):",
        "        a_bar = h_bar2 * (1.0 - h_next**2)  # (d,)",
        "        h_bar = U @ a_bar                   # (d,)",
        "    W_bar = x.T @ a_bars          # (k, d)",
        "    U_bar = hs[:-1].T @ a_bars    # (d, d)",
    ):
        assert line in text, text


def products(x, y, h, A, B, c):
    def step(h, rows):
        x, y = rows
        h = np.tanh(h + A @ x + x @ A.T + np.sum(y @ B, axis=0) * c)
        return h, (h @ A, B @ h)

    h, (u, v) = sg.scan(step, h, (x, y))
    return np.sum(h) + np.sum(np.sin(u)) + np.sum(v**2)


def test_products_that_need_no_order_are_done_outside():
    f = sg.trace(products, x="n d", y="n m d", h="d", A="d d", B="d d", c="d")
    for function in (sg.value_and_grad(f), sg.hvp(f, ("A", "x")), sg.jvp(f)):
        verified(function)
    forward, backward = source(sg.value_and_grad(f)).split("# Adjoints")
    inside = forward.partition("for t in")[2].partition("\n    f")[0]
    assert "x[t]" not in inside and "y[t]" not in inside
    assert "+=" not in backward.replace("c_bar +=", "")


def test_a_reversed_loop_reads_what_is_slow_to_compute_again():
    def step(c, x):
        gate = sg.sigmoid(c + x)
        return gate * c + np.cos(x), None

    text = source(sg.grad(sg.trace(lambda c, x: sg.scan(step, c, x)[0], c="", x="n")))
    forward, backward = text.split("reversed(")
    assert "gates[t] =" in forward and "cos(" not in backward and "gates[t]" in backward
    assert "exp(" not in backward


def test_what_does_not_change_is_computed_once():
    f = sg.trace(lambda x, A: sg.scan(lambda c, x: (c * np.exp(A)[0] + x, None), 0.0, x)[0], x="n", A="2")
    lines = source(f).splitlines()
    (line,) = [line for line in lines if "np.exp" in line]
    assert lines.index(line) < next(i for i, text in enumerate(lines) if text.strip().startswith("for "))


def test_only_what_is_used_is_computed():
    def run(x):
        (a, _), (ys, _) = sg.scan(lambda c, x: ((c[0] * x, np.cosh(c[1])), (c[0], np.sinh(x))), (1.0, 1.0), x)
        return a + np.sum(ys)

    text = source(sg.trace(run, x="n"))
    assert "cosh" not in text and "sinh" not in text


def test_one_branch_alone_is_evaluated():
    f = sg.trace(lambda x, p: sg.cond(p > 0, lambda: np.log(x), lambda: x - 1.0), x="", p="")
    value_and_grad = sg.compile(sg.value_and_grad(f, "x"))
    with np.errstate(all="raise"):
        assert value_and_grad(0.0, -1.0) == (-1.0, 1.0)
        assert value_and_grad(2.0, 1.0) == (np.log(2.0), 0.5)


def test_an_array_chooses_entry_by_entry():
    for shape in ("...", "n"):
        f = sg.trace(lambda x: sg.cond(x > 0, np.log, lambda x: 2 * x, x), x=shape)
        verified(f)
        verified(sg.vjp(f))
    with np.errstate(all="raise"):
        pulled = sg.compile(sg.vjp(f))(np.array([0.0, 2.0]), np.ones(2))[1]
    assert np.array_equal(pulled.x, [2.0, 0.5])


def test_inner_values_of_a_checkpoint_are_computed_again():
    text = source(sg.value_and_grad(CASES["recomputed"][0]))
    assert text.count("np.tanh(") == 4 and text.count("del ") >= 2


def test_docstrings_show_the_mathematics_of_loops():
    doc = sg.compile(CASES["rnn"][0]).__doc__
    assert "    for t in range(n):\n" in doc and "        h = tanh(a)\n" in doc
    assert "h = tanh(a)" in repr(CASES["rnn"][0]) and "empty" not in doc
    assert "if p > 0:" in repr(CASES["chosen"][0])


def test_loops_are_drawn_as_one_box():
    from symgrad.draw.boxes import picture

    (box,) = [b for b in picture(CASES["rnn"][0]).boxes if "for t in" in " ".join(b.formula)]
    assert "h" in box.name


@pytest.mark.parametrize("name", ["rnn", "several", "nested", "chosen", "recomputed"])
def test_loops_in_the_array_api(name):
    f, wrt, _ = CASES[name]
    f = sg.value_and_grad(f, wrt)
    rng = np.random.default_rng(4)
    sizes = {"n": 5, "d": 2, "k": 3, "m": 4}
    at = [rng.uniform(0.1, 1, [sizes[str(s)] for s in leaf.shape]) for leaf in f.input_nodes]
    wanted = sg.compile(f)(*at)
    got = sg.Module("m", {"f": f}, array_api=True).load().f(*at)
    for a, b in zip(flat(got), flat(wanted)):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_operations_inside_are_counted():
    assert CASES["rnn"][0].ops()["tanh"] == 1
    assert "2 n k d + 2 n d**2" in sg.compile(CASES["rnn"][0]).__doc__


# --- errors ----------------------------------------------------------------------------------------------


def looped(step, *args):
    """A function that scans x with this body."""
    return lambda x: sg.scan(step, *args, x)


@pytest.mark.parametrize(
    "fn, error, message",
    [
        (
            looped(lambda c, x: ((c[0], x), None), (0.0, np.zeros(3))),
            sg.ShapeError,
            "carry[1] changes its shape",
        ),
        (looped(lambda c, x: ({"a": c["a"] > 0}, None), {"a": 1.5}), sg.ShapeError, "carry['a'] changes its"),
        (looped(lambda c, x: (c, c, x), 0.0), sg.TraceError, "a tuple of two"),
        (looped(lambda c, x: ((c, c), None), 0.0), sg.ShapeError, "another structure"),
        (lambda x: sg.scan(lambda c, x: (c, None), 0.0), sg.ShapeError, "the number of steps"),
        (
            lambda x: sg.scan(lambda c, x: (c, None), 0.0, (x, x[1:])),
            sg.ShapeError,
            "xs[1] has another leading",
        ),
        (lambda x: sg.scan(lambda c, x: (c, None), 0.0, x[0]), sg.ShapeError, "is a scalar"),
        (lambda x: sg.fori_loop(0, x[0], lambda i, v: v, 0.0), sg.TraceError, "upper is known only"),
        (lambda x: sg.fori_loop(0, 2, lambda i, v: "no", 0.0), sg.TraceError, "is a str"),
        (lambda x: sg.cond(x[0] > 0, lambda: x, lambda: x[0]), sg.ShapeError, "differs between the branches"),
        (lambda x: sg.cond(x[0] > 0, lambda: (x, x), lambda: x), sg.ShapeError, "different structures"),
    ],
)
def test_errors(fn, error, message):
    with pytest.raises(error) as caught:
        sg.trace(fn, x="n")
    assert message in str(caught.value)
    assert "test_loops.py" in str(caught.value)
