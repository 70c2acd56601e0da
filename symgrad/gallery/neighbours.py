"""A map of data in the plane on which neighbours stay neighbours: t-SNE."""

import numpy as np

import symgrad as sg


def divergence(points, P):
    """Kullback-Leibler divergence of the neighbourhoods on the map from those in the data, P."""
    distance = np.sum((points[:, None] - points) ** 2, axis=2)
    closeness = 1 / (1 + distance) * (1 - sg.eye(points.shape[0]))
    Q = closeness / np.sum(closeness)
    return np.sum(P * (np.log(np.maximum(P, 1e-12)) - np.log(np.maximum(Q, 1e-12))))


f = sg.trace(divergence, points="n 2", P="n n")

neighbours = sg.Module(
    "neighbours",
    {
        "divergence": f,
        "divergence_value_and_grad": sg.value_and_grad(f, wrt="points"),
    },
    doc="""
    Stochastic neighbour embedding with Student's distribution, t-SNE.

        q_ij       = (1 + |y_i - y_j|^2)^-1 / sum of all,  0 where i = j
        divergence = sum_ij p_ij ln(p_ij / q_ij)

    L. van der Maaten and G. Hinton, Visualizing Data using t-SNE, Journal of Machine Learning Research 9,
    2008. P is symmetric, has zeros on its diagonal and a sum of 1.
    """,
)
