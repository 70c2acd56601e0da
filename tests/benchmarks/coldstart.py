"""From the start of a process to its first gradient, and what the import of a generated module adds."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .peers import PEERS, symgrad_function
from .workloads import logreg

_DATA = """
import numpy as np
X, y, w, b = np.ones((10, 3)), np.ones(10), np.zeros(3), 0.1
"""
_LOSS = """
def loss(X, y, w, b):
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z)
"""
_IMPORT = """
import numpy, time
start = time.perf_counter()
import logreg_module
print(time.perf_counter() - start)
"""

SCRIPTS = {
    "import numpy": "import numpy",
    "symgrad": f"{_DATA}import logreg_module; logreg_module.value_and_grad(X, y, w, b)",
    "jax.jit": f"{_DATA}import jax; jax.config.update('jax_enable_x64', True)\n"
    f"import jax.numpy as np{_LOSS}jax.block_until_ready(jax.jit(jax.grad(loss, (2, 3)))(X, y, w, b))",
    "autograd": f"{_DATA}import autograd; import autograd.numpy as np{_LOSS}"
    "autograd.grad(loss, (2, 3))(X, y, w, b)",
    "torch": f"{_DATA}import torch; w = torch.tensor(w, requires_grad=True)\n"
    "z = torch.tensor(X) @ w + b\n"
    "loss = torch.mean(torch.nn.functional.softplus(z) - torch.tensor(y) * z); torch.autograd.grad(loss, w)",
    "pytensor": f"{_DATA}import pytensor; import pytensor.tensor as np\n"
    "Xs, ys, ws, bs = np.matrix(), np.vector(), np.vector(), np.scalar()"
    f"{_LOSS}pytensor.function([Xs, ys, ws, bs], pytensor.grad(loss(Xs, ys, ws, bs), [ws, bs]))(X, y, w, b)",
    "sympy": "import sympy\n"
    "x = sympy.Symbol('x'); sympy.lambdify(x, sympy.diff(sympy.sin(x) ** 2, x), cse=True)(1.0)",
    "casadi": "import casadi\n"
    "x = casadi.SX.sym('x'); casadi.Function('f', [x], [casadi.gradient(casadi.sin(x) ** 2, x)])(1.0)",
}


def measure(rounds: int = 5, names: tuple[str, ...] | None = None) -> dict[str, float]:
    """Median seconds of a whole process by tool, in interleaved rounds, and of the module's import alone.

    sympy and casadi differentiate one sine, the others a logistic loss. The first round, which fills the
    caches of files and byte code, does not count.
    """
    import symgrad as sg

    peers = [n for n, p in PEERS.items() if p.version is not None and (names is None or n in names)]
    chosen = ["import numpy", "symgrad", *peers]
    times: dict[str, list[float]] = {name: [] for name in [*chosen, "import of the module"]}
    f = symgrad_function(logreg(quick=True))
    with tempfile.TemporaryDirectory() as folder:
        sg.Module("logreg_module", {"value_and_grad": sg.value_and_grad(f, wrt=("w", "b"))}).write(folder)
        for number in range(rounds + 1):
            for name in chosen:
                start = time.perf_counter()
                _run(SCRIPTS[name], Path(folder))
                took = time.perf_counter() - start
                if number:
                    times[name].append(took)
            took = float(_run(_IMPORT, Path(folder)))
            if number:
                times["import of the module"].append(took)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _run(script: str, folder: Path) -> str:
    """Standard output of a fresh Python process in the folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout
