"""Systems with a triangular matrix, solved by substitution.

    L = cholesky(K);  solve(L, y), solve(L.T, y)      become      _solve_lower(L, y), _solve_upper(L.T, y)

numpy has a solver for general matrices alone, which factors the triangle once more: for a vector that is
nearly all of its time. The derivative of a Cholesky factor solves two such systems with as many columns.
"""

from __future__ import annotations

from symgrad.graph import Function
from symgrad.node import OPS, Node, rebuild
from symgrad.ops.triangular import solve_triangular
from symgrad.shapes import has_batch

#: What a matrix is known to be: lower triangular, upper triangular.
Sides = tuple[bool, bool]
_NEITHER: Sides = (False, False)
_SOLVE = OPS["solve"]


def substitute_triangles(f: Function) -> Function:
    """The function with systems of triangular matrices solved as such.

    Before: `solve(cholesky(K), y)`; after: `solve_triangular(cholesky(K), y, lower=True)`.
    """
    order = f.nodes()
    if not any(node.op is _SOLVE for node in order):
        return f
    known: dict[Node, Sides] = {}
    new: dict[Node, Node] = {}
    for node in order:
        sides = _sides(node, known)
        if sides != _NEITHER:
            known[node] = sides
        args = [new[a] for a in node.args]
        sides = known.get(node.args[0], _NEITHER) if node.op is _SOLVE else _NEITHER
        plain = not any(has_batch(a.shape) for a in node.args) and all(a.rank <= 2 for a in node.args)
        if sides != _NEITHER and plain:
            new[node] = solve_triangular(*args, lower=sides[0])
        else:
            new[node] = rebuild(node, args)
    return f if all(a is b for a, b in new.items()) else f.map(new)


def _sides(node: Node, known: dict[Node, Sides]) -> Sides:
    """Where a matrix has entries that are 0 whatever the arguments are."""
    name = node.op.name
    if name == "cholesky":
        return True, False
    if name == "eye":
        return True, True
    if name == "tril" and node.offset <= 0:
        return True, known.get(node.args[0], _NEITHER)[1]
    if name == "triu" and node.offset >= 0:
        return known.get(node.args[0], _NEITHER)[0], True
    if name == "transpose" and node.rank == 2 and node.axes == (1, 0):
        lower, upper = known.get(node.args[0], _NEITHER)
        return upper, lower
    if name in ("neg", "mul", "div") and node.rank == 2:
        # Scaled by a number; a matrix of factors might have an infinity where the triangle has its zeros.
        matrices = [a for a in node.args if a.shape]
        if len(matrices) == 1 and (name != "div" or matrices[0] is node.args[0]):
            return known.get(matrices[0], _NEITHER)
    return _NEITHER
