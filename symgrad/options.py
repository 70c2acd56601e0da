"""Choices of how a function is emitted: what `Module` and `compile` take beside the functions themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from symgrad.borrowed import borrowed
from symgrad.errors import SpecError

#: What makes generated code fast besides tiles and threads, each a pass of its own.
TECHNIQUES = {
    "choices": "derivatives of both branches of a choice as one choice",
    "triangles": "systems with a triangular matrix solved by substitution",
    "outer_products": "sums of many outer products as one product of matrices",
    "small_scales": "numbers that scale products of rows with each other taken by the rows",
    "association": "chains of matrix products in the order that costs least",
    "shared_exponentials": "one exponential for softplus and sigmoid, logsumexp and softmax of an array",
    "small_signs": "signs of large products taken by their small factor",
    "columns": "arrays of many short rows kept as a few long columns",
    "fast_sums": "sums along and over short rows as einsum, or as products with ones",
    "short_products": "transposed factors of products of short rows copied into their order",
    "short_lives": "values in the order that keeps least in memory, where that is a tenth less",
    "pairs": "rows of pairs of n with n told from columns, so that they are computed tile by tile",
    "written_over": "arrays of a tile that nothing needs any more written over",
    "plain_floats": "scalar formulas of Python floats through the math module",
}


@dataclass(frozen=True)
class Options:
    """How functions are emitted; the results are the same within rounding, whatever is chosen.

    Attributes
    ----------
    typical
        Sizes that named dimensions usually have, such as `{"n": 10_000}`: a hint for choices by cost.
    tiles
        Whether functions over many rows run tile by tile of rows where that pays. A number is the number of
        rows of every tile, however few there are: for tests.
    threads
        Whether tiles may run on several threads, as many as the module's `set_threads` says;
        it has one where anything runs tile by tile.
    partial
        Whether a function that is a sum over rows also gets `<name>_partial`, which gives the sums of some
        of the rows, and `<name>_combine`, which makes the results of them.
    without
        Names of techniques to leave out, see `TECHNIQUES`: for plainer text, or to see what one is worth.
    scipy
        Whether special functions come from scipy.special, which the module then imports, and not along with
        the module: all that scipy has (True), or these operations (their names).
    array_api
        Whether the module is written in the array API standard, for arrays of other libraries than numpy.
    source_map
        Whether each line that computes a value ends in the line of the spec that it comes from.
    """

    typical: Mapping[str, int] = field(default_factory=dict)
    tiles: bool | int = True
    threads: bool = False
    partial: bool = False
    without: tuple[str, ...] = ()
    scipy: bool | tuple[str, ...] = False
    array_api: bool = False
    source_map: bool = False

    def __post_init__(self) -> None:
        for name, size in self.typical.items():
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                raise SpecError(
                    f"typical: the size of {name!r} is {size!r}", expected="a whole number, not negative"
                )
        if not isinstance(self.tiles, int) or self.tiles < 0:
            raise SpecError(f"tiles is {self.tiles!r}", expected="True, False or a number of rows")
        for name in ("threads", "partial", "array_api", "source_map"):
            if not isinstance(getattr(self, name), bool):
                raise SpecError(f"{name} is {getattr(self, name)!r}", expected="True or False")
        for name in self.without:
            if name not in TECHNIQUES:
                raise SpecError(f"no technique is called {name!r}", expected=", ".join(TECHNIQUES))
        borrowed(self.scipy)

    def to_text(self) -> str:
        """What differs from the defaults, one line each, for the digest of a spec."""
        changed = []
        for one in fields(self):
            value = getattr(self, one.name)
            if repr(value) != repr(getattr(DEFAULT, one.name)):  # True == 1
                shown = dict(sorted(value.items())) if isinstance(value, Mapping) else value
                changed.append(f"{one.name}={shown!r}")
        return "\n".join(changed)


DEFAULT = Options()


def plain(options: Options) -> Options:
    """The same without what only numpy can do: no tiles, no threads, no technique, nothing borrowed."""
    return replace(options, tiles=False, threads=False, partial=False, without=tuple(TECHNIQUES), scipy=False)
