"""Sliding windows, borders, convolution and pooling: against naive loops, and their derivatives."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from differences import check, close, draw, linear, symbols
from evaluate import evaluate

from symgrad.errors import ShapeError, SpecError, TraceError
from symgrad.ops.leaves import input_node
from symgrad.ops.windows import fold_windows, pad, sliding_windows
from symgrad.shapes import core
from symgrad.shapes import evaluate as size_of
from symgrad.spelling import FUNCTIONS, NAMES
from symgrad.transforms.reverse import pullback

conv2d, conv1d, max_pool2d, avg_pool2d = (NAMES[n] for n in ("conv2d", "conv1d", "max_pool2d", "avg_pool2d"))


def naive(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """Convolution by loops over everything."""
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    o, share, kh, kw = w.shape
    spans = (d * (k - 1) + 1 for k, d in zip((kh, kw), dilation))
    oh, ow = ((size - span) // step + 1 for size, span, step in zip(x.shape[2:], spans, stride))
    y = np.zeros((len(x), o, oh, ow))
    for image, filter_, i, j in np.ndindex(*y.shape):
        group = filter_ // (o // groups)
        for channel, p, q in np.ndindex(share, kh, kw):
            row, column = i * stride[0] + p * dilation[0], j * stride[1] + q * dilation[1]
            entry = x[image, group * share + channel, row, column]
            y[image, filter_, i, j] += w[filter_, channel, p, q] * entry
    return y if b is None else y + b[:, None, None]


@pytest.mark.parametrize(
    "size, window, stride, dilation",
    [
        ((5,), (2,), (1,), (1,)),
        ((7,), (3,), (2,), (1,)),
        ((7,), (2,), (3,), (2,)),
        ((4, 5), (2, 3), (2, 1), (1, 2)),
    ],
)
def test_windows_and_their_sum_are_each_other_transposed(size, window, stride, dilation):
    options = {"stride": stride, "dilation": dilation}
    shape = " ".join(map(str, (2, *size)))
    linear(lambda x: sliding_windows(x, window=window, **options), shape)
    check(lambda x: sliding_windows(x, window=window, **options), shape)
    windows = sliding_windows(symbols(shape)[0], window=window, **options)
    shape = " ".join(map(str, windows.shape))
    linear(lambda x: fold_windows(x, sizes=size, **options), shape)
    check(lambda x: fold_windows(x, sizes=size, **options), shape)


@pytest.mark.parametrize("shape", ["... 5", "... 2 5"])
def test_windows_under_a_batch(shape):
    check(lambda x: sliding_windows(x, window=(2,), stride=(2,), dilation=(1,)), shape)


CASES = [
    ("2 2 4 5", "3 2 2 3", {}), ("1 1 3 3", "1 1 3 3", {}), ("2 1 5 5", "2 1 3 3", {"stride": 2}),
    ("2 2 4 5", "2 2 3 2", {"padding": 1}), ("1 2 6 6", "2 2 3 2", {"stride": (2, 1), "padding": (2, 1)}),
    ("1 1 7 6", "2 1 2 3", {"dilation": (3, 2)}), ("2 4 4 4", "6 2 2 2", {"groups": 2}),
    ("1 3 4 4", "3 1 3 3", {"groups": 3, "padding": 1}), ("1 2 4 4", "2 2 1 1", {"stride": 3}),
]  # fmt: skip


@pytest.mark.parametrize("image, weights, options", CASES)
def test_convolution(image, weights, options):
    pairs = {k: (v, v) if isinstance(v, int) and k != "groups" else v for k, v in options.items()}
    check(
        lambda x, w: conv2d(x, w, **options), image, weights,
        reference=lambda x, w: naive(x, w, **pairs), oracle=len(options) < 2 and "6" not in image,
        second=False,
    )  # fmt: skip


def test_convolution_with_a_bias_of_symbolic_sizes():
    y = check(
        lambda x, w, b: conv2d(x, w, b, stride=2, padding=1), "n 2 h w", "o 2 k k", "o",
        reference=lambda x, w, b: naive(x, w, b, (2, 2), (1, 1)), oracle=False, second=True,
        n=2, h=4, w=5, o=2, k=3,
    )  # fmt: skip
    sizes = {"n": 2, "h": 4, "w": 5, "o": 2, "k": 3}
    assert [size_of(size, sizes) for size in core(y.shape)] == [2, 2, 2, 3]


def test_one_image_and_a_batch_of_them():
    check(conv2d, "2 4 4", "3 2 2 2", reference=lambda x, w: naive(x[None], w)[0], second=False)
    check(conv2d, "... 2 4 4", "3 2 2 2", reference=naive, second=False)


def test_padding_by_name():
    x, w = symbols("n 1 h 5", "2 1 3 4")
    assert conv2d(x, w, padding="same").shape[2:] == x.shape[2:]
    assert conv2d(x, w, padding="valid").shape == conv2d(x, w).shape
    check(
        lambda a, b: conv2d(a, b, padding="same"), "1 1 4 5", "2 1 3 4", second=False, oracle=False,
        reference=lambda a, b: naive(np.pad(a, ((0, 0), (0, 0), (1, 1), (1, 2))), b),
    )  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"groups": 2}])
def test_convolution_of_sequences(options):
    pairs = {k: v if k == "groups" else (0 if k == "padding" else 1, v) for k, v in options.items()}
    weights = "4 1 3" if "groups" in options else "4 2 3"
    check(
        lambda x, w, b: conv1d(x, w, b, **options), "2 2 7", weights, "4", second=False,
        reference=lambda x, w, b: naive(x[:, :, None], w[:, :, None], b, **pairs)[:, :, 0],
    )  # fmt: skip


def test_convolution_is_one_product():
    x, w = symbols("n 2 h w", "o 2 3 3")
    y = conv2d(x, w)
    names = []
    while y.args:
        names.append(y.op.name)
        y = y.args[-1]
    assert names == ["reshape", "matmat", "reshape", "sliding_windows"]


@pytest.mark.parametrize("size, stride", [(2, None), (2, 1), (3, 2), ((2, 3), (1, 2))])
def test_pooling(size, stride):
    def blocks(x, function):
        kh, kw = size if isinstance(size, tuple) else (size, size)
        windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(-2, -1))
        sh, sw = (kh, kw) if stride is None else stride if isinstance(stride, tuple) else (stride, stride)
        return function(windows[..., ::sh, ::sw, :, :], axis=(-2, -1))

    for pool, function in ((max_pool2d, np.max), (avg_pool2d, np.mean)):
        for shape in ("2 1 5 6", "... 5 6"):
            check(
                lambda x, pool=pool: pool(x, size, stride), shape,
                reference=lambda x, function=function: blocks(x, function), second=False,
            )  # fmt: skip


@pytest.mark.parametrize("size, stride, dilation", [(2, None, 1), (3, 1, 1), (2, 2, 3)])
def test_pooling_of_sequences(size, stride, dilation):
    def blocks(x, function):
        windows = np.lib.stride_tricks.sliding_window_view(x, (size - 1) * dilation + 1, axis=-1)
        return function(windows[..., :: stride or size, ::dilation], axis=-1)

    for name, function in (("max_pool1d", np.max), ("avg_pool1d", np.mean)):
        for shape in ("2 3 9", "... 9"):
            check(
                lambda x, name=name: NAMES[name](x, size, stride, dilation=dilation), shape,
                reference=lambda x, function=function: blocks(x, function), second=False,
            )  # fmt: skip


def test_K15_windows_of_sequences_share_ties_and_add_up():
    value, bar = gradient(lambda x: NAMES["max_pool1d"](x, 2, stride=1), np.array([1.0, 3.0, 3.0, 2.0]))
    assert value.tolist() == [3.0, 3.0, 3.0]
    assert bar.tolist() == [0.0, 1.5, 1.5, 0.0]
    value, _ = gradient(lambda x: NAMES["max_pool1d"](x, 3, stride=1, padding=1), np.array([-1.0, -2.0]))
    assert value.tolist() == [-1.0, -1.0]


def gradient(build, value):
    x = input_node("x", value.shape)
    y = build(x)
    g = input_node("g", y.shape)
    (bar,), _ = pullback([y], [g], [x])
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        return evaluate([y, bar], {x: value, g: np.ones(evaluate([y], {x: value})[0].shape)})


def test_ties_in_a_window_share_and_overlapping_windows_add_up():
    value, bar = gradient(lambda x: max_pool2d(x, 2), np.ones((4, 4)))
    assert value.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    close(bar, np.full((4, 4), 0.25), 1e-15)
    image = np.zeros((3, 3))
    image[1, 1] = 1.0
    value, bar = gradient(lambda x: max_pool2d(x, 2, stride=1), image)
    assert value.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    close(bar, 4.0 * image, 1e-15)


def test_padding_never_wins_the_maximum():
    value, bar = gradient(lambda x: max_pool2d(x, 3, stride=2, padding=1), np.full((3, 3), -5.0))
    assert value.tolist() == [[-5.0, -5.0], [-5.0, -5.0]]
    assert bar.sum() == pytest.approx(4.0)


def test_zeros_of_the_padding_count_in_the_mean():
    value, _ = gradient(lambda x: avg_pool2d(x, 2, padding=1), np.ones((2, 2)))
    close(value, np.full((2, 2), 0.25), 1e-15)


def test_no_images_at_all():
    x, w = input_node("x", (0, 2, 5, 5)), input_node("w", (3, 2, 3, 3))
    y = max_pool2d(conv2d(x, w), 3)
    g = input_node("g", y.shape)
    bars, _ = pullback([y], [g], [x, w])
    given = {x: np.zeros((0, 2, 5, 5)), w: draw(w), g: np.zeros((0, 3, 1, 1))}
    value, x_bar, w_bar = evaluate([y, *bars], given)
    assert value.shape == (0, 3, 1, 1) and x_bar.shape == x.shape
    assert w_bar.shape == w.shape and not w_bar.any()


@pytest.mark.parametrize(
    "build",
    [
        lambda x: conv2d(x, x, padding=1), lambda x: max_pool2d(x, 2, padding=1), lambda x: avg_pool2d(x, 2),
        lambda x: pad(x, widths=((0, 0),) * 3 + ((1, 1),), value=0.5),
    ],
)  # fmt: skip
def test_single_precision_stays(build):
    x = input_node("x", (2, 2, 3, 3))
    y = build(x)
    g = input_node("g", y.shape)
    (bar,), _ = pullback([y], [g], [x])
    given = {x: draw(x).astype(np.float32), g: draw(g).astype(np.float32)}
    assert [v.dtype for v in evaluate([y, bar], given)] == [np.float32, np.float32]


@pytest.mark.parametrize(
    "widths",
    [1, (1, 2), ((1, 2),), ((0, 1), (2, 0)), [[0, 1], [2, 0]], {1: 2}, {-1: (0, 3)}, 0, ((2,), (1,))],
)
def test_pad(widths):
    reference = widths if not isinstance(widths, dict) else [(0, 0), (2, 2) if 1 in widths else (0, 3)]
    for value in (0, 1.5):
        check(
            lambda x, value=value: FUNCTIONS[np.pad](x, widths, constant_values=value), "n d",
            reference=lambda x, value=value: np.pad(x, reference, constant_values=value), second=False,
        )  # fmt: skip


def test_pad_under_a_batch():
    check(
        lambda x: FUNCTIONS[np.pad](x, ((1, 0), (0, 2)), constant_values=2.0), "... n d",
        reference=lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2)), constant_values=2.0),
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("sizes", [("7", "3"), ("7", "4"), ("3", "7"), ("4", "4"), ("5", "1")])
@pytest.mark.parametrize("function", [np.convolve, np.correlate])
def test_numpy_convolutions(function, sizes, mode):
    check(
        lambda a, v: FUNCTIONS[function](a, v, mode), *sizes, second=False, oracle=mode == "full",
        reference=lambda a, v: function(a, v, mode),
    )  # fmt: skip


def test_numpy_convolutions_of_symbolic_sizes():
    for mode in ("full", "same", "valid"):
        check(
            lambda a, v, mode=mode: FUNCTIONS[np.convolve](a, v, mode), "m", "n", second=False,
            reference=lambda a, v, mode=mode: np.convolve(a, v, mode),
        )  # fmt: skip


@pytest.mark.parametrize(
    "build, shapes, error, message",
    [
        (conv2d, ("n c h w", "o d k k"), ShapeError, "channels of the input and of the weights differ"),
        (conv2d, ("h w", "o c k k"), ShapeError, "conv2d: wrong number of dimensions"),
        (lambda x, w: conv2d(x, w, w), ("n c h w", "o c k k"), ShapeError, "conv2d: the bias has one entry"),
        (lambda x, w: conv2d(x, w, groups=2), ("n 3 h w", "o 2 k k"), ShapeError, "2 groups do not divide 3"),
        (lambda x, w: conv2d(x, w, stride=0), ("n c h w", "o c k k"), SpecError, "conv2d: stride=0"),
        (lambda x, w: conv2d(x, w, padding=-1), ("n c h w", "o c k k"), SpecError, "conv2d: padding=-1"),
        (lambda x, w: conv2d(x, w, padding="full"), ("n c h w", "o c k k"), SpecError, "padding='full'"),
        (
            lambda x, w: conv2d(x, w, padding="same", stride=2), ("n c h w", "o c k k"), SpecError,
            'padding="same" needs stride 1',
        ),
        (conv2d, ("1 1 2 2", "1 1 3 3"), ShapeError, "a window of 3 does not fit into an axis of 2"),
        (lambda x: max_pool2d(x, 2, padding=2), ("h w",), SpecError, "max_pool2d: padding=2"),
        (lambda x: avg_pool2d(x, (1, 2, 3)), ("h w",), SpecError, "avg_pool2d: size=(1, 2, 3)"),
        (lambda x: max_pool2d(x, 2), ("h",), ShapeError, "max_pool2d: wrong number of dimensions"),
        (lambda x: FUNCTIONS[np.pad](x, 1, mode="empty"), ("h",), TraceError, "mode='empty'"),
        (lambda x: FUNCTIONS[np.pad](x, -1), ("h",), ShapeError, "widths are counts"),
        (lambda a, v: FUNCTIONS[np.convolve](a, v, "half"), ("n", "k"), SpecError, "mode='half'"),
    ],
)  # fmt: skip
def test_errors(build, shapes, error, message):
    with pytest.raises(error) as caught:
        build(*symbols(*shapes))
    assert message in str(caught.value)
