"""What a generated function returns: the text of its result, arrays of its own and numpy's numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from symgrad.graph import Function
from symgrad.lower.body import Body
from symgrad.lower.layout import WIDTH
from symgrad.node import Node
from symgrad.ops.closures import CONTROL, closures_of
from symgrad.shapes import BATCH, has_batch
from symgrad.text import keeps_scalars
from symgrad.tree import Record, Tree

#: Declares a NamedTuple; gives the name of its type.
Declare = Callable[[Record], str]
#: Text of a NamedTuple, from the name of its type and the texts of its entries.
Construct = Callable[[str, list[str]], str]


def result_text(tree: Tree, body: Body, declare: Declare, new: Mapping[Node, Node] | None = None) -> str:
    """Text of what is returned, in its structure; `new` has the nodes that the body has in place of these."""
    returned: dict[Node, int] = {}
    given = new or {}
    return _result(tree, lambda node: _returned_leaf(given.get(node, node), body, returned), declare, _called)


def numbers_text(tree: Tree, leaf: Callable[[Node], str], declare: Declare) -> str:
    """The same of numbers that `leaf` writes, its NamedTuples built in two thirds of the time."""
    return _result(tree, leaf, declare, _packed)


def quoted(key: object) -> str:
    """A key as text, in double quotes where it is a string."""
    return json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)


def _result(
    tree: Tree, leaf: Callable[[Node], str], declare: Declare, construct: Construct, top: bool = True
) -> str:
    """Text of a result; `leaf` writes an array or a number in it."""

    def inside(part: Tree) -> str:
        return _result(part, leaf, declare, construct, top=False)

    if isinstance(tree, Record):
        return construct(declare(tree), [inside(v) for v in tree.values])
    if isinstance(tree, dict):
        return _wrapped("{", [f"{quoted(key)}: {inside(v)}" for key, v in tree.items()], "}")
    if isinstance(tree, tuple):
        inner = [inside(v) for v in tree]
        joined = ", ".join(inner) + ("," if len(inner) == 1 else "")
        if len(joined) > WIDTH and "\n" not in joined:
            return _wrapped("(", inner, ")")
        return joined if top and inner else f"({joined})"
    return leaf(tree)


def _called(name: str, entries: list[str]) -> str:
    """A NamedTuple, by a call of its type."""
    return _wrapped(f"{name}(", entries, ")")


def _packed(name: str, entries: list[str]) -> str:
    """The same without the constructor of the type, which is a Python function."""
    inner = f"({entries[0]},)" if len(entries) == 1 else _wrapped("(", entries, ")")
    return _wrapped("tuple.__new__(", [name, inner], ")")


def _wrapped(before: str, entries: list[str], after: str) -> str:
    """`name(entries)`, an entry a line where one line is too long."""
    line = f"{before}{', '.join(entries)}{after}"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    inner = [entry.replace("\n", "\n    ") for entry in entries]
    return "\n".join([before, *(f"    {entry}," for entry in inner), after])


def _returned_leaf(node: Node, body: Body, returned: dict[Node, int]) -> str:
    text = body.text[node].source
    kind = {"float64": "dtype", "int64": "np.int64", "bool": "np.bool_"}[node.dtype]
    if node.shape == ():
        return f"{kind}({text})"
    root = _memory(node)
    again = root in returned
    returned[root] = 1
    if has_batch(node.shape):
        own = root.args and root is node and not again and node.shape == (BATCH,) and node.op.elementwise
        alike = own and keeps_scalars(node.op.numpy)
        if own and _covers(node, body.function):
            return text if alike else f"{text}[()]"
        kernel = body.env.helper("_full")
        if alike and text.isidentifier():
            shape = body.env.shape(node.shape)
            return f"{text} if {text}.shape == {shape} else {kernel}({text}, {shape}, {kind})"
        return f"{kernel}({text}, {body.env.shape(node.shape)}, {kind})"
    if again or _is_borrowed(root, body) or (root is not node and root in body.outputs):
        return f"np.array({text}, {kind})"
    return text


def _is_borrowed(root: Node, body: Body | None) -> bool:
    """Whether memory may be that of an argument: after no step, a loop's carry is what it was before."""
    if root.op.name != "result":
        return not root.args
    if body is not None and root in body.stacks.owned:
        return False
    source = root.args[0]
    if source.op.name == "scan":
        return not CONTROL["scan"].stacked(source, root.position)
    return any(_is_borrowed(_memory(closure.outputs[root.position]), None) for closure in closures_of(source))


def _memory(node: Node) -> Node:
    """The node whose memory numpy may return for this one."""
    while node.op.view and node.args:
        if node.op.name == "broadcast_to" and not node.args[0].shape:
            return node  # filled, not repeated
        node = node.args[0]
    return node


def _covers(node: Node, function: Function) -> bool:
    """Whether an elementwise value has the full batch shape: it depends on every `...` argument."""
    wanted = {leaf for leaf in function.input_nodes if has_batch(leaf.shape)}
    if len(wanted) == 1 and node in wanted:
        return True
    seen: set[Node] = set()
    stack = [node]
    while stack and wanted:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        wanted.discard(current)
        stack.extend(current.args)
    return not wanted
