"""Gram products: where both factors are one matrix, half the products are enough, and BLAS knows it.

numpy calls the symmetric product for `Y.T @ Y`. Weights that are not negative go half to each side.
"""

from __future__ import annotations

from symgrad.node import OPS, Node
from symgrad.ops.leaves import input_node
from symgrad.ops.matmul import matmat, swap
from symgrad.rewrite.table import Context, rule_function
from symgrad.shapes import core, has_batch

#: Columns up to which the general product is as fast.
FEW = 48
#: Operations whose value is never negative.
_POSITIVE = frozenset(
    {
        *("exp", "exp2", "sigmoid", "square", "abs", "sqrt", "softmax", "cosh", "relu"),
        *("gaussian", "norm_pdf", "norm_cdf"),
    }
)


def nonnegative(node: Node) -> bool:
    """Whether a value is known not to be negative, looking through products, quotients and sums."""
    pending = [node]
    for _ in range(30):
        if not pending:
            return True
        one = pending.pop()
        name = one.op.name
        if name in ("mul", "add", "maximum", "minimum", "div"):
            if name in ("mul", "div") and one.args[0] is one.args[-1]:
                continue
            pending += one.args
        elif name in ("sum", "broadcast_to", "expand_dims", "squeeze", "reshape", "transpose", "index"):
            pending += one.args
        elif name == "const":
            if not one.value >= 0:
                return False
        elif name not in _POSITIVE and name != "dim":
            return False
    return False


def _weighted(node: Node, other: Node) -> Node | None:
    """The column of weights w where a matrix is `w[:, None] * other`."""
    if node.op.name != "mul":
        return None
    for w, matrix in (node.args, node.args[::-1]):
        if matrix is other and core(w.shape) == (core(other.shape)[0], 1):
            return w
    return None


def _example() -> Node:
    x = input_node("x", (4, 60))
    weights = OPS["expand_dims"](OPS["exp"](input_node("w", (4,))), axes=(1,))
    return matmat(swap(x), weights * x)


@rule_function(
    "weighted_gram",
    head="matmat",
    law="X.T @ (w[:, None] * X) -> Y.T @ Y with Y = sqrt(w)[:, None] * X, for w >= 0",
    touches=("transpose",),
    example=_example,
)
def weighted_gram(node: Node, context: Context) -> Node | None:
    """Symmetric in what it computes, and so computed by halves."""
    left, right = node.args
    if left.op.name != "transpose" or left.rank != 2 or right.rank != 2 or has_batch(node.shape):
        return None
    (x,) = left.args
    weights, y = _weighted(right, x), x
    if weights is None and right.op.name != "mul":
        weights, y = _weighted(x, right), right
    columns = core(node.shape)[0]
    if weights is None or (isinstance(columns, int) and columns <= FEW) or not nonnegative(weights):
        return None
    half = _root(weights) * y
    return matmat(swap(half), half)


def _root(weights: Node) -> Node:
    """What weighs each side: the sign of a number that is squared does not matter."""
    if weights.op.name == "expand_dims":
        return OPS["expand_dims"](_root(weights.args[0]), axes=weights.axes)
    return weights.args[0] if weights.op.name == "square" else OPS["sqrt"](weights)
