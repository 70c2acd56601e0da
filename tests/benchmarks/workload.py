"""What a workload is: a formula against numpy's names, shapes for the trace, data from a fixed seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Library:
    """What a formula is written in: a module with numpy's names, what numpy lacks, constants in its form."""

    np: Any
    logsumexp: Callable[..., Any]
    relu: Callable[..., Any]
    constant: Callable[[Array], Any] = lambda array: array


@dataclass(frozen=True)
class Workload:
    """One formula at one size.

    `formula(library)` is the function itself; `shapes` has one entry a parameter, and `"..."` in all of them
    means a scalar formula, applied to every element. Arguments of integers are indices. What is wanted is
    value and gradient, or with `hessian` all second derivatives with respect to the one argument in `wrt`;
    `by_hand` computes the same as a careful person writes it in numpy.
    """

    name: str
    title: str
    formula: Callable[[Library], Callable[..., Any]]
    shapes: dict[str, str]
    wrt: tuple[str, ...]
    arguments: tuple[Any, ...]
    by_hand: Callable[..., Any]
    hessian: bool = False

    @property
    def elementwise(self) -> bool:
        """Whether it is a scalar formula."""
        return all(shape == "..." for shape in self.shapes.values())

    @property
    def positions(self) -> tuple[int, ...]:
        """Places of the arguments that are differentiated with respect to."""
        return tuple(list(self.shapes).index(name) for name in self.wrt)

    @property
    def indices(self) -> tuple[str, ...]:
        """Names of the arguments that are integers."""
        return tuple(name for name, a in zip(self.shapes, self.arguments) if np.asarray(a).dtype.kind == "i")
