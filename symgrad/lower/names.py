"""Names in generated code: data that can never shadow, collide or be executed."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from symgrad.identifiers import BUILTINS, identifier

#: Names that generated code relies on, besides keywords and builtins.
RESERVED = frozenset({"np", "math", "dtype", "batch", "__debug__", "self"})
_TAKEN = RESERVED | set(keyword.kwlist) | BUILTINS


class Names:
    """Hands out distinct names of one scope."""

    def __init__(self, taken: Iterable[str] = (), around: Names | None = None) -> None:
        self._taken = set(_TAKEN) | set(taken)
        self._next: dict[str, int] = {}
        self._around = around
        #: Names that are used inside blocks only: no name for others, but for other blocks.
        self._inner: set[str] = set()

    def copy(self) -> Names:
        """The same names taken, to hand out further ones independently."""
        other = Names(self._taken, self._around)
        other._next = dict(self._next)
        other._inner = set(self._inner)
        return other

    def inner(self) -> Names:
        """Names for a block, which are free again for the blocks after it."""
        return Names(self._taken - self._inner, self)

    def is_free(self, name: str) -> bool:
        """Whether nothing has that name, which Python can have."""
        return name not in self._taken and identifier(name) == name

    def take(self, wish: str, *, count_from: int = 2, bare: bool = True) -> str:
        """A name like `wish` that nothing else has: itself, or with an underscore or a number.

        `bare=False` always numbers, from `count_from`: t1, t2.
        """
        taken = self._taken
        name = identifier(wish)
        if not bare:
            return self.number(name, count_from)
        if name in _TAKEN and name + "_" not in taken:
            name += "_"
        if name in taken:
            return self.number(identifier(wish), count_from)
        taken.add(name)
        if self._around is not None:
            self._block(name)
        return name

    def number(self, base: str, count_from: int = 1) -> str:
        """The next of the names that are an identifier with a number: t1, t2."""
        taken = self._taken
        number = self._next.get(base, count_from)
        stem = f"{base}_" if base[-1].isdigit() else base
        name = f"{stem}{number}"
        while name in taken:
            number += 1
            name = f"{stem}{number}"
        self._next[base] = number + 1
        taken.add(name)
        if self._around is not None:
            self._block(name)
        return name

    def _block(self, name: str) -> None:
        """Keep the scopes around this one from giving the name to others than blocks."""
        scope = self._around
        while scope is not None:
            if name not in scope._taken:
                scope._taken.add(name)
                scope._inner.add(name)
            scope = scope._around


def identifiers(lines: Iterable[str]) -> set[str]:
    """The identifiers in lines of code, comments and attributes aside."""
    return set(re.findall(r"(?<![\w.])[^\W\d]\w*", _code(lines)))


def mentioned(names: Iterable[str], lines: Iterable[str]) -> set[str]:
    """Those of a few names that are identifiers in lines of code; sooner than all where lines are many."""
    text = _code(lines)
    return {name for name in names if _is_in(name, text)}


def _is_in(name: str, text: str) -> bool:
    """Whether the name is a whole word of the text."""
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        around = text[max(start - 1, 0) : start] + text[end : end + 1]
        if not any(c == "_" or c.isalnum() for c in around):
            return True
        start = text.find(name, end)
    return False


def _code(lines: Iterable[str]) -> str:
    return re.sub("#.*", "", "\n".join(lines))
