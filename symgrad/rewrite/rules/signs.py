"""Signs move outward, where a sum or a literal takes them up."""

from __future__ import annotations

from symgrad.node import Node
from symgrad.rewrite.literals import is_negative
from symgrad.rewrite.table import rule


def _negative(k: Node) -> bool:
    return is_negative(k.params[0])


rule("neg_neg", "--x -> x")
rule("add_neg", "a + -b -> a - b")
rule("sub_neg", "a - -b -> a + b")
rule("neg_sub", "-(a - b) -> b - a", once=True)
rule("neg_minus", "-a - b -> -(a + b)", once=True)
rule("add_negative_literal", "a + k -> a - (-k)", where=_negative)
rule("sub_negative_literal", "a - k -> a + (-k)", where=_negative)
rule("add_negative_multiple", "a + k * b -> a - (-k) * b", where=_negative, once=True)
rule("sub_negative_multiple", "a - k * b -> a + (-k) * b", where=_negative, once=True)
rule("add_negative_quotient", "a + k / b -> a - (-k) / b", where=_negative, once=True)
rule("sub_negative_quotient", "a - k / b -> a + (-k) / b", where=_negative, once=True)

rule("mul_neg", "(-a) * b -> -(a * b)", once=True, absorbed=True)
rule("mul_both_neg", "(-a) * (-b) -> a * b")
rule("div_neg_above", "(-a) / b -> -(a / b)", once=True, absorbed=True)
rule("div_neg_below", "a / (-b) -> -(a / b)", once=True, absorbed=True)
rule("div_both_neg", "(-a) / (-b) -> a / b")
rule("neg_multiple", "-(k * a) -> (-k) * a", once=True)
rule("neg_quotient", "-(k / a) -> (-k) / a", once=True)
rule("literal_times_neg", "k * (-a) -> (-k) * a")
rule("literal_over_neg", "k / (-a) -> (-k) / a")
rule("neg_over_literal", "(-a) / k -> a / (-k)", where=_negative)

rule("square_neg", "square(-x) -> square(x)")
rule("square_abs", "square(abs(x)) -> square(x)")
rule("abs_neg", "abs(-x) -> abs(x)")
rule("abs_abs", "abs(abs(x)) -> abs(x)")
rule("abs_square", "abs(square(x)) -> square(x)")
