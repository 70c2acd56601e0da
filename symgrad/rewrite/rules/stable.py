"""Exponentials, logarithms and differences in the forms that neither overflow nor cancel."""

from __future__ import annotations

from symgrad.node import OPS, Node, lift
from symgrad.ops.exponential import exp, expm1, log, log1p, logaddexp, sigmoid
from symgrad.ops.leaves import input_node
from symgrad.ops.norm import norm
from symgrad.ops.quotients import expm1_quotient, sine_quotient, squares_difference, versine
from symgrad.ops.reduce import sum_
from symgrad.ops.softmax import logsumexp_, softmax_
from symgrad.ops.structure import transpose
from symgrad.ops.trigonometric import cosh, hypot, sinh, tanh
from symgrad.rewrite.forms import (
    exponent,
    half,
    is_plain,
    negative,
    opposite,
    reduced,
    same_entries,
    signed_sum,
    signed_terms,
    squared,
    stands_over,
    terms,
)
from symgrad.rewrite.literals import number
from symgrad.rewrite.stable import stable

_x, _y = input_node("x", ()), input_node("y", ())
_v, _m = input_node("v", (4,)), input_node("m", (3, 4))
_sqrt, _max = OPS["sqrt"], OPS["max"]
#: What forms of exponentials are written with: rules make one of these from another, and from nothing else.
_EXPONENTIALS = tuple(v.name for v in (exp, expm1, sinh, cosh, sigmoid, softmax_, logsumexp_))


# --- logarithms of sums of exponentials -----------------------------------------------------------------


@stable("log_exp", "log", "log(exp(x)) -> x", lambda: log(exp(_x)))
def _log_exp(node: Node) -> Node | None:
    return exponent(node.args[0])


@stable("softplus", "log", "log(1 + exp(x)) -> logaddexp(0, x)", lambda: log(1 + exp(_x)))
def _softplus(node: Node) -> Node | None:
    parts = terms(node.args[0])
    if len(parts) != 2 or not any(part.is_constant(1) for part in parts):
        return None
    other = parts[1] if parts[0].is_constant(1) else parts[0]
    a = exponent(other)
    return None if a is None else logaddexp(0, a)


@stable("softplus", "log1p", "log1p(exp(x)) -> logaddexp(0, x)", lambda: log1p(exp(_x)))
def _softplus_log1p(node: Node) -> Node | None:
    a = exponent(node.args[0])
    return None if a is None else logaddexp(0, a)


@stable("logaddexp", "log", "log(exp(a) + exp(b)) -> logaddexp(a, b)", lambda: log(exp(_x) + exp(_y)))
def _logaddexp(node: Node) -> Node | None:
    total: Node | None = None
    parts = terms(node.args[0])
    for part in parts:
        a = lift(0) if part.is_constant(1) else exponent(part)
        if a is None:
            return None
        total = a if total is None else logaddexp(total, a)
    return total if len(parts) > 1 else None


@stable("logsumexp", "log", "log(sum(exp(x), axis)) -> logsumexp(x, axis)", lambda: log(_sum_of_exp()))
def _logsumexp(node: Node) -> Node | None:
    return _log_of_sum(node.args[0])


@stable("logmeanexp", "log", "log(sum(exp(x)) / n) -> logsumexp(x) - log(n)", lambda: log(_sum_of_exp() / 4))
def _logmeanexp(node: Node) -> Node | None:
    (mean,) = node.args
    if mean.op.name == "div" and is_plain(mean.args[1]):
        found = _log_of_sum(mean.args[0])
        return None if found is None else found - log(mean.args[1])
    if mean.op.name == "mul":
        for factor, total in (mean.args, mean.args[::-1]):
            value = number(factor)
            found = _log_of_sum(total) if value is not None and value > 0 else None
            if found is not None:
                return found + log(factor)
    return None


def _sum_of_exp() -> Node:
    return sum_(exp(_m), axes=(1,), keepdims=False)


def _log_of_sum(node: Node) -> Node | None:
    if node.op is not sum_ or not node.axes:
        return None
    a = exponent(node.args[0])
    return None if a is None else logsumexp_(a, axes=node.axes, keepdims=node.keepdims)


