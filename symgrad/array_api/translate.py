"""From text that calls numpy to text in the array API standard, one statement at a time."""

from __future__ import annotations

import ast
import re
from collections.abc import Container

_NAMES = """
exp log log1p expm1 log2 log10 sin cos tan sinh cosh tanh sqrt abs sign floor ceil trunc square maximum
minimum hypot logaddexp isfinite isnan isinf where copysign add subtract multiply divide negative
logical_and logical_or logical_not logical_xor expand_dims squeeze broadcast_to stack roll flip tile repeat
moveaxis matmul tensordot argsort sort argmax argmin searchsorted take take_along_axis triu tril sum prod
max min mean any all std var diff reciprocal round clip equal not_equal less greater less_equal
greater_equal floor_divide remainder signbit
"""
#: The same name in numpy and in the standard.
_SAME = frozenset(_NAMES.split())
_RENAMED = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "arctan2": "atan2", "power": "pow", "concatenate": "concat", "rint": "round",
    "cumsum": "cumulative_sum", "cumprod": "cumulative_prod", "transpose": "permute_dims",
    "invert": "bitwise_invert", "absolute": "abs", "fabs": "abs",
}  # fmt: skip
_LINALG = (
    "cholesky",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "solve",
    "slogdet",
    "svd",
    "qr",
    "pinv",
    "matrix_power",
)
_CREATE = {"zeros": 1, "empty": 1, "ones": 1, "eye": 2, "arange": 3, "linspace": 3}
_CONSTANTS = ("pi", "inf", "nan", "e")
_DTYPES = {"float64": "float64", "float32": "float32", "int64": "int64", "bool_": "bool"}
_METHODS = (
    "sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin", "cumsum", "cumprod", "std", "var",
)  # fmt: skip


class Untranslatable(Exception):
    """What the standard has no word for; its text is the numpy name."""


