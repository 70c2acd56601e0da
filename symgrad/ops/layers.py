"""Layers of networks that are compositions: cross-entropy, layer normalisation, attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.errors import ShapeError, TraceError
from symgrad.node import Node, lift
from symgrad.ops.gather import check_integers, index_node, take_along
from symgrad.ops.matmul import matmul
from symgrad.ops.reduce import count_of, reduced_axes, sum_over
from symgrad.ops.selection import choose
from symgrad.ops.softmax import logsumexp_, softmax_
from symgrad.ops.statistics import deviation
from symgrad.ops.structure import expand_dims, normalize_axis, permute, squeeze
from symgrad.shapes import core, shape_text
from symgrad.spelling import FUNCTIONS, public

REDUCTIONS = ("mean", "sum", "none")


def _floats(a: Any) -> Node:
    x = lift(a)
    return x if x.dtype == "float64" else x * 1.0


@public("cross_entropy")
def cross_entropy(logits: Any, labels: Any, axis: int = -1, reduction: str = "mean") -> Node:
    """-log(softmax(logits)) at integer labels, without overflow; its mean, its sum, or 'none' of both.

    `labels` has the shape of `logits` without `axis`; a label out of range raises IndexError.
    """
    x, classes = _floats(logits), index_node(labels)
    check_integers("sg.cross_entropy", classes)
    if reduction not in REDUCTIONS:
        raise TraceError("sg.cross_entropy: unknown reduction", expected=", ".join(REDUCTIONS), got=reduction)
    position = normalize_axis("sg.cross_entropy", axis, x.rank, x.shape)
    rest = tuple([size for i, size in enumerate(core(x.shape)) if i != position])
    if core(classes.shape) != rest:
        raise ShapeError(
            "sg.cross_entropy: labels do not fit the logits",
            expected=shape_text(rest),
            got=shape_text(classes.shape),
            hint="-np.sum(p * sg.log_softmax(x), axis=-1) for probabilities as labels",
        )
    picked = squeeze(take_along(x, expand_dims(classes, axes=(position,)), axis=position), axes=(position,))
    loss = logsumexp_(x, axes=(position,)) - picked
    axes = tuple(range(loss.rank))
    if reduction == "none" or not axes:
        return loss
    total = sum_over(loss, axes)
    return total / lift(count_of(loss, axes)) if reduction == "mean" else total


@public("layer_norm")
def layer_norm(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, axis: Any = -1) -> Node:
    """x less its mean over its standard deviation along an axis, times `weight`, plus `bias`."""
    node = _floats(x)
    axes = reduced_axes("sg.layer_norm", node, axis)
    centred = deviation(node, axes=axes)
    variance = sum_over(centred * centred, axes, True) / lift(count_of(node, axes))
    y: Node = centred / FUNCTIONS[np.sqrt](variance + eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


@public("attention")
def attention(q: Any, k: Any, v: Any, mask: Any = None) -> Node:
    """softmax(q kᵀ / sqrt(d)) v, over the last two axes.

    `mask` is a condition that holds where a query may attend, or numbers added to the scores. A query that
    may attend to nothing gives zeros.
    """
    queries, keys, values = _floats(q), _floats(k), _floats(v)
    for name, node in (("q", queries), ("k", keys), ("v", values)):
        if node.rank < 2:
            raise ShapeError(f"sg.attention: {name} needs rows and columns", got=shape_text(node.shape))
    width = core(queries.shape)[-1]
    order = [*range(keys.rank - 2), keys.rank - 1, keys.rank - 2]
    root = FUNCTIONS[np.sqrt](lift(width)) if not isinstance(width, int) else lift(width**0.5)
    scores = matmul(queries, permute(keys, order)) / root
    if mask is not None:
        node = lift(mask)
        scores = choose(node, scores, float("-inf")) if node.dtype == "bool" else scores + node
    return matmul(softmax_(scores, axes=(scores.rank - 1,)), values)
