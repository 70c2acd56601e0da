"""torch, eager: what most people run; `requires_grad` and `torch.autograd.grad`, or `torch.func.hessian`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .contender import Contender
from .workload import Library, Workload


def torch_library() -> Library:
    """numpy's names for torch's functions."""
    import torch

    def tensor(x: Any) -> Any:
        return x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.float64)

    names = SimpleNamespace(
        **{name: getattr(torch, name) for name in ("exp", "log", "sqrt", "sin", "cos", "matmul", "swapaxes")},
        sum=lambda x, axis=None: torch.sum(x) if axis is None else torch.sum(x, dim=axis),
        mean=torch.mean,
        logaddexp=lambda a, b: torch.logaddexp(tensor(a), tensor(b)),
        cross=lambda a, b: torch.linalg.cross(a, b),
    )
    return Library(names, lambda x, axis: torch.logsumexp(x, dim=axis), torch.relu, torch.from_numpy)


def torch_contender(workload: Workload) -> Contender:
    """A call of the formula and of `torch.autograd.grad`."""
    import torch

    f = workload.formula(torch_library())
    arguments = [torch.tensor(a) for a in map(np.asarray, workload.arguments)]
    if workload.hessian:
        hessian = torch.func.hessian(f, argnums=workload.positions[0])
        return Contender("torch", lambda: hessian(*arguments), lambda h: [h.numpy()])
    active = [arguments[i].requires_grad_() for i in workload.positions]
    seed = torch.ones_like(arguments[0]) if workload.elementwise else None

    def call() -> Any:
        value = f(*arguments)
        return value, torch.autograd.grad(value, active, seed)

    return Contender("torch", call, lambda r: [r[0].detach().numpy(), *(g.numpy() for g in r[1])])
