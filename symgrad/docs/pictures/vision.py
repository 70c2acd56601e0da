"""Images without noise."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize
from sklearn.datasets import load_sample_image

from symgrad.docs.pictures.canvas import BLUE, ORANGE, Floats, bare, generated, panels, picture


@picture
def denoising() -> Figure:
    """Total variation on a photograph, against a quadratic penalty that blurs."""
    module = generated("denoising")
    photograph = load_sample_image("china.jpg")[100:260, 200:420] @ [0.299, 0.587, 0.114] / 255
    rng = np.random.default_rng(0)
    noisy = photograph + 0.12 * rng.normal(size=photograph.shape)
    energies: list[float] = []

    def objective(u: Floats) -> tuple[float, Floats]:
        value, gradient = module.energy_value_and_grad(u.reshape(noisy.shape), noisy, 0.11, 1e-3)
        energies.append(value)
        return value, gradient.ravel()

    found = minimize(objective, noisy.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    clean = found.x.reshape(noisy.shape)
    figure, axes = panels(4, 2.9, 2.5)

    def error(image: Floats) -> str:
        return f"{np.sqrt(np.mean((image - photograph) ** 2)):.3f}"

    shown = (
        ("photograph", photograph),
        (f"noisy, error {error(noisy)}", noisy),
        (f"denoised, {error(clean)}", clean),
    )
    for axis, (title, image) in zip(axes, shown):
        axis.imshow(image, cmap="gray", vmin=0, vmax=1)
        axis.set_title(title)
        bare(axis)
    axes[3].semilogy(np.array(energies) - min(energies) + 1e-3, color=BLUE)
    axes[3].set(title="Energy above its minimum", xlabel="evaluation")
    axes[3].title.set_color(ORANGE if not found.success else "#1d2a36")
    return figure
