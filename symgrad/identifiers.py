"""Names that Python can have, close to names that users chose."""

from __future__ import annotations

import unicodedata

_WORDS = """
abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex
delattr dict dir divmod enumerate eval exec filter float format frozenset getattr globals hasattr hash help
hex id input int isinstance issubclass iter len list locals map max memoryview min next object oct open ord
pow print property range repr reversed round set setattr slice sorted staticmethod str sum super tuple type
vars zip ArithmeticError AttributeError Exception FloatingPointError IndexError KeyError OverflowError
RuntimeError TypeError ValueError ZeroDivisionError
"""

#: Names that generated code may mean as Python does. Written out: `dir(builtins)` differs between versions of
#: Python and with `python -S`, and the same spec must give the same bytes everywhere.
BUILTINS = frozenset(_WORDS.split())


def identifier(text: str) -> str:
    """An ASCII-or-Unicode identifier close to `text`, as Python itself would normalise it.

    Characters that no identifier can have become underscores; leading underscores go, so that nothing
    is mangled inside a class and nothing private is hit.
    """
    if text.isascii() and text.isidentifier() and text[0] != "_":
        return text
    clean = "".join(c if c == "_" or c.isalnum() else "_" for c in unicodedata.normalize("NFKC", text))
    clean = clean.lstrip("_") or "x"
    if not clean.isidentifier():
        clean = "x_" + "".join(c if c.isascii() else "_" for c in clean)
    return clean


def literal(text: str) -> str:
    """A Python string literal, in double quotes where nothing in it needs an escape."""
    return f'"{text}"' if text.isprintable() and not set(text) & {'"', "\\"} else repr(text)


def printable(text: str) -> str:
    """The text on one line: what does not print, line breaks among it, as Python's escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