def _logsumexp_shift(node: Node) -> Node | None:
    parts = signed_terms(node)
    for j, (rest, sign) in enumerate(parts):
        if rest.op is not logsumexp_ or rest.args[0].op.name != "sub":
            continue
        x, shift = rest.args[0].args
        if x.shape != rest.args[0].shape:
            continue
        c = same_entries(shift)
        for i, (top, other) in enumerate(parts):
            if other != sign or same_entries(top) is not c:
                continue
            if not c.shape or (top.shape == rest.shape and stands_over(shift, x, rest.axes)):
                whole = logsumexp_(x, axes=rest.axes, keepdims=rest.keepdims)
                kept = [(whole, sign) if k == j else part for k, part in enumerate(parts) if k != i]
                return signed_sum(kept)
    return None


for _name in ("add", "sub"):
    stable(
        "logsumexp_shift", _name,
        "c + logsumexp(x - c) -> logsumexp(x), where c is the same along the axes",
        lambda: _max(_v, axes=(0,), keepdims=False)
        + logsumexp_(_v - _max(_v, axes=(0,), keepdims=True), axes=(0,), keepdims=False),
        _EXPONENTIALS,
    )(_logsumexp_shift)  # fmt: skip


def _shifted_by_max(node: Node, axes: tuple[int, ...]) -> Node | None:
    """x where the node is x - max(x), the maximum taken over these axes."""
    if node.op.name != "sub":
        return None
    x, shift = node.args
    top = reduced(shift, "max")
    if top is None or top.args[0] is not x or not set(axes) <= set(top.axes) or top.initial is not None:
        return None
    return x if stands_over(shift, x, top.axes) or not shift.shape else None


@stable("log_expm1", "log", "log(expm1(x)) -> x + log(-expm1(-x))", lambda: log(expm1(OPS["abs"](_x) + 1)))
def _log_expm1(node: Node) -> Node | None:
    (inner,) = node.args
    if inner.op is not expm1:
        return None
    (x,) = inner.args
    return x + log(-expm1(negative(x)))


# --- logistic functions and soft maxima -------------------------------------------------------------------


@stable(
    "tanh", "div", "(exp(x) - exp(-x)) / (exp(x) + exp(-x)) -> tanh(x)",
    lambda: (2 * sinh(_x)) / (exp(_x) + exp(-_x)), _EXPONENTIALS,
)  # fmt: skip
def _tanh(node: Node) -> Node | None:
    above, below = node.args
    a = _doubled(above, sinh)
    if a is None:
        return None
    found = _exponents_of_cosh(below) or _doubled(below, cosh)
    if found is a:
        return tanh(a)
    return None if found is None or not opposite(a, found) else tanh(a)


@stable(
    "tanh",
    "div",
    "(exp(2x) - 1) / (exp(2x) + 1) -> tanh(x)",
    lambda: expm1(2 * _x) / (exp(2 * _x) + 1),
    _EXPONENTIALS,
)
def _tanh_of_double(node: Node) -> Node | None:
    above, below = node.args
    sign = above.op.name == "neg"
    above = above.args[0] if sign else above
    if above.op is not expm1:
        return None
    a = _exponent_beside_one(below)
    if a is None or a is not above.args[0]:
        return None
    # (1 - exp(-2x)) / (1 + exp(-2x)) is tanh(x) too.
    return tanh(half(negative(a))) if sign else tanh(half(a))


@stable("tanh", "div", "sinh(x) / cosh(x) -> tanh(x)", lambda: sinh(_x) / cosh(_x), _EXPONENTIALS)
def _tanh_of_quotient(node: Node) -> Node | None:
    above, below = node.args
    same = above.op is sinh and below.op is cosh and above.args[0] is below.args[0]
    return tanh(above.args[0]) if same else None


@stable("sinh", "sub", "exp(x) - exp(-x) -> 2 * sinh(x)", lambda: exp(_x) - exp(-_x), _EXPONENTIALS)
def _sinh(node: Node) -> Node | None:
    a, b = map(exponent, node.args)
    return 2 * sinh(a) if a is not None and b is not None and opposite(a, b) else None


