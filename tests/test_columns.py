"""Arrays of short rows kept by columns: the same values, in the shapes that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.options import Options
from symgrad.pipeline import prepare
from symgrad.rewrite.columns import turn_short_rows
from symgrad.rewrite.turning import SHORT

WITHOUT = ("columns",)


def rotate(x, axis, angle):
    """Rodrigues' formula, a row at a time."""
    unit = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    along = unit * np.sum(unit * x, axis=1, keepdims=True)
    return along + (x - along) * np.cos(angle)[:, None] + np.cross(unit, x) * np.sin(angle)[:, None]


def project(points, camera, seen):
    """Pinholes with distortion; parts, sums, assembled derivatives, gathers of rows."""
    local = points[seen] - camera[:, :3]
    plane = local[:, :2] / (2 + local[:, 2:] ** 2)
    square = np.sum(plane**2, axis=1)[:, None]
    return plane * (1 + camera[:, 3:4] * square + camera[:, 4:] * square**2)


def mixed(x, v, s, W):
    """Rows beside vectors, scalars, products of matrices, choices, maxima, whole sums."""
    y = np.where(x > v, x * s, x - s[:, None] if s.ndim == 1 else x)
    z = y / (1 + x[:, :1] ** 2) + v * x[:, 1:2]
    best = np.max(z, axis=1, keepdims=True)
    joined = np.concatenate([z * best, x[:, ::2]], axis=1)
    stacked = np.stack([joined[:, 0] * best[:, 0], z[:, 2], x[:, 0] - z[:, 1]], axis=1)
    return np.sum(stacked @ W) + np.sum(joined**2) + np.sum(z, axis=0) @ v + np.sum(x[1:] * z[:-1])


def outputs(x, s):
    """Results of short rows themselves, in several forms."""
    y = (x - s[:, None]) * x[:, :1] + x[:, 1:2] * s[:, None] - x / (1 + s[:, None] ** 2)
    y = y * np.exp(-x[:, 2:])
    return y, y.T, y[:, 0], y[:, 1:], np.sum(y, axis=0), np.sum(y, axis=1), np.max(y), y[0], x * s[:, None]


def weights(x, s):
    """A product with a column whose adjoint is scattered and repeated."""
    y = x * s[:, None] + x[:, :1] + x[:, 1:] * np.ones((1, 2)) * s[:, None] ** 2
    return np.sum(y / (1 + np.sum(y * y, axis=1, keepdims=True)), axis=0)


def attraction(x, m):
    """Energy of pairs of points: differences of shape (n, n, 3)."""
    d = x[:, None] - x
    return -0.5 * np.sum(m[:, None] * m / np.sqrt(np.sum(d**2, axis=-1) + 0.25))


def crossed(x, y, v):
    """Pairs of two sets of points: parts, maxima, rows in front and behind, sums along every axis."""
    d = (x[:, None, :] - y[None, :, :]) * v
    near = np.exp(-np.max(np.abs(d), axis=2, keepdims=True)) * d + y * d[:, :, 0:1]
    wide = np.concatenate([near * d[:, :, 2:], np.stack([d[..., 0], d[..., 1] * d[:, :, 2]], axis=2)], axis=2)
    return np.sum(wide**2, axis=0), np.sum(wide, axis=1), np.sum(near, axis=(0, 2)), near @ v, d[..., 1], near


def total(f):
    def g(*arguments):
        return np.sum(np.sin(f(*arguments)))

    g.__name__ = f.__name__
    return g


INT = sg.array("n", "int64")
FUNCTIONS = {
    "rotate": sg.trace(rotate, x="n 3", axis="n 3", angle="n"),
    "rotate'": sg.value_and_grad(
        sg.trace(lambda x, a, t: np.sum(np.sin(rotate(x, a, t))), name="f", x="n 3", a="n 3", t="n")
    ),
    "project": sg.trace(project, points="p 3", camera="n 5", seen=INT),
    "project'": sg.value_and_grad(
        sg.trace(
            lambda points, camera, seen: np.sum(np.sin(project(points, camera, seen))),
            name="f", points="p 3", camera="n 5", seen=INT,
        )
    ),
    "mixed": sg.trace(mixed, x="n 3", v="3", s="", W="3 4"),
    "mixed'": sg.value_and_grad(sg.trace(mixed, x="n 3", v="3", s="", W="3 4")),
    "outputs": sg.trace(outputs, x="n 3", s="n"),
    "weights'": sg.value_and_grad(
        sg.trace(lambda x, s: np.sum(np.cos(weights(x, s))), name="f", x="n 2", s="n")
    ),
    "attraction'": sg.value_and_grad(sg.trace(attraction, x="n 3", m="n")),
    "attraction''": sg.hvp(sg.trace(attraction, x="n 3", m="n"), wrt="x"),
    "attraction of many'": sg.value_and_grad(sg.trace(attraction, x="300 3", m="300")),
    "crossed": sg.trace(crossed, x="n 3", y="p 3", v="3"),
    "crossed'": sg.value_and_grad(
        sg.trace(
            lambda x, y, v: sum(np.sum(np.sin(part)) for part in crossed(x, y, v)),
            name="f", x="n 3", y="p 3", v="3",
        )
    ),
    "rotate''": sg.hvp(
        sg.trace(lambda x, a, t: np.sum(np.sin(rotate(x, a, t))), name="f", x="n 3", a="n 3", t="n"), wrt="a"
    ),
}  # fmt: skip


