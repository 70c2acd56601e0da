"""Docstrings of generated functions: what it computes, the mathematics, shapes and dtypes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from symgrad.graph import Function
from symgrad.identifiers import printable
from symgrad.lower.body import Body
from symgrad.lower.environment import Env
from symgrad.lower.layout import WIDTH
from symgrad.lower.names import Names
from symgrad.node import Node
from symgrad.shapes import BATCH, shape_text
from symgrad.tree import Record, Tree, children, is_leaf, leaves

#: From a record to the name of its type in the module.
Title = Callable[[Record], str]

#: Lines of mathematics shown before they are cut.
LINES = 24

_WHAT = {
    "grad": "Gradient of {base} with respect to {wrt}.",
    "value_and_grad": "Value and gradient of {base} with respect to {wrt}.",
    "vjp": "Value of {base}, and the cotangent ct pulled back to {wrt}.",
    "jvp": "Value of {base}, and its derivative along the given tangents of {wrt}.",
    "jacobian": "Jacobian of {base} with respect to {wrt}.",
    "sparse_jacobian": "Jacobian of {base} with respect to {wrt}: data, row and column of its nonzeros.",
    "flatten": "{base} of one vector, which holds {wrt}.",
    "hessian": "Hessian of {base} with respect to {wrt}.",
    "vmap": "{base} for every index of a leading dimension of {wrt}.",
    "hvp": "Hessian of {base} with respect to {wrt}, times the given vector.",
}


def docstring(name: str, function: Function, title: Title) -> tuple[str, ...]:
    """Lines of the docstring, numpydoc style, without quotes; `title` is what a record's type is called."""
    summary, rest = _summary(name, function)
    lines = [*textwrap.wrap(summary, 96)]
    if rest:
        lines += ["", *rest]
    mathematics = formulas(_root(function))
    if mathematics:
        lines += ["", "::", "", *(f"    {line}" for line in mathematics)]
    lines += ["", "Parameters", "----------"]
    for parameter in function.parameters:
        lines += described(parameter.name, parameter.tree, "array_like", parameter.doc)
    lines += ["", "Returns", "-------"]
    lines += _returns(function, title)
    return tuple(safe(line.rstrip()) for line in lines)


def safe(line: str) -> str:
    """A line as the text of a docstring: names in it are data."""
    line = "\t".join(map(printable, line.split("\t")))
    return line.replace("\\", "\\\\").replace('"""', "'''")


def _root(function: Function) -> Function:
    while function.origin is not None:
        function = function.origin.base
    return function


def _summary(name: str, function: Function) -> tuple[str, list[str]]:
    if function.origin is not None:
        base = _derivative_of(function.origin.base)
        wrt = _listed(function.origin.wrt)
        root = _root(function)
        first, _ = _split(root.doc)
        rest = textwrap.wrap(f"{root.name}: {first}", 96) if first else []
        if _is_hessian(function):
            sparse = function.origin.kind == "sparse_jacobian"
            more = ": data, row and column of its nonzeros" if sparse else ""
            return f"Hessian of {root.name} with respect to {wrt}{more}.", rest
        order = _order(function)
        if order > 1:
            return f"Derivative of order {order} of {root.name} with respect to {wrt}.", rest
        return _WHAT[function.origin.kind].format(base=base, wrt=wrt), rest
    first, rest = _split(function.doc)
    return first or f"The function {name}.", rest


def _derivative_of(function: Function) -> str:
    if function.origin is None:
        return function.name
    if function.origin.kind == "flatten":
        return _derivative_of(function.origin.base)
    words = {"grad": "the gradient of {} with respect to {}"}
    pattern = words.get(function.origin.kind, f"the {function.origin.kind} of {{}} with respect to {{}}")
    return pattern.format(_derivative_of(function.origin.base), _listed(function.origin.wrt))


def _is_hessian(function: Function) -> bool:
    """Whether this is the Jacobian of a gradient by the same arguments."""
    origin = function.origin
    inner = None if origin is None else origin.base.origin
    return (
        origin is not None
        and inner is not None
        and origin.kind in ("jacobian", "sparse_jacobian")
        and inner.kind == "grad"
        and origin.wrt == inner.wrt
        and (inner.base.origin is None or inner.base.origin.kind == "flatten")
    )


def _order(function: Function) -> int:
    """How often the root was differentiated, each time by the same single argument; 0 for other origins."""
    order, wrt = 0, None
    while function.origin is not None:
        origin = function.origin
        if origin.kind != "grad" or len(origin.wrt) != 1 or wrt not in (None, origin.wrt):
            return 0
        wrt = origin.wrt
        function = origin.base
        order += 1
    return order


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _split(doc: str) -> tuple[str, list[str]]:
    first, _, rest = doc.strip().partition("\n\n")
    return " ".join(first.split()), rest.rstrip().splitlines() if rest.strip() else []


