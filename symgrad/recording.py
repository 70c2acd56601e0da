"""What a trace remembers of the author's source: local names and lines of nodes.

Names come from the assignments of the traced frames: a line tracer looks, after each line, at the local
variables which that line stores. An outer function's name for a value wins over a helper's.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from symgrad.locate import is_user_file, user_line
from symgrad.node import Node


class Recording:
    """Names and lines noted while one function is traced."""

    def __init__(self) -> None:
        self.names: dict[Node, str] = {}
        self.lines: dict[Node, str] = {}
        self._depth: dict[Node, int] = {}
        self._stores: dict[CodeType, dict[int, tuple[str, ...]]] = {}

    def name(self, node: Node, name: str, depth: int) -> None:
        """Note a local name; the first one of the outermost function stays."""
        if node.args and (node not in self.names or depth < self._depth[node]):
            self.names[node] = name
            self._depth[node] = depth

    def watch(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Trace function of `sys.settrace` for calls: follow the user's frames only."""
        if not is_user_file(frame.f_code.co_filename):
            return None
        depth = 0
        outer = frame.f_back
        while outer is not None and depth < 20:
            if is_user_file(outer.f_code.co_filename):
                depth += 1
            outer = outer.f_back
        stores = self._stores_of(frame.f_code)
        previous = 0

        def local(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal previous
            if event in ("line", "return"):
                stored = stores.get(previous)
                if stored:
                    values = frame.f_locals
                    for name in stored:
                        node = getattr(values.get(name), "node", None)
                        if type(node) is Node:
                            self.name(node, name, depth)
                previous = frame.f_lineno
            return local

        return local

    def _stores_of(self, code: CodeType) -> dict[int, tuple[str, ...]]:
        found = self._stores.get(code)
        if found is None:
            lines: dict[int, list[str]] = {}
            line = code.co_firstlineno
            for instruction in dis.get_instructions(code):
                number = _line(instruction)
                line = line if number is None else number
                if instruction.opname.startswith("STORE_FAST"):
                    value = instruction.argval
                    names = value if isinstance(value, tuple) else (value,)
                    lines.setdefault(line, []).extend(names)
                elif instruction.opname == "STORE_DEREF":
                    lines.setdefault(line, []).append(instruction.argval)
            found = self._stores[code] = {k: tuple(v) for k, v in lines.items()}
        return found


def _line(instruction: dis.Instruction) -> int | None:
    """Line of an instruction that starts one; Python 3.13 renamed the field."""
    number = getattr(instruction, "line_number", None)
    if number is None and not isinstance(instruction.starts_line, bool):
        number = instruction.starts_line
    return number


_ACTIVE: list[Recording] = []


@contextmanager
def recording() -> Iterator[Recording]:
    """Record names and lines of the nodes made inside; other tracers are put back afterwards."""
    session = Recording()
    before = sys.gettrace()
    _ACTIVE.append(session)
    sys.settrace(session.watch)
    try:
        yield session
    finally:
        sys.settrace(before)
        _ACTIVE.pop()


def record(node: Node) -> None:
    """Note the user's line for a node that has none yet."""
    if _ACTIVE:
        lines = _ACTIVE[-1].lines
        if node not in lines:
            lines[node] = user_line() or ""
