"""Images as arrays: checks, value ranges, resizing, grids.

Everywhere in the zoo, uint8 means 0..255 and floats lie in [-1, 1]; arrays are NHWC.
"""

import contextlib
import math
import os
import stat
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from zoo.arrays import LIMIT_BYTES, as_array, as_numbers
from zoo.errors import DataError, InputError, check_count, check_image_shape, first_line, shown
from zoo.files import expanded, replacing
from zoo.latents import stream

# A resize may leave [-1, 1] by a rounding error, which does not mean another value range.
RANGE_TOLERANCE = 1e-3
#: Numbers of channels that a PNG file can have: grey, grey with alpha, RGB, RGBA.
DRAWABLE = (1, 2, 3, 4)
# The formats of `zoo.data.IMAGE_SUFFIXES`. Pillow reads more, but runs external programs for some of them.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MAX_PIXELS = "ZOO_MAX_PIXELS"
# Maps the EXIF orientation of a picture to the transposition that turns it upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TO_THE_SIDE = [_TURNS[orientation] for orientation in (5, 6, 7, 8)]


def check_images(images, image_shape=None, name="images"):
    """Returns a batch of images as an array, or raises `InputError` if a model cannot take it.

    Args:
        images: array `(n, height, width, channels)`, uint8 in 0..255 or float in [-1, 1].
        image_shape: expected `(height, width, channels)`; default None accepts any.
        name: name of the argument in the error message; default `"images"`.

    Returns:
        array `(n, height, width, channels)`.

    Raises:
        InputError: the rank, shape, dtype or range is wrong, or the batch is empty or holds NaN or infinity.
    """
    images = as_array(images, name)
    image_shape = None if image_shape is None else check_image_shape(image_shape)
    expected = "(n, height, width, channels)" if image_shape is None else f"(n, {_shape(image_shape)})"
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
        raise InputError(
            f"{name} holds {images.dtype} values from {low:g} to {high:g}, expected uint8 in 0..255 or "
            "floats in [-1, 1]."
        )
    if low >= 0:
        warnings.warn(
            f"{name} holds floats from {low:g} to {high:g}, which looks like [0, 1]; the zoo reads floats "
            "as [-1, 1] (scale with images * 2 - 1, or pass uint8).",
            stacklevel=3,
        )
    return images


def _shape(image_shape):
    return ", ".join(str(size) for size in image_shape)


def to_uint8(images):
    """Converts floats in [-1, 1] to uint8 in 0..255, rounded to nearest and clipped.

    Args:
        images: array of finite floats, of any shape.

    Returns:
        uint8 array of the same shape.

    Raises:
        InputError: the values are not finite numbers.
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
        InputError: the dtype is not uint8.
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
        InputError: as for `check_images`.
    """
    images = check_images(images, image_shape, name)
    return to_float(images) if images.dtype == np.uint8 else images.astype("float32")


def binarize(images, seed):
    """Samples binary images: a pixel of value `x` in [-1, 1] becomes 1 with probability `(x + 1) / 2`, else -1.

    Args:
        images: array of finite floats in [-1, 1], of any shape.
        seed: integer from 0 to 2**63 - 1.

    Returns:
        float32 array of the same shape, with the values -1 and 1.

    Raises:
        InputError: the values are not finite numbers, or the seed is out of range.
    """
    images = as_numbers(images, "images", "finite floats in [-1, 1]")
    return np.where(stream(seed, 0).uniform(size=images.shape) < 0.5 * (images + 1.0), np.float32(1), np.float32(-1))


