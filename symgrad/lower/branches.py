"""Branches as `if`, and closures that are computed again as what they are, without what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symgrad.lower.body import LOWERINGS, Body
from symgrad.lower.closures import ClosureBody, Scope, indented, named_operand, put_down, solid, tokens
from symgrad.lower.layout import layout
from symgrad.node import Node
from symgrad.ops.closures import Closure
from symgrad.program import Statement


def lower_cond(outer: Body, node: Node) -> list[str]:
    """Lines of a choice: each branch assigns all results."""
    condition = named_operand(outer, node.args[0], False).source
    results = _result_names(outer, node)
    lines = [f"if {condition}:"]
    for closure, head in ((node.then, ""), (node.other, "else:")):
        lines += [head] if head else []
        statements, _ = _once(outer, node, closure, node.args[1:], results)
        lines += indented(layout(statements) or ["pass"])
    for position, name in results.items():
        put_down(outer, outer.results[node][position], name)
    return lines


def lower_checkpoint(outer: Body, node: Node) -> list[str]:
    """Lines of a closure of which only the results are kept."""
    results = _result_names(outer, node)
    statements, body = _once(outer, node, node.body, node.args, results)
    for position, name in results.items():
        put_down(outer, outer.results[node][position], name)
    lines = list(layout(statements))
    inner = [
        body.named[x]
        for x, s in body.statements
        if x in body.named and x.shape and body.named[x] not in results.values() and x not in body.scope.texts
    ]
    inner = [name for name in dict.fromkeys(inner) if name in tokens(lines)]
    if not inner or outer.env.plain:
        return lines
    note = "" if node.body.function.bars else "  # not kept: the derivative computes them again"
    return [*lines, f"del {', '.join(inner)}{note}"]


def _result_names(outer: Body, node: Node) -> dict[int, str]:
    """Names for the results that something uses, by position."""
    function = node.params[0].function
    found = {}
    for position, result in sorted(outer.results.get(node, {}).items()):
        wish = outer.wish(result) or function.names.get(function.output_nodes[position], "")
        found[position] = outer.names.take(wish or "chosen" if node.op.name == "cond" else wish or "result")
    return found


def _once(
    outer: Body, node: Node, closure: Closure, operands: Sequence[Node], results: Mapping[int, str]
) -> tuple[list[Statement], ClosureBody]:
    """Statements of a closure that runs once, and assigns its results to these names."""
    texts = {x: named_operand(outer, v, True) for x, v in zip(closure.inputs, operands)}
    outputs = {p: closure.outputs[p] for p in results}
    wanted: dict[Node, str] = {}
    for p, x in outputs.items():
        if x.args and x.op.name != "result" and x not in wanted:
            wanted[x] = results[p]
    labels = {x: label for x, label in zip(closure.inputs, closure.labels) if label}
    scope = Scope(outer.names.inner(), texts, labels, wanted)
    body = ClosureBody(outer, closure, list(outputs.values()), scope)
    statements = [s for _, s in body.statements]
    for p, x in outputs.items():
        source = solid(x, body.text[x], outer)
        if source != results[p]:
            statements.append(Statement((f"{results[p]} = {source}",), outer._comment(x.shape)))
    return statements, body


LOWERINGS["cond"] = lower_cond
LOWERINGS["checkpoint"] = lower_checkpoint
