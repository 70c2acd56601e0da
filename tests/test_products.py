"""Matrix products, einsum and numpy's other products: values, derivatives, the text they become."""

from __future__ import annotations

import numpy as np
import pytest
from differences import check, draw, symbols
from evaluate import evaluate

from symgrad.errors import ShapeError, SpecError
from symgrad.lower.environment import Env
from symgrad.ops.leaves import input_node
from symgrad.ops.matmul import swap
from symgrad.spelling import FUNCTIONS
from symgrad.text import Text
from symgrad.transforms.reverse import pullback

matmul, einsum = FUNCTIONS[np.matmul], FUNCTIONS[np.einsum]


def text(node, inputs):
    """The text of a node of few operations, inlined."""
    if node in inputs:
        return Text(node.name)
    env = Env({name: name for name in "ndkm"})
    return node.op.numpy(node, [text(a, inputs) for a in node.args], env)


@pytest.mark.parametrize(
    "left, right",
    [
        ("n", "n"), ("n d", "d"), ("n", "n d"), ("n d", "d k"), ("m n d", "d"), ("m n d", "d k"),
        ("n d", "m d k"), ("n", "m n d"), ("m 1 n d", "2 d k"), ("2 n d", "1 d k"),
    ],
)  # fmt: skip
def test_matmul(left, right):
    check(matmul, left, right, reference=np.matmul)


@pytest.mark.parametrize(
    "left, right, subscripts",
    [
        ("... n", "n", "...i,i->..."), ("n", "... n", "i,...i->..."), ("... n", "... n", "...i,...i->..."),
        ("... n d", "d", "...ij,j->...i"), ("n d", "... d", "ij,...j->...i"),
        ("... n d", "... d", "...ij,...j->...i"), ("... n", "n d", "...i,ij->...j"),
        ("n", "... n d", "i,...ij->...j"), ("... n", "... n d", "...i,...ij->...j"),
        ("... n d", "d k", "...ij,jk->...ik"), ("n d", "... d k", "ij,...jk->...ik"),
        ("m n d", "... d", "mij,...j->...mi"), ("... n d", "m d k", "...ij,mjk->...mik"),
    ],
)  # fmt: skip
def test_matmul_under_a_batch(left, right, subscripts):
    check(matmul, left, right, reference=lambda a, b: np.einsum(subscripts, a, b), second=False)


def test_the_text_of_products_reads_like_mathematics():
    a, x, b = symbols("n d", "d", "d k")
    assert text(matmul(a, x), [a, x]).source == "a @ b"
    g = input_node("g", matmul(a, b).shape)
    (a_bar, b_bar), _ = pullback([matmul(a, b)], [g], [a, b])
    assert text(a_bar, [a, b, g]).source == "g @ c.T"
    assert text(b_bar, [a, b, g]).source == "a.T @ g"
    g = input_node("g", matmul(a, x).shape)
    (_, x_bar), _ = pullback([matmul(a, x)], [g], [a, x])
    assert text(x_bar, [a, x, g]).source == "a.T @ g"


def test_matrices_times_batched_vectors_are_one_product():
    a, x = symbols("n d", "... d")
    assert text(matmul(a, x), [a, x]).source == "b @ a.T"
    b, x = symbols("d n", "... d")
    assert text(matmul(swap(b), x), [b, x]).source == "b @ a"


def test_one_matrix_after_a_stack_sums_over_the_stack_within_the_product():
    a, b = symbols("m n d", "d k")
    g = input_node("g", matmul(a, b).shape)
    (_, b_bar), _ = pullback([matmul(a, b)], [g], [a, b])
    assert b_bar.op.name == "matmat" and b_bar.shape == b.shape


def test_inner_dimension_zero():
    a, b = symbols("n d", "d k")
    values = {a: np.zeros((2, 0)), b: np.zeros((0, 3))}
    g = input_node("g", matmul(a, b).shape)
    bars, _ = pullback([matmul(a, b)], [g], [a, b])
    value, a_bar, b_bar = evaluate([matmul(a, b), *bars], {**values, g: np.ones((2, 3))})
    assert value.shape == (2, 3) and not value.any()
    assert a_bar.shape == (2, 0) and b_bar.shape == (0, 3)


def test_products_keep_float32():
    for shapes in (("n", "n"), ("n d", "d"), ("n d", "d k"), ("... n", "... n")):
        a, b = symbols(*shapes)
        (value,) = evaluate([matmul(a, b)], {x: draw(x).astype(np.float32) for x in (a, b)})
        assert value.dtype == np.float32


def test_integers_meet_floats_as_floats():
    a, i = input_node("a", (2, 3)), input_node("i", (3,), "int64")
    assert matmul(a, i).dtype == "float64"
    assert matmul(input_node("j", (2, 3), "int64"), i).dtype == "int64"


