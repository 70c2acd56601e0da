"""Swinging up a pendulum with as little effort as possible, by direct collocation."""

import numpy as np

import symgrad as sg

GRAVITY, DAMPING = 9.81, 0.1


def acceleration(angle, speed, torque):
    """Angular acceleration of a pendulum of unit mass and length; it hangs down at the angle 0."""
    return torque - GRAVITY * np.sin(angle) - DAMPING * speed


def trapezoid(values, step):
    """Integral over each interval between two knots."""
    return step / 2 * (values[1:] + values[:-1])


def effort(z, step):
    """Integral of the squared torque. z holds the angles, speeds and torques of all knots, one kind a row."""
    return np.sum(trapezoid(z[2] ** 2, step))


def defects(z, step):
    """By how much the states of neighbouring knots violate the equations of motion; zero on a trajectory."""
    angle, speed, torque = z[0], z[1], z[2]
    moved = np.diff(angle) - trapezoid(speed, step)
    accelerated = np.diff(speed) - trapezoid(acceleration(angle, speed, torque), step)
    return np.stack([moved, accelerated])


knots = {"z": "3 n+1", "step": ""}
cost = sg.trace(effort, **knots)
motion = sg.trace(defects, **knots)

pendulum = sg.Module(
    "pendulum",
    {
        "effort_value_and_grad": sg.value_and_grad(cost, wrt="z"),
        "defects": motion,
        "defects_jacobian": sg.jacobian(motion, wrt="z"),
        "defects_vjp": sg.vjp(motion, wrt="z"),
    },
    doc="""
    Optimal control of a pendulum by direct collocation with trapezoids: minimise effort where defects are 0.

        angle'  = speed
        speed'  = torque - 9.81 sin(angle) - 0.1 speed
        effort  = integral of torque^2
        defects = x_k+1 - x_k - step/2 (x'_k + x'_k+1)

    M. Kelly, An Introduction to Trajectory Optimization, SIAM Review 59, 2017. A solver for constrained
    minima takes the value and gradient of one and the Jacobian of the other.
    """,
)
