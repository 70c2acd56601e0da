"""A robot arm that reaches, and a pendulum that is swung up."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize

from symgrad.docs.pictures.canvas import BLUE, GREY, ORANGE, Floats, generated, panels, picture, plt


@picture
def robot_arm() -> Figure:
    """Inverse kinematics by Newton's method, along a circle of targets."""
    module = generated("robot_arm")
    lengths = np.array([1.0, 0.8, 0.6, 0.5, 0.3])
    rest = np.full(5, 0.35)
    figure, (left, right) = panels(2, 4.2, 3.6)
    turn = np.linspace(0, 2 * np.pi, 13)
    targets = np.stack([1.0 + 0.8 * np.cos(turn), 1.4 + 0.8 * np.sin(turn)], axis=1)
    angles = rest.copy()
    colours = plt.get_cmap("cividis")(np.linspace(0.1, 0.9, len(targets)))
    for number, (target, colour) in enumerate(zip(targets, colours)):
        misses = []
        for _ in range(12):
            value, gradient = module.effort_value_and_grad(angles, lengths, target, rest, 1e-3)
            misses.append(np.linalg.norm(module.hand(angles, lengths) - target))
            hessian = module.effort_hessian(angles, lengths, target, rest, 1e-3)
            # Shifted to be positive definite; shortened where the full step would not go down.
            shift = max(0.0, 1e-3 - np.linalg.eigvalsh(hessian)[0])
            step = np.linalg.solve(hessian + shift * np.eye(5), -gradient)
            size = 1.0
            while size > 1e-6 and (
                module.effort_value_and_grad(angles + size * step, lengths, target, rest, 1e-3)[0] > value
            ):
                size /= 2
            angles = angles + size * step
        places = module.joints(angles, lengths)
        left.plot(places[:, 0], places[:, 1], "-o", color=colour, ms=3, linewidth=2)
        left.plot(*target, "x", color=ORANGE)
        if number % 4 == 0:
            right.semilogy(misses, "o-", color=colour, ms=3, label=f"target {number}")
    left.set(title="An arm of five segments follows a circle", aspect="equal")
    right.set(title="Distance of hand and target", xlabel="step of Newton's method")
    right.legend()
    return figure


@picture
def pendulum() -> Figure:
    """Swing-up with the least integral of squared torque, between bounds."""
    module = generated("pendulum")
    knots, duration = 61, 4.0
    step = duration / (knots - 1)
    shape = (3, knots)
    start = np.zeros(shape)
    start[0] = np.linspace(0, np.pi, knots)

    def objective(z: Floats) -> tuple[float, Floats]:
        value, gradient = module.effort_value_and_grad(z.reshape(shape), step)
        return value, gradient.ravel()

    bounds = [(None, None)] * (2 * knots) + [(-4.0, 4.0)] * knots
    for place, value in ((0, 0.0), (knots - 1, np.pi), (knots, 0.0), (2 * knots - 1, 0.0)):
        bounds[place] = (value, value)
    constraint = {
        "type": "eq",
        "fun": lambda z: module.defects(z.reshape(shape), step).ravel(),
        "jac": lambda z: module.defects_jacobian(z.reshape(shape), step).reshape(2 * (knots - 1), -1),
    }
    found = minimize(
        objective, start.ravel(), jac=True, bounds=bounds, constraints=constraint, method="SLSQP",
        options={"maxiter": 200},
    )  # fmt: skip
    assert found.success, found.message
    angle, speed, torque = found.x.reshape(shape)
    t = np.linspace(0, duration, knots)
    figure, axes = panels(3, 3.3, 2.8)
    for k in range(0, knots, 2):
        shade = 0.15 + 0.85 * k / knots
        axes[0].plot([0, np.sin(angle[k])], [0, -np.cos(angle[k])], color=BLUE, alpha=shade, linewidth=1)
        axes[0].plot(np.sin(angle[k]), -np.cos(angle[k]), "o", color=ORANGE, alpha=shade, ms=4)
    axes[0].set(title="From hanging to standing", aspect="equal")
    axes[1].plot(t, angle, label="angle")
    axes[1].plot(t, speed, label="speed")
    axes[1].axhline(np.pi, color=GREY, linewidth=0.8, linestyle=":")
    axes[1].set(title="State", xlabel="seconds")
    axes[1].legend()
    axes[2].step(t, torque, where="mid", color=ORANGE)
    axes[2].axhline(4, color=GREY, linewidth=0.8, linestyle=":")
    axes[2].axhline(-4, color=GREY, linewidth=0.8, linestyle=":")
    axes[2].set(title=f"Torque, at most 4; {found.nit} steps of SLSQP", xlabel="seconds")
    return figure
