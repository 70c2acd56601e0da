"""Rewriting: `simplify` and `stabilize`, and the tables of named rules they work by."""

import symgrad.ops
import symgrad.rewrite.rules  # noqa: F401
from symgrad.rewrite.passes import simplify
from symgrad.rewrite.stable import STABLE, stabilize
from symgrad.rewrite.table import RULES, Context, Rule, rule, rule_function

__all__ = [
    "RULES",
    "STABLE",
    "Context",
    "Rule",
    "rule",
    "rule_function",
    "simplify",
    "stabilize",
]
