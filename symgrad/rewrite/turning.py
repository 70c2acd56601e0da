"""Functions rebuilt so that arrays of short rows are kept by columns, see `symgrad.rewrite.columns`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.ops.indexing import FULL
from symgrad.shapes import Shape, Size, core, has_batch

#: Rows of at most so many numbers are short.
SHORT = 16
#: A number of rows that is known, or a typical one, is worth it from here on.
MANY = 256
#: The sizes of all axes but the short one.
Rows = tuple[Size, ...]
#: What works along axes, the short one among them.
ALONG = ("sum", "max", "min", "norm")


def short_rows(node: Node) -> Rows | None:
    """The numbers of rows, named ones or large, of an array whose rows are short."""
    if not 2 <= node.rank <= 3 or has_batch(node.shape) or node.dtype not in ("float64", "bool"):
        return None
    *rows, width = core(node.shape)
    if any(isinstance(n, int) and n < MANY for n in rows) or not isinstance(width, int):
        return None
    if not 1 <= width <= SHORT:
        return None
    return tuple(rows)


def column_of(key: tuple[object, ...]) -> object:
    """What a key picks of every row, None where it picks some rows."""
    *rows, column = key
    return column if rows and all(entry == FULL for entry in rows) else None


class Turner:
    """Rebuilds a function; `turned` holds what is kept by columns, `_plain` all that is as it was."""

    def __init__(self, chosen: set[Rows]) -> None:
        self.chosen = chosen
        self.turned: dict[Node, Node] = {}
        self._plain: dict[Node, Node] = {}
        self._copied: dict[Node, Node] = {}

    def function(self, f: Function, order: list[Node]) -> Function:
        """The function, its names at the values that are computed."""
        for node in order:
            if self._is_wide(node):
                new = self._turn(node)
                if new is not None:
                    self.turned[node] = new
                    continue
            self._plain[node] = self._built(node)
        result = f.map({node: self.plain(node) for node in f.output_nodes})
        image = {**self._plain, **self.turned}
        names: dict[Node, str] = {}
        for node, name in f.names.items():
            if node in image:
                names.setdefault(image[node], name)
        bars: dict[Node, Node] = {}
        for adjoint, primal in f.bars.items():
            if adjoint in image and primal in image:
                bars.setdefault(image[adjoint], image[primal])
        lines: dict[Node, str] = {}
        for node, line in f.lines.items():
            if node in image:
                lines.setdefault(image[node], line)
        forward = tuple([image[node] for node in f.primal if node in image])
        return replace(result, names=names, bars=bars, lines=lines, primal=forward)

    def plain(self, node: Node) -> Node:
        """The value in its own shape."""
        known = self._plain.get(node)
        if known is None:
            new = self.turned[node]
            known = OPS["expand_dims"](new, axes=(new.rank,)) if new.rank < node.rank else _to_rows(new)
            self._plain[node] = known
        return known

    def columns(self, node: Node, copy: bool = True) -> Node:
        """An array of short rows by columns: (width, n), or (n,) where the width is 1.

        Without a copy, what is kept by rows stays so in memory.
        """
        new = self.turned.get(node)
        if new is not None:
            return new
        if node.op.name == "expand_dims" and node.rank - 1 not in node.axes and node.args[0].rank > 1:
            return OPS["expand_dims"](
                self.columns(node.args[0], copy), axes=tuple([a + 1 for a in node.axes])
            )
        if node.shape[-1] == 1:
            return self._narrow(node)
        known = self._copied.get(node)
        if known is not None:
            return known
        new = _to_columns(self._plain[node])
        if copy and self._plain[node].op.name != "transpose":
            new = self._copied[node] = OPS["in_order"](new)
        return new

    def _narrow(self, node: Node) -> Node:
        """An array of width 1 without that axis."""
        last = node.rank - 1
        if node.op.name == "expand_dims" and node.axes == (last,):
            return self.plain(node.args[0])
        return OPS["squeeze"](self.plain(node), axes=(last,))

    def _is_wide(self, node: Node) -> bool:
        return short_rows(node) in self.chosen

    def _built(self, node: Node) -> Node:
        """A value that keeps its shape, from columns where that is direct."""
        source = node.args[0] if node.args else None
        if source is not None and source in self.turned:
            direct = self._from_columns(node, source)
            if direct is not None:
                return direct
        return rebuild(node, [self.plain(a) for a in node.args])

    def _from_columns(self, node: Node, source: Node) -> Node | None:
        name, x = node.op.name, self.turned[source]
        full = x.rank == source.rank
        if name == "index":
            column = column_of(node.key)
            if isinstance(column, int):
                return OPS["index"](x, key=(column, *node.key[:-1])) if full else x
        if name in ALONG and not node.keepdims and full:
            if len(node.axes) == x.rank:
                return rebuild(node, [x])
            # The last axis comes first; the order of the others is what it was.
            axes = tuple(sorted([0 if a == x.rank - 1 else a + 1 for a in node.axes]))
            if 0 in axes or x.rank - len(axes) == 1:
                return node.op(x, axes=axes, keepdims=False)
            return _to_rows(node.op(x, axes=axes, keepdims=False))
        if name == "scatter_add" and node.axis == 0 and len(node.args) == 2 and full and x.rank == 2:
            return _to_rows(OPS["scatter_add"](x, self.plain(node.args[1]), axis=1, sizes=node.sizes))
        if name == "transpose" and full and x.rank == 2:
            return x
        return None

    def _turn(self, node: Node) -> Node | None:
        """The value by columns, None where the operation needs its operands as they are."""
        if node.op.elementwise or node.op.name in ("cast", "stop_gradient"):
            # One operand in the order of columns gives the result that order, whatever the others have.
            ordered = any(a in self.turned and a.shape == node.shape for a in node.args)
            operands = [self._operand(a, node.shape, copy=not ordered) for a in node.args]
            if not all(isinstance(a, Node) for a in operands):
                return None
            new = rebuild(node, [a for a in operands if a is not None])
            return new if new.shape == _by_columns(node.shape) else None
        maker: Callable[[Node], Node | None] | None = getattr(self, f"_turn_{node.op.name}", None)
        return None if maker is None else maker(node)

    def _operand(self, a: Node, shape: Shape, copy: bool) -> Node | None:
        """An operand of an elementwise operation as it meets columns."""
        if not a.shape:
            return self.plain(a)
        if all(size == 1 for size in a.shape):
            return OPS["squeeze"](self.plain(a), axes=tuple(range(a.rank)))
        if a.shape[-1] == 1:
            return self.columns(a)
        if a.shape[-1] != shape[-1]:
            return None
        if a.rank == 1:
            new = self.plain(a)
        elif core(a.shape)[:-1] == (1,):
            new = _to_columns(self.plain(a))
        else:
            new = self.columns(a, copy)
        missing = len(shape) - a.rank
        return OPS["expand_dims"](new, axes=tuple(range(1, 1 + missing))) if missing else new

    def _turn_expand_dims(self, node: Node) -> Node | None:
        return self.plain(node.args[0]) if node.axes == (node.rank - 1,) else None

    def _turn_index(self, node: Node) -> Node | None:
        (x,) = node.args
        column = column_of(node.key)
        if column is None or not self._is_wide(x) or x.shape[-1] == 1:
            return None
        if node.shape[-1] == 1:
            start = column[1] or 0  # type: ignore[index]
            return OPS["index"](self.columns(x), key=(start, *node.key[:-1])) if start >= 0 else None
        return OPS["index"](self.columns(x), key=(column, *node.key[:-1]))

    def _turn_along(self, node: Node) -> Node | None:
        (x,) = node.args
        if node.axes != (x.rank - 1,) or not node.keepdims or not self._is_wide(x) or x.shape[-1] == 1:
            # Rows added up leave rows, which may be short themselves.
            return None
        return node.op(self.columns(x), axes=(0,), keepdims=False)

    _turn_sum = _turn_max = _turn_min = _turn_norm = _turn_along

    def _turn_stack(self, node: Node) -> Node | None:
        if node.axis != node.rank - 1 or node.shape[-1] == 1:
            return None
        return OPS["stack"](*[self.plain(a) for a in node.args], axis=0)

    def _turn_concatenate(self, node: Node) -> Node | None:
        if node.axis != node.rank - 1 or node.shape[-1] == 1 or not all(map(self._is_wide, node.args)):
            return None
        parts = [self.columns(a) for a in node.args]
        parts = [OPS["expand_dims"](a, axes=(0,)) if a.rank < node.rank else a for a in parts]
        return OPS["concatenate"](*parts, axis=0)

    def _turn_assemble(self, node: Node) -> Node | None:
        keys = [column_of(key) for key in node.keys]
        if any(key is None for key in keys) or node.shape[-1] == 1 or node.rank != 2:
            return None
        parts, turned = [], []
        for part, key in zip(node.args, keys):
            if isinstance(key, int):
                parts.append(self.plain(part))
            elif not self._is_wide(part) or part.shape[0] != node.shape[0]:
                return None
            else:
                parts.append(self.columns(part))
                if part.shape[1] == 1:
                    key = key[1] or 0  # type: ignore[index]
            turned.append((key, FULL))
        return OPS["assemble"](*parts, keys=tuple(turned), shape=_by_columns(node.shape))

    def _turn_gather(self, node: Node) -> Node | None:
        if node.rank != 2 or node.axis != 0 or len(node.args) != 2 or node.shape[1] == 1:
            return None
        x, index = map(self.plain, node.args)
        return OPS["gather"](_to_columns(x), index, axis=1) if x.rank == 2 else None

    def _turn_broadcast_to(self, node: Node) -> Node | None:
        (x,) = node.args
        if not x.shape:
            return OPS["broadcast_to"](self.plain(x), shape=_by_columns(node.shape))
        if self._is_wide(x) and x.shape[-1] == 1 and x.rank == node.rank:
            return OPS["broadcast_to"](self.columns(x), shape=_by_columns(node.shape))
        return None


def _by_columns(shape: Shape) -> Shape:
    *rows, width = core(shape)
    return tuple(rows) if width == 1 else (width, *rows)


def _to_columns(x: Node) -> Node:
    """The last axis first."""
    if x.op.name == "transpose" and x.rank == 2:
        return x.args[0]
    return OPS["transpose"](x, axes=(x.rank - 1, *range(x.rank - 1)))


def _to_rows(x: Node) -> Node:
    """The first axis last."""
    if x.op.name == "transpose" and x.rank == 2:
        return x.args[0]
    return OPS["transpose"](x, axes=(*range(1, x.rank), 0))
