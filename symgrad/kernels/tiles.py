"""Loops over tiles of rows, carried along by generated modules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# Once a block is freed, the C library of Linux keeps smaller ones for the next tile. Else it returns them to
# the system, tile by tile, and getting them back can take longer than what is computed in them.
_FREED = np.empty(900_000).nbytes


def _tile_rows(numbers, least=512):
    """Rows of a tile that keeps so many numbers a row in memory: as many as a core's cache holds, or enough.

    With less than that the calls would cost more than memory does.
    """
    return max(131072 // max(numbers, 1), least)


def _tile_pairs(numbers, n):
    """The same where each row has pairs with all n: some tens of these are enough, and few go all at once."""
    return n if n <= 256 else max(49152 // numbers, 32)


def _over_tiles(tile, n, step, combine=np.add):
    """Results of tile(i, j) for rows 0 to n, `step` at a time, combined in pairs, always in the same order.

    As in numpy's own sums, no number takes part in more than about log2(n) additions one after the other.
    """
    return _pairwise((tile(i, min(i + step, n)) for i in range(0, n, step)), combine)


def _pairwise(parts, combine):
    """The parts, combined two by two, then those two by two, and so on."""
    pending: list[Any] = []  # of 2**k parts each, k falling
    for count, part in enumerate(parts, 1):
        while not count & 1:
            part = _combined(pending.pop(), part, combine)
            count >>= 1
        pending.append(part)
    total = pending.pop()
    while pending:
        total = _combined(pending.pop(), total, combine)
    return total


def _combined(left, right, combine):
    """Each of the values on the left, combined with its partner on the right, in the memory of the left."""
    if combine is np.add:
        return _added(left, right)
    ufuncs = combine if isinstance(combine, tuple) else (combine,) * len(left)
    return tuple(
        f(a, b, out=a) if isinstance(a, np.ndarray) else f(a, b) for f, a, b in zip(ufuncs, left, right)
    )


def _added(left, right):
    """The sums of all the pairs, in the memory of the left."""
    sums = []
    for a, b in zip(left, right):
        a += b
        sums.append(a)
    return tuple(sums)


def _over_elements(results_of, arguments, batch, step, dtypes, over=_over_tiles):
    """Results of results_of(*arguments), about `step` elements of the common shape `batch` at a time."""
    # Arguments of that very shape are cut anywhere, as one long row; others along their first axis.
    alike = all(not a.ndim or (a.shape == batch and a.flags.c_contiguous) for a in arguments)
    shape = (math.prod(batch),) if alike else batch
    arrays = [
        a.reshape(shape if alike else (1,) * (len(shape) - a.ndim) + a.shape) if a.ndim else a
        for a in arguments
    ]
    results = [np.empty(shape, dtype) for dtype in dtypes]

    def tile(i, j):
        parts = results_of(*(a[i:j] if a.ndim and len(a) > 1 else a for a in arrays))
        for result, part in zip(results, parts if isinstance(parts, tuple) else (parts,)):
            result[i:j] = part
        return ()

    over(tile, shape[0], max(1, step // math.prod(shape[1:])))
    return [result.reshape(batch) for result in results]
