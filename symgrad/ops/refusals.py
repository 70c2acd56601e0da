"""numpy functions that cannot be traced, with what to write in their place."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from symgrad.errors import TraceError
from symgrad.spelling import FUNCTIONS

MASK = "np.where(mask, x, 0) keeps the shape; its np.sum is the sum of what is picked"
VALUES = "the size of its result depends on values known only at run time"
WRITES = "it writes into an array, and arrays are values here"
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
