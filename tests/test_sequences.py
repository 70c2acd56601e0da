"""The gallery's models of sequences: loops against the same unrolled, and against what is known of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from realdata.generated import load

import symgrad as sg
from symgrad.gallery import crf, kalman, lstm, populations
from symgrad.shapes import evaluate, parse_dim


def unrolled_scan(f, init, xs=None, length=None, reverse=False, checkpoint=False):
    """`sg.scan` as the Python loop that it stands for, over as many steps as the shapes say."""
    count = length if xs is None else xs.shape[0]
    carry, rows = init, []
    for t in range(count):
        carry, row = f(carry, None if xs is None else xs[t])
        rows.append(row)
    if rows[0] is None:
        return carry, None
    if isinstance(rows[0], tuple):
        return carry, tuple(np.stack(list(row)) for row in zip(*rows))
    return carry, np.stack(rows)


SIZES = {"n": 4, "m": 2, "k": 3, "d": 2, "p": 1}

MODELS = {
    "lstm": (lstm.loss, lstm.f, ("W", "U", "b", "v"), {"y": "n m", "v": "d", **lstm.SHAPES}),
    "kalman": (kalman.log_likelihood, kalman.f, ("A", "Q", "H", "R"), kalman.SHAPES),
    "populations": (populations.misfit, populations.f, ("start", "rates"), populations.SHAPES),
    "crf": (crf.log_partition, crf.partition, ("scores", "moves"), crf.SHAPES),
}


def fixed(shape):
    """The shape with numbers in the place of names."""
    return tuple(evaluate(parse_dim(size), SIZES) for size in shape.split())


def arguments(shapes, names):
    rng = np.random.default_rng(3)
    found = {name: rng.uniform(0.2, 0.9, fixed(shapes[name])) for name in names}
    for name in ("P0", "Q", "R"):
        if name in found:
            found[name] = found[name] @ found[name].T + np.eye(len(found[name]))
    return list(found.values())


@pytest.mark.parametrize("name", MODELS)
def test_the_loop_and_the_unrolled_form_give_the_same_numbers(name, monkeypatch):
    fn, looped, wrt, shapes = MODELS[name]
    names = [p.name for p in looped.parameters]
    monkeypatch.setattr(sg, "scan", unrolled_scan)
    unrolled = sg.trace(fn, **{n: " ".join(map(str, fixed(shapes[n]))) for n in names})
    assert "scan" in looped.ops() and "scan" not in unrolled.ops()
    at = arguments(shapes, names)
    along = [np.cos(np.arange(a.size)).reshape(a.shape) for a in at]
    some = [a for a, name in zip(along, names) if name in wrt]
    for transform, more in ((sg.value_and_grad, ()), (sg.hvp, some)):
        got, wanted = (flat(sg.compile(transform(f, wrt))(*at, *more)) for f in (looped, unrolled))
        assert len(got) == len(wanted)
        for a, b in zip(got, wanted):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * np.abs(b).max())


def flat(result):
    return [a for part in result for a in flat(part)] if isinstance(result, tuple) else [np.asarray(result)]


def test_marginals_of_all_sequences_of_labels():
    rng = np.random.default_rng(0)
    scores, moves = rng.normal(size=(4, 3)), rng.normal(size=(3, 3))
    everything = list(itertools.product(range(3), repeat=4))
    total = np.array([
        sum(scores[t, s[t]] for t in range(4)) + sum(moves[a, b] for a, b in itertools.pairwise(s))
        for s in everything
    ])  # fmt: skip
    weights = np.exp(total - np.logaddexp.reduce(total))
    module = load("crf")
    assert module.log_partition(scores, moves) == pytest.approx(np.logaddexp.reduce(total), rel=1e-14)
    marginals = module.marginals(scores, moves)
    expected = np.zeros((4, 3))
    pairs = np.zeros((3, 3))
    for weight, s in zip(weights, everything):
        expected[np.arange(4), s] += weight
        for a, b in itertools.pairwise(s):
            pairs[a, b] += weight
    np.testing.assert_allclose(marginals.scores, expected, rtol=1e-12)
    np.testing.assert_allclose(marginals.moves, pairs, rtol=1e-12)
    best = everything[int(np.argmax(total))]
    assert module.loss(scores, moves, best) == pytest.approx(-np.log(weights.max()), rel=1e-12)


def test_the_filter_is_the_density_of_all_observations_together():
    rng = np.random.default_rng(1)
    n, d, p = 5, 2, 1
    A, H = rng.normal(size=(d, d)) / 2, rng.normal(size=(p, d))
    Q, R, P0 = np.eye(d) * 0.3, np.eye(p) * 0.2, np.eye(d)
    m0, y = rng.normal(size=d), rng.normal(size=(n, p))
    # The observations are jointly normal: their mean and covariance from the states'.
    means, covariance = [], np.zeros((n, d, n, d))
    m, P = m0, P0
    for t in range(n):
        m, P = A @ m, A @ P @ A.T + Q
        means.append(H @ m)
        cross = P
        for s in range(t, n):
            covariance[s, :, t, :], covariance[t, :, s, :] = cross, cross.T
            cross = A @ cross
    joint = np.einsum("pi,sitj,qj->sptq", H, covariance, H).reshape(n * p, n * p) + np.kron(np.eye(n), R)
    off = (y - np.array(means)).ravel()
    expected = -(off @ np.linalg.solve(joint, off) + np.linalg.slogdet(2 * np.pi * joint)[1]) / 2
    assert load("kalman_filter").log_likelihood(y, m0, P0, A, Q, H, R) == pytest.approx(expected, rel=1e-12)


def test_populations_keep_their_invariant():
    rates = np.array([0.6, 0.02, 0.01, 0.5])
    prey, predators = load("populations").solution([40.0, 9.0], rates, 0.01, np.ones((2000, 2)))
    a, b, c, d = rates
    invariant = c * prey - d * np.log(prey) + b * predators - a * np.log(predators)
    # The exact solution keeps it; a method of fourth order nearly does.
    assert np.ptp(invariant) < 1e-9
    assert np.ptp(prey) > 10


def test_fitting_the_rates():
    optimize = pytest.importorskip("scipy.optimize")
    module = load("populations")
    true, start, dt = np.array([0.6, 0.02, 0.01, 0.5]), np.array([40.0, 9.0]), 0.05
    counts = np.stack(module.solution(start, true, dt, np.ones((300, 2))), axis=1)

    def objective(theta):
        value, gradient = module.misfit_value_and_grad(start, np.exp(theta), dt, counts)
        return value, gradient.rates * np.exp(theta)

    found = optimize.minimize(objective, np.log(true * 1.15), jac=True, method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(np.exp(found.x), true, rtol=1e-5)
