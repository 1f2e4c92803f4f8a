"""Draws grids of images and writes PNG and GIF files."""

import io
import itertools
import math

import numpy as np
from PIL import Image

from zoo.arrays import LIMIT_BYTES, as_array
from zoo.errors import InputError, check_count, shown
from zoo.files import expanded, replacing, storing
from zoo.images.values import check_images, to_uint8

#: Numbers of channels that a PNG file can have: grey, grey with alpha, RGB, RGBA.
DRAWABLE = (1, 2, 3, 4)


def grid(images, columns=None):
    """Lays images out in a grid, row by row, with white gaps of 2 pixels.

    Args:
        images: uint8 array, or float array in [-1, 1], of shape `(n, h, w, c)`.
        columns: int of at least 1, or None. Images per row. Defaults to None, which makes the grid as square as
            possible.

    Returns:
        uint8 array of shape `(H, W, c)`.

    Raises:
        InputError: If the images are invalid, or the grid takes more than 4 GiB.

    Example:

    ```python
    import numpy as np
    from zoo.images import grid, write_png

    write_png("grid.png", grid(np.zeros((6, 28, 28, 1), "uint8"), columns=3), scale=2)
    ```
    """
    images = check_images(images)
    if images.dtype != np.uint8:
        images = to_uint8(images)
    number, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(number)) if columns is None else check_count(columns, "columns")
    rows, padding = math.ceil(number / columns), 2
    shape = (rows * (height + padding) + padding, columns * (width + padding) + padding, channels)
    if math.prod(shape) > LIMIT_BYTES:
        raise InputError(f"columns is {columns}, expected so few that the picture takes at most 4 GiB.")
    canvas = np.full(shape, 255, "uint8")
    for index, image in enumerate(images):
        top = padding + index // columns * (height + padding)
        left = padding + index % columns * (width + padding)
        canvas[top : top + height, left : left + width] = image
    return canvas


def write_png(path, image, scale=1):
    """Writes an image as a PNG file, atomically.

    Args:
        path: str or path of the file.
        image: uint8 array of shape `(h, w, c)` with 1 to 4 channels.
        scale: int, at least 1. Factor of enlargement. Defaults to 1.

    Raises:
        InputError: If an argument is not of this form, or the enlarged image takes more than 4 GiB.
        StorageError: If the file cannot be written.
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
        path: str or path of the file.
        bands: iterable of uint8 arrays of shape `(h, width, c)`, from top to bottom.
        height: int. Rows of the image.
        width: int. Columns of the image.

    Raises:
        InputError: If the bands do not make up an image of this size, or it takes more than 4 GiB.
        StorageError: If the file cannot be written.
    """
    path, height, width = expanded(path), check_count(height, "height"), check_count(width, "width")
    if 4 * height * width > LIMIT_BYTES:
        raise InputError(f"height is {height} and width {width}, expected a picture of at most 4 GiB.")
    try:
        bands = iter(bands)
    # The iterator of a foreign object may raise any error.
    except Exception:  # noqa: BLE001
        raise InputError(f"bands is {shown(bands)}, expected arrays.") from None
    picture, top = None, 0
    for band in bands:
        band = _picture(band)
        if band.width != width or top + band.height > height:
            raise InputError(f"bands has one of {band.size[::-1]} at row {top}, expected parts of {(height, width)}.")
        # Pillow keeps four bytes per pixel, so assembling a whole array first would double the memory.
        picture = picture or Image.new(band.mode, (width, height))
        picture.paste(band, (0, top))
        top += band.height
    if top != height:
        raise InputError(f"bands has {top} rows, expected {height}.")
    _save(picture, path)


def write_pngs(folder, batches, number):
    """Writes images as PNG files of their own, named by their index, such as `0007.png`, as they come.

    Args:
        folder: str or path of a folder, which is made if there is none; its parent exists.
        batches: iterable of uint8 arrays `(n, h, w, c)`, with 1 to 4 channels.
        number: int. Number of all images, which says how many digits the names have, at least 4.

    Raises:
        InputError: If the images are not of this form.
        StorageError: If a file cannot be written; those before it stay.
    """
    folder, digits = expanded(folder), max(4, len(str(check_count(number, "number") - 1)))
    for index, image in enumerate(itertools.chain.from_iterable(batches)):
        path, content = folder / f"{index:0{digits}}.png", png_bytes(image)
        with storing(folder):
            folder.mkdir(exist_ok=True)
            try:
                # Each of thousands of files would wait for the disk if it were replaced as `write_png` does.
                path.write_bytes(content)
            except OSError:
                path.unlink(missing_ok=True)
                raise


def png_bytes(image):
    """Returns an image, a uint8 array `(h, w, c)` with 1 to 4 channels, as the content of a PNG file."""
    stream = io.BytesIO()
    _picture(image).save(stream, format="PNG")
    return stream.getvalue()


def write_gif(path, images, seconds):
    """Writes images as an animation that repeats forever, atomically.

    Args:
        path: str or path of the file.
        images: uint8 array `(n, h, w, c)` with 1 to 4 channels.
        seconds: float above 0. Time that each image is shown, in steps of a hundredth.

    Raises:
        InputError: If the images are not of this form.
        StorageError: If the file cannot be written.
    """
    first, *others = map(_picture, images)
    with replacing(expanded(path)) as temporary:
        first.save(temporary, format="GIF", save_all=True, append_images=others, duration=round(1000 * seconds), loop=0)


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
    with replacing(path) as temporary:
        picture.save(temporary, format="PNG")
