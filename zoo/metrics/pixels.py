"""Distances between images, pixel by pixel."""

import numpy as np

from zoo.arrays import as_array
from zoo.errors import InputError, check_count, shown


def psnr(images, others):
    """Computes the peak signal-to-noise ratio in dB, 10 log10(255^2 / mean squared error).

    The error is averaged over all images before the logarithm. Identical images have an infinite ratio.

    Args:
        images, others: uint8 arrays of one shape.

    Returns:
        float.

    Raises:
        InputError: an array is not uint8 or is empty, or the shapes differ.
    """
    images, others = _uint8(images, "images"), _uint8(others, "others")
    if images.shape != others.shape:
        raise InputError(f"others has shape {others.shape}, expected that of images, {images.shape}.")
    return _psnr(images, others)


def _uint8(images, name):
    images = as_array(images, name)
    if images.dtype != np.uint8 or images.ndim == 0 or images.size == 0:
        found = f"{images.dtype} of shape {images.shape}" if images.ndim else shown(images.item())
        raise InputError(f"{name} is {found}, expected uint8 images.")
    return images


def _picture(image, name):
    image = _uint8(image, name)
    if image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise InputError(f"{name} has shape {image.shape}, expected (height, width, 1 or 3).")
    return image


def _psnr(images, others):
    # The error is summed image by image, because float64 takes eight times the memory of what may be thousands of
    # images.
    rows = zip(images, others, strict=True)
    error = sum(np.sum(np.square(np.subtract(*pair, dtype="float64"))) for pair in rows) / images.size
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def psnr_luma(image, other, border=0):
    """Computes the PSNR in dB of the luma of two images, as papers on super-resolution do.

    Luma is that of ITU-R BT.601 in 16..235, rounded to 8 bits like MATLAB's `rgb2ycbcr`.

    Args:
        image, other: uint8 images `(h, w, 1 | 3)` of one height and width.
        border: number of pixels on each side that are ignored, at least 0; default 0.

    Returns:
        float.

    Raises:
        InputError: an array has another dtype or number of channels, the sizes differ, or the border leaves no pixel.
    """
    image, other = _picture(image, "image"), _picture(other, "other")
    if image.shape[:2] != other.shape[:2]:
        raise InputError(f"other is {other.shape[:2]}, expected the size of image, {image.shape[:2]}.")
    if 2 * check_count(border, "border", least=0) >= min(image.shape[:2]):
        raise InputError(f"border is {border}, expected from 0 to less than half of the sides {image.shape[:2]}.")
    inner = tuple(slice(border, size - border) for size in np.shape(image)[:2])
    return _psnr(*(luma(picture)[inner] for picture in (image, other)))


def luma(image):
    """Returns the luma `(h, w)` of a uint8 image in 16..235 (ITU-R BT.601); grey means equal red, green and blue."""
    image = _picture(image, "image")
    pixels = np.broadcast_to(image, (*image.shape[:2], 3)).astype("float64")
    return np.floor(16.5 + pixels @ np.array([65.481, 128.553, 24.966]) / 255.0)
