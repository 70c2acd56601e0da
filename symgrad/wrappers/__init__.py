"""Generated modules inside other frameworks: a file of its own beside a module, on request.

>>> sg.Module("logistic", {...}, wrappers=[wrappers.torch(), wrappers.jax()])

writes `logistic_torch.py` and `logistic_jax.py` beside `logistic.py`. Only those import the framework.
"""

from __future__ import annotations

from symgrad.wrappers.base import Wrapper
from symgrad.wrappers.differentiable import jax, torch
from symgrad.wrappers.estimator import estimator

__all__ = ["Wrapper", "estimator", "jax", "torch"]
