"""Views: transposes, reshapes and axes of size 1 cancel; broadcasts vanish where arithmetic broadcasts."""

from __future__ import annotations

from symgrad.node import OPS, Node, lift, rebuild
from symgrad.ops.leaves import input_node
from symgrad.ops.structure import permute
from symgrad.rewrite.table import Context, rule, rule_function
from symgrad.shapes import broadcast, core, has_batch

rule("cast_twice", "cast(cast(x, to=s), to=t) -> cast(x, to=t)", where=lambda s, t: s == t)

VIEWS = ("transpose", "reshape", "expand_dims", "squeeze")


def _matrix(name: str = "a") -> Node:
    return input_node(name, (3, 2))


def _vector(name: str = "x") -> Node:
    return input_node(name, (3,))


def _column(x: Node) -> Node:
    return OPS["expand_dims"](x, axes=(1,))


def _leads(node: Node) -> bool:
    """Whether a node is another with axes of size 1 in front, which broadcasting adds by itself."""
    if node.op.name != "expand_dims" or has_batch(node.shape):
        return False
    return sorted(node.axes) == list(range(len(node.axes)))


@rule_function(
    "strip_broadcast",
    head="elementwise",
    law="broadcast_to(x) * y -> x * y, broadcast again only where nothing else has the shape",
    touches=("broadcast_to",),
    example=lambda: OPS["mul"](OPS["broadcast_to"](_vector(), shape=(2, 3)), input_node("y", (2, 3))),
)
def strip_broadcast(node: Node, context: Context) -> Node | None:
    """Arithmetic broadcasts by itself; the engine puts a broadcast around a result that is smaller."""
    if all(a.op.name != "broadcast_to" for a in node.args):
        return None
    args = [a.args[0] if a.op.name == "broadcast_to" else a for a in node.args]
    if any(has_batch(a.shape) for a in args) and len({len(core(a.shape)) for a in args}) > 1:
        # Under a batch, axes are matched from the front of the core: keep what aligns them.
        args = [a if not core(b.shape) or len(core(a.shape)) == len(core(b.shape)) else b
                for a, b in zip(args, node.args)]  # fmt: skip
    return rebuild(node, args)


@rule_function(
    "drop_leading_axes",
    head="elementwise",
    law="x[None, :] * y -> x * y where y has that axis",
    touches=("expand_dims",),
    example=lambda: OPS["mul"](OPS["expand_dims"](_vector(), axes=(0,)), input_node("y", (2, 3))),
)
def drop_leading_axes(node: Node, context: Context) -> Node | None:
    """Leading axes of size 1 are what broadcasting adds."""
    args = list(node.args)
    for i, operand in enumerate(args):
        if _leads(operand):
            args[i] = operand.args[0]
    if all(map(lambda a, b: a is b, args, node.args)) or broadcast(*[a.shape for a in args]) != node.shape:
        return None
    return rebuild(node, args)


@rule_function(
    "axes_outward",
    head="elementwise",
    law="f(x[:, None], y[:, None]) -> f(x, y)[:, None]",
    touches=("expand_dims",),
    example=lambda: OPS["add"](_column(_vector()), _column(_vector("y"))),
)
def axes_outward(node: Node, context: Context) -> Node | None:
    """Arithmetic on operands that were all expanded alike happens before."""
    shaped = [a for a in node.args if a.shape]
    if not shaped or any(a.op.name != "expand_dims" or not context.single(a) for a in shaped):
        return None
    axes, inner = shaped[0].axes, shaped[0].args[0].rank
    if any(a.axes != axes or a.args[0].rank != inner for a in shaped):
        return None
    if any(has_batch(a.shape) for a in shaped) and not inner:
        return None
    return OPS["expand_dims"](rebuild(node, [a.args[0] if a.shape else a for a in node.args]), axes=axes)


