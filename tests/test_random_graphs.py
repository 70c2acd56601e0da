"""Property tests over random graphs of at least 40 operations; see `random_graphs` for what is checked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import random_graphs
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from random_graphs import OPERATIONS, Program


@st.composite
def programs(drawn: Callable[..., int], elementwise: bool = False) -> Program:
    return random_graphs.draw(lambda bound: drawn(st.integers(0, bound - 1)), elementwise)


def repeated(count: int) -> settings:
    """The same examples on every run. A failure prints the whole program; the command line shortens it."""
    return settings(
        derandomize=True, database=None, deadline=None, max_examples=count, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@pytest.mark.parametrize("check", random_graphs.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("elementwise", [False, True], ids=["arrays", "elementwise"])
def test_random_graphs(check: Callable[[Program], None], elementwise: bool) -> None:
    # A Jacobian of so many arguments is long: the command line has time for more of them.
    few = check is random_graphs.has_jacobians_of_products

    @repeated(4 if few else 12 if elementwise else 30)
    @given(program=programs(elementwise=elementwise))
    def run(program: Program) -> None:
        note(program.source())
        check(program)

    run()


@repeated(12)
@given(program=programs(), other=programs())
def test_same_bytes_whatever_was_generated_before(program: Program, other: Program) -> None:
    random_graphs.has_one_text(program, other)


def test_programs_are_large_and_use_every_form() -> None:
    import random

    texts = []
    for seed in range(40):
        program = random_graphs.draw(random.Random(seed).randrange, elementwise=False)
        assert sum(program.trace().ops().values()) >= OPERATIONS
        texts += program.lines
    text = "\n".join(texts)
    for word in ("@", "einsum", "softmax", "logsumexp", "concatenate", "where", "maximum", "take", "::-2"):
        assert word in text