def over_white(image):
    """Composites a Pillow image of any mode over white.

    Args:
        image: Pillow image.

    Returns:
        Pillow image of mode RGB.

    Raises:
        InputError: `image` is not a Pillow image.
    """
    if not isinstance(image, Image.Image):
        raise InputError(f"image is {shown(image)}, expected a Pillow image.")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def fit_image(image, image_shape):
    """Crops an image at its centre to the target's aspect ratio and resizes it.

    Args:
        image: uint8 or uint16 array `(h, w, 1 | 3 | 4)` or `(h, w)`, or a Pillow image. uint16 spans 0..65535.
        image_shape: target `(height, width, 1 | 3)`. Grey images are repeated to three channels, colours become luma
            (ITU-R 601), and transparency is composited over white.

    Returns:
        uint8 array of `image_shape`. A uint8 array that already has this shape is returned as it is.

    Raises:
        InputError: `image` or `image_shape` is not of this form, or a Pillow image holds floats or 32-bit integers.
    """
    image_shape = check_image_shape(image_shape)
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise InputError(f"image_shape is {image_shape}, expected 1 or 3 channels.")
    if isinstance(image, Image.Image):
        image = _to_eight_bits(image)
    else:
        image = as_array(image, "image")
        fits = image.ndim == 2 or (image.ndim == 3 and image.shape[-1] in (1, 3, 4))
        if image.dtype not in (np.uint8, np.uint16) or not fits or 0 in image.shape:
            raise InputError(
                f"image has dtype {image.dtype} and shape {image.shape}, expected uint8 or uint16 (h, w) or "
                "(h, w, 1, 3 or 4)."
            )
        if image.dtype == np.uint16:
            image = _of_sixteen_bits(image)
        if image.shape == image_shape:
            return image
        image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    if _has_alpha(image):
        image = over_white(image)
    if image.mode == "LAB":
        # Pillow converts LAB to no other mode directly.
        image = image.convert("RGB")
    image = image.convert("L" if channels == 1 else "RGB")
    scale = min(image.width / width, image.height / height)
    crop_width, crop_height = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (image.width - crop_width) // 2, (image.height - crop_height) // 2
    # The image is cropped first because the filter of resize(box=...) looks beyond the box.
    image = _cropped(image, (left, top, left + crop_width, top + crop_height))
    resized = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
    return resized[..., None] if channels == 1 else resized


def _cropped(image, box):
    """Crops like Pillow's `crop`, but without its process-wide pixel limit, at which that warns or fails."""
    left, top, right, bottom = box
    return image.transform((right - left, bottom - top), Image.Transform.EXTENT, box)


def _to_eight_bits(image):
    """Scales a 16-bit Pillow image to 8 bits, because Pillow's own conversion clips values at 255.

    Raises:
        InputError: the image holds floats or 32-bit integers, whose range is unknown.
    """
    # Older versions of Pillow open 16-bit PNG files in mode "I".
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        kind = "floats" if image.mode == "F" else "32-bit integers"
        raise InputError(f"The image holds {kind}, expected 8 or 16 bits a channel.")
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray(_of_sixteen_bits(image))


def _of_sixteen_bits(values):
    return (np.asarray(values, "float32") / 257.0).round().clip(0, 255).astype("uint8")


def _has_alpha(image):
    return image.mode in ("P", "LA", "PA", "RGBA") or "transparency" in image.info


def read_image(path, image_shape, part=None):
    """Reads an image file upright, then crops and resizes it with `fit_image`.

    Args:
        path: path of the file.
        image_shape: target `(height, width, 1 | 3)`.
        part: 0 reads the left half of the picture, 1 the right half; default None reads all of it.

    Returns:
        uint8 array of `image_shape`.

    Raises:
        DataError: there is no such file, or it cannot be read as an image.
        InputError: an argument is not of this form.
    """
    path, image_shape = expanded(path), check_image_shape(image_shape)
    if part is not None and check_count(part, "part", least=0) > 1:
        raise InputError(f"part is {part}, expected 0, 1 or None.")
    with _opened(path) as image:
        image = _upright(image)
        if part is not None:
            half = image.width // 2
            image = _cropped(image, (part * half, 0, (part + 1) * half, image.height))
        return fit_image(image, image_shape)