@stable("sinh", "div", "2 * sinh(x) / 2 -> sinh(x)", lambda: (2 * sinh(_x)) / 2, _EXPONENTIALS)
def _half_of_sinh(node: Node) -> Node | None:
    a = _doubled(node.args[0], sinh) if node.args[1].is_constant(2) else None
    return None if a is None else sinh(a)


@stable("sinh", "mul", "0.5 * (2 * sinh(x)) -> sinh(x)", lambda: 0.5 * (2 * sinh(_x)), _EXPONENTIALS)
def _sinh_by_half(node: Node) -> Node | None:
    doubled = _other_than_half(node)
    a = None if doubled is None else _doubled(doubled, sinh)
    return None if a is None else sinh(a)


@stable("cosh", "div", "(exp(x) + exp(-x)) / 2 -> cosh(x)", lambda: (exp(_x) + exp(-_x)) / 2, _EXPONENTIALS)
def _cosh(node: Node) -> Node | None:
    a = _exponents_of_cosh(node.args[0]) if node.args[1].is_constant(2) else None
    return None if a is None else cosh(a)


@stable(
    "cosh", "mul", "0.5 * (exp(x) + exp(-x)) -> cosh(x)", lambda: 0.5 * (exp(_x) + exp(-_x)), _EXPONENTIALS
)
def _cosh_by_half(node: Node) -> Node | None:
    doubled = _other_than_half(node)
    a = None if doubled is None else _exponents_of_cosh(doubled)
    return None if a is None else cosh(a)


def _other_than_half(node: Node) -> Node | None:
    """The other factor of a product with 0.5."""
    for factor, other in (node.args, node.args[::-1]):
        if number(factor) == 0.5:
            return other
    return None


def _doubled(node: Node, operation: object) -> Node | None:
    """x where the node is 2 * operation(x)."""
    if node.op.name != "mul" or not node.args[0].is_constant(2) or node.args[1].op is not operation:
        return None
    return node.args[1].args[0]


def _exponents_of_cosh(node: Node) -> Node | None:
    """a where the node is exp(a) + exp(-a)."""
    if node.op.name != "add":
        return None
    a, b = map(exponent, node.args)
    return a if a is not None and b is not None and opposite(a, b) else None


def _exponent_beside_one(node: Node) -> Node | None:
    """a where the node is 1 + exp(a)."""
    if node.op.name != "add":
        return None
    for one, other in (node.args, node.args[::-1]):
        if one.is_constant(1):
            return exponent(other)
    return None


@stable(
    "sigmoid", "div", "exp(x) / (1 + exp(x)) -> sigmoid(x)", lambda: exp(_x) / (1 + exp(_x)), _EXPONENTIALS
)
def _sigmoid(node: Node) -> Node | None:
    above, below = node.args
    a = _exponent_beside_one(below)
    return sigmoid(a) if a is not None and exponent(above) is a else None


@stable("sigmoid", "div", "c / (1 + exp(-x)) -> c * sigmoid(x)", lambda: 1 / (1 + exp(-_x)), _EXPONENTIALS)
def _logistic(node: Node) -> Node | None:
    above, below = node.args
    a = _exponent_beside_one(below)
    if a is None:
        return None
    value = sigmoid(negative(a))
    return value if above.is_constant(1) else above * value


@stable("sigmoid_complement", "sub", "1 - sigmoid(x) -> sigmoid(-x)", lambda: 1 - sigmoid(_x), _EXPONENTIALS)
def _sigmoid_complement(node: Node) -> Node | None:
    a, b = node.args
    if a.is_constant(1) and b.op is sigmoid:
        return sigmoid(negative(b.args[0]))
    return -sigmoid(negative(a.args[0])) if b.is_constant(1) and a.op is sigmoid else None


@stable(
    "softmax", "div", "exp(x) / sum(exp(x)) -> softmax(x)",
    lambda: exp(_m) / sum_(exp(_m), axes=(1,), keepdims=True), _EXPONENTIALS,
)  # fmt: skip
def _softmax(node: Node) -> Node | None:
    above, below = node.args
    e = above.args[0] if above.op is transpose else above
    a, total = exponent(e), reduced(below, "sum")
    if a is None or total is None or not total.axes or total.args[0] is not e:
        return None
    axes = total.axes
    if above is not e:
        # e.T / e.sum(axis=1) is the transpose of a softmax.
        a = transpose(a, axes=above.axes)
        axes = tuple(i for i, axis in enumerate(above.axes) if axis in axes)
    scalar = not below.shape and len(axes) == above.rank
    return softmax_(a, axes=axes) if scalar or stands_over(below, above, axes) else None


