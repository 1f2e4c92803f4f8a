"""Reads a folder of image files into an `ImageSet`."""

import mimetypes
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.data.image_set import ImageSet, empty_images
from zoo.errors import DataError, InputError, first_of
from zoo.files import expanded
from zoo.images import read_image
from zoo.progress import bar

#: Suffixes of the image files that are read, in lower case.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


class Files(NamedTuple):
    """Image files, the shape to fit their images to, and the half of each picture to read (None reads all of it)."""

    paths: list[Path]
    image_shape: tuple[int, int, int]
    part: int | None = None


def find_folder(source):
    """Returns the folder that a text or path means, or None if it is the name of a TFDS data set.

    Raises:
        DataError: If that folder is missing, or is a file.
    """
    path, text = expanded(source), os.fspath(source)
    # TFDS names contain none of these, although they may contain a slash, a colon and the dots of a version.
    explicit = isinstance(source, os.PathLike) or text.startswith((".", "/", "~")) or text.endswith("/") or " " in text
    # pathlib's methods raise an error on a text that is too long for a path; these functions do not.
    if text and os.path.isdir(path):
        # A TFDS name is also a folder if the working directory is the folder of TFDS.
        return path if explicit or not any(path.glob("*/dataset_info.json")) else None
    if os.path.isfile(path):
        raise DataError(f"{text!r} is a file, expected an image folder or the name of a TFDS data set.")
    if explicit or not text:
        raise DataError(f"There is no image folder {text!r}.")
    return None


def check_channels(*shapes):
    """Raises `InputError` for channels that image files do not have."""
    for shape in shapes:
        if shape[-1] not in (1, 3):
            raise InputError(f"image_shape is {tuple(shape)}, expected 1 or 3 channels to read image files.")


def read_folder(folder, image_shape):
    """Reads the images of a flat folder, or of its subfolders as classes in alphabetical order.

    Raises:
        DataError: If there are no images, or none of them can be read.
    """
    files, labels, class_names = image_files(folder), None, None
    in_subfolders = {path.name: image_files(path) for path in subfolders(folder)}
    classes = {name: paths for name, paths in in_subfolders.items() if paths}
    if files:
        left_out = {"images beside them are no class of their own": list(classes)}
    else:
        below = [path for name in classes for path in subfolders(folder / name) if image_files(path)]
        left_out = {
            "no images in there make a class": in_subfolders.keys() - classes.keys(),
            "images of a class lie directly in its folder": [str(path.relative_to(folder)) for path in below],
        }
        class_names = tuple(classes)
        files = [path for paths in classes.values() for path in paths]
        labels = np.repeat(np.arange(len(classes), dtype="int32"), [len(paths) for paths in classes.values()])
    if not files:
        raise DataError(
            f"The folder {str(folder)!r} holds no images ({', '.join(IMAGE_SUFFIXES)}), neither directly nor "
            "in subfolders."
        )
    for why, names in left_out.items():
        if names:
            warnings.warn(f"Left out {first_of(sorted(names))} in {str(folder)!r}: {why}.", stacklevel=4)
    images, kept = read_files(folder, Files(files, image_shape))
    return ImageSet(images, None if labels is None else labels[kept], class_names)


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


def subfolders(folder):
    """Returns the paths of the subfolders in alphabetical order, without hidden ones."""
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]


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