@pytest.mark.parametrize(
    "left, right, message",
    [
        ("n", "d", "matmul: inner dimensions differ: (n,) @ (d,)"),
        ("n d", "n", "matmul: inner dimensions differ: (n, d) @ (n,)"),
        ("n d", "n d", "matmul: inner dimensions differ: (n, d) @ (n, d)"),
        ("n", "m d k", "matmul: inner dimensions differ: (n,) @ (m, d, k)"),
        ("", "n", "matmul: an operand has no axis to sum over: () @ (n,)"),
    ],
)
def test_operands_that_do_not_fit(left, right, message):
    with pytest.raises(ShapeError) as caught:
        matmul(*symbols(left, right))
    assert str(caught.value).splitlines()[0] == message


def test_stacks_that_do_not_broadcast():
    with pytest.raises(ShapeError, match="matmul: shapes do not broadcast"):
        matmul(*symbols("m n d", "k d n"))


EINSUMS = [
    ("ij,jk->ik", "n d", "d k"), ("ij,jk->ki", "n d", "d k"), ("ij,kj->ik", "n d", "k d"),
    ("ji,jk->ik", "d n", "d k"), ("i,i->", "n", "n"), ("i,i", "n", "n"), ("ij,j->i", "n d", "d"),
    ("ij,i->j", "n d", "n"), ("i,ij", "n", "n d"), ("ij->ji", "n d"), ("ba", "n d"), ("ij->", "n d"),
    ("ij->j", "n d"), ("ii->", "n n"), ("ii", "n n"), ("ii->i", "n n"), ("iij->ij", "n n d"),
    ("iij->ji", "n n d"), ("iii->i", "n n n"), ("ij,ij->ij", "1 d", "n d"), ("ij,ij->", "n d", "n d"),
    ("ij,ij->j", "1 d", "n d"), ("ij,k->k", "n d", "k"), ("i,j->ij", "n", "d"), ("i,j->ji", "n", "d"),
    ("bij,bjk->bik", "m n d", "m d k"), ("bij,bkj->bik", "m n d", "m k d"), ("bsd,dh->bsh", "m n d", "d k"),
    ("bqhd,bkhd->bhqk", "2 3 2 d", "2 n 2 d"), ("bsd,d->bs", "m n d", "d"), ("...j,j->...", "n d", "d"),
    ("...ij,...jk", "2 n d", "2 d k"), ("...ij,...jk->...ik", "1 n d", "2 d k"), ("...,...", "2 1", "n"),
    ("i,ij,j->", "n", "n d", "d"), ("ij,jk,kl", "n d", "d k", "k 2"), ("bi,bi->b", "n d", "n d"),
    ("bij,bj->bi", "2 n d", "2 d"), ("i,i,i->i", "n", "n", "n"), ("ijk,jki->", "n d 2", "d 2 n"),
    ("ij,->ji", "n d", ""), ("ijk->kij", "n d 2"), ("abc,acd->bd", "2 n d", "2 d k"),
]  # fmt: skip


@pytest.mark.parametrize("subscripts, shapes", [(s, shapes) for s, *shapes in EINSUMS])
def test_einsum(subscripts, shapes):
    check(
        lambda *operands: einsum(subscripts, *operands),
        *shapes,
        reference=lambda *arrays: np.einsum(subscripts, *arrays),
        second=len(shapes) > 1 and len(subscripts) < 10,
    )


@pytest.mark.parametrize(
    "subscripts, shapes, name",
    [
        ("ij,jk->ik", ("n d", "d k"), "matmat"), ("ij,jk->ki", ("n d", "d k"), "matmat"),
        ("i,i->", ("n", "n"), "dot"), ("ij,j->i", ("n d", "d"), "matvec"),
        ("i,ij->j", ("n", "n d"), "vecmat"),
        ("bij,bjk->bik", ("m n d", "m d k"), "matmat"), ("bsd,dh->bsh", ("m n d", "d k"), "matmat"),
        ("ij->ji", ("n d",), "transpose"), ("ij->", ("n d",), "sum"), ("i,j->ij", ("n", "d"), "mul"),
        ("ij,ij->", ("n d", "n d"), "einsum"),
    ],
)  # fmt: skip
def test_einsum_becomes_the_plain_operation(subscripts, shapes, name):
    assert einsum(subscripts, *symbols(*shapes)).op.name == name


