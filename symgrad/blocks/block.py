"""A block: a product of arrays over labels, the places of a seed and the places along an array's axes.

A derivative is a sum of blocks. An identity is the block without factors whose seed and axes have the same
labels; multiplying it by a diagonal, slicing it or taking rows of it changes factors and places only. What
is not there, the zeros, is never computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symgrad.blocks.contraction import Factor, contracted, multiplied, times, untransposed
from symgrad.blocks.picking import pick
from symgrad.blocks.places import Label, Labels, Picked, Place, aligned, at, fresh, labels_of, numbered, plus
from symgrad.node import Node, lift
from symgrad.shapes import Shape, core


@dataclass(frozen=True, eq=False)
class Block:
    """`entry[labels] = product of factors`, found at `seed` and `axes`; zero elsewhere.

    `seed_first` says which of the two is in front in the derivative that this is going to be.
    """

    factors: tuple[Factor, ...]
    seed: tuple[Place, ...]
    axes: tuple[Place, ...]
    seed_first: bool = False

    @property
    def places(self) -> tuple[Place, ...]:
        """Places along all axes of the derivative."""
        return (*self.seed, *self.axes) if self.seed_first else (*self.axes, *self.seed)

    @property
    def labels(self) -> list[Label]:
        """The labels of the places, in order."""
        return labels_of(self.places)

    def times(self, node: Node, labels: Labels = ()) -> Block:
        """The block with a further factor; factors of the same labels become one."""
        node, labels = untransposed(node, labels)
        factors = list(self.factors)
        for i, (other, own) in enumerate(factors):
            if set(own) == set(labels):
                factors[i] = (times(other, aligned(node, labels, own)), own)
                return replace(self, factors=tuple(factors))
        return replace(self, factors=(*factors, (node, labels)))

    def with_axes(self, axes: Sequence[Place]) -> Block:
        """The block with other places along the axes; labels that are gone are summed over."""
        return settled(replace(self, axes=tuple(axes)))

    def coefficient(self, order: Sequence[Label]) -> Node:
        """The product of the factors, an axis a label, to be broadcast to the sizes of those."""
        return multiplied(self.factors, order) if self.factors else lift(1.0)

    def substituted(self, label: Label, place: Place) -> Block:
        """The block with a place in the place of a label."""
        factors: list[Factor] = []
        for node, labels in self.factors:
            if label in labels:
                node, labels = pick(node, [place if x is label else at(x) for x in labels])
            factors.append((node, labels))
        new = replace(
            self,
            factors=(),
            seed=tuple([_substitute(p, label, place) for p in self.seed]),
            axes=tuple([_substitute(p, label, place) for p in self.axes]),
        )
        for node, labels in factors:
            new = new.times(node, labels)
        return new


def _substitute(place: Place, label: Label, value: Place) -> Place:
    result = Place(place.offset)
    for atom, stride in place.parts:
        if atom is label:
            result = plus(result, value.moved(0, stride))
        elif isinstance(atom, Picked) and label in atom.labels:
            node, labels = pick(atom.node, [value if x is label else at(x) for x in atom.labels])
            result = plus(result, Place(0, ((Picked(node, labels), stride),)))
        else:
            result = plus(result, Place(0, ((atom, stride),)))
    return result


def identity(shape: Shape, seed_first: bool) -> Block:
    """The derivative of an array of that shape by itself."""
    places = tuple([fresh(size) for size in core(shape)])
    return Block((), places, places, seed_first)


def settled(block: Block) -> Block:
    """The block summed over labels that have no place any more; factors that share one are contracted."""
    alive = labels_of(block.places)
    groups: list[list[Factor]] = []
    for factor in block.factors:
        dead = {x for x in factor[1] if x not in alive}
        joined = [g for g in groups if any(x in dead for _, labels in g for x in labels)]
        groups = [g for g in groups if g not in joined]
        groups.append([f for g in joined for f in g] + [factor])
    result = replace(block, factors=())
    for group in groups:
        if all(x in alive for _, labels in group for x in labels):
            for factor in group:
                result = result.times(*factor)
        else:
            result = result.times(*contracted(group, alive))
    return result


def merged(blocks: Sequence[Block]) -> list[Block]:
    """Blocks of the same places added up, each kind once."""
    found: dict[object, Block] = {}
    for block in blocks:
        numbers = {label: i for i, label in enumerate(block.labels)}
        sizes = tuple([label.size for label in numbers])
        key = (sizes, numbered(block.places, numbers))
        found[key] = _added(found[key], block) if key in found else block
    return list(found.values())


def _added(one: Block, other: Block) -> Block:
    names = dict(zip(other.labels, one.labels))
    factors = [(node, tuple([names[x] for x in labels])) for node, labels in other.factors]
    own = {frozenset(labels): (node, labels) for node, labels in one.factors}
    theirs = {frozenset(labels): (node, labels) for node, labels in factors}
    differing = [
        key
        for key in {**own, **theirs}
        if key not in own or key not in theirs or own[key][0] is not aligned(*theirs[key], own[key][1])
    ]
    if not differing:
        return one.times(lift(2.0))
    if len(differing) == 1:
        (key,) = differing
        order = [x for x in one.labels if x in key]
        sides = [[side[key]] if key in side else [] for side in (own, theirs)]
        common = [factor for k, factor in own.items() if k != key]
    else:
        order = [x for x in one.labels if any(x in labels for _, labels in (*one.factors, *factors))]
        sides, common = [list(one.factors), factors], []
    first, second = (multiplied(side, order) if side else lift(1.0) for side in sides)
    return replace(one, factors=tuple(common)).times(first + second, tuple(order))
