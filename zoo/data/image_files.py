"""Image files: their formats, those that a folder holds, and their images read into arrays."""

import mimetypes
import warnings
from pathlib import Path
from typing import NamedTuple

from zoo.data.image_set import empty_images
from zoo.errors import DataError, first_of
from zoo.images import read_image
from zoo.progress import bar

#: Suffixes of the image files that are read, in lower case.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


class Files(NamedTuple):
    """Image files, the shape to fit their images to, and the half of each picture to read (None reads all of it)."""

    paths: list[Path]
    image_shape: tuple[int, int, int]
    part: int | None = None


def image_files(folder):
    """Returns the paths of the image files in alphabetical order; a warning names images of other formats."""
    files = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    rest = (path.name for path in files if path.suffix.lower() not in IMAGE_SUFFIXES)
    others = [name for name in rest if (mimetypes.guess_type(name)[0] or "").startswith("image/")]
    if others:
        warnings.warn(
            f"Left out {len(others)} pictures in {str(folder)!r} of formats that are not read: {first_of(others)}; "
            f"expected {', '.join(IMAGE_SUFFIXES)}.",
            stacklevel=5,
        )
    return images


def read_files(folder, *sides):
    """Reads the files of all `sides`; the i-th files of all sides belong together.

    A warning names the files that cannot be read; they and what belongs to them are left out.

    Returns:
        One array of images per side, and the list of the indices that were read.

    Raises:
        DataError: If none of the files can be read.
    """
    number = len(sides[0].paths)
    arrays = [empty_images(number, side.image_shape) for side in sides]
    kept, errors = [], {}
    for index in bar(range(number), "reading images", unit=""):
        try:
            for array, (paths, image_shape, part) in zip(arrays, sides, strict=True):
                path = paths[index]
                array[len(kept)] = read_image(path, image_shape, part=part)
            kept.append(index)
        except DataError as error:
            errors[str(path.relative_to(folder))] = error
    if errors:
        first_error = f"the first: {next(iter(errors.values()))}"
        warnings.warn(
            f"Skipped {len(errors)} of {number} files in {str(folder)!r} that cannot be read as images: "
            f"{first_of(list(errors))}; {first_error}",
            stacklevel=5,
        )
        if not kept:
            raise DataError(f"None of the {number} files in {str(folder)!r} can be read as an image; {first_error}")
    return *(array[: len(kept)] for array in arrays), kept
