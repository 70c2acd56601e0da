"""A finished module as text: what the templates lay out and nothing they would have to compute."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Statement:
    """One statement of a body; `comment` trails its last line."""

    lines: tuple[str, ...]
    comment: str = ""


@dataclass(frozen=True)
class Section:
    """A run of statements under one heading, such as `Forward`."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class RecordType:
    """A NamedTuple that results are returned in: fields with hints and descriptions."""

    name: str
    doc: str
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Checks:
    """The function that checks and converts arguments, shared by functions of one signature."""

    name: str
    parameters: tuple[str, ...]
    lines: tuple[str, ...]
    returns: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A private function that computes a part of a function of the module."""

    signature: str
    doc: str
    sections: tuple[Section, ...]
    result: str


@dataclass(frozen=True)
class Routine:
    """One function of the module, and the private ones that it consists of."""

    name: str
    signature: str
    docstring: tuple[str, ...]
    shortcut: tuple[str, ...]
    unpack: str
    sections: tuple[Section, ...]
    result: str
    blocks: tuple[Block, ...] = ()
    #: A sentence on what it takes in memory, for the notes of the docstring.
    memory: str = ""
    #: Names of values and lines of the user's source, where the spec asked for them.
    origins: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Program:
    """A whole module."""

    name: str
    docstring: tuple[str, ...]
    exports: tuple[str, ...]
    version: str
    digest: str
    records: tuple[RecordType, ...]
    routines: tuple[Routine, ...]
    checks: tuple[Checks, ...]
    helpers: tuple[str, ...]
    constants: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    #: Signatures of functions that set how the others run, for the stub.
    settings: tuple[str, ...] = ()
    #: Import statements of packages beside numpy.
    packages: tuple[str, ...] = ()