def picture_sides(path):
    """Reads the width and height of an image file as it stands upright, without decoding it.

    Args:
        path: path of the file.

    Returns:
        Tuple `(width, height)`.

    Raises:
        DataError: as for `read_image`.
    """
    with _opened(expanded(path)) as image:
        return image.size[::-1] if _turn_of(image) in _TO_THE_SIDE else image.size


def read_picture(path):
    """Reads an image file upright and without resizing.

    Args:
        path: path of the file.

    Returns:
        uint8 array `(h, w, c)`: grey or RGB, with an alpha channel if some pixel is transparent.

    Raises:
        DataError: there is no such file, or it cannot be read as an image.
    """
    with _opened(expanded(path)) as image:
        return _pixels(_upright(image))


def as_pixels(image):
    """Converts an array or a Pillow image to an array of pixels.

    Args:
        image: uint8 array `(h, w)` or `(h, w, c)`, returned as it is, or a Pillow image.

    Returns:
        uint8 array `(h, w)` or `(h, w, c)`.

    Raises:
        InputError: `image` is neither.
    """
    if isinstance(image, (str, os.PathLike)):
        raise InputError(
            f"image is {shown(image)}, expected an array or a Pillow image; zoo.images.read_picture reads a file."
        )
    if not isinstance(image, Image.Image):
        image = as_array(image, "image")
        if image.ndim not in (2, 3) or image.dtype != np.uint8 or 0 in image.shape:
            raise InputError(
                f"image has dtype {image.dtype} and shape {image.shape}, expected uint8 (h, w) or (h, w, channels)."
            )
        return image
    return _pixels(image)


def _pixels(image):
    image = _to_eight_bits(image)
    grey = image.mode in ("1", "L", "LA")
    if _has_alpha(image):
        rgba = image.convert("RGBA")
        # An alpha channel that is opaque everywhere is dropped; palettes often have one.
        opaque = rgba.getchannel("A").getextrema()[0] == 255
        image = rgba.convert("L" if opaque else "LA") if grey else rgba.convert("RGB" if opaque else "RGBA")
    else:
        image = image.convert("L" if grey else "RGB")
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _turn_of(image):
    """The transposition that turns a picture upright, or None if it is upright."""
    # Pillow turns TIFF files upright when it opens them.
    return None if image.format == "TIFF" else _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))


def _upright(image):
    # Pillow's exif_transpose rewrites all other tags, too, and fails on a malformed one.
    turn = _turn_of(image)
    return image if turn is None else image.transpose(turn)


@contextlib.contextmanager
def _opened(path):
    """Opens an image file with Pillow, or raises `DataError`."""
    limit = _max_pixels()
    try:
        # Opening a named pipe blocks forever, and reading a device never ends.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError("it is no regular file")
        with open(path, "rb") as file, _identified(file) as image:
            width, height = image.size
            if width * height > limit:
                raise ValueError(
                    f"it has {width}x{height} = {width * height} pixels, more than the limit of {limit}, which the "
                    f"environment variable {_MAX_PIXELS} sets"
                )
            yield image
    except FileNotFoundError:
        raise DataError(f"There is no image file {str(path)!r}.") from None
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        # Depending on the format, Pillow raises any of these for a damaged file.
        raise DataError(f"The file {str(path)!r} cannot be read as an image ({first_line(error)}).") from error


def _max_pixels():
    """The largest number of pixels of a picture that is decoded."""
    text = os.environ.get(_MAX_PIXELS, "100000000")
    try:
        return check_count(int(text), _MAX_PIXELS)
    except ValueError:
        raise InputError(f"{_MAX_PIXELS} is {shown(text)}, expected an integer of at least 1.") from None


def _identified(file):
    """Opens a picture of a format that the zoo reads, without decoding it; the file's name does not matter.

    Pillow's `open` is not used because it warns or fails at a process-wide pixel limit.
    """
    Image.init()
    prefix = file.read(16)
    for name in _FORMATS:
        factory, accepts = Image.OPEN[name]
        if accepts(prefix):
            file.seek(0)
            return factory(file, "")
    raise ValueError(f"it is none of {', '.join(_FORMATS)}")


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
