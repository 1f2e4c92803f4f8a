"""Bicubic resizing as in MATLAB, which the published results of super-resolution use."""

import functools
import math

import numpy as np


# The cache is small, because the matrix for a photograph takes about as many bytes as the photograph has pixels.
@functools.lru_cache(maxsize=8)
def resize_matrix(size, new_size):
    """Returns the matrix `(new_size, size)` that resizes one axis like the bicubic mode of MATLAB's `imresize`.

    The kernel is that of Keys 1981 with a = -1/2. When shrinking, it is widened by the factor of the reduction to
    suppress frequencies that the smaller image cannot represent. Beyond the edges, images are continued by reflection.

    Args:
        size: int. Number of pixels along the axis.
        new_size: int. Number of pixels after resizing.
    """
    scale = new_size / size
    spread = max(1.0, 1.0 / scale)
    centres = (np.arange(new_size) + 0.5) / scale - 0.5
    reach = math.ceil(2 * spread) + 1
    columns = np.floor(centres)[:, None].astype(int) + np.arange(-reach, reach + 1)
    x = np.abs(centres[:, None] - columns) / spread
    kernel = np.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2) * (x < 2)
    kernel /= kernel.sum(1, keepdims=True)
    mirrored = columns % (2 * size)
    mirrored = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
    matrix = np.zeros((new_size, size))
    np.add.at(matrix, (np.arange(new_size)[:, None], mirrored), kernel)
    matrix.setflags(write=False)
    return matrix


def resize_bicubic(image, sides):
    """Resizes a uint8 image `(h, w, c)` to `sides`, `(height, width)`, like MATLAB's `imresize(image, sides)`.

    The height is resized first and then the width, with uint8 values in between. MATLAB begins with the axis of the
    smaller scale, so the results can differ if the two scales do.
    """
    rows, columns = (resize_matrix(old, new) for old, new in zip(image.shape[:2], sides, strict=True))
    resized = _to_levels(np.einsum("yh,hwc->ywc", rows, image.astype("float64"), optimize=True))
    return _to_levels(np.einsum("xw,ywc->yxc", columns, resized, optimize=True)).astype("uint8")


def _to_levels(values):
    # MATLAB rounds halves away from zero.
    return np.clip(np.floor(values + 0.5), 0, 255)
