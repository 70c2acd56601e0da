"""Worst errors of the special functions, in units in the last place, against mpmath: a page of Markdown.

    python -m tests.accuracy [--points 2000] [--seed 1] > symgrad/docs/pages/special-functions.md

Points are dense on every part of the axis where a function changes its formula; those near 0 have all
exponents.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

from symgrad._version import __version__
from symgrad.kernels import bessel, bessel_orders, beta, erf, erfinv, gamma, gamma_function, hazard, xlogy

if str(Path(__file__).parent) not in sys.path:  # as pytest does for the tests
    sys.path.insert(0, str(Path(__file__).parent))
import test_special as exact

LINE = (
    (-1e6, -40),
    (-40, -8),
    (-8, -2.8),
    (-2.8, -1),
    (-1, 0),
    (0, 1),
    (1, 2.8),
    (2.8, 8),
    (8, 40),
    (40, 1e6),
)
ABOVE = ((0, 0.8), (0.8, 1.2), (1.2, 2), (2, 3), (3, 5), (5, 8), (8, 30), (30, 1e3), (1e3, 1e15))
BELOW = ((-0.5, 0), (-2, -0.5), (-8, -2), (-30, -8), (-184, -30))
ROUND = ((0, 1.25), (1.25, 4), (4, 5), (5, 7), (7, 8), (8, 16), (16, 100), (100, 1e4), (1e4, 1e8))
GROWING = ((-700, -16), (-16, 0), (0, 4), (4, 8), (8, 16), (16, 700))


class Row(NamedTuple):
    """One function on one part of its domain."""

    name: str
    domain: str
    kernel: Callable[..., Any]
    exact: Callable[..., Any]
    parts: tuple[tuple[float, float], ...]
    #: What an ulp is of, where that is not the result.
    unit: Callable[..., Any] | None = None
    of: str = "the result"
    #: Share of the points to measure at, where mpmath is slow.
    share: float = 1.0


def _amplitude(x: Any) -> Any:
    return mp.sqrt(2 / (mp.pi * abs(x))) if abs(x) > 7 else 0


def _reflected_log_gamma(x: Any) -> Any:
    return max(abs(mp.loggamma(1 - x)), abs(mp.log(mp.pi / abs(mp.sinpi(x)))))


def _reflected_digamma(x: Any) -> Any:
    return max(abs(mp.psi(0, 1 - x)), abs(mp.pi * mp.cot(mp.pi * exact.fraction(x))))


def rows() -> Iterator[Row]:
    """Every function, on every part of the axis where its error is stated in another unit."""
    yield Row("erf", "all x", erf._erf, mp.erf, LINE)
    yield Row("erfc", "all x", erf._erfc, exact.erfc_exact, LINE)
    yield Row("erfinv", "-1 to 1", erfinv._erfinv, mp.erfinv, ((-1, 1), (-1e-3, 1e-3), (0.999, 1)), share=0.3)
    yield Row("norm_pdf", "all x", erf._norm_pdf, exact.normal_pdf, LINE)
    yield Row("norm_cdf", "all x", erf._norm_cdf, exact.normal_cdf, LINE)
    yield Row("norm_logcdf", "all x", erf._norm_logcdf, exact.normal_logcdf, LINE)
    yield Row("norm_logcdf'", "all x", lambda x: hazard._norm_hazard(1, x), exact.hazard_exact, LINE)
    yield Row("gelu", "all x", erf._gelu, lambda x: x * exact.normal_cdf(x), LINE)
    yield Row("gamma", "x > 0", gamma_function._gamma, mp.gamma, (*ABOVE[:-2], (30, 171.6)))
    yield Row("gamma", "x < 0", gamma_function._gamma, mp.gamma, BELOW)
    yield Row("gammaln", "x > 0", gamma._gammaln, mp.loggamma, ABOVE)
    yield Row(
        "gammaln", "x < 0", gamma._gammaln, lambda x: mp.re(mp.loggamma(x)), BELOW, _reflected_log_gamma,
        "the larger term of the reflection",
    )  # fmt: skip
    yield Row("digamma", "x > 0", gamma._digamma, lambda x: mp.psi(0, x), ABOVE)
    yield Row(
        "digamma", "x < 0", gamma._digamma, lambda x: mp.psi(0, x), BELOW, _reflected_digamma,
        "the larger term of the reflection",
    )  # fmt: skip
    for n in (1, 2, 3, 10):
        yield Row(
            f"polygamma({n}, x)", "x > 0", lambda x, n=n: gamma._polygamma(n, x),
            lambda x, n=n: exact.polygamma_exact(n, x), ABOVE[:-1], share=0.1,
        )  # fmt: skip
        yield Row(
            f"polygamma({n}, x)", "x < 0", lambda x, n=n: gamma._polygamma(n, x),
            lambda x, n=n: exact.polygamma_exact(n, x), BELOW[:-1],
            lambda x, n=n: exact.poles_of_one_side(n, x), "the larger sum over the poles of one side", 0.05,
        )  # fmt: skip
    for order in (0, 1):
        yield Row(
            f"i{order}", "all x", getattr(bessel, f"_i{order}"), lambda x, n=order: mp.besseli(n, x), GROWING,
            share=0.3,
        )  # fmt: skip
        yield Row(
            f"j{order}", "all x", getattr(bessel, f"_j{order}"), lambda x, n=order: mp.besselj(n, x), ROUND,
            _amplitude, "the result, from 7 on of the amplitude", 0.1,
        )  # fmt: skip
    yield Row(
        "jv(3, x), of derivatives", "all x", lambda x: bessel_orders._jv(3, x), lambda x: mp.besselj(3, x),
        ROUND[:-2], lambda x: mp.sqrt(2 / (mp.pi * x)) if x > 3 else 0,
        "the result, from 3 on of the amplitude", 0.1,
    )  # fmt: skip
    yield Row("xlogy(1.5, x)", "x > 0", lambda x: xlogy._xlogy(1.5, x), lambda x: 1.5 * mp.log(x), ABOVE)
    yield Row("entr", "x > 0", xlogy._entr, lambda x: -x * mp.log(x), ABOVE)
    yield Row(
        "betaln(2.5, x)", "x > 0", lambda x: beta._betaln(2.5, x),
        lambda x: mp.loggamma(2.5) + mp.loggamma(x) - mp.loggamma(x + 2.5), ABOVE[:-1],
        lambda x: 45, "45, or 1e-14",
    )  # fmt: skip


def measure(row: Row, points: int, seed: int) -> tuple[float, float]:
    """The worst error and where it is."""
    rng = np.random.default_rng(seed)
    count = max(int(points * row.share), 20)
    drawn = [rng.uniform(low, high, count) for low, high in row.parts]
    if row.share == 1:  # all exponents down to the smallest
        tiny = 10.0 ** rng.uniform(-300, 0, count)
        drawn += [tiny * sign for sign in (1, -1) if any(np.sign(sum(part)) == sign for part in row.parts)]
    xs = np.concatenate(drawn)
    with np.errstate(all="raise"):
        values = row.kernel(xs)
    worst = (0.0, 0.0)
    with mp.workdps(exact.DIGITS):
        for x, value in zip(xs, values):
            at = mp.mpf(float(x))
            size = row.unit(at) if row.unit is not None else 0
            worst = max(worst, (exact.ulps(float(value), row.exact(at), size), float(x)))
    return worst


HEAD = """\
# Special functions in numpy alone

`python -m tests.accuracy --points {points} --seed {seed}` makes this page: the worst errors found at that
many random points (fewer where mpmath is slow) on each part of the axis where a formula changes, against
mpmath in {digits} digits, in units in the last place (ulp); symgrad {version}. Kernels compute in float64,
and round once where the arguments are float32. `symgrad ops NAME` states the bound that the tests hold a
function to.

| function | domain | worst error | at | ulp of |
|---|---|---:|---:|---|"""

FOOT = """
A generated module carries the functions that it uses, as text. `sg.Module(..., scipy=True)` takes them from
scipy.special instead, which the module then imports; `scipy=("gammaln", "erf")` takes these alone. Values at
infinities and at poles are then scipy's."""


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=2000, help="random points on each part of the axis")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(HEAD.format(points=options.points, seed=options.seed, digits=exact.DIGITS, version=__version__))
    for row in rows():
        error, where = measure(row, options.points, options.seed)
        print(f"| `{row.name}` | {row.domain} | {error:.2f} | {where:.6g} | {row.of} |", flush=True)
    print(FOOT)


if __name__ == "__main__":
    main()