def formulas(function: Function) -> list[str]:
    """The function's mathematics: one equation for each value that its author named."""
    if len(function.nodes()) > LINES * WIDTH:
        return []  # every operation takes a character at least
    names = Names()
    arguments = {leaf: names.take(leaf.name.rpartition(".")[2]) for leaf in function.input_nodes}
    dims = {name: name for name in function.dims}
    body = Body(function, names, arguments, Env(dims))
    sections = body.build(comments=False)
    lines = [line for section in sections for line in section.lines]
    written = [node for node in body.order if node.op.statement is not None]
    if len(lines) > LINES or any(node.dtype != "results" for node in written):
        return []
    if written:  # equations in loops and branches, each as far in as it is
        return [mathematical(line) for text in lines for line in text.split("\n")]
    pairs = [line.split(" = ", 1) for line in lines]
    width = max((len(left) for left, _ in pairs), default=0)
    return [f"{left:<{width}} = {mathematical(right)}" for left, right in pairs]


def mathematical(text: str) -> str:
    """Numpy text without the prefixes that only Python needs."""
    text = re.sub(r"\bnp\.(linalg\.)?", "", text)
    return re.sub(r"\b_(?=[a-z])", "", text).replace(", dtype)", ")")


def described(name: str, tree: Tree, kind: str, doc: str = "") -> list[str]:
    """Lines about one parameter."""
    if is_leaf(tree):
        lines = [f"{name} : {kind}, {_shape_and_type(tree)}"]
    else:
        lines = [f"{name} : {tree.name if isinstance(tree, Record) else _structure(tree)}"]
        lines += [f"    - {leaf.name.partition('.')[2]} : {_shape_and_type(leaf)}" for leaf in leaves(tree)]
    if doc:
        lines += textwrap.wrap(doc, 92, initial_indent="    ", subsequent_indent="    ")
    return lines


def _structure(tree: Tree) -> str:
    return "dict" if isinstance(tree, dict) else "tuple"


def kind_of(tree: Tree, title: Title) -> str:
    """What a result is, in a word or a few: its type and shape, or the type of a record."""
    if is_leaf(tree):
        return _result_type(tree)
    return title(tree) if isinstance(tree, Record) else _structure(tree)


def _shape_and_type(node: Node) -> str:
    if node.shape == (BATCH,):
        shape = "any shape"
    elif node.shape == ():
        shape = "scalar"
    else:
        shape = f"shape {shape_text(node.shape)}"
    return shape + {"float64": "", "int64": ", int", "bool": ", bool"}[node.dtype]


def _returns(function: Function, title: Title) -> list[str]:
    origin = function.origin
    if origin is not None and origin.kind in ("value_and_grad", "vjp", "jvp"):
        value, gradient = function.result
        second = {"value_and_grad": "gradient", "vjp": "pullback", "jvp": "tangent"}[origin.kind]
        return _output("value", value, title) + _output(second, gradient, title)
    if origin is not None and origin.kind == "sparse_jacobian":
        return _coordinates(function)
    if isinstance(function.result, (tuple, dict)):
        lines = []
        for name, node in zip(function.output_names, function.output_nodes):
            lines.append(f"{name} : {_result_type(node)}")
        return lines
    name = function.output_names[0] if origin is None or origin.kind == "flatten" else origin.kind
    return _output("hessian" if _is_hessian(function) else name, function.result, title)


def _coordinates(function: Function) -> list[str]:
    """Lines about the data, rows and columns of sparse results."""
    lines = []
    for name, node in zip(function.output_names, function.output_nodes):
        lines.append(f"{name} : {_result_type(node)}")
    return [
        *lines,
        "    Rows count the entries of the result, columns those of the argument, both in C order;",
        "    scipy.sparse.coo_array((data, (row, col)), shape) is the matrix: entries of one place add up.",
    ]


def _output(name: str, tree: Tree, title: Title) -> list[str]:
    """Lines about one output; of a structure, a list with its parts."""
    lines = [f"{name} : {kind_of(tree, title)}"]
    if not is_leaf(tree):
        lines += [f"    {line}" for line in _parts(tree, title)]
    return lines


def _parts(tree: Tree, title: Title) -> list[str]:
    """A list with the parts of a structure, lists in lists set off as reStructuredText wants them."""
    lines: list[str] = []
    for key, child in children(tree):
        lines.append(f"- {key} : {kind_of(child, title)}")
        if not is_leaf(child):
            lines += ["", *(f"  {line}" for line in _parts(child, title)), ""]
    # A blank line between lists of two depths, none after the last.
    kept = [line for line, before in zip(lines, ["", *lines]) if line.strip() or before.strip()]
    return kept[:-1] if kept and not kept[-1].strip() else kept


def _result_type(node: Node) -> str:
    kind = {"float64": "float", "int64": "int", "bool": "bool"}[node.dtype]
    if node.shape == ():
        return f"{kind} scalar"
    if node.shape == (BATCH,):
        return f"{kind} array of the broadcast shape of the arguments"
    return f"{kind} array, shape {shape_text(node.shape)}"
