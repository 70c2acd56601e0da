"""Ways in besides tracing: formula text and sympy expressions."""
