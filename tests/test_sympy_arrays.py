"""Indexed symbols, sums over them and matrix expressions of sympy, against sympy's own evaluation."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symgrad as sg
from symgrad.shapes import evaluate_shape
from symgrad.verify.check import verify_function

n, m = sp.symbols("n m", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
s = sp.Symbol("s")
x, y, z, A = (sp.IndexedBase(name) for name in "xyzA")
M = sp.MatrixSymbol("M", n, n)
N = sp.MatrixSymbol("N", n, n)
B = sp.MatrixSymbol("B", n, m)
C = sp.MatrixSymbol("C", m, n)
v = sp.MatrixSymbol("v", n, 1)
w = sp.MatrixSymbol("w", n, 1)
SIZES = {"n": 3, "m": 2}
LAST = n - 1


def span(index: Any, top: Any = n) -> tuple[Any, Any, Any]:
    return (index, 0, top - 1)


SUMS = {
    "dot": sp.Sum(x[i] * y[i], span(i)),
    "elementwise": sp.Sum(s * sp.exp(-(x[i] ** 2)) + sp.sin(y[i]) / (2 + sp.cos(x[i])), span(i)),
    "mean": sp.Sum(x[i], span(i)) / n,
    "variance": sp.Sum((x[i] - sp.Sum(x[j], span(j)) / n) ** 2, span(i)) / (n - 1),
    "index as number": sp.Sum(i * x[i] + sp.Rational(1, 2) ** i, span(i)),
    "index and array": sp.Sum((i + 1) ** 2 / (1 + x[i] ** 2), span(i)),
    "neighbours": sp.Sum((x[i + 1] - x[i]) ** 2, (i, 0, n - 2)),
    "from the second": sp.Sum(x[i] * x[i - 1], (i, 1, n - 1)),
    "shifted bounds": sp.Sum(i * x[i - 1] ** 2, (i, 1, n)),
    "backwards": sp.Sum(x[n - 1 - i] * y[i] ** 2, span(i)),
    "even elements": sp.Sum(sp.exp(x[2 * i]), span(i)),
    "bilinear": sp.Sum(A[i, j] * x[i] * y[j], span(i), span(j, m)),
    "quadratic": sp.Sum(x[i] * A[i, j] * x[j], span(j), span(i)),
    "transposed": sp.Sum(A[j, i] ** 2 * x[i], span(i), span(j)),
    "pairs": sp.Sum((x[i] - x[j]) ** 2, span(i), span(j)),
    "nested": sp.Sum(sp.tanh(sp.Sum(A[i, j] * y[j], span(j, m))), span(i)),
    "outer index inside": sp.Sum(x[i] * sp.Sum(A[i, j] ** (i + 1), span(j, m)), span(i)),
    "same letter twice": sp.Sum(x[i], span(i)) * sp.Sum(y[i], span(i, m)),
    "log sum exp": sp.log(sp.Sum(sp.exp(x[i]), span(i))),
    "diagonal": sp.Sum(A[i, i] ** 2, span(i)),
    "column": sp.Sum(A[i, 0] * A[i, 1], span(i)) + sp.Sum(A[i, j], span(i), span(j, m)),
    "three indices": sp.Sum(z[i, j, k] * x[i] * y[k], span(i), span(j, m), span(k, m)),
    "permuted": sp.Sum(z[k, i, j] * x[i], span(i), span(j, m), span(k, m)),
    "constant body": sp.Sum(s**2, span(i)) + sp.Sum(x[i], span(i)),
    "half constant": sp.Sum(x[i], span(i), span(j, m)) + sp.Sum(y[j], span(j, m)),
    "polynomial": sp.Sum(s**i / (i + 1), (i, 0, 5)),
    "product": sp.Product(1 + x[i] ** 2, span(i)),
    "constant product": sp.Product(sp.cos(s), span(i)) + sp.Sum(x[i], span(i)),
    "product in a sum": sp.Sum(sp.Product(y[j] - x[i], span(j, m)), span(i)),
    "piecewise": sp.Sum(sp.Piecewise((x[i] ** 2, x[i] > 0), (sp.sin(x[i]), True)), span(i)),
    "triangle by choice": sp.Sum(sp.Piecewise((x[i] * x[j], i < j), (0, True)), span(i), span(j)),
    "delta": sp.Sum(sp.KroneckerDelta(i, j) * A[i, j] * x[i], span(i), span(j)),
    "hankel": sp.Sum(z[i + j] * x[i] * y[j], span(i), span(j, m)),
    "maximum": sp.Sum(sp.Max(x[i], y[i], 0), span(i)),
    "matrix elements": sp.Sum(M[i, j] * v[j, 0], span(i), span(j)),
    "element of a product": sp.Sum((M * N)[i, i], span(i)),
}

MATRICES = {
    "product": M * N,
    "sum": M + 2 * N - s * M.T,
    "rectangular": B * C,
    "chain to a vector": M * N * v,
    "row": v.T * M * N,
    "quadratic form": v.T * M * w,
    "transpose of a product": (M * B).T,
    "hadamard": sp.HadamardProduct(B, C.T),
    "hadamard power": sp.HadamardPower(B, 3),
    "trace": sp.Trace(M * N.T),
    "trace and scalar": s * sp.Trace(M) ** 2 + sp.exp(sp.Trace(N) / 4),
    "determinant": sp.Determinant(M),
    "log determinant": sp.log(sp.Determinant(M * M.T + sp.Identity(n))),
    "inverse": sp.Inverse(M + 3 * sp.Identity(n)),
    "solve": sp.Inverse(M + 3 * sp.Identity(n)) * v,
    "inverse in the middle": v.T * sp.Inverse(M * M.T + sp.Identity(n)) * v,
    "power": M**3,
    "negative power": (M + 3 * sp.Identity(n)) ** -2,
    "identity": M * N + sp.Identity(n) * s,
    "ones": sp.HadamardProduct(B, B) + sp.OneMatrix(n, m),
    "zeros": sp.MatAdd(B, sp.ZeroMatrix(n, m), evaluate=False) * 2,
    "kronecker": sp.KroneckerProduct(v, w.T),
    "diagonal": sp.DiagMatrix(v) * M,
    "dot": sp.exp(sp.DotProduct(v, v) / 9),
    "least squares": (B.T * B + sp.Identity(m)).I * B.T * v,
    "element": B[0, 0] * s + sp.Trace(M),
    "elements": sp.Sum(B[i, j] ** 2, span(i), span(j, m)),
}


def by_sympy(expr: Any, point: dict[str, Any]) -> Any:
    """The value of an expression by sympy's own substitution, sums and matrices written out."""
    values: dict[Any, Any] = {}
    for name, array in point.items():
        exact = np.vectorize(lambda number: sp.Float(number, 30), otypes=[object])(array)
        if not array.ndim:
            values[sp.Symbol(name)] = exact[()]
            continue
        if name in "MNBCvw":
            values[sp.MatrixSymbol(name, *array.shape)] = sp.ImmutableMatrix(exact)
        for index in itertools.product(*map(range, array.shape)):
            values[sp.IndexedBase(name)[index]] = exact[index]
    sized = expr.subs({n: SIZES["n"], m: SIZES["m"]})
    if not sized.has(sp.MatrixSymbol) or isinstance(sized, sp.Sum):
        sized = sized.doit()
    written = sized.xreplace(values).replace(sp.Determinant, lambda a: a.as_explicit().det()).doit()
    if hasattr(written, "as_explicit"):
        written = written.as_explicit()
    if isinstance(written, sp.MatrixBase):
        return np.array(written.tolist(), dtype=float)
    return float(written.evalf(20))


