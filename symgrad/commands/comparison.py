"""Functions of numpy, and those that numpy lacks, against those of autograd and jax: `symgrad ops --compare`.

Nothing here is a list of what works. What symgrad traces is read off its tables of spellings, what autograd
differentiates off its table of vector-Jacobian products, what jax has off its modules.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

import symgrad.ops  # noqa: F401  (fills the tables)
from symgrad._version import __version__
from symgrad.errors import SpecError
from symgrad.node import Node
from symgrad.ops.leaves import input_node
from symgrad.ops.refusals import is_refused
from symgrad.shapes import parse_shape
from symgrad.spelling import FUNCTIONS, NAMES

YES, VALUE, NO, MISSING = "yes", "value", "no gradient", ""

#: What autograd and jax call some of what numpy lacks.
ALIASES = {
    "norm_cdf": "ndtr", "norm_logcdf": "log_ndtr", "sigmoid": "expit", "fftconvolve": "fftconvolve",
    "expm": "expm", "solve_triangular": "solve_triangular", "segment_sum": "segment_sum",
    "cond": "cond", "scan": "scan", "fori_loop": "fori_loop", "stop_gradient": "stop_gradient",
    "checkpoint": "checkpoint", "log_expit": "log_sigmoid",
}  # fmt: skip

#: Where they keep it.
JAX_MODULES = (
    "jax.scipy.special", "jax.nn", "jax.scipy.linalg", "jax.scipy.signal", "jax.ops", "jax.lax", "jax",
)  # fmt: skip
AUTOGRAD_MODULES = ("autograd.scipy.special", "autograd.scipy.linalg", "autograd.scipy.signal", "autograd")

#: Functions of numpy that are about files, text, dates, dtypes, memory, or write into their arguments.
NO_ARITHMETIC = (
    "array2string", "array_repr", "array_str", "busday_count", "busday_offset", "can_cast", "common_type",
    "copyto", "datetime_as_string", "einsum_path", "fill_diagonal", "is_busday", "isnat", "may_share_memory",
    "min_scalar_type", "packbits", "place", "printoptions", "put", "put_along_axis", "putmask", "result_type",
    "save", "savetxt", "savez", "savez_compressed", "shares_memory", "unpackbits",
)  # fmt: skip


class Row(NamedTuple):
    """One function: what each of three packages does with it."""

    name: str
    symgrad: str
    autograd: str
    jax: str


def rows() -> list[Row]:
    """Every function that one of the three differentiates or has, those of numpy first.

    Raises
    ------
    SpecError
        Where autograd or jax is not installed.
    """
    for package in ("autograd", "jax"):
        try:
            importlib.import_module(package)
        except ImportError:
            raise SpecError(
                f"the comparison needs {package}, which is not installed", hint="pip install symgrad[bench]"
            ) from None
    found = []
    for (name, function, module), own in zip(_numpy_functions(), own_column().values()):
        peers = [_of_autograd(f"autograd.{module}", name), _of_jax(f"jax.{module}", name)]
        if _counts(function):
            peers = [VALUE if peer else peer for peer in peers]
        if any((own, *peers)):
            found.append(Row(_title(module, name), own, *peers))
    for name, builder in NAMES.items():
        there = ALIASES.get(name, name)
        autograd = next(filter(None, (_of_autograd(m, there) for m in AUTOGRAD_MODULES)), MISSING)
        jax = next(filter(None, (_of_jax(m, there) for m in JAX_MODULES)), MISSING)
        found.append(Row(f"sg.{name}", _result(builder), autograd, jax))
    return found


def own_column() -> dict[str, str]:
    """What symgrad does with every function of numpy, by name."""
    found = {}
    for name, function, module in _numpy_functions():
        own = _own(function)
        found[_title(module, name)] = VALUE if own and _counts(function) else own
    return found


def _title(module: str, name: str) -> str:
    return f"{module.replace('numpy', 'np', 1)}.{name}"


def markdown() -> str:
    """The comparison as a page of Markdown."""
    table = rows()
    versions = {p: importlib.metadata.version(p) for p in ("numpy", "autograd", "jax")}
    counts = {f: sum(getattr(row, f) == YES for row in table) for f in Row._fields[1:]}
    lines = [
        "# Operations, against autograd and jax.numpy",
        "",
        "`symgrad ops --compare` makes this page from what is installed; here symgrad "
        f"{__version__}, numpy {versions['numpy']}, autograd {versions['autograd']}, jax {versions['jax']}.",
        "",
        '"yes": it can be differentiated. "value": its result is of integers or truth values, without a '
        'derivative. "no gradient": it can be called and not differentiated. Empty: it is not there, or '
        "refused with a hint. A name in autograd and jax says nothing of the keywords, of second derivatives "
        "or of singular points.",
        "",
        f"Differentiated: symgrad {counts['symgrad']}, autograd {counts['autograd']}, jax {counts['jax']} of "
        f"{len(table)}.",
        "",
        "| function | symgrad | autograd | jax |",
        "|---|---|---|---|",
        *(f"| `{row.name}` | {row.symgrad} | {row.autograd} | {row.jax} |" for row in table),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _numpy_functions() -> Iterator[tuple[str, Any, str]]:
    """Public functions of numpy's modules of arrays, by name; an object with several names once."""
    for module in ("numpy", "numpy.linalg", "numpy.fft"):
        seen: dict[Any, None] = {}
        space = importlib.import_module(module)
        for name in sorted(n for n in dir(space) if not n.startswith("_")):
            value = getattr(space, name)
            if name in NO_ARITHMETIC:
                continue
            if not _dispatches(value) or value in seen or getattr(value, "__name__", name) != name:
                continue
            seen[value] = None
            yield name, value, module


