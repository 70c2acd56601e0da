"""A scalar formula of `...` arguments, computed tile by tile where its arguments have many elements."""

from __future__ import annotations

import textwrap
from dataclasses import replace

from symgrad.lower.body import Body
from symgrad.lower.names import identifiers
from symgrad.lower.reuse import OVER, written_over
from symgrad.lower.tiled import loop_over, quiet, underflows
from symgrad.lower.wrap import assigned, call_lines, indented, tuple_of
from symgrad.node import Node
from symgrad.options import Options
from symgrad.program import Block, Section

#: Width of the explanation above the loop.
COMMENT = 104

_WHY = (
    "Each element of the results needs one element of every argument alone: tiles of many follow one "
    "another, so that what is computed in between stays in cache."
)


class Elements:
    """Lowers a scalar formula: a private function for any number of elements, and what calls it."""

    def __init__(self, name: str, main: Body, alive: int, options: Options) -> None:
        self.name = name
        self.main = main
        self.alive = alive
        self.options = options
        self.blocks: list[Block] = []

    def build(self) -> tuple[Section, ...]:
        """The sections of the function itself; `blocks` then holds the function for the elements."""
        main, env = self.main, self.main.env
        inner = Body(
            main.function,
            main.names,
            main.named,
            replace(env, quiet=underflows(main.order)),
            order=(main.order, main.forward),
            called=main.share_names(),
        )
        inner.visit(main.order)
        reused = written_over(inner, self.options)
        sections = inner.sections()
        results: dict[Node, str] = {}
        for node, wish in main.outputs.items():
            own = inner.named.get(node)
            results[node] = main.names.take(wish) if own is None or not node.args else own
        returned = [inner.text[node].source for node in results]
        used = identifiers([*(line for section in sections for line in section.lines), *returned])
        arguments = list(main.named.values())
        scalars = [name for name in (env.dtype, env.batch, *env.dims.values()) if name in used]
        parameters = [name for name in arguments if name in used] + scalars
        title = f"_{self.name}_elements"
        alone = len(results) == 1
        self.blocks.append(
            Block(
                "\n".join(call_lines(f"def {title}(", parameters, "):", 0)),
                "The results, for any number of elements." + (OVER if reused else ""),
                sections,
                returned[0] if alone else tuple_of(returned),
            )
        )
        for node, name in results.items():
            main.is_there(node, name)
        kinds = {"float64": env.dtype, "int64": "np.int64", "bool": "np.bool_"}
        dtypes = [kinds[node.dtype] for node in results]
        kind = f"({dtypes[0]},) * {len(dtypes)}" if len(set(dtypes)) == 1 else tuple_of(dtypes, inner=True)
        over = f"{env.helper('_over_elements')}("
        forced = self.options.tiles is not True
        size = str(int(self.options.tiles)) if forced else f"{env.helper('_tile_rows')}({self.alive})"
        env.helper("_FREED")
        step = main.names.take("step")
        tiles = [title, tuple_of(parameters, inner=True), env.batch, step, kind]
        if self.options.threads:
            tiles.append(loop_over(env, self.options))
        targets = list(results.values())
        lines = [f"# {line}" for line in textwrap.wrap(_WHY, COMMENT)]
        lines.append(f"{step} = {size}")
        loop = [f"if math.prod({env.batch}) <= {step}:"]
        loop += indented(assigned(targets, f"{title}(", parameters, ")", alone))
        loop += ["else:", *indented(assigned(targets, over, tiles, ")"))]
        lines += quiet(loop) if underflows(main.order) else loop
        return (Section("", tuple(lines)),)
