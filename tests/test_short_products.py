"""Transposed factors of short products: copied where that pays, the same numbers everywhere."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

WITHOUT = ("short_products",)


def product(x, q):
    return np.matmul(x, np.swapaxes(q, -1, -2))


#: Shapes of the factors, and whether a copy pays.
SHAPES = {
    "matrix": (("n 16", "9 16"), True),
    "stack": (("k n 16", "k 9 16"), True),
    "as short as pays": (("n 32", "m 32"), True),
    "long sums": (("n 33", "m 33"), False),
    "of unknown length": (("n d", "m d"), False),
    "few rows": (("63 16", "9 16"), False),
}


def made(shapes, **options):
    f = sg.trace(product, name="f", x=shapes[0], q=shapes[1])
    return sg.Module("m", {"f": f}, **options)


@pytest.mark.parametrize("name", SHAPES)
def test_copied_where_it_pays(name):
    shapes, pays = SHAPES[name]
    assert (".copy()" in made(shapes).source()) is pays
    assert ".copy()" not in made(shapes, without=WITHOUT).source()


def test_typical_sizes_are_believed():
    assert ".copy()" in made(("n d", "m d"), typical={"d": 8}).source()
    assert ".copy()" not in made(("n 16", "9 16"), typical={"n": 10}).source()


@pytest.mark.parametrize("n", [0, 1, 100])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_numbers(n, dtype):
    rng = np.random.default_rng(0)
    x, q = rng.normal(size=(3, n, 16)).astype(dtype), rng.normal(size=(3, 9, 16)).astype(dtype)
    ours = made(SHAPES["stack"][0]).load().f(x, q)
    assert ours.dtype == dtype and ours.shape == (3, n, 9)
    exact = np.einsum("kni,kmi->knm", x.astype(np.longdouble), q.astype(np.longdouble))
    bound = 16 * np.finfo(dtype).eps * np.einsum("kni,kmi->knm", abs(x), abs(q))
    assert np.all(abs(ours - exact) <= bound)


def test_other_transposes_stay_views():
    f = sg.trace(lambda x, q: x @ np.transpose(q, (1, 0, 2)), name="f", x="8 n 16", q="16 8 9")
    assert ".copy()" not in sg.Module("m", {"f": f}).source()
    f = sg.trace(lambda x, q: x.T @ q, name="f", x="16 n", q="16 9")
    assert ".copy()" not in sg.Module("m", {"f": f}).source()
