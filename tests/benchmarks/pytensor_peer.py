"""pytensor: a compiled `function` of value and `grad`, or of `hessian`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .contender import Contender
from .workload import Library, Workload


def pytensor_library() -> Library:
    """numpy's names for pytensor's functions."""
    import pytensor.tensor as pt

    def cross(a: Any, b: Any) -> Any:
        turned = [(1, 2), (2, 0), (0, 1)]
        return pt.stack([a[:, i] * b[:, j] - a[:, j] * b[:, i] for i, j in turned], axis=1)

    names = ("exp", "log", "sqrt", "sin", "cos", "matmul", "swapaxes", "sum", "mean", "logaddexp")
    library = SimpleNamespace(**{name: getattr(pt, name) for name in names}, cross=cross)
    return Library(library, pt.logsumexp, lambda x: pt.maximum(x, 0.0), pt.as_tensor_variable)


def pytensor_contender(workload: Workload) -> Contender | None:
    """The function, compiled as pytensor's configuration says."""
    import pytensor
    import pytensor.tensor as pt

    arrays = [np.asarray(a) for a in workload.arguments]
    variables = [
        pt.tensor(name, shape=_shape(text, a.ndim), dtype=a.dtype)
        for (name, text), a in zip(workload.shapes.items(), arrays)
    ]
    value = workload.formula(pytensor_library())(*variables)
    wanted = [variables[i] for i in workload.positions]
    if workload.hessian:
        if wanted[0].ndim != 1:
            return None  # it takes vectors alone
        matrix = pytensor.gradient.hessian(value, wanted[0])
        hessian = pytensor.function(variables, matrix, on_unused_input="ignore")
        return Contender("pytensor", lambda: hessian(*arrays), lambda h: [np.asarray(h)])
    gradient = pytensor.grad(value.sum(), wanted)
    f = pytensor.function(variables, [value, *gradient], on_unused_input="ignore")
    return Contender("pytensor", lambda: f(*arrays), lambda r: [np.asarray(a) for a in r])


def _shape(text: str, rank: int) -> tuple[int | None, ...]:
    """The sizes that are known; pytensor broadcasts only along axes that it knows to have size 1."""
    if text == "...":
        return (None,) * rank
    return tuple(int(size) if size.isdigit() else None for size in text.split())