class _Translator(ast.NodeTransformer):
    def __init__(self, kernels: Container[str], xp: str, device: str, arrays: bool) -> None:
        self.arrays = arrays
        self.kernels = kernels
        self.xp = xp
        self.device = device
        #: Helpers that the translation calls beside those of the text.
        self.helpers: dict[str, None] = {}

    # --- what is built ---

    def _name(self, text: str) -> ast.expr:
        return ast.parse(text, mode="eval").body

    def _call(self, function: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
        named = [ast.keyword(key, value) for key, value in keywords.items()]
        return ast.Call(self._name(function), list(arguments), named)

    def _helper(self, name: str, *arguments: ast.expr) -> ast.Call:
        self.helpers[name] = None
        return self._call(name, *arguments)

    def _with_place(self, name: str, *arguments: ast.expr) -> ast.Call:
        return self._helper(name, *arguments, self._name(self.xp), self._name(self.device))

    # --- what is met ---

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == "np":
            if node.attr in _CONSTANTS:
                return self._name(f"{self.xp}.{node.attr}")
            if node.attr in _DTYPES:
                return self._name(f"{self.xp}.{_DTYPES[node.attr]}")
            raise Untranslatable(f"np.{node.attr}")
        self.generic_visit(node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if _is_numpy(node.value, "s_"):
            self.helpers["_at"] = None
            return _to_the_end(ast.Subscript(self._name("_at"), self.visit(node.slice), node.ctx))
        if isinstance(node.slice, ast.Tuple) and not node.slice.elts:
            value: ast.expr = self.visit(node.value)
            return value  # [()] makes numpy's scalars, and nothing here
        whole = self._is_array(node.value)
        if whole and any(isinstance(entry, ast.Name) for entry in _entries(node)):
            return self._gathered(node)
        self.generic_visit(node)
        return self._flipped(_to_the_end(node) if whole else node)

    def _gathered(self, node: ast.Subscript) -> ast.expr:
        """An array of indices along one axis by `take`, whole axes beside it."""
        entries = [ast.unparse(entry) for entry in _entries(node)]
        (*before, index), after = [*entries], []
        while index in (":", "..."):
            *before, index = before
            after.append(":")
        if any(entry not in (":", "...") for entry in before) or not index.isidentifier():
            raise Untranslatable("several arrays of indices at once")
        axis = -len(after) - 1 if "..." in before else len(before)
        return self._helper("_gather", self.visit(node.value), self._name(index), self._name(str(axis)))

    def _is_array(self, tree: ast.expr) -> bool:
        """Whether what is indexed is an array, and not a shape, a structure or a factorisation."""
        if isinstance(tree, ast.Attribute):
            return tree.attr != "shape"
        several = isinstance(tree, ast.Call) and ast.unparse(tree.func).startswith("np.linalg.")
        return self.arrays and not several

    def _flipped(self, node: ast.Subscript) -> ast.expr:
        """Reversed axes by `flip`: not every library has slices with negative steps."""
        entries = _entries(node)
        axes: list[int] = []
        kept: list[ast.expr] = []
        axis, dots = 0, False
        for entry in entries:
            dots = dots or ast.unparse(entry) == "..."
            if isinstance(entry, ast.Slice) and entry.step is not None and _negative(entry.step):
                if entry.lower is not None or entry.upper is not None or ast.unparse(entry.step) != "-1":
                    raise Untranslatable("slices with a negative step")
                if dots:
                    raise Untranslatable("slices with a negative step after ...")
                axes.append(axis)
                entry = ast.Slice()
            kept.append(entry)
            axis += isinstance(entry, ast.Slice) or (isinstance(entry, ast.Constant) and entry.value is None)
        if not axes:
            return node
        trivial = all(ast.unparse(k) in (":", "...") for k in kept)
        whole = node.value if trivial else ast.Subscript(node.value, _key(kept), ast.Load())
        over = repr(axes[0] if len(axes) == 1 else tuple(axes))
        return self._call(f"{self.xp}.flip", whole, axis=self._name(over))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function = node.func
        if isinstance(function, ast.Name):
            return self._plain(node, function.id)
        if isinstance(function, ast.Attribute):
            path = ast.unparse(function)
            if re.fullmatch(r"np\.(linalg\.)?\w+", path):
                return self._numpy(node, path.removeprefix("np."))
            if path.startswith("math."):
                self.generic_visit(node)
                return node
            return self._method(node, function)
        raise Untranslatable(ast.unparse(function))

    def _plain(self, node: ast.Call, name: str) -> ast.expr:
        if name == "float" and len(node.args) == 1:
            return self._call("float", _MATH.visit(node.args[0]))  # a number, made of sizes alone
        if name == "dtype" and len(node.args) == 1:
            return self._with_place("_array", self.visit(node.args[0]), self._name("dtype"))
        self.generic_visit(node)
        if name.startswith("_") and name not in self.kernels and not name.endswith("_arguments"):
            raise Untranslatable(name)
        return node

    def _numpy(self, node: ast.Call, name: str) -> ast.expr:
        arguments = [self.visit(argument) for argument in node.args]
        keywords = {k.arg: self.visit(k.value) for k in node.keywords if k.arg is not None}
        dtype = keywords.pop("dtype", None)
        if name in _DTYPES:
            return self._with_place("_array", arguments[0], self._name(f"{self.xp}.{_DTYPES[name]}"))
        if name == "linalg.norm" and len(arguments) == 1 and set(keywords) <= {"axis", "keepdims"}:
            return self._call(f"{self.xp}.linalg.vector_norm", *arguments, **keywords)
        if name == "empty":
            name = "zeros"  # nothing here writes to an array, so it is copied once more anyway
        if name in _CREATE:
            if len(arguments) > _CREATE[name]:
                dtype = arguments.pop()
            extra = {} if dtype is None else {"dtype": dtype}
            return self._call(
                f"{self.xp}.{name}", *arguments, **keywords, **extra, device=self._name(self.device)
            )
        if name == "full":
            return self._with_place("_filled", arguments[1], arguments[0], dtype or arguments[2])
        if name in ("array", "asarray"):
            dtype = dtype or (arguments[1] if len(arguments) > 1 else self._name("dtype"))
            values = arguments[0]
            if isinstance(values, (ast.List, ast.Tuple)) and not _numbers_only(values):
                return self._with_place("_stacked", values, dtype)
            return self._with_place("_array", values, dtype)
        if name == "divide" and dtype is not None:
            first = self._with_place("_array", arguments[0], dtype)
            return ast.BinOp(first, ast.Div(), arguments[1])
        if name == "einsum":
            pattern = ast.literal_eval(arguments[0])
            if (
                len(arguments) != 3
                or "." in pattern
                or any(len(set(p)) < len(p) for p in re.split(",|->", pattern))
            ):
                raise Untranslatable(f"np.einsum({pattern!r})")
            return self._helper("_einsum", *arguments)
        if name == "pad" and set(keywords) <= {"constant_values"} and len(arguments) == 2:
            return self._helper("_pad_core", *arguments, *keywords.values())
        if name in ("maximum", "minimum", "where") and all(_numbers_only(a) for a in arguments[-2:]):
            arguments[-1] = self._with_place("_array", arguments[-1], self._name("dtype"))
        if name == "linalg.norm" and len(arguments) == 1 and set(keywords) <= {"axis", "keepdims"}:
            return self._call(f"{self.xp}.linalg.vector_norm", *arguments, **keywords)
        if name.startswith("linalg.") and name.removeprefix("linalg.") in _LINALG:
            return self._call(f"{self.xp}.{name}", *arguments, **keywords)
        if name in ("take", "take_along_axis") and len(arguments) == 3:
            keywords["axis"] = arguments.pop()
        if name == "transpose" and len(arguments) == 1:
            return ast.Attribute(arguments[0], "T", ast.Load())
        standard = name if name in _SAME else _RENAMED.get(name)
        if standard is None:
            raise Untranslatable(f"np.{name}")
        keywords.pop("initial", None)
        return self._call(f"{self.xp}.{standard}", *arguments, **keywords)

    def _method(self, node: ast.Call, function: ast.Attribute) -> ast.expr:
        value = self.visit(function.value)
        arguments = [self.visit(argument) for argument in node.args]
        keywords = {k.arg: self.visit(k.value) for k in node.keywords if k.arg is not None}
        name = function.attr
        if name in _METHODS:
            if arguments:
                keywords["axis"] = arguments[0]
            if name == "max" and "initial" in keywords and "axis" in keywords:
                axis = keywords["axis"]
                axes = axis if isinstance(axis, ast.Tuple) else ast.Tuple([axis], ast.Load())
                top = self._helper("_top", value, axes)
                return top if "keepdims" in keywords else self._call(f"{self.xp}.squeeze", top, axis=axes)
            keywords.pop("initial", None)
            return self._call(f"{self.xp}.{_RENAMED.get(name, name)}", value, **keywords)
        if name == "reshape":
            shape = arguments[0]
            if len(arguments) > 1 or not _is_shape(shape):
                shape = ast.Tuple(arguments, ast.Load())
            return self._call(f"{self.xp}.reshape", value, shape)
        if name == "take":
            return self._helper("_gather", value, arguments[0], keywords["axis"])
        if name == "ravel":
            return self._call(f"{self.xp}.reshape", value, self._name("(-1,)"))
        if name == "transpose":
            return self._call(f"{self.xp}.permute_dims", value, ast.Tuple(arguments, ast.Load()))
        if name == "swapaxes" and [ast.unparse(a) for a in arguments] == ["-1", "-2"]:
            return ast.Attribute(value, "mT", ast.Load())
        if name == "astype":
            return self._call(f"{self.xp}.astype", value, arguments[0])
        if name == "squeeze":
            return self._call(
                f"{self.xp}.squeeze", value, axis=arguments[0] if arguments else keywords["axis"]
            )
        if name == "take" and len(arguments) == 1 and set(keywords) == {"axis"}:
            return self._helper("_gather", value, arguments[0], keywords["axis"])
        if name == "copy":
            return self._call(f"{self.xp}.asarray", value, copy=self._name("True"))
        raise Untranslatable(f"ndarray.{name}")

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        (target,) = node.targets
        node.value = self.visit(node.value)
        if isinstance(target, ast.Subscript):
            return self._update("_set_at", target, node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        value = self.visit(node.value)
        if isinstance(node.target, ast.Subscript):
            if isinstance(node.op, ast.Sub):
                value = ast.UnaryOp(ast.USub(), value)
            elif not isinstance(node.op, ast.Add):
                raise Untranslatable("an update in place")
            return self._update("_add_at", node.target, value)
        assert isinstance(node.target, ast.Name)
        old = ast.Name(node.target.id, ast.Load())
        return ast.Assign([node.target], ast.BinOp(old, node.op, value))

    def _update(self, helper: str, target: ast.Subscript, value: ast.expr) -> ast.stmt:
        inner = target.value
        if isinstance(inner, ast.Call) and ast.unparse(inner).startswith("np.einsum('ii->i', "):
            # The diagonal of a part, which numpy can write to through a view.
            part = inner.args[1]
            if not isinstance(part, ast.Subscript):
                part = ast.Subscript(part, ast.Constant(...), ast.Load())
            target, helper = part, helper + "_diagonal"
        if not isinstance(target.value, ast.Name):
            raise Untranslatable("an update in place")
        self.helpers["_at"] = None
        key = _to_the_end(ast.Subscript(self._name("_at"), self.visit(target.slice), ast.Load()))
        call = self._helper(helper, ast.Name(target.value.id, ast.Load()), key, value)
        return ast.Assign([ast.Name(target.value.id, ast.Store())], call)


class _Math(ast.NodeTransformer):
    """Functions of Python numbers, from numpy to the standard library."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == "np":
            if node.attr not in (
                "sqrt",
                "exp",
                "log",
                "sin",
                "cos",
                "tan",
                "tanh",
                "log1p",
                "expm1",
                "floor",
            ):
                raise Untranslatable(f"np.{node.attr}")
            return ast.Attribute(ast.Name("math", ast.Load()), node.attr, ast.Load())
        self.generic_visit(node)
        return node


#: What both numpy and the standard library call by the same name.
_OF_NUMBERS = ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "log1p", "expm1", "floor", "hypot")
_MATH = _Math()


def translated(
    text: str, kernels: Container[str], xp: str = "xp", device: str = "device", arrays: bool = True
) -> tuple[str, dict[str, None]]:
    """Statements, or an expression, in the standard, and the further helpers that they call.

    `arrays` says that what is indexed in them are arrays. Raises Untranslatable for what the standard lacks.
    """
    translator = _Translator(kernels, xp, device, arrays)
    tree = translator.visit(ast.parse(text))
    return _spaced(ast.unparse(ast.fix_missing_locations(tree))), translator.helpers


def _spaced(text: str) -> str:
    """Powers without spaces around them, as they were written; strings in double quotes."""
    text = re.sub(r" \*\* ", "**", text)
    return re.sub(r"'([^'\"\\\n]*)'", r'"\1"', text)


def _is_numpy(tree: ast.expr, name: str) -> bool:
    return ast.unparse(tree) == f"np.{name}"


def _negative(tree: ast.expr) -> bool:
    return isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub)


def _entries(node: ast.Subscript) -> list[ast.expr]:
    """The index of each axis."""
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _to_the_end(node: ast.Subscript) -> ast.Subscript:
    """The index with `...` for the axes that it leaves out, as the standard wants it."""
    entries = _entries(node)
    if any(isinstance(entry, ast.Constant) and entry.value is Ellipsis for entry in entries):
        return node
    return ast.Subscript(node.value, ast.Tuple([*entries, ast.Constant(...)], ast.Load()), node.ctx)


def _key(entries: list[ast.expr]) -> ast.expr:
    return entries[0] if len(entries) == 1 else ast.Tuple(entries, ast.Load())


def _numbers_only(tree: ast.expr) -> bool:
    """Whether an expression is made of literals alone."""
    return not any(isinstance(node, (ast.Name, ast.Call)) for node in ast.walk(tree))


def _is_shape(tree: ast.expr) -> bool:
    """Whether the only argument of `reshape` is a shape, and not a size."""
    if isinstance(tree, ast.BinOp):
        return _is_shape(tree.left) or _is_shape(tree.right)
    return isinstance(tree, ast.Tuple) or (isinstance(tree, ast.Name) and tree.id == "batch")