@pytest.mark.parametrize("shapes", [("... n d", "n d"), ("n d", "... n d"), ("... n d", "... n d")])
def test_einsum_under_a_batch(shapes):
    check(
        lambda a, b: einsum("ij,ij->", a, b), *shapes,
        reference=lambda a, b: np.sum(a * b, axis=(-2, -1)), second=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "subscripts, shapes, error, message",
    [
        ("ij,jk->ik", ("n d", "n k"), ShapeError, "the label 'j' has two sizes: d and n"),
        ("ij->i", ("n",), ShapeError, "'ij' does not fit an operand of shape (n,)"),
        ("i->i", ("n d",), ShapeError, "'i' does not fit an operand of shape (n, d)"),
        ("ii->i", ("n d",), ShapeError, "the label 'i' has two sizes: n and d"),
        ("ii->i", ("1 n",), ShapeError, "the label 'i' is twice in 'ii'"),
        ("ij,jk", ("n d",), SpecError, "has 2 operands, 1 were given"),
        ("i->j", ("n",), SpecError, "has the label 'j' in the output alone"),
        ("i->ii", ("n",), SpecError, "has the label 'i' twice in the output"),
        ("i!->i", ("n",), SpecError, "cannot read the subscripts 'i!->i'"),
        ("...i->i", ("n d",), ShapeError, "leaves out the axes of '...' from the output"),
    ],
)
def test_subscripts_that_do_not_fit(subscripts, shapes, error, message):
    with pytest.raises(error) as caught:
        einsum(subscripts, *symbols(*shapes))
    assert message in str(caught.value)


def test_einsum_by_lists_of_axes():
    a, b = symbols("n d", "d k")
    assert einsum(a, [0, 1], b, [1, 2], [0, 2]) is einsum("ij,jk->ik", a, b)
    assert einsum(a, [0, 1], b, [1, 2]) is einsum("ij,jk", a, b)


@pytest.mark.parametrize(
    "function, shapes",
    [
        (np.dot, ("", "n")), (np.dot, ("n d", "d")), (np.dot, ("n d", "d k")), (np.dot, ("2 n d", "k d 2")),
        (np.inner, ("n d", "k d")), (np.inner, ("n", "n")), (np.inner, ("", "n")), (np.outer, ("n", "d")),
        (np.outer, ("n d", "2")), (np.vdot, ("n d", "n d")), (np.tensordot, ("2 n d", "n d 2")),
        (np.kron, ("n d", "2 2")), (np.kron, ("n", "d 2")), (np.kron, ("", "n")),
    ],
)  # fmt: skip
def test_other_products(function, shapes):
    check(FUNCTIONS[function], *shapes, reference=function, second=False)


@pytest.mark.parametrize("axes", [0, 1, ([0, -1], [2, 0]), (1, 1), ((), ())])
def test_tensordot(axes):
    check(
        lambda a, b: FUNCTIONS[np.tensordot](a, b, axes=axes), "n 2 d", "d 2 n",
        reference=lambda a, b: np.tensordot(a, b, axes=axes), second=False,
    )  # fmt: skip


def test_tensordot_of_axes_that_do_not_fit():
    a, b = symbols("n d", "k d")
    with pytest.raises(ShapeError, match="sizes of the summed axes differ"):
        FUNCTIONS[np.tensordot](a, b, axes=1)
    with pytest.raises(ShapeError, match="axes"):
        FUNCTIONS[np.tensordot](a, b, axes=(4, 0))
    with pytest.raises(SpecError, match="two lists of one length"):
        FUNCTIONS[np.tensordot](a, b, axes=((0, 1), (0,)))


def test_einsum_of_many_is_built_of_products_of_two():
    X, A = symbols("n d", "d d")
    form = einsum("ni,ij,nj->n", X, A, X)
    assert form.op.name == "einsum" and form.args == (matmul(X, A), X)
    a, b, c = symbols("n d", "d k", "k 2")
    # The narrow factor first: its size is known to be small.
    assert einsum("ij,jk,kl->il", a, b, c) is matmul(a, matmul(b, c))
    check(
        lambda *operands: einsum("ab,bc,a,cd->bd", *operands), "n d", "d k", "n", "k 2",
        reference=lambda *arrays: np.einsum("ab,bc,a,cd->bd", *arrays),
    )  # fmt: skip
    A, B = symbols("n d", "d k")
    C = input_node("C", (A.shape[0], B.shape[1]))
    assert einsum("ab,bc,ac->ac", A, B, C) is matmul(A, B) * C
    check(
        lambda *operands: einsum("i,i,jk->j", *operands), "n", "n", "d k",
        reference=lambda *arrays: np.einsum("i,i,jk->j", *arrays),
    )  # fmt: skip
    check(lambda *operands: einsum("i,j,j->i", *operands), "n", "m", "m",
          reference=lambda *arrays: np.einsum("i,j,j->i", *arrays))  # fmt: skip


def test_a_quadratic_form_of_rows_goes_by_tiles():
    import symgrad as sg

    def misfit(X, A, y):
        return np.mean((np.einsum("ni,ij,nj->n", X, A, X) - y) ** 2)

    f = sg.value_and_grad(sg.trace(misfit, X="n d", A="d d", y="n"), wrt="A")
    source = sg.Module("module", {"f": f}).source()
    assert "X[i:j], y[i:j], A" in source and "optimize=True" not in source
