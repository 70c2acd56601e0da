"""numpy functions that cannot be traced, with what to write in their place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from symgrad.errors import TraceError
from symgrad.locate import user_line
from symgrad.spelling import FUNCTIONS

MASK = "np.where(mask, x, 0) keeps the shape; its np.sum is the sum of what is picked"
VALUES = "the size of its result depends on values known only at run time"
WRITES = "it writes into an array, and arrays are values here"
NUMBERS = "a symbolic array has no numbers in it"
MEMORY = "it is about memory, which a symbolic array has none of"
PYTHON = "it runs Python for every entry"

#: names, why not, and what instead
REFUSED: tuple[tuple[str, str, str], ...] = (
    ("nonzero argwhere flatnonzero trim_zeros union1d intersect1d setdiff1d", VALUES, MASK),
    (
        "unique unique_values unique_counts unique_inverse unique_all bincount histogram histogram2d "
        "histogramdd",
        VALUES,
        "sg.segment_sum for sums over groups; pass the labels as an integer argument",
    ),
    (
        "put_along_axis put place putmask copyto fill_diagonal",
        WRITES,
        "np.where(mask, new, old), np.concatenate, or sg.scatter_add",
    ),
    (
        "apply_along_axis apply_over_axes",
        PYTHON,
        "write the function for whole arrays, with axis= where it reduces",
    ),
    (
        "gcd lcm left_shift right_shift bitwise_count bitwise_left_shift bitwise_right_shift packbits "
        "unpackbits",
        "it is about integers and their bits, of which nothing has a derivative",
        "x // 2**k and x % 2**k of an int64 argument, or pass the result as an argument of its own",
    ),
    (
        "nextafter spacing",
        "it is about floating-point numbers, not about the real ones that have derivatives",
        "a literal such as np.finfo(float).eps * np.abs(x)",
    ),
    ("lexsort sort_complex", "it orders by several keys or by complex numbers", "np.argsort or np.sort"),
    (
        "roots poly polyfit polydiv",
        "its result may be complex, or is found by a search",
        "np.polyval, np.linalg.lstsq",
    ),
    ("setxor1d", VALUES, MASK),
    (
        "isnat busday_count busday_offset is_busday datetime_as_string",
        "it is about dates",
        "numbers of days or seconds",
    ),
    (
        "array2string array_repr array_str save savetxt savez savez_compressed",
        "it needs numbers, and a symbolic array has none in it",
        "call it on what the generated module returns",
    ),
    ("may_share_memory shares_memory", MEMORY, "leave it out: values do not change here"),
    ("resize", "its result repeats entries to fill a shape", "np.tile, then a slice and np.reshape"),
)


def _refusing(name: str, why: str, instead: str) -> Any:
    def builder(*args: Any, **kwargs: Any) -> NoReturn:
        raise TraceError(f"np.{name} cannot be traced", got=why, hint=instead)

    builder.__name__ = "refused"
    return builder


def is_refused(builder: Any) -> bool:
    """Whether a builder is one of those that only say what to write instead."""
    return getattr(builder, "__name__", "") == "refused"


for _names, _why, _instead in REFUSED:
    for _name in _names.split():
        if hasattr(np, _name):
            FUNCTIONS.setdefault(getattr(np, _name), _refusing(_name, _why, _instead))


#: Attributes of numpy's arrays that have no meaning here: names, why not, and what instead.
ATTRIBUTES: tuple[tuple[str, str, str], ...] = (
    ("sort", WRITES, "np.sort(x), which returns what is sorted"),
    ("partition", WRITES, "np.partition(x, kth), which returns what is partitioned"),
    ("fill put setfield itemset", WRITES, "np.where(mask, new, old), np.full or sg.scatter_add"),
    ("resize", WRITES, "np.reshape"),
    ("nonzero", VALUES, MASK),
    (
        "tolist tobytes tofile dump dumps tostring",
        NUMBERS,
        "leave it out, or convert what the module returns",
    ),
    (
        "base byteswap ctypes data device flags getfield itemsize nbytes newbyteorder setflags strides "
        "to_device view",
        MEMORY,
        "x.shape, x.size, x.dtype; x.astype converts",
    ),
)


class NoAttributeError(TraceError, AttributeError):
    """An attribute that symbolic arrays lack, for whoever asks with hasattr too."""


def no_attribute(name: str, known: Iterable[str]) -> NoAttributeError:
    """The error for an attribute that a symbolic array lacks."""
    what = f"a symbolic array has no attribute {name!r}"
    for names, why, instead in ATTRIBUTES:
        if name in names.split():
            return NoAttributeError(what, where=user_line(), got=why, hint=instead)
    close = difflib.get_close_matches(name, known, 1)
    return NoAttributeError(what, where=user_line(), hint=f"{close[0]!r} exists" if close else None)
