"""A planar robot arm: where its hand is, and which angles bring it to a target."""

import numpy as np

import symgrad as sg


def hand(angles, lengths):
    """Position of the hand; each angle is measured from the segment before."""
    heading = np.cumsum(angles)
    return np.stack([np.sum(lengths * np.cos(heading)), np.sum(lengths * np.sin(heading))])


def joints(angles, lengths):
    """Positions of the base, every joint and the hand, one a row."""
    heading = np.cumsum(angles)
    steps = np.stack([lengths * np.cos(heading), lengths * np.sin(heading)], axis=1)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def effort(angles, lengths, target, rest, weight):
    """Half the squared distance of hand and target, plus weight/2 times that of the angles from rest."""
    miss = hand(angles, lengths) - target
    return np.sum(miss**2) / 2 + weight / 2 * np.sum((angles - rest) ** 2)


arm = {"angles": "n", "lengths": "n"}
position = sg.trace(hand, **arm)
objective = sg.trace(effort, **arm, target="2", rest="n", weight="")

robot_arm = sg.Module(
    "robot_arm",
    {
        "hand": position,
        "joints": sg.trace(joints, **arm),
        "hand_jacobian": sg.jacobian(position, wrt="angles"),
        "effort_value_and_grad": sg.value_and_grad(objective, wrt="angles"),
        "effort_hessian": sg.hessian(objective, wrt="angles"),
    },
    doc="""
    A planar arm of n segments: its hand, the Jacobian of the hand, and inverse kinematics as a minimum.

        phi_i  = angle_1 + ... + angle_i
        hand   = sum_i length_i (cos phi_i, sin phi_i)
        effort = |hand - target|^2 / 2 + weight/2 |angles - rest|^2

    Steps of Newton's method solve effort_hessian step = -gradient; the pseudo-inverse of hand_jacobian turns
    a velocity of the hand into velocities of the joints.
    """,
)
