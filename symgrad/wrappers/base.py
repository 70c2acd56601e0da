"""What every wrapper is: a suffix of the file's name, and a text made from the module it goes beside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from symgrad.graph import Function


class Beside(Protocol):
    """What a wrapper may know of the module it goes beside."""

    name: str
    spec: str
    functions: dict[str, Function]


class Wrapper(Protocol):
    """One file beside a generated module."""

    @property
    def suffix(self) -> str:
        """The file of module `m` is called `m_<suffix>.py`."""

    def variables(self, module: Beside) -> Mapping[str, Any]:
        """What the template is filled in with.

        Raises SpecError where nothing in the module can be wrapped.
        """

    @property
    def template(self) -> str:
        """Name of the template."""


def render(wrapper: Wrapper, module: Beside, version: str, digest: str) -> str:
    """The text of a wrapper's file."""
    from symgrad.emit import environment

    text: str = (
        environment()
        .get_template(wrapper.template)
        .render(
            module=module.name, spec=module.spec, version=version, digest=digest, **wrapper.variables(module)
        )
    )
    return (
        re.sub(r"\n{4,}", "\n\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip("\n") + "\n"
    )
