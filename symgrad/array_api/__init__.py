"""Modules in the array API standard: the same functions on arrays of torch, jax, cupy and other libraries.

A function is lowered to numpy text as always; that text is then translated, statement by statement, to the
functions of the standard (https://data-apis.org/array-api, version 2024.12), and the helpers that it calls
are replaced by ones written in the standard. What neither has is refused, with the name of the operation.
"""
