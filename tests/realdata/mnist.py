"""Files in MNIST's format: gzipped idx, a big-endian header followed by one byte a pixel or label."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

#: Magic numbers. The third byte says "unsigned byte", the last one how many dimensions follow.
IMAGES = 0x0803  # 2051
LABELS = 0x0801  # 2049

Bytes = npt.NDArray[np.uint8]


class IdxError(ValueError):
    """A file that is not what the idx format says, or a pair of files that do not belong together."""


def write_images(path: Path, images: npt.ArrayLike) -> None:
    """Write grey images, integers from 0 to 255 of shape (count, rows, columns)."""
    _write(path, IMAGES, images)


def write_labels(path: Path, labels: npt.ArrayLike) -> None:
    """Write labels, integers from 0 to 255 of shape (count,)."""
    _write(path, LABELS, labels)


def read_images(path: Path) -> Bytes:
    """Images as they are stored, of shape (count, rows, columns). Raises IdxError."""
    return _read(path, IMAGES)


def read_labels(path: Path) -> Bytes:
    """Labels as they are stored, of shape (count,). Raises IdxError."""
    return _read(path, LABELS)


def read_pair(images: Path, labels: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Images scaled to [0, 1] and their labels. Raises IdxError, also where the two differ in number."""
    pixels, digits = read_images(images), read_labels(labels)
    if len(pixels) != len(digits):
        raise IdxError(f"{images.name} has {len(pixels)} images, {labels.name} has {len(digits)} labels")
    return pixels / 255.0, digits.astype(np.int64)


def _dimensions(magic: int) -> int:
    return magic & 0xFF


def _write(path: Path, magic: int, values: npt.ArrayLike) -> None:
    array = np.asarray(values)
    if array.ndim != _dimensions(magic):
        raise IdxError(f"{path.name}: {array.ndim} dimensions, {_dimensions(magic)} expected")
    if array.dtype.kind not in "iu" or (array.size and not 0 <= array.min() <= array.max() <= 255):
        raise IdxError(f"{path.name}: values are not integers from 0 to 255")
    header = struct.pack(f">{1 + array.ndim}I", magic, *array.shape)
    # Without a time stamp the same images make the same file.
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        file.write(header + array.astype(np.uint8).tobytes())


def _read(path: Path, magic: int) -> Bytes:
    try:
        content = gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError) as error:
        raise IdxError(f"{path.name}: not a whole gzip file ({error})") from error
    length = 4 * (1 + _dimensions(magic))
    if len(content) < 4:
        raise IdxError(f"{path.name}: {len(content)} bytes, too few for a magic number")
    (found,) = struct.unpack_from(">I", content)
    if found != magic:
        raise IdxError(f"{path.name}: magic number {found}, {magic} expected")
    if len(content) < length:
        raise IdxError(f"{path.name}: {len(content)} bytes, too few for a header of {length}")
    shape = struct.unpack_from(f">{_dimensions(magic)}I", content, 4)
    if len(content) - length != math.prod(shape):
        raise IdxError(
            f"{path.name}: {len(content) - length} bytes of data, {math.prod(shape)} expected for {shape}"
        )
    return np.frombuffer(content, np.uint8, offset=length).reshape(shape)
