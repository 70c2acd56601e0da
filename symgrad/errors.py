"""The errors that users meet, each also a builtin exception.

Every message says what went wrong, then on lines of their own where, what was expected, what was
got and what to try; a part that is not known is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class SymgradError(Exception):
    """Base of every error symgrad raises on purpose.

    The parts stay readable as attributes (`what`, `where`, `expected`, `got`, `hint`), so that tools
    can show them their own way.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        got: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.got = got
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        labelled = (
            ("where", self.where),
            ("expected", self.expected),
            ("got", self.got),
            ("try", self.hint),
        )
        lines = [self.what]
        lines += [f"  {label + ':':<10}{text}" for label, text in labelled if text]
        return "\n".join(lines)


class ShapeError(SymgradError, ValueError):
    """Shapes that do not fit together, found while the graph is built."""


class TraceError(SymgradError, TypeError):
    """Something a symbolic value cannot do, such as deciding an `if`."""


class NotDifferentiableError(SymgradError, TypeError):
    """A derivative was asked for where there is none."""


class SpecError(SymgradError, ValueError):
    """A spec, a shape text, a formula or an option that cannot be understood."""


class VerificationError(SymgradError, AssertionError):
    """A generated function disagrees with its oracle."""


def did_you_mean(name: str, known: Iterable[str], shown: Callable[[str], str] = repr) -> str | None:
    """What to try instead of a name that there is not: the known one that is most like it, if one is."""
    import difflib

    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {shown(close[0])}?" if close else None
