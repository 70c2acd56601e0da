"""What all pictures share: a style, a generated module by its name, and the registry."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

GENERATED = Path(__file__).resolve().parents[3] / "generated"

BLUE, ORANGE, GREEN, GREY, RED = "#3b6ea8", "#c8641e", "#4b8f4b", "#8a97a3", "#b03a48"

#: Name of a picture to the function that draws it.
PICTURES: dict[str, Callable[[], Figure]] = {}

plt.rcParams.update(
    {
        "figure.dpi": 100,
        "savefig.dpi": 110,
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#8a97a3",
        "axes.labelcolor": "#3c4852",
        "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, RED, "#7a5aa6", "#2e9a9a"]),
        "xtick.color": "#5b6b79",
        "ytick.color": "#5b6b79",
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "image.cmap": "cividis",
    }
)


def picture(draw: Callable[[], Figure]) -> Callable[[], Figure]:
    """Register a function that draws the picture of its own name."""
    PICTURES[draw.__name__] = draw
    return draw


def generated(name: str) -> ModuleType:
    """A generated module, imported from its file as a user's program would."""
    path = GENERATED / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run `symgrad build`")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def panels(count: int, width: float = 3.4, height: float = 2.7, **options: Any) -> tuple[Figure, list[Any]]:
    """A figure with panels side by side."""
    figure, axes = plt.subplots(
        1, count, figsize=(width * count, height), layout="constrained", squeeze=False, **options
    )
    return figure, list(axes[0])


def bare(axis: Any) -> None:
    """An axis without ticks and frame, for images."""
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)
