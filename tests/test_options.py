"""How functions are emitted: options that are checked, change the digest and nothing of the meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symgrad as sg


def square() -> sg.Function:
    return sg.trace(lambda x: np.sum(x * x), name="square", x="n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"typical": {"n": -1}}, "the size of 'n' is -1"),
        ({"typical": {"n": True}}, "the size of 'n' is True"),
        ({"tiles": -3}, "tiles is -3"),
        ({"tiles": "all"}, "tiles is 'all'"),
        ({"threads": 4}, "threads is 4"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(sg.SpecError, match=message):
        sg.Module("m", {"square": square()}, **options)


def test_options_are_part_of_the_spec() -> None:
    f = square()
    texts = [
        sg.Module("m", {"square": f}, **options).source()
        for options in ({}, {"typical": {"n": 5}}, {"tiles": False}, {"tiles": 1}, {"threads": True})
    ]
    digests = [text.partition('"spec": "')[2][:71] for text in texts]
    assert len(set(digests)) == len(digests)
    assert sg.Module("m", {"square": f}, tiles=True, threads=False).source() == texts[0]


def test_typical_sizes_are_read_in_any_order() -> None:
    f = sg.trace(lambda A: np.sum(A), name="f", A="n d")
    one, other = ({"n": 1, "d": 2}, {"d": 2, "n": 1})
    assert sg.Module("m", {"f": f}, typical=one).source() == sg.Module("m", {"f": f}, typical=other).source()


def test_compiled_functions_are_kept_by_their_options() -> None:
    f = square()
    assert sg.compile(f) is sg.compile(f, tiles=True)
    assert sg.compile(f) is not sg.compile(f, tiles=False)