@rule_function(
    "transposes_outward",
    head="elementwise",
    law="f(a.T, b.T) -> f(a, b).T",
    touches=("transpose",),
    example=lambda: OPS["add"](permute(_matrix(), (1, 0)), permute(_matrix("b"), (1, 0))),
)
def transposes_outward(node: Node, context: Context) -> Node | None:
    """Arithmetic on two or more operands that were all transposed alike happens before."""
    shaped = [a for a in node.args if a.shape]
    if len(shaped) < 2 or any(a.op.name != "transpose" or not context.single(a) for a in shaped):
        return None
    axes = shaped[0].axes
    if any(a.axes != axes for a in shaped):
        return None
    return OPS["transpose"](rebuild(node, [a.args[0] if a.shape else a for a in node.args]), axes=axes)


@rule_function(
    "transpose_twice",
    head="transpose",
    law="a.T.T -> a",
    example=lambda: OPS["transpose"](OPS["transpose"](_matrix(), axes=(1, 0)), axes=(1, 0)),
)
def transpose_twice(node: Node, context: Context) -> Node | None:
    """One permutation for two; none for the identity."""
    (x,) = node.args
    if node.axes == tuple(range(x.rank)):
        return x
    if x.op.name != "transpose":
        return None
    return permute(x.args[0], [x.axes[i] for i in node.axes])


@rule_function(
    "reshape_view",
    head=("reshape", "squeeze", "expand_dims"),
    law="x.reshape(s).reshape(t) -> x.reshape(t);  x[:, None][:, 0] -> x",
    example=lambda: OPS["squeeze"](OPS["expand_dims"](_vector(), axes=(1,)), axes=(1,)),
)
def reshape_view(node: Node, context: Context) -> Node | None:
    """Views in row order: only the last shape counts."""
    (x,) = node.args
    if node.shape == x.shape:
        return x
    if x.op.name not in ("reshape", "squeeze", "expand_dims"):
        return None
    (y,) = x.args
    if y.shape == node.shape:
        return y
    if node.op.name == "reshape" or x.op.name == "reshape":
        return OPS["reshape"](y, **{OPS["reshape"].params[0]: node.shape})
    return None


@rule_function(
    "broadcast_twice",
    head="broadcast_to",
    law="broadcast_to(broadcast_to(x, s), t) -> broadcast_to(x, t)",
    example=lambda: OPS["broadcast_to"](OPS["broadcast_to"](_vector(), shape=(2, 3)), shape=(4, 2, 3)),
)
def broadcast_twice(node: Node, context: Context) -> Node | None:
    """Only the last shape counts; leading axes of size 1 need not be put in before."""
    (x,) = node.args
    if x.shape == node.shape:
        return x
    if (x.op.name == "broadcast_to" or _leads(x)) and not has_batch(x.args[0].shape):
        return OPS["broadcast_to"](x.args[0], shape=node.shape)
    return None


@rule_function(
    "view_of_fill",
    head=VIEWS,
    law="transpose(broadcast_to(s)) -> broadcast_to(s) for a scalar s",
    example=lambda: OPS["transpose"](OPS["broadcast_to"](lift(2.0), shape=(2, 3)), axes=(1, 0)),
)
def view_of_fill(node: Node, context: Context) -> Node | None:
    """An array of one repeated value is made in the shape that is wanted."""
    (x,) = node.args
    if x.op.name != "broadcast_to" or x.args[0].shape:
        return None
    return x.args[0] if not node.shape else OPS["broadcast_to"](x.args[0], shape=node.shape)


@rule_function(
    "scale_out_of_view",
    head=VIEWS,
    law="transpose(-x) -> -transpose(x);  transpose(c * x) -> c * transpose(x) for a scalar c",
    example=lambda: OPS["transpose"](OPS["neg"](_matrix()), axes=(1, 0)),
)
def scale_out_of_view(node: Node, context: Context) -> Node | None:
    """Signs and scalar factors move outward, where they may be absorbed."""
    (x,) = node.args
    if not x.args or not context.single(x) or not x.shape or not node.shape:
        return None
    name = x.op.name
    if name == "neg":
        return OPS["neg"](rebuild(node, x.args))
    if name == "mul" and not x.args[0].shape:
        return OPS["mul"](x.args[0], rebuild(node, [x.args[1]]))
    if name in ("mul", "div") and not x.args[1].shape:
        return x.op(rebuild(node, [x.args[0]]), x.args[1])
    return None
