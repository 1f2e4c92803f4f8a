"""What a source holds: the images with their labels, source images and prompts."""

import errno
import math
import os
import tempfile
from typing import NamedTuple

import numpy as np

from zoo.errors import DataError

# Larger sets of decoded images live in an unlinked file that the system pages in and out.
IN_MEMORY_BYTES = 2 * 1024**3


class ImageSet(NamedTuple):
    """Images with the labels, source images and prompts of a source; a field that the source lacks is None.

    Attributes:
        images: array `(n, h, w, c)`, uint8 or float in [-1, 1].
        labels: int32 `(n,)`.
        class_names: tuple of the names of the classes.
        source_images: array `(n, h, w, c)` of the inputs of an image-to-image model, in the order of `images`. If the
            two are unpaired, their numbers may differ.
        prompts: texts `(n,)`, or their tokens `(n, words)` for a model.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    source_images: np.ndarray | None = None
    prompts: np.ndarray | None = None


def empty_images(number, image_shape):
    shape = (number, *image_shape)
    size = math.prod(shape)
    if size <= IN_MEMORY_BYTES:
        return np.empty(shape, "uint8")
    try:
        with tempfile.TemporaryFile() as file:
            _take_room(file, size)
            return np.memmap(file, "uint8", "w+", shape=shape)
    except OSError as error:
        raise DataError(
            f"The images take {size} bytes in the folder {tempfile.gettempdir()!r}, which cannot be had "
            f"({error.strerror}); TMPDIR names another."
        ) from error


def _take_room(file, size):
    """Reserves disk space for a file, because the process is killed if the disk fills up under a mapped file."""
    # Some systems and some file systems cannot reserve space.
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