def drawn(function: sg.Function, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    shapes = {leaf.name: evaluate_shape(leaf.shape, SIZES) for leaf in function.input_nodes}
    return {name: np.asarray(rng.uniform(-1.5, 1.5, shape)) for name, shape in shapes.items()}


def checked(expr: Any, f: sg.Function) -> None:
    point = drawn(f)
    ours = np.asarray(sg.compile(f)(*point.values()))
    theirs = np.asarray(by_sympy(expr, point))
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)
    derived = sg.value_and_grad(f) if ours.ndim == 0 else sg.vjp(f)
    verify_function(derived, sg.compile(derived)).raise_for_failure()


@pytest.mark.parametrize("name", SUMS)
def test_sums(name: str) -> None:
    checked(SUMS[name], sg.from_sympy(SUMS[name]))


@pytest.mark.parametrize("name", MATRICES)
def test_matrices(name: str) -> None:
    checked(MATRICES[name], sg.from_sympy(MATRICES[name]))


def body(f: sg.Function) -> str:
    return str(sg.simplify(f)).rsplit(" = ", 1)[-1].strip()


@pytest.mark.parametrize(
    "name, text",
    [
        ("dot", "(x * y).sum()"),
        ("neighbours", "((x[1:] - x[:n - 1])**2).sum()"),
        ("product", "(1 + x**2).prod()"),
        ("backwards", "x[::-1]"),
        ("half constant", "m"),
    ],
)
def test_sums_are_vectorised(name: str, text: str) -> None:
    source = sg.Module("made", {"f": sg.from_sympy(SUMS[name])}).source()
    assert "for " not in source.split('"""', 4)[4].split("def _", 1)[0]
    assert text in source or (name == "dot" and "x @ y" in source)


