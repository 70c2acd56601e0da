"""An ordinary differential equation, integrated and fitted: prey and predators (Lotka and Volterra)."""

import numpy as np

import symgrad as sg


def growth(state, rates):
    """How fast prey and predators grow."""
    prey, predators = state
    birth, loss, gain, death = rates[0], rates[1], rates[2], rates[3]
    return birth * prey - loss * prey * predators, gain * prey * predators - death * predators


def runge_kutta(f, state, dt):
    """One step of the classical method of fourth order."""

    def ahead(slope, time):
        return tuple(x + time * v for x, v in zip(state, slope))

    k1 = f(state)
    k2 = f(ahead(k1, dt / 2))
    k3 = f(ahead(k2, dt / 2))
    k4 = f(ahead(k3, dt))
    return tuple(x + dt / 6 * (a + 2 * b + 2 * c + d) for x, a, b, c, d in zip(state, k1, k2, k3, k4))


def solution(start, rates, dt, counts):
    """Prey and predators at as many times as there are counts, dt apart, the first one dt after the start."""

    def step(state, _):
        prey, predators = state
        prey, predators = runge_kutta(lambda s: growth(s, rates), (prey, predators), dt)
        return (prey, predators), (prey, predators)

    return sg.scan(step, (start[0], start[1]), length=counts.shape[0])[1]


def misfit(start, rates, dt, counts):
    """Half the mean squared difference between the logarithms of the solution and of the counts."""
    prey, predators = solution(start, rates, dt, counts)
    return (
        np.mean((np.log(prey) - np.log(counts[:, 0])) ** 2 + (np.log(predators) - np.log(counts[:, 1])) ** 2)
        / 2
    )


SHAPES = {"start": "2", "rates": "4", "dt": "", "counts": "n 2"}

f = sg.trace(misfit, **SHAPES)

populations = sg.Module(
    "populations",
    {
        "solution": sg.trace(solution, **SHAPES),
        "misfit": f,
        "misfit_value_and_grad": sg.value_and_grad(f, wrt=("start", "rates")),
        "misfit_hvp": sg.hvp(f, wrt="rates"),
    },
    doc="""
    Prey and predators by the method of Runge and Kutta, and the gradient of how far they are from counts.

        prey'      = birth prey - loss prey predators
        predators' = gain prey predators - death predators

    The four rates are birth, loss, gain and death. The gradient is that of the discrete solution, by its
    adjoint in reversed time.
    """,
    tiles=False,
)
