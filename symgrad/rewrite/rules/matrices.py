"""Matrix products: signs and scalars outside, transposes cancelled, sums pushed inside."""

from __future__ import annotations

from symgrad.node import OPS, Node, lift, rebuild
from symgrad.ops.creation import eye
from symgrad.ops.leaves import input_node
from symgrad.ops.matmul import dot, matmat, matvec, swap, vecmat
from symgrad.ops.rearrange import diag_
from symgrad.ops.reduce import sum_over
from symgrad.rewrite.rules.reductions import scaled_apart
from symgrad.rewrite.table import Context, rule, rule_function
from symgrad.shapes import has_batch

PRODUCTS = ("dot", "matvec", "vecmat", "matmat")

for _name in PRODUCTS:
    rule(f"{_name}_neg_left", f"{_name}(-a, b) -> -{_name}(a, b)", once=True)
    rule(f"{_name}_neg_right", f"{_name}(a, -b) -> -{_name}(a, b)", once=True)


def _matrix(name: str = "a") -> Node:
    return input_node(name, (3, 2))


@rule_function(
    "scale_out_of_product",
    head=("dot", "matvec", "vecmat"),
    law="(c * A) @ x -> c * (A @ x) for a scalar c: the product is smaller than the matrix",
    example=lambda: matvec(2 * _matrix(), input_node("x", (2,))),
)
def scale_out_of_product(node: Node, context: Context) -> Node | None:
    """A scalar works on the smallest array there is."""
    for i, operand in enumerate(node.args):
        smaller = node.op.name == "dot" or i == (0 if node.op.name == "matvec" else 1)
        if smaller and operand.args and context.single(operand):
            found = scaled_apart(
                operand, lambda x, i=i: rebuild(node, [x if j == i else b for j, b in enumerate(node.args)])
            )
            if found is not None:
                return found
    return None


def _flipped(node: Node) -> bool:
    return node.op.name == "transpose" and node.axes == (1, 0) and not has_batch(node.shape)


@rule_function(
    "product_of_transposes",
    head="matmat",
    law="b.T @ a.T -> (a @ b).T",
    example=lambda: matmat(swap(_matrix()), swap(input_node("b", (4, 3)))),
)
def product_of_transposes(node: Node, context: Context) -> Node | None:
    """One transpose for two."""
    a, b = node.args
    if not (_flipped(a) and _flipped(b)):
        return None
    return swap(matmat(b.args[0], a.args[0]))


@rule_function(
    "transpose_of_product",
    head="transpose",
    law="(a @ b.T).T -> b @ a.T",
    example=lambda: swap(matmat(_matrix(), swap(input_node("b", (4, 2))))),
)
def transpose_of_product(node: Node, context: Context) -> Node | None:
    """The transpose of a product that has one already."""
    (x,) = node.args
    if not _flipped(node) or x.op.name != "matmat" or not context.single(x):
        return None
    a, b = x.args
    if a.rank != 2 or b.rank != 2 or _flipped(a) == _flipped(b):
        return None
    return matmat(swap(b) if not _flipped(b) else b.args[0], swap(a) if not _flipped(a) else a.args[0])


@rule_function(
    "product_with_fill",
    head=("dot", "matvec", "vecmat"),
    law="A @ broadcast_to(c) -> c * sum(A, axis=1) for a scalar c",
    example=lambda: matvec(_matrix(), OPS["broadcast_to"](lift(1.0), shape=(2,))),
)
def product_with_fill(node: Node, context: Context) -> Node | None:
    """A product with equal entries is a sum."""
    if any(has_batch(a.shape) for a in node.args):
        return None
    name = node.op.name
    for i, operand in enumerate(node.args):
        if operand.op.name != "broadcast_to" or operand.args[0].shape or operand.rank != 1:
            continue
        other = node.args[1 - i]
        if (name == "matvec" and i == 0) or (name == "vecmat" and i == 1) or other.dtype != node.dtype:
            continue
        total = sum_over(other, [0 if name == "vecmat" else other.rank - 1])
        return OPS["mul"](operand.args[0], total)
    return None


