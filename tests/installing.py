"""Environments for tests that install something: with symgrad from its wheel, and with numpy alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import symgrad

CHECKOUT = Path(symgrad.__file__).resolve().parents[1]
PIECES = ("pyproject.toml", "README.md", "LICENSE", "symgrad", "templates")


def command(*arguments: str | Path, cwd: Path, fails: bool = False, **environment: str) -> str:
    """What a command prints, on both streams where it fails; whether it fails is asserted."""
    # A PYTHONPATH that leads to this checkout would hide what was installed.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(a) for a in arguments], cwd=cwd, capture_output=True, text=True, env={**inherited, **environment}
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr if fails else done.stdout


def copy_of_checkout(folder: Path) -> Path:
    """What symgrad is built from, in a folder of its own."""
    for piece in PIECES:
        source = CHECKOUT / piece
        if source.is_dir():
            shutil.copytree(source, folder / piece, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / piece)
    return folder


@dataclass(frozen=True)
class Environment:
    """A virtual environment: its interpreter, and its folders of packages and of scripts."""

    python: Path
    packages: Path
    scripts: Path

    def pip(self, *arguments: str | Path, cwd: Path) -> str:
        """Run this interpreter's pip on the environment: without an index, and without dependencies."""
        offline = ("--no-index", "--no-deps", "--quiet", "--no-build-isolation")
        pip = (sys.executable, "-m", "pip", "--python", self.python)
        return command(*pip, arguments[0], *offline, *arguments[1:], cwd=cwd)


def environment(folder: Path, *, borrow: bool) -> Environment:
    """A new environment. It borrows all that is installed here, or else nothing but numpy."""
    venv.create(folder, with_pip=False, symlinks=True)
    scheme = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)}, scheme="venv")
    packages = Path(scheme["purelib"])
    if borrow:
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    else:
        installed = Path(np.__file__).parent
        for path in (installed, installed.with_name("numpy.libs")):
            if path.exists():
                (packages / path.name).symlink_to(path)
    return Environment(Path(scheme["scripts"], "python"), packages, Path(scheme["scripts"]))
