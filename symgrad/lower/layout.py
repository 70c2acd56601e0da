"""Statements as lines: how wide they may be, and where their comments stand."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.program import Statement

#: Width at which an expression is split into named parts.
WIDTH = 88
#: Length of a line of the module, where comments go above their statement.
LINE = 110
#: Column of trailing comments, where the statement is shorter.
COMMENT = 60


def layout(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Statements as lines, trailing comments in one column."""
    commented = [len(s.lines[-1]) for s in statements if s.comment]
    fitting = [width for width in commented if width <= COMMENT]
    column = max(fitting, default=0) + 2
    lines: list[str] = []
    for statement in statements:
        comment = statement.comment
        if not comment:
            lines += statement.lines
            continue
        *before, last = statement.lines
        if len(last) + len(comment) + 8 > LINE:
            lines.append(f"# {comment}")
            lines += statement.lines
            continue
        gap = max(column - len(last), 2)
        lines += [*before, f"{last}{' ' * gap}# {comment}"]
    return tuple(lines)
