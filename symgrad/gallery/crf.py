"""A linear-chain conditional random field: the forward algorithm, whose gradient is the backward one."""

import numpy as np

import symgrad as sg


def log_partition(scores, moves):
    """Logarithm of the sum over all sequences of labels of exp(score), step by step."""

    def step(alpha, score):
        alpha = sg.logsumexp(alpha[:, None] + moves, axis=0) + score
        return alpha, None

    alpha, _ = sg.scan(step, scores[0], scores[1:])
    return sg.logsumexp(alpha)


def negative_log_likelihood(scores, moves, labels):
    """The sequence's negative log-probability among all sequences of labels."""
    steps = sg.arange(scores.shape[0])
    score = np.sum(scores[steps, labels]) + np.sum(moves[labels[:-1], labels[1:]])
    return log_partition(scores, moves) - score


SHAPES = {"scores": "n+1 k", "moves": "k k"}

partition = sg.trace(log_partition, **SHAPES)
likelihood = sg.trace(negative_log_likelihood, labels=sg.array("n+1", dtype="int64"), **SHAPES)

crf = sg.Module(
    "crf",
    {
        "log_partition": partition,
        "marginals": sg.grad(partition, wrt=("scores", "moves")),
        "loss": likelihood,
        "loss_value_and_grad": sg.value_and_grad(likelihood, wrt=("scores", "moves")),
    },
    doc="""
    A linear-chain conditional random field over n + 1 positions with k labels.

        score(labels) = sum_t scores[t, labels[t]] + sum_t moves[labels[t - 1], labels[t]]

    The derivatives of the logarithm of the partition function are the marginal probabilities: of each label
    at each position by scores, and by moves how often one label is expected to follow another.
    """,
)
