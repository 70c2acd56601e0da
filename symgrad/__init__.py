"""symgrad: from a numpy function to a standalone numpy module with its derivatives.

import symgrad as sg

f = sg.trace(loss, X="n d", y="n", w="d", b="")
sg.Module("logistic", {"loss": f, "loss_value_and_grad": sg.value_and_grad(f)}).write("generated")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import symgrad.ops as _ops  # noqa: F401  (fills the registry)
import symgrad.portable as _portable  # noqa: F401  (lets Functions be pickled)
from symgrad._version import __version__
from symgrad.array import invoke as _invoke
from symgrad.control import checkpoint, cond, fori_loop, scan
from symgrad.errors import (
    NotDifferentiableError,
    ShapeError,
    SpecError,
    SymgradError,
    TraceError,
    VerificationError,
)
from symgrad.graph import Function
from symgrad.marking import as_written
from symgrad.module import Module, compile
from symgrad.ops.custom import custom
from symgrad.rewrite import simplify
from symgrad.spelling import NAMES as _NAMES
from symgrad.trace import array, trace
from symgrad.trace import install_compiler as _install_compiler
from symgrad.transforms.batch import vmap
from symgrad.transforms.flatten import flatten
from symgrad.transforms.forward import hvp, jvp
from symgrad.transforms.gradient import grad, value_and_grad, vjp
from symgrad.transforms.jacobian import hessian, jacobian

_install_compiler(compile)


def _public(name: str, builder: Callable[..., Any]) -> Callable[..., Any]:
    import functools

    @functools.wraps(builder)
    def function(*args: Any, **kwargs: Any) -> Any:
        return _invoke(builder, args, kwargs)

    function.__name__ = function.__qualname__ = name
    return function


if TYPE_CHECKING:
    from symgrad import testing as testing
    from symgrad import wrappers as wrappers

    def __getattr__(name: str) -> Callable[..., Any]:
        """Operations that numpy lacks are declared beside their records, and listed in `__all__`."""

else:

    def __getattr__(name: str) -> Any:
        # sg.testing imports the oracle: where it is used, not where symgrad is.
        if name in ("testing", "wrappers"):
            import importlib

            return importlib.import_module(f"symgrad.{name}")
        raise AttributeError(f"module 'symgrad' has no attribute {name!r}")


for _name, _builder in _NAMES.items():
    globals()[_name] = _public(_name, _builder)


def from_sympy(expr: Any, args: Any = None, *, name: str | None = None, **shapes: Any) -> Function:
    """A Function from a sympy expression, a list or tuple of them, or a Matrix.

    Parameters
    ----------
    expr
        Of symbols, numbers and the functions that have a numerical form; indexed sums and matrices too.
    args
        The symbols in the order of the arguments; by default sorted by name.
    name
        What the function is called.
    **shapes
        Shapes of symbols, as `sg.trace` takes them. Other plain symbols are `"..."` arguments.

    Returns
    -------
    Function
        Of several expressions, with several outputs in the same structure.

    Raises
    ------
    SpecError
        For a part of the expression that has no numerical form here, or a shape of what is no argument.
    """
    from symgrad.frontends.sympy_in import from_sympy as convert

    return convert(expr, args, name=name, **shapes)


def to_sympy(f: Function, **sizes: int) -> Any:
    """The exact sympy value of every output element, for concrete sizes of the dimensions.

    Parameters
    ----------
    f
        Written or derived.
    **sizes
        An integer for each named dimension.

    Returns
    -------
    sympy expression, or array of them
        In the structure and shapes of the output, in symbols for the elements of the arguments.

    Raises
    ------
    SpecError
        Where a size is missing, or there is no such dimension.
    """
    from symgrad.frontends.sympy_out import to_sympy as convert

    return convert(f, **sizes)


def parse(text: str, name: str | None = None) -> Function:
    """A Function from formula text such as `sin(x)*y + 1`; never by `eval`.

    Parameters
    ----------
    text
        Arithmetic and known functions of names; each name is a `"..."` argument.
    name
        What the function is called.

    Returns
    -------
    Function
        Its arguments are sorted by name.

    Raises
    ------
    SpecError
        For anything that is no formula, with the place in it.
    """
    from symgrad.frontends.text import parse as convert

    return convert(text, name)


__all__ = [
    "Function",
    "Module",
    "NotDifferentiableError",
    "ShapeError",
    "SpecError",
    "SymgradError",
    "TraceError",
    "VerificationError",
    "__version__",
    "array",
    "as_written",
    "checkpoint",
    "compile",
    "cond",
    "custom",
    "flatten",
    "fori_loop",
    "from_sympy",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "parse",
    "scan",
    "simplify",
    "to_sympy",
    "trace",
    "value_and_grad",
    "vjp",
    "vmap",
    *_NAMES,
]
