"""`SPEC[:MODULE[:FUNCTION]]`: the functions that such an argument means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.commands.options import close_name
from symgrad.errors import SpecError

if TYPE_CHECKING:
    from symgrad.graph import Function
    from symgrad.module import Module

#: A colon of a drive is a part of the path: modules and functions are identifiers after it.
_TARGET = re.compile(r"(?P<spec>.+?)(?::(?P<module>\w+)(?::(?P<function>\w+))?)?$", re.S)


@dataclass(frozen=True)
class Target:
    """One function of one module of a spec, under the name that it has there."""

    module: Module
    title: str
    function: Function


def targets(text: str) -> list[Target]:
    """The functions that are meant, in order of definition.

    Raises
    ------
    SpecError
        For a spec that cannot be loaded, or a name that is not in it.
    """
    from symgrad.building.plan import plan
    from symgrad.building.specs import load

    match = _TARGET.match(text)
    spec, module_name, function_name = match.groups() if match else (text, None, None)
    modules = load(plan([spec]).specs[0])
    if module_name:
        _known("module", module_name, [module.name for module in modules])
    chosen = [module for module in modules if module_name in (None, module.name)]
    if function_name:
        _known("function", function_name, [title for module in chosen for title in module.functions])
    return [
        Target(module, title, function)
        for module in chosen
        for title, function in module.functions.items()
        if function_name in (None, title)
    ]


def _known(what: str, name: str, known: Iterable[str]) -> None:
    known = list(known)
    if name not in known:
        raise SpecError(f"no {what} is called {name!r}{close_name(name, known)}")
