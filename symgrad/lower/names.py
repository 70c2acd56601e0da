"""Names in generated code: data that can never shadow, collide or be executed."""

from __future__ import annotations

import keyword
from collections.abc import Iterable

from symgrad.identifiers import BUILTINS, identifier

#: Names that generated code relies on, besides keywords and builtins.
RESERVED = frozenset({"np", "math", "dtype", "batch", "__debug__", "self"})
_TAKEN = RESERVED | set(keyword.kwlist) | BUILTINS


class Names:
    """Hands out distinct names of one scope."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(_TAKEN) | set(taken)
        self._next: dict[str, int] = {}

    def copy(self) -> Names:
        """The same names taken, to hand out further ones independently."""
        other = Names(self._taken)
        other._next = dict(self._next)
        return other

    def take(self, wish: str, *, count_from: int = 2, bare: bool = True) -> str:
        """A name like `wish` that nothing else has: itself, or with an underscore or a number.

        `bare=False` always numbers, from `count_from`: t1, t2.
        """
        base = identifier(wish)
        name = base
        if bare and name in _TAKEN and name + "_" not in self._taken:
            name += "_"
        if not bare or name in self._taken:
            number = self._next.get(base, count_from)
            joint = "_" if base[-1].isdigit() else ""
            while f"{base}{joint}{number}" in self._taken:
                number += 1
            name = f"{base}{joint}{number}"
            self._next[base] = number + 1
        self._taken.add(name)
        return name
