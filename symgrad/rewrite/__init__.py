"""Rewriting: `simplify`, and the table of named rules it works by."""

import symgrad.ops
import symgrad.rewrite.rules  # noqa: F401
from symgrad.rewrite.engine import simplify
from symgrad.rewrite.table import RULES, Context, Rule, rule, rule_function

__all__ = ["RULES", "Context", "Rule", "rule", "rule_function", "simplify"]
