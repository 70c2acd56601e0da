"""What the text of a node may ask of the function it stands in: names of sizes, kernels and constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symgrad.lower.names import Names
from symgrad.node import Node
from symgrad.shapes import Shape, Size, core, dim_source, has_batch

#: Length of a size's text above which it is computed once, under a name.
LONG_SIZE = 20


@dataclass
class Env:
    """What the text of one node may ask of the function it stands in (`symgrad.text.Environment`)."""

    dims: dict[str, str]
    dtype: str = "dtype"
    batch: str = "batch"
    helpers: dict[str, None] = field(default_factory=dict)
    #: Kernels to functions of other packages that the spec asked for in their place.
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    #: Texts of the module's constants to their names; shared by its functions.
    constants: dict[str, str] = field(default_factory=dict)
    #: Long sizes that got a name of their own, where `names` hands them out, and their texts.
    names: Names | None = None
    sizes: dict[Size, tuple[str, str]] = field(default_factory=dict)
    #: Whether numpy is told, around the text, to let numbers underflow to 0.
    quiet: bool = False
    #: Whether the text is to be read, not run: without comments and without memory.
    plain: bool = False
    #: Every value that got a name, in parts of the function too, where a source map is to be made of them.
    assigned: dict[str, Node] | None = None

    def dim(self, size: Size) -> str:
        """Python text of a dimension; a long one becomes a local variable."""
        if size in self.sizes:
            return self.sizes[size][0]
        text = dim_source(size, self.dims, " * ")
        if self.names is None or len(text) <= LONG_SIZE:
            return text
        name = self.names.take("size", count_from=1, bare=False)
        self.sizes[size] = (name, text)
        return name

    def shape(self, shape: Shape) -> str:
        """Python text of a shape, a tuple; a leading `...` becomes the batch shape."""
        inner = ", ".join(self.dim(size) for size in core(shape))
        text = f"({inner},)" if len(core(shape)) == 1 else f"({inner})"
        if not has_batch(shape):
            return text
        return self.batch if len(shape) == 1 else f"{self.batch} + {text}"

    def axes(self, node: Node, axes: Sequence[int]) -> str:
        """Text of axes of `node`, counted from the end where it has a leading `...`."""
        if has_batch(node.shape):
            axes = [axis - node.rank for axis in axes]
        return str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))})"

    def constant(self, source: str) -> str:
        """Name of a constant of the module, one for each text."""
        return self.constants.setdefault(source, f"_CONSTANT_{len(self.constants) + 1}")

    def helper(self, name: str) -> str:
        """Name of a kernel that the module then carries along, or of what stands for it."""
        self.helpers[name] = None
        return self.stand_ins.get(name, name)
