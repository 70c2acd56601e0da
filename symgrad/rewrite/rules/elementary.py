"""Elementary functions: odd and even ones let signs through, inverses cancel where domains agree.

exp(log(x)) stays, which is nan where x is negative, and so does sqrt(x)**2.
"""

from __future__ import annotations

from symgrad.rewrite.table import rule

for _name in ("sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "cbrt"):
    rule(f"{_name}_odd", f"{_name}(-x) -> -{_name}(x)", once=True)
for _name in ("cos", "cosh", "sinc"):
    rule(f"{_name}_even", f"{_name}(-x) -> {_name}(x)")

rule("log_exp", "log(exp(x)) -> x")
rule("log2_exp2", "log2(exp2(x)) -> x")
rule("log1p_expm1", "log1p(expm1(x)) -> x")
rule("reciprocal_of_exp", "1 / exp(x) -> exp(-x)", once=True)
rule("sqrt_square", "sqrt(square(x)) -> abs(x)")

rule("exp_zero", "exp(0) -> 1")
rule("log_one", "log(1) -> 0")
rule("cos_zero", "cos(0) -> 1")
rule("sin_zero", "sin(0) -> 0")
rule("power_one", "x ** 1 -> x")
rule("power_two", "x ** 2 -> square(x)")
# numpy's power takes several times as long as two products, and is no closer.
rule("power_three", "x ** 3 -> x * square(x)", where=lambda x: x.dtype == "float64")
rule("power_four", "x ** 4 -> square(square(x))", where=lambda x: x.dtype == "float64")
rule("power_five", "x ** 5 -> x * square(square(x))", where=lambda x: x.dtype == "float64")
rule("power_six", "x ** 6 -> square(x * square(x))", where=lambda x: x.dtype == "float64")
rule("power_seven", "x ** 7 -> x * square(x * square(x))", where=lambda x: x.dtype == "float64")
rule("power_eight", "x ** 8 -> square(square(square(x)))", where=lambda x: x.dtype == "float64")
rule("power_minus_one", "x ** -1 -> 1 / x")
