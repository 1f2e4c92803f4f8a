"""Resizing as MATLAB does it, which the figures of super-resolution rest on."""

import functools
import math

import numpy as np


# Few, since that of a photograph takes as many bytes as it has pixels.
@functools.lru_cache(maxsize=8)
def resize_matrix(size, new_size):
    """The matrix `(new_size, size)` that resizes one axis as MATLAB's `imresize` does with its bicubic kernel.

    The kernel is that of Keys 1981 with a = -1/2, as much wider when shrinking as the image shrinks, which keeps
    frequencies out that the result cannot show; images are continued by their mirror image.
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
    """A uint8 image `(h, w, c)` resized to `sides`, `(height, width)`, as by MATLAB's `imresize(image, sides)`.

    That is axis by axis, with uint8 in between. (Where the scales of the axes differ, MATLAB begins with the smaller
    one; here it is always the height.)
    """
    rows, columns = (resize_matrix(old, new) for old, new in zip(image.shape[:2], sides, strict=True))
    resized = _to_levels(np.einsum("yh,hwc->ywc", rows, image.astype("float64"), optimize=True))
    return _to_levels(np.einsum("xw,ywc->yxc", columns, resized, optimize=True)).astype("uint8")


def _to_levels(values):
    # MATLAB rounds halves away from zero.
    return np.clip(np.floor(values + 0.5), 0, 255)
