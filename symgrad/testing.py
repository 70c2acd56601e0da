"""Checks of functions against sympy, for tests of one's own: `import symgrad as sg; sg.testing.check(f)`."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from typing import Any

from symgrad.errors import NotDifferentiableError, SpecError, VerificationError
from symgrad.graph import Function
from symgrad.module import compile
from symgrad.trace import trace
from symgrad.transforms.gradient import vjp
from symgrad.verify.check import RTOL, verify_function
from symgrad.verify.report import Report
from symgrad.verify.story import story

__all__ = ["Report", "check"]


def check(
    f: Function | Callable[..., Any],
    generated: Callable[..., Any] | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    rtol: float = RTOL,
    **shapes: Any,
) -> list[Report]:
    """Check a function, and its derivatives, against sympy in 50 digits.

    Every element is compared at random points and at the special ones (zeros, whole numbers, negative, tiny
    and large numbers, all sizes 1), in float64 and in float32.

    Parameters
    ----------
    f
        A Function, written or derived; or a Python function, with the shapes of its parameters as
        `sg.trace` takes them. A Python function is also called with numbers itself, so that what tracing does
        not see (a branch on a number, a global that changes) is found.
    generated
        What to compare instead of what `sg.compile` makes of `f`, and alone: your own implementation, or a
        function of a module on disk. It takes f's arguments in f's order.
    sizes
        Sizes of the named dimensions; small ones are chosen where they are not given.
    seed
        Of the random points.
    rtol
        Relative tolerance in float64, of the rounding-error bound of each element.
    **shapes
        Shapes of the parameters of a Python function, as `sg.trace` takes them.

    Returns
    -------
    list of Report
        One for the Python function, where that was given; one for what is generated; and one for its
        pullback by all float arguments, where it is no derivative itself and has one.

    Raises
    ------
    VerificationError
        Where an element is wrong: it names the function, the point, the element, the value that sympy
        has and the one got, and the generated line.

    Examples
    --------
    >>> import numpy as np
    >>> import symgrad as sg
    >>> [report.ok for report in sg.testing.check(lambda x: np.sum(np.tanh(x)), x="n")]
    [True, True, True]
    """
    reports = []
    if not isinstance(f, Function):
        if not callable(f):
            raise SpecError(
                "sg.testing.check needs a function",
                expected="a symgrad Function, or a Python function and the shapes of its parameters",
                got=type(f).__name__,
            )
        written, f = f, trace(f, **shapes)
        if generated is None:
            reports.append(_checked(f, written, sizes, seed, rtol, source=""))
    elif shapes:
        raise SpecError(
            f"sg.testing.check: {f.name} is traced already",
            expected="shapes for a Python function alone",
            got=", ".join(shapes),
        )
    if generated is not None:
        return [*reports, _checked(f, generated, sizes, seed, rtol, source="")]
    for target in [f, *_pullback(f)]:
        call = compile(target)
        source = "".join(linecache.getlines(call.__code__.co_filename))
        reports.append(_checked(target, call, sizes, seed, rtol, source))
    return reports


def _pullback(f: Function) -> list[Function]:
    """The pullback of a function that was written, where it has one."""
    if f.origin is not None:
        return []
    try:
        return [vjp(f)]
    except NotDifferentiableError:
        return []


def _checked(
    f: Function,
    generated: Callable[..., Any],
    sizes: Mapping[str, int] | None,
    seed: int,
    rtol: float,
    source: str,
) -> Report:
    report = verify_function(f, generated, sizes=sizes, seed=seed, rtol=rtol)
    if not report.ok:
        raise VerificationError(story(report, source))
    if not report.compared:
        raise VerificationError(f"{f.name}: no element could be compared at any point")
    return report
