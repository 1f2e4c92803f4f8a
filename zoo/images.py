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

# Rounding after a resize may leave [-1, 1] by a hair; that is not another value range.
_RANGE_TOLERANCE = 1e-3
#: Channels that a PNG file may have: grey, grey with alpha, colours, colours with alpha.
DRAWABLE = (1, 2, 3, 4)
# The formats of `zoo.data.IMAGE_SUFFIXES`; Pillow reads more, and starts another program for some of them.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MAX_PIXELS = "ZOO_MAX_PIXELS"
# By the orientation that EXIF gives a picture that does not stand upright.
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
    """Returns a batch of images as an array, or refuses one that a model cannot take.

    Args:
        images: array `(n, height, width, channels)`, uint8 in 0..255 or float in [-1, 1].
        image_shape: expected `(height, width, channels)`, or None to accept any.
        name: how the message calls the argument.

    Raises:
        InputError: wrong rank, shape, dtype or range, no image at all, NaN or infinity.
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
    if low < -1 - _RANGE_TOLERANCE or high > 1 + _RANGE_TOLERANCE:
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
    """Floats in [-1, 1] to uint8 in 0..255, rounded to nearest and clipped."""
    images = as_numbers(images, "images", "finite floats in [-1, 1]")
    return np.clip(np.rint((images + 1.0) * 127.5), 0, 255).astype("uint8")


def to_float(images):
    """uint8 in 0..255 to float32 in [-1, 1]."""
    images = as_array(images)
    if images.dtype != np.uint8:
        raise InputError(f"images has dtype {images.dtype}, expected uint8.")
    return images / np.float32(127.5) - 1


def binarize(images, seed):
    """Draws images of -1 and 1, float32; those in [-1, 1] say how likely each pixel is 1, from never to always."""
    images = as_numbers(images, "images", "finite floats in [-1, 1]")
    return np.where(stream(seed, 0).uniform(size=images.shape) < 0.5 * (images + 1.0), np.float32(1), np.float32(-1))


def over_white(image):
    """A Pillow image, whatever its mode, without transparency: laid over white, RGB."""
    if not isinstance(image, Image.Image):
        raise InputError(f"image is {shown(image)}, expected a Pillow image.")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def fit_image(image, image_shape):
    """Crops an image to the target's aspect ratio at its centre and resizes it.

    Args:
        image: array `(h, w, 1 | 3 | 4)` or `(h, w)` of uint8, or of uint16 up to 65535, or a Pillow image.
        image_shape: target `(height, width, 1 | 3)`. Grey images are repeated to three channels, colour
            becomes luma (ITU-R 601), transparency is laid over white.

    Returns:
        uint8 array of `image_shape`; an array that already has this shape is returned as it is.

    Raises:
        InputError: no such image, or no such target.
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
        # Which Pillow converts to nothing else.
        image = image.convert("RGB")
    image = image.convert("L" if channels == 1 else "RGB")
    scale = min(image.width / width, image.height / height)
    crop_width, crop_height = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (image.width - crop_width) // 2, (image.height - crop_height) // 2
    # Cropped before, since resize(box=...) would let its filter look beyond the box.
    image = _cropped(image, (left, top, left + crop_width, top + crop_height))
    resized = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
    return resized[..., None] if channels == 1 else resized


def _cropped(image, box):
    """Crops like Pillow's `crop`, which warns or fails at a limit of pixels that holds for the whole process."""
    left, top, right, bottom = box
    return image.transform((right - left, bottom - top), Image.Transform.EXTENT, box)


def _to_eight_bits(image):
    """A Pillow image of 16-bit values as one of 8 bits, which Pillow would clip at 255 instead of scaling.

    Raises:
        ValueError: an image of floats or of 32-bit integers, whose range is anyone's guess.
    """
    # As which older versions of Pillow open PNG files of 16 bits.
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        kind = "floats" if image.mode == "F" else "32-bit integers"
        raise ValueError(f"it holds {kind}, expected 8 or 16 bits a channel")
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray(_of_sixteen_bits(image))


def _of_sixteen_bits(values):
    return (np.asarray(values, "float32") / 257.0).round().clip(0, 255).astype("uint8")


def _has_alpha(image):
    return image.mode in ("P", "LA", "PA", "RGBA") or "transparency" in image.info


