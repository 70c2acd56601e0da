"""Statements that call a function with many arguments or results, on as many lines as they need."""

from __future__ import annotations

from collections.abc import Iterable

from symgrad.lower.layout import LINE


def tuple_of(parts: list[str], inner: bool = False) -> str:
    """Text of a tuple, in parentheses where it has one part or stands among arguments."""
    joined = ", ".join(parts) + ("," if len(parts) == 1 else "")
    return f"({joined})" if inner or len(parts) == 1 else joined


def call_lines(before: str, parts: list[str], after: str, indent: int) -> list[str]:
    """`before a, b after` on one line, or the parts on lines of their own where that is too long."""
    line = f"{before}{', '.join(parts)}{after}"
    if len(line) + indent <= LINE - 4:
        return [line]
    joined = ", ".join(parts)
    if len(joined) + indent <= LINE - 8:
        return [before, f"    {joined}", after]
    return [before, *(f"    {part}," for part in parts), after]


def assigned(targets: list[str], before: str, parts: list[str], after: str, alone: bool = False) -> list[str]:
    """`targets = before parts after`; targets that take up too much of the line go on lines of their own."""
    left = targets[0] if alone else tuple_of(targets)
    if len(left) <= LINE // 2:
        return call_lines(f"{left} = {before}", parts, after, 8)
    return ["(", *(f"    {target}," for target in targets), *call_lines(f") = {before}", parts, after, 8)]


def indented(lines: Iterable[str]) -> list[str]:
    """The lines, one level further in."""
    return [f"    {line}" if line else line for line in lines]
