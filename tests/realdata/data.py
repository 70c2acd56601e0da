"""The data sets that ship with scikit-learn, as the generated modules take them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from . import mnist

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: One image in so many is kept for testing. The digits come in runs of 0 to 9, written by one person after
#: another; a period that has no factor in common with ten draws every digit of every writer.
PERIOD = 3

#: MNIST's own file names.
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


class Digits(NamedTuple):
    """Images of shape (n, 8, 8) with values from 0 to 1, and labels from 0 to 9."""

    train_images: Floats
    train_labels: Integers
    test_images: Floats
    test_labels: Integers


class Table(NamedTuple):
    """One row an observation, standardised columns; and what is to be predicted."""

    X: Floats
    y: Floats


def write_digits(folder: Path) -> None:
    """Write the 1,797 handwritten digits as four files in MNIST's format."""
    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)  # the original has 17 levels of grey
    kept = np.arange(len(pixels)) % PERIOD == 0
    for part, rows in (("train", ~kept), ("test", kept)):
        images, labels = FILES[part]
        mnist.write_images(folder / images, pixels[rows])
        mnist.write_labels(folder / labels, digits.target[rows])


def read_digits(folder: Path) -> Digits:
    """Read what `write_digits` wrote, or any other data set in MNIST's format."""
    pairs = {
        part: mnist.read_pair(folder / images, folder / labels) for part, (images, labels) in FILES.items()
    }
    return Digits(*pairs["train"], *pairs["test"])


def digits() -> Digits:
    """The digits, by way of files."""
    with tempfile.TemporaryDirectory() as folder:
        write_digits(Path(folder))
        return read_digits(Path(folder))


def diabetes() -> Table:
    """Progression of diabetes after a year: 442 patients, ten measurements."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    return Table(standardised(X), y)


def breast_cancer() -> Table:
    """Malignant or benign: 569 biopsies, thirty measurements."""
    X, y = load_breast_cancer(return_X_y=True)
    return Table(standardised(X), y.astype(float))


def standardised(X: Floats) -> Floats:
    """Columns of mean 0 and variance 1."""
    result: Floats = (X - X.mean(axis=0)) / X.std(axis=0)
    return result