def arguments(f, n, dtype=np.float64):
    rng = np.random.default_rng(3)
    sizes = {"n": n, "p": 4}
    arrays = []
    for leaf in f.input_nodes:
        shape = [s if isinstance(s, int) else sizes[str(s)] for s in leaf.shape]
        values = rng.integers(-4, 4, shape) if leaf.dtype == "int64" else rng.normal(size=shape).astype(dtype)
        arrays.append(values if shape else values[()])
    return arrays


def flat(result):
    return [x for part in result for x in flat(part)] if isinstance(result, tuple) else [result]


def _is_short(size):
    return isinstance(size, int) and size <= SHORT


def is_turned(f):
    """Whether columns are worked on."""
    return any(
        node.rank >= 2 and _is_short(node.shape[0]) and not _is_short(node.shape[-1])
        for node in prepare(f).nodes()
        if node.op.name == "mul"
    )


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [6, 1, 700])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_values(name, n, dtype):
    f = FUNCTIONS[name]
    assert is_turned(f), "nothing was turned"
    given = arguments(f, n, dtype)
    copies = [np.copy(a) for a in given]
    got, want = flat(sg.compile(f)(*given)), flat(sg.compile(f, without=WITHOUT)(*given))
    assert len(got) == len(want)
    for a, b in zip(got, want):
        assert np.shape(a) == np.shape(b) and a.dtype == b.dtype
        # The same operations; sums in another order.
        scale = 50 * np.finfo(dtype).eps * max(1.0, np.abs(b).max())
        np.testing.assert_allclose(a, b, rtol=50 * np.finfo(dtype).eps, atol=scale * (n if n > 9 else 1))
    for a, b in zip(given, copies):
        np.testing.assert_array_equal(a, b)
    assert not any(np.shares_memory(a, b) for a in got for b in given)


@pytest.mark.parametrize("name", ["rotate", "rotate'", "project'", "outputs"])
def test_no_rows(name):
    f = FUNCTIONS[name]
    if name == "outputs":
        pytest.skip("there is no largest of nothing, nor a first row")
    for a, b in zip(*[flat(g(*arguments(f, 0))) for g in (sg.compile(f), sg.compile(f, without=WITHOUT))]):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_array_equal(a, b)


def test_names_follow_and_comments_give_the_shape_that_is_kept():
    source = sg.Module("m", {"f": FUNCTIONS["rotate"]}, tiles=False).source()
    assert "along = " in source and "# (3, n)" in source and "(n, 1)" not in source


def test_small_functions_and_few_rows_stay():
    f = sg.trace(lambda x, s: x * s[:, None] + x[:, :1], name="f", x="n 3", s="n")
    assert prepare(f).output_nodes[0].shape[1] == 3 and not is_turned(f)
    g = prepare(FUNCTIONS["rotate"], Options(without=WITHOUT))
    assert turn_short_rows(g, {"n": 10}) is g
    assert turn_short_rows(g, {"n": 10_000}) is not g


def test_stacks_of_matrices_that_are_multiplied_keep_their_rows():
    def whitened(x, means, Q):
        z = np.matmul(x - means[:, None, :], Q)
        return np.sum(np.log1p(np.sum(z**2, axis=2)) * np.sum(np.abs(x - means[:, None, :]), axis=2))

    f = sg.value_and_grad(sg.trace(whitened, x="n 3", means="k 3", Q="k 3 3"))
    shapes = {node.shape for node in prepare(f).nodes() if node.rank == 3}
    assert not [shape for shape in shapes if shape[0] == 3 and shape[-1] != 3]
