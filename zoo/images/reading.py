"""Reads image files of the formats that the zoo takes, upright and within a limit of pixels."""

import contextlib
import os
import stat
import struct

from PIL import ExifTags, Image

from zoo.errors import DataError, InputError, check_count, check_image_shape, first_line, shown
from zoo.files import expanded
from zoo.images.fitting import as_pixels, cropped, fit_image

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


def read_image(path, image_shape, part=None):
    """Reads an image file upright, then crops and resizes it with `fit_image`.

    Args:
        path: str or path of the file.
        image_shape: tuple `(height, width, 1 | 3)`. The target.
        part: int or None. 0 reads the left half of the picture, 1 the right half. Defaults to None, which reads all of
            it.

    Returns:
        uint8 array of `image_shape`.

    Raises:
        DataError: If there is no such file, or it cannot be read as an image.
        InputError: If an argument is not of this form.

    Example:

    ```python
    from zoo.images import read_image

    pixels = read_image("photo.jpg", (64, 64, 3))  # uint8, (64, 64, 3)
    ```
    """
    return read_sized_image(path, image_shape, part)[0]


def read_sized_image(path, image_shape, part=None):
    """Reads an image file like `read_image`, and says how large it is.

    Args:
        path, image_shape, part: as for `read_image`.

    Returns:
        uint8 array of `image_shape`, and the tuple `(width, height)` of the file's image or half before the resize.

    Raises:
        DataError, InputError: As for `read_image`.
    """
    path, image_shape = expanded(path), check_image_shape(image_shape)
    if part is not None and check_count(part, "part", least=0) > 1:
        raise InputError(f"part is {part}, expected 0, 1 or None.")
    with _opened(path) as image:
        image = _upright(image)
        if part is not None:
            half = image.width // 2
            image = cropped(image, (part * half, 0, (part + 1) * half, image.height))
        return fit_image(image, image_shape), image.size


def picture_sides(path):
    """Reads the width and height of an image file as it stands upright, without decoding it.

    Args:
        path: str or path of the file.

    Returns:
        Tuple `(width, height)`.

    Raises:
        DataError: If there is no such file, or it cannot be read as an image.
    """
    with _opened(expanded(path)) as image:
        return image.size[::-1] if _turn_of(image) in _TO_THE_SIDE else image.size


def read_picture(path):
    """Reads an image file upright and without resizing.

    Args:
        path: str or path of the file.

    Returns:
        uint8 array of shape `(h, w, c)`: grey or RGB, with an alpha channel if some pixel is transparent.

    Raises:
        DataError: If there is no such file, or it cannot be read as an image.
    """
    with _opened(expanded(path)) as image:
        return as_pixels(_upright(image))


def _turn_of(image):
    """Returns the transposition that turns a picture upright, or None if it is upright."""
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
    """Returns the largest number of pixels of a picture that is decoded."""
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
