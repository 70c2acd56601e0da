"""Where entries of a block are: integers that are affine in labels, or read from arrays of integers.

A label is an index of an Einstein sum: it runs from 0 to a size. The place of an entry along an axis is
`offset + sum of stride * atom`, an atom being a label or an integer array at labels. So a slice of an
identity matrix is `label + 1` on one side, rows picked by an index are `index[label]`, a flattened matrix
is `columns * i + j`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from symgrad.node import Node, lift
from symgrad.ops.creation import arange_
from symgrad.ops.structure import expand_dims, permute
from symgrad.shapes import Size, product


class Label:
    """An index that runs from 0 to a size; each is itself alone."""

    __slots__ = ("size",)

    def __init__(self, size: Size) -> None:
        self.size = size

    def __repr__(self) -> str:
        return f"<label of size {self.size}>"


Labels = tuple[Label, ...]


@dataclass(frozen=True)
class Picked:
    """An array of integers, one axis a label, as a place."""

    node: Node
    labels: Labels


Atom = Label | Picked


@dataclass(frozen=True)
class Place:
    """`offset + sum of stride * atom`."""

    offset: Size = 0
    parts: tuple[tuple[Atom, Size], ...] = ()

    @property
    def plain(self) -> Label | None:
        """The label that this place is, where it is one and nothing else."""
        if self.offset != 0 or len(self.parts) != 1:
            return None
        ((atom, stride),) = self.parts
        return atom if stride == 1 and isinstance(atom, Label) else None

    @property
    def labels(self) -> list[Label]:
        """Labels it depends on, in order of appearance."""
        found: dict[Label, None] = {}
        for atom, _ in self.parts:
            found.update(dict.fromkeys((atom,) if isinstance(atom, Label) else atom.labels))
        return list(found)

    @property
    def affine(self) -> bool:
        """Whether no array of integers is in it."""
        return all(isinstance(atom, Label) for atom, _ in self.parts)

    def moved(self, offset: Size, stride: Size = 1) -> Place:
        """`offset + stride * self`."""
        return Place(offset + stride * self.offset, tuple([(a, stride * s) for a, s in self.parts]))

    def covers(self, size: Size) -> Label | None:
        """The label where the place runs through all of an axis of that size, each position once."""
        label = self.plain
        return label if label is not None and label.size == size else None

    def reverses(self, size: Size) -> Label | None:
        """The label where the place runs through all of an axis of that size from its end."""
        if len(self.parts) != 1 or self.offset != size - 1:
            return None
        ((atom, stride),) = self.parts
        return atom if stride == -1 and isinstance(atom, Label) and atom.size == size else None


ORIGIN = Place()


def at(label: Label) -> Place:
    """The place that a label is."""
    return Place(0, ((label, 1),))


def fresh(size: Size) -> Place:
    """The whole of an axis: a new label, or position 0 where the size is 1."""
    return ORIGIN if size == 1 else at(Label(size))


def labels_of(places: Iterable[Place]) -> list[Label]:
    """Labels of several places, in order of first appearance."""
    found: dict[Label, None] = {}
    for place in places:
        found.update(dict.fromkeys(place.labels))
    return list(found)


def plus(one: Place, other: Place) -> Place:
    """The sum of two places, parts of one atom together."""
    strides: dict[Atom, Size] = {}
    for atom, stride in (*one.parts, *other.parts):
        strides[atom] = strides[atom] + stride if atom in strides else stride
    return Place(one.offset + other.offset, tuple([(a, s) for a, s in strides.items() if s != 0]))


def merged_place(places: Sequence[Place], sizes: Sequence[Size]) -> Place:
    """The place along the one axis that axes of these sizes become, row by row."""
    total = ORIGIN
    for i, place in enumerate(places):
        total = plus(total, place.moved(0, product(sizes[i + 1 :])))
    return total


def radix(place: Place, size: Size) -> list[Label] | None:
    """Labels whose mixed-radix number the place is, through all of an axis of that size; else None."""
    if place.offset != 0 or not place.parts:
        return None
    found: list[Label] = []
    for position, (atom, stride) in enumerate(place.parts):
        if not isinstance(atom, Label) or atom in found:
            return None
        rest = [part.size for part, _ in place.parts[position + 1 :] if isinstance(part, Label)]
        if stride != product(rest):
            return None
        found.append(atom)
    return found if product([label.size for label in found]) == size else None


def aligned(x: Node, labels: Sequence[Label], order: Sequence[Label]) -> Node:
    """`x` with axes in that order, of size 1 for labels that it lacks, none in front."""
    if not labels:
        return x
    x = permute(x, [labels.index(label) for label in order if label in labels])
    first = min(i for i, label in enumerate(order) if label in labels)
    missing = [i - first for i, label in enumerate(order) if label not in labels and i > first]
    return expand_dims(x, axes=tuple(missing)) if missing else x


def integers(place: Place, order: Sequence[Label]) -> Node:
    """The place as an integer array that broadcasts to the sizes of the labels, in that order."""
    total = lift(place.offset) if place.offset != 0 or not place.parts else None
    for atom, stride in place.parts:
        if isinstance(atom, Label):
            part = aligned(arange_(size=atom.size), (atom,), order)
        else:
            part = aligned(atom.node, atom.labels, order)
        part = part if stride == 1 else part * lift(stride)
        total = part if total is None else total + part
    assert total is not None
    return total


def numbered(places: Iterable[Place], numbers: Mapping[Label, int]) -> tuple[object, ...]:
    """The places with numbers in the place of labels: equal for places that differ in labels alone."""
    return tuple(
        [
            (
                place.offset,
                tuple(
                    [
                        (numbers[atom], stride)
                        if isinstance(atom, Label)
                        else (atom.node, tuple([numbers[label] for label in atom.labels]), stride)
                        for atom, stride in place.parts
                    ]
                ),
            )
            for place in places
        ]
    )
