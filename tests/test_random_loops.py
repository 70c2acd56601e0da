"""A few random models of loops; `python -m tests.random_loops 200` looks at more."""

from __future__ import annotations

import pytest
from random_loops import differences


# The last ones: two carries of one next value, a carry that another one takes over, names of loops in loops.
@pytest.mark.parametrize("seed", [0, 1, 2, 1002, 1014, 39])
def test_loops_checkpointed_loops_and_python_loops_agree(seed):
    assert not differences(seed, ("value_and_grad", "hvp"))
