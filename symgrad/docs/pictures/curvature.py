"""Second derivatives at work: bands, Newton's method, factors, cameras."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import least_squares, minimize
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve
from sklearn.datasets import load_breast_cancer, load_digits

from symgrad.docs.pictures.canvas import BLUE, GREY, ORANGE, Floats, bare, generated, panels, picture


@picture
def rosenbrock() -> Figure:
    """The chained valley: its banded Hessian, and Newton's method with it in 1,000 variables."""
    module = generated("rosenbrock")
    figure, axes = panels(3, 3.4, 2.9)
    x = 1 + 0.4 * np.sin(np.arange(1000))
    norms, values = [], []
    for _ in range(60):
        value, gradient = module.chain_value_and_grad(x)
        values.append(value)
        norms.append(np.abs(gradient).max())
        if norms[-1] < 1e-10:
            break
        data, row, col = module.chain_hessian_sparse(x)
        hessian = coo_array((data, (row, col)), shape=(1000, 1000)).tocsc()
        shift, size = 0.0, 1.0
        step = spsolve(hessian, -gradient)
        while step @ gradient >= 0:  # not downhill: towards the gradient
            shift = max(2 * shift, 10.0)
            step = spsolve(hessian + shift * coo_array(np.eye(1000)).tocsc(), -gradient)
        while module.chain_value_and_grad(x + size * step)[0] > value and size > 1e-9:
            size /= 2
        x = x + size * step
    a, b = np.meshgrid(np.linspace(-1.6, 1.6, 160), np.linspace(-0.6, 2.2, 160))
    field = 100 * (b - a**2) ** 2 + (1 - a) ** 2
    axes[0].contourf(a, b, np.log(field + 1e-2), 18)
    path = [np.array([-1.2, 1.0])]
    minimize(
        module.chain_value_and_grad, path[0], jac=True, hess=module.chain_hessian, method="trust-exact",
        callback=lambda x: path.append(x.copy()),
    )  # fmt: skip
    axes[0].plot(*np.array(path).T, "o-", color=ORANGE, ms=3)
    axes[0].set(title=f"Two variables: {len(path) - 1} steps of trust-exact", xlabel="x1", ylabel="x2")
    axes[1].spy(np.abs(module.chain_hessian(np.linspace(-1, 1, 24))) > 0, markersize=4, color=BLUE)
    axes[1].set_title("Its Hessian: three bands")
    axes[2].semilogy(norms, "o-", ms=3)
    axes[2].set(title="1,000 variables, sparse Newton", xlabel="step", ylabel="largest entry of the gradient")
    return figure


@picture
def logistic_newton() -> Figure:
    """Newton's method needs a few steps where gradients need many."""
    module = generated("logistic_newton")
    X, y = load_breast_cancer(return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), y * 1.0
    start = module.pack(np.zeros(X.shape[1]), 0.0)
    runs: dict[str, list[float]] = {}

    def product(theta: Floats, p: Floats, *rest: object) -> Floats:
        return module.loss_hvp(theta, *rest, p)

    for name, options in {
        "L-BFGS": {"method": "L-BFGS-B"},
        "Newton-CG, Hessian times vector": {
            "method": "Newton-CG",
            "hessp": product,
            "options": {"xtol": 1e-12},
        },
        "trust-exact, whole Hessian": {"method": "trust-exact", "hess": module.loss_hessian},
    }.items():
        values = runs[name] = []

        def note(t: Floats, values: list[float] = values) -> None:
            values.append(module.loss_value_and_grad(t, X, y, 0.003)[0])

        minimize(module.loss_value_and_grad, start, (X, y, 0.003), jac=True, callback=note, **options)
    best = min(min(values) for values in runs.values())
    figure, (left, right) = panels(2, 4.4, 2.9)
    for name, values in runs.items():
        left.semilogy(np.array(values) - best + 1e-14, "o-", ms=3, label=name)
    left.set(title="Loss above its minimum", xlabel="step")
    left.legend(fontsize=7)
    hessian = module.loss_hessian(start, X, y, 0.003)
    image = right.imshow(hessian, cmap="RdBu", vmin=-0.25, vmax=0.25)
    right.set_title("The Hessian at the start")
    figure.colorbar(image, ax=right)
    return figure


