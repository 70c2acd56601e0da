"""`as_written`: values and functions whose form is the author's, whatever could be made of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from symgrad.array import Array, invoke
from symgrad.graph import Function
from symgrad.node import Node
from symgrad.ops.quotients import as_written as mark
from symgrad.tree import map_leaves


def as_written(value: Any) -> Any:
    """The same value, kept from being rewritten to a stable form, it and all that it is computed from.

    Parameters
    ----------
    value
        Inside a traced function: a symbolic array, or a structure of them. Outside: the function that is
        to be traced, or a Function. A number is returned as it is.
    """
    if isinstance(value, Function):
        names = dict(value.names)
        for node in value.output_nodes:
            if node in names:
                names[mark(node)] = names.pop(node)
        return replace(value, result=map_leaves(mark, value.result), names=names)
    if isinstance(value, (Array, Node)):
        return invoke(mark, (value,), {})
    if hasattr(value, "_fields"):
        return type(value)(*map(as_written, value))
    if isinstance(value, dict):
        return {key: as_written(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(map(as_written, value))
    return _function(value) if callable(value) else value


def _function(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def marked(*args: Any, **kwargs: Any) -> Any:
        return as_written(fn(*args, **kwargs))

    return marked
