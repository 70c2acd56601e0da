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
from types import FrameType

from symgrad.locate import is_user_file, user_frame
from symgrad.node import Node


class Recording:
    """Names and lines noted while one function is traced."""

    def __init__(self) -> None:
        self.names: dict[Node, str] = {}
        #: Where each node was made, and the how-manyth it was.
        self._places: dict[Node, tuple[str, int, int]] = {}
        self._depths: dict[Node, int] = {}
        #: Stand-ins for the arguments of bodies at work, which are named like values.
        self.stand_ins: set[Node] = set()
        #: The user's frames at work, innermost first.
        self._frames: list[FrameType] = []
        self._position = -1
        self._line = -1

    def record(self, node: Node) -> None:
        """Note where a node was made, and the names that values got before."""
        frame = user_frame()
        if frame is None:
            return
        line = frame.f_lineno
        if node not in self._places:
            self._places[node] = (frame.f_code.co_filename, line, len(self._places))
        if not self._frames or frame is not self._frames[0]:
            self.finish()
            self._frames = _user_frames(frame)
            self._look(len(self._frames))
        elif line != self._line or frame.f_lasti <= self._position:
            self._look(1)
        self._line = line
        self._position = frame.f_lasti

    def _look(self, count: int) -> None:
        """Take names from the local variables of the innermost frames, which may have returned."""
        for position, frame in enumerate(self._frames[:count]):
            depth = len(self._frames) - position
            for name, value in frame.f_locals.items():
                if type(value).__name__ != "Array":
                    continue
                node = getattr(value, "node", None)
                if type(node) is not Node or not (node.args or node in self.stand_ins):
                    continue
                if depth < self._depths.get(node, 1000):
                    self.names[node] = name
                    self._depths[node] = depth

    def finish(self) -> None:
        """Look a last time, and let go of the frames."""
        self._look(len(self._frames))
        self._frames = []

    def mark(self) -> int:
        """The number that the next node will have."""
        return len(self._places)

    def is_known(self, node: Node, before: int) -> bool:
        """Whether a node was made before the one of that number."""
        place = self._places.get(node)
        return place is not None and place[2] < before

    @property
    def lines(self) -> dict[Node, str]:
        """For each node, `file.py:12`; no folder, so that it is the same on every machine."""
        known: dict[str, str] = {}
        found = {}
        for node, (filename, line, _) in self._places.items():
            base = known.get(filename)
            if base is None:
                base = known[filename] = os.path.basename(filename)
            found[node] = f"{base}:{line}"
        return found


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


def record(node: Node) -> None:
    """Note a node in the innermost recording, if there is one."""
    if _ACTIVE:
        _ACTIVE[-1].record(node)


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
