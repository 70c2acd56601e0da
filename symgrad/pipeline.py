"""The stages from a Function as written to one that is ready for emission.

trace        Python function      -> Function            (symgrad.trace)
stabilize    Function             -> stable forms        (symgrad.rewrite), in trace and before simplify
keep         Function             -> stacks for loops    (symgrad.rewrite.residuals), before simplify
split        Function             -> smaller loops       (symgrad.rewrite.fission), before simplify
transforms   Function             -> Function            (symgrad.transforms)
guard        branches not taken   -> harmless ones       (symgrad.guard), at the end of trace
simplify     Function             -> smaller Function    (symgrad.rewrite)
join         Function             -> fewer selections    (symgrad.rewrite.choices), in derivatives
unmask       Function             -> fewer selections    (symgrad.guard)
substitute   Function             -> triangular systems  (symgrad.rewrite.triangles)
gather       Function             -> sums of outer products (symgrad.rewrite.outer)
scale        Function             -> scales of rows      (symgrad.rewrite.small_scales)
associate    Function             -> products in order   (symgrad.rewrite.association)
share        Function             -> fewer exponentials  (symgrad.rewrite.exponentials)
sign         Function             -> signs of the small  (symgrad.rewrite.small_signs)
turn         Function             -> columns of rows     (symgrad.rewrite.columns)
spell        Function             -> faster spellings    (symgrad.rewrite.fast_sums)
order        Function             -> factors in order    (symgrad.rewrite.short_products)
tell apart   Function             -> rows of pairs named (symgrad.schedule.pairs), where tiles of those pay
plan         Function             -> stages, tiles       (symgrad.schedule), where rows are apart and it pays
lower        Function             -> Routine: text       (symgrad.lower)
emit         Routines             -> module.py, .pyi     (symgrad.emit, templates/)
"""

from __future__ import annotations

from symgrad.collection import uncollected
from symgrad.graph import Function
from symgrad.guard import unmask
from symgrad.options import DEFAULT, Options
from symgrad.rewrite import simplify, stabilize
from symgrad.rewrite.association import associate
from symgrad.rewrite.choices import join_choices
from symgrad.rewrite.closures import prune
from symgrad.rewrite.columns import turn_short_rows
from symgrad.rewrite.exponentials import share_exponentials
from symgrad.rewrite.fast_sums import spell_sums
from symgrad.rewrite.fission import split_loops
from symgrad.rewrite.outer import gather_outer_products
from symgrad.rewrite.residuals import keep_residuals
from symgrad.rewrite.short_products import copy_short_factors
from symgrad.rewrite.small_scales import scale_small_factors
from symgrad.rewrite.small_signs import sign_small_factors
from symgrad.rewrite.triangles import substitute_triangles


@uncollected
def prepare(function: Function, options: Options = DEFAULT) -> Function:
    """The function in the form that is emitted: simplified, with subterms shared."""
    simple = simplify(split_loops(prune(keep_residuals(prune(stabilize(function))))))
    unmasked = unmask(simple if "choices" in options.without else join_choices(simple))
    if unmasked is not simple:
        simple = simplify(unmasked)
    if "triangles" not in options.without:
        simple = substitute_triangles(simple)
    if "outer_products" not in options.without:
        simple = gather_outer_products(simple)
    if "small_scales" not in options.without:
        simple = scale_small_factors(simple)
    if "association" not in options.without:
        simple = associate(simple, options.typical)
    if "shared_exponentials" not in options.without:
        simple = share_exponentials(simple)
    if "small_signs" not in options.without:
        simple = sign_small_factors(simple)
    if "columns" not in options.without:
        simple = turn_short_rows(simple, options.typical)
    if "fast_sums" not in options.without:
        simple = spell_sums(simple, options.typical)
    if "short_products" not in options.without:
        simple = copy_short_factors(simple, options.typical)
    return simple
