r"""Functions as LaTeX that MathJax, KaTeX and LaTeX with amsmath set: one equation for each named value.

The equations are those of the generated code. A product of matrices is written by juxtaposition, `X w`; a
product entry by entry with a dot; an adjoint `z_bar` as $\bar z$; whatever has no sign of its own as an
upright name with its arguments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from symgrad.graph import Function
from symgrad.lower.body import Body
from symgrad.lower.docs import mathematical
from symgrad.lower.environment import Env
from symgrad.lower.names import Names
from symgrad.pipeline import prepare
from symgrad.shapes import BATCH, Shape

# Python's own precedence, loosest first.
_CONDITION, _LOGIC, _COMPARE, _SUM, _PRODUCT, _UNARY, _POWER, _ATOM = range(8)

_LETTERS = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi
omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
"""
_GREEK = frozenset(_LETTERS.split())
_SPELLED = {"lam": "lambda", "eps": "epsilon", "sig": "sigma", "lambd": "lambda", "lambda_": "lambda"}
_FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "arcsin",
        "arccos",
        "arctan",
        "ln",
        "exp",
        "max",
        "min",
        "det",
    ]
)
_REDUCTIONS = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min"}
_COMPARISONS = {
    ast.Lt: "<", ast.LtE: r"\le", ast.Gt: ">", ast.GtE: r"\ge", ast.Eq: "=", ast.NotEq: r"\ne",
}  # fmt: skip


