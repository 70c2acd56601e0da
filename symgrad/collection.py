"""Python's collector of cycles, kept out of work that makes many nodes.

Nodes form no cycles, and every collection of the oldest generation goes through all of them again: a graph of
a million nodes would be walked dozens of times while it grows.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

#: From so many new objects on, which a collection of the young takes a millisecond for, they skip it.
MANY = 20_000
#: Who freezes objects freezes all there are, which are thousands; Python 3.12 starts with hundreds frozen.
FEW = 1_000


def uncollected(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The function, run without collections of cycles; after it they are on or off as before."""

    @functools.wraps(function)
    def run(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:
            if enabled:
                _settle()
                gc.enable()

    return run


def _settle() -> None:
    """Count what was made as old, where it is much.

    All of it would be gone through as soon as collections are on again, by that of the youngest generation,
    to find that it lives. To freeze everything and to let it go again puts it into the oldest generation
    instead, unseen: lists are joined, and no object is looked at. Cycles among them wait for the next full
    collection, as they would have if they had lived a little longer. What users have frozen themselves,
    before a fork, say, would be let go too; then there is the collection.
    """
    if gc.get_count()[0] > MANY and gc.get_freeze_count() < FEW:
        gc.freeze()
        gc.unfreeze()
