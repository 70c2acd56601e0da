"""What the verification of one function found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symgrad.errors import VerificationError


@dataclass
class Report:
    """What verification of one function found."""

    function: str
    wrt: tuple[str, ...] = ()
    #: Labels of the points that were compared.
    points: list[str] = field(default_factory=list)
    #: Elements that were compared, and those whose true value does not exist or is not finite.
    compared: int = 0
    skipped: int = 0
    #: The largest |got - expected| / max(|expected|, bound) in float64, the same in units of 2**-52.
    max_error: float = 0.0
    max_ulp: float = 0.0
    #: The same in float32, relative.
    max_error32: float = 0.0
    #: The worst element: point, output and index; its expected value and the one got.
    worst: str = ""
    #: The same in parts: the output's path in the result, and what each argument was there.
    output: tuple[Any, ...] = ()
    arguments: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    expected: str = ""
    got: str = ""
    #: Anything a reader should know, such as that not every direction was tried at every point.
    note: str = ""
    #: Why it failed; None where it did not.
    failure: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the function agrees with the oracle."""
        return self.failure is None

    def error(self) -> VerificationError | None:
        """The failure as an error to raise or show."""
        if self.failure is None:
            return None
        wrt = f" (wrt {', '.join(self.wrt)})" if self.wrt else ""
        return VerificationError(
            f"{self.function}{wrt}: {self.failure}",
            where=self.worst or None,
            expected=self.expected or None,
            got=self.got or None,
        )

    def raise_for_failure(self) -> Report:
        """The report itself; raises VerificationError where the check failed."""
        error = self.error()
        if error is not None:
            raise error
        return self
