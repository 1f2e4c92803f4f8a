"""Draws grids of images and writes PNG files."""

import math
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.arrays import LIMIT_BYTES, as_array
from zoo.errors import InputError, check_count, shown
from zoo.files import expanded, replacing
from zoo.images.values import check_images, to_uint8

#: Numbers of channels that a PNG file can have: grey, grey with alpha, RGB, RGBA.
DRAWABLE = (1, 2, 3, 4)


def grid(images, columns=None):
    """Lays images out in a grid, row by row, with white gaps of 2 pixels.

    Args:
        images: array `(n, h, w, c)`, uint8 or float in [-1, 1].
        columns: images per row, at least 1; default None makes the grid as square as possible.

    Returns:
        uint8 array `(H, W, c)`.

    Raises:
        InputError: the images are invalid, or the grid takes more than 4 GiB.
    """
    images = check_images(images)
    if images.dtype != np.uint8:
        images = to_uint8(images)
    number, height, width, channels = images.shape
    columns, padding = math.ceil(math.sqrt(number)) if columns is None else check_count(columns, "columns"), 2
    rows = math.ceil(number / columns)
    if (rows * (height + padding) + padding) * (columns * (width + padding) + padding) * channels > LIMIT_BYTES:
        raise InputError(f"columns is {columns}, expected so few that the picture takes at most 4 GiB.")
    canvas = np.full(
        (rows * (height + padding) + padding, columns * (width + padding) + padding, channels), 255, "uint8"
    )
    for index, image in enumerate(images):
        top = padding + index // columns * (height + padding)
        left = padding + index % columns * (width + padding)
        canvas[top : top + height, left : left + width] = image
    return canvas


def write_png(path, image, scale=1):
    """Writes an image as a PNG file, atomically.

    Args:
        path: path of the file.
        image: uint8 array `(h, w, c)` with 1 to 4 channels.
        scale: integer factor of enlargement, at least 1; default 1.

    Raises:
        InputError: an argument is not of this form, or the enlarged image takes more than 4 GiB.
        StorageError: the file cannot be written.
    """
    path, picture, scale = expanded(path), _picture(image), check_count(scale, "scale")
    if 4 * picture.width * picture.height * scale**2 > LIMIT_BYTES:
        raise InputError(f"scale is {scale}, expected so little that the picture takes at most 4 GiB.")
    if scale != 1:
        picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    _save(picture, path)


def write_png_bands(path, bands, height, width):
    """Writes an image that comes in horizontal bands as a PNG file, atomically.

    Args:
        path: path of the file.
        bands: iterable of uint8 arrays `(h, width, c)`, from top to bottom.
        height: rows of the image.
        width: columns of the image.

    Raises:
        InputError: the bands do not make up an image of this size, or it takes more than 4 GiB.
        StorageError: the file cannot be written.
    """
    path, height, width = expanded(path), check_count(height, "height"), check_count(width, "width")
    if 4 * height * width > LIMIT_BYTES:
        raise InputError(f"height is {height} and width {width}, expected a picture of at most 4 GiB.")
    try:
        parts = iter(bands)
    # The iterator of a foreign object may raise any error.
    except Exception:  # noqa: BLE001
        raise InputError(f"bands is {shown(bands)}, expected arrays.") from None
    picture, top = None, 0
    for band in parts:
        part = _picture(band)
        if part.width != width or top + part.height > height:
            raise InputError(f"bands has one of {part.size[::-1]} at row {top}, expected parts of {(height, width)}.")
        # Pillow keeps four bytes per pixel, so assembling a whole array first would double the memory.
        picture = picture or Image.new(part.mode, (width, height))
        picture.paste(part, (0, top))
        top += part.height
    if top != height:
        raise InputError(f"bands has {top} rows, expected {height}.")
    _save(picture, path)


def check_drawable(channels):
    """Raises `InputError` unless a PNG file can have this number of channels."""
    if check_count(channels, "channels") not in DRAWABLE:
        raise InputError(f"The images have {channels} channels, expected 1 to 4, as a PNG file can hold.")


def _picture(image):
    image = as_array(image, "image")
    if image.dtype != np.uint8 or image.ndim != 3 or 0 in image.shape:
        raise InputError(f"image has dtype {image.dtype} and shape {image.shape}, expected uint8 (h, w, channels).")
    check_drawable(image.shape[-1])
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _save(picture, path):
    with replacing(Path(path)) as temporary:
        picture.save(temporary, format="PNG")
