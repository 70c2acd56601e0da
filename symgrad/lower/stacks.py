"""What the parts of a function that are loops know of each other's stacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from symgrad.node import Node
from symgrad.shapes import Size


@dataclass
class Stacks:
    """Notes of one body about the results of its loops.

    Attributes
    ----------
    offsets
        Stacks that are a part of an array with one row more: its name, and the first row of theirs.
    owned
        Results that are known to have memory of their own.
    kept
        Histories of which only some rows are kept: the loop as it was written, and the carry.
    strides
        By numbers of steps, the text of how many of them lie between two rows that are kept.
    """

    offsets: dict[Node, tuple[str, int]] = field(default_factory=dict)
    owned: set[Node] = field(default_factory=set)
    kept: dict[Node, tuple[Any, Node]] = field(default_factory=dict)
    strides: dict[Size, str] = field(default_factory=dict)
