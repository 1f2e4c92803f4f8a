"""What was read of a source: images, and the labels, source images and prompts that belong to them."""

import errno
import math
import os
import tempfile
from typing import NamedTuple

import numpy as np

from zoo.errors import DataError

#: Images that take more bytes than this live in an unlinked file, which the system pages in and out.
IN_MEMORY_BYTES = 2 * 1024**3


class ImageSet(NamedTuple):
    """Images with the labels, source images and prompts of a source.

    Args:
        images: uint8 array, or float array in [-1, 1], of shape `(n, h, w, c)`.
        labels: int32 array of shape `(n,)`, or None if the source has no labels. Defaults to None.
        class_names: tuple of str, or None. The name of each class. Defaults to None.
        source_images: array like `images`, or None. The inputs of an image-to-image model, in the order of `images`. If
            the two are unpaired, their numbers may differ. Defaults to None.
        prompts: array of texts of shape `(n,)`, or of several for each image `(n, texts)`, of which every epoch takes
            the next one; int array of their tokens `(n, words)` or `(n, texts, words)`; or None. Defaults to None.
        latents: float array of the noise `(n, latent_dim)` that images were drawn from, or None. Only flows train on
            it. Defaults to None.

    Example:

    ```python
    import numpy as np
    from zoo import data

    image_set = data.ImageSet(np.zeros((8, 32, 32, 3), "uint8"), labels=np.arange(8, dtype="int32"))
    dataset = data.batches(image_set, batch_size=4)
    ```
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    source_images: np.ndarray | None = None
    prompts: np.ndarray | None = None
    latents: np.ndarray | None = None


def empty_images(number, image_shape):
    """Returns an uninitialized uint8 array of `number` images, in memory or in a temporary file.

    Raises:
        DataError: If the temporary file cannot be written.
    """
    shape = (number, *image_shape)
    size = math.prod(shape)
    if size <= IN_MEMORY_BYTES:
        return np.empty(shape, "uint8")
    try:
        with tempfile.TemporaryFile() as file:
            _reserve(file, size)
            return np.memmap(file, "uint8", "w+", shape=shape)
    except OSError as error:
        raise DataError(
            f"The images take {size} bytes in the folder {tempfile.gettempdir()!r}, which cannot be had "
            f"({error.strerror}); TMPDIR names another."
        ) from error


def _reserve(file, size):
    """Reserves disk space for a file, because the process is killed if the disk fills up under a mapped file."""
    # Some systems and some file systems cannot reserve space.
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
