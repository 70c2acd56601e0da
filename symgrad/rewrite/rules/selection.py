"""Choices that do not depend on what they choose by."""

from __future__ import annotations

from symgrad.rewrite.table import rule

rule("where_same", "where(b, x, x) -> x")
rule("where_not", "where(logical_not(b), x, y) -> where(b, y, x)")
rule("where_same_condition_left", "where(b, where(b, x, y), z) -> where(b, x, z)")
rule("where_same_condition_right", "where(b, x, where(b, y, z)) -> where(b, x, z)")
rule("not_not", "logical_not(logical_not(b)) -> b", where=lambda b: b.dtype == "bool")
rule("maximum_same", "maximum(x, x) -> x")
rule("minimum_same", "minimum(x, x) -> x")
rule("maximum_neg", "maximum(-x, -y) -> -minimum(x, y)", once=True)
rule("minimum_neg", "minimum(-x, -y) -> -maximum(x, y)", once=True)