def _dispatches(value: Any) -> bool:
    """Whether numpy hands the call over to arrays of other kinds."""
    return isinstance(value, np.ufunc) or type(value).__name__ == "_ArrayFunctionDispatcher" or (
        isinstance(value, FunctionType) and hasattr(value, "__wrapped__")
    )  # fmt: skip


def _counts(function: Any) -> bool:
    """Whether numpy's results are integers or truth values for floats too, tried on a few arguments."""
    kinds: dict[str, None] = {}
    for first in (np.eye(3), np.arange(1.0, 5.0), np.ones(()), np.eye(3, dtype=int)):
        if kinds and first.dtype.kind == "i":
            break  # asked of integers only where no floats fit
        for rest in _others(first, np.zeros(first.shape, int)):
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    result = function(first.copy(), *rest)
                parts = result if isinstance(result, (tuple, list)) else [result]
                kinds.update((np.asarray(part).dtype.kind, None) for part in parts)
            except Exception:  # whatever numpy says about arguments that do not fit
                continue
    return bool(kinds) and not kinds.keys() & set("fc")


def _others(first: Any, index: Any) -> list[list[Any]]:
    """Further arguments that a function of arrays may take."""
    several = [first * 1.0, first * 1.0, first * 1.0]
    return [[], [first], [1], [1, 1], [first, first], [0], [[1, 0]], [1, first], [index, 0], [several]]


def _own(function: Any) -> str:
    builder = FUNCTIONS.get(function)
    return MISSING if builder is None or is_refused(builder) else _result(builder)


def _result(builder: Callable[..., Any]) -> str:
    """Whether a builder's result is of floats: tried on a few arguments, believed where none fits."""
    kinds: dict[str, None] = {}
    for shape in ("3 3", "4", ""):
        first = input_node("x", parse_shape(shape))
        for rest in _others(first, input_node("i", parse_shape(shape), "int64")):
            try:
                result = builder(first, *rest)
            except Exception:  # whatever a builder says about arguments that do not fit
                continue
            parts = result if isinstance(result, (tuple, list)) else [result]
            kinds.update((part.dtype, None) if isinstance(part, Node) else ("int64", None) for part in parts)
    return VALUE if kinds and "float64" not in kinds else YES


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _of_autograd(module: str, name: str) -> str:
    from autograd.core import primitive_vjps

    found = getattr(_module(module), name, None)
    if not callable(found):
        return MISSING
    if found in primitive_vjps:
        return YES
    if getattr(found, "_is_autograd_primitive", False):
        return NO
    own = (getattr(found, "__module__", "") or "").startswith("autograd") and not hasattr(found, "fun")
    return YES if own else NO


def _of_jax(module: str, name: str) -> str:
    return YES if callable(getattr(_module(module), name, None)) else MISSING
