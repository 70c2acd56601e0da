"""The checked-in modules on older interpreters and an older numpy: the same numbers, no warnings.

For every interpreter found here, a bare environment with nothing but numpy runs each function of the gallery
on arguments prepared with the current one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symgrad.building.plan import gallery
from symgrad.building.specs import load
from symgrad.tree import leaves
from symgrad.verify.points import Sampler

ROOT = Path(__file__).parent.parent

#: Interpreter and numpy: the oldest that generated modules promise, numpy 1 on a newer one, and the newest.
PAIRS = [("3.9", "1.22.4"), ("3.10", "1.24.4"), ("3.11", "1.26.4"), ("3.12", "1.26.4"), ("3.13", "2")]

SCRIPT = """
import importlib, pathlib, sys, threading, warnings
import numpy as np
def refuse(*args):
    raise RuntimeError("no threads, as in a browser")
threading.Thread.start = refuse
folder, data = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(folder))
sys.dont_write_bytecode = True
count = 0
def flat(value):
    if isinstance(value, dict):
        value = tuple(value.values())
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, tuple) else [value]
for path in sorted(data.glob("*.npz")):
    name, function, number = path.stem.split("-")
    stored = np.load(path)
    arguments = [stored[key] for key in sorted(stored.files) if key.startswith("a")]
    expected = [stored[key] for key in sorted(stored.files) if key.startswith("r")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = flat(getattr(importlib.import_module(name), function)(*arguments))
    assert len(got) == len(expected), (path, len(got))
    tolerance = 2e-5 if any(a.dtype == np.float32 for a in arguments) else 1e-12
    for have, want in zip(got, expected):
        assert np.asarray(have).dtype == want.dtype and np.shape(have) == want.shape, (path, have, want)
        assert isinstance(have, (np.ndarray, np.generic)), (path, type(have))
        scale = np.max(np.abs(want), initial=1.0)
        assert np.allclose(have, want, rtol=tolerance, atol=tolerance * scale), (path, have, want)
    count += 1
print(count, "calls")
"""


def interpreter(version: str) -> str | None:
    """The interpreter of that version: the one at work, on the PATH, or where pyenv keeps it."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    for found in (shutil.which(f"python{version}"), _of_pyenv(version)):
        if found and subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return found
    return None


def _of_pyenv(version: str) -> str | None:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    homes = sorted(root.glob(f"versions/{version}.*"))
    return str(homes[-1] / "bin" / "python") if homes else None


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Arguments and results of every gallery function, in float64 and in float32, as files."""
    folder = tmp_path_factory.mktemp("calls")
    sys.path.insert(0, str(ROOT / "generated"))
    try:
        for spec in gallery():
            for module in load(spec):
                generated = __import__(module.name)
                for title, function in module.functions.items():
                    (point,) = Sampler(function, None, 0).random(1)
                    values = [point.values[p.name] for p in function.parameters]
                    if any(len(leaves(p.tree)) != 1 for p in function.parameters):
                        continue
                    for number, dtype in enumerate((np.float64, np.float32)):
                        arguments = [v[0].astype(dtype) if v[0].dtype.kind == "f" else v[0] for v in values]
                        results = leaves(_flat(getattr(generated, title)(*arguments)))
                        named = {f"a{i:03}": a for i, a in enumerate(arguments)}
                        named |= {f"r{i:03}": r for i, r in enumerate(results)}
                        np.savez(folder / f"{module.name}-{title}-{number}.npz", **named)
    finally:
        sys.path.remove(str(ROOT / "generated"))
    return folder


def _flat(value):
    return tuple(map(_flat, value)) if isinstance(value, tuple) else value


@pytest.mark.slow
@pytest.mark.parametrize("version, numpy", PAIRS)
def test_the_gallery_gives_the_same_numbers(calls, tmp_path, version, numpy):
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    own = tmp_path / "venv" / "bin" / "python"
    wanted = f"numpy=={numpy}" if "." in numpy else f"numpy>={numpy}"
    pip = [own, "-m", "pip", "install", "-q", "--disable-pip-version-check", wanted]
    subprocess.run(pip, check=True)
    command = [own, "-W", "error", "-I", "-B", "-c", SCRIPT, ROOT / "generated", calls]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_generator_gives_the_same_bytes(tmp_path, version):
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    own = tmp_path / "venv" / "bin" / "python"
    pip = [own, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", str(ROOT)]
    subprocess.run(pip, check=True)
    env = {**os.environ, "PYTHONHASHSEED": "random"}
    check = [own, "-m", "symgrad", "build", "--check", "--out", str(ROOT / "generated")]
    done = subprocess.run(check, env=env, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
