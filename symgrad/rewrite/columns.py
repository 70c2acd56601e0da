"""Arrays of many short rows turned into a few long columns.

An array of shape (n, 3) is kept as (3, n), one of shape (n, 1) as (n,): a product with a column then runs
along n instead of starting anew for every row of three numbers, parts such as `x[:, 0]` lie in one piece, and
sums along rows are sums of whole columns. Each takes a third to a fifth of the time. Values are the same,
and so is every operation; what is not elementwise gets a transpose, which is a view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.ops.indexing import FULL
from symgrad.shapes import Shape, Size, core, has_batch

#: Rows of at most so many numbers are short.
SHORT = 16
#: How many operations have to gain before anything is turned.
GAINS = 6
#: A dimension of known typical size is worth it from so many rows on.
ROWS = 256

_ALONG = ("sum", "max", "min", "norm")


def turn_short_rows(f: Function, typical: Mapping[str, int]) -> Function:
    """The function with arrays of short rows kept by columns; itself where little would gain.

    Before: `x[:, 0] * s[:, None]` of shape (n, 3); after: `x[0] * s`.
    """
    order = f.nodes()
    gains: dict[Size, int] = {}
    for node in order:
        n = _gains(node)
        if n is not None:
            gains[n] = gains.get(n, 0) + 1
    chosen = {n for n, count in gains.items() if count >= GAINS and typical.get(str(n), ROWS) >= ROWS}
    if not chosen:
        return f
    return _Turner(chosen).function(f, order)


def _rows(node: Node) -> Size | None:
    """The named number of rows of a matrix whose rows are short."""
    if node.rank != 2 or has_batch(node.shape) or node.dtype not in ("float64", "bool"):
        return None
    n: Size = node.shape[0]
    width: Size = node.shape[1]
    if isinstance(n, int) or not isinstance(width, int) or not 1 <= width <= SHORT:
        return None
    return n


def _gains(node: Node) -> Size | None:
    """The number of rows where the operation is one that is slow on short rows."""
    if not node.shape:
        return None
    name = node.op.name
    n = _rows(node)
    if node.op.elementwise and n is not None and node.shape[1] != 1:
        return n if any(a.shape == (n, 1) for a in node.args) else None
    if name in ("stack", "concatenate", "assemble") and n is not None:
        return n
    if name == "index" or (name in _ALONG and node.axes == (1,)):
        (x,) = node.args
        n = _rows(x)
        if n is not None and x.shape[1] != 1 and (name != "index" or _column(node.key) is not None):
            return n
    return None


def _column(key: tuple[object, ...]) -> object:
    """What a key picks of every row, None where it picks some rows."""
    return key[1] if len(key) == 2 and key[0] == FULL else None


class _Turner:
    """Rebuilds a function; `turned` holds what is kept by columns, `_plain` all that is as it was."""

    def __init__(self, chosen: set[Size]) -> None:
        self.chosen = chosen
        self.turned: dict[Node, Node] = {}
        self._plain: dict[Node, Node] = {}

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
            known = OPS["expand_dims"](new, axes=(1,)) if new.rank == 1 else _transposed(new)
            self._plain[node] = known
        return known

    def columns(self, node: Node) -> Node:
        """A matrix of short rows by columns: (width, n), or (n,) where the width is 1."""
        new = self.turned.get(node)
        if new is None:
            plain = self._plain[node]
            new = OPS["squeeze"](plain, axes=(1,)) if node.shape[1] == 1 else _transposed(plain)
        return new

    def _is_wide(self, node: Node) -> bool:
        return _rows(node) in self.chosen

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
        if name == "index":
            column = _column(node.key)
            if isinstance(column, int):
                return x if x.rank == 1 else OPS["index"](x, key=(column, FULL))
        if name in _ALONG and not node.keepdims and x.rank == 2:
            if node.axes == (0, 1):
                return rebuild(node, [x])
            return node.op(x, axes=(1 - node.axes[0],), keepdims=False)
        if name == "scatter_add" and node.axis == 0 and len(node.args) == 2 and x.rank == 2:
            return _transposed(OPS["scatter_add"](x, self.plain(node.args[1]), axis=1, sizes=node.sizes))
        if name == "transpose" and x.rank == 2:
            return x
        return None

    def _turn(self, node: Node) -> Node | None:
        """The value by columns, None where the operation needs its operands as they are."""
        if node.op.elementwise or node.op.name in ("cast", "stop_gradient"):
            operands = [self._operand(a, node.shape) for a in node.args]
            if not all(isinstance(a, Node) for a in operands):
                return None
            new = rebuild(node, [a for a in operands if a is not None])
            return new if new.shape == _by_columns(node.shape) else None
        maker: Callable[[Node], Node | None] | None = getattr(self, f"_turn_{node.op.name}", None)
        return None if maker is None else maker(node)

    def _operand(self, a: Node, shape: Shape) -> Node | None:
        """An operand of an elementwise operation as it meets columns."""
        if self._is_wide(a) and a.shape[0] == shape[0]:
            return self.columns(a)
        plain = self.plain(a)
        if not a.shape:
            return plain
        if all(size == 1 for size in a.shape):
            return OPS["squeeze"](plain, axes=tuple(range(a.rank)))
        if a.rank == 1 and a.shape[0] == shape[1]:
            return OPS["expand_dims"](plain, axes=(1,))
        if a.rank == 2 and a.shape == (1, shape[1]):
            return _transposed(plain)
        return None

    def _turn_expand_dims(self, node: Node) -> Node | None:
        return self.plain(node.args[0]) if node.axes == (1,) else None

    def _turn_index(self, node: Node) -> Node | None:
        (x,) = node.args
        column = _column(node.key)
        if column is None or not self._is_wide(x) or x.shape[1] == 1:
            return None
        if node.shape[1] == 1:
            start = column[1] or 0  # type: ignore[index]
            return OPS["index"](self.columns(x), key=(start, FULL)) if start >= 0 else None
        return OPS["index"](self.columns(x), key=(column, FULL))

    def _turn_along(self, node: Node) -> Node | None:
        (x,) = node.args
        if node.axes != (1,) or not node.keepdims or not self._is_wide(x) or x.shape[1] == 1:
            return None
        return node.op(self.columns(x), axes=(0,), keepdims=False)

    _turn_sum = _turn_max = _turn_min = _turn_norm = _turn_along

    def _turn_stack(self, node: Node) -> Node | None:
        if node.axis != 1 or node.shape[1] == 1:
            return None
        return OPS["stack"](*[self.plain(a) for a in node.args], axis=0)

    def _turn_concatenate(self, node: Node) -> Node | None:
        if node.axis != 1 or node.shape[1] == 1 or not all(map(self._is_wide, node.args)):
            return None
        parts = [self.columns(a) for a in node.args]
        parts = [OPS["expand_dims"](a, axes=(0,)) if a.rank == 1 else a for a in parts]
        return OPS["concatenate"](*parts, axis=0)

    def _turn_assemble(self, node: Node) -> Node | None:
        keys = [_column(key) for key in node.keys]
        if any(key is None for key in keys) or node.shape[1] == 1:
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
        if node.axis != 0 or len(node.args) != 2 or node.shape[1] == 1 or node.args[0].rank != 2:
            return None
        x, index = map(self.plain, node.args)
        return OPS["gather"](_transposed(x), index, axis=1)

    def _turn_broadcast_to(self, node: Node) -> Node | None:
        (x,) = node.args
        if not x.shape:
            return OPS["broadcast_to"](self.plain(x), shape=_by_columns(node.shape))
        if self._is_wide(x) and x.shape[1] == 1:
            return OPS["broadcast_to"](self.columns(x), shape=_by_columns(node.shape))
        return None


def _by_columns(shape: Shape) -> Shape:
    n, width = core(shape)
    return (n,) if width == 1 else (width, n)


def _transposed(x: Node) -> Node:
    if x.op.name == "transpose":
        return x.args[0]
    return OPS["transpose"](x, axes=(1, 0))
