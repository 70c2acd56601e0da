"""Products of matrices with vectors, in the order that costs least: everything meets the vector first.

Products of three matrices and more are put in order once the rules are through, see
`symgrad.rewrite.association`.
"""

from __future__ import annotations

from symgrad.node import OPS, Node
from symgrad.ops.leaves import input_node
from symgrad.ops.matmul import dot, matmat, matvec, swap, vecmat
from symgrad.ops.rearrange import diag_
from symgrad.rewrite.table import Context, rule_function
from symgrad.shapes import core, has_batch


def _plain(*nodes: Node) -> bool:
    """Whether all are matrices or vectors, no stacks of them."""
    return all(a.rank <= 2 and not has_batch(a.shape) for a in nodes)


@rule_function(
    "vector_first",
    head=("matvec", "vecmat"),
    law="(A @ B) @ v -> A @ (B @ v);  v @ (A @ B) -> (v @ A) @ B",
    touches=("matmat",),
    example=lambda: matvec(matmat(input_node("a", (3, 2)), input_node("b", (2, 4))), input_node("v", (4,))),
)
def vector_first(node: Node, context: Context) -> Node | None:
    """Two products with a vector cost less than one of matrices."""
    a, b = node.args
    product = a if node.op.name == "matvec" else b
    if product.op.name != "matmat" or not context.single(product) or not _plain(*product.args, a, b):
        return None
    left, right = product.args
    if product is a:
        return matvec(left, matvec(right, b))
    return vecmat(vecmat(a, left), right)


@rule_function(
    "scaled_rows",
    head=("matvec", "vecmat"),
    law="(s[:, None] * A) @ v -> s * (A @ v);  (A * t) @ v -> A @ (t * v)",
    touches=("mul",),
    example=lambda: matvec(
        OPS["mul"](OPS["expand_dims"](input_node("s", (3,)), axes=(1,)), input_node("a", (3, 2))),
        input_node("v", (2,)),
    ),
)
def scaled_rows(node: Node, context: Context) -> Node | None:
    """Factors of rows or columns work on the vectors instead of the matrix."""
    matrix, vector = node.args if node.op.name == "matvec" else node.args[::-1]
    if matrix.op.name != "mul" or not context.single(matrix) or not _plain(matrix, vector):
        return None
    if vector.dtype != "float64":
        return None
    for factor, rest in (matrix.args, matrix.args[::-1]):
        along = _one_axis(factor, matrix)
        if along is None or rest.dtype != "float64":
            continue
        axis, scale = along
        if rest.shape != matrix.shape:
            # A column times a row: only the inner one meets the vector.
            other = _one_axis(rest, matrix)
            if other is None or other[0] == axis:
                return None
            outer, inner = (scale, other[1]) if axis == 0 else (other[1], scale)
            return outer * dot(inner, vector) if node.op.name == "matvec" else dot(vector, outer) * inner
        # The rows of `A` in A @ v, and the columns in v @ A, are those of the result.
        outside = axis == (0 if node.op.name == "matvec" else 1)
        if outside:
            return scale * _times(node, rest, vector)
        return _times(node, rest, OPS["mul"](scale, vector))
    return None


def _times(node: Node, matrix: Node, vector: Node) -> Node:
    return matvec(matrix, vector) if node.op.name == "matvec" else vecmat(vector, matrix)


def _one_axis(factor: Node, matrix: Node) -> tuple[int, Node] | None:
    """The axis along which a factor of a matrix varies alone, and the factor as a vector of that length."""
    if factor.dtype != "float64" or not factor.shape:
        return None
    rows, columns = core(matrix.shape)
    if factor.rank == 1 and factor.shape == (columns,):
        return 1, factor
    if factor.shape == (rows, 1) and columns != 1:
        inner = factor.args[0] if factor.op.name == "expand_dims" and factor.axes == (1,) else None
        return 0, OPS["squeeze"](factor, axes=(1,)) if inner is None else inner
    return None


@rule_function(
    "product_with_diagonal",
    head=("matmat", "matvec", "vecmat"),
    law="diag(v) @ A -> v[:, None] * A;  A @ diag(v) -> A * v",
    touches=("diag",),
    example=lambda: matmat(
        diag_(input_node("v", (3,)), offset=0, rows=3, columns=3), input_node("a", (3, 2))
    ),
)
def product_with_diagonal(node: Node, context: Context) -> Node | None:
    """A diagonal matrix scales; it is not multiplied."""
    a, b = node.args
    if not _plain(a, b):
        return None
    for diagonal, other, left in ((a, b, True), (b, a, False)):
        if diagonal.op.name != "diag" or diagonal.offset != 0 or diagonal.rows != diagonal.columns:
            continue
        (v,) = diagonal.args
        if v.rank != 1 or v.dtype != other.dtype:
            continue
        scale = OPS["expand_dims"](v, axes=(1,)) if left and other.rank == 2 else v
        return OPS["mul"](scale, other) if left else OPS["mul"](other, scale)
    return None


@rule_function(
    "trace_of_product",
    head="sum",
    law="sum(diagonal(A @ B)) -> sum(A * B.T)",
    touches=("diagonal",),
    example=lambda: OPS["sum"](
        OPS["diagonal"](matmat(input_node("a", (3, 2)), input_node("b", (2, 3))), offset=0),
        axes=(0,),
    ),
)
def trace_of_product(node: Node, context: Context) -> Node | None:
    """The trace of a product needs its diagonal alone."""
    (x,) = node.args
    if x.op.name != "diagonal" or x.offset != 0 or node.keepdims or x.rank != 1 or not context.single(x):
        return None
    (product,) = x.args
    if product.op.name != "matmat" or not context.single(product) or not _plain(*product.args):
        return None
    a, b = product.args
    if a.shape[0] != b.shape[1]:
        return None
    return OPS["sum"](OPS["mul"](a, swap(b)), axes=(0, 1))
