"""The workloads as a careful person writes them in numpy: value and gradient, or the Hessian.

Rows go through in tiles that fit the cache, exponentials are shared, sums are pushed through products.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: Points or rows that are worked on at once.
TILE = 4096


def _logistic(x: Any) -> tuple[Any, Any]:
    """The logistic functions of x and of -x."""
    e = np.exp(-np.abs(x))
    below = 1 + e
    return np.maximum(x >= 0, e) / below, np.maximum(x <= 0, e) / below


def black_scholes(S: Any, K: Any, r: Any, sigma: Any, T: Any) -> Any:
    """Price and its five partial derivatives, tile by tile."""
    arrays = (S, K, r, sigma, T)
    results = [np.empty_like(S) for _ in range(6)]
    for start in range(0, len(S), TILE):
        rows = slice(start, start + TILE)
        for result, part in zip(results, _black_scholes(*[a[rows] for a in arrays])):
            result[rows] = part
    return results[0], tuple(results[1:])


def _black_scholes(S: Any, K: Any, r: Any, sigma: Any, T: Any) -> tuple[Any, ...]:
    root = np.sqrt(T)
    spread = sigma * root
    d1 = (np.log(S / K) + (r + 0.5 * sigma * sigma) * T) / spread
    d2 = d1 - spread
    q1, q2 = d1 * d1, d2 * d2
    c1, m1 = _logistic(d1 * (1.5976 + 0.07056 * q1))
    c2, m2 = _logistic(d2 * (1.5976 + 0.07056 * q2))
    discount = np.exp(-r * T)
    first, paid = S * c1, K * discount
    second = paid * c2
    g1 = first * m1 * (1.5976 + 0.21168 * q1)
    g2 = second * m2 * (1.5976 + 0.21168 * q2)
    both = (g1 - g2) / spread
    spread_bar = g2 - both * d1
    rate = both * T
    return (
        first - second,
        c1 + both / S,
        -(discount * c2 + both / K),
        rate + second * T,
        spread_bar * root + rate * sigma,
        spread_bar * sigma / (2 * root) + second * r + both * (r + 0.5 * sigma * sigma),
    )


def logreg(X: Any, y: Any, w: Any, b: Any) -> Any:
    """Loss and gradient; a tile of X is read while it is in the cache."""
    n = len(X)
    loss, w_bar, b_bar = 0.0, np.zeros_like(w), 0.0
    for start in range(0, n, 2048):
        x, t = X[start : start + 2048], y[start : start + 2048]
        z = x @ w + b
        e = np.exp(-np.abs(z))
        loss += (np.maximum(z, 0) + np.log1p(e) - t * z).sum()
        z_bar = np.maximum(z >= 0, e) / (1 + e) - t
        w_bar += z_bar @ x
        b_bar += z_bar.sum()
    return loss / n, (w_bar / n, b_bar / n)


def mlp(X: Any, Y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    """Cross entropy and gradient."""
    n = len(X)
    hidden = X @ W1
    hidden += b1
    np.maximum(hidden, 0, out=hidden)
    scores = hidden @ W2 + b2
    top = scores.max(axis=1, keepdims=True)
    e = np.exp(scores - top)
    total = e.sum(axis=1, keepdims=True)
    loss = ((top + np.log(total)).sum() - np.vdot(Y, scores)) / n
    e /= total
    e -= Y
    e *= 1 / n
    hidden_bar = e @ W2.T
    hidden_bar *= hidden > 0
    return loss, (X.T @ hidden_bar, hidden_bar.sum(axis=0), hidden.T @ e, e.sum(axis=0))


def gmm(alphas: Any, means: Any, icf: Any, x: Any) -> Any:
    """Log-likelihood and gradient; components lead, so that sums over them run along whole rows."""
    n, d = x.shape
    k = len(alphas)
    columns, rows = np.triu_indices(d, 1)
    diagonal = np.arange(d)
    scale = np.exp(icf[:, :d])
    Q = np.zeros((k, d, d))
    Q[:, rows, columns] = icf[:, d:]
    Q[:, diagonal, diagonal] = scale
    shift = (Q @ means[:, :, None])[:, :, 0]
    prior = alphas + icf[:, :d].sum(axis=1)
    stacked = Q.reshape(k * d, d).T
    value, weight, outer, inner = 0.0, np.zeros(k), np.zeros((k, d, d)), np.zeros((k, d))
    for start in range(0, n, 512):
        part = x[start : start + 512]
        white = (part @ stacked).reshape(-1, k, d)
        white -= shift
        score = prior - 0.5 * np.einsum("nkd,nkd->nk", white, white)
        top = score.max(axis=1, keepdims=True)
        e = np.exp(score - top)
        total = e.sum(axis=1, keepdims=True)
        value += (top + np.log(total)).sum()
        e /= total
        white *= e[:, :, None]
        weight += e.sum(axis=0)
        inner += white.sum(axis=0)
        outer += (white.reshape(-1, k * d).T @ part).reshape(k, d, d)
    # The centred points enter by sums alone: sum w (x - mu)^T = sum w x^T - (sum w) mu^T.
    Q_bar = inner[:, :, None] * means[:, None, :] - outer
    icf_bar = np.empty_like(icf)
    icf_bar[:, d:] = Q_bar[:, rows, columns]
    icf_bar[:, :d] = Q_bar[:, diagonal, diagonal] * scale + weight[:, None]
    means_bar = (inner[:, None, :] @ Q)[:, 0]
    top = alphas.max()
    e = np.exp(alphas - top)
    total = e.sum()
    return value - n * (top + math.log(total)), (weight - n * e / total, means_bar, icf_bar)


def ba(cams: Any, points: Any, weights: Any, features: Any, cam: Any, point: Any) -> Any:
    """Errors and gradient by components: short axes are unrolled into whole columns."""
    c, p = cams.T[:, cam], points.T[:, point]
    (r0, r1, r2), focal, (k1, k2) = c[:3], c[6], c[9:]
    theta = np.sqrt(r0 * r0 + r1 * r1 + r2 * r2)
    cos, sin = np.cos(theta), np.sin(theta)
    rest = 1 - cos
    a0, a1, a2 = r0 / theta, r1 / theta, r2 / theta
    m0, m1, m2 = p[0] - c[3], p[1] - c[4], p[2] - c[5]
    dot = a0 * m0 + a1 * m1 + a2 * m2
    x0, x1, x2 = a1 * m2 - a2 * m1, a2 * m0 - a0 * m2, a0 * m1 - a1 * m0
    along = dot * rest
    t0 = m0 * cos + x0 * sin + a0 * along
    t1 = m1 * cos + x1 * sin + a1 * along
    t2 = m2 * cos + x2 * sin + a2 * along
    u, v = t0 / t2, t1 / t2
    square = u * u + v * v
    distortion = 1 + square * (k1 + k2 * square)
    du, dv = u * distortion, v * distortion
    e0 = du * focal + c[7] - features[:, 0]
    e1 = dv * focal + c[8] - features[:, 1]
    w2 = weights * weights
    length = e0 * e0 + e1 * e1
    slack = 1 - w2
    value = np.dot(w2, length) + np.dot(slack, slack)
    weights_bar = 2 * weights * (length - 2 * slack)
    scale = 2 * w2
    p0, p1 = scale * e0, scale * e1
    f0, f1 = p0 * focal, p1 * focal
    distortion_bar = f0 * u + f1 * v
    square_bar = 2 * distortion_bar * (k1 + 2 * k2 * square)
    u_bar, v_bar = f0 * distortion + square_bar * u, f1 * distortion + square_bar * v
    g0, g1 = u_bar / t2, v_bar / t2
    g2 = -(g0 * u + g1 * v)
    along_bar = g0 * a0 + g1 * a1 + g2 * a2
    dot_bar = along_bar * rest
    theta_bar = (g0 * x0 + g1 * x1 + g2 * x2) * cos + (along_bar * dot - g0 * m0 - g1 * m1 - g2 * m2) * sin
    s0, s1, s2 = g0 * sin, g1 * sin, g2 * sin
    b0 = g0 * along + dot_bar * m0 + m1 * s2 - m2 * s1
    b1 = g1 * along + dot_bar * m1 + m2 * s0 - m0 * s2
    b2 = g2 * along + dot_bar * m2 + m0 * s1 - m1 * s0
    n0 = g0 * cos + dot_bar * a0 + s1 * a2 - s2 * a1
    n1 = g1 * cos + dot_bar * a1 + s2 * a0 - s0 * a2
    n2 = g2 * cos + dot_bar * a2 + s0 * a1 - s1 * a0
    turn = theta_bar - (b0 * a0 + b1 * a1 + b2 * a2) / theta
    columns = (
        *(b0 / theta + turn * a0, b1 / theta + turn * a1, b2 / theta + turn * a2, -n0, -n1, -n2),
        *(p0 * du + p1 * dv, p0, p1, distortion_bar * square, distortion_bar * square * square),
    )
    cams_bar = np.stack([np.bincount(cam, column, len(cams)) for column in columns], axis=1)
    points_bar = np.stack([np.bincount(point, column, len(points)) for column in (n0, n1, n2)], axis=1)
    return value, (cams_bar, points_bar, weights_bar)


def _arm(m: Any, a: Any, b: Any, c: Any, l1: Any, l2: Any, l3: Any, u: Any, v: Any) -> Any:
    ab = a + b
    abc = ab + c
    bc = b - c
    ca, sa, cb, sb, cc, sc = m.cos(a), m.sin(a), m.cos(b), m.sin(b), m.cos(c), m.sin(c)
    cab, sab, cabc, sabc, cbc, sbc = m.cos(ab), m.sin(ab), m.cos(abc), m.sin(abc), m.cos(bc), m.sin(bc)
    dx = l1 * ca + l2 * cab + l3 * cabc - u
    dy = l1 * sa + l2 * sab + l3 * sabc - v
    coupling = sa * cbc + sb * cc
    x, y, q = 2 * dx, 2 * dy, 0.2 * coupling
    outer = l3 * (y * cabc - x * sabc)
    middle = outer + l2 * (y * cab - x * sab)
    turn = q * sa * sbc
    return dx * dx + dy * dy + 0.1 * coupling * coupling, (
        middle + l1 * (y * ca - x * sa) + q * ca * cbc,
        middle + q * cb * cc - turn,
        outer + turn - q * sb * sc,
        *(x * ca + y * sa, x * cab + y * sab, x * cabc + y * sabc, -x, -y),
    )


def arm(*arguments: Any) -> Any:
    """The arm for many points."""
    return _arm(np, *arguments)


def arm_of_floats(*arguments: float) -> Any:
    """The arm for Python floats."""
    return _arm(math, *arguments)


def hess_logreg(X: Any, y: Any, w: Any) -> Any:
    """X^T S X with S = p (1 - p) / n."""
    above, below = _logistic(X @ w)
    return X.T @ ((above * below / len(X))[:, None] * X)


def hess_quartic(A: Any, x: Any) -> Any:
    """12 A^T diag((A x)^2) A, as the product of a matrix and its transpose, of which BLAS does half."""
    scaled = (math.sqrt(12) * np.abs(A @ x))[:, None] * A
    return scaled.T @ scaled


def hess_factors(M: Any, U: Any, V: Any) -> Any:
    """2 I kron V^T V."""
    n, k = U.shape
    result = np.zeros((n, k, n, k))
    rows = np.arange(n)
    result[rows, :, rows] = 2 * (V.T @ V)
    return result


def hess_banded(x: Any) -> Any:
    """The diagonal and its two neighbours."""
    n = len(x)
    result = np.zeros((n, n))
    flat = result.ravel()
    head = x[:-1]
    flat[:: n + 1][:-1] = 1200 * head * head - 400 * x[1:] + 2
    flat[:: n + 1][1:] += 200
    flat[1 :: n + 1] = flat[n :: n + 1] = -400 * head
    return result