@stable(
    "softmax_shift", "softmax", "softmax(x - max(x)) -> softmax(x)",
    lambda: softmax_(_m - _max(_m, axes=(1,), keepdims=True), axes=(1,)),
)  # fmt: skip
def _softmax_shift(node: Node) -> Node | None:
    x = _shifted_by_max(node.args[0], node.axes)
    return None if x is None else softmax_(x, axes=node.axes)


@stable("log_softmax", "log", "log(softmax(x)) -> x - logsumexp(x)", lambda: log(softmax_(_m, axes=(1,))))
def _log_softmax(node: Node) -> Node | None:
    (inner,) = node.args
    if inner.op is not softmax_:
        return None
    (x,) = inner.args
    return x - logsumexp_(x, axes=inner.axes, keepdims=True)


@stable("log_sigmoid", "log", "log(sigmoid(x)) -> -logaddexp(0, -x)", lambda: log(sigmoid(_x)))
def _log_sigmoid(node: Node) -> Node | None:
    (inner,) = node.args
    return -logaddexp(0, negative(inner.args[0])) if inner.op is sigmoid else None


@stable("log_sigmoid", "log1p", "log1p(-sigmoid(x)) -> -logaddexp(0, x)", lambda: log1p(-sigmoid(_x)))
def _log_one_minus_sigmoid(node: Node) -> Node | None:
    (inner,) = node.args
    if inner.op.name != "neg" or inner.args[0].op is not sigmoid:
        return None
    return -logaddexp(0, inner.args[0].args[0])


# --- differences that cancel ------------------------------------------------------------------------------


@stable("expm1", "sub", "exp(x) - 1 -> expm1(x)", lambda: exp(_x) - 1, _EXPONENTIALS)
def _expm1(node: Node) -> Node | None:
    a, b = node.args
    if b.is_constant(1):
        x = exponent(a)
        return None if x is None else expm1(x)
    x = exponent(b) if a.is_constant(1) else None
    return None if x is None else -expm1(x)


@stable("expm1", "add", "-1 + exp(x) -> expm1(x)", lambda: -1 + exp(_x), _EXPONENTIALS)
def _expm1_of_sum(node: Node) -> Node | None:
    for a, b in (node.args, node.args[::-1]):
        x = exponent(b) if a.is_constant(-1) else None
        if x is not None:
            return expm1(x)
    return None


@stable("log1p", "log", "log(1 + x) -> log1p(x)", lambda: log(1 + _x * _x))
def _log1p(node: Node) -> Node | None:
    (inner,) = node.args
    if inner.op.name == "add":
        for one, x in (inner.args, inner.args[::-1]):
            if one.is_constant(1) and not is_plain(x):
                return log1p(x)
    if inner.op.name == "sub":
        one, x = inner.args
        if one.is_constant(1) and not is_plain(x):
            return log1p(negative(x))
    return None


@stable("versine", "sub", "1 - cos(x) -> 2 * sin(x / 2)**2", lambda: 1 - OPS["cos"](_x), ("cos",))
def _versine(node: Node) -> Node | None:
    a, b = node.args
    if a.is_constant(1) and b.op.name == "cos":
        return versine(b.args[0])
    return -versine(a.args[0]) if b.is_constant(1) and a.op.name == "cos" else None


@stable("sine_quotient", "div", "sin(x) / x -> sine_quotient(x)", lambda: OPS["sin"](_x) / _x, ("sin",))
def _sine_quotient(node: Node) -> Node | None:
    above, x = node.args
    return sine_quotient(x) if above.op.name == "sin" and above.args[0] is x and not is_plain(x) else None