def latex(function: Function) -> str:
    """The equations of a function as an `aligned` block, without delimiters."""
    ready = prepare(function) if function.origin is not None else function
    names = Names()
    arguments = {leaf: names.take(leaf.name.rpartition(".")[2]) for leaf in ready.input_nodes}
    body = Body(ready, names, arguments, Env({name: name for name in ready.dims}))
    body.build(comments=False)
    rows = []
    for node, statement in body.statements:
        for number, line in enumerate(statement.lines):
            rows.append(_row(mathematical(line), () if number else node.shape))
    for node, name in body.outputs.items():
        if node not in body.named or body.named[node] in arguments.values():
            rows.append(_row(f"{name} = {mathematical(body.text[node].source)}", ()))
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _row(line: str, shape: Shape) -> str:
    depth = "\\quad " * ((len(line) - len(line.lstrip())) // 4)
    line = line.strip()
    match = re.fullmatch(r"(\S+|\S.*\]) ([+-]?)= (.*)", line)
    if match is None:
        return f"& {depth}{_upright(line)}"
    left, sign, right = match.groups()
    space = r" \times ".join(r"\cdots" if size is BATCH else formula(str(size)) for size in shape)
    space = "" if shape == (BATCH,) else space
    domain = f" && \\in \\mathbb{{R}}^{{{space}}}" if space else ""
    update = f"\\mathrel{{{sign}}}" if sign else ""
    return f"{depth}{formula(left)} {update}&= {formula(right)}{domain}"


def formula(text: str) -> str:
    """Python text of an expression as LaTeX; what cannot be read, as text."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return _upright(text)
    return _write(tree)[0]


def symbol(name: str) -> str:
    r"""A name as mathematics writes it: `w_bar` as \bar{w}, `W1` as W_{1}, `lam` as \lambda."""
    accented = re.fullmatch(r"(.+)_(bar|dot)(?:_(\d+))?", name)
    if accented:
        stem, accent, index = accented.groups()
        wide = "overline" if accent == "bar" and len(stem) > 2 else accent
        return f"\\{wide}{{{symbol(stem)}}}" + (f"_{{{index}}}" if index else "")
    numbered = re.fullmatch(r"(.*?[^\W\d_])_?(\d+)_?", name)
    stem, index = numbered.groups() if numbered else (name, "")
    stem = _SPELLED.get(stem, stem)
    word = re.fullmatch(r"([^\W\d_]|[^\W_]+)_([^\W_]+)", stem)
    if word and not index and (len(word[1]) == 1 or word[1] in _GREEK):
        return f"{symbol(word[1])}_{{{symbol(word[2])}}}"  # sigma_x, but not cos_x
    text = f"\\{stem}" if stem in _GREEK else stem if len(stem) == 1 else _upright(stem)
    return f"{text}_{{{index}}}" if index else text


def _upright(text: str) -> str:
    r"""Text as \mathrm; every character that means something to TeX is escaped or spelled."""
    special = {"\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim ", "<": "<", "_": r"\_", " ": r"\ "}
    inner = "".join(special.get(c, f"\\{c}" if c in "{}$&#%" else c) for c in text)
    return f"\\mathrm{{{inner}}}"


def _write(tree: ast.expr) -> tuple[str, int]:
    """LaTeX of a tree, and how tightly it binds."""
    writer = _WRITERS.get(type(tree))
    if writer is None:
        return _upright(ast.unparse(tree)), _ATOM
    return writer(tree)


def _inside(tree: ast.expr, precedence: int) -> str:
    text, own = _write(tree)
    return text if own >= precedence else f"\\left({text}\\right)"


def _constant(tree: ast.Constant) -> tuple[str, int]:
    if isinstance(tree.value, float):
        mantissa, _, exponent = repr(tree.value).partition("e")
        return (f"{mantissa} \\cdot 10^{{{int(exponent)}}}", _PRODUCT) if exponent else (mantissa, _ATOM)
    return (str(tree.value), _ATOM) if isinstance(tree.value, int) else (_upright(str(tree.value)), _ATOM)


def _name(tree: ast.Name) -> tuple[str, int]:
    return {"inf": (r"\infty", _ATOM), "pi": (r"\pi", _ATOM)}.get(tree.id, (symbol(tree.id), _ATOM))


def _binary(tree: ast.BinOp) -> tuple[str, int]:
    left, right, kind = tree.left, tree.right, type(tree.op)
    if kind is ast.Div:
        return f"\\frac{{{_write(left)[0]}}}{{{_write(right)[0]}}}", _UNARY
    if kind is ast.Pow:
        base = _inside(left, _ATOM)
        # An accent or a fraction carries no exponent well without a brace of its own.
        return f"{{{base}}}^{{{_write(right)[0]}}}", _POWER
    if kind in (ast.Add, ast.Sub):
        sign = "+" if kind is ast.Add else "-"
        return f"{_inside(left, _SUM)} {sign} {_inside(right, _PRODUCT)}", _SUM
    if kind is ast.MatMult:
        return f"{_inside(left, _PRODUCT)} \\, {_inside(right, _UNARY)}", _PRODUCT
    if kind is ast.Mult:
        number = isinstance(left, ast.Constant) and not isinstance(right, ast.Constant)
        joint = r"\," if number and isinstance(right, (ast.Name, ast.Call, ast.Attribute)) else r"\cdot"
        return f"{_inside(left, _PRODUCT)} {joint} {_inside(right, _UNARY)}", _PRODUCT
    words = {ast.BitAnd: r"\wedge", ast.BitOr: r"\vee", ast.BitXor: r"\oplus", ast.Mod: r"\bmod"}
    if kind is ast.FloorDiv:
        return f"\\left\\lfloor \\frac{{{_write(left)[0]}}}{{{_write(right)[0]}}} \\right\\rfloor", _ATOM
    joint = words.get(kind, r"\circ")
    return f"{_inside(left, _UNARY)} {joint} {_inside(right, _UNARY)}", _LOGIC


def _unary(tree: ast.UnaryOp) -> tuple[str, int]:
    sign = {ast.USub: "-", ast.UAdd: "+", ast.Not: r"\neg ", ast.Invert: r"\neg "}[type(tree.op)]
    return sign + _inside(tree.operand, _UNARY), _SUM if sign == "-" else _UNARY


def _compare(tree: ast.Compare) -> tuple[str, int]:
    parts = [_inside(tree.left, _SUM)]
    for operator, right in zip(tree.ops, tree.comparators):
        parts += [_COMPARISONS.get(type(operator), r"\sim"), _inside(right, _SUM)]
    return " ".join(parts), _COMPARE


def _attribute(tree: ast.Attribute) -> tuple[str, int]:
    if tree.attr in ("T", "mT"):
        return f"{{{_inside(tree.value, _ATOM)}}}^{{\\top}}", _POWER
    return f"{_inside(tree.value, _ATOM)}.{_upright(tree.attr)}", _ATOM


def _subscript(tree: ast.Subscript) -> tuple[str, int]:
    index = ast.unparse(tree.slice).strip("()")
    if re.fullmatch(r"(:|\.\.\.|None|Ellipsis|, ?)*", index) and "None" in index:
        return _write(tree.value)  # an axis of size 1 more, for broadcasting
    if isinstance(tree.slice, ast.Tuple) and not tree.slice.elts:
        return _write(tree.value)
    inner = re.sub(r"[A-Za-z_]\w*", lambda m: symbol(m.group()), index.replace("...", r"\ldots "))
    base = _inside(tree.value, _ATOM)
    base = f"{{{base}}}" if "_" in base or "^" in base else base  # TeX has no second subscript
    return f"{base}_{{{inner.replace('None', 'new')}}}", _ATOM


def _call(tree: ast.Call) -> tuple[str, int]:
    function, arguments = tree.func, list(tree.args)
    keywords = {k.arg: k.value for k in tree.keywords if k.arg}
    if isinstance(function, ast.Attribute):
        return _method(function.value, function.attr, arguments, keywords)
    name = function.id if isinstance(function, ast.Name) else ast.unparse(function)
    first = arguments[0] if arguments else None
    if name == "sqrt" and first is not None:
        return f"\\sqrt{{{_write(first)[0]}}}", _ATOM
    if name in ("abs", "fabs") and first is not None:
        return f"\\left|{_write(first)[0]}\\right|", _ATOM
    if name == "exp" and first is not None:
        return f"e^{{{_write(first)[0]}}}", _POWER
    if name == "where" and len(arguments) == 3:
        condition, yes, no = (_write(a)[0] for a in arguments)
        rows = f"{yes} & \\text{{if }} {condition} \\\\ {no} & \\text{{otherwise}}"
        return f"\\begin{{cases}} {rows} \\end{{cases}}", _ATOM
    if name in ("maximum", "minimum"):
        name = name[:3]
    if name == "transpose" and len(arguments) == 1:
        return f"{{{_inside(arguments[0], _ATOM)}}}^{{\\top}}", _POWER
    if name == "inv" and len(arguments) == 1:
        return f"{{{_inside(arguments[0], _ATOM)}}}^{{-1}}", _POWER
    if name == "solve" and len(arguments) == 2:
        return f"{{{_inside(arguments[0], _ATOM)}}}^{{-1}} \\, {_inside(arguments[1], _UNARY)}", _PRODUCT
    if name == "dtype" and len(arguments) == 1:
        return _write(arguments[0])
    name = "ln" if name == "log" else name
    head = f"\\{name}" if name in _FUNCTIONS else _operator(name)
    inner = ", ".join([*(_write(a)[0] for a in arguments), *_options(keywords)])
    return f"{head}\\left({inner}\\right)", _ATOM


def _method(
    value: ast.expr, name: str, arguments: list[ast.expr], keywords: dict[str, ast.expr]
) -> tuple[str, int]:
    if name in _REDUCTIONS:
        axis = keywords.get("axis") or (arguments[0] if arguments else None)
        under = f"_{{\\text{{axis }} {_write(axis)[0]}}}" if axis is not None else ""
        return f"{_REDUCTIONS[name]}{under} {_inside(value, _PRODUCT)}", _PRODUCT
    if name == "reshape":
        shape = r" \times ".join(_write(a)[0] for a in arguments)
        return f"{_operator('reshape')}_{{{shape}}}\\left({_write(value)[0]}\\right)", _ATOM
    if name == "astype":
        return _write(value)
    inner = ", ".join([_write(value)[0], *(_write(a)[0] for a in arguments), *_options(keywords)])
    return f"{_operator(name)}\\left({inner}\\right)", _ATOM


def _options(keywords: dict[str, ast.expr]) -> list[str]:
    hidden = ("optimize", "keepdims", "dtype", "out", "initial")
    return [f"{_upright(k)} = {_write(v)[0]}" for k, v in keywords.items() if k not in hidden]


def _operator(name: str) -> str:
    inner = name.replace("_", r"\_")
    return f"\\operatorname{{{inner}}}"


def _tuple(tree: ast.Tuple) -> tuple[str, int]:
    return f"\\left({', '.join(_write(e)[0] for e in tree.elts)}\\right)", _ATOM


_WRITERS: dict[type[ast.expr], Callable[..., tuple[str, int]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.Tuple: _tuple,
}
