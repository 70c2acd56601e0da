"""Special functions that a module may take from scipy, where its spec asks for them, in place of its own."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from symgrad.errors import SpecError

#: Operations to functions of scipy.special that mean the same, take the same operands and keep float32.
#: At infinities and at poles their values are scipy's.
SCIPY = {
    "erf": "erf",
    "erfc": "erfc",
    "erfinv": "erfinv",
    "norm_cdf": "ndtr",
    "norm_logcdf": "log_ndtr",
    "gamma": "gamma",
    "gammaln": "gammaln",
    "digamma": "digamma",
    "betaln": "betaln",
    "i0": "i0",
    "i1": "i1",
    "iv": "iv",
    "j0": "j0",
    "j1": "j1",
    "jv": "jv",
    "xlogy": "xlogy",
    "xlog1py": "xlog1py",
    "entr": "entr",
    "sigmoid": "expit",
}

#: What a generated module calls scipy.special.
ALIAS = "_special"


def names_of(choice: bool | str | Iterable[str]) -> bool | tuple[str, ...]:
    """The option as it is kept: True, False, or names in one order."""
    if isinstance(choice, bool):
        return choice
    return tuple(sorted({choice} if isinstance(choice, str) else set(choice)))


def borrowed(choice: bool | tuple[str, ...]) -> dict[str, str]:
    """Kernels to what stands for them: all, none, or those of these operations.

    Raises
    ------
    SpecError
        For a name of which scipy has no counterpart here.
    """
    names = choice if isinstance(choice, tuple) else tuple(SCIPY) if choice else ()
    for name in names:
        if name not in SCIPY:
            close = difflib.get_close_matches(str(name), SCIPY, 1)
            raise SpecError(
                f"scipy: {name!r} cannot come from scipy",
                expected=", ".join(SCIPY),
                hint=f"did you mean {close[0]!r}?" if close else "scipy=True takes all that can",
            )
    return {f"_{name}": f"{ALIAS}.{SCIPY[name]}" for name in names}
