"""`np.fft` between real arguments and real results: values against numpy, derivatives against the oracle."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symgrad as sg
from symgrad.verify.check import verify_function
from symgrad.verify.points import Sampler

F = np.fft
PHASES = np.exp(-0.4j * np.arange(4))

CASES: list[tuple[str, Callable[..., Any], tuple[str, ...]]] = [
    ("rfft", lambda x: (F.rfft(x).real, F.rfft(x).imag), ("5",)),
    ("rfft of symbolic size", lambda x: np.real(F.rfft(x)), ("n",)),
    ("rfft axis", lambda x: F.rfft(x, axis=0).imag, ("4 d",)),
    ("rfft longer", lambda x: F.rfft(x, 6).imag, ("4",)),
    ("rfft shorter", lambda x: F.rfft(x, n=3).real, ("5",)),
    ("rfft ortho", lambda x: F.rfft(x, norm="ortho").real, ("n",)),
    ("rfft forward", lambda x: F.rfft(x, norm="forward").imag, ("4",)),
    ("irfft back", lambda x: F.irfft(F.rfft(x) * PHASES, 6), ("6",)),
    ("irfft ortho", lambda x: F.irfft(F.rfft(x, norm="ortho") * PHASES[:3], norm="ortho"), ("4",)),
    ("irfft forward", lambda x: F.irfft(F.rfft(x), norm="forward"), ("4",)),
    ("convolution", lambda a, b: F.irfft(F.rfft(a, 6) * F.rfft(b, 6), 6), ("4", "3")),
    ("correlation", lambda a, b: F.irfft(F.rfft(a) * np.conj(F.rfft(b)), 4), ("4", "4")),
    ("power spectrum", lambda x: np.abs(F.rfft(x)) ** 2, ("5",)),
    ("phases", lambda x: np.angle(F.rfft(x + 2.0)), ("3",)),
    ("fft", lambda x: F.fft(x).real + F.fft(x).imag, ("n",)),
    ("ifft", lambda x: F.ifft(F.fft(x) * (1 + 2j)).imag, ("4",)),
    ("fft norms", lambda x: F.ifft(F.fft(x, norm="ortho") ** 2, norm="forward").real, ("3",)),
    ("fft2", lambda x: (F.fft2(x).imag, F.ifft2(F.fft2(x)).real), ("2 3",)),
    ("rfft2", lambda x: F.irfft2(F.rfft2(x) / (2 + np.abs(F.rfft2(x))), x.shape), ("2 4",)),
    ("fftn", lambda x: F.ifftn(F.fftn(x, axes=(0, 2)), axes=(2, 0)).real, ("2 d 3",)),
    ("rfftn", lambda x: F.irfftn(F.rfftn(x, s=(4, 3), axes=(0, 1)), s=(4, 3), axes=(0, 1)), ("3 2",)),
    ("hfft", lambda x: F.hfft(x) + F.hfft(x, 6)[0], ("3",)),
    ("ihfft", lambda x: F.ihfft(x).imag + np.real(F.ihfft(x)), ("4",)),
    ("quotient", lambda a, b: (F.fft(a) / (F.fft(b) + 20)).real, ("3", "3")),
    ("inverses", lambda x: (1 / (F.fft(x) + 9j)).imag + np.abs(np.reciprocal(F.fft(x) - 9)), ("3",)),
    ("arithmetic", lambda x: abs(-F.rfft(x) + 3j * (x[0] * F.rfft(x)[1:]) - 2)[1:], ("3",)),
    ("exponential", lambda x: np.exp(0.2 * F.fft(x)).imag, ("3",)),
    ("choice", lambda x: np.where(np.arange(3) > 0, F.rfft(x), 0.5).real, ("4",)),
    ("moves", lambda x: np.roll(F.fftshift(F.fft(x)), 1).T.reshape(-1)[::2].imag, ("5",)),
    ("sums", lambda x: (F.fft(x, axis=0).sum(axis=0) * np.mean(F.fft(x)))[:2].imag, ("2 3",)),
    ("joined", lambda x: np.concatenate([F.rfft(x)[::-1].conj(), x, [2j]]).imag, ("3",)),
    ("split", lambda x: np.split(F.fft(x), 2)[1].real, ("4",)),
    ("filtered", lambda x: np.tensordot(np.eye(3), F.fft(x), 1).imag, ("3 2",)),
]  # fmt: skip


def traced(function: Callable[..., Any], shapes: tuple[str, ...]) -> sg.Function:
    names = inspect.signature(function).parameters
    return sg.trace(function, name="f", shapes=dict(zip(names, shapes)))


@pytest.mark.parametrize("name, function, shapes", CASES, ids=[case[0] for case in CASES])
def test_value_and_derivatives(name: str, function: Callable[..., Any], shapes: tuple[str, ...]) -> None:
    f = traced(function, shapes)
    generated = sg.compile(f)
    for point in Sampler(f, None, 1).random(2):
        args = [a for (a,) in point.values.values()]
        np.testing.assert_allclose(generated(*args), function(*args), rtol=1e-12, atol=1e-13)
    pullback = sg.vjp(f)
    with np.errstate(all="raise", under="ignore"):
        verify_function(pullback, sg.compile(pullback)).raise_for_failure()


@pytest.mark.parametrize("name", ["power spectrum", "convolution", "fft norms", "quotient"])
def test_second_order(name: str) -> None:
    function, shapes = next(case[1:] for case in CASES if case[0] == name)
    total = lambda **args: np.sum(np.square(function(*args.values())))  # noqa: E731
    total.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    second = sg.hvp(traced(total, shapes))
    verify_function(second, sg.compile(second)).raise_for_failure()


def test_under_a_batch_and_vmap() -> None:
    def f(x: Any) -> Any:
        return np.abs(F.fft(x)[1:]) + F.irfft(F.rfft(x), 4)[0]

    x = np.random.default_rng(0).normal(size=(3, 4))
    single = sg.trace(f, x="4")
    want = np.stack([f(row) for row in x])
    np.testing.assert_allclose(sg.trace(f, x="... 4")(x), want, rtol=1e-13)
    np.testing.assert_allclose(sg.vmap(single, over={"x": "m"})(x), want, rtol=1e-13)


def test_R4_absolute_value_of_0_has_derivative_0() -> None:
    slope = sg.grad(sg.trace(lambda x: np.sum(np.abs(F.rfft(x))), x="4"))
    with np.errstate(all="raise"):
        assert slope(np.zeros(4)).x.tolist() == [0.0] * 4


def test_float32_stays_float32() -> None:
    f = sg.compile(sg.trace(lambda x: np.abs(F.fft(x)) + F.irfft(F.rfft(x) * 2j, 4), x="4", name="f"))
    assert f(np.ones(4, np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: F.rfft(x), "return z.real, z.imag"),
        (lambda x: np.sort(F.rfft(x)), r"np\.sort of complex numbers(.|\n)*np\.abs"),
        (lambda x: np.asarray(F.rfft(x)), "complex array(.|\n)*z.real"),
        (lambda x: F.rfft(x) ** 0.5, "whole"),
        (lambda x: F.rfft(F.fft(x)), r"np\.fft\.fft"),
        (lambda x: F.rfft(x, norm="half"), "'ortho'"),
        (lambda x: np.einsum("i,i->", F.rfft(x), F.rfft(x)), "several complex arrays"),
        (lambda x: sg.softmax(F.rfft(x)), "Complex cannot be part"),
        (lambda x: x + 1j, "complex numbers are not supported"),
        (lambda x: F.rfft(x).max(), "no attribute 'max'"),
        (lambda x: F.rfft(x, 0), "at least 1"),
        (lambda x: F.fftn(x, s=(2, 2), axes=(0,)), "differ in length"),
    ],
)
def test_what_complex_numbers_cannot_do(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(sg.SymgradError, match=message) as caught:
        sg.trace(function, x="4", name="f")
    assert caught.value.where is None or caught.value.where.startswith("test_fft.py:")