@picture
def factorisation() -> Figure:
    """Digits as products of a few parts."""
    module = generated("factorisation")
    M = load_digits().data[:300] / 16
    rng = np.random.default_rng(0)
    k = 12
    shapes = ((len(M), k), (64, k))

    def unpack(theta: Floats) -> list[Floats]:
        return [theta[: shapes[0][0] * k].reshape(shapes[0]), theta[shapes[0][0] * k :].reshape(shapes[1])]

    losses: list[float] = []

    def objective(theta: Floats) -> tuple[float, Floats]:
        value, gradient = module.misfit_value_and_grad(M, *unpack(theta))
        losses.append(value)
        return value, np.concatenate([g.ravel() for g in gradient])

    start = np.concatenate([rng.uniform(0, 0.3, s).ravel() for s in shapes])
    theta = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * start.size).x
    U, V = unpack(theta)
    figure, axes = panels(4, 2.6, 2.7)
    parts = (V / np.maximum(V.max(axis=0), 1e-9)).T.reshape(3, 4, 8, 8)
    axes[0].imshow(parts.transpose(0, 2, 1, 3).reshape(24, 32), cmap="Blues")
    axes[0].set_title("Twelve parts")
    for axis, rows, title in ((axes[1], M, "Digits"), (axes[2], U @ V.T, "Sums of parts")):
        shown = rows[10:22].reshape(3, 4, 8, 8)
        axis.imshow(shown.transpose(0, 2, 1, 3).reshape(24, 32), cmap="gray_r", vmin=0, vmax=1)
        axis.set_title(title)
    for axis in axes[:3]:
        bare(axis)
    axes[3].semilogy(losses)
    axes[3].set(title="Squared distance", xlabel="evaluation")
    return figure


@picture
def bundle_adjustment() -> Figure:
    """Cameras around a shape: places and poses from what is seen, with the sparse Jacobian."""
    module = generated("bundle_adjustment")
    rng = np.random.default_rng(0)
    turn = np.linspace(0, 4 * np.pi, 60)
    points = np.stack([np.cos(turn), np.sin(turn), np.linspace(-1, 1, 60)], axis=1)
    count = 8
    cameras = np.zeros((count, 11))
    for i, angle in enumerate(np.linspace(0, np.pi, count)):
        cameras[i, :3] = [0.0, angle * 0.4 - 0.6, 0.0]
        cameras[i, 3:6] = [
            2.5 * np.sin(angle * 0.4 - 0.6),
            0.2 * np.cos(3 * angle),
            -6 * np.cos(angle * 0.4 - 0.6),
        ]
        cameras[i, 6:] = [500.0, 320.0, 240.0, 0.01, 0.0]
    camera, point = np.repeat(np.arange(count), 60), np.tile(np.arange(60), count)
    weights = np.ones(len(camera))
    exact = module.reprojection(cameras, points, weights, camera, point, np.zeros((len(camera), 2)))
    seen = exact + 0.5 * rng.normal(size=exact.shape)
    guess = [cameras + 0, points + 0.15 * rng.normal(size=points.shape)]
    guess[0][:, :6] += 0.02 * rng.normal(size=(count, 6))

    def split(theta: Floats) -> tuple[Floats, Floats]:
        free = cameras.copy()
        free[:, :6] = theta[: 6 * count].reshape(count, 6)
        return free, theta[6 * count :].reshape(points.shape)

    def residuals(theta: Floats) -> Floats:
        return module.reprojection(*split(theta), weights, camera, point, seen).ravel()

    def jacobian(theta: Floats) -> Floats:
        poses, places = split(theta)
        parts = module.reprojection_jacobian(poses, places, weights, camera, point, seen)
        rows = 2 * len(camera)
        data, row, col = parts.cameras
        of_cameras = coo_array((data, (row, col)), shape=(rows, poses.size)).tocsr()
        kept = (11 * np.arange(count)[:, None] + np.arange(6)).ravel()
        data, row, col = parts.points
        of_points = coo_array((data, (row, col)), shape=(rows, places.size)).tocsr()
        return np.hstack([of_cameras[:, kept].toarray(), of_points.toarray()])

    start = np.concatenate([guess[0][:, :6].ravel(), guess[1].ravel()])
    found = least_squares(residuals, start, jacobian, method="lm")
    _, places = split(found.x)
    # The whole may be turned and scaled without being seen: compare after the best similarity.
    a, b = places - places.mean(axis=0), points - points.mean(axis=0)
    u, s, v = np.linalg.svd(a.T @ b)
    aligned = a @ (u @ v) * (s.sum() / np.sum(a**2)) + points.mean(axis=0)
    figure, axes = panels(3, 3.4, 2.9)
    axes[0].scatter(*seen[camera == 2].T, s=8, color=ORANGE, label="seen")
    first = module.reprojection(*split(start), weights, camera, point, np.zeros_like(seen))
    axes[0].scatter(*first[camera == 2].T, s=8, color=GREY, label="first guess")
    axes[0].set(title="What camera 2 sees", aspect="equal")
    axes[0].legend(fontsize=7)
    axes[1].scatter(guess[1][:, 0], guess[1][:, 2], s=8, color=GREY, label="first guess")
    axes[1].plot(points[:, 0], points[:, 2], color=ORANGE, linewidth=1, label="true")
    axes[1].scatter(aligned[:, 0], aligned[:, 2], s=8, color=BLUE, label="found")
    axes[1].set(title="Places in space, from the front")
    axes[1].legend(fontsize=7)
    bins = np.linspace(0, 12, 40)
    distances = [np.linalg.norm(residuals(t).reshape(-1, 2), axis=1) for t in (start, found.x)]
    axes[2].hist(np.clip(distances[0], 0, 12), bins, color=GREY, label="first guess")
    axes[2].hist(distances[1], bins, color=BLUE, label="found")
    axes[2].set(title="Distance in the image, pixels", yscale="log")
    axes[2].legend(fontsize=7)
    return figure
