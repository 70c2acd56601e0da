"""How users spell operations: numpy callables and array methods, each to a builder on nodes.

A builder takes nodes (and Python numbers) and returns a node; the tracer unwraps and wraps. One entry
per spelling, written beside the operation it builds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Builder = TypeVar("Builder", bound=Callable[..., Any])

#: numpy function or ufunc -> builder
FUNCTIONS: dict[Any, Callable[..., Any]] = {}
#: method name of an array -> builder, with the array as first argument
METHODS: dict[str, Callable[..., Any]] = {}


def spell(builder: Callable[..., Any], *functions: Any, method: str | None = None) -> None:
    """Let numpy's `functions`, and the array method, build with `builder`."""
    for function in functions:
        if function in FUNCTIONS:
            raise TypeError(f"{function} is spelled twice")
        FUNCTIONS[function] = builder
    if method is not None:
        if method in METHODS:
            raise TypeError(f"method {method} is spelled twice")
        METHODS[method] = builder


def spelled(*functions: Any, method: str | None = None) -> Callable[[Builder], Builder]:
    """Decorator form of `spell`."""

    def decorate(builder: Builder) -> Builder:
        spell(builder, *functions, method=method)
        return builder

    return decorate


#: name under `sg` -> builder, for what numpy lacks
NAMES: dict[str, Callable[..., Any]] = {}


def public(name: str) -> Callable[[Builder], Builder]:
    """Offer a builder as `sg.<name>`."""

    def decorate(builder: Builder) -> Builder:
        if name in NAMES:
            raise TypeError(f"sg.{name} is declared twice")
        NAMES[name] = builder
        return builder

    return decorate
