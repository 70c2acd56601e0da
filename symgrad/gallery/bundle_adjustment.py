"""Bundle adjustment: cameras and points from where the points are seen, with a sparse Jacobian."""

from typing import Any

import numpy as np

import symgrad as sg


def rotated(rotation, v):
    """The vectors v turned about the axis `rotation` by its length (Rodrigues' formula), smooth at 0 too."""
    angle = np.linalg.norm(rotation, axis=1)[:, None]
    sine = np.sinc(angle / np.pi)  # sin(a) / a
    versine = np.sinc(angle / (2 * np.pi)) ** 2 / 2  # (1 - cos(a)) / a^2
    turned = np.cross(rotation, v)
    return v + sine * turned + versine * np.cross(rotation, turned)


def reprojection(cameras, points, weights, camera, point, seen):
    """Weighted distance, in the image, of each point seen from where its camera and its place put it."""
    pose, place = cameras[camera], points[point]
    rotation, centre, focal = pose[:, :3], pose[:, 3:6], pose[:, 6:7]
    principal, radial = pose[:, 7:9], pose[:, 9:]
    in_camera = rotated(rotation, place - centre)
    image = in_camera[:, :2] / in_camera[:, 2:]
    square = np.sum(image**2, axis=1, keepdims=True)
    distortion = 1 + radial[:, :1] * square + radial[:, 1:] * square**2
    return weights[:, None] * (principal + focal * distortion * image - seen)


def confidence(weights):
    """What a weight away from 1 costs, so that not all of them vanish."""
    return 1 - weights**2


indices = sg.array("m", dtype="int64")
shapes: dict[str, Any] = {
    "cameras": "c 11", "points": "p 3", "weights": "m",
    "camera": indices, "point": indices, "seen": "m 2",
}  # fmt: skip
errors = sg.trace(reprojection, **shapes)
penalty = sg.trace(confidence, weights="m")

bundle_adjustment = sg.Module(
    "bundle_adjustment",
    {
        "reprojection": errors,
        "reprojection_jacobian": sg.jacobian(errors, wrt=("cameras", "points", "weights"), sparse=True),
        "confidence": penalty,
        "confidence_jacobian": sg.jacobian(penalty, wrt="weights", sparse=True),
    },
    doc="""
    Bundle adjustment: m sights of p points by c cameras, as residuals and the nonzeros of their Jacobian.

        q          = R(rotation) (place - centre)       the point as the camera sees it
        u          = (q_1, q_2) / q_3                   in the image
        residual   = weight (principal + focal (1 + k_1 |u|^2 + k_2 |u|^4) u - seen)
        confidence = 1 - weight^2

    A camera is a row of 11 numbers: rotation (3), centre (3), focal, principal (2), radial k (2). Each
    residual depends on those, on the 3 numbers of a point and on a weight: 2 x 15 nonzeros a sight,
    whatever c and p. The parametrisation is that of ADBench (Srajer, Kukelova and Fitzgibbon, A benchmark
    of selected algorithmic differentiation tools, Optimization Methods and Software 33, 2018).
    """,
)
