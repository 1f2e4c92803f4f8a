"""Image files: those that a folder, a list or a glob pattern names, and their images read into arrays."""

import glob
import mimetypes
import os
import warnings
from pathlib import Path
from typing import NamedTuple

from zoo.data.image_set import empty_images
from zoo.errors import DataError, first_of
from zoo.files import expanded
from zoo.images import read_sized_image
from zoo.progress import bar

#: Suffixes of the image files that are read, in lower case.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


class Files(NamedTuple):
    """Image files, the shape to fit their images to, and the half of each picture to read (None reads all of it)."""

    paths: list[Path]
    image_shape: tuple[int, int, int]
    part: int | None = None


def is_path(source):
    """Returns whether a source is a text or a path."""
    return isinstance(source, (str, os.PathLike))


def is_pattern(source):
    """Returns whether a source is a glob pattern: a text or path with wildcards that is no file or folder itself."""
    if not is_path(source):
        return False
    path = expanded(source)
    return any(sign in str(path) for sign in "*?[") and not os.path.exists(path)


def names_files(source):
    """Returns whether a source is a list of paths or a glob pattern."""
    is_list = isinstance(source, (list, tuple)) and len(source) > 0 and all(map(is_path, source))
    return is_list or is_pattern(source)


def listed_files(source):
    """Returns the paths of the image files that a list or a glob pattern names.

    Args:
        source: what `names_files` accepts. A list keeps its order, and a pattern in it stands for its files. The files
            of a pattern are sorted, and those that are no images are left out.

    Raises:
        DataError: If a file of a list is missing, or a pattern matches no images.
    """
    if is_pattern(source):
        return _matching_files(source)
    files = []
    for each in source:
        files += _matching_files(each) if is_pattern(each) else [expanded(each)]
    # pathlib's `is_file` raises an error on a text that is too long for a path.
    missing = [str(file) for file in files if not os.path.isfile(file)]
    if missing:
        raise DataError(f"{len(missing)} of the {len(files)} image files in the list are missing: {first_of(missing)}.")
    return files


def _matching_files(pattern):
    try:
        found = sorted(map(Path, glob.iglob(str(expanded(pattern)), recursive=True)))
    # Half of a surrogate pair is no part of a file's name.
    except UnicodeEncodeError:
        found = []
    images = _images_among([path for path in found if os.path.isfile(path)], f"of the pattern {str(pattern)!r}")
    if not images:
        raise DataError(f"The pattern {str(pattern)!r} matches no images ({', '.join(IMAGE_SUFFIXES)}).")
    return images


def image_files(folder):
    """Returns the paths of the image files in alphabetical order; a warning names images of other formats."""
    files = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    return _images_among(files, f"in {str(folder)!r}")


def _images_among(files, where):
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    rest = (path.name for path in files if path.suffix.lower() not in IMAGE_SUFFIXES)
    others = [name for name in rest if (mimetypes.guess_type(name)[0] or "").startswith("image/")]
    if others:
        warnings.warn(
            f"Left out {len(others)} pictures {where} of formats that are not read: {first_of(others)}; "
            f"expected {', '.join(IMAGE_SUFFIXES)}.",
            stacklevel=5,
        )
    return images


def name_in(folder, path):
    """Returns the name of a file for a message: relative to a folder, or whole if the folder is None."""
    return str(path if folder is None else path.relative_to(folder))


def read_files(folder, *sides):
    """Reads the files of all `sides`; the i-th files of all sides belong together.

    A warning names the files that cannot be read; they and what belongs to them are left out. Another warning names
    those that are smaller than the images to fit them to.

    Args:
        folder: `pathlib.Path` of the folder that all files are in, or None for files of a list or a pattern.
        *sides: `Files`.

    Returns:
        One array of images per side, and the list of the indices that were read.

    Raises:
        DataError: If none of the files can be read.
    """
    number = len(sides[0].paths)
    place = "" if folder is None else f" in {str(folder)!r}"
    arrays = [empty_images(number, side.image_shape) for side in sides]
    kept, errors, small = [], {}, []
    for index in bar(range(number), "reading images", unit=""):
        try:
            for array, (paths, image_shape, part) in zip(arrays, sides, strict=True):
                path = paths[index]
                array[len(kept)], (width, height) = read_sized_image(path, image_shape, part=part)
                if height < image_shape[0] or width < image_shape[1]:
                    small.append(f"{name_in(folder, path)} ({width}x{height})")
            kept.append(index)
        except DataError as error:
            errors[name_in(folder, path)] = error
    if errors:
        first_error = f"the first: {next(iter(errors.values()))}"
        warnings.warn(
            f"Skipped {len(errors)} of {number} files{place} that cannot be read as images: "
            f"{first_of(list(errors))}; {first_error}",
            stacklevel=5,
        )
        if not kept:
            raise DataError(f"None of the {number} files{place} can be read as an image; {first_error}")
    if small:
        sizes = " and ".join(dict.fromkeys(f"{width}x{height}" for _, (height, width, _), _ in sides))
        warnings.warn(
            f"{len(small)} of {number * len(sides)} images{place} are smaller than {sizes} pixels and were enlarged, "
            f"so that a model learns to draw them blurred: {first_of(small)}.",
            stacklevel=5,
        )
    return *(array[: len(kept)] for array in arrays), kept