@stable(
    "sine_quotient",
    "mul",
    "sin(x) * (1 / x) -> sine_quotient(x)",
    lambda: OPS["sin"](_x) * (1 / _x),
    ("sin",),
)
def _sine_times_reciprocal(node: Node) -> Node | None:
    for above, one in (node.args, node.args[::-1]):
        if above.op.name != "sin" or one.op.name != "div" or not one.args[0].is_constant(1):
            continue
        x = one.args[1]
        if above.args[0] is x and not is_plain(x):
            return sine_quotient(x)
    return None


@stable("expm1_quotient", "div", "expm1(x) / x -> expm1_quotient(x)", lambda: expm1(_x) / _x, _EXPONENTIALS)
def _expm1_quotient(node: Node) -> Node | None:
    above, x = node.args
    if is_plain(x):
        return None
    if above.op is expm1 and above.args[0] is x:
        return expm1_quotient(x)
    if above.op.name != "neg" or above.args[0].op is not expm1:
        return None
    a = above.args[0].args[0]
    return expm1_quotient(a) if opposite(a, x) else None


@stable(
    "squares_difference", "sub", "a**2 - b**2 -> (a - b) * (a + b), for arguments of one shape",
    lambda: OPS["square"](_x) - _y * _y,
)  # fmt: skip
def _squares_difference(node: Node) -> Node | None:
    a, b = map(squared, node.args)
    if a is None or b is None or a is b or a.op.name != "input" or b.op.name != "input":
        return None
    return squares_difference(a, b) if a.shape == b.shape and node.dtype == "float64" else None


# --- lengths ------------------------------------------------------------------------------------------------


@stable("abs", "sqrt", "sqrt(x * x) -> abs(x)", lambda: _sqrt(_x * _x))
def _abs(node: Node) -> Node | None:
    x = squared(node.args[0])
    return None if x is None else OPS["abs"](x)


@stable("abs_square", "abs", "abs(-x**2) -> x**2", lambda: OPS["abs"](-_x * _x))
def _abs_square(node: Node) -> Node | None:
    """Twice differentiable at 0 as well, where the sign of x**2 is 0."""
    inner = node.args[0]
    if inner.op.name == "neg":
        inner = inner.args[0]
    elif inner.op.name == "mul":
        a, b = (v.args[0] if v.op.name == "neg" else v for v in inner.args)
        inner = OPS["square"](a) if a is b else inner
    x = squared(inner)
    return None if x is None else OPS["square"](x)


@stable("hypot", "sqrt", "sqrt(a**2 + b**2) -> hypot(a, b)", lambda: _sqrt(_x * _x + OPS["square"](_y)))
def _hypot(node: Node) -> Node | None:
    parts = [squared(part) for part in terms(node.args[0])]
    total: Node | None = None
    for a in parts:
        if a is None:
            return None
        total = a if total is None else hypot(total, a)
    return total if 2 <= len(parts) <= 3 else None


@stable("norm", "sqrt", "sqrt(sum(x**2)) -> norm(x)", lambda: _sqrt(sum_(_v * _v, axes=(0,), keepdims=False)))
def _norm(node: Node) -> Node | None:
    (total,) = node.args
    if total.op is sum_ and total.axes:
        x = squared(total.args[0])
        if x is not None and x.shape == total.args[0].shape and x.dtype == "float64":
            return norm(x, axes=total.axes, keepdims=total.keepdims)
    if total.op.name == "dot" and total.args[0] is total.args[1] and total.args[0].dtype == "float64":
        return norm(total.args[0], axes=(0,), keepdims=False)
    return None


@stable(
    "norm_squared", "square", "norm(x)**2 -> sum(x**2)",
    lambda: OPS["square"](norm(_v, axes=(0,), keepdims=False)),
)  # fmt: skip
def _norm_squared(node: Node) -> Node | None:
    return _squares_of(node.args[0])


@stable(
    "norm_squared", "mul", "norm(x) * norm(x) -> sum(x**2)",
    lambda: norm(_v, axes=(0,), keepdims=False) * norm(_v, axes=(0,), keepdims=False), ("norm", "sqrt"),
)  # fmt: skip
def _norm_by_norm(node: Node) -> Node | None:
    return _squares_of(node.args[0]) if node.args[0] is node.args[1] else None


def _squares_of(node: Node) -> Node | None:
    if node.op is not norm:
        return None
    return sum_(OPS["square"](node.args[0]), axes=node.axes, keepdims=node.keepdims)
