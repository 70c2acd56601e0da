"""What a trace remembers of the author's source: local names and lines of nodes.

Names come from the local variables of the user's frames, looked at whenever a node is made on another line
than the one before: a value that is used, or returned, is found under its name before the name can change.
No trace function is installed, so debuggers and coverage go on working. An outer function's name for a
value wins over a helper's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

from symgrad.locate import is_user_file, user_frame
from symgrad.node import Node

#: The classes of values that get names, which are in a layer above: symbolic arrays.
NAMED: set[type] = set()


class Recording:
    """Names and lines noted while one function is traced."""

    def __init__(self) -> None:
        self.names: dict[Node, str] = {}
        #: The how-manyth each node was, and for each of them the line on which it was made.
        self._numbers: dict[Node, int] = {}
        self._made_on: list[str] = []
        self._depths: dict[Node, int] = {}
        #: Stand-ins for the arguments of bodies at work, which are named like values.
        self.stand_ins: set[Node] = set()
        #: The user's frames at work, innermost first.
        self._frames: list[FrameType] = []
        self._innermost: FrameType | None = None
        #: For every code object seen, itself, and its lines by the places in it that nodes were made at.
        self._codes: dict[int, tuple[CodeType, dict[int, str]]] = {}
        self._lines: dict[int, str] = {}
        self._texts: dict[str, str] = {}
        #: Where the last node was made.
        self._place = -1
        self._line = ""

    def record(self, node: Node, frame: FrameType | None) -> None:
        """Note where a node was made, and the names that values got before.

        `frame` is the innermost of the user's.
        """
        if frame is None:
            return
        entered = frame is not self._innermost
        if entered:
            self.finish()
            self._innermost = frame
            self._frames = _user_frames(frame)
            self._lines = self._codes.setdefault(id(frame.f_code), (frame.f_code, {}))[1]
        place = frame.f_lasti
        line = self._lines.get(place)
        if line is None:
            line = self._lines[place] = self._text(frame)
        if node not in self._numbers:
            self._numbers[node] = len(self._made_on)
            self._made_on.append(line)
        if entered:
            self._look(len(self._frames))
        elif line is not self._line or place <= self._place:
            self._look(1)
        self._place, self._line = place, line

    def _text(self, frame: FrameType) -> str:
        """`file.py:12`, one object for each line; no folder, so that it is the same on every machine."""
        text = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        return self._texts.setdefault(text, text)

    def _look(self, count: int) -> None:
        """Take names from the local variables of the innermost frames, which may have returned."""
        for position, frame in enumerate(self._frames[:count]):
            depth = len(self._frames) - position
            for name, value in frame.f_locals.items():
                if type(value) not in NAMED:
                    continue
                node = value.node
                if depth < self._depths.get(node, 1000) and (node.args or node in self.stand_ins):
                    self.names[node] = name
                    self._depths[node] = depth

    def finish(self) -> None:
        """Look a last time, and let go of the frames."""
        self._look(len(self._frames))
        self._frames = []
        self._innermost = None

    def mark(self) -> int:
        """The number that the next node will have."""
        return len(self._made_on)

    def is_known(self, node: Node, before: int) -> bool:
        """Whether a node was made before the one of that number."""
        number = self._numbers.get(node)
        return number is not None and number < before

    @property
    def lines(self) -> dict[Node, str]:
        """The line of each node."""
        return dict(zip(self._numbers, self._made_on))


def _user_frames(frame: FrameType) -> list[FrameType]:
    """The user's frames from this one out to the one that the tracer called."""
    frames: list[FrameType] = []
    current: FrameType | None = frame
    while current is not None and len(frames) < 50:
        filename = current.f_code.co_filename
        if is_user_file(filename):
            frames.append(current)
        elif filename.endswith(_TRACER):
            break
        current = current.f_back
    return frames


_TRACER = os.path.join("symgrad", "trace.py")
_ACTIVE: list[Recording] = []


@contextmanager
def recording() -> Iterator[Recording]:
    """Record names and lines of the nodes made inside."""
    session = Recording()
    _ACTIVE.append(session)
    try:
        yield session
    finally:
        session.finish()
        _ACTIVE.pop()


def record(node: Node, caller: FrameType | None = None) -> None:
    """Note a node in the innermost recording, if there is one.

    The user's frame is looked for from `caller` on, where it is given.
    """
    if _ACTIVE:
        _ACTIVE[-1].record(node, user_frame(caller))


@contextmanager
def stand_ins(nodes: Iterable[Node]) -> Iterator[None]:
    """Let these inputs get names from the variables of the user's functions that hold them."""
    if not _ACTIVE:
        yield
        return
    session = _ACTIVE[-1]
    added = set(nodes) - session.stand_ins
    session.stand_ins |= added
    try:
        yield
    finally:
        session.stand_ins -= added


def finish() -> None:
    """Look for names a last time before the user's functions at work are left."""
    if _ACTIVE:
        _ACTIVE[-1].finish()


def known_names() -> dict[Node, str]:
    """The names found so far."""
    return dict(_ACTIVE[-1].names) if _ACTIVE else {}


def mark() -> int:
    """The number of the next node that is made."""
    return _ACTIVE[-1].mark() if _ACTIVE else 0


def is_known(node: Node, before: int) -> bool:
    """Whether a node was made before the one of that number."""
    return bool(_ACTIVE) and _ACTIVE[-1].is_known(node, before)