def test_inverse_times_vector_solves() -> None:
    assert body(sg.from_sympy(M.I * v)) == "solve(M, v)"
    assert sg.from_sympy(M.I * N.I * v).ops() == {"solve": 2}


def test_shapes_come_from_symbols_ranges_and_the_caller() -> None:
    assert sg.from_sympy(sp.Sum(x[i + 1] * x[i], span(i))).inputs == {"x": ("n+1", "float64")}
    declared = sp.IndexedBase("x", shape=(n,))
    assert sg.from_sympy(sp.Sum(declared[i], (i, 1, n - 1))).inputs == {"x": ("n", "float64")}
    assert sg.from_sympy(sp.Sum(x[i], (i, 1, n)), x="n+1").inputs == {"x": ("n+1", "float64")}
    assert sg.from_sympy(M * v, v="n").inputs == {"M": ("n n", "float64"), "v": ("n", "float64")}
    f = sg.from_sympy(s * sp.Sum(x[i], span(i)), args=(x, s))
    assert list(f.inputs) == ["x", "s"] and f.inputs["s"] == ("", "float64")


def test_scalars_can_be_batches() -> None:
    f = sg.from_sympy(sp.Sum(sp.cos(s * x[i]), span(i)), s="...")
    given = np.array([[0.5, 1.0], [-2.0, 0.0]])
    wanted = np.cos(given[..., None] * np.array([1.0, 2.0])).sum(-1)
    np.testing.assert_allclose(sg.compile(f)(given, np.array([1.0, 2.0])), wanted, rtol=1e-14)


def test_free_indices_are_axes_of_the_result() -> None:
    a, b = sp.Idx("a", n), sp.Idx("b", m)
    f = sg.from_sympy(x[a] ** 2 - y[b])
    assert f.outputs == {"f": ("n m", "float64")}
    left, right = np.arange(3.0), np.arange(2.0)
    np.testing.assert_array_equal(sg.compile(f)(left, right), left[:, None] ** 2 - right)
    product = sg.from_sympy(sp.Sum(A[a, j] * x[j], span(j, m)))
    np.testing.assert_array_equal(sg.compile(product)(np.ones((3, 2)), right), np.ones((3, 2)) @ right)
    assert sg.from_sympy(sp.Sum(x[a], (a, 0, n - 1))).outputs == {"f": ("", "float64")}


