"""Where in the user's source something happens: for error messages and for the origin of each line."""

from __future__ import annotations

import os
import sys
from types import FrameType

import numpy as np

_OURS = (os.path.dirname(os.path.abspath(__file__)) + os.sep, os.path.dirname(np.__file__) + os.sep)
_GALLERY = _OURS[0] + "gallery" + os.sep
_KNOWN: dict[str, bool] = {}


def is_user_file(filename: str) -> bool:
    """Whether a file is the user's: not part of symgrad or numpy."""
    known = _KNOWN.get(filename)
    if known is None:
        ours = filename.startswith(_OURS) and not filename.startswith(_GALLERY)
        known = _KNOWN[filename] = not ours and not filename.startswith("<frozen")
    return known


def user_frame(frame: FrameType | None = None) -> FrameType | None:
    """The innermost frame that runs the user's code, from the given one on, where one is given, outwards."""
    if frame is None:
        frame = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        known = _KNOWN.get(filename)
        if known or (known is None and is_user_file(filename)):
            return frame
        frame = frame.f_back
    return None


def user_line() -> str | None:
    """`file.py:12` of the innermost line of the user's code; no folder, so that it is the same anywhere."""
    frame = user_frame()
    return None if frame is None else f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def line_of(error: BaseException) -> str | None:
    """The same for where an error came from."""
    found, step = None, error.__traceback__
    while step is not None:
        filename = step.tb_frame.f_code.co_filename
        if is_user_file(filename):
            found = f"{os.path.basename(filename)}:{step.tb_lineno}"
        step = step.tb_next
    return found
