"""Arrays made from sizes alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symgrad.node import Node, Op, floats, op
from symgrad.text import Environment, Text


def _eye_text(node: Node, operands: Sequence[Text], env: Environment) -> Text:
    return Text(f"np.eye({env.dim(node.size)}, dtype={env.dtype})")


eye: Op = op(
    "eye", "", params="size",
    doc="Identity matrix.",
    shape=lambda size: (size, size),
    dtype=floats,
    numpy=_eye_text,
    adjoint={},
    sympy=lambda m, node: m.literal(np.eye(m.size(node.size))),
)  # fmt: skip