def read_image(path, image_shape, part=None):
    """One image file, upright, or its left (0) or right (1) half as `part` says, cropped and resized by `fit_image`.

    Raises:
        DataError: there is no such file, or it cannot be read as an image.
        InputError: no path, shape or half.
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
    """Width and height of an image file, upright, without decoding it.

    Raises:
        DataError: as for `read_image`.
    """
    with _opened(expanded(path)) as image:
        return image.size[::-1] if _turn_of(image) in _TO_THE_SIDE else image.size


def read_picture(path):
    """One image file as it is: uint8 `(h, w, c)`, grey or RGB, with alpha where it has some, upright.

    Raises:
        DataError: there is no such file, or it cannot be read as an image.
    """
    with _opened(expanded(path)) as image:
        return _pixels(_upright(image))


def as_pixels(image):
    """The uint8 array `(h, w)` or `(h, w, c)` of an image that may be a Pillow image.

    Raises:
        InputError: no such image.
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
    try:
        return _pixels(image)
    except ValueError as error:
        raise InputError(f"image is a Pillow image of mode {image.mode}; {error}.") from None


def _pixels(image):
    image = _to_eight_bits(image)
    grey = image.mode in ("1", "L", "LA")
    if _has_alpha(image):
        rgba = image.convert("RGBA")
        # A palette without transparency has none.
        opaque = rgba.getchannel("A").getextrema()[0] == 255
        image = rgba.convert("L" if opaque else "LA") if grey else rgba.convert("RGB" if opaque else "RGBA")
    else:
        image = image.convert("L" if grey else "RGB")
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _turn_of(image):
    """How a picture is to be turned to stand upright, None where it does."""
    # Pillow turns TIFF files itself.
    return None if image.format == "TIFF" else _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))


def _upright(image):
    # Pillow's exif_transpose writes all other tags anew, too, and fails where one of them is odd.
    turn = _turn_of(image)
    return image if turn is None else image.transpose(turn)


@contextlib.contextmanager
def _opened(path):
    """Opens an image file with Pillow, and says in one sentence what is wrong with it."""
    limit = _max_pixels()
    try:
        # A pipe would wait for ever, and a device has no end.
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
        # Pillow raises any of these for a damaged file, depending on the format.
        raise DataError(f"The file {str(path)!r} cannot be read as an image ({first_line(error)}).") from error


def _max_pixels():
    """The number of pixels above which a picture is refused before it is decoded."""
    text = os.environ.get(_MAX_PIXELS, "100000000")
    try:
        return check_count(int(text), _MAX_PIXELS)
    except ValueError:
        raise InputError(f"{_MAX_PIXELS} is {shown(text)}, expected an integer of at least 1.") from None


def _identified(file):
    """Opens a picture of the formats that the zoo reads, whatever its name, without decoding it.

    Pillow's `open` warns or fails at a limit of pixels that holds for the whole process.
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
    """Lays uint8 images `(n, h, w, c)` out row by row; returns one uint8 `(H, W, c)` array.

    `columns` defaults to the nearest square. Gaps are white, 2 pixels wide.
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
    """Writes one uint8 `(h, w, c)` image, perhaps with alpha, enlarged `scale` times, whole or not at all.

    Raises:
        InputError: no such image, scale or path.
    """
    path, picture, scale = expanded(path), _picture(image), check_count(scale, "scale")
    if 4 * picture.width * picture.height * scale**2 > LIMIT_BYTES:
        raise InputError(f"scale is {scale}, expected so little that the picture takes at most 4 GiB.")
    if scale != 1:
        picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    _save(picture, path)


def write_png_bands(path, bands, height, width):
    """Writes an image of that size from the uint8 `(h, width, c)` arrays that follow one another from its top.

    Raises:
        InputError: arrays that do not make up an image of that size, or no path.
    """
    path, height, width = expanded(path), check_count(height, "height"), check_count(width, "width")
    if 4 * height * width > LIMIT_BYTES:
        raise InputError(f"height is {height} and width {width}, expected a picture of at most 4 GiB.")
    try:
        parts = iter(bands)
    # The iterator of an object may raise anything.
    except Exception:  # noqa: BLE001
        raise InputError(f"bands is {shown(bands)}, expected arrays.") from None
    picture, top = None, 0
    for band in parts:
        part = _picture(band)
        if part.width != width or top + part.height > height:
            raise InputError(f"bands has one of {part.size[::-1]} at row {top}, expected parts of {(height, width)}.")
        # Pillow keeps four bytes for a colour: a whole array beside that would be as large again.
        picture = picture or Image.new(part.mode, (width, height))
        picture.paste(part, (0, top))
        top += part.height
    if top != height:
        raise InputError(f"bands has {top} rows, expected {height}.")
    _save(picture, path)


def check_drawable(channels):
    """Refuses images of more channels than a picture can show."""
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
