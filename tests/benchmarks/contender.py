"""What takes part in a comparison."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .workload import Array, Workload

Call = Callable[[], Any]


@dataclass(frozen=True)
class Contender:
    """A workload, ready to be called; `arrays` makes numpy arrays of a result: value, then gradients."""

    name: str
    call: Call
    arrays: Callable[[Any], list[Array]]


@dataclass(frozen=True)
class Peer:
    """A tool: the package it needs, and how it takes a workload (None: not what it is for)."""

    name: str
    package: str
    prepare: Callable[[Workload], Contender | None]

    @property
    def version(self) -> str | None:
        """The installed version, None without one."""
        if importlib.util.find_spec(self.package) is None:
            return None
        return importlib.metadata.version(self.package)


def flat(result: Any) -> list[Array]:
    """`(value, gradients)`, or one Hessian, as a flat list."""
    if not isinstance(result, (tuple, list)):
        return [np.asarray(result)]
    value, gradients = result
    return [np.asarray(value), *(np.asarray(g) for g in gradients)]
