"""Batches of images as arrays: their checks and the conversion of their values."""

import math
import warnings

import numpy as np

from zoo.arrays import as_array, as_numbers
from zoo.errors import InputError, check_image_shape
from zoo.latents import stream

#: How far images may leave [-1, 1], since a resize does so by rounding errors.
RANGE_TOLERANCE = 1e-3


def check_images(images, image_shape=None, name="images"):
    """Returns a batch of images as an array, or raises `InputError` if a model cannot take it.

    Args:
        images: array of shape `(n, height, width, channels)`, uint8 in 0..255 or float in [-1, 1].
        image_shape: tuple `(height, width, channels)`, or None. The expected shape. Defaults to None, which accepts
            any.
        name: str. Name of the argument in the error message. Defaults to `"images"`.

    Returns:
        Array of shape `(n, height, width, channels)`.

    Raises:
        InputError: If the rank, shape, dtype or range is wrong, or the batch is empty or holds NaN or infinity.
    """
    images = as_array(images, name)
    image_shape = None if image_shape is None else check_image_shape(image_shape)
    expected = "(n, height, width, channels)" if image_shape is None else f"(n, {', '.join(map(str, image_shape))})"
    if images.ndim != 4 or (image_shape is not None and images.shape[1:] != image_shape):
        hint = ""
        if image_shape is not None and images.shape == image_shape:
            hint = "; it is a single image, not a batch"
        elif images.ndim == 3 and (image_shape is None or image_shape[-1] == 1):
            hint = f"; a channel axis is added by {name}[..., None]"
        raise InputError(f"{name} has shape {tuple(images.shape)}, expected {expected}{hint}.")
    if len(images) == 0:
        raise InputError(f"{name} is empty, expected at least one image.")
    if images.dtype == np.uint8:
        if images.max() == 1:
            warnings.warn(
                f"{name} holds uint8 values of 0 and 1, which is all but black in 0..255; images of two values are 0 "
                "and 255 (images * np.uint8(255)).",
                stacklevel=3,
            )
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise InputError(f"{name} has dtype {images.dtype}, expected uint8 in 0..255 or floats in [-1, 1].")
    low, high = float(images.min()), float(images.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"{name} holds NaN or infinite values, expected finite floats in [-1, 1].")
    if low < -1 - RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
        hint = " (scale with images / 127.5 - 1)" if spans_bytes(images) else ""
        raise InputError(
            f"{name} holds {images.dtype} values from {low:g} to {high:g}, expected uint8 in 0..255 or "
            f"floats in [-1, 1]{hint}."
        )
    if low >= 0:
        warnings.warn(
            f"{name} holds floats from {low:g} to {high:g}, which looks like [0, 1]; the zoo reads floats "
            "as [-1, 1] (scale with images * 2 - 1, or pass uint8).",
            stacklevel=3,
        )
    return images


def spans_bytes(images):
    """Returns whether an array holds floats in 0..255, as Keras' loaders yield images."""
    return images.dtype.kind == "f" and images.size and images.min() >= 0 and 1 < images.max() <= 255


def to_uint8(images):
    """Converts floats in [-1, 1] to uint8 in 0..255, rounded to nearest and clipped.

    Args:
        images: array of finite floats, of any shape.

    Returns:
        uint8 array of the same shape.

    Raises:
        InputError: If the values are not finite numbers.
    """
    images = as_numbers(images, "images", "finite floats in [-1, 1]")
    return np.clip(np.rint((images + 1.0) * 127.5), 0, 255).astype("uint8")


def to_float(images):
    """Converts uint8 in 0..255 to float32 in [-1, 1].

    Args:
        images: uint8 array of any shape.

    Returns:
        float32 array of the same shape.

    Raises:
        InputError: If the dtype is not uint8.
    """
    images = as_array(images)
    if images.dtype != np.uint8:
        raise InputError(f"images has dtype {images.dtype}, expected uint8.")
    return images / np.float32(127.5) - 1


def checked_floats(images, image_shape=None, name="images"):
    """Checks a user's images like `check_images`, and converts them to float32 in [-1, 1].

    Args:
        images, image_shape, name: as for `check_images`.

    Returns:
        float32 array `(n, height, width, channels)`.

    Raises:
        InputError: As for `check_images`.
    """
    images = check_images(images, image_shape, name)
    return to_float(images) if images.dtype == np.uint8 else images.astype("float32")


def binarize(images, seed):
    """Samples binary images: a pixel of value `x` in [-1, 1] becomes 1 with probability `(x + 1) / 2`, else -1.

    Args:
        images: array of finite floats in [-1, 1], of any shape.
        seed: int from 0 to 2**63 - 1.

    Returns:
        float32 array of the same shape, with the values -1 and 1.

    Raises:
        InputError: If the values are not finite numbers, or the seed is out of range.
    """
    images = as_numbers(images, "images", "finite floats in [-1, 1]")
    return np.where(stream(seed, 0).uniform(size=images.shape) < 0.5 * (images + 1.0), np.float32(1), np.float32(-1))