def test_arrays_of_indices_gather() -> None:
    f = sg.from_sympy(sp.Sum(x[y[i]] * z[i], span(i)), x="p")
    assert f.inputs["y"] == ("n", "int64")
    got = sg.compile(sg.grad(f, wrt="x"))(np.zeros(3), np.array([2, 0, 2]), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(got, [2.0, 0.0, 4.0])


def test_lists_and_matrices_of_sums() -> None:
    total = sp.Sum(x[i], span(i))
    f = sg.from_sympy([total, sp.Matrix([[total**2, 1], [s, 0]]), x[0]])
    first, second, third = sg.compile(f)(2.0, np.array([3.0, 4.0]))
    assert first == 7.0 and third == 3.0
    np.testing.assert_array_equal(second, [[49.0, 1.0], [2.0, 0.0]])


@pytest.mark.parametrize(
    "expr, message",
    [
        (sp.Sum(x[i], (i, 1, n)), "no index of x is 0"),
        (sp.Sum(x[i], (i, 0, sp.oo)), "oo is no size"),
        (sp.Sum(x[i - 1], span(i)), "can be negative"),
        (sp.Sum(x[i] * x[j], (i, 0, j), span(j)), "depends on the index"),
        (sp.Sum(i**2, span(i)), "not that of any argument"),
        (sp.Sum(sp.IndexedBase("x", shape=(n,))[i], (i, 1, n)), "goes up to n"),
        (x[i], "the index i has no range"),
        (x[0] + 1, "the size of x"),
        (x[0, 1] + x[0], "2 indices in one place"),
        (sp.Sum(x[i] + sp.Symbol("x"), span(i)), "is a symbol and an array"),
        (sp.Sum(x[i] + sp.Symbol("x"), span(i)) * n, "is a symbol and an array"),
        (sp.Derivative(sp.Sum(x[i] * s, span(i)), s), "Derivative has no numerical form"),
        (sp.Integral(sp.Sum(x[i] * s, span(i)), s), "Integral has no numerical form"),
        (M**s, "to the power"),
        (M[i, 0], "no range"),
        (sp.Sum(M[i, 0], (i, 0, n)), "not known to be inside"),
        (sp.Sum(x[i], (i, 5, 2)), "down to"),
        (sp.Sum(x[i**2] + x[i], span(i)), "not linear"),
    ],
)
def test_refused(expr: Any, message: str) -> None:
    with pytest.raises(sg.SpecError, match=message):
        sg.from_sympy(expr)


def test_given_shapes_are_checked() -> None:
    with pytest.raises(sg.SpecError, match="goes up to"):
        sg.from_sympy(sp.Sum(x[i], (i, 1, n)), x="n")
    with pytest.raises(sg.SpecError, match="'n' is a size"):
        sg.from_sympy(sp.Sum(x[i], span(i)), args=(x, n))
    with pytest.raises(sg.ShapeError, match="not that of the symbol"):
        sg.from_sympy(M * v, M="n m")
    with pytest.raises(sg.ShapeError, match="not that of the symbol"):
        sg.from_sympy(sp.Sum(x[i], span(i)), x="n n")


@pytest.mark.slow
def test_hundred_thousand_terms() -> None:
    names = sp.symbols("a0:50")
    terms = [
        sp.Mul(sp.Integer(1 + p), names[p % 50], names[p // 50 % 50], evaluate=False) for p in range(100_000)
    ]
    f = sg.from_sympy(sp.Add(*terms, evaluate=False))
    assert sum(f.ops().values()) > 100_000


def test_deep_chains() -> None:
    total: Any = sp.Sum(x[i], span(i))
    for _ in range(20_000):
        total = sp.Add(sp.Mul(total, s, evaluate=False), 1, evaluate=False)
    assert sg.from_sympy(total).ops()["mul"] == 20_000

    inside: Any = x[i]  # sympy itself recurses over the body of a sum
    for _ in range(200):
        inside = sp.Add(sp.Mul(inside, s, evaluate=False), 1, evaluate=False)
    assert sg.from_sympy(sp.Sum(inside, span(i))).ops()["mul"] == 200
