"""Operations that users define: definition, refusal, text, derivatives, and what modules carry of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from differences import check, close

from symgrad.array import Array, wrap
from symgrad.errors import ShapeError, SpecError, VerificationError
from symgrad.kernels import imports, sources
from symgrad.node import OPS
from symgrad.ops.custom import CUSTOM, custom
from symgrad.ops.leaves import input_node
from symgrad.text import Text


class Env:
    """The little that texts of these operations ask for."""

    dtype = "dtype"

    def __init__(self):
        self.used = []

    def helper(self, name):
        self.used.append(name)
        return name


def text(operation, *operands):
    env = Env()
    nodes = [input_node(name, ()) for name in operation.op.operands]
    made = operation.op(*nodes)
    given = [Text(o) if isinstance(o, str) else o for o in operands] or [Text(n.name) for n in nodes]
    return operation.op.numpy(made, given, env).source, env.used


def signed_log(**options):
    return custom(
        "t_signed_log", numpy="np.sign(x) * np.log1p(np.abs(x))", adjoint=lambda g, y, x: g / (1 + np.abs(x)),
        **options,
    )  # fmt: skip


def test_an_expression():
    operation = signed_log(sympy=lambda x: sp.sign(x) * sp.log(1 + sp.Abs(x)))
    check(operation.op, "n", reference=lambda x: np.sign(x) * np.log1p(np.abs(x)))
    check(operation.op, "...")
    assert operation(3.0) == pytest.approx(math.log(4.0))
    assert operation([-3, 0]).tolist() == [-math.log(4.0), 0.0]


def test_operands_that_occur_twice_are_computed_once():
    source, used = text(signed_log())
    assert (source, used) == ("_t_signed_log(x)", ["_t_signed_log"])
    (function,) = sources(used)
    assert function.splitlines()[0] == "def _t_signed_log(x):"
    assert function.splitlines()[-1] == "    return np.sign(x) * np.log1p(np.abs(x))"


def test_operands_that_occur_once_stand_in_line():
    mean = custom(
        "t_mean", numpy="np.sqrt(a * b)", sample=(0.5, 2.0),
        adjoint={"a": lambda g, y, a, b: g * y / (2 * a), "b": lambda g, y, a, b: g * y / (2 * b)},
    )  # fmt: skip
    plus = Text("p + q", 9)
    assert text(mean) == ("np.sqrt(a * b)", [])
    assert text(mean, plus, "r") == ("np.sqrt((p + q) * r)", [])
    called = custom("t_called", numpy="np.hypot(a, 1 + b**2)", operands="b a", adjoint={
        "a": lambda g, y, b, a: g * a / y, "b": lambda g, y, b, a: g * (1 + b * b) * 2 * b / y})  # fmt: skip
    assert called.op.operands == ("b", "a")
    assert text(called, "u", plus) == ("np.hypot(p + q, 1 + u**2)", [])
    check(mean.op, "n", "n", values={0: np.array([0.5, 1.0, 2.0]), 1: np.array([1.5, 0.7, 1.0])})


@pytest.mark.parametrize(
    "adjoint",
    [
        lambda g, y, a, b: (g * b, g * a),
        lambda g, y, a, b: {"a": g * b, "b": g * a},
        {"a": lambda g, y, a, b: g * b, "b": lambda g, y, a, b: g * a},
    ],
)
def test_adjoints_of_several_operands(adjoint):
    operation = custom("t_times", numpy="a * b", adjoint=adjoint, sympy=lambda sp, a, b: a * b)
    check(operation.op, "n", "n")
    check(operation.op, "n d", "d", second=False)


def test_python_functions():
    def smooth(x, width):
        """A smooth step."""
        scaled = x / width  # a comment that stays
        return np.tanh(scaled) * math.sqrt(2.0)

    operation = custom(
        "t_smooth", numpy=smooth, sample={"x": (-2.0, 2.0), "width": (0.5, 2.0)},
        adjoint=lambda g, y, x, width: _smooth_adjoint(g, y, x, width),
        sympy=lambda x, width: sp.tanh(x / width) * sp.sqrt(2),
    )  # fmt: skip
    assert text(operation) == ("_t_smooth(x, width)", ["_t_smooth"])
    (source,) = sources(["_t_smooth"])
    assert source.startswith('def _t_smooth(x, width):\n    """A smooth step."""\n')
    assert "# a comment that stays" in source
    assert imports(["_t_smooth"]) == ["math"]


def _smooth_adjoint(g, y, x, width):
    slope = math.sqrt(2.0) - y * y / math.sqrt(2.0)
    return g * slope / width, -g * slope * x / width**2


def test_lambdas_on_one_line_are_told_apart():
    pair = [custom("t_first", numpy=lambda x: x * 2.0, adjoint=lambda g, y, x: 2 * g), custom("t_second", numpy=lambda x: x * 3.0, adjoint=lambda g, y, x: 3 * g)]  # noqa: E501  # fmt: skip
    assert [text(p)[0] for p in pair] == ["x * 2.0", "x * 3.0"]


def test_annotations_do_not_travel():
    def twice(x: np.ndarray) -> np.ndarray:
        y: np.ndarray = x + x
        return y

    custom("t_twice", numpy=twice, adjoint=lambda g, y, x: 2 * g)
    (source,) = sources(["_t_twice"])
    assert "ndarray" not in source.split("\n")[0]


def test_what_may_be_an_operand_itself_is_copied():
    operation = custom("t_same", numpy=lambda x: x, adjoint=lambda g, y, x: g)
    assert text(operation)[0] == "np.array(_t_same(x))"


def test_the_meaning_is_found_where_functions_are_known():
    assert signed_log().op.sympy is not None
    x = sp.Symbol("x", real=True)
    assert custom("t_tenth", numpy="0.1 * x", adjoint=lambda g, y, x: 0.1 * g).op.sympy(sp, x) == x / 10


def test_the_same_definition_is_the_same_operation():
    count = len(OPS)
    first, second = signed_log(), signed_log()
    assert first.op is second.op
    other = custom("t_signed_log", numpy="x * 1.0", adjoint=lambda g, y, x: g)
    assert other.op is not first.op and CUSTOM["t_signed_log"] is other.op
    assert text(first)[1] == ["_t_signed_log"]
    again = custom("t_signed_log", numpy="x * x * x", adjoint=lambda g, y, x: 3 * g * x * x)
    assert text(again)[1] not in ([], ["_t_signed_log"])
    assert len(OPS) == count


def test_names_of_known_operations_are_not_taken_over():
    operation = custom("sqrt", numpy="np.sqrt(x)", sample=(0.5, 2.0), adjoint=lambda g, y, x: g / (2 * y))
    assert operation.op is not OPS["sqrt"] and operation.op.name == "sqrt_"


def test_operations_on_whole_arrays():
    def form(A, x):
        return x @ A @ x

    operation = custom(
        "t_form", numpy=form, shape="n n, n ->",
        adjoint=lambda g, y, A, x: (g * np.outer(x, x), g * (A @ x + A.T @ x)),
        sympy=lambda A, x: x.dot(A).dot(x),
    )  # fmt: skip
    check(operation.op, "n n", "n", reference=lambda A, x: x @ A @ x)
    with pytest.raises(ShapeError, match="t_form: operands do not have the declared shapes"):
        operation.op(input_node("A", (2, 3)), input_node("x", (3,)))


def test_use_on_symbolic_arrays():
    x = wrap(input_node("x", (3,)))
    y = signed_log()(x * 2)
    assert type(y) is Array and y.node.op.name == "t_signed_log"
    with pytest.raises(TypeError, match="takes 1 operands"):
        signed_log()(x, x)


def test_single_precision_stays():
    assert signed_log()(np.ones(2, np.float32)).dtype == np.float32
    with pytest.raises(SpecError, match="turns float32 into float64"):
        custom("t_wide", numpy=lambda x: x * np.float64(2.0), adjoint=lambda g, y, x: 2 * g)


def test_a_wrong_adjoint_is_refused_with_numbers():
    with pytest.raises(VerificationError) as caught:
        custom("t_wrong", numpy="x**3", adjoint=lambda g, y, x: 2 * g * x**2)
    message = str(caught.value)
    assert "custom 't_wrong': its adjoint with respect to x disagrees with central differences" in message
    assert "at x = " in message and "expected" in message and "got" in message
    assert "t_wrong" not in CUSTOM
    with pytest.raises(VerificationError, match="with respect to b disagrees"):
        custom("t_wrong", numpy="a * b", adjoint=lambda g, y, a, b: (g * b, g))
    with pytest.raises(VerificationError, match="with respect to a disagrees"):
        custom("t_wrong", numpy="a * b", adjoint=lambda g, y, a, b: (None, g * a))


def test_small_errors_in_an_adjoint_are_found_by_the_meaning():
    with pytest.raises(VerificationError, match="disagrees with the derivative of its sympy meaning, cos"):
        custom("t_off", numpy="np.sin(x)", adjoint=lambda g, y, x: g * np.cos(x) * (1 + 1e-8), sympy=sp.sin)


def test_a_wrong_meaning_is_refused_with_numbers():
    with pytest.raises(VerificationError, match="its value disagrees with its sympy meaning"):
        custom("t_off", numpy="np.sin(x)", adjoint=lambda g, y, x: g * np.cos(x), sympy=sp.cos)


@pytest.mark.parametrize(
    "numpy, message",
    [
        ("__import__('os').getpid()", "an operand cannot be called '__import__'"),
        ("x.__class__", "the attribute x.__class__"),
        ("open(x)", "a call of open"),
        ("np.load(x)", "np.load is not a function"),
        ("np.lib.stride_tricks(x)", "the attribute np.lib.stride_tricks"),
        ("np.random.rand(x)", "the attribute np.random.rand"),
        ("np.nothing(x)", "np.nothing is not a function"),
        ("[x for x in x]", "ListComp is not allowed"),
        ("(lambda: x)()", "a call of|Lambda is not allowed"),
        ("x if x else x", "IfExp is not allowed"),
        ("'a' * x", "'a' is not a number"),
        ("1j * x", "1j is not a number"),
        ("x +", "cannot read the expression"),
        ("2 + 3", "no operands"),
        ("_x", "an operand cannot be called '_x'"),
        (3, "numpy=3"),
    ],
)
def test_expressions_that_are_refused(numpy, message):
    with pytest.raises(SpecError, match=message):
        custom("t_refused", numpy=numpy, adjoint=lambda g, y, x: g)


FACTOR = 2.0


def test_functions_that_are_refused():
    factor = 3.0

    def reads_global(x):
        return FACTOR * x

    def imports_inside(x):
        import os

        return x * len(os.name)

    def writes(x):
        x += 1
        return x

    def shrinks(x):
        return np.sum(x)

    def diverges(x):
        return np.log(x)

    adjoint = lambda g, y, x: g  # noqa: E731
    for function, message in (
        (lambda x: factor * x, r"takes factor from the function around it \(a closure\)"),
        (reads_global, "uses 'FACTOR', which a generated module does not have"),
        (imports_inside, "Import is not allowed"),
        (writes, "fails at the sampled points"),
        (shrinks, "returns another shape"),
        (diverges, "not finite everywhere in the tested domain"),
        (lambda x, y=1.0: x, "plain parameters"),
        (lambda *x: x[0], "plain parameters"),
        (eval("lambda x: x"), "source of its function cannot be found|cannot be told"),
        (np.sin, "expected"),
    ):
        with pytest.raises(SpecError, match=message):
            custom("t_refused", numpy=function, adjoint=adjoint)


def test_definitions_that_are_refused():
    rule = lambda g, y, x: g  # noqa: E731
    for options, message in (
        ({"name": "2x", "numpy": "x + 0", "adjoint": rule}, "cannot be called '2x'"),
        ({"numpy": "x + 0", "adjoint": {"y": rule}}, "adjoint has rules for y"),
        ({"numpy": "x + 0", "adjoint": 3}, "adjoint=3"),
        (
            {"numpy": "x + 0", "adjoint": lambda g, y, x: g.nothing},
            "with respect to x: a symbolic array has no",
        ),
        ({"numpy": "x + 0", "adjoint": lambda g, y, x: [][1]}, "its adjoint with respect to x fails"),
        ({"numpy": "x + y", "adjoint": lambda g, z, x, y: g}, "adjoint returns one contribution"),
        ({"numpy": "x + y", "adjoint": lambda g, z, x, y: (g,)}, "adjoint returns 1 contributions"),
        ({"numpy": "x + y", "adjoint": lambda g, z, x, y: {"z": g}}, "adjoint returns z"),
        ({"numpy": "x + 0", "adjoint": rule, "sample": (1, 1)}, "intervals with low < high"),
        ({"numpy": "x + 0", "adjoint": rule, "sample": {"y": (0, 1)}}, "an interval"),
        ({"numpy": "x + 0", "adjoint": rule, "operands": "y"}, "'x' is not an operand"),
        ({"numpy": "x + 0", "adjoint": rule, "shape": "n n"}, "1 shapes separated by commas"),
    ):
        with pytest.raises(SpecError, match=message):
            custom(**{"name": "t_refused", **options})


def test_a_constant_operand_stays_a_python_number():
    operation = signed_log()
    number = Text("2", weak=True)
    assert text(operation, number)[0] == "float(_t_signed_log(2))"
    close(operation.op.shape(input_node("x", (2,))), (2,), 0)
