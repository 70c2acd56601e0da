"""Values of an array at places: slices where they are affine, gathers elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.blocks.places import ORIGIN, Label, Labels, Place, at, integers, labels_of, radix
from symgrad.node import Node
from symgrad.ops.gather import gather
from symgrad.ops.indexing import FULL, Entry, index, integer_entry, slice_entry
from symgrad.ops.rearrange import diagonal_, flip_
from symgrad.ops.structure import permute, reshape_to
from symgrad.shapes import Size, core


def pick(x: Node, places: Sequence[Place]) -> tuple[Node, Labels]:
    """`x` at one place an axis: an array with one axis for each label, and those labels.

    An axis of size 1 is repeated, as in broadcasting, whatever its place.
    """
    x, places = _upright(*_split(x, places))
    ways = _ways(x, places)
    entries: list[Entry] = []
    left: list[Place] = []
    for axis, (way, place, size) in enumerate(zip(ways, places, core(x.shape))):
        if way == "integer":
            entries.append(integer_entry(place.offset, size, axis, x.shape))
        else:
            entries.append(section(place, size) if way == "slice" else FULL)
            left.append(place)
    if any(entry != FULL for entry in entries):
        x = index(x, key=tuple(entries))
    ways = [way for way in ways if way != "integer"]
    if "array" in ways:
        return _gathered(x, left, ways)
    return _diagonal(x, [place.labels[0] for place in left])


def section(place: Place, size: Size) -> Entry:
    """The slice that a place of one label is along an axis of that size."""
    ((label, stride),) = place.parts
    assert isinstance(label, Label) and isinstance(stride, int)
    stop = place.offset + label.size * stride
    return slice_entry(_near_end(place.offset, size), _near_end(stop, size), stride, size)[0]


def _is_slice(place: Place, size: Size) -> bool:
    """Whether a place is one label that runs forward, over as many positions as its slice has."""
    ((atom, stride), *more) = place.parts
    if more or not isinstance(atom, Label) or not isinstance(stride, int) or stride <= 0:
        return False
    _, start, stop, step = section(place, size)
    return slice_entry(start, stop, step, size)[1] == atom.size


def _near_end(bound: Size, size: Size) -> Size | None:
    """A bound as people write it: -1 for n - 1, None for n itself."""
    if isinstance(bound, int):
        return bound
    distance = bound - size
    if isinstance(distance, int) and distance <= 0:
        return distance or None
    return bound


def _split(x: Node, places: Sequence[Place]) -> tuple[Node, list[Place]]:
    """Axes that are numbers in mixed radix taken apart, one axis a label."""
    sizes: list[Size] = []
    found: list[Place] = []
    for place, size in zip(places, core(x.shape)):
        labels = radix(place, size) if len(place.parts) > 1 else None
        if labels is None:
            sizes.append(size)
            found.append(ORIGIN if size == 1 else place)
        else:
            sizes += [label.size for label in labels]
            found += map(at, labels)
    return reshape_to(x, sizes), found


def _upright(x: Node, places: list[Place]) -> tuple[Node, list[Place]]:
    """Axes that are run through from their end turned round."""
    labels = [place.reverses(size) for place, size in zip(places, core(x.shape))]
    axes = tuple([i for i, label in enumerate(labels) if label is not None])
    if not axes:
        return x, places
    return flip_(x, axes=axes), [at(label) if label else p for label, p in zip(labels, places)]


def _ways(x: Node, places: Sequence[Place]) -> list[str]:
    """How each axis is picked: by an integer, a slice or an integer array."""
    ways = []
    for place, size in zip(places, core(x.shape)):
        if not place.parts:
            ways.append("integer")
        else:
            ways.append("slice" if _is_slice(place, size) else "array")
    slices = [place.labels[0] for place, way in zip(places, ways) if way == "slice"]
    if "array" not in ways and all(slices.count(label) <= 2 for label in slices):
        return ways  # a label that is on two axes is a diagonal
    while True:
        used = labels_of([place for place, way in zip(places, ways) if way == "array"])
        used += [label for label in slices if slices.count(label) > 1]
        shared = [i for i, way in enumerate(ways) if way == "slice" and places[i].labels[0] in used]
        if not shared:
            return ways
        for i in shared:
            ways[i] = "array"


def _diagonal(x: Node, labels: list[Label]) -> tuple[Node, Labels]:
    for label in list(dict.fromkeys(labels)):
        if labels.count(label) == 2:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            others = [k for k in range(x.rank) if k not in (i, j)]
            x = diagonal_(permute(x, [*others, i, j]), offset=0)
            labels = [labels[k] for k in others] + [label]
    return x, tuple(labels)


def _gathered(x: Node, places: list[Place], ways: list[str]) -> tuple[Node, Labels]:
    axes = [i for i, way in enumerate(ways) if way == "array"]
    others = [i for i in range(x.rank) if i not in axes]
    first = axes[0]
    if axes != list(range(first, first + len(axes))):
        x, first = permute(x, [*axes, *others]), 0
    order = labels_of([places[i] for i in axes])
    rows = [integers(places[i], order) for i in axes]
    before = [places[i].labels[0] for i in others if i < first]
    after = [places[i].labels[0] for i in others if i >= first]
    if first == 0:
        before, after = [], [places[i].labels[0] for i in others]
    return gather(x, *rows, axis=first), (*before, *order, *after)
