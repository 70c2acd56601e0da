"""Functions that run tile by tile where rows are many, seen at work on the few of a verification."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

#: What a module calls for the number of rows of a tile.
_ROWS = ("_tile_rows", "_tile_pairs")


def tiled(generated: Callable[..., Any]) -> bool:
    """Whether the function is of a module that has loops over tiles."""
    return any(name in getattr(generated, "__globals__", {}) for name in _ROWS)


@contextlib.contextmanager
def one_row_a_tile(generated: Callable[..., Any]) -> Iterator[None]:
    """Within this, two rows are enough for a loop."""
    scope = generated.__globals__
    kept = {name: scope[name] for name in _ROWS if name in scope}
    scope.update(dict.fromkeys(kept, lambda *sizes, **least: 1))
    try:
        yield
    finally:
        scope.update(kept)
