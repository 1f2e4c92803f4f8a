"""Distances between images, pixel by pixel."""

import numpy as np

from zoo.arrays import as_array
from zoo.errors import InputError, check_count, shown


def psnr(images, others):
    """Peak signal-to-noise ratio in dB of uint8 images to others of their shape, 10 log10(255^2 / mean squared error).

    The error is averaged over all images before the logarithm; identical images have an infinite ratio.

    Raises:
        InputError: arrays of another dtype, of two shapes, or empty.
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
    # Row by row, since float64 takes eight times the memory of what may be thousands of images.
    rows = zip(images, others, strict=True)
    error = sum(np.sum(np.square(np.subtract(*pair, dtype="float64"))) for pair in rows) / images.size
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def psnr_luma(image, other, border=0):
    """PSNR in dB of the luma of one uint8 image `(h, w, 1 | 3)` to another, as super-resolution is compared.

    Luma is that of ITU-R BT.601 in 16..235, rounded to 8 bits as MATLAB's `rgb2ycbcr` does; `border` pixels on each
    side do not count.

    Raises:
        InputError: arrays of another dtype or number of channels, images of two sizes, or a border that leaves nothing.
    """
    image, other = _picture(image, "image"), _picture(other, "other")
    if image.shape[:2] != other.shape[:2]:
        raise InputError(f"other is {other.shape[:2]}, expected the size of image, {image.shape[:2]}.")
    if 2 * check_count(border, "border", least=0) >= min(image.shape[:2]):
        raise InputError(f"border is {border}, expected from 0 to less than half of the sides {image.shape[:2]}.")
    inner = tuple(slice(border, size - border) for size in np.shape(image)[:2])
    return _psnr(*(luma(picture)[inner] for picture in (image, other)))


def luma(image):
    """Luma `(h, w)` of a uint8 image in 16..235 (ITU-R BT.601); a grey one is taken for equal red, green and blue."""
    image = _picture(image, "image")
    pixels = np.broadcast_to(image, (*image.shape[:2], 3)).astype("float64")
    return np.floor(16.5 + pixels @ np.array([65.481, 128.553, 24.966]) / 255.0)
