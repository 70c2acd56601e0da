"""Random loops in loops, choices and checkpoints in them: as loops, checkpointed, and unrolled by Python.

python -m tests.random_loops 200 [FIRST]    so many more of them than the tests look at
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import symgrad as sg

SHAPES = {"x": "n 2", "h": "2", "w": "2", "A": "2 2"}


def leaves(tree: Any) -> list[Any]:
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, tuple) else [tree]


def unrolled(f: Any, init: Any, xs: Any, reverse: bool = False, **options: Any) -> Any:
    """`sg.scan` as the Python loop that it stands for."""
    carry, count = init, leaves(xs)[0].shape[0]
    rows: list[Any] = [None] * count
    for t in reversed(range(count)) if reverse else range(count):
        carry, rows[t] = f(carry, xs[t])
    if rows[0] is None:
        return carry, None
    if isinstance(rows[0], tuple):
        return carry, tuple(np.stack(list(row)) for row in zip(*rows))
    return carry, np.stack(rows)


def operation(r: random.Random, x: Any, y: Any) -> Any:
    forms: list[Callable[[], Any]] = [
        lambda: np.sin(x) * y,
        lambda: x + 0.5 * y,
        lambda: np.tanh(x * y),
        lambda: x - y,
        lambda: np.exp(-x * x) * y,
        lambda: np.where(x > y, x, 0.3 * y),
        lambda: x * x * 0.3 + y,
        lambda: sg.cond(np.sum(x) > 0, lambda: np.cos(x) * y, lambda: x * 0.5 - y),
        lambda: sg.checkpoint(lambda a, b: np.sin(a * b) + a)(x, y),
    ]
    return r.choice(forms)()


def model(seed: int, scan: Callable[..., Any]) -> Callable[..., Any]:
    """A function of x, h, w and A with two loops, of which the second goes over what the first stacked."""

    def loop(r: random.Random, x: Any, h: Any, w: Any, A: Any, nested: bool) -> tuple[Any, Any]:
        carries, stacks = r.randrange(1, 4), r.randrange(0, 3)
        reverse, inner = r.random() < 0.4, r.random()

        def step(c: Any, row: Any) -> tuple[Any, Any]:
            q = random.Random(inner)
            pool = [*c, row, w, h]
            if q.random() < 0.5:
                pool.append(A @ q.choice(list(c)))
            for _ in range(q.randrange(2, 6)):
                pool.append(operation(q, q.choice(pool), q.choice(pool)))
            if nested and q.random() < 0.5:
                last = pool[-1]

                def inside(d: Any, e: Any) -> tuple[Any, Any]:
                    return operation(random.Random(inner + 1), d * e, last), d

                d, ds = scan(inside, q.choice(pool), np.stack([pool[0], last]))
                pool += [d, np.sum(ds, axis=0)]
            new = tuple(q.choice([*pool[-4:], *c]) for _ in range(carries))
            rows = tuple(q.choice(pool) for _ in range(stacks))
            return new, rows or None

        starts = [h, w, h * w, np.zeros(2), np.ones(2) * 0.3]
        return scan(step, tuple(r.choice(starts) for _ in range(carries)), x, reverse=reverse)

    def run(x: Any, h: Any, w: Any, A: Any) -> Any:
        r = random.Random(seed)
        c, ys = loop(r, x, h, w, A, nested=True)
        total = sum(np.sum(np.sin(v)) for v in c)
        if ys is not None:
            c, zs = loop(r, ys[0], h, w, A, nested=False)
            total = total + sum(np.sum(v * 0.7) for v in c) + sum(np.sum(y**2) for y in ys)
            total = total + sum(np.sum(np.cos(z)) for z in zs or ())
        return total

    return run


def checkpointed(*args: Any, **options: Any) -> Any:
    return sg.scan(*args, **options, checkpoint=True)


def arrays(result: Any) -> list[Any]:
    return [a for part in result for a in arrays(part)] if isinstance(result, tuple) else [np.asarray(result)]


def differences(seed: int, transforms: tuple[str, ...] = ("value_and_grad", "jvp", "hvp")) -> list[str]:
    """What of the three forms' values and derivatives differs."""
    n = random.Random(seed).choice([1, 2, 3, 5])
    rng = np.random.default_rng(seed)
    at = [rng.uniform(-0.8, 0.8, s) for s in ((n, 2), (2,), (2,), (2, 2))]
    along = [rng.normal(size=a.shape) for a in at]
    forms = {"loop": sg.trace(model(seed, sg.scan), **SHAPES)}
    forms["checkpointed"] = sg.trace(model(seed, checkpointed), **SHAPES)
    python = sg.trace(model(seed, unrolled), **{**SHAPES, "x": f"{n} 2"})
    found = []
    for name in transforms:
        transform, more = getattr(sg, name), [] if name == "value_and_grad" else along
        wanted = arrays(sg.compile(transform(python))(*at, *more))
        if not all(np.isfinite(a).all() and np.abs(a).max() < 1e5 for a in wanted):
            continue
        for form, f in forms.items():
            got = arrays(sg.compile(transform(f))(*at, *more))
            if not all(np.allclose(a, b, rtol=1e-9, atol=1e-10) for a, b in zip(got, wanted, strict=True)):
                found.append(f"{name} of the {form} of model {seed}")
    return found


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for number in range(first, first + int(sys.argv[1])):
        for difference in differences(number):
            print(difference)
