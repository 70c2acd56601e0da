"""The terms of a sum, from its text."""

from __future__ import annotations

import ast


def terms(text: str) -> list[str]:
    """Each term of the text's outermost sum, with its sign; the text itself where that is no sum.

    >>> terms("X.T @ z_bar - lam * w")
    ['X.T @ z_bar', '- lam * w']
    """
    try:
        tree: ast.expr = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return [text]
    source = text.encode()
    found: list[str] = []
    while isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Add, ast.Sub)):
        start, end = tree.left.end_col_offset or 0, tree.end_col_offset or len(source)
        sign = "+" if isinstance(tree.op, ast.Add) else "-"
        # From the sign to the end, so that parentheses around the term stay with it.
        rest = source[start:end].decode()
        found.append(f"{sign} {rest[rest.index(sign) + 1 :].strip()}")
        tree = tree.left
    first = source[: tree.end_col_offset].decode().strip() if found else text
    return [first, *reversed(found)]