@rule_function(
    "sum_of_product",
    head="sum",
    law="sum(a @ b, axis=0) -> sum(a, axis=0) @ b",
    example=lambda: OPS["sum"](matmat(_matrix(), input_node("b", (2, 4))), axes=(0,), keepdims=False),
)
def sum_of_product(node: Node, context: Context) -> Node | None:
    """A reduction over rows or columns of a product reduces the factor: a product of matrices less."""
    (x,) = node.args
    if x.op.name not in ("matmat", "matvec", "vecmat") or not context.single(x):
        return None
    a, b = x.args
    if x.op.name == "matmat" and x.rank > 2:
        return _sum_of_stacked(node, a, b)
    if node.keepdims:
        return None
    if has_batch(x.shape) or a.rank > 2 or b.rank > 2 or not node.axes:
        return None
    if x.op.name == "matvec":
        return dot(sum_over(a, [0]), b)
    if x.op.name == "vecmat":
        return dot(a, sum_over(b, [1]))
    if node.axes == (0,):
        return vecmat(sum_over(a, [0]), b)
    if node.axes == (1,):
        return matvec(a, sum_over(b, [1]))
    return dot(sum_over(a, [0]), sum_over(b, [1]))


def _sum_of_stacked(node: Node, a: Node, b: Node) -> Node | None:
    """The same for stacks of matrices, where one of the last two axes is summed over."""
    (x,) = node.args
    if len(node.axes) != 1 or node.axes[0] < x.rank - 2:
        return None
    rows = node.axes[0] == x.rank - 2
    reduced = a if rows else b
    axis = reduced.rank - (2 if rows else 1)
    row = OPS["sum"](reduced, axes=(axis,), keepdims=True)
    total = matmat(row, b) if rows else matmat(a, row)
    return total if node.keepdims else OPS["squeeze"](total, axes=node.axes)


@rule_function(
    "sum_over_second_product",
    head="sum",
    law="sum((g @ v.T) * a, axis=1) -> sum(g * (a @ v), axis=1), where there is a @ v or it is the smaller",
    example=lambda: OPS["sum"](
        OPS["mul"](matmat(_matrix(), swap(input_node("v", (4, 2)))), input_node("c", (3, 4))),
        axes=(1,),
        keepdims=False,
    ),
)
def sum_over_second_product(node: Node, context: Context) -> Node | None:
    """Both sum g[i, k] v[j, k] a[i, j] over j and k, the right side with the sum over j done by BLAS.

    In the adjoint of attention, where a are its weights, a @ v is its output (Dao et al., FlashAttention,
    2022, appendix B.2).
    """
    (x,) = node.args
    if x.op.name != "mul" or x.rank < 2 or node.axes != (x.rank - 1,) or has_batch(x.shape):
        return None
    for scores, a in (x.args, x.args[::-1]):
        if scores.op.name != "matmat" or scores.shape != x.shape or a.shape != x.shape:
            continue
        g, v = scores.args
        if g.rank != x.rank or v.rank != x.rank or a.dtype != "float64":
            continue
        second = matmat(a, v.args[0] if v.op.name == "transpose" and swap(v.args[0]) is v else swap(v))
        if second.shape != g.shape:
            continue
        if context.single(x):
            # Nothing else needs the large product: what is saved is all of it.
            inner, outer = g.shape[-1], x.shape[-1]
            smaller = isinstance(inner, int) and isinstance(outer, int) and inner < outer
            pays = smaller and context.single(scores)
        else:
            pays = second in context.known
        if pays:
            return rebuild(node, [OPS["mul"](g, second)])
    return None


def _is_identity(node: Node) -> bool:
    return node.op.name == "eye"


@rule_function(
    "product_with_identity",
    head=("matmat", "matvec", "vecmat"),
    law="eye @ X -> X;  X @ eye -> X",
    example=lambda: matmat(eye(size=3), _matrix()),
)
def product_with_identity(node: Node, context: Context) -> Node | None:
    """What is multiplied by an identity stays, and no product is left."""
    a, b = node.args
    return b if _is_identity(a) else a if _is_identity(b) else None


@rule_function(
    "identity_times_vector",
    head="mul",
    law="eye * v -> diag(v)",
    touches=("eye",),
    example=lambda: eye(size=3) * input_node("v", (3,)),
)
def identity_times_vector(node: Node, context: Context) -> Node | None:
    """A diagonal matrix is filled, not multiplied."""
    for one, other in (node.args, node.args[::-1]):
        if _is_identity(one) and other.shape == one.shape[1:]:
            return diag_(other, offset=0, rows=one.size, columns=one.size)
    return None


@rule_function(
    "transposed_identity",
    head="transpose",
    law="eye.T -> eye",
    example=lambda: swap(eye(size=3)),
)
def transposed_identity(node: Node, context: Context) -> Node | None:
    """An identity is symmetric."""
    return node.args[0] if _is_identity(node.args[0]) else None
