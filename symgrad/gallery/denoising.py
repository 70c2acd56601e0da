"""Removing noise from an image: total variation, which keeps edges."""

import numpy as np

import symgrad as sg


def energy(image, noisy, weight, eps):
    """Half the squared distance to the noisy image, plus weight times the (smoothed) total variation."""
    down = np.diff(image, axis=0)[:, :-1]
    right = np.diff(image, axis=1)[:-1]
    variation = np.sum(np.sqrt(down**2 + right**2 + eps**2))
    return np.sum((image - noisy) ** 2) / 2 + weight * variation


f = sg.trace(energy, image="h w", noisy="h w", weight="", eps="")

denoising = sg.Module(
    "denoising",
    {
        "energy_value_and_grad": sg.value_and_grad(f, wrt="image"),
        "energy_hvp": sg.hvp(f, wrt="image"),
    },
    doc="""
    Image denoising by total variation.

        energy = sum (u - f)^2 / 2 + weight sum sqrt(|u_down - u|^2 + |u_right - u|^2 + eps^2)

    L. Rudin, S. Osher and E. Fatemi, Nonlinear total variation based noise removal algorithms, Physica D 60,
    1992. The small eps makes it smooth where the image is flat; energy_hvp is for Newton's method with
    conjugate gradients.
    """,
)
